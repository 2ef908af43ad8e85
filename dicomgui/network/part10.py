"""The head of a DICOM file (PS3.10 7.1): read it to find the data set, write it in front of a received one.

Nothing here parses a data set: of one, only the first elements are walked, and only where the file meta information
does not say what the file holds. All reading is bounded (:data:`MAX_META_BYTES`, :data:`SCAN_BYTES`), whatever the
lengths in the file claim. Sending a folder of small files means reading thousands of heads, so :func:`read_head` opens,
reads once and closes, and walks the bytes with ``struct`` alone.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.uids import (
    DEFLATED_TRANSFER_SYNTAXES,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLEMENTATION_CLASS_UID,
    IMPLICIT_VR_LITTLE_ENDIAN,
    implementation_version_name,
    is_valid_uid,
)

__all__ = [
    "MAX_META_BYTES",
    "SCAN_BYTES",
    "MetaElement",
    "NotPart10",
    "Part10Error",
    "Part10Head",
    "parse_head",
    "read_head",
    "write_head",
]

MAX_META_BYTES = 1_048_576
"""A file meta information beyond this is refused (its private part may be long, but not that long)."""

SCAN_BYTES = 65_536
"""How far into a data set its SOP class and instance UID are looked for."""

_FIRST_READ = 4096
_PREAMBLE = bytes(128) + b"DICM"
_UNDEFINED = 0xFFFFFFFF
_GROUP_2 = b"\x02\x00"
_SHORT_LE = struct.Struct("<HH2sH")  # group, element, VR, 16-bit length (PS3.5 7.1.2)
_SHORT_BE = struct.Struct(">HH2sH")
_LENGTH_LE = struct.Struct("<I")  # the 32-bit length: 4 bytes in (implicit VR) or 8 bytes in (long explicit VR)
_LENGTH_BE = struct.Struct(">I")
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_VRS = _LONG_VRS | _SHORT_VRS
_SOP_CLASS_UID = 0x0008_0016
_SOP_INSTANCE_UID = 0x0008_0018
_ITEM_END, _SEQUENCE_END = 0xFFFE_E00D, 0xFFFE_E0DD
_NOT_IN_TEXT = re.compile(r"[^ -~]|\\")
_NO_DICOM_HINT = "Choose a DICOM file, or leave this one out."


class Part10Error(DicomNetworkError, ValueError):
    """A file cannot be used as a DICOM file: unreadable, damaged, or none.

    :ivar path: the file, or an empty string where only its bytes were given.
    :ivar offset: byte offset of the fault from the start of the file.
    """

    def __init__(self, message: str, *, path: str = "", offset: int = 0, hint: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message, hint=hint)
        self.path = path
        self.offset = offset


class NotPart10(Part10Error):
    """The bytes are no DICOM file and no DICOM data set either."""


class MetaElement(NamedTuple):
    """One element of the file meta information, group 0002: element number and the value's bytes as they lie there."""

    element: int
    value: bytes


class Part10Head(NamedTuple):
    """What the start of a DICOM file says.

    :ivar dataset_offset: byte offset of the data set from the start of the file.
    :ivar transfer_syntax_uid: how the data set is encoded; taken from the data set's own look where the meta
        information does not say it.
    :ivar sop_class_uid: from the data set, else from the meta information, else empty.
    :ivar sop_instance_uid: the same.
    :ivar has_preamble: whether the file begins with 128 bytes and ``DICM`` (PS3.10 7.1).
    :ivar lacks: what the meta information should say and does not, in the standard's words.
    :ivar meta: the elements of group 0002 in file order; empty for a bare data set.
    """

    dataset_offset: int
    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    has_preamble: bool
    lacks: tuple[str, ...]
    meta: tuple[MetaElement, ...]


class _NeedsMore(Exception):
    """The bytes at hand end before the head does; ``args`` are the offset and what stands there."""


