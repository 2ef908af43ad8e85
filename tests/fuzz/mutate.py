"""Changes to inputs without knowing what they do, and making an input that breaks something as short as it can be."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Sequence

NUMBERS = (0, 1, 2, 3, 6, 0x7F, 0x80, 0xFF, 0x100, 0x3FFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF,
           0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)  # fmt: skip
PIECES = (
    b"\0" * 4, b"\xff" * 4, b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\xdd\xe0\0\0\0\0", b"SQ\0\0\xff\xff\xff\xff",
    b"../../", b"\n", b'"', b"\\", "\N{RIGHT-TO-LEFT OVERRIDE}".encode(), b"<b>", b"1.2.840.10008.1.2.1", b"1" * 70,
    b"(" * 60, b"[" * 60, b" and ", b" not ", b"inf", b"nan", b"-1", b"1e999", b"9" * 30,
)  # fmt: skip


def mutated(data: bytes, others: Sequence[bytes], dice: random.Random, limit: int) -> bytes:
    """``data`` after some changes, at most ``limit`` bytes long."""
    result = bytearray(data[:limit])
    for _ in range(1 << dice.randrange(4)):
        _change(result, others, dice)
    return bytes(result[:limit])


def _change(data: bytearray, others: Sequence[bytes], dice: random.Random) -> None:
    at = dice.randrange(len(data) + 1)
    end = min(len(data), at + 1 + int(dice.expovariate(0.1)))
    kind = dice.randrange(9)
    if kind == 0 and data:
        data[at % len(data)] ^= 1 << dice.randrange(8)
    elif kind == 1 and data:
        data[at % len(data)] = dice.randrange(256)
    elif kind == 2:
        packed = struct.pack(dice.choice("<>") + "I", dice.choice(NUMBERS))
        packed = packed[: dice.choice((2, 4))] if dice.random() < 0.5 else packed[-2:]
        data[at : at + len(packed)] = packed
    elif kind == 3:
        del data[at:end]
    elif kind == 4:
        data[at:at] = data[at:end] * dice.choice((1, 1, 2, 50))
    elif kind == 5:
        data[at:at] = dice.choice(PIECES)
    elif kind == 6 and others:
        other = dice.choice(others)
        begin = dice.randrange(len(other) + 1)
        data[at:end] = other[begin : begin + dice.randrange(1, 200)]
    elif kind == 7 and dice.random() < 0.3:
        del data[at:]
    elif data:
        place = at % len(data)
        data[place] = (data[place] + dice.choice((-1, 1))) % 256


def minimised(data: bytes, fails: Callable[[bytes], bool], *, seconds: float = 20.0) -> bytes:
    """The shortest input found, by leaving out parts, for which ``fails`` still says yes."""
    until = time.monotonic() + seconds
    size = max(1, len(data) // 2)
    while time.monotonic() < until:
        at, was = 0, len(data)
        while at < len(data) and time.monotonic() < until:
            shorter = data[:at] + data[at + size :]
            if fails(shorter):
                data = shorter
            else:
                at += size
        if size == 1 and len(data) == was:
            break
        size = max(1, size // 2) if len(data) == was or size > 1 else 1
    return data
