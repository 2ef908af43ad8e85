"""A message cut into P-DATA-TF PDUs within the peer's maximum length, as they are needed (PS3.8 9.3.5, annex E).

The data set is taken from a :class:`Source` straight into the chunk that goes to the transport, between the slots of
the PDU headers; there is no other copy, and no more than one chunk exists here at a time. Each chunk is a buffer of its
own, since a transport may keep it until it is written. Each PDU holds one presentation data value.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from dicomgui.network.errors import LocalProtocolError
from dicomgui.network.pdu.data import COMMAND, LAST, PDATA_HEAD, max_fragment
from dicomgui.network.pdu.wire import PduType

__all__ = ["CHUNK_BYTES", "BytesSource", "Chunk", "FileSource", "PduExtent", "SeekableFile", "Source", "fragments"]

CHUNK_BYTES: Final = 262_144
"""Bytes of PDUs handed to the transport at once; one PDU where it is larger."""

_HEAD: Final = PDATA_HEAD.size
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

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data).cast("B")
        self._position = 0

    @property
    def size(self) -> int:
        """Bytes of the data set."""
        return len(self._data)

    def readinto(self, view: memoryview, /) -> int:
        """The next bytes; see :class:`Source`."""
        piece = self._data[self._position : self._position + len(view)]
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


class PduExtent(NamedTuple):
    """Where a PDU lies in its chunk; ``length`` counts its header."""

    offset: int
    length: int
    is_command: bool


class Chunk(NamedTuple):
    """Whole PDUs in one buffer, which nobody writes to any more, and where each of them lies."""

    data: bytearray
    pdus: tuple[PduExtent, ...]


def fragments(
    context_id: int, command: bytes, source: Source | None, max_pdu_length: int, *, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Chunk]:
    """The message as chunks of whole P-DATA-TF PDUs, each made when it is asked for.

    The command and as much of the data set as there is room for are in the first chunk. Every fragment has an even
    length (PS3.8 E.2): a data set of odd length, as the deflated transfer syntax may have one, gets one NUL at its end
    (PS3.5 A.5). An empty data set is one empty fragment.

    :param source: the data set, or ``None`` for a message without one.
    :param max_pdu_length: what the peer advertised, in bytes; 0 is no limit.
    :param chunk_bytes: about how large a chunk may grow; never less than one PDU.
    :raises LocalProtocolError: before the first chunk where the peer's limit leaves no room for data; later where the
        source ends before its ``size``: then the message cannot be completed and the association must be aborted.
    """
    room = max_fragment(max_pdu_length)
    if not 0 <= context_id <= 255:
        raise LocalProtocolError(f"{context_id} is no presentation context id", phase="transfer")
    size = 0 if source is None else source.size + (source.size & 1)
    if 0 < len(command) <= room >= size and len(command) + size + 2 * _HEAD <= chunk_bytes:
        yield _small(context_id, command, source, size)
        return
    position = 0
    pending = command
    while True:
        free = chunk_bytes - (_chunk_size(len(pending), room) if pending else 0)
        take = min(size - position, max(1, free // (room + _HEAD)) * room)
        chunk = _Builder(context_id, room, pending, None if source is None else take)
        if pending:
            chunk.command(pending)
        if source is not None:
            chunk.data(source, position, take, last=position + take == size)
        yield chunk.finish()
        pending = b""
        position += take
        if position == size:
            return


def _small(context_id: int, command: bytes, source: Source | None, size: int) -> Chunk:
    """A message of two PDUs, or of one: most messages are that small."""
    start = _HEAD + len(command)
    buffer = bytearray(start if source is None else start + _HEAD + size)
    PDATA_HEAD.pack_into(buffer, 0, _P_DATA, len(command) + 6, len(command) + 2, context_id, COMMAND | LAST)
    buffer[_HEAD:start] = command
    extent = PduExtent(0, start, True)
    if source is None:
        return Chunk(buffer, (extent,))
    PDATA_HEAD.pack_into(buffer, start, _P_DATA, size + 6, size + 2, context_id, LAST)
    with memoryview(buffer) as view:
        _fill(source, view[start + _HEAD : start + _HEAD + source.size])
    return Chunk(buffer, (extent, PduExtent(start, _HEAD + size, False)))


def _chunk_size(length: int, room: int) -> int:
    """Bytes of the PDUs that carry ``length`` bytes; one PDU for nothing."""
    return length + _HEAD * max(1, -(-length // room))


class _Builder:
    """Fills one chunk."""

    __slots__ = ("_buffer", "_context_id", "_offset", "_pdus", "_room")

    def __init__(self, context_id: int, room: int, command: bytes, data: int | None) -> None:
        length = _chunk_size(len(command), room) if command else 0
        if data is not None:
            length += _chunk_size(data, room)
        self._buffer = bytearray(length)
        self._context_id = context_id
        self._room = room
        self._offset = 0
        self._pdus: list[PduExtent] = []

    def _header(self, length: int, control: int) -> int:
        """Write the header of the next PDU; returns where its ``length`` bytes go."""
        start = self._offset
        PDATA_HEAD.pack_into(self._buffer, start, _P_DATA, length + 6, length + 2, self._context_id, control)
        self._pdus.append(PduExtent(start, _HEAD + length, bool(control & COMMAND)))
        self._offset = start + _HEAD + length
        return start + _HEAD

    def command(self, command: bytes) -> None:
        """Add the PDUs of the command set."""
        for begin in range(0, len(command), self._room):
            part = command[begin : begin + self._room]
            last = begin + len(part) == len(command)
            start = self._header(len(part), COMMAND | LAST if last else COMMAND)
            self._buffer[start : start + len(part)] = part

    def data(self, source: Source, position: int, take: int, *, last: bool) -> None:
        """Add the PDUs of ``take`` bytes of the data set, read from ``source``; ``last`` of the message."""
        size = source.size
        end = position + take
        with memoryview(self._buffer) as view:
            while True:
                length = min(self._room, end - position)
                ends = position + length == end
                start = self._header(length, LAST if last and ends else 0)
                _fill(source, view[start : start + min(length, size - position)])
                position += length
                if ends:
                    return

    def finish(self) -> Chunk:
        """The chunk."""
        return Chunk(self._buffer, tuple(self._pdus))


def _fill(source: Source, view: memoryview) -> None:
    """Read until ``view`` is full."""
    filled = source.readinto(view) if len(view) else 0
    while filled < len(view):
        count = source.readinto(view[filled:])
        if count <= 0:
            raise LocalProtocolError(
                f"the data set ended {len(view) - filled} bytes or more before its size of {source.size} bytes",
                phase="transfer",
                hint="The file was changed or cut off while it was being sent.",
            )
        filled += count
