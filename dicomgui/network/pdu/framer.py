"""Received bytes to frames: whole PDUs, and P-DATA-TF as pieces that point into the received bytes (PS3.8 9.3.1).

Type and length are judged when the six bytes of the header are there, before anything else is read or held, so that
the answer to a fault never waits for a body that may not come. This is the hot path of the product: a P-DATA-TF with
one PDV that lies whole in the received bytes takes a handful of operations and no copy.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator
from typing import NamedTuple, NoReturn, Protocol, TypeAlias

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu.associate import MIN_ASSOCIATE_LENGTH
from dicomgui.network.pdu.capture import Capture
from dicomgui.network.pdu.control import MAX_CONTROL_LENGTH
from dicomgui.network.pdu.data import PDATA_HEAD, PdvPiece
from dicomgui.network.pdu.runs import PdvRun, read_run
from dicomgui.network.pdu.wire import HEADER_LENGTH, INVALID_PARAMETER, UNRECOGNIZED_PDU, PduType, pdu_name
from dicomgui.network.tracing import Segment

__all__ = ["Broken", "DataEnd", "DataStart", "DataTaker", "Frame", "Framer", "TakeData", "Whole"]

SNIFF_LENGTH = 64
"""Bytes kept of what is no DICOM, to recognise what it is instead."""

REFUSED_LENGTH = 4096
"""Bytes kept of another PDU that is refused."""

_HEAD = PDATA_HEAD.size
_HEADERS = struct.Struct(f"{_HEAD}s")
_new = tuple.__new__  # without the function of Python that a named tuple has in between
_P_DATA_TF = int(PduType.P_DATA_TF)
_NO_REASON = 0
"""A-ABORT reason (PS3.8 table 9-26): not specified."""

_ASSOCIATES = frozenset({int(PduType.ASSOCIATE_RQ), int(PduType.ASSOCIATE_AC)})
_CONTROLS = frozenset(map(int, (PduType.ASSOCIATE_RJ, PduType.RELEASE_RQ, PduType.RELEASE_RP, PduType.ABORT)))
_PDV_HEADER = 6
_MIN_P_DATA = 6


class Whole(NamedTuple):
    """A whole PDU of any type but P-DATA-TF; ``data`` is all of it, header included."""

    pdu_type: int
    data: bytes


class DataStart(NamedTuple):
    """The header of a P-DATA-TF is there; ``length`` in bytes counts the whole PDU, header included."""

    length: int


class DataEnd(NamedTuple):
    """The P-DATA-TF is complete; ``length`` as in :class:`DataStart`, ``segments`` is what was kept of it."""

    length: int
    segments: tuple[Segment, ...]


Frame: TypeAlias = Whole | DataStart | PdvPiece | DataEnd


TakeData: TypeAlias = Callable[[PdvPiece | PdvRun], bytes | None]
"""Takes data that came. Where that completes a message which may come again with another data set, it gives the
P-DATA-TF that such a message begins with; see :mod:`dicomgui.network.pdu.runs`."""


class Broken(NamedTuple):
    """What is known of a PDU that was refused or is not complete.

    ``length`` is that of the whole PDU as its header declares, or the bytes there are where the header is incomplete.
    """

    pdu_type: int
    length: int
    segments: tuple[Segment, ...]


class DataTaker(Protocol):
    """Who takes data as it comes, see :meth:`Framer.flow`.

    :ivar takes_data: whether the next P-DATA-TF is welcome; asked before each.
    :ivar has_more: set ahead of each piece: whether more was received than is used up with it.
    :ivar wants_ends: whether :meth:`data_ended` is to be called.
    """

    takes_data: bool
    has_more: bool
    wants_ends: bool

    def data_ended(self, length: int, segments: tuple[Segment, ...], times: int = 1) -> None:
        """As :class:`DataEnd` says, ahead of the last piece of the P-DATA-TF.

        :param times: so many follow each other that are alike in length and in what was kept; all are here already.
        """


class Framer:
    """Cuts the received stream of one connection into frames.

    It holds an incomplete header or an incomplete PDU within the limits, never a part of a P-DATA-TF's data.

    :ivar max_pdata_length: longest variable field of P-DATA-TF accepted, in bytes; 0 is no limit. May be set at any
        time and holds for the next header.
    :ivar max_associate_length: the same for A-ASSOCIATE-RQ and -AC.
    :ivar admits_associate: asked ahead of the body of an A-ASSOCIATE PDU whether there is room for so many bytes.
    :ivar capture: what is kept for the trace; ``None`` keeps nothing.
    :ivar skipped: bytes thrown away since the first fault because they belong to a PDU that was refused.
    """

    __slots__ = (
        "_between", "_body", "_broken", "_head", "_left", "_length", "_pdv_head", "_pdv_left", "_pdv_starts",
        "_pos", "_rest", "_step", "_told", "admits_associate", "capture", "max_associate_length",
        "max_pdata_length", "skipped",
    )  # fmt: skip

    def __init__(self, *, max_associate_length: int = 1_048_576, capture: Capture | None = None) -> None:
        self.max_associate_length = max_associate_length
        self.max_pdata_length = 0
        self.admits_associate: Callable[[int], bool] | None = None
        self.capture = capture
        self.skipped = 0
        self._rest = b""
        self._pos = 0
        self._head = bytearray()
        self._body = bytearray()
        self._pdv_head = bytearray()
        self._pdv_left = 0
        self._pdv_starts = True
        self._length = 0
        self._left = 0
        self._broken: Broken | None = None
        self._between = True
        self._told = 0  # of the next PDUs so many are in the trace already
        self._step: Callable[[memoryview], tuple[Frame, ...]] = self._read_header

    @property
    def is_between_pdus(self) -> bool:
        """Whether the stream could end here without cutting a PDU."""
        return self._between

    def rest_of_head(self, view: memoryview) -> int:
        """How many bytes of ``view`` end both headers of plain data, of which the beginning is there; else 0."""
        head = self._head
        if self._between or self._rest:
            return 0
        if self._step == self._read_pdv_header and self._left == self._length - HEADER_LENGTH:  # the first one
            head = head + self._pdv_head
        elif self._step != self._read_header:
            return 0
        missing = _HEAD - len(head)
        if len(view) < missing:
            return 0
        pdu_type, length, pdv_length, _, _ = PDATA_HEAD.unpack(head + view[:missing])
        is_lone = pdu_type == _P_DATA_TF and pdv_length == length - 4 and pdv_length >= 2
        return missing if is_lone and not length > self.max_pdata_length > 0 else 0

    def feed(self, data: bytes | bytearray | memoryview) -> Generator[Frame, None, None]:
        """Take received bytes and give the frames that they complete.

        Consume the iterator to its end before the next call; limits may be changed while doing so. The data of pieces
        are views of ``data`` and as short-lived.

        :raises RemoteProtocolError: a header or PDV is impossible or over a limit; ``abort_reason`` is the answer.
            The rest of the PDU at fault, as its header declares it, will be thrown away. Bytes after it stay: call
            again, with ``b""`` where nothing new is there, to go on behind it.
        """
        view = memoryview(self._rest + bytes(data) if self._rest else data)
        self._rest = b""
        self._pos = 0
        size = len(view)
        unpack = PDATA_HEAD.unpack_from
        try:
            while self._pos < size:
                start = self._pos
                if self._between and size - start >= _HEAD:
                    pdu_type, length, pdv_length, context_id, control = unpack(view, start)
                    end = start + HEADER_LENGTH + length
                    if (
                        pdu_type == _P_DATA_TF
                        and pdv_length == length - 4
                        and pdv_length >= 2
                        and end <= size
                        and (length <= self.max_pdata_length or not self.max_pdata_length)
                    ):
                        self._pos = end
                        length += HEADER_LENGTH
                        yield DataStart(length)
                        yield PdvPiece(context_id, control, view[start + _HEAD : end], True, True)
                        capture = self.capture
                        if self._told:
                            self._told -= 1
                            continue
                        segments = capture.single(view, start, end, context_id, control) if capture else ()
                        yield DataEnd(length, segments)
                        continue
                if self._between and size - start >= HEADER_LENGTH:
                    whole = self._take_whole(view, start)
                    if whole is not None:
                        yield whole
                        continue
                yield from self._step(view)
        finally:
            if self._pos < size:
                self._rest = bytes(view[self._pos :])

    def flow(self, view: memoryview, taker: DataTaker, take: TakeData) -> int:
        """Hand on the data of ``view`` without making frames, up to the first byte that is not plain data.

        Plain are P-DATA-TF PDUs of one PDV each, whole or in parts, which nearly everybody sends. What else there is,
        and all that is at fault, is left for :meth:`feed`, which gives the same pieces in the same order.

        Messages that differ from the last one in their data sets alone come together, as :class:`PdvRun`, where
        ``take`` has said how they begin.

        :returns: how many bytes were used; the others are to be given to :meth:`feed`. Where ``take`` raises, the
            framer has kept them.
        """
        size = len(view)
        position = 0
        unpack = PDATA_HEAD.unpack_from
        again: bytes | None = None
        if self._rest:
            return 0
        try:
            while position < size and taker.takes_data:
                if again:
                    position, again = self._flow_run(view, position, again, taker, take)
                    continue
                if not self._between:
                    if self._step != self._read_pdv:
                        break
                    self._pos = position
                    again = self._flow_on(view, taker, take)
                    position = self._pos
                    continue
                if size - position < _HEAD:
                    break
                pdu_type, length, pdv_length, context_id, control = unpack(view, position)
                is_lone = pdu_type == _P_DATA_TF and pdv_length == length - 4 and pdv_length >= 2
                if not is_lone or length > self.max_pdata_length > 0:
                    break
                end = position + HEADER_LENGTH + length
                if end > size:
                    self._begin_long(view, position, length)
                    position += _HEAD
                    continue
                self._pos = end
                taker.has_more = end < size
                if self._told:
                    self._told -= 1
                elif taker.wants_ends:
                    self._tell(view, position, end, taker, context_id, control)
                again = take(_new(PdvPiece, (context_id, control, view[position + _HEAD : end], True, True)))
                position = end
        except BaseException:
            self._rest = bytes(view[self._pos :])
            raise
        return position

    def take_lone(self, view: memoryview) -> Whole | None:
        """What :meth:`feed` would give of ``view``, without a generator, where that is one :class:`Whole` and no more.

        ``None`` where it is anything else: then nothing has happened.
        """
        if self._rest or not self._between or len(view) < HEADER_LENGTH:
            return None
        whole = self._take_whole(view, 0)
        return whole if whole is not None and self._pos == len(view) else None

    def _take_whole(self, view: memoryview, start: int) -> Whole | None:
        """The PDU that begins there, if it is no P-DATA-TF, its header is in order, and all of it is there."""
        pdu_type, length = view[start], int.from_bytes(view[start + 2 : start + HEADER_LENGTH], "big")
        bounds = None if pdu_type == _P_DATA_TF else self._bounds(pdu_type)
        end = start + HEADER_LENGTH + length
        if bounds is None or end > len(view) or length < bounds[0] or length > bounds[1] > 0:
            return None
        self._pos = end
        return _new(Whole, (pdu_type, bytes(view[start:end])))

    def _tell(self, view: memoryview, start: int, end: int, taker: DataTaker, context_id: int, control: int) -> None:
        """Tell of the PDU that lies in ``view[start:end]``, and at once of those behind it of which no more is kept."""
        capture = self.capture
        if capture is None:
            taker.data_ended(end - start, ())
            return
        times = _alike(view, start, end) if capture.keeps_headers_only(context_id, control) else 1
        taker.data_ended(end - start, capture.single(view, start, end, context_id, control), times)
        self._told = times - 1

    def _begin_long(self, view: memoryview, start: int, length: int) -> None:
        """A P-DATA-TF of one PDV begins of which not all is there: both its headers."""
        self._between = False
        self._head = bytearray(view[start : start + HEADER_LENGTH])
        self._pdv_head = bytearray(view[start + HEADER_LENGTH : start + _HEAD])
        self._length = HEADER_LENGTH + length
        self._left = length - _PDV_HEADER
        self._pdv_left = self._left
        self._pdv_starts = True
        self._step = self._read_pdv
        if self.capture is not None:
            self.capture.start(self._head + self._pdv_head)

    def _flow_run(
        self, view: memoryview, position: int, command: bytes, taker: DataTaker, take: TakeData
    ) -> tuple[int, bytes | None]:
        """The messages that begin with this P-DATA-TF, if there are any; gives where they end, and what may follow."""
        data, end = read_run(view, position, command, self.max_pdata_length)
        if not data:
            return position, None
        self._pos = end
        taker.has_more = end < len(view)
        return end, take(PdvRun(command[10], command, data))

    def _flow_on(self, view: memoryview, taker: DataTaker, take: TakeData) -> bytes | None:
        """The next part of a PDV that has begun."""
        piece, *ended = self._read_pdv(view)
        taker.has_more = self._pos < len(view)
        if taker.wants_ends:
            for end in ended:
                taker.data_ended(*end)
        again = take(piece)
        return again if self._between else None

    def take_broken(self) -> Broken | None:
        """What was kept of the PDU that was refused last or, where the stream ended inside a PDU, of that one.

        ``None`` where there is neither. What is taken is gone, and the rest of such a PDU would be thrown away.
        """
        broken = self._broken
        if broken is None and not self._between and self._step != self._skip:
            broken = self._unfinished()
            self._step = self._skip
        self._broken = None
        return broken

    def _unfinished(self) -> Broken:
        if len(self._head) < HEADER_LENGTH:
            return Broken(self._head[0], len(self._head), (Segment(0, bytes(self._head)),))
        if self._head[0] != _P_DATA_TF:
            return Broken(self._head[0], self._length, (Segment(0, bytes(self._body)),))
        if self._step == self._read_pdv_header and self.capture is not None:
            self.capture.keep(self._pdv_head)
        return Broken(_P_DATA_TF, self._length, self._captured())

    def _captured(self) -> tuple[Segment, ...]:
        return self.capture.finish() if self.capture is not None else (Segment(0, bytes(self._head)),)

    def _collect(self, into: bytearray, wanted: int, view: memoryview) -> bool:
        """Move bytes until ``into`` has ``wanted``; whether it has."""
        start = self._pos
        self._pos = min(len(view), start + wanted - len(into))
        into += view[start : self._pos]
        return len(into) == wanted

    def _end_pdu(self) -> None:
        self._head = bytearray()
        self._between = True
        self._step = self._read_header

    def _read_header(self, view: memoryview) -> tuple[Frame, ...]:
        self._between = False
        if not self._collect(self._head, HEADER_LENGTH, view):
            return ()
        self._left = int.from_bytes(self._head[2:], "big")
        self._length = HEADER_LENGTH + self._left
        self._judge(view)
        if self._head[0] == _P_DATA_TF:
            if self.capture is not None:
                self.capture.start(self._head)
            self._pdv_head = bytearray()
            self._step = self._read_pdv_header
            return (DataStart(self._length),)
        self._body = bytearray(self._head)
        self._step = self._read_body
        return ()

    def _judge(self, view: memoryview) -> None:
        """Refuse a header with an unknown type or a length that cannot be."""
        length, bounds = self._left, self._bounds(self._head[0])
        if bounds is None:
            self._refuse(view, "PDU type", 0, "no such PDU type", UNRECOGNIZED_PDU)
        least, most = bounds
        if length < least:
            self._refuse(view, "PDU length", 2, f"{length}, at least {least} are needed")
        if length > most > 0:
            self._refuse(view, "PDU length", 2, f"{length} is over the limit of {most} bytes")
        admits = self.admits_associate
        if admits is not None and self._head[0] in _ASSOCIATES and not admits(length):
            text = f"there is no room for {length} bytes beside those of other connections"
            self._refuse(view, "PDU length", 2, text, _NO_REASON)

    def _bounds(self, pdu_type: int) -> tuple[int, int] | None:
        """How long the variable field may be, at least and at most (0 is no limit); ``None`` for an unknown type."""
        if pdu_type == _P_DATA_TF:
            return _MIN_P_DATA, self.max_pdata_length
        if pdu_type in _ASSOCIATES:
            return MIN_ASSOCIATE_LENGTH, self.max_associate_length
        return (4, MAX_CONTROL_LENGTH) if pdu_type in _CONTROLS else None

    def _read_body(self, view: memoryview) -> tuple[Frame, ...]:
        if not self._collect(self._body, self._length, view):
            return ()
        whole = Whole(self._body[0], bytes(self._body))
        self._body = bytearray()
        self._end_pdu()
        return (whole,)

    def _read_pdv_header(self, view: memoryview) -> tuple[Frame, ...]:
        at = self._length - self._left
        if self._left < _PDV_HEADER:
            self._refuse(view, "Presentation-data-value item", at, f"{self._left} bytes left over, no room for it")
        if not self._collect(self._pdv_head, _PDV_HEADER, view):
            return ()
        if self.capture is not None:
            self.capture.pdv_header(self._pdv_head)
        self._left -= _PDV_HEADER
        pdv_length = int.from_bytes(self._pdv_head[:4], "big")
        if not 2 <= pdv_length <= self._left + 2:
            self._refuse(view, "Item length", at, f"{pdv_length} with {self._left + 2} bytes left in the PDU")
        self._pdv_left = pdv_length - 2
        self._pdv_starts = True
        self._step = self._read_pdv
        # A PDV without data is complete with its header; there may be no further byte to wait for.
        return () if self._pdv_left else self._read_pdv(view)

    def _read_pdv(self, view: memoryview) -> tuple[PdvPiece] | tuple[PdvPiece, DataEnd]:
        start = self._pos
        stop = self._pos = min(len(view), start + self._pdv_left)
        self._pdv_left -= stop - start
        self._left -= stop - start
        ends = not self._pdv_left
        piece = PdvPiece(self._pdv_head[4], self._pdv_head[5], view[start:stop], self._pdv_starts, ends)
        self._pdv_starts = False
        if self.capture is not None:
            self.capture.data(piece)
        if not ends:
            return (piece,)
        if self._left:
            self._pdv_head = bytearray()
            self._step = self._read_pdv_header
            return (piece,)
        segments = self.capture.finish() if self.capture is not None else ()
        end = DataEnd(self._length, segments)
        self._end_pdu()
        return (piece, end)

    def _skip(self, view: memoryview) -> tuple[Frame, ...]:
        start = self._pos
        self._pos = min(len(view), start + self._left)
        self._left -= self._pos - start
        self.skipped += self._pos - start
        if not self._left:
            self._end_pdu()
        return ()

    def _refuse(
        self, view: memoryview, field: str, offset: int, problem: str, abort_reason: int = INVALID_PARAMETER
    ) -> NoReturn:
        """Remember what is there of the PDU at fault, throw away the rest of it, and raise."""
        pdu_type = self._head[0]
        keep = (SNIFF_LENGTH if abort_reason == UNRECOGNIZED_PDU else REFUSED_LENGTH) - HEADER_LENGTH
        shown = view[self._pos : self._pos + min(keep, self._left)]
        if self._step == self._read_pdv_header and self.capture is not None:
            self.capture.keep(shown)
            segments = self._captured()
        elif self._step == self._read_pdv_header:
            segments = self._captured()
        else:
            segments = (Segment(0, bytes(self._head) + bytes(shown)),)
        self._broken = Broken(pdu_type, self._length, segments)
        self._step = self._skip
        self._skip(view)
        raise RemoteProtocolError(
            f"{pdu_name(pdu_type)}: {field} at offset {offset}: {problem}",
            pdu_type=pdu_type,
            offset=offset,
            field=field,
            abort_reason=abort_reason,
        )


def _alike(view: memoryview, start: int, end: int) -> int:
    """How many whole PDUs follow each other that begin with the same headers as the one in ``view[start:end]``."""
    step, times, last = end - start, 1, len(view) - (end - start)
    headers = _HEADERS.unpack_from
    first = headers(view, start)
    while end <= last and headers(view, end) == first:
        end += step
        times += 1
    return times
