"""The DIMSE message that a PDU is part of, put together again from what the trace has of its fragments.

Nothing is taken for granted here: messages of captures that began too late, of peers that mix fragments up, and of PDUs
whose bytes were not kept are shown as far as they go, and say what is missing. Every byte knows the PDU it stood in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dicomgui.network.dimse import Command, command_set
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import DimseRecord, Direction, PduRecord, Segment
from dicomgui.trace.inspection.negotiated import AgreedContext, contexts_of
from dicomgui.trace.inspection.user_information import Place
from dicomgui.trace.store import Entry, TraceStore

__all__ = ["MAX_SHOWN", "Gap", "Message", "Pdv", "Piece", "kept_spans", "message_at", "pdvs_of"]

MAX_SHOWN = 64 * 2**20
"""Bytes of a data set that are put together; what lies beyond is counted and left out."""
MAX_COMMAND = 2**20
"""The same of a command set, which by PS3.7 is some hundred bytes long."""
MAX_PIECES = 500_000
"""Fragments of one message that are followed."""
MAX_PDVS = 10_000
"""Presentation data values of one PDU that are followed."""

_HEADER = 6  # of a PDU: type, reserved, length
_PDV_HEADER = 6  # length, context id, message control header
_COMMAND, _LAST = 0x01, 0x02  # message control header (PS3.8 E.2)
_DATASET_TYPE = 0x0800
_NO_DATASET = 0x0101
_BATCH = 256
_NEAR = 64  # rows around a message row in which its PDU is looked for


class Gap(NamedTuple):
    """Bytes that the trace does not have: the first of them, and how many."""

    offset: int
    length: int


class Pdv(NamedTuple):
    """One presentation data value of a PDU in the trace.

    :ivar control: message control header, -1 where it was not kept.
    :ivar offset: of the first byte of the fragment, from the start of the PDU.
    :ivar length: bytes of the fragment.
    """

    seq: int
    context_id: int
    control: int
    offset: int
    length: int
    segments: tuple[Segment, ...]

    @property
    def is_command(self) -> bool:
        """Whether it is a fragment of a command set."""
        return self.control >= 0 and bool(self.control & _COMMAND)

    @property
    def is_last(self) -> bool:
        """Whether the command set or data set ends with it."""
        return self.control >= 0 and bool(self.control & _LAST)


class Piece(NamedTuple):
    """A fragment in its message.

    :ivar seq: number of the PDU's row.
    :ivar pdu_offset: of its first byte in the PDU.
    :ivar position: of its first byte in the message: the command set, then the data set.
    """

    seq: int
    pdu_offset: int
    position: int
    length: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message as far as the trace has it.

    Positions count through the whole message: first the command set, behind it the data set.

    :ivar context: the presentation context of its first fragment, with the syntaxes that the trace knows of it.
    :ivar command: the command set; zeros stand for what was not kept.
    :ivar dataset: the data set, or the first :data:`MAX_SHOWN` bytes of it; zeros stand for what was not kept.
    :ivar gaps: what of ``dataset`` was not kept, in order.
    :ivar dataset_length: all bytes of the data set, also those left out.
    :ivar has_dataset: whether the command announces a data set.
    :ivar pieces: its fragments in order.
    :ivar is_complete: whether it has its beginning and its end.
    :ivar faults: what is wrong with it, for people.
    """

    association: int
    direction: Direction
    context: AgreedContext
    command: bytes
    dataset: bytes
    gaps: tuple[Gap, ...]
    dataset_length: int
    has_dataset: bool
    pieces: tuple[Piece, ...]
    is_complete: bool
    faults: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """Bytes of command set and data set together."""
        return len(self.command) + self.dataset_length

    @property
    def missing_bytes(self) -> int:
        """How many bytes of the data set are not in ``dataset``: not kept, or left out."""
        return sum(gap.length for gap in self.gaps) + self.dataset_length - len(self.dataset)

    @property
    def first_seq(self) -> int:
        """Number of the row of its first PDU."""
        return self.pieces[0].seq

    @property
    def last_seq(self) -> int:
        """Number of the row of its last PDU."""
        return self.pieces[-1].seq

    def decode(self) -> Command | None:
        """The command, ``None`` where it cannot be read."""
        try:
            return command_set.decode(self.command)
        except RemoteProtocolError:
            return None

    def segments(self) -> tuple[Segment, ...]:
        """What was kept of the whole message, by position."""
        base = len(self.command)
        segments = [Segment(base + offset, data) for offset, data in self.dataset_segments()]
        if self.command and segments and segments[0].offset == base:
            segments[0] = Segment(0, self.command + segments[0].data)
        elif self.command:
            segments.insert(0, Segment(0, self.command))
        return tuple(segments)

    def dataset_segments(self) -> tuple[Segment, ...]:
        """What was kept of the data set, counted from its first byte."""
        return kept_of(self.dataset, self.gaps)

    def place_of(self, position: int) -> Place | None:
        """Where in the trace the byte at a position stands, with the bytes of its fragment that follow it."""
        index = bisect_right(self.pieces, position, key=_position) - 1
        if index < 0 or position >= self.pieces[index].position + self.pieces[index].length:
            return None
        piece = self.pieces[index]
        within = position - piece.position
        return Place(piece.seq, piece.pdu_offset + within, piece.length - within)

    def position_of(self, seq: int, pdu_offset: int) -> int | None:
        """The position of a byte of a PDU, ``None`` where it is no byte of the message."""
        for piece in self.pieces_in(seq):
            if 0 <= pdu_offset - piece.pdu_offset < piece.length:
                return piece.position + pdu_offset - piece.pdu_offset
        return None

    def pieces_in(self, seq: int) -> tuple[Piece, ...]:
        """Its fragments in one PDU."""
        start = bisect_right(self.pieces, seq - 1, key=_seq)
        return self.pieces[start : bisect_right(self.pieces, seq, key=_seq)]


