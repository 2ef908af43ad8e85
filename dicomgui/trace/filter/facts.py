"""What filters ask of an association: its summary, and what became of its presentation contexts."""

from __future__ import annotations

from typing import NamedTuple

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import AssociateAC, AssociateRQ, PduType, decode
from dicomgui.network.tracing import PduRecord, Role
from dicomgui.trace.store import TraceStore
from dicomgui.trace.summary import AssociationSummary

__all__ = ["AssociationFacts", "ContextFact", "context_facts"]

_LOOKED_AT = 64
"""Rows from the beginning of an association among which request and answer are looked for."""


class ContextFact(NamedTuple):
    """A proposed presentation context; ``result`` is -1 while there is no answer."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    result: int
    accepted_syntax: str


class AssociationFacts:
    """An association as it stood when it was asked for.

    :ivar summary: its counts and names.
    """

    __slots__ = ("_contexts", "_store", "summary")

    def __init__(self, store: TraceStore, summary: AssociationSummary) -> None:
        self._store = store
        self.summary = summary
        self._contexts: tuple[ContextFact, ...] | None = None

    @property
    def peer_ae(self) -> str:
        """The AE title of the other side."""
        return self.summary.calling_ae if self.summary.role is Role.ACCEPTOR else self.summary.called_ae

    def contexts(self) -> tuple[ContextFact, ...]:
        """What was proposed and what became of it."""
        if self._contexts is None:
            self._contexts = context_facts(self._store, self.summary.association)
        return self._contexts


def context_facts(store: TraceStore, association: int) -> tuple[ContextFact, ...]:
    """The presentation contexts of an association, from its A-ASSOCIATE-RQ and -AC where they were kept."""
    request: AssociateRQ | None = None
    answers: dict[int, tuple[int, str]] = {}
    for entry in store.of_association(association, 0, _LOOKED_AT):
        record = entry.record
        if not isinstance(record, PduRecord) or record.pdu_type not in (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC):
            continue
        try:
            pdu = decode(b"".join(segment.data for segment in record.segments))
        except RemoteProtocolError:
            continue
        if isinstance(pdu, AssociateRQ) and request is None:
            request = pdu
        elif isinstance(pdu, AssociateAC):
            answers = {
                context.context_id: (context.result, context.transfer_syntax if context.result == 0 else "")
                for context in pdu.presentation_contexts
            }
            break
    if request is None:
        return ()
    return tuple(
        ContextFact(
            context.context_id,
            context.abstract_syntax,
            tuple(context.transfer_syntaxes),
            *answers.get(context.context_id, (-1, "")),
        )
        for context in request.presentation_contexts
    )