def read_head(source: str | os.PathLike[str] | BinaryIO) -> Part10Head:
    """Read the head of a file given by path, or of a binary stream that stands at the file's first byte.

    A stream is left anywhere behind the bytes that were read. Works with files without preamble, without meta
    information (a bare data set in implicit or explicit little endian or explicit big endian), and finds the UIDs in
    the data set, a deflated one too, where the meta information lacks them.

    :raises NotPart10: it is no DICOM at all.
    :raises Part10Error: it is DICOM but damaged or cut off in its head, or cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        return _read_head_of_path(os.fspath(source))
    return _read_growing(source.read, "")


def parse_head(data: bytes) -> Part10Head:
    """The head of a file of which ``data`` is all there is; raises like :func:`read_head`."""
    try:
        return _parse(data, "", final=True)
    except _NeedsMore as short:
        raise _cut_off(short, "") from None


def _read_head_of_path(path: str) -> Part10Head:
    # O_NONBLOCK: a named pipe in a folder must not hold us for ever; for a regular file it changes nothing.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    hint = "Check that the file is there and that you may read it."
    try:
        handle = os.open(path, flags)
        try:
            return _read_growing(lambda size: os.read(handle, size), path)
        finally:
            os.close(handle)
    except OSError as error:
        raise Part10Error(f"cannot be read: {error.strerror or error}", path=path, hint=hint) from error


def _read_growing(read: Callable[[int], bytes], path: str) -> Part10Head:
    """Parse what a first read gives, and read on only where that is not enough."""
    data = read(_FIRST_READ)
    for limit in (SCAN_BYTES + _FIRST_READ, MAX_META_BYTES + SCAN_BYTES + _FIRST_READ):
        try:
            return _parse(data, path, final=False)
        except _NeedsMore:
            data = _read_on(read, data, limit)
    try:
        return _parse(data, path, final=True)
    except _NeedsMore as short:
        raise _cut_off(short, path) from None


def _read_on(read: Callable[[int], bytes], data: bytes, limit: int) -> bytes:
    pieces = [data]
    size = len(data)
    while size < limit and (piece := read(limit - size)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _cut_off(short: _NeedsMore, path: str) -> Part10Error:
    offset, what = short.args
    return Part10Error(
        f"the file is cut off at byte {offset}, in {what}",
        path=path,
        offset=offset,
        hint="The copy is incomplete: fetch the file again.",
    )


def _parse(data: bytes, path: str, *, final: bool) -> Part10Head:
    """``final`` says that no more bytes will come."""
    if data.startswith(b"DICM", 128):
        return _parse_with_meta(data, 132, path, final)
    if data.startswith(b"DICM"):
        return _parse_with_meta(data, 4, path, final)
    if data.startswith(_GROUP_2) and data[4:6] in _VRS:
        return _parse_with_meta(data, 0, path, final)
    if not final and len(data) < 132:
        raise _NeedsMore(len(data), "the preamble")
    return _parse_bare(data, path, final)


def _parse_with_meta(data: bytes, start: int, path: str, final: bool) -> Part10Head:
    offset, meta = _walk_meta(data, start, path, final)
    syntax = sop_class = sop_instance = ""
    for element, value in meta:
        if element == 0x0010:
            syntax = _uid_text(value)
        elif element == 0x0002:
            sop_class = _uid_text(value)
        elif element == 0x0003:
            sop_instance = _uid_text(value)
    lacks = tuple(
        name
        for name, value in (
            ("Transfer Syntax UID (0002,0010)", syntax),
            ("Media Storage SOP Class UID (0002,0002)", sop_class),
            ("Media Storage SOP Instance UID (0002,0003)", sop_instance),
        )
        if not value
    )
    syntax = syntax or _look_of(data, offset)
    # A receiver compares the command with the data set (PS3.4 B.2.3, status A900) and never sees the meta information.
    own_class, own_instance = _find_uids(data, offset, syntax, final)
    if is_valid_uid(own_class):
        sop_class = own_class
    if is_valid_uid(own_instance):
        sop_instance = own_instance
    return Part10Head(offset, syntax, sop_class, sop_instance, start == 132, lacks, meta)


def _walk_meta(data: bytes, start: int, path: str, final: bool) -> tuple[int, tuple[MetaElement, ...]]:
    """All elements of group 0002, and where they end.

    The group's end is where another group begins: its length element is wrong or missing in too many files. Only in
    front of a deflated data set, whose first bytes may be anything, the length decides.
    """
    meta: list[MetaElement] = []
    position, size = start, len(data)
    declared_end, deflated = -1, False
    while data.startswith(_GROUP_2, position) and not (deflated and position == declared_end):
        if position + 8 > size:
            raise _NeedsMore(position, "the file meta information")
        _, element, vr, length = _SHORT_LE.unpack_from(data, position)
        begin = position + 8
        if vr in _LONG_VRS:
            if begin + 4 > size:
                raise _NeedsMore(position, "the file meta information")
            (length,) = _LENGTH_LE.unpack_from(data, begin)
            begin += 4
        elif vr not in _SHORT_VRS:  # implicit VR: against the standard, and seen
            (length,) = _LENGTH_LE.unpack_from(data, position + 4)
        end = begin + length
        if end > size:
            if end - start > MAX_META_BYTES:
                raise _too_long(element, position, length, path)
            raise _NeedsMore(position, f"the file meta information, element (0002,{element:04X})")
        value = data[begin:end]
        meta.append(MetaElement(element, value))
        if element == 0x0000 and length == 4:
            declared_end = end + _LENGTH_LE.unpack(value)[0]
        elif element == 0x0010:
            deflated = _uid_text(value) in DEFLATED_TRANSFER_SYNTAXES
        position = end
    if position + 8 > size and not final:  # too little to judge what follows
        raise _NeedsMore(position, "the file meta information")
    return position, tuple(meta)


def _too_long(element: int, position: int, length: int, path: str) -> Part10Error:
    return Part10Error(
        f"file meta information element (0002,{element:04X}) at byte {position} claims {length} bytes; "
        f"at most {MAX_META_BYTES} are read",
        path=path,
        offset=position,
        hint="The file is damaged: export it again.",
    )


def _uid_text(value: bytes) -> str:
    return value.strip(b"\0 ").decode("latin-1")


def _parse_bare(data: bytes, path: str, final: bool) -> Part10Head:
    """A data set without meta information: accepted only if its first elements leave no doubt."""
    syntax = _bare_syntax(data)
    if not syntax:
        raise _no_dicom(data, path)
    found = {_SOP_CLASS_UID: "", _SOP_INSTANCE_UID: ""}
    sound, last, whole = 0, 0, False
    try:
        for tag, begin, length in _elements(data, 0, syntax):
            if tag <= last or (length != _UNDEFINED and length % 2):
                raise _no_dicom(data, path)
            if tag > _SOP_INSTANCE_UID and sound >= 3:
                break
            if tag in found:
                found[tag] = _uid_text(_value(data, begin, length))
            sound, last = sound + 1, tag
    except _NeedsMore as short:
        if not final:
            raise
        whole = short.args[0] == len(data)
    sop_class, sop_instance = found.values()
    if not (is_valid_uid(sop_class) or is_valid_uid(sop_instance) or sound >= 3 or (whole and sound)):
        raise _no_dicom(data, path)
    return Part10Head(0, syntax, sop_class, sop_instance, False, ("File Meta Information (group 0002)",), ())


def _bare_syntax(data: bytes) -> str:
    """The encoding of a data set that begins, as all that travel do, in group 0008; empty if it does not."""
    if data.startswith(b"\x08\x00"):
        return EXPLICIT_VR_LITTLE_ENDIAN if data[4:6] in _VRS else IMPLICIT_VR_LITTLE_ENDIAN
    if data.startswith(b"\x00\x08") and data[4:6] in _VRS:
        return EXPLICIT_VR_BIG_ENDIAN
    return ""


def _no_dicom(data: bytes, path: str) -> NotPart10:
    what = "the file is empty" if not data else f"no DICOM file: it begins with {data[:8].hex(' ')}"
    return NotPart10(what, path=path, hint="Choose a DICOM file, or leave this one out.")


def _find_uids(data: bytes, start: int, syntax: str, final: bool) -> tuple[str, str]:
    """SOP class and instance UID of the data set, empty where they are not within :data:`SCAN_BYTES`."""
    if syntax in DEFLATED_TRANSFER_SYNTAXES:
        if not final and len(data) < start + SCAN_BYTES:
            raise _NeedsMore(len(data), "the deflated data set")
        data, start, final = _inflate(data[start : start + SCAN_BYTES]), 0, True
    found = {_SOP_CLASS_UID: "", _SOP_INSTANCE_UID: ""}
    try:
        for tag, begin, length in _elements(data, start, _look_of(data, start)):
            if tag > _SOP_INSTANCE_UID or begin > start + SCAN_BYTES:
                break
            if tag in found:
                found[tag] = _uid_text(_value(data, begin, length))
    except _NeedsMore:
        if not final and len(data) < start + SCAN_BYTES:
            raise
    return found[_SOP_CLASS_UID], found[_SOP_INSTANCE_UID]


def _inflate(data: bytes) -> bytes:
    """The first bytes of a raw deflate stream; as much as is sound of a damaged one."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, SCAN_BYTES)
    except zlib.error:
        return b""


