"""Instances into another transfer syntax: between the uncompressed ones, and from compressed ones by decompression.

A C-STORE converts an uncompressed file where the peer takes another uncompressed transfer syntax alone (PS3.5
10.1); pixel data are decompressed only for a caller who asks for it. The work is done on disk, so that memory is
bounded by one decoded frame and a few MiB, whatever the size of the file (PS3.5 annex A; see
:mod:`~dicomgui.network.dimse.recode` and :mod:`~dicomgui.network.dimse.pixels` for what changes). Everything here
blocks and belongs in a thread. pydicom is imported on the first use, its pixel code only when there is something to
decompress.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from dicomgui.network.dimse.dataset import MAX_INFLATED, encode_dataset
from dicomgui.network.dimse.native import (
    PIECE_BYTES,
    ConversionError,
    ConversionStopped,
    Reader,
    Writer,
    encoding_of,
)
from dicomgui.network.part10 import MetaElement, Part10Head
from dicomgui.network.uids import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLEMENTATION_CLASS_UID,
    IMPLICIT_VR_LITTLE_ENDIAN,
    implementation_version_name,
    name_of,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomgui.network.dimse.recode import Edit, Remark

__all__ = [
    "MAX_CONVERTED",
    "ConversionError",
    "ConversionStopped",
    "Converted",
    "PixelKind",
    "convert_dataset",
    "convert_file",
    "kind_of",
    "target_syntax",
]

MAX_CONVERTED: Final = 4_294_967_296
"""Bytes to which a deflated file may grow on disk when it is converted."""

SPOOL_BYTES: Final = 8_388_608
"""Intermediate results up to this size stay in memory."""

NATIVE_SYNTAXES: Final = frozenset(
    {
        IMPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_BIG_ENDIAN,
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    }
)
_TARGETS: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"

_META_VRS: Final = {
    0x0000: b"UL", 0x0001: b"OB", 0x0002: b"UI", 0x0003: b"UI", 0x0010: b"UI", 0x0012: b"UI", 0x0013: b"SH",
    0x0016: b"AE", 0x0017: b"AE", 0x0018: b"AE", 0x0026: b"UR", 0x0027: b"UR", 0x0028: b"UR", 0x0031: b"OB",
    0x0032: b"UI", 0x0033: b"UI", 0x0035: b"OB", 0x0036: b"OB", 0x0037: b"UL", 0x0038: b"FD", 0x0100: b"UI",
    0x0102: b"OB",
}  # fmt: skip
"""File meta information (PS3.10 table 7.1-1)."""


class PixelKind(Enum):
    """What a transfer syntax does with pixel data, and so what a conversion has to do."""

    NATIVE = "uncompressed"
    """One of the four between which data sets convert without any loss."""
    LOSSLESS = "losslessly compressed"
    """It decompresses to what was compressed."""
    LOSSY = "lossily compressed"
    """It decompresses to what was kept. Some of these syntaxes may also be used without loss."""
    OTHER = "in an encoding of its own"
    """It passes as it is and in no other way: video, references, private syntaxes."""


def kind_of(transfer_syntax_uid: str) -> PixelKind:
    """What kind of transfer syntax a UID is; any is possible."""
    if transfer_syntax_uid in NATIVE_SYNTAXES:
        return PixelKind.NATIVE
    from dicomgui.network.dimse.pixels import LOSSLESS_SYNTAXES, LOSSY_SYNTAXES

    if transfer_syntax_uid in LOSSLESS_SYNTAXES:
        return PixelKind.LOSSLESS
    return PixelKind.LOSSY if transfer_syntax_uid in LOSSY_SYNTAXES else PixelKind.OTHER


def target_syntax(transfer_syntax_uid: str, accepted: Iterable[str]) -> str:
    """The transfer syntax UID that an uncompressed instance is to be converted into, of those that a peer takes.

    Explicit VR little endian before implicit and deflated, because it keeps the VRs; empty where none of them is taken,
    or where pixel data would have to be decompressed.
    """
    if transfer_syntax_uid not in NATIVE_SYNTAXES:
        return ""
    there = frozenset(accepted)
    return next((uid for uid in _TARGETS if uid in there), "")


@dataclass(frozen=True, slots=True)
class Converted:
    """A file that was made by a conversion.

    :ivar head: what its start says; with its path it can be sent (:class:`~dicomgui.network.InstanceFile`).
    :ivar size_bytes: of the file.
    :ivar source_syntax: transfer syntax UID of the file that it was made from.
    :ivar remarks: what the conversion changed beside the encoding.
    """

    head: Part10Head
    size_bytes: int
    source_syntax: str
    remarks: tuple[Remark, ...] = ()


class _How(NamedTuple):
    """What a conversion may do."""

    decompress: bool
    max_inflated: int
    scratch: Path | None
    should_stop: Callable[[], bool] | None


def convert_file(
    path: str | os.PathLike[str],
    head: Part10Head,
    transfer_syntax_uid: str,
    target: str | os.PathLike[str] | IO[bytes],
    *,
    decompress: bool = False,
    max_inflated: int = MAX_CONVERTED,
    scratch: Path | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Converted:
    """Write a file's instance in another transfer syntax, with file meta information (PS3.10 7.1) that says so.

    The meta information keeps what the old one said and names this program as the one that wrote it.

    :param head: of the file at ``path``.
    :param transfer_syntax_uid: implicit or explicit VR little endian, explicit VR big endian or deflated.
    :param target: a path at which there is nothing yet, or an empty file that can be written and positioned. What is at
        the path is removed again if the conversion fails.
    :param decompress: decode compressed pixel data; otherwise they are refused.
    :param max_inflated: bytes to which a deflated data set may grow.
    :param scratch: folder for intermediate files, which hold what the instance holds; the system's usual one if left
        out. They have no names, or are readable for this user alone.
    :param should_stop: asked now and then whether to give up.
    :raises ConversionError: it cannot be converted; the message says why.
    :raises ConversionStopped: ``should_stop`` said yes.
    :raises OSError: a file could not be read or written.
    """
    if head.sop_class_uid == MEDIA_DIRECTORY:
        raise ConversionError("a DICOMDIR points into itself by byte offsets, which a conversion would break")
    path = Path(path)
    if isinstance(target, str | os.PathLike):
        target = Path(target)
        with target.open("xb") as file:
            try:
                return convert_file(
                    path, head, transfer_syntax_uid, file,
                    decompress=decompress, max_inflated=max_inflated, scratch=scratch, should_stop=should_stop,
                )  # fmt: skip
            except BaseException:
                file.close()
                target.unlink(missing_ok=True)
                raise
    how = _How(decompress, max_inflated, scratch, should_stop)
    elements = _meta_elements(head, transfer_syntax_uid)
    meta = _meta(elements)
    with path.open("rb") as source:
        source.seek(head.dataset_offset)
        target.write(meta)
        remarks = _convert(source, head.transfer_syntax_uid, target, transfer_syntax_uid, how)
    uids = (transfer_syntax_uid, head.sop_class_uid, head.sop_instance_uid)
    return Converted(Part10Head(len(meta), *uids, True, (), elements), target.tell(), head.transfer_syntax_uid, remarks)


def convert_dataset(
    dataset: bytes | bytearray | memoryview | Dataset,
    source_syntax_uid: str,
    target_syntax_uid: str,
    *,
    decompress: bool = False,
    max_inflated: int = MAX_INFLATED,
) -> bytes:
    """A data set in another transfer syntax, in memory; see :func:`convert_file`.

    :param dataset: its bytes, or one of pydicom, which is encoded in ``source_syntax_uid`` first.
    :raises ConversionError: it cannot be converted.
    :raises LocalProtocolError: pydicom cannot encode it.
    """
    if not isinstance(dataset, bytes | bytearray | memoryview):
        dataset = encode_dataset(dataset, source_syntax_uid)
    target = BytesIO()
    how = _How(decompress, max_inflated, None, None)
    _convert(BytesIO(dataset), source_syntax_uid, target, target_syntax_uid, how)
    return target.getvalue()


def _convert(source: IO[bytes], source_uid: str, target: IO[bytes], target_uid: str, how: _How) -> tuple[Remark, ...]:
    """From where ``source`` stands to its end, to where ``target`` stands."""
    if source_uid == target_uid:
        shutil.copyfileobj(source, target, PIECE_BYTES)
        return ()
    kind = kind_of(source_uid)
    if target_uid not in NATIVE_SYNTAXES:
        raise ConversionError(f"{name_of(target_uid)} is not one of the uncompressed transfer syntaxes")
    if kind is PixelKind.OTHER:
        raise ConversionError(f"{name_of(source_uid)} cannot be converted", hint="Send it as it is.")
    if kind is not PixelKind.NATIVE and not how.decompress:
        raise ConversionError(f"{name_of(source_uid)} would have to be decompressed, which was not asked for")
    with ExitStack() as stack:
        if source_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            source = _inflated(source, how, stack)
        edits = {} if kind is PixelKind.NATIVE else _decompressed(source, source_uid, how, stack)
        if target_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            plain = _spool(how, stack)
            remarks = _recode(source, source_uid, plain, target_uid, edits, how)
            plain.seek(0)
            _deflate(plain, target, how)
        else:
            remarks = _recode(source, source_uid, target, target_uid, edits, how)
    return remarks


def _spool(how: _How, stack: ExitStack) -> IO[bytes]:
    folder = None if how.scratch is None else str(how.scratch)
    return stack.enter_context(tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=folder))


def _recode(
    source: IO[bytes],
    source_uid: str,
    target: IO[bytes],
    target_uid: str,
    edits: dict[int, dict[int, Edit | None]],
    how: _How,
) -> tuple[Remark, ...]:
    from dicomgui.network.dimse.recode import recode

    before, after = encoding_of(source_uid), encoding_of(target_uid)
    reader = Reader(source, how.should_stop)
    if before == after and not edits:  # to deflated and back nothing changes
        for piece in reader.pieces(reader.end - reader.position, 0):
            target.write(piece)
        return ()
    return recode(reader, before, Writer(target), after, edits)


def _decompressed(source: IO[bytes], source_uid: str, how: _How, stack: ExitStack) -> dict[int, dict[int, Edit | None]]:
    """What changes by decoding all compressed pixel data, those of icons too."""
    from dicomgui.network.dimse.pixels import decompress, find_images

    start = source.tell()
    images = find_images(Reader(source, how.should_stop), encoding_of(source_uid))
    edits = {
        image.level: decompress(source, image, source_uid, _spool(how, stack), how.should_stop) for image in images
    }
    source.seek(start)
    return edits


def _inflated(source: IO[bytes], how: _How, stack: ExitStack) -> IO[bytes]:
    """A raw deflate stream unpacked, from its start on (PS3.5 A.5)."""
    target, inflate, size = _spool(how, stack), zlib.decompressobj(wbits=-zlib.MAX_WBITS), 0
    reader = Reader(source, how.should_stop)
    try:
        for piece in reader.pieces(reader.end - reader.position, 0):
            while piece and not inflate.eof:
                data = inflate.decompress(piece, PIECE_BYTES)
                piece = inflate.unconsumed_tail
                size += len(data)
                if size > how.max_inflated:
                    raise ConversionError(f"the deflated data set inflates to more than {how.max_inflated:,} bytes")
                reader.check_stop()
                target.write(data)
        target.write(inflate.flush())
    except zlib.error as error:
        raise ConversionError(f"the deflated data set is damaged: {error}") from error
    if not inflate.eof:
        raise ConversionError("the deflated data set breaks off", hint="The copy is incomplete: fetch the file again.")
    target.seek(0)
    return target


def _deflate(source: IO[bytes], target: IO[bytes], how: _How) -> None:
    deflate, size = zlib.compressobj(wbits=-zlib.MAX_WBITS), 0
    reader = Reader(source, how.should_stop)
    for piece in reader.pieces(reader.end, 0):
        size += target.write(deflate.compress(piece))
    size += target.write(deflate.flush())
    target.write(b"\0" * (size & 1))


def _meta_elements(head: Part10Head, transfer_syntax_uid: str) -> tuple[MetaElement, ...]:
    """The file meta information of a file that says the same in another transfer syntax, without its length."""
    values = {element: value for element, value in head.meta if element}
    values |= {
        0x0001: b"\0\1",
        0x0002: head.sop_class_uid.encode("latin-1"),
        0x0003: head.sop_instance_uid.encode("latin-1"),
        0x0010: transfer_syntax_uid.encode("latin-1"),
        0x0012: IMPLEMENTATION_CLASS_UID.encode("latin-1"),
        0x0013: implementation_version_name().encode("latin-1"),
    }
    return tuple(MetaElement(element, _padded(element, values[element])) for element in sorted(values))


def _padded(element: int, value: bytes) -> bytes:
    """A value of even length."""
    filler = b"\0" if _vr_of(element) in (b"UI", b"OB", b"UN") else b" "
    return value + filler * (len(value) % 2)


def _vr_of(element: int) -> bytes:
    return _META_VRS.get(element, b"UN")


def _meta(elements: tuple[MetaElement, ...]) -> bytes:
    """Preamble, ``DICM`` and group 0002."""
    group = b"".join(_meta_element(element, value) for element, value in elements)
    return bytes(128) + b"DICM" + _meta_element(0, struct.pack("<I", len(group))) + group


def _meta_element(element: int, value: bytes) -> bytes:
    vr = _vr_of(element)
    if vr in (b"OB", b"UN", b"UR"):
        return struct.pack("<HH2sHI", 2, element, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value
