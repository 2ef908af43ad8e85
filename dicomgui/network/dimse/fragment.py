"""A message cut into P-DATA-TF PDUs within the peer's maximum length, as they are needed (PS3.8 9.3.5, annex E).

The data set is taken from a :class:`Source` straight into the chunk that goes to the transport, between the slots of
the PDU headers, where the system can with one call for all of them; there is no other copy, and no more than one chunk
exists here at a time. A chunk belongs to its receiver, since a transport may keep it until it is written; one that is
given back serves again. Each PDU holds one presentation data value.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from dicomgui.network.errors import LocalProtocolError
from dicomgui.network.pdu.data import COMMAND, LAST, PDATA_HEAD, max_fragment
from dicomgui.network.pdu.wire import PduType

__all__ = [
    "CHUNK_BYTES",
    "BytesSource",
    "Chunk",
    "FileSource",
    "PduExtent",
    "RawFileSource",
    "SeekableFile",
    "Source",
    "command_pdu",
    "file_source",
    "fragments",
]

CHUNK_BYTES: Final = 1_048_576
"""A message of so many bytes of PDUs is handed to the transport at once."""

PIECE_BYTES: Final = 524_288
"""A longer one goes in pieces of this size, or of one PDU where that is larger."""

SPARE_BYTES: Final = 65_536
"""Smaller buffers are made faster than they are looked after."""

_MAX_SLOTS: Final = 512  # that one call fills; Linux knows 1,024
_HEAD: Final = PDATA_HEAD.size
_HAS_PREADV: Final = hasattr(os, "preadv")
_P_DATA: Final = int(PduType.P_DATA_TF)


class Source(Protocol):
    """Where the bytes of a data set come from, once and in order."""

    @property
    def size(self) -> int:
        """How many bytes the data set has."""

    def readinto(self, view: memoryview, /) -> int:
        """Fill ``view`` as far as possible with the next bytes; returns how many, 0 at the end."""


class SeekableFile(Protocol):
    """What :class:`FileSource` needs of a binary file, buffered or not."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As of :class:`io.IOBase`."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """As of :class:`io.RawIOBase`."""


