"""What lies in a data set and is a file of its own: a video, a PDF document, a 3D model. For threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dicomgui.app.viewing.viewed import Viewed, elements_of
from dicomgui.network.uids import name_of
from dicomgui.trace.finding import plain

__all__ = ["Enclosed", "find_enclosed", "save_enclosed"]

_VIDEO: Final = (
    "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.103",
    "1.2.840.10008.1.2.4.104", "1.2.840.10008.1.2.4.105", "1.2.840.10008.1.2.4.106", "1.2.840.10008.1.2.4.107",
    "1.2.840.10008.1.2.4.108",
)  # fmt: skip
"""MPEG-2, MPEG-4 AVC/H.264 and HEVC/H.265, and the same in fragments (PS3.5 8.2.5 and following)."""
_HEVC: Final = _VIDEO[-2:]
_PIXEL_DATA: Final = 0x7FE0_0010
_DOCUMENT: Final = 0x0042_0011
_PIECE: Final = 1_048_576
_ITEM_HEAD: Final = 8

_SUFFIXES: Final = {
    "application/pdf": ("PDF document", ".pdf"), "text/xml": ("CDA document", ".xml"),
    "application/xml": ("CDA document", ".xml"), "model/stl": ("3D model", ".stl"), "model/obj": ("3D model", ".obj"),
    "model/mtl": ("3D material", ".mtl"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Enclosed:
    """One such file.

    :ivar what: it is, in words that follow an article.
    :ivar detail: of which kind, a sentence.
    :ivar suffix: of its name, with the dot.
    :ivar pieces: places and lengths in the data set, which make it up one after the other.
    """

    what: str
    detail: str
    suffix: str
    pieces: tuple[tuple[int, int], ...]

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        return sum(length for _, length in self.pieces)


def find_enclosed(viewed: Viewed) -> Enclosed | None:
    """What a data set encloses, ``None`` for nothing. Blocks."""
    node = viewed.element(_DOCUMENT)
    if node is not None and node.begin >= 0 and node.offset + node.length > node.begin:
        said = viewed.text_of(0x0042_0012).strip().lower()
        what, suffix = _SUFFIXES.get(said, ("document", ".bin"))
        length = node.offset + node.length - node.begin
        told = viewed.text_of(0x0042_0015)  # Encapsulated Document Length: the value may end in a byte of padding
        exact = int(told) if told.isascii() and told.isdigit() and len(told) < 12 else length
        pieces = ((node.begin, exact if length - 1 <= exact <= length else length),)
        return Enclosed(what, plain(f"It holds a {what}{f' ({said})' if said else ''}.", 200), suffix, pieces)
    return _video(viewed)


def _video(viewed: Viewed) -> Enclosed | None:
    uid = viewed.transfer_syntax_uid.removesuffix(".1")
    node = viewed.element(_PIXEL_DATA)
    if uid not in _VIDEO or node is None or node.begin >= 0:
        return None
    fragments = (item for item in elements_of(node) if item.label.startswith("Fragment "))
    pieces = tuple((item.offset + _ITEM_HEAD, item.length - _ITEM_HEAD) for item in fragments)
    if not pieces:
        return None
    detail = f"It is a video, {name_of(viewed.transfer_syntax_uid)}, which is not played here."
    return Enclosed("video", detail, _suffix_of(viewed.read(pieces[0][0], 400), is_hevc=uid in _HEVC), pieces)


def _suffix_of(start: bytes, *, is_hevc: bool) -> str:
    """By what it begins with: DICOM says only how it is coded, not in what container."""
    if start[4:8] == b"ftyp":
        return ".mp4"
    if start[:1] == b"\x47" and start[188:189] in (b"\x47", b""):
        return ".ts"
    if start[:4] == b"\0\0\1\xba":
        return ".mpg"
    if start[:4] == b"\0\0\1\xb3":
        return ".m2v"
    return ".h265" if is_hevc else ".h264"


def save_enclosed(viewed: Viewed, enclosed: Enclosed, path: Path) -> None:
    """Write it to a file of its own, as a whole or not at all. Blocks.

    :raises OSError: it could not be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            for piece in _bytes_of(viewed, enclosed):
                file.write(piece)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _bytes_of(viewed: Viewed, enclosed: Enclosed) -> Iterator[bytes]:
    for begin, length in enclosed.pieces:
        for at in range(0, length, _PIECE):
            yield viewed.read(begin + at, min(_PIECE, length - at))