def _position(piece: Piece) -> int:
    return piece.position


def _seq(piece: Piece) -> int:
    return piece.seq


def kept_of(data: bytes, gaps: tuple[Gap, ...]) -> tuple[Segment, ...]:
    """``data`` without its gaps."""
    segments: list[Segment] = []
    position = 0
    for gap in (*gaps, Gap(len(data), 0)):
        if gap.offset > position:
            segments.append(Segment(position, data[position : gap.offset]))
        position = gap.offset + gap.length
    return tuple(segments)


# --------------------------------------------------------------------------------------------------- fragments of a PDU


def pdvs_of(entry: Entry) -> tuple[Pdv, ...]:
    """The presentation data values of a P-DATA-TF in the trace, up to where it is malformed; of anything else none."""
    record = entry.record
    if not isinstance(record, PduRecord) or record.pdu_type != PduType.P_DATA_TF:
        return ()
    if entry.lost:  # by far most PDUs have one value
        return (Pdv(entry.seq, 0, -1, _HEADER * 2, max(0, record.length - _HEADER * 2), ()),)
    found: list[Pdv] = []
    position = _HEADER
    while position + _PDV_HEADER <= record.length and len(found) < MAX_PDVS:
        head = kept_bytes(record.segments, position, _PDV_HEADER)
        if len(head) < _PDV_HEADER:
            break
        length = int.from_bytes(head[:4], "big")
        if length < 2:
            break
        fragment = min(length - 2, record.length - position - _PDV_HEADER)
        found.append(Pdv(entry.seq, head[4], head[5], position + _PDV_HEADER, fragment, record.segments))
        position += 4 + length
    return tuple(found)


def kept_bytes(segments: tuple[Segment, ...], start: int, length: int) -> bytes:
    """What was kept without a gap of ``length`` bytes from ``start`` on."""
    for offset, data in segments:
        if offset <= start < offset + len(data):
            return data[start - offset : start - offset + length]
    return b""


def kept_spans(segments: tuple[Segment, ...], start: int, length: int) -> Iterator[tuple[int, bytes]]:
    """``length`` bytes from ``start`` on as pairs: how many were not kept, and those that were and follow them."""
    position, end = start, start + length
    for offset, data in segments:
        first, stop = max(offset, position), min(offset + len(data), end)
        if stop > first:
            yield first - position, data[first - offset : stop - offset]
            position = stop
    if position < end:
        yield end - position, b""


# ------------------------------------------------------------------------------------------------------ whole messages


