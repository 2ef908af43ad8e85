"""Changed copies of files: elements that change are replaced, every other byte is copied as it stands.

The elements that a change looks at are decoded; others, such as pixel data, are copied in pieces, so that memory is
bounded whatever the size of the file. The transfer syntax stays. Everything but :func:`spliced` blocks.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from dicomgui.app.files.sources import SendItem
from dicomgui.app.files.temporary_copies import temporary_copy
from dicomgui.network.dimse.convert import convert_file
from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset
from dicomgui.network.dimse.native import (
    IMPLICIT_LITTLE,
    UNDEFINED,
    ConversionError,
    Encoding,
    Reader,
    encoding_of,
    tag_text,
)
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.part10 import Part10Head, parse_head, write_head
from dicomgui.network.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Splice", "read_elements", "splice_file", "spliced"]

SMALL_BYTES: Final = 65_536
"""Values up to this size are looked at by a change that looks at everything; sequences always are."""

MAX_BYTES: Final = 134_217_728
"""Bytes of a file that are looked at, at most."""

MAX_ELEMENTS: Final = 1_000_000
_ALWAYS: Final = frozenset({0x0008_0005, 0x0028_0103})
_SIGNATURES: Final = frozenset({0x4FFE_0001, 0xFFFA_FFFA})  # MAC Parameters, Digital Signatures (PS3.3 C.12.1.1.3)
_PIXELS: Final = 0x7FE0
_GROUP_LENGTH_BYTES: Final = 12


class _Element(NamedTuple):
    """An element of the data set: it stands from ``start`` to ``end`` in the file."""

    tag: int
    vr: bytes
    start: int
    end: int
    is_undefined: bool = False


class Splice(NamedTuple):
    """A changed copy.

    :ivar head: what its start says.
    :ivar size_bytes: of the file.
    :ivar is_signed: it has digital signatures, which a change breaks.
    """

    head: Part10Head
    size_bytes: int
    is_signed: bool


def _elements(reader: Reader, encoding: Encoding) -> Iterator[_Element]:
    while reader.position < reader.end:
        start = reader.position
        tag, vr, length = reader.header(encoding)
        if length == UNDEFINED:
            reader.skip_items(IMPLICIT_LITTLE if vr == b"UN" else encoding, tag)
        else:
            reader.skip(length, tag)
        yield _Element(tag, vr, start, reader.position, length == UNDEFINED)


def _is_looked_at(element: _Element, tags: frozenset[int] | None) -> bool:
    if element.tag in _ALWAYS:
        return True
    if tags is not None:
        return element.tag in tags
    if element.tag >> 16 == _PIXELS or not element.tag & 0xFFFF:
        return False
    is_sequence = element.vr == b"SQ" or element.is_undefined
    return is_sequence or element.end - element.start <= SMALL_BYTES


def _decoded(file: IO[bytes], elements: list[_Element], transfer_syntax_uid: str) -> Dataset:
    size = sum(one.end - one.start for one in elements)
    if size > MAX_BYTES:
        raise ConversionError(f"{size:,} bytes of it would have to be changed, which are too many")
    pieces = []
    for one in elements:
        file.seek(one.start)
        pieces.append(file.read(one.end - one.start))
    try:
        return decode_dataset(b"".join(pieces), transfer_syntax_uid, max_elements=MAX_ELEMENTS)
    except DicomNetworkError as error:
        raise ConversionError(str(error)) from error


def read_elements(item: SendItem, tags: frozenset[int]) -> Dataset:
    """These elements of a file's data set, with Specific Character Set.

    :raises ConversionError: the data set is damaged.
    :raises OSError: the file cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="dicomgui-change-") as folder:
        path, head = _plain(item, Path(folder), None)
        with path.open("rb") as file:
            file.seek(head.dataset_offset)
            syntax = head.transfer_syntax_uid
            last, found = max(tags), []
            for one in _elements(Reader(file), encoding_of(syntax)):
                if one.tag > last:
                    break
                if one.tag in tags or one.tag in _ALWAYS:
                    found.append(one)
            return _decoded(file, found, syntax)


def _plain(item: SendItem, folder: Path, should_stop: Callable[[], bool] | None) -> tuple[Path, Part10Head]:
    """The file, or what it inflates to where it is deflated."""
    if item.head.transfer_syntax_uid != DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        return item.path, item.head
    path = folder / "inflated.dcm"
    made = convert_file(item.path, item.head, EXPLICIT_VR_LITTLE_ENDIAN, path, scratch=folder, should_stop=should_stop)
    return path, made.head


def _encoded(dataset: Dataset, transfer_syntax_uid: str) -> dict[int, bytes]:
    """The bytes of each element."""
    try:
        data = encode_dataset(dataset, transfer_syntax_uid)
    except DicomNetworkError as error:
        raise ConversionError(str(error)) from error
    found = _elements(Reader(BytesIO(data)), encoding_of(transfer_syntax_uid))
    return {one.tag: data[one.start : one.end] for one in found}


