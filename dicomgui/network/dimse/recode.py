"""A data set from one native encoding into another (PS3.5 annex A), element by element and in bounded memory.

Nothing is interpreted that need not be, so nothing gets lost: values are copied, and where the byte order changes the
words of those that consist of words are swapped (PS3.5 7.3). Sequences keep the form of their length, and lengths that
change (of sequences and items, and group lengths) are set right. Where a VR must be found out, because implicit VR does
not say it, it comes from the dictionaries; what they do not know, or what contradicts them, becomes UN, whose bytes
are little endian in every encoding (PS3.5 6.2.2). A value that is too long for the 16-bit length of its VR becomes UN,
too (PS3.5 6.2.2, note 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import IO, Final, NamedTuple

from dicomgui.network.dimse.native import (
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    MAX_SHORT_LENGTH,
    SEQUENCE_END,
    SHORT_VRS,
    UNDEFINED,
    ConversionError,
    Encoding,
    Header,
    Reader,
    Writer,
    check_depth,
    swapped,
    tag_text,
    unit_of,
)

__all__ = ["Edit", "Edits", "Remark", "RemarkCode", "recode"]

PIXEL_REPRESENTATION: Final = 0x00280103
_SIGNATURES: Final = frozenset({0x4FFE0001, 0xFFFAFFFA})  # MAC Parameters Sequence, Digital Signatures Sequence
_AMBIGUOUS: Final = {
    "OB or OW": b"OW",  # what implicit VR little endian has (PS3.5 A.1)
    "US or OW": b"OW",
    "US or SS or OW": b"OW",
}


class RemarkCode(Enum):
    """Changes of a data set that go beyond its encoding; the value is a phrase for logs."""

    PRIVATE_VR = "private elements without their value representation"
    """Implicit VR does not say it, and no public dictionary does (PS3.5 7.8)."""
    LONG_VALUE = "values that are too long for their value representation, as UN"
    """The 16-bit length of an explicit short VR ends at 65,535 bytes (PS3.5 6.2.2, note 2)."""
    SIGNED = "digital signatures, which may not hold for the new encoding"
    """MAC Parameters Sequence or Digital Signatures Sequence (PS3.3 C.12.1.1.3)."""


class Remark(NamedTuple):
    """One kind of change.

    :ivar tag: of the first element.
    :ivar elements: how many there are.
    """

    code: RemarkCode
    tag: int
    elements: int


class Edit(NamedTuple):
    """What takes an element's place.

    :ivar value: in little endian.
    :ivar file: where the value stands instead, from its start on; ``length`` bytes of it.
    """

    vr: bytes
    value: bytes = b""
    file: IO[bytes] | None = None
    length: int = 0


Edits = Mapping[int, Mapping[int, Edit | None]]
"""By the offset at which the elements of a data set or of an item begin: by tag what takes an element's place, also
where there was none; ``None`` leaves it out."""


def recode(
    reader: Reader, source: Encoding, writer: Writer, target: Encoding, edits: Edits | None = None
) -> tuple[Remark, ...]:
    """Read a data set to its end and write it in another encoding, or in the same with some elements changed.

    :returns: what changes beside the encoding.
    :raises ConversionError: it is damaged, or holds what the target cannot.
    :raises ConversionStopped: as asked for.
    """
    signed = _is_signed(reader, source) if not source.explicit and target.explicit else False
    recoder = _Recoder(reader, writer, edits or {})
    recoder.level(source, target, reader.end, _Level(signed), 0)
    writer.flush()
    return tuple(Remark(code, *found) for code, found in recoder.remarks.items())


def _is_signed(reader: Reader, encoding: Encoding) -> bool:
    """Pixel Representation (0028,0103) of the outermost level, on which VRs before and behind it depend."""
    start, signed = reader.position, False
    while reader.position < reader.end:
        tag, _, length = reader.header(encoding)
        if length == UNDEFINED:
            reader.skip_items(encoding, tag)
        elif tag == PIXEL_REPRESENTATION:
            signed = reader.take(length, tag) == b"\1\0"
        else:
            reader.skip(length, tag)
        if tag >= PIXEL_REPRESENTATION:
            break
    reader.seek(start)
    return signed


class _Level:
    """What is known of the data set or item that is being read.

    ``creators`` are those of private blocks, by ``group << 8 | block``.
    """

    __slots__ = ("creators", "group", "group_length", "group_start", "is_signed")

    def __init__(self, is_signed: bool) -> None:
        self.is_signed = is_signed
        self.creators: dict[int, str] = {}
        self.group = -1
        self.group_length = -1
        self.group_start = 0


class _Recoder:
    """Carries what all levels share."""

    def __init__(self, reader: Reader, writer: Writer, edits: Edits) -> None:
        self._reader = reader
        self._writer = writer
        self._edits = edits
        self.remarks: dict[RemarkCode, tuple[int, int]] = {}

    def _remark(self, code: RemarkCode, tag: int) -> None:
        first, count = self.remarks.get(code, (tag, 0))
        self.remarks[code] = first, count + 1

    def level(self, source: Encoding, target: Encoding, end: int, level: _Level, depth: int) -> None:
        """The elements up to ``end``, or up to the delimiter of an item of undefined length (``end`` is -1)."""
        reader = self._reader
        edits = dict(self._edits.get(reader.position, {}))
        while end < 0 or reader.position < end:
            header = reader.header(source)
            if header.tag == ITEM_END and end < 0:
                break
            for tag in sorted(tag for tag in edits if tag < header.tag):
                self._put(tag, edits.pop(tag), target, level)
            if header.tag in edits:
                self._skip(header, source)
                self._put(header.tag, edits.pop(header.tag), target, level)
            else:
                self._element(header, source, target, level, depth)
            if end >= 0:
                _check_end(reader, end, header.tag)
        for tag in sorted(edits):
            self._put(tag, edits[tag], target, level)
        self._end_group(target, level, -1)

    def _element(self, header: Header, source: Encoding, target: Encoding, level: _Level, depth: int) -> None:
        tag, _, length = header
        if tag >> 16 == 0xFFFE:
            raise ConversionError(f"{tag_text(tag)} stands where an element should")
        self._end_group(target, level, tag >> 16)
        vr, first = self._vr(header, source, level)
        if tag in _SIGNATURES:
            self._remark(RemarkCode.SIGNED, tag)
        elif source.explicit and not target.explicit and tag >> 16 & 1 and tag & 0xFFFF > 0xFF and vr != b"UN":
            self._remark(RemarkCode.PRIVATE_VR, tag)
        if length == UNDEFINED or vr == b"SQ":
            self._sequence(Header(tag, vr, length), source, target, level, depth)
            return
        if vr in SHORT_VRS and length > MAX_SHORT_LENGTH and target.explicit:
            self._remark(RemarkCode.LONG_VALUE, tag)
            vr = b"UN"
        unit = unit_of(vr) if source.big != target.big else 1
        if length % unit:
            raise ConversionError(f"{tag_text(tag)} has {length} bytes, which is no whole number of values of VR "
                                  f"{vr.decode()}")  # fmt: skip
        self._writer.header(target, Header(tag, vr, length))
        if not tag & 0xFFFF and length == 4:
            level.group_length, level.group_start = self._writer.position, self._writer.position + 4
        self._copy([first] if len(first) == length else self._reader.pieces(length, tag), unit)

    def _copy(self, pieces: Iterable[bytes], unit: int) -> None:
        for piece in pieces:
            self._writer.write(piece if unit == 1 else swapped(piece, unit))

    def _vr(self, header: Header, source: Encoding, level: _Level) -> tuple[bytes, bytes]:
        """The VR of an element, and its value where that had to be read for it."""
        tag, vr, length = header
        if source.explicit:
            return vr, b""
        if length == UNDEFINED:
            return b"SQ", b""  # nothing else has no length in implicit VR (PS3.5 7.1.3)
        creator = tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF
        first = self._reader.take(length, tag) if (creator and length <= 64) or tag == PIXEL_REPRESENTATION else b""
        if creator:
            level.creators[tag >> 16 << 8 | tag & 0xFF] = first.strip(b" \0").decode("latin-1")
        if tag == PIXEL_REPRESENTATION:
            level.is_signed = first == b"\1\0"
        vr = _known_vr(tag, level)
        if vr == b"SQ" and not self._has_items(length, tag):
            return b"UN", first
        # Pixel data of odd length stay pixel data, as long as no words have to be swapped in them.
        return (b"UN" if length % unit_of(vr) and vr != b"OW" else vr), first

    def _has_items(self, length: int, tag: int) -> bool:
        """Whether a value can be a sequence: a dictionary of private elements may be wrong about it."""
        if length == 0:
            return True
        start = self._reader.position
        beginning = self._reader.take(min(length, 4), tag)
        self._reader.seek(start)
        return beginning == b"\xfe\xff\x00\xe0"

    def _sequence(self, header: Header, source: Encoding, target: Encoding, level: _Level, depth: int) -> None:
        tag, vr, length = header
        check_depth(depth, tag)
        if vr == b"UN":  # of undefined length: a sequence in implicit VR little endian, whatever is around it
            start = self._writer.header(target, header)
            self._items(tag, IMPLICIT_LITTLE, IMPLICIT_LITTLE, -1, level, depth)
        elif vr != b"SQ":
            what = "compressed pixel data" if vr in (b"OB", b"OW") else f"a value of VR {vr.decode()}"
            raise ConversionError(f"{tag_text(tag)} is {what} of undefined length, which its transfer syntax forbids")
        else:
            start = self._writer.header(target, header)
            end = -1 if length == UNDEFINED else self._reader.position + length
            self._items(tag, source, target, end, level, depth)
            if end >= 0:
                self._writer.patch(start, target, self._writer.position - start - 4)

    def _items(self, tag: int, source: Encoding, target: Encoding, end: int, level: _Level, depth: int) -> None:
        reader, writer = self._reader, self._writer
        while end < 0 or reader.position < end:
            item = reader.header(source)
            if item.tag == SEQUENCE_END and end < 0:
                writer.header(target, Header(SEQUENCE_END, b"", 0))
                return
            if item.tag != ITEM:
                raise ConversionError(f"{tag_text(item.tag)} stands where an item of {tag_text(tag)} should")
            start = writer.header(target, item)
            inner = _Level(level.is_signed)
            if item.length == UNDEFINED:
                self.level(source, target, -1, inner, depth + 1)
                writer.header(target, Header(ITEM_END, b"", 0))
            else:
                self.level(source, target, reader.position + item.length, inner, depth + 1)
                writer.patch(start, target, writer.position - start - 4)
            if end >= 0:
                _check_end(reader, end, tag)

    def _end_group(self, target: Encoding, level: _Level, group: int) -> None:
        """Another group begins: set the length of the one that ends, if it has one (PS3.5 7.2)."""
        if level.group_length >= 0 and group != level.group:
            self._writer.patch(level.group_length, target, self._writer.position - level.group_start)
            level.group_length = -1
        level.group = group

    def _skip(self, header: Header, source: Encoding) -> None:
        if header.length == UNDEFINED:
            self._reader.skip_items(source, header.tag)
        else:
            self._reader.skip(header.length, header.tag)

    def _put(self, tag: int, edit: Edit | None, target: Encoding, level: _Level) -> None:
        if edit is None:
            return
        self._end_group(target, level, tag >> 16)
        unit = unit_of(edit.vr) if target.big else 1
        if edit.file is None:
            self._writer.header(target, Header(tag, edit.vr, len(edit.value)))
            self._copy([edit.value], unit)
        else:
            edit.file.seek(0)
            self._writer.header(target, Header(tag, edit.vr, edit.length))
            self._copy(Reader(edit.file).pieces(edit.length, tag), unit)


def _check_end(reader: Reader, end: int, tag: int) -> None:
    if reader.position > end:
        raise ConversionError(f"{tag_text(tag)} is longer than what it stands in")


def _known_vr(tag: int, level: _Level) -> bytes:
    """The VR of an element whose encoding does not say it, UN where nothing tells."""
    from pydicom import datadict

    group, element = tag >> 16, tag & 0xFFFF
    if element == 0:
        return b"UL"  # a group length
    try:
        if not group & 1:
            known = datadict.dictionary_VR(tag)
        elif 0x10 <= element <= 0xFF:
            return b"LO"  # a private creator (PS3.5 7.8.1)
        else:
            known = datadict.private_dictionary_VR(tag, level.creators.get(group << 8 | element >> 8, ""))
    except KeyError:
        return b"UN"
    if known == "US or SS":
        return b"SS" if level.is_signed else b"US"
    vr = _AMBIGUOUS.get(known) or known.encode("ascii")
    return vr if len(vr) == 2 else b"UN"
