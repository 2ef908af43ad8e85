"""From what the state machine tells to trace records: the observer that an association carries when someone listens."""

from __future__ import annotations

import time
from typing import Final

from dicomgui.network.association.states import Action, Event, State
from dicomgui.network.dimse.fragment import Chunk
from dicomgui.network.pdu import PduType
from dicomgui.network.pdu.capture import KEEP_LIMIT
from dicomgui.network.pdu.data import PDATA_HEAD
from dicomgui.network.pdu.masking import mask_user_identity
from dicomgui.network.tracing import SNAP_LENGTH, Direction, PduRecord, Scribe, Segment, hand_on

__all__ = ["TraceObserver"]

_P_DATA: Final = PduType.P_DATA_TF
_new: Final = tuple.__new__


_WITH_IDENTITY = frozenset({int(PduType.ASSOCIATE_RQ), int(PduType.ASSOCIATE_AC)})


class TraceObserver:
    """Writes what an :class:`~dicomgui.network.association.machine.UpperLayer` reports to a scribe.

    Passcodes and tickets of user identity negotiation are masked here, before anything can keep them.
    """

    __slots__ = ("_scribe",)

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe

    def transition(self, before: State, event: Event, action: Action, after: State) -> None:
        """The machine changed its state (table 9-10)."""
        self._scribe.state(before, event, action.name.replace("_", "-"), after)

    def received(self, pdu_type: int, length: int, segments: tuple[Segment, ...], error: str) -> None:
        """A PDU came, whole, broken off or refused."""
        if pdu_type in _WITH_IDENTITY:
            segments = _masked(segments)
        self._scribe.pdu(Direction.RECEIVED, pdu_type, length, segments, error)

    def sent(self, pdu_type: int, length: int, segments: tuple[Segment, ...]) -> None:
        """A PDU went."""
        if pdu_type in _WITH_IDENTITY:
            segments = _masked(segments)
        self._scribe.pdu(Direction.SENT, pdu_type, length, segments)

    def sent_chunk(self, chunk: Chunk, *, snap: bool) -> None:
        """P-DATA-TF PDUs went.

        :param snap: they carry a C-STORE-RQ, of whose data set no more than the beginning of each fragment is kept.
        """
        scribe = self._scribe
        tracer, association = scribe.tracer, scribe.association
        if tracer is None:
            return
        # Thousands a second: no frame of Python for each, and one moment for all that was written at once.
        mono, utc = time.monotonic(), time.time()
        data, border, full, end = memoryview(chunk.data), chunk.data_offset, chunk.full_length, len(chunk.data)
        most = PDATA_HEAD.size + SNAP_LENGTH if snap else KEEP_LIMIT
        records: list[PduRecord] = []
        for begin, behind, keep in ((0, border, KEEP_LIMIT), (border, end, most)):
            for offset in range(begin, behind, full):
                length = full if offset + full <= behind else behind - offset
                kept = bytes(data[offset : offset + (length if length < keep else keep)])
                segments = (_new(Segment, (0, kept)),)
                records.append(
                    _new(PduRecord, (association, mono, utc, Direction.SENT, _P_DATA, length, segments, ""))
                )
        hand_on(tracer, records)

    def stray(self, length: int, data: bytes, error: str) -> None:
        """Bytes came that belong to no PDU."""
        self._scribe.stray_bytes(Direction.RECEIVED, length, data, error)


def _masked(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    return tuple(Segment(at, mask_user_identity(data) if at == 0 else data) for at, data in segments)
