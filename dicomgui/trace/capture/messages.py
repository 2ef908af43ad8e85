"""The DIMSE messages in the captured P-DATA-TF PDUs of one direction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dicomgui.network.dimse import Assembler, Command, Message, NullSink
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu.data import COMMAND, PdvPiece
from dicomgui.network.tracing import Segment

__all__ = ["CapturedMessages", "Found"]

_HEADER = 6
_PDV_HEADER = 6
_MAX_PDVS = 8192  # read of one PDU
_MAX_DATASET_BYTES = 2**40
_ZEROS = memoryview(bytes(2**20))
_MAX_REMARKS = 20  # of one direction


class Found(NamedTuple):
    """What a PDU had in it.

    :ivar messages: those that end in it.
    :ivar error: what is wrong with the PDU itself.
    :ivar remarks: what is wrong with the messages.
    """

    messages: tuple[Message, ...]
    error: str
    remarks: tuple[str, ...]


class _Every:
    """Takes every context: which ones were accepted is told apart from what was said."""

    def __contains__(self, context_id: object) -> bool:
        return True


class CapturedMessages:
    """Puts the messages of one direction together; a data set is counted and not held.

    :param is_whole: whether the direction is there from its first PDU; otherwise it may begin in a message's middle.

    :ivar accepted: ids of the accepted contexts, ``None`` where that is not known.
    """

    def __init__(self, *, is_whole: bool = True) -> None:
        self.accepted: frozenset[int] | None = None
        self._is_lost = not is_whole
        self._remarks = 0
        self._strange: set[int] = set()
        self._assembler = Assembler(_count_only, _Every(), max_dataset_length=_MAX_DATASET_BYTES)

    def lose(self) -> None:
        """Bytes are missing: what had begun will not be whole."""
        self._assembler.abandon()
        self._is_lost = True

    def read(self, length: int, segments: tuple[Segment, ...]) -> Found:
        """Read a P-DATA-TF of ``length`` bytes."""
        messages: list[Message] = []
        remarks: list[str] = []
        try:
            for context_id, control, pieces in _fragments(length, segments):
                self._check_context(context_id, remarks)
                if self._is_lost and not control & COMMAND:
                    continue
                self._is_lost = False
                try:
                    self._feed(context_id, control, pieces, messages)
                except RemoteProtocolError as error:
                    self._remark(str(error), remarks)
                    self.lose()
        except _Fault as fault:
            self.lose()
            return Found(tuple(messages), str(fault), tuple(remarks))
        return Found(tuple(messages), "", tuple(remarks))

    def _feed(self, context_id: int, control: int, pieces: list[memoryview], messages: list[Message]) -> None:
        last = len(pieces) - 1
        for number, piece in enumerate(pieces):
            message = self._assembler.feed(PdvPiece(context_id, control, piece, number == 0, number == last))
            if message is not None:
                messages.append(message)

    def _check_context(self, context_id: int, remarks: list[str]) -> None:
        if self.accepted is not None and context_id not in self.accepted and context_id not in self._strange:
            self._strange.add(context_id)
            self._remark(f"presentation context {context_id} was not accepted", remarks)

    def _remark(self, text: str, remarks: list[str]) -> None:
        self._remarks += 1
        if self._remarks <= _MAX_REMARKS:
            remarks.append(text)


class _Fault(Exception):
    """The presentation data values of a PDU do not fit into it."""


def _count_only(context_id: int, command: Command) -> NullSink:
    return NullSink()


def _fragments(length: int, segments: tuple[Segment, ...]) -> Iterator[tuple[int, int, list[memoryview]]]:
    """Context id, control byte and content of each presentation data value; zeros where bytes are missing.

    Ends early where the header of one is missing.
    """
    position, count = _HEADER, 0
    if length < _HEADER + _PDV_HEADER:
        raise _Fault(f"P-DATA-TF: PDU length at offset 2: {length - _HEADER}, at least {_PDV_HEADER} are needed")
    while position < length and count < _MAX_PDVS:
        count += 1
        head = _kept(segments, position, _PDV_HEADER)
        if length - position < _PDV_HEADER:
            raise _Fault(f"P-DATA-TF: {length - position} bytes are left over at offset {position}")
        if len(head) < _PDV_HEADER:
            return
        size = int.from_bytes(head[:4], "big")
        if not 2 <= size <= length - position - 4:
            left = length - position - 4
            raise _Fault(f"P-DATA-TF: Item length at offset {position}: {size} with {left} bytes left in the PDU")
        yield head[4], head[5], _content(segments, position + _PDV_HEADER, size - 2)
        position += 4 + size


def _kept(segments: tuple[Segment, ...], start: int, length: int) -> memoryview:
    for offset, data in segments:
        if offset <= start < offset + len(data):
            return memoryview(data)[start - offset : start - offset + length]
    return _ZEROS[:0]


def _content(segments: tuple[Segment, ...], start: int, length: int) -> list[memoryview]:
    whole = _kept(segments, start, length)
    if len(whole) == length:
        return [whole]
    pieces = []
    while length:  # only their number counts
        pieces.append(_ZEROS[: min(length, len(_ZEROS))])
        length -= len(pieces[-1])
    return pieces
