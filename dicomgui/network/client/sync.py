"""The blocking twin of the client: the same names, for code without an event loop.

::

    with SyncClient.connect("PACS1@127.0.0.1:104", calling_ae="ME") as assoc:
        response = assoc.echo()

The associations of a process live on one event loop in a thread of its own, which is there as long as one of them is.
Calls block the calling thread only; they work in a notebook and inside a running loop (which stands still meanwhile).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from dicomgui.network.association.contexts import Negotiated, ProposedContext
from dicomgui.network.association.params import Limits, PeerAddress, Timeouts
from dicomgui.network.client import presets
from dicomgui.network.client.association import Association, Timings, connect
from dicomgui.network.dimse.commands import Priority
from dicomgui.network.portal import Portal, shared_portal
from dicomgui.network.service import InstanceFile, Response
from dicomgui.network.tracing import Tracer
from dicomgui.network.transport import TlsConfig

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["SyncAssociation", "SyncClient"]

_T = TypeVar("_T")


class SyncAssociation:
    """An association that we requested, for callers that block; made by :meth:`SyncClient.connect`.

    Safe for several threads at once: requests are sent one after the other. Ctrl-C in a call ends what it was doing
    as a cancel does (a request under way ends the association by A-ABORT) and is raised when that has ended. Errors
    are those of :class:`Association`.

    Leave it by ``with``, :meth:`release` or :meth:`abort`, or it stands until the interpreter ends, which aborts it.
    """

    def __init__(self, association: Association, portal: Portal, held: ExitStack) -> None:
        self._association = association
        self._portal = portal
        self._held = held
        self._lock = threading.Lock()
        self._has_ended = False

    # facts

    @property
    def peer(self) -> PeerAddress:
        """The address that we called."""
        return self._association.peer

    @property
    def number(self) -> int:
        """The association's number in the trace."""
        return self._association.number

    @property
    def negotiated(self) -> Negotiated:
        """What both sides agreed on."""
        return self._association.negotiated

    @property
    def timings(self) -> Timings:
        """How long the steps to the association took."""
        return self._association.timings

    @property
    def is_connected(self) -> bool:
        """Whether the association stands."""
        return self._association.is_connected

    # verbs

    def echo(self) -> Response:
        """Verify the association by C-ECHO; see :meth:`Association.echo`."""
        return _on_shared(self._association.echo)

    def store(
        self,
        instance: str | os.PathLike[str] | InstanceFile | Dataset,
        *,
        priority: int = Priority.MEDIUM,
        move_originator_ae_title: str = "",
        move_originator_message_id: int | None = None,
        following: InstanceFile | None = None,
    ) -> Response:
        """Send one composite instance by C-STORE; see :meth:`Association.store`."""
        return _on_shared(
            partial(
                self._association.store,
                instance,
                priority=priority,
                move_originator_ae_title=move_originator_ae_title,
                move_originator_message_id=move_originator_message_id,
                following=following,
            )
        )

    # the end

    def release(self) -> None:
        """End the association in order (A-RELEASE) and close the connection. Does nothing when it has ended.

        :raises OperationTimeout: no answer within the release time-out; the association was aborted instead.
        :raises AssociationError: the association broke before the answer.
        """
        self._end(self._association.release)

    def abort(self) -> None:
        """End the association at once (A-ABORT, source 0) and close the connection."""
        self._end(self._association.abort)

    def __enter__(self) -> SyncAssociation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end(partial(self._association.__aexit__, kind, error, traceback))

    def _end(self, ending: Callable[[], Awaitable[None]]) -> None:
        """Run what ends the association; whatever comes of it, the connection is closed and the portal let go of.

        The portal is held meanwhile, so that an end in another thread does not take it away.
        """
        self._portal.refuse_own_thread()
        with ExitStack() as meanwhile:
            with self._lock:
                if self._has_ended:
                    return
                meanwhile.enter_context(shared_portal())
            try:
                self._portal.run(ending)
            finally:
                self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            self._has_ended = True
            held = self._held.pop_all()
        held.close()


class SyncClient:
    """Opens associations for callers that block."""

    @staticmethod
    def connect(
        peer: PeerAddress | str,
        *,
        calling_ae: str = "DICOMGUI",
        contexts: Sequence[ProposedContext] = presets.DEFAULT,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        tracer: Tracer | None = None,
        trace_full: bool = False,
        local_host: str | None = None,
        tls: TlsConfig | None = None,
    ) -> SyncAssociation:
        """Open an association with ``peer``; parameters and errors are those of :func:`~dicomgui.network.connect`.

        Use it as ``with SyncClient.connect(…) as assoc:``, which leaves the association as ``async with`` does, or call
        ``release()`` or ``abort()``. ``tracer`` is called in the thread of the loop.

        Ctrl-C meanwhile aborts what there is of the association, and is raised when that is closed.

        :raises OSError: the system has no more handles for an event loop.
        """
        opening = connect(
            peer,
            calling_ae=calling_ae,
            contexts=contexts,
            timeouts=timeouts,
            limits=limits,
            tracer=tracer,
            trace_full=trace_full,
            local_host=local_host,
            tls=tls,
        )
        return _open(opening)


def _open(opening: Awaitable[Association]) -> SyncAssociation:
    opened: list[Association] = []

    async def open_and_keep() -> None:
        association = await opening
        portal.adopt(association.abort)
        opened.append(association)

    with ExitStack() as held:
        portal = held.enter_context(shared_portal())
        try:
            portal.run(open_and_keep)
            association = opened[0]
            held.callback(portal.disown, association.abort)
            return SyncAssociation(association, portal, held.pop_all())
        except BaseException:
            for association in opened:  # the interrupt came when it stood already
                portal.run(association.abort)
                portal.disown(association.abort)
            raise


def _on_shared(function: Callable[[], Awaitable[_T]]) -> _T:
    """Run a verb; once the association has ended, and the portal with it, it fails on a new one as it would there."""
    with shared_portal() as portal:
        return portal.run(function)
