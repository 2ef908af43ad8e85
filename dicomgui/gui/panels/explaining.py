"""What panels do about findings: the actions that they share, and the way from evidence to the trace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from PySide6.QtGui import QGuiApplication

from dicomgui.app.configuration.setup_card import local_address, setup_text
from dicomgui.app.connection import ConnectionOptions, RoleWish
from dicomgui.app.echo import EchoResult, echo
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.widgets.cards import FindingList, Offers
from dicomgui.gui.widgets.confirm import confirm
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.errors import AssociationAborted, AssociationRejected
from dicomgui.network.transport import TlsConfig
from dicomgui.trace.finding import Action, ActionKind

__all__ = ["Change", "PeerActions", "explain_in", "minimal", "with_tls", "without_tls"]

Change = Callable[[ConnectionOptions], ConnectionOptions]
"""What is other about the next attempt."""

FIRST_PAUSE_S = 5.0
MAX_PAUSE_S = 120.0
USUAL_PORTS = (104, 11112, 4242, 2762)
"""The registered ports, that of many test systems, that of Orthanc, that of DICOM over TLS."""

PORT_S = 3.0
_ANY_HOST = ("", str(IPv4Address(0)), str(IPv6Address(0)))


def explain_in(panel: Panel, findings: FindingList, offers: Offers) -> None:
    """Have the findings of a panel show what it can do about them, and their evidence."""
    findings.offers = offers
    findings.shows_bytes = True
    findings.bytes_wanted.connect(panel.evidence_wanted)


def with_tls(options: ConnectionOptions) -> ConnectionOptions:
    """The same over TLS, by the usual profile where none is set."""
    return options if options.tls is not None else replace(options, tls=TlsConfig())


def without_tls(options: ConnectionOptions) -> ConnectionOptions:
    """The same without TLS."""
    return replace(options, tls=None)


def minimal(options: ConnectionOptions) -> ConnectionOptions:
    """The same with nothing in the request that is not needed (PS3.7 annex D.3.3)."""
    return replace(
        options, identity=None, secret=None, require_identity=False, async_ops=(1, 1), extended=QueryFlags(),
        role=RoleWish.USUAL,
    )  # fmt: skip


class PeerActions:
    """What can be done about a failure with the peer that was chosen.

    :param panel: whose findings they are.
    :param run: starts the same again, and looks at :attr:`options` while it is called.
    :param association: the association that failed, as the trace numbers it; 0 where there was none.
    :param say: shows a line of text.
    """

    def __init__(
        self,
        panel: Panel,
        run: Callable[[], object],
        association: Callable[[], int],
        say: Callable[[str], object],
    ) -> None:
        self._panel = panel
        self._say = say
        self._run = run
        self._association = association
        self._change: Change | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._pause_s = FIRST_PAUSE_S

    @property
    def options(self) -> ConnectionOptions:
        """How to connect to the peer that was chosen, with what is other about this attempt.

        :raises ConfigurationError: our own AE title is unusable.
        """
        usual = self._panel.place.choice.options()
        return usual if self._change is None else self._change(usual)

    @property
    def offers(self) -> dict[ActionKind, Callable[[Action], object]]:
        """Each action, and what does it."""
        return {
            ActionKind.RETRY: lambda _action: self._again(None),
            ActionKind.RETRY_LATER: lambda _action: self._later(),
            ActionKind.RETRY_TLS: lambda _action: self._again(with_tls),
            ActionKind.RETRY_PLAIN: lambda _action: self._again(without_tls),
            ActionKind.RETRY_MINIMAL: lambda _action: self._again(minimal),
            ActionKind.TRY_AE: self._try_called,
            ActionKind.TRY_CALLING_AE: self._try_calling,
            ActionKind.TRY_PORTS: lambda _action: self._spawn(self._try_ports(), "try ports"),
            ActionKind.TEST_LISTENER: lambda _action: self._test_listener(),
            ActionKind.EDIT_NODE: lambda _action: self._panel.node_wanted.emit(""),
            ActionKind.TRUST_CERTIFICATE: lambda _action: self._panel.node_wanted.emit("tls"),
            ActionKind.CHOOSE_CERTIFICATE: lambda _action: self._panel.node_wanted.emit("tls"),
            ActionKind.COPY_SETUP: lambda _action: self.copy_setup(),
            ActionKind.START_LISTENER: lambda _action: self._panel.panel_wanted.emit("listener"),
        }

    @property
    def is_waiting(self) -> bool:
        """Whether the next attempt is being waited for."""
        return self._waiting is not None and not self._waiting.done()

    def cancel(self) -> None:
        """Do not try again."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._pause_s = FIRST_PAUSE_S

    def copy_setup(self) -> None:
        """Put the request for the peer's administrator into the clipboard."""
        place = self._panel.place
        listener, choice = place.config.settings.listener, place.choice
        text = setup_text(
            f"{choice.called_ae}@{choice.host}:{choice.port}", choice.calling_ae or str(listener.ae_title),
            address=local_address(place.context.trace, self._association()), port=listener.port,
            tls=listener.use_tls,
        )  # fmt: skip
        QGuiApplication.clipboard().setText(text)
        self._say("The request is in the clipboard, to be sent to the administrator.")

    def _again(self, change: Change | None) -> None:
        self.cancel()
        self._change = change
        try:
            self._run()
        finally:
            self._change = None

    def _try_called(self, action: Action) -> None:
        self._panel.place.choice.set(called_ae=action.value)
        self._again(None)

    def _try_calling(self, action: Action) -> None:
        self._panel.place.choice.set(calling_ae=action.value)
        self._again(None)

    def _later(self) -> None:
        if not self.is_waiting:
            self._spawn(self._wait(), "try again later")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.cancel()
        self._waiting = self._panel.tasks.spawn(work, name=name)

    async def _wait(self) -> None:
        """Each pause is twice as long as the one before."""
        pause, self._pause_s = self._pause_s, min(MAX_PAUSE_S, self._pause_s * 2)
        self._say(f"Trying again in {pause:.0f} seconds; Cancel stops it.")
        await asyncio.sleep(pause)
        self._run()

    def _test_listener(self) -> None:
        """Echo our own listener by the address that peers use."""
        place = self._panel.place
        listener = place.config.settings.listener
        seen = local_address(place.context.trace, self._association())
        host = listener.host if listener.host not in _ANY_HOST else seen or "127.0.0.1"
        place.choice.choose(None)
        place.choice.set(called_ae=str(listener.ae_title), host=host, port=str(listener.port))
        self._panel.test_wanted.emit()

    async def _try_ports(self) -> None:
        """Echo the usual ports, one after the other; the first that answers is taken."""
        choice = self._panel.place.choice
        ports = [port for port in USUAL_PORTS if str(port) != choice.port.strip()]
        named = ", ".join(map(str, ports))
        question = f"Try the ports {named} of {choice.host}? Each gets one connection and one C-ECHO."
        if not await confirm(self._panel, f"{self._panel.key}_try_ports", question, "Try them"):
            return
        usual = choice.options()
        options = replace(usual, timeouts=replace(usual.timeouts, connect_s=PORT_S, associate_s=PORT_S))
        for port in ports:
            self._say(f"Trying port {port} …")
            peer = replace(choice.peer(), port=port)
            result = await echo(self._panel.place.context, peer, options)
            if _speaks_dicom(result):
                choice.set(port=str(port))
                self._run()
                return
        self._say(f"None of the ports {named} of {choice.host} answers in DICOM.")


def _speaks_dicom(result: EchoResult) -> bool:
    """Whether an answer came that only a DICOM peer gives, be it a refusal."""
    return result.ok or isinstance(result.error, AssociationRejected | AssociationAborted)