def message_at(store: TraceStore, seq: int, offset: int = 0) -> Message | None:
    """The message that a row belongs to: that of a P-DATA-TF, or the one that a message row tells of.

    Reads as many rows as the message has PDUs: not for the loop's thread.

    :param offset: a byte in the PDU, where it holds parts of several messages; the first of them otherwise.
    :returns: ``None`` where the row belongs to no message.
    """
    entry = store.entry(seq)
    if entry is None:
        return None
    if isinstance(entry.record, DimseRecord):
        return _told_of(store, seq, entry.record)
    pdvs = pdvs_of(entry)
    if not pdvs:
        return None
    at = next((number for number, pdv in enumerate(pdvs) if offset < pdv.offset + pdv.length), len(pdvs) - 1)
    assert isinstance(entry.record, PduRecord)
    way = _Way(store, entry.record.association, entry.record.direction)
    start, begins = way.start_of(pdvs, at)
    message = _assembled(store, way, start, begins)
    if message is not None and message.position_of(entry.seq, pdvs[at].offset) is None and pdvs[at].length:
        # Behind a command that announces no data set.
        message = _assembled(store, way, (entry.seq, at), message.is_complete)
    return message


def _told_of(store: TraceStore, seq: int, record: DimseRecord) -> Message | None:
    """The message that a message row tells of: its last PDU stands right before the row, or right behind it."""
    numbers = store.numbers_before(record.association, seq, _NEAR)
    before = (entry for number in numbers if (entry := store.entry(number)) is not None)
    first: Message | None = None
    for entries in (before, iter(store.of_association(record.association, seq, _NEAR))):
        for entry in entries:
            found = entry.record
            if not isinstance(found, PduRecord) or found.direction is not record.direction:
                continue
            pdvs = pdvs_of(entry)
            message = message_at(store, entry.seq, pdvs[-1].offset) if pdvs else None
            command = message.decode() if message is not None else None
            if command is not None and (command.command_field, command.message_id) == record[5:7]:
                return message
            first = first or message
            break
    return first


def _assembled(store: TraceStore, way: _Way, start: tuple[int, int], begins: bool) -> Message | None:
    assembly = _Assembly(store, way, begins)
    for pdv in way.onward(*start):
        if not assembly.take(pdv):
            break
    return assembly.finish()


class _Way:
    """The P-DATA-TF PDUs of one association in one direction."""

    def __init__(self, store: TraceStore, association: int, direction: Direction) -> None:
        self.association = association
        self.direction = direction
        self._store = store

    def _is_on_it(self, entry: Entry) -> bool:
        return isinstance(entry.record, PduRecord) and entry.record.direction is self.direction

    def _back(self, seq: int) -> Iterator[Entry]:
        """The PDUs before a row, newest first, up to one that is no P-DATA-TF."""
        while numbers := self._store.numbers_before(self.association, seq, _BATCH):
            for number in numbers:
                entry = self._store.entry(number)
                if entry is None or not self._is_on_it(entry):
                    continue
                yield entry
                if isinstance(entry.record, PduRecord) and entry.record.pdu_type != PduType.P_DATA_TF:
                    return
            seq = numbers[-1]

    def start_of(self, pdvs: tuple[Pdv, ...], at: int) -> tuple[tuple[int, int], bool]:
        """Where the message begins that value ``at`` belongs to: row and number of the value; whether that is known."""
        found = (pdvs[at].seq, at)
        following = pdvs[at]
        for number in range(at - 1, -1, -1):
            if _begins(following, pdvs[number]):
                return found, True
            following, found = pdvs[number], (pdvs[number].seq, number)
        for count, entry in enumerate(self._back(pdvs[0].seq)):
            before = pdvs_of(entry)
            if not before:
                return found, following.is_command
            for number in range(len(before) - 1, -1, -1):
                if _begins(following, before[number]):
                    return found, True
                following, found = before[number], (before[number].seq, number)
            if count >= MAX_PIECES:
                return found, False
        return found, following.is_command

    def onward(self, seq: int, number: int) -> Iterator[Pdv]:
        """The values from one on."""
        since = seq - 1
        while batch := self._store.of_association(self.association, since, _BATCH):
            for entry in batch:
                if not self._is_on_it(entry):
                    continue
                pdvs = pdvs_of(entry)
                if not pdvs:  # no P-DATA-TF, or one without a sound value: no message goes on after it
                    return
                yield from pdvs[number:] if entry.seq == seq else pdvs
            since = batch[-1].seq


def _begins(pdv: Pdv, before: Pdv) -> bool:
    """Whether a message begins with ``pdv``, seen from the value before it."""
    if not before.is_command:
        return before.control >= 0 and (pdv.is_command or before.is_last)
    return pdv.is_command and before.is_last


