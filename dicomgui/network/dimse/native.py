"""The three native encodings of a data set (PS3.5 annex A) as a stream: read element by element, write, patch lengths.

What :mod:`~dicomgui.network.dimse.recode` stands on. A value is never held whole here: it is copied in pieces of
:data:`PIECE_BYTES`. Only ``struct`` looks at the bytes.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Callable, Iterator
from typing import IO, Final, NamedTuple

from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

__all__ = [
    "IMPLICIT_LITTLE",
    "ITEM",
    "ITEM_END",
    "LONG_VRS",
    "MAX_DEPTH",
    "MAX_SHORT_LENGTH",
    "SEQUENCE_END",
    "SHORT_VRS",
    "UNDEFINED",
    "ConversionError",
    "ConversionStopped",
    "Encoding",
    "Header",
    "Reader",
    "Writer",
    "check_depth",
    "encoding_of",
    "swapped",
    "tag_text",
    "unit_of",
]

PIECE_BYTES: Final = 1_048_576
"""Values are copied in pieces of this size; a multiple of every unit that is swapped."""

MAX_TAKEN_BYTES: Final = 67_108_864
"""No single value that has to be looked at is longer."""

MAX_DEPTH: Final = 100
"""Sequences nested deeper than this are refused."""

UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
MAX_SHORT_LENGTH: Final = 0xFFFF
"""What the 16-bit length of a short VR can say (PS3.5 7.1.2)."""

LONG_VRS: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_UNITS: Final = {
    vr: unit
    for unit, vrs in ((2, b"AT OW SS US"), (4, b"FL OF OL SL UL"), (8, b"FD OD OV SV UV"))
    for vr in vrs.split()
}
_ARRAYS: Final = {2: "H", 4: "I", 8: "Q"}


class ConversionError(DicomNetworkError, ValueError):
    """A data set cannot be converted; nothing of it is left where it was to go.

    :ivar packages: what could be installed so that it can, or an empty string.
    """

    def __init__(self, message: str, *, hint: str = "", packages: str = "") -> None:
        super().__init__(message, hint=hint)
        self.packages = packages


class ConversionStopped(Exception):
    """The conversion was asked to stop; nothing of it is left."""


class Encoding(NamedTuple):
    """How elements are encoded: whether they say their VR, and the byte order."""

    explicit: bool
    big: bool


IMPLICIT_LITTLE: Final = Encoding(explicit=False, big=False)
_EXPLICIT_LITTLE: Final = Encoding(explicit=True, big=False)
_EXPLICIT_BIG: Final = Encoding(explicit=True, big=True)


class Header(NamedTuple):
    """What stands before a value.

    :ivar vr: empty where the encoding does not say it.
    :ivar length: of the value in bytes, or :data:`UNDEFINED`.
    """

    tag: int
    vr: bytes
    length: int


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """The encoding of a transfer syntax's elements; all but two are explicit VR little endian (PS3.5 A.4)."""
    if transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN:
        return IMPLICIT_LITTLE
    return _EXPLICIT_BIG if transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else _EXPLICIT_LITTLE


def unit_of(vr: bytes) -> int:
    """Bytes of the words of which a value consists, and which change with the byte order (PS3.5 7.3); 1 for none."""
    return _UNITS.get(vr, 1)