def splice_file(item: SendItem, target: Path, *, should_stop: Callable[[], bool] | None = None) -> Splice:
    """Write the changed copy of a file to a path at which there is nothing yet.

    File meta information and data set name the SOP class and instance of ``item.head``.

    :raises ConversionError: it cannot be changed; the message says why.
    :raises ConversionStopped: ``should_stop`` said yes.
    :raises OSError: a file could not be read or written.
    """
    change = item.change
    assert change is not None
    folder = target.parent
    source, head = _plain(item, folder, should_stop)
    is_deflated = source != item.path
    plain = folder / "changed.dcm" if is_deflated else target
    syntax = head.transfer_syntax_uid
    with source.open("rb") as file, plain.open("xb") as out:
        file.seek(head.dataset_offset)
        elements = list(_elements(Reader(file, should_stop), encoding_of(syntax)))
        looked_at = [one for one in elements if _is_looked_at(one, change.tags)]
        dataset = _decoded(file, looked_at, syntax)
        before = _encoded(dataset, syntax)
        change.apply(dataset)
        after = _encoded(dataset, syntax)
        changed = {tag: after.get(tag, b"") for tag in before | after if after.get(tag) != before.get(tag)}
        out.write(_head_bytes(item, syntax))
        _write(file, out, elements, changed, encoding_of(syntax), should_stop)
        size = out.tell()
    is_signed = any(one.tag in _SIGNATURES for one in elements)
    made = parse_head(_head_bytes(item, syntax))
    if is_deflated:
        syntax = item.head.transfer_syntax_uid
        deflated = convert_file(plain, made, syntax, target, scratch=folder, should_stop=should_stop)
        return Splice(deflated.head, deflated.size_bytes, is_signed)
    return Splice(made, size, is_signed)


def _head_bytes(item: SendItem, transfer_syntax_uid: str) -> bytes:
    head = item.head
    return write_head(
        sop_class_uid=head.sop_class_uid,
        sop_instance_uid=head.sop_instance_uid,
        transfer_syntax_uid=transfer_syntax_uid,
    )


def _write(
    file: IO[bytes],
    out: IO[bytes],
    elements: list[_Element],
    changed: Mapping[int, bytes],
    encoding: Encoding,
    should_stop: Callable[[], bool] | None,
) -> None:
    """Write the data set with ``changed`` elements in the place of those that there are, or at theirs."""
    left = dict(sorted(changed.items()))
    grown = _growth(elements, changed)
    for one in elements:
        for tag in [tag for tag in left if tag < one.tag]:
            out.write(left.pop(tag))
        if one.tag in left:
            out.write(left.pop(one.tag))
            continue
        file.seek(one.start)
        reader = Reader(file, should_stop)
        size = one.end - one.start
        if not one.tag & 0xFFFF and grown.get(one.tag >> 16) and size == _GROUP_LENGTH_BYTES:
            out.write(_group_length(reader.take(size, one.tag), grown[one.tag >> 16], encoding))
            continue
        for piece in reader.pieces(size, one.tag):
            out.write(piece)
    for data in left.values():
        out.write(data)


def _growth(elements: list[_Element], changed: Mapping[int, bytes]) -> dict[int, int]:
    """Bytes by which each group grows."""
    sizes = {one.tag: one.end - one.start for one in elements}
    grown: dict[int, int] = {}
    for tag, data in changed.items():
        grown[tag >> 16] = grown.get(tag >> 16, 0) + len(data) - sizes.get(tag, 0)
    return grown


def _group_length(element: bytes, more: int, encoding: Encoding) -> bytes:
    """A group length (gggg,0000) of a group that has grown (PS3.5 7.2)."""
    form = ">I" if encoding.big else "<I"
    length = struct.unpack(form, element[-4:])[0] + more
    if not 0 <= length <= 0xFFFF_FFFF:
        raise ConversionError(f"{tag_text(int.from_bytes(element[:2], 'little') << 16)} says no length of its group")
    return element[:-4] + struct.pack(form, length)


@asynccontextmanager
async def spliced(pool: Executor, item: SendItem) -> AsyncIterator[tuple[SendItem, Splice]]:
    """The changed copy of an item as a temporary file, made in a thread of ``pool``.

    The file is in a folder of its own, which nobody else can read and which is gone afterwards.

    :raises ConversionError: it cannot be changed.
    :raises OSError: a file could not be read or written.
    """
    async with temporary_copy(pool, "change", partial(_splice, item)) as (path, made):
        yield replace(item, path=path, head=made.head, size_bytes=made.size_bytes, change=None), made


def _splice(item: SendItem, path: Path, should_stop: Callable[[], bool]) -> Splice:
    return splice_file(item, path, should_stop=should_stop)
