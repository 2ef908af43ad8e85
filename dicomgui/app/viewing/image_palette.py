"""The colours of a PALETTE COLOR image, also where its tables are segmented (PS3.3 C.7.6.3.1.5, C.7.9.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from dicomgui.app.viewing.viewed import Viewed

__all__ = ["Palette", "expand_segments", "read_palette"]

MAX_ENTRIES: Final = 65_536
_MAX_RAW: Final = 2 * MAX_ENTRIES


@dataclass(frozen=True, slots=True)
class Palette:
    """Red, green and blue of each stored value, a byte each.

    :ivar first: the stored value of the first entry; values below it have its colour, those above the last one's.
    """

    first: int
    red: bytes
    green: bytes
    blue: bytes


def read_palette(viewed: Viewed) -> Palette | None:
    """The palette of a data set, ``None`` where there is none or it is damaged."""
    planes, first = [], 0
    for number in range(3):
        descriptor = viewed.element(0x0028_1101 + number)
        raw = viewed.value_of(descriptor, 6) if descriptor is not None else b""
        if len(raw) < 6:
            return None
        is_big = viewed.transfer_syntax_uid == "1.2.840.10008.1.2.2"
        count, first, bits = struct.unpack(">HHH" if is_big else "<HHH", raw)
        plane = _plane(viewed, number, count or MAX_ENTRIES, bits, is_big=is_big)
        if not plane:
            return None
        planes.append(plane)
    if len({len(plane) for plane in planes}) != 1:
        return None
    return Palette(first, *planes)


def _plane(viewed: Viewed, number: int, count: int, bits: int, *, is_big: bool) -> bytes:
    plain, segmented = viewed.element(0x0028_1201 + number), viewed.element(0x0028_1221 + number)
    order = ">" if is_big else "<"
    if plain is not None:
        raw = viewed.value_of(plain, _MAX_RAW)
        if bits <= 8 and len(raw) < 2 * count:  # two entries in a word
            return raw[:count] if len(raw) >= count else b""
        values: tuple[int, ...] | list[int] = struct.unpack(f"{order}{len(raw) // 2}H", raw[: len(raw) // 2 * 2])
    elif segmented is not None:
        raw = viewed.value_of(segmented, _MAX_RAW)
        values = expand_segments(struct.unpack(f"{order}{len(raw) // 2}H", raw[: len(raw) // 2 * 2]))
        if bits <= 8 and len(values) < count:  # a byte each, as some write it
            values = expand_segments(tuple(raw), is_bytes=True)
    else:
        return b""
    values = values[:count]
    if len(values) < count:
        return b""
    is_wide = bits > 8 and max(values) > 0xFF  # many write 8 bits and say 16
    return bytes(value >> 8 if is_wide else value & 0xFF for value in values)


def expand_segments(words: tuple[int, ...], *, is_bytes: bool = False) -> list[int]:
    """The entries that the segments of a table stand for, at most :data:`MAX_ENTRIES`; what is damaged ends it.

    :param is_bytes: the table is one of bytes, and the place of an indirect segment takes four of them.
    """
    out: list[int] = []
    _expand(words, 0, len(words), out, is_inside=False, wide=4 if is_bytes else 2)
    return out[:MAX_ENTRIES]


def _expand(words: tuple[int, ...], at: int, most: int, out: list[int], *, is_inside: bool, wide: int) -> None:
    """Segments from ``at`` on, at most ``most`` of them."""
    while at + 2 <= len(words) and most > 0 and len(out) < MAX_ENTRIES:
        kind, length = words[at], words[at + 1]
        most -= 1
        if kind == 0:
            out += words[at + 2 : at + 2 + length]
            at += 2 + length
        elif kind == 1 and at + 2 < len(words) and out and length:
            start, end = out[-1], words[at + 2]
            out += [round(start + (end - start) * step / length) for step in range(1, length + 1)]
            at += 3
        elif kind == 2 and at + 1 + wide < len(words) and not is_inside:
            place = sum(words[at + 2 + number] << number * (32 // wide) for number in range(wide))
            _expand(words, place, length, out, is_inside=True, wide=wide)
            at += 2 + wide
        else:
            return
