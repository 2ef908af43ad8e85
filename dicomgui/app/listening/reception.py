"""Our listener for a C-MOVE to us: started if need be, or its absence explained."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dicomgui.app.explaining import explain_failure
from dicomgui.app.listening.listener import Listener, ListenerEvent, ReceivedInstance, StoreFailed
from dicomgui.app.transfers.retrieve_results import Arrived
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError, ListenError
from dicomgui.storage import StorageError
from dicomgui.trace.finding import Finding

__all__ = ["Reception", "arrived_of", "host_for", "is_loopback", "reception", "refused_uid_of"]


@dataclass(frozen=True, slots=True)
class Reception:
    """How we stand as the destination of a C-MOVE.

    :ivar is_ours: the destination is our listener's AE title: what is moved comes here.
    :ivar is_ready: the listener runs.
    :ivar address: ``host:port`` where it listens.
    :ivar notes: what the user should know, one sentence each.
    :ivar error: why it does not run though it was to be started.
    :ivar findings: the same for people.
    """

    is_ours: bool
    is_ready: bool = False
    address: str = ""
    notes: tuple[str, ...] = ()
    error: ListenError | StorageError | ConfigurationError | None = None
    findings: tuple[Finding, ...] = ()


@asynccontextmanager
async def reception(
    listener: Listener | None, peer: PeerAddress, destination: str, *, start: bool = True
) -> AsyncIterator[Reception]:
    """Have the listener run while a C-MOVE to ``destination`` is under way, and say how that stands.

    A listener that does not run is started, and stopped at the end; one that runs is left as it is. Nothing is started
    for a destination that is not the listener's AE title.

    :param start: whether a listener of ours may be started.
    """
    if listener is None:
        yield Reception(is_ours=False)
        return
    ours = listener.options.ae_title
    if destination.strip() != ours:
        yield Reception(is_ours=False, notes=(f"The objects go to {destination.strip()}, not to us ({ours}).",))
        return
    was_running = listener.is_running
    if not was_running:
        if not start:
            text = f"Our listener ({ours}) does not run: what is sent to it cannot arrive."
            yield Reception(is_ours=True, notes=(text,))
            return
        try:
            await listener.start()
        except (ListenError, StorageError, ConfigurationError) as error:
            findings = (explain_failure(error),)
            text = f"Our listener cannot start: {error}"
            yield Reception(is_ours=True, error=error, findings=findings, notes=(text,))
            return
    try:
        yield Reception(True, True, listener.address, _doubts(listener, peer))
    finally:
        if not was_running:
            await listener.stop()


def _doubts(listener: Listener, peer: PeerAddress) -> tuple[str, ...]:
    if is_loopback(listener.options.host) and not is_loopback(peer.host):
        return ("Our listener accepts connections from this computer only: the peer cannot reach it.",)
    return ()


def is_loopback(host: str) -> bool:
    """Whether the host is this computer's loopback; of names only ``localhost`` is known."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def host_for(peer: PeerAddress) -> str:
    """Where to listen for what a peer sends: on the loopback if it is there, else on every network."""
    is_v6 = ":" in peer.host
    if is_loopback(peer.host):
        return "::1" if is_v6 else "127.0.0.1"
    return str(ipaddress.IPv6Address(0) if is_v6 else ipaddress.IPv4Address(0))


def arrived_of(event: ListenerEvent) -> Arrived | None:
    """What a listener's event says has arrived, if it does."""
    if not isinstance(event, ReceivedInstance):
        return None
    return Arrived(
        event.sop_class_uid, event.sop_instance_uid, event.transfer_syntax_uid, event.path, event.size_bytes,
        event.outcome.value, event.problem, event.anomalies,
    )  # fmt: skip


def refused_uid_of(event: ListenerEvent) -> str:
    """The instance that a listener's event says it could not keep, or an empty string."""
    return event.sop_instance_uid if isinstance(event, StoreFailed) else ""
