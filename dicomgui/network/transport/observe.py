"""From what the state machine tells to trace records: the observer that an association carries when someone listens."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from dicomgui.network.association.states import Action, Event, State
from dicomgui.network.dimse.fragment import Chunk
from dicomgui.network.pdu import PduType
from dicomgui.network.pdu.capture import KEEP_LIMIT
from dicomgui.network.pdu.data import PDATA_HEAD
from dicomgui.network.pdu.masking import mask_user_identity
from dicomgui.network.tracing import (
    SNAP_LENGTH,
    DimseRecord,
    Direction,
    PduRecord,
    Scribe,
    Segment,
    hand_on,
    hand_on_later,
    hand_on_received,
)

__all__ = ["TellMessage", "TraceObserver"]

_P_DATA: Final = PduType.P_DATA_TF
_HEAD: Final = PDATA_HEAD.size
_ALL: Final = 1 << 60
_mono, _utc, _new = time.monotonic, time.time, tuple.__new__  # for the records of which there are most


TellMessage: TypeAlias = Callable[[tuple[int, float, float]], DimseRecord]
"""Makes the record of a message from the number of the association and both times."""

_LATER_BYTES: Final = 16_384
"""Of a message up to this size the records may be made later: until then all its bytes are kept."""

_WITH_IDENTITY = frozenset({int(PduType.ASSOCIATE_RQ), int(PduType.ASSOCIATE_AC)})


class TraceObserver:
    """Writes what an :class:`~dicomgui.network.association.machine.UpperLayer` reports to a scribe.

    Passcodes and tickets of user identity negotiation are masked here, before anything can keep them.
    """

    __slots__ = ("_left", "_scribe")

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe
        self._left = 0  # bytes still to be kept of the data set that is on its way

    def transition(self, before: State, event: Event, action: Action, after: State) -> None:
        """The machine changed its state (table 9-10)."""
        self._scribe.state(before, event, action.name.replace("_", "-"), after)

    def received(self, pdu_type: int, length: int, segments: tuple[Segment, ...], error: str, times: int = 1) -> None:
        """A PDU came, whole, broken off or refused; or so many that are alike."""
        if pdu_type in _WITH_IDENTITY:
            segments = _masked(segments)
        scribe = self._scribe
        if scribe.tracer is None:
            return
        fields = (scribe.association, _mono(), _utc(), Direction.RECEIVED, pdu_type, length, segments, error)
        record: PduRecord = _new(PduRecord, fields)
        if times == 1:
            scribe.tracer(record)
        else:
            hand_on_received(scribe.tracer, (record,) * times)

    def sent(self, pdu_type: int, length: int, segments: tuple[Segment, ...]) -> None:
        """A PDU went."""
        if pdu_type in _WITH_IDENTITY:
            segments = _masked(segments)
        self._scribe.pdu(Direction.SENT, pdu_type, length, segments)

    def sent_chunk(self, chunk: Chunk, *, snap: bool, told: TellMessage | None = None) -> None:
        """P-DATA-TF PDUs of one message went; the first chunk of each message has its command.

        :param snap: they carry a C-STORE-RQ, of whose data set no more than the beginning is kept.
        :param told: makes the record of the message where these are all its PDUs; it may be told with them.
        """
        scribe = self._scribe
        tracer = scribe.tracer
        if tracer is None:
            return
        stamp = (scribe.association, _mono(), _utc())  # one moment for all that was written at once
        if chunk.data_offset:
            self._left = SNAP_LENGTH if snap else _ALL
        is_kept = chunk.buffer is None  # else it is written to again
        if told is not None and is_kept and len(chunk.data) <= _LATER_BYTES:
            full, end = chunk.full_length, len(chunk.data)
            count = 1 - (-chunk.data_offset // full) - (chunk.data_offset - end) // full
            hand_on_later(tracer, count, partial(_records_later, chunk, self._left, stamp, told))
            return
        records, self._left = _records(chunk, self._left, stamp)
        hand_on(tracer, records, None if told is None else told(stamp))

    def stray(self, length: int, data: bytes, error: str) -> None:
        """Bytes came that belong to no PDU."""
        self._scribe.stray_bytes(Direction.RECEIVED, length, data, error)


def _records(chunk: Chunk, left: int, stamp: tuple[int, float, float]) -> tuple[list[PduRecord], int]:
    """What is told of the PDUs of a chunk, one record for all that are alike, and how much is still to be kept.

    :param left: bytes to be kept of the data set from here on.
    """
    data, border, full, _ = chunk
    end = len(data)
    if type(data) is not bytes:
        data = memoryview(data)  # of which a slice is no copy yet
    records: list[PduRecord] = []
    for offset, behind, keep in ((0, border, _ALL), (border, end, left)):
        while offset < behind:
            length = full if offset + full <= behind else behind - offset
            most = _HEAD + keep if keep < KEEP_LIMIT else KEEP_LIMIT
            # Of the headers alone all have the same, but perhaps the last one, which may be shorter, too.
            times = 1 if keep else (behind - offset - 1) // full or 1
            segments = (_new(Segment, (0, bytes(data[offset : offset + (length if length < most else most)]))),)
            record = _new(PduRecord, (*stamp, Direction.SENT, _P_DATA, length, segments, ""))
            records += (record,) * times
            offset += length * times
            keep = keep + _HEAD - length if keep + _HEAD > length else 0
        left = keep
    return records, left


def _records_later(
    chunk: Chunk, left: int, stamp: tuple[int, float, float], told: TellMessage
) -> tuple[list[PduRecord], DimseRecord]:
    return _records(chunk, left, stamp)[0], told(stamp)


def _masked(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    return tuple(Segment(at, mask_user_identity(data) if at == 0 else data) for at, data in segments)
