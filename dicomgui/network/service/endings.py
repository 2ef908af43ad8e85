"""Why an association ended, as errors for those who wait for something of it."""

from __future__ import annotations

from dicomgui.network.association.events import Aborted
from dicomgui.network.errors import AssociationAborted, ConfigurationError, DicomNetworkError, OperationTimeout
from dicomgui.network.pdu import describe_abort

__all__ = ["abort_error", "check_abort", "timeout_error"]


def abort_error(event: Aborted, peer: str) -> DicomNetworkError:
    """The error of an A-ABORT: the fault of the peer that we answered by it, or the A-ABORT itself."""
    if event.error is not None:
        event.error.peer = event.error.peer or peer
        return event.error
    who = "the peer" if event.by_peer else "our side"
    text = f"{who} aborted the association: {describe_abort(event.source, event.reason)}"
    return AssociationAborted(
        text, source=event.source, reason=event.reason, by_peer=event.by_peer, peer=peer, phase="transfer"
    )


def check_abort(source: int, reason: int) -> None:
    """Judge what an A-ABORT is to say (PS3.8 table 9-26).

    :raises ConfigurationError: one of them does not fit into its byte.
    """
    for name, value in (("source", source), ("reason", reason)):
        if not 0 <= value <= 0xFF:
            raise ConfigurationError(f"{value} is no {name} of an A-ABORT", phase="configure", hint="Give 0 to 255.")


def timeout_error(name: str, seconds: float, peer: str) -> OperationTimeout:
    """The error of a time-out of the transport; it says which one ran out."""
    return OperationTimeout(_TEXTS[name].format(seconds=seconds), peer=peer, phase=_PHASES.get(name, name))


_TEXTS = {
    "artim": "no association was requested within {seconds:g} s",
    "associate": "no answer to the association request within {seconds:g} s",
    "response": "no response within {seconds:g} s",
    "release": "no answer to the release request within {seconds:g} s",
    "send": "the peer read nothing of what we sent for {seconds:g} s",
    "idle": "nothing came for {seconds:g} s",
}
_PHASES = {"artim": "associate", "send": "response"}