def _look_of(data: bytes, offset: int) -> str:
    """How the element at ``offset`` is encoded, judged by its VR: files lie about their syntax, not about this."""
    if data[offset + 4 : offset + 6] not in _VRS:
        return IMPLICIT_VR_LITTLE_ENDIAN
    group = data[offset : offset + 2]
    return EXPLICIT_VR_LITTLE_ENDIAN if group[::-1] <= group else EXPLICIT_VR_BIG_ENDIAN


def _value(data: bytes, begin: int, length: int) -> bytes:
    """The value of a UID element, empty if it is too long to be one."""
    if length > 128:
        return b""
    if begin + length > len(data):
        raise _NeedsMore(begin, "the first elements of the data set")
    return data[begin : begin + length]


def _elements(data: bytes, position: int, syntax: str) -> Iterator[tuple[int, int, int]]:
    """Tag, offset of the value and length of each element of the outermost level, in the three native encodings.

    Ends where an element is not understood; raises :class:`_NeedsMore` where the bytes end.
    """
    explicit = syntax != IMPLICIT_VR_LITTLE_ENDIAN
    big = syntax == EXPLICIT_VR_BIG_ENDIAN
    short, long = (_SHORT_BE, _LENGTH_BE) if big else (_SHORT_LE, _LENGTH_LE)
    depth = 0
    while True:
        if position + 8 > len(data):
            raise _NeedsMore(position, "the first elements of the data set")
        group, element, vr, length = short.unpack_from(data, position)
        tag, begin = group << 16 | element, position + 8
        if not explicit or group == 0xFFFE:
            (length,) = long.unpack_from(data, position + 4)
        elif vr in _LONG_VRS:
            if begin + 4 > len(data):
                raise _NeedsMore(position, "the first elements of the data set")
            (length,) = long.unpack_from(data, begin)
            begin += 4
        elif vr not in _SHORT_VRS:
            return
        if depth == 0:
            yield tag, begin, length
        if tag in (_ITEM_END, _SEQUENCE_END):
            depth -= 1
        elif length == _UNDEFINED:
            depth += 1
        position = begin if length == _UNDEFINED else begin + length