def tag_text(tag: int) -> str:
    """A tag for people: ``(0028,0010)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


class _Layout(NamedTuple):
    tag: struct.Struct
    short: struct.Struct
    length: struct.Struct


_LAYOUTS: Final = {
    big: _Layout(struct.Struct(f"{sign}HH"), struct.Struct(f"{sign}HH2sH"), struct.Struct(f"{sign}I"))
    for big, sign in ((False, "<"), (True, ">"))
}


class Reader:
    """Reads a data set of a file from where the file stands.

    :param should_stop: asked at each piece whether to give up.
    """

    def __init__(self, file: IO[bytes], should_stop: Callable[[], bool] | None = None) -> None:
        self.position = file.tell()
        self.end = file.seek(0, os.SEEK_END)
        file.seek(self.position)
        self._file = file
        self._should_stop = should_stop

    def take(self, size: int, tag: int = 0) -> bytes:
        """The next bytes, all of them.

        :raises ConversionError: they are not there, or too many to be held.
        """
        if size > MAX_TAKEN_BYTES:
            raise ConversionError(f"{tag_text(tag)} has a value of {size:,} bytes, too many for what it is")
        data = self._file.read(size)
        self.position += len(data)
        if len(data) < size:
            raise self._cut_off(tag)
        return data

    def skip(self, size: int, tag: int = 0) -> None:
        """Leave bytes out."""
        self.seek(self.position + size, tag)

    def seek(self, position: int, tag: int = 0) -> None:
        """Go on elsewhere.

        :raises ConversionError: that is behind the end.
        """
        if position > self.end:
            raise self._cut_off(tag)
        self.position = self._file.seek(position)

    def header(self, encoding: Encoding) -> Header:
        """The next element's header.

        :raises ConversionError: there is none, or its VR is none of the standard's: then nothing says how long its
            length field is.
        """
        self.check_stop()
        layout = _LAYOUTS[encoding.big]
        data = self.take(8)
        group, element, vr, length = layout.short.unpack(data)
        tag = group << 16 | element
        if not encoding.explicit or group == 0xFFFE:
            return Header(tag, b"", layout.length.unpack_from(data, 4)[0])
        if vr in LONG_VRS:
            return Header(tag, vr, layout.length.unpack(self.take(4, tag))[0])
        if vr not in SHORT_VRS:
            name = vr.decode("ascii") if vr.isalpha() else vr.hex(" ")
            raise ConversionError(f"{tag_text(tag)} has the value representation “{name}”, which is none")
        return Header(tag, vr, length)

    def pieces(self, size: int, tag: int) -> Iterator[bytes]:
        """The next ``size`` bytes, piece by piece."""
        while size:
            self.check_stop()
            piece = self.take(min(size, PIECE_BYTES), tag)
            size -= len(piece)
            yield piece

    def skip_items(self, encoding: Encoding, tag: int, depth: int = 0) -> None:
        """Leave out what follows a header of undefined length, its delimiter included."""
        check_depth(depth, tag)
        while True:
            tag, vr, length = self.header(encoding)
            if tag in (SEQUENCE_END, ITEM_END):
                return
            if length == UNDEFINED:  # in UN it is a sequence in implicit VR, whatever is around it (PS3.5 6.2.2)
                self.skip_items(IMPLICIT_LITTLE if vr == b"UN" else encoding, tag, depth + 1)
            else:
                self.skip(length, tag)

    def check_stop(self) -> None:
        """:raises ConversionStopped: it is wanted."""
        if self._should_stop is not None and self._should_stop():
            raise ConversionStopped

    def _cut_off(self, tag: int) -> ConversionError:
        where = f" in the middle of {tag_text(tag)}" if tag else ""
        return ConversionError(
            f"the data set ends{where}, {self.end:,} bytes from the start of the file",
            hint="The copy is incomplete: fetch the file again.",
        )


class Writer:
    """Writes a data set into a file from where the file stands; what was written can be patched.

    Positions count from the first byte that was written here.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start = file.tell()
        self._flushed = 0
        self._pending = bytearray()

    @property
    def position(self) -> int:
        """Bytes written so far."""
        return self._flushed + len(self._pending)

    def write(self, data: bytes) -> None:
        """Append."""
        self._pending += data
        if len(self._pending) >= PIECE_BYTES:
            self.flush()

    def header(self, encoding: Encoding, header: Header) -> int:
        """Write a header; gives the position of a 32-bit length, where :meth:`patch` can put another one.

        The length must fit where a short VR has 16 bits for it.
        """
        layout = _LAYOUTS[encoding.big]
        tag, vr, length = header
        if not encoding.explicit or tag >> 16 == 0xFFFE:
            self.write(layout.tag.pack(tag >> 16, tag & 0xFFFF) + layout.length.pack(length))
        elif vr in LONG_VRS:
            self.write(layout.short.pack(tag >> 16, tag & 0xFFFF, vr, 0) + layout.length.pack(length))
        else:
            self.write(layout.short.pack(tag >> 16, tag & 0xFFFF, vr, length))
        return self.position - 4

    def patch(self, position: int, encoding: Encoding, number: int) -> None:
        """Replace the 32-bit number that was written at ``position`` in one piece with what stands around it."""
        if number >= UNDEFINED:
            raise ConversionError(f"a length of {number:,} bytes is more than a data set can say")
        data = _LAYOUTS[encoding.big].length.pack(number)
        if position >= self._flushed:
            start = position - self._flushed
            self._pending[start : start + 4] = data
        else:
            self._file.seek(self._start + position)
            self._file.write(data)
            self._file.seek(self._start + self._flushed)

    def flush(self) -> None:
        """Hand everything to the file."""
        self._file.write(self._pending)
        self._flushed += len(self._pending)
        self._pending = bytearray()


def check_depth(depth: int, tag: int) -> None:
    """:raises ConversionError: it is more than :data:`MAX_DEPTH`."""
    if depth > MAX_DEPTH:
        raise ConversionError(f"{tag_text(tag)} is nested deeper than {MAX_DEPTH} sequences")


def swapped(data: bytes, unit: int) -> bytes:
    """The words of ``unit`` bytes in the other byte order; ``data`` must be whole words."""
    words = array(_ARRAYS[unit])
    words.frombytes(data)
    words.byteswap()
    return words.tobytes()
