"""Data sets written byte by byte, so that a test can hold what no writer would write."""

from __future__ import annotations

import struct

LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
UNDEFINED = 0xFFFFFFFF


def explicit(tag: int, vr: str, value: bytes = b"", length: int | None = None, order: str = "<") -> bytes:
    """An element in explicit VR; ``length`` says another one than it has."""
    size = len(value) if length is None else length
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) + vr.encode("ascii")
    size_field = struct.pack(f"{order}HI", 0, size) if vr in LONG else struct.pack(f"{order}H", size)
    return head + size_field + value


def implicit(tag: int, value: bytes = b"", length: int | None = None, order: str = "<") -> bytes:
    """An element in implicit VR; items and delimiters look so in every encoding."""
    return struct.pack(f"{order}HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def item(value: bytes, *, undefined: bool = False, order: str = "<") -> bytes:
    """An item; one of undefined length has its delimiter."""
    if not undefined:
        return implicit(0xFFFEE000, value, order=order)
    return implicit(0xFFFEE000, value, UNDEFINED, order) + implicit(0xFFFEE00D, order=order)


def delimiter(order: str = "<") -> bytes:
    """The end of a sequence of undefined length."""
    return implicit(0xFFFEE0DD, order=order)