def write_head(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    source_ae_title: str = "",
    sending_ae_title: str = "",
    receiving_ae_title: str = "",
    implementation_class_uid: str = IMPLEMENTATION_CLASS_UID,
    implementation_version: str = "",
) -> bytes:
    """Preamble, ``DICM`` and file meta information (PS3.10 7.1) for a data set that follows as it was received.

    :param source_ae_title: (0002,0016), the application that made or last changed the content; left out if empty.
    :param sending_ae_title: (0002,0017), the application that sent it over the network; left out if empty.
    :param receiving_ae_title: (0002,0018), the application that received it; left out if empty.
    :param implementation_version: (0002,0013), ours if empty.
    :raises Part10Error: a UID is longer than the 64 bytes of PS3.5 9.1 or empty.
    """
    before, after = _around_instance_uid(
        sop_class_uid,
        transfer_syntax_uid,
        implementation_class_uid,
        implementation_version or implementation_version_name(),
        (source_ae_title, sending_ae_title, receiving_ae_title),
    )
    own = _ui_element(0x0003, sop_instance_uid)
    length = _LENGTH_LE.pack(len(before) + len(own) + len(after))
    return b"".join((_PREAMBLE, b"\x02\x00\x00\x00UL\x04\x00", length, before, own, after))


@lru_cache(maxsize=64)
def _around_instance_uid(
    sop_class: str, syntax: str, implementation: str, version: str, titles: tuple[str, str, str]
) -> tuple[bytes, bytes]:
    """What stands before and after the one element that differs in every instance of a series."""
    before = b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01" + _ui_element(0x0002, sop_class)
    after = [_ui_element(0x0010, syntax), _ui_element(0x0012, implementation), _text_element(0x0013, b"SH", version)]
    after += [_text_element(0x0016 + n, b"AE", title) for n, title in enumerate(titles) if title]
    return before, b"".join(after)


def _ui_element(element: int, uid: str) -> bytes:
    value = uid.encode("latin-1", "replace")
    if not 0 < len(value) <= 64:
        raise Part10Error(f"(0002,{element:04X}) must be a UID of 1 to 64 characters, not {uid[:80]!r}")
    if len(value) % 2:
        value += b"\0"
    return _SHORT_LE.pack(0x0002, element, b"UI", len(value)) + value


def _text_element(element: int, vr: bytes, text: str) -> bytes:
    """At most 16 characters; what the VR does not allow (control characters, backslash, not ASCII) becomes ``?``."""
    value = _NOT_IN_TEXT.sub("?", text.strip(" ")[:16]).encode("ascii")
    if len(value) % 2:
        value += b" "
    return _SHORT_LE.pack(0x0002, element, vr, len(value)) + value
