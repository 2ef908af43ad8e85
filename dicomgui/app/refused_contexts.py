"""Which presentation contexts our listener refused, read from the records of the association's negotiation."""

from __future__ import annotations

from typing import NamedTuple

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import AssociateAC, AssociateRQ, PduType, decode, describe_presentation_result
from dicomgui.network.tracing import CloseRecord, Direction, PduRecord, Record

__all__ = ["RefusedContext", "RefusedContexts"]


class RefusedContext(NamedTuple):
    """One presentation context that was not accepted.

    :ivar sop_class_uid: the abstract syntax; text of the peer.
    :ivar reason: why, in a few words (PS3.8 9.3.3.2).
    """

    sop_class_uid: str
    transfer_syntax_uids: tuple[str, ...]
    reason: str


class RefusedContexts:
    """Looks at records; what it keeps of an association is forgotten when it is asked for, or the connection ends."""

    def __init__(self) -> None:
        self._requests: dict[int, PduRecord] = {}
        self._refused: dict[int, tuple[RefusedContext, ...]] = {}

    def take(self, record: Record) -> None:
        """Take a record; anything but an A-ASSOCIATE or the end of a connection is let go by at once."""
        if type(record) is PduRecord:
            if record.pdu_type == PduType.ASSOCIATE_RQ and record.direction is Direction.RECEIVED:
                self._requests[record.association] = record
            elif record.pdu_type == PduType.ASSOCIATE_AC and record.direction is Direction.SENT:
                self._answer(record)
        elif type(record) is CloseRecord:
            self._requests.pop(record.association, None)
            self._refused.pop(record.association, None)

    def pop(self, association: int) -> tuple[RefusedContext, ...]:
        """What was refused of an association; the next call gives nothing."""
        return self._refused.pop(association, ())

    def _answer(self, record: PduRecord) -> None:
        asked = self._requests.pop(record.association, None)
        answer = _decoded(record)
        if asked is None or not isinstance(answer, AssociateAC):
            return
        results = {context.context_id: context.result for context in answer.presentation_contexts if context.result}
        request = _decoded(asked) if results else None
        if isinstance(request, AssociateRQ):
            self._refused[record.association] = tuple(
                RefusedContext(
                    context.abstract_syntax,
                    context.transfer_syntaxes,
                    describe_presentation_result(results[context.context_id]),
                )
                for context in request.presentation_contexts
                if context.context_id in results
            )


def _decoded(record: PduRecord) -> object:
    try:
        return decode(b"".join(segment.data for segment in record.segments))
    except RemoteProtocolError:
        return None