class _Assembly:
    """Puts one message together."""

    def __init__(self, store: TraceStore, way: _Way, begins: bool) -> None:
        self._store = store
        self._way = way
        self._pieces: list[Piece] = []
        self._command = bytearray()
        self._dataset = bytearray()
        self._gaps: list[Gap] = []
        self._length = 0
        self._context_id = 0
        self._command_done = False
        self._has_dataset = True
        self._ends = False
        self._stops = False
        self._faults: list[str] = [] if begins else ["its beginning was not found"]
        self._begins = begins

    def _fault(self, text: str) -> None:
        if text not in self._faults:
            self._faults.append(text)

    def take(self, pdv: Pdv) -> bool:
        """Take the next value; whether the message may go on."""
        if self._pieces and self._is_new_message(pdv):
            self._fault("the next message begins before it ends")
            return False
        if not self._pieces:
            self._context_id = pdv.context_id
            self._command_done = not pdv.is_command
            if self._begins and self._command_done:
                self._fault("its data set has no command before it")
        elif pdv.control >= 0 and pdv.context_id != self._context_id:
            self._fault(f"a fragment names context {pdv.context_id} instead of {self._context_id}")
        if pdv.control < 0:
            self._fault("the bytes of some of its PDUs had to make room for newer ones")
        self._pieces.append(Piece(pdv.seq, pdv.offset, len(self._command) + self._length, pdv.length))
        is_command = pdv.is_command or (pdv.control < 0 and not self._command_done)
        (self._add_command if is_command else self._add_data)(pdv)
        if len(self._pieces) >= MAX_PIECES:
            self._fault(f"only its first {MAX_PIECES:,} fragments are shown")
            self._stops = True
        return not (self._ends or self._stops)

    def _is_new_message(self, pdv: Pdv) -> bool:
        return pdv.is_command and self._command_done

    def _add_command(self, pdv: Pdv) -> None:
        data = kept_bytes(pdv.segments, pdv.offset, pdv.length)
        if len(data) < pdv.length:
            self._fault(f"{pdv.length - len(data):,} bytes of its command set are not in the trace")
        self._command += data + bytes(min(pdv.length - len(data), MAX_COMMAND))
        if len(self._command) > MAX_COMMAND:
            self._fault("its command set is too long to be shown")
            self._stops = True
        if pdv.is_last:
            self._command_done = True
            is_appended = bool(command_set.appended_dataset(bytes(self._command)))
            self._has_dataset = _announces_dataset(self._command) and not is_appended
            self._ends = not self._has_dataset

    def _add_data(self, pdv: Pdv) -> None:
        room = MAX_SHOWN - self._length
        if room > 0:
            wanted = min(pdv.length, room)
            self._copy(pdv, wanted)
        self._length += pdv.length
        self._ends = pdv.is_last

    def _copy(self, pdv: Pdv, wanted: int) -> None:
        """Append ``wanted`` bytes of a fragment, with zeros where nothing was kept."""
        for gap, data in kept_spans(pdv.segments, pdv.offset, wanted):
            self._skip(gap)
            self._dataset += data

    def _skip(self, count: int) -> None:
        if count <= 0:
            return
        begin = len(self._dataset)
        if self._gaps and self._gaps[-1].offset + self._gaps[-1].length == begin:
            begin, known = self._gaps.pop()
            self._gaps.append(Gap(begin, known + count))
        else:
            self._gaps.append(Gap(begin, count))
        self._dataset += bytes(count)

    def finish(self) -> Message | None:
        """The message, ``None`` where nothing came."""
        if not self._pieces:
            return None
        if not (self._ends or self._stops):
            self._fault("its end is not in the trace")
        left_out = self._length - len(self._dataset)
        if left_out:
            self._fault(f"{left_out:,} bytes of its data set beyond the first {MAX_SHOWN // 2**20} MiB are left out")
        known = contexts_of(self._store, self._way.association)
        context = known.get(self._context_id, AgreedContext(self._context_id, "", ""))
        return Message(
            self._way.association, self._way.direction, context, bytes(self._command), bytes(self._dataset),
            tuple(self._gaps), self._length, self._has_dataset, tuple(self._pieces),
            self._begins and self._ends and not self._stops, tuple(self._faults),
        )  # fmt: skip


def _announces_dataset(command: bytes | bytearray) -> bool:
    """Command Data Set Type (0000,0800), also of a command set that is otherwise malformed; yes where it is missing."""
    position = 0
    while position + 8 <= len(command):
        length = int.from_bytes(command[position + 4 : position + 8], "little")
        if command[position : position + 4] == b"\0\0" + _DATASET_TYPE.to_bytes(2, "little"):
            return int.from_bytes(command[position + 8 : position + 8 + min(length, 2)], "little") != _NO_DATASET
        position += 8 + length
    return True
