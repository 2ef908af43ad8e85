"""PDUs cut out of one direction of a captured connection, also where bytes are missing.

The framer of the network stack judges a live peer and throws away what is at fault. This one looks at what went by: it
keeps everything, knows gaps, and where it has lost the thread it searches for a PDU header that cannot be mistaken.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import PduType, decode
from dicomgui.network.pdu.capture import KEEP_LIMIT
from dicomgui.network.pdu.control import MAX_CONTROL_LENGTH
from dicomgui.network.pdu.masking import mask_user_identity
from dicomgui.network.tracing import Segment

__all__ = ["HEADER_SEEN", "Cut", "PduCutter", "begins_like_pdu"]

HEADER_SEEN = 12
"""Bytes that :func:`begins_like_pdu` needs; an A-RELEASE or A-ABORT has but ten."""

MAX_ASSOCIATE_BYTES = 2**20
"""Longest A-ASSOCIATE-RQ or -AC; the same limit as on a live connection."""

_STRAY_BYTES = 4096  # kept of bytes that are no PDU
_FLUSH_BYTES = 2**20
_HEADER = 6
_MIN_ASSOCIATE = 68
_ASSOCIATES = (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC)
_MAX_SURE_DATA_BYTES = 2**28
_BEGINNING = re.compile(rb"[\x01-\x07]\x00")


class Cut(NamedTuple):
    """A PDU as it was found, or bytes that are part of none (``pdu_type`` -1); the rest as in ``PduRecord``.

    ``error`` is a fault of who sent it. A PDU that only the capture does not have whole has none.
    """

    pdu_type: int
    length: int
    segments: tuple[Segment, ...]
    error: str


def begins_like_pdu(data: bytes | bytearray, position: int = 0) -> bool:
    """Whether a PDU begins here beyond doubt: judged by twelve bytes, or ten of the four short kinds."""
    head = data[position : position + HEADER_SEEN]
    if len(head) < 10 or head[1]:
        return False
    kind, length = head[0], int.from_bytes(head[2:_HEADER], "big")
    if kind in _ASSOCIATES:
        return _MIN_ASSOCIATE <= length <= MAX_ASSOCIATE_BYTES and head[6:10] == b"\0\1\0\0"
    if kind == PduType.P_DATA_TF:
        if len(head) < HEADER_SEEN or not 6 <= length <= _MAX_SURE_DATA_BYTES:
            return False
        is_single = int.from_bytes(head[6:10], "big") == length - 4
        return is_single and bool(head[10] & 1) and head[11] <= 3
    if length != 4:
        return False
    if kind in (PduType.RELEASE_RQ, PduType.RELEASE_RP):
        return head[6:10] == bytes(4)
    if kind == PduType.ABORT:
        return head[6:8] == b"\0\0" and head[8] <= 2 and head[9] <= 6
    return kind == PduType.ASSOCIATE_RJ and not head[6] and head[7] in (1, 2) and head[8] in (1, 2, 3) and head[9] <= 7


class PduCutter:
    """Takes the bytes of one direction in order.

    :param is_synced: whether the first byte is that of a PDU; otherwise one is searched for.

    Of one PDU at most :data:`~dicomgui.network.pdu.capture.KEEP_LIMIT` bytes are kept.
    """

    def __init__(self, *, is_synced: bool = True) -> None:
        self._synced = is_synced
        self._head = bytearray()
        self._kept: list[tuple[int, bytearray]] = []
        self._room = 0
        self._position = 0
        self._length = 0  # of the PDU that is being read; 0 between PDUs
        self._stray = bytearray()  # no PDU: the last bytes, in which a header is searched for
        self._stray_kept = b""
        self._stray_length = 0
        self._reason = "" if is_synced else "the beginning of this PDU is not in the capture"
        self._keeps_stray = is_synced  # the end of a PDU without its beginning says nothing

    @property
    def is_synced(self) -> bool:
        """Whether it knows where PDUs begin; otherwise it searches."""
        return self._synced

    def feed(self, data: bytes) -> list[Cut]:
        """Take the next bytes; gives what they complete."""
        cuts: list[Cut] = []
        while data:
            if not self._synced:
                data = self._search(data, cuts)
            elif self._length:
                data = self._read_body(data, cuts)
            else:
                data = self._read_header(data, cuts)
        return cuts

    def _read_header(self, data: bytes, cuts: list[Cut]) -> bytes:
        wanted = _HEADER - len(self._head)
        self._head += data[:wanted]
        if len(self._head) < _HEADER:
            return b""
        head, self._head = bytes(self._head), bytearray()
        if self._begin(head, cuts):
            return data[wanted:]
        return head + data[wanted:]

    def _read_body(self, data: bytes, cuts: list[Cut]) -> bytes:
        wanted = self._length - self._position
        self._keep(data[:wanted])
        if self._position == self._length:
            cuts.append(self._end())
        return data[wanted:]

    def skip(self, length: int) -> list[Cut]:
        """So many bytes are missing."""
        if self._length and self._position + length <= self._length:
            self._position += length
            return [self._end()] if self._position == self._length else []
        cuts = self.end("")
        self._lose(f"{length} bytes before it are not in the capture", keep=False)
        return cuts

    def end(self, reason: str = "the connection ended before the PDU did") -> list[Cut]:
        """Nothing follows: give what is there of an incomplete PDU.

        :param reason: whose fault that is; empty where only the capture lacks its rest.
        """
        cuts: list[Cut] = []
        if self._length:
            cuts.append(self._end(reason))
        elif self._head:
            head, self._head = bytes(self._head), bytearray()
            cuts.append(Cut(-1, len(head), (Segment(0, head if reason else b""),), reason))
        self._note_stray(self._stray)
        self._stray = bytearray()
        self._flush(cuts)
        return cuts

    def _begin(self, head: bytes, cuts: list[Cut]) -> bool:
        """Begin the PDU with this header; where there is none, the thread is lost."""
        kind, length = head[0], int.from_bytes(head[2:], "big")
        if kind in _ASSOCIATES:
            is_possible = _MIN_ASSOCIATE <= length <= MAX_ASSOCIATE_BYTES
        elif kind == PduType.P_DATA_TF:
            is_possible = True
        else:
            is_possible = 1 <= kind <= PduType.ABORT and 4 <= length <= MAX_CONTROL_LENGTH
        if not is_possible:
            self._lose(f"no PDU has the type {kind:02X}H and the length {length}")
            return False
        self._kept, self._room, self._position = [], KEEP_LIMIT, 0
        self._length = _HEADER + length
        self._keep(head)
        if not length:
            cuts.append(self._end())
        return True

    def _keep(self, data: bytes) -> None:
        wanted = data[: self._room]
        if wanted:
            if self._kept and self._kept[-1][0] + len(self._kept[-1][1]) == self._position:
                self._kept[-1][1].extend(wanted)
            else:
                self._kept.append((self._position, bytearray(wanted)))
            self._room -= len(wanted)
        self._position += len(data)

    def _end(self, reason: str = "") -> Cut:
        kind, length = self._kept[0][1][0], self._length
        segments = tuple(Segment(offset, bytes(data)) for offset, data in self._kept)
        self._kept, self._length = [], 0
        if kind in _ASSOCIATES:
            segments = tuple(Segment(at, mask_user_identity(data) if not at else data) for at, data in segments)
        return Cut(kind, length, segments, reason or _fault(kind, length, segments))

    def _lose(self, reason: str, *, keep: bool = True) -> None:
        self._synced = False
        self._keeps_stray = keep
        self._reason = reason

    def _search(self, data: bytes, cuts: list[Cut]) -> bytes:
        """Look for a header in bytes that are no PDU; what begins with one is given back."""
        window = bytes(self._stray) + data
        starts = (match.start() for match in _BEGINNING.finditer(window))
        found = next((start for start in starts if begins_like_pdu(window, start)), -1)
        if found >= 0:
            self._note_stray(window[:found])
            self._stray = bytearray()
            self._flush(cuts)
            self._synced, self._reason = True, ""
            return window[found:]
        undecided = max(0, len(window) - HEADER_SEEN + 1)
        self._note_stray(window[:undecided])
        self._stray = bytearray(window[undecided:])
        if self._stray_length >= _FLUSH_BYTES:
            self._flush(cuts)
        return b""

    def _note_stray(self, data: bytes | bytearray) -> None:
        if self._keeps_stray:
            self._stray_kept += bytes(data[: _STRAY_BYTES - len(self._stray_kept)])
        self._stray_length += len(data)

    def _flush(self, cuts: list[Cut]) -> None:
        """Give the bytes that are no PDU."""
        if self._stray_length:
            cuts.append(Cut(-1, self._stray_length, (Segment(0, self._stray_kept),), self._reason))
        self._stray_kept, self._stray_length = b"", 0


def _fault(kind: int, length: int, segments: tuple[Segment, ...]) -> str:
    """What is wrong with a whole PDU, as far as its bytes were kept."""
    if kind == PduType.P_DATA_TF:
        return ""  # judged where its fragments are read
    if len(segments) != 1 or len(segments[0].data) != length:
        return ""  # it is not known, and not the fault of who sent it
    try:
        decode(segments[0].data)
    except RemoteProtocolError as error:
        return str(error)
    return ""
