"""Test data, made from a seed: instances in explicit VR little endian, the same bytes on every machine."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dicomgui.network.part10 import write_head
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN

SEED = 20250601
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_BLOCK = 2**24  # random bytes that a large object repeats


@dataclass(frozen=True)
class Work:
    """So many instances of a size.

    :ivar size: bytes of pixel data each.
    """

    name: str
    count: int
    size: int

    @property
    def total_bytes(self) -> int:
        return self.count * self.size

    @property
    def text(self) -> str:
        return f"{self.count} × {_amount(self.size)}"


@dataclass(frozen=True)
class Scale:
    """How much of everything is measured.

    :ivar shipped: tiny instances between two programs that wait 40 ms for each other, many times an instance.
    :ivar echoes: C-ECHO requests on one association.
    :ivar handshakes: associations over TLS, one after the other.
    :ivar huge: bytes of the object that R1 sends.
    :ivar pdus: of the trace that R3 looks at.
    """

    tiny: Work
    ct: Work
    big: Work
    shipped: int
    echoes: int
    handshakes: int
    huge: int
    pdus: int


FULL = Scale(Work("tiny", 2000, 1600), Work("CT", 500, 2**19), Work("big", 1, 2**30), 40, 5000, 200, 2**31, 1_000_000)
QUICK = Scale(Work("tiny", 2000, 1600), Work("CT", 200, 2**19), Work("big", 1, 2**28), 10, 5000, 100, 2**28, 200_000)
SMOKE = Scale(Work("tiny", 20, 1600), Work("CT", 3, 2**19), Work("big", 1, 2**21), 3, 20, 5, 2**22, 4000)
SMALLEST = 1600
"""Bytes of pixel data of an object of 2 KB."""


def _amount(size: int) -> str:
    for factor, unit in ((2**30, "GB"), (2**20, "MB")):
        if size >= factor // 2:
            return f"{size / factor:g} {unit}"
    return f"{(size + 448) / 1024:.0f} KB"


def make(folder: Path, work: Work) -> Path:
    """Write the instances of ``work`` into a folder of their own; returns it."""
    target = folder / work.name
    target.mkdir()
    chance = random.Random(f"{SEED} {work.name}")
    block = chance.randbytes(min(work.size, _BLOCK))
    for number in range(work.count):
        if number:
            block = chance.randbytes(len(block))
        with (target / f"{number:05}.dcm").open("wb") as file:
            file.write(_head(chance, work.size))
            for start in range(0, work.size, _BLOCK):
                file.write(block[: work.size - start])
    return target


def make_sparse(folder: Path, size: int) -> Path:
    """One instance of ``size`` zeros that take no room on the disk; returns its folder."""
    target = folder / f"sparse-{size}"
    target.mkdir()
    with (target / "0.dcm").open("wb") as file:
        file.write(_head(random.Random(SEED), size))
        file.truncate(file.tell() + size)
    return target


def some_of(source: Path, target: Path, count: int) -> Path:
    """A folder with links to the first ``count`` files of another."""
    target.mkdir()
    for path in sorted(source.iterdir())[:count]:
        (target / path.name).hardlink_to(path)
    return target


def _head(chance: random.Random, size: int) -> bytes:
    """Everything before the value of the pixel data."""
    instance, study, series = (f"2.25.{chance.getrandbits(120) | 1 << 119}" for _ in range(3))
    head = write_head(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid=instance, transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN
    )
    columns = 512 if size >= 2**19 else 32
    elements = (
        (0x0008, 0x0016, b"UI", CT_IMAGE_STORAGE),
        (0x0008, 0x0018, b"UI", instance),
        (0x0008, 0x0020, b"DA", "20250601"),
        (0x0008, 0x0060, b"CS", "CT"),
        (0x0010, 0x0010, b"PN", "Bench^Mark"),
        (0x0010, 0x0020, b"LO", "BENCH"),
        (0x0020, 0x000D, b"UI", study),
        (0x0020, 0x000E, b"UI", series),
        (0x0028, 0x0002, b"US", 1),
        (0x0028, 0x0004, b"CS", "MONOCHROME2"),
        (0x0028, 0x0010, b"US", min(65_535, size // 2 // columns)),
        (0x0028, 0x0011, b"US", columns),
        (0x0028, 0x0100, b"US", 16),
        (0x0028, 0x0101, b"US", 16),
        (0x0028, 0x0102, b"US", 15),
        (0x0028, 0x0103, b"US", 0),
    )
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, size)
    return head + b"".join(_elements(elements)) + pixels


def _elements(elements: tuple[tuple[int, int, bytes, str | int], ...]) -> Iterator[bytes]:
    for group, element, vr, value in elements:
        raw = struct.pack("<H", value) if isinstance(value, int) else value.encode("ascii")
        if len(raw) % 2:
            raw += b"\0" if vr == b"UI" else b" "
        yield struct.pack("<HH2sH", group, element, vr, len(raw)) + raw
