"""Graphics that are stored over an image, in groups 6000 to 601E (PS3.3 C.9.2). For threads."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from dicomgui.app.viewing.image_facts import MAX_FRAME_BYTES, ImageFacts
from dicomgui.app.viewing.image_frames import Frame, has_numpy
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN
from dicomgui.trace.finding import plain

__all__ = ["Overlay", "Plane", "plane_of", "read_overlays"]

_GROUPS: Final = range(0x6000, 0x6020, 2)
_UNPACKED: Final = tuple(bytes(byte >> bit & 1 for bit in range(8)) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Overlay:
    """One group of the data set.

    :ivar row: of the image, from 0, where its first row is; may be negative.
    :ivar first_frame: of the image, from 0, that its first frame belongs to.
    :ivar frames: how many it has; one with a single frame belongs to all.
    :ivar place: of its bits in the data set; -1 where they are in the pixel data.
    :ivar bit: of the pixel data that it is in, where that is so.
    :ivar label: what it is called, else its group.
    """

    group: int
    rows: int
    columns: int
    row: int
    column: int
    first_frame: int
    frames: int
    place: int
    length: int
    bit: int
    label: str


@dataclass(frozen=True, slots=True)
class Plane:
    """An overlay of one frame: a byte for each of its pixels, 1 where there is graphics."""

    overlay: Overlay
    data: bytes


def read_overlays(viewed: Viewed) -> tuple[Overlay, ...]:
    """The overlays that have something to draw."""
    found = (_overlay(viewed, group) for group in _GROUPS)
    return tuple(one for one in found if one is not None)


def _overlay(viewed: Viewed, group: int) -> Overlay | None:
    rows, columns = _number(viewed, group, 0x0010), _number(viewed, group, 0x0011)
    if not (rows and columns) or rows * columns > MAX_FRAME_BYTES:
        return None
    data = viewed.element(group << 16 | 0x3000)
    if data is None and _number(viewed, group, 0x0100, 1) <= 1:
        return None
    origin = viewed.element(group << 16 | 0x0050)
    raw = viewed.value_of(origin, 4) if origin is not None else b""
    order = ">" if viewed.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else "<"
    row, column = struct.unpack(f"{order}hh", raw) if len(raw) == 4 else (1, 1)
    label = viewed.text_of(group << 16 | 0x1500).strip() or viewed.text_of(group << 16 | 0x0022).strip()
    return Overlay(
        group, rows, columns, row - 1, column - 1, _number(viewed, group, 0x0051, 1) - 1,
        max(1, _number(viewed, group, 0x0015, 1)), -1 if data is None else data.begin,
        0 if data is None else data.offset + data.length - data.begin, _number(viewed, group, 0x0102),
        plain(label, 60) or f"Overlay {group:04X}",
    )  # fmt: skip


def _number(viewed: Viewed, group: int, element: int, usual: int = 0) -> int:
    try:
        return int(viewed.text_of(group << 16 | element).partition("\\")[0])
    except ValueError:
        return usual


def plane_of(viewed: Viewed, facts: ImageFacts, overlay: Overlay, frame: Frame, index: int) -> Plane | None:
    """What of an overlay belongs to a frame of the image, from 0; ``None`` for nothing.

    :param frame: the decoded frame, where the overlay is in the pixel data.
    """
    if overlay.place < 0:
        return _embedded(facts, overlay, frame)
    number = 0 if overlay.frames == 1 else index - overlay.first_frame
    if not 0 <= number < overlay.frames:
        return None
    count = overlay.rows * overlay.columns
    start = number * count
    begin, end = start // 8, (start + count + 7) // 8
    data = viewed.read(overlay.place + begin, max(0, min(end, overlay.length) - begin))
    if viewed.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN:  # words, of which the lower byte comes first (PS3.5 8.1.2)
        begin_even = begin - begin % 2
        words = viewed.read(overlay.place + begin_even, max(0, min(end + 1, overlay.length) - begin_even))
        swapped = bytearray(len(words) // 2 * 2)
        swapped[0::2], swapped[1::2] = words[1 : len(swapped) : 2], words[0 : len(swapped) : 2]
        data = bytes(swapped[begin - begin_even :])
    bits = b"".join(map(_UNPACKED.__getitem__, data))[start % 8 : start % 8 + count]
    return Plane(overlay, bits + bytes(count - len(bits)))


def _embedded(facts: ImageFacts, overlay: Overlay, frame: Frame) -> Plane | None:
    """Graphics in a bit of the pixels that the image does not use, as retired data sets have them."""
    is_same = (overlay.rows, overlay.columns) == (facts.rows, facts.columns)
    width = {"B": 8, "H": 16}.get(frame.code.upper())
    is_used = facts.high_bit + 1 - facts.stored <= overlay.bit <= facts.high_bit
    if not is_same or width is None or frame.samples != 1 or is_used or overlay.bit >= width:
        return None
    if has_numpy():
        import numpy as np

        codes = np.frombuffer(frame.data, frame.code.upper())
        return Plane(overlay, bytes((codes >> overlay.bit & 1).astype("u1").tobytes()))
    values = memoryview(frame.data).cast("B" if width == 8 else "H")
    return Plane(overlay, bytes(value >> overlay.bit & 1 for value in values))