class BytesSource:
    """A data set in memory."""

    __slots__ = ("_data", "_position", "size")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = data if type(data) is bytes else memoryview(data).cast("B")  # mostly all is taken at once
        self._position = 0
        self.size = len(self._data)

    def rest(self) -> bytes | memoryview:
        """All that was not read yet; counts as read."""
        piece = memoryview(self._data)[self._position :] if self._position else self._data
        self._position = self.size
        return piece

    def readinto(self, view: memoryview, /) -> int:
        """The next bytes; see :class:`Source`."""
        piece = memoryview(self._data)[self._position : self._position + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


class FileSource:
    """The bytes ``offset`` to ``offset + size`` of an open file, which stays the caller's to close.

    ``size`` left out means to the end of the file. The file is positioned at the first read.
    """

    __slots__ = ("_file", "_offset", "_size", "_started")

    def __init__(self, file: SeekableFile, offset: int = 0, size: int | None = None) -> None:
        self._file = file
        self._offset = offset
        self._size = max(0, file.seek(0, os.SEEK_END) - offset) if size is None else size
        self._started = False

    @property
    def size(self) -> int:
        """Bytes of the data set."""
        return self._size

    def readinto(self, view: memoryview, /) -> int:
        """The next bytes; see :class:`Source`. :class:`OSError` of the file passes through."""
        if not self._started:
            self._started = True
            self._file.seek(self._offset)
        return self._file.readinto(view) or 0


class RawFileSource:
    """The same of an unbuffered file of the system, which is read without being positioned, several views at a time.

    Only where the system has ``preadv``.
    """

    __slots__ = ("_descriptor", "_position", "size")

    def __init__(self, file: io.FileIO, offset: int, size: int) -> None:
        self._descriptor = file.fileno()
        self._position = offset
        self.size = size

    def readinto(self, view: memoryview, /) -> int:
        """The next bytes; see :class:`Source`."""
        return self.readv((view,))

    def readv(self, views: Sequence[memoryview], /) -> int:
        """Fill several views as far as possible, one after the other; returns how many bytes, 0 at the end."""
        count = os.preadv(self._descriptor, views, self._position)
        self._position += count
        return count


def file_source(file: io.FileIO, offset: int, size: int) -> Source:
    """The bytes of an unbuffered file in the fastest way that the system has."""
    return RawFileSource(file, offset, size) if _HAS_PREADV else FileSource(file, offset, size)


class PduExtent(NamedTuple):
    """Where a PDU lies in its chunk; ``length`` counts its header."""

    offset: int
    length: int
    is_command: bool


class Chunk(NamedTuple):
    """Whole PDUs in one buffer, which nobody writes to until it is given back.

    :ivar data: the PDUs.
    :ivar data_offset: where those of the data set begin; what comes before carries the command.
    :ivar full_length: of a PDU, header included: all but the last one of the command and of the data set have it.
    :ivar buffer: what ``data`` lies in, where that is worth to be used again.
    """

    data: bytes | bytearray | memoryview
    data_offset: int
    full_length: int
    buffer: bytearray | None = None

    @property
    def pdus(self) -> Iterator[PduExtent]:
        """Where each PDU lies, in their order."""
        for begin, end, is_command in ((0, self.data_offset, True), (self.data_offset, len(self.data), False)):
            for offset in range(begin, end, self.full_length):
                yield PduExtent(offset, min(self.full_length, end - offset), is_command)


def fragments(
    context_id: int,
    command: bytes,
    source: Source | None,
    max_pdu_length: int,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    spare: list[bytearray] | None = None,
) -> Iterator[Chunk]:
    """The message as chunks of whole P-DATA-TF PDUs, each made when it is asked for; a small one is made at once.

    The command and as much of the data set as there is room for are in the first chunk. Every fragment has an even
    length (PS3.8 E.2): a data set of odd length, as the deflated transfer syntax may have one, gets one NUL at its end
    (PS3.5 A.5). An empty data set is one empty fragment.

    :param source: the data set, or ``None`` for a message without one.
    :param max_pdu_length: what the peer advertised, in bytes; 0 is no limit.
    :param chunk_bytes: about how large a chunk may grow; never less than one PDU.
    :param spare: buffers of chunks that nobody needs any more; taken from before new ones are made.
    :raises LocalProtocolError: at once where the peer's limit leaves no room for data; later where the source ends
        before its ``size``: then the message cannot be completed and the association must be aborted.
    """
    room = _room(max_pdu_length)
    if not 0 <= context_id <= 255:
        raise LocalProtocolError(f"{context_id} is no presentation context id", phase="transfer")
    size = 0 if source is None else source.size + (source.size & 1)
    if 0 < len(command) <= room >= size and size <= SPARE_BYTES <= chunk_bytes and type(source) is not RawFileSource:
        return iter((_small(context_id, command, source, size),))
    if _chunk_size(len(command), room) + _chunk_size(size, room) > chunk_bytes:
        chunk_bytes = min(chunk_bytes, PIECE_BYTES)
    return _pieces(context_id, command, source, size, room, chunk_bytes, spare)


def command_pdu(context_id: int, command: bytes) -> bytes:
    """A message without data set, of whatever length, as one PDU."""
    length = len(command)
    return PDATA_HEAD.pack(_P_DATA, length + 6, length + 2, context_id, COMMAND | LAST) + command


@lru_cache(maxsize=64)
def _room(max_pdu_length: int) -> int:
    return max_fragment(max_pdu_length)


def _pieces(
    context_id: int,
    command: bytes,
    source: Source | None,
    size: int,
    room: int,
    chunk_bytes: int,
    spare: list[bytearray] | None,
) -> Iterator[Chunk]:
    """The chunks of a larger message; ``size`` is the even one of the data set."""
    position = 0
    pending = command
    while True:
        free = chunk_bytes - (_chunk_size(len(pending), room) if pending else 0)
        take = min(size - position, max(1, free // (room + _HEAD)) * room)
        yield _compose(context_id, room, pending, source, position, take, spare)
        pending = b""
        position += take
        if position == size:
            return


def _small(context_id: int, command: bytes, source: Source | None, size: int) -> Chunk:
    """A message of two PDUs, or of one: most messages are that small."""
    length = len(command)
    start = _HEAD + length
    if source is None:
        return Chunk(command_pdu(context_id, command), start, start)
    head = PDATA_HEAD.pack(_P_DATA, length + 6, length + 2, context_id, COMMAND | LAST)
    data: bytes | bytearray | memoryview
    if type(source) is BytesSource and size == source.size:
        data = source.rest()
    else:
        data = bytearray(size)
        with memoryview(data) as view:
            _fill(source, [view[: source.size]])
    data_head = PDATA_HEAD.pack(_P_DATA, size + 6, size + 2, context_id, LAST)
    return Chunk(b"".join((head, command, data_head, data)), start, _HEAD + max(length, size))


def _chunk_size(length: int, room: int) -> int:
    """Bytes of the PDUs that carry ``length`` bytes; one PDU for nothing."""
    return length + _HEAD * max(1, -(-length // room))


def _compose(
    context_id: int,
    room: int,
    command: bytes,
    source: Source | None,
    position: int,
    take: int,
    spare: list[bytearray] | None,
) -> Chunk:
    """One chunk: the command if there is one, and ``take`` bytes of the data set from ``position`` on."""
    data_offset = _chunk_size(len(command), room) if command else 0
    length = data_offset + (0 if source is None else _chunk_size(take, room))
    buffer = _buffer(length, spare)
    view = memoryview(buffer)
    offset = 0
    for begin in range(0, len(command), room):
        part = command[begin : begin + room]
        control = COMMAND | LAST if begin + len(part) == len(command) else COMMAND
        PDATA_HEAD.pack_into(buffer, offset, _P_DATA, len(part) + 6, len(part) + 2, context_id, control)
        offset += _HEAD
        view[offset : offset + len(part)] = part
        offset += len(part)
    if source is not None:
        _fill(source, _slots(view, context_id, room, offset, take, source.size - position))
    return Chunk(view[:length], data_offset, room + _HEAD, buffer if length >= SPARE_BYTES else None)


def _slots(view: memoryview, context_id: int, room: int, offset: int, take: int, left: int) -> list[memoryview]:
    """Write the headers of the PDUs for ``take`` bytes; returns where the bytes themselves go.

    :param left: what is left of the data set; one less than ``take`` where a NUL is to fill it up.
    """
    slots = []
    while True:
        length = min(room, take)
        take -= length
        left -= length
        PDATA_HEAD.pack_into(view, offset, _P_DATA, length + 6, length + 2, context_id, 0 if left > 0 else LAST)
        offset += _HEAD
        end = offset + length
        if left < 0:
            view[end - 1] = 0
            slots.append(view[offset : end - 1])
        else:
            slots.append(view[offset:end])
        offset = end
        if not take:
            return slots


def _buffer(length: int, spare: list[bytearray] | None) -> bytearray:
    """Room for so many bytes; what is in it is not defined."""
    if spare and length >= SPARE_BYTES:
        buffer = spare.pop()
        if len(buffer) >= length:
            return buffer
    return bytearray(length if length < SPARE_BYTES else -(-length // SPARE_BYTES) * SPARE_BYTES)


def _fill(source: Source, slots: list[memoryview]) -> None:
    """Read until every slot is full."""
    if isinstance(source, RawFileSource):
        _fill_from_file(source, slots)
        return
    for slot in slots:
        done = source.readinto(slot) if len(slot) else 0
        while done < len(slot):
            count = source.readinto(slot[done:])
            if count <= 0:
                raise _ended(source, len(slot) - done)
            done += count


def _fill_from_file(source: RawFileSource, slots: list[memoryview]) -> None:
    """The same with few calls."""
    while slots:
        wanted = sum(map(len, slots[:_MAX_SLOTS]))
        count = source.readv(slots[:_MAX_SLOTS]) if wanted else 0
        if count == wanted:
            slots = slots[_MAX_SLOTS:]
            continue
        if not count:
            raise _ended(source, wanted)
        while count >= len(slots[0]):
            count -= len(slots.pop(0))
        slots[0] = slots[0][count:]


def _ended(source: Source, missing: int) -> LocalProtocolError:
    return LocalProtocolError(
        f"the data set ended {missing} bytes or more before its size of {source.size} bytes",
        phase="transfer",
        hint="The file was changed or cut off while it was being sent.",
    )
