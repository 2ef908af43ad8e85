"""Test data, made from a seed: instances in explicit VR little endian, the same bytes on every machine."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
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
    :ivar slow: tiny instances, images and associations for programs that take long for each.
    :ivar echoes: C-ECHO requests on one association.
    :ivar handshakes: associations, one after the other.
    :ivar synced: images that are received with fsync.
    :ivar huge: bytes of the object that R1 sends.
    :ivar pdus: of the trace that R3 looks at.
    :ivar matches: of a C-FIND that is timed.
    :ivar streamed: of a C-FIND while the window is watched.
    :ivar endless: of a C-FIND while memory is watched.
    :ivar stored: instances of a large archive.
    :ivar imported: files that are imported.
    :ivar associations: that stand idle.
    :ivar connections: that stand idle and never become associations.
    :ivar repeated: how many times the images of the other rows are received while the window is watched: a percentile
        needs some hundred ticks of the timer.
    :ivar idle_s: how long the window is watched while nothing happens.
    """

    tiny: Work
    ct: Work
    big: Work
    shipped: int
    slow: int
    echoes: int
    handshakes: int
    synced: int
    huge: int
    pdus: int
    matches: int
    streamed: int
    endless: int
    stored: int
    imported: int
    associations: int
    connections: int
    repeated: int
    idle_s: float


FULL = Scale(
    Work("tiny", 2000, 1600), Work("CT", 500, 2**19), Work("big", 1, 2**30),
    shipped=40, slow=100, echoes=5000, handshakes=200, synced=200, huge=2**31, pdus=1_000_000, matches=10_000,
    streamed=100_000, endless=1_000_000, stored=100_000, imported=3000, associations=250, connections=1000, repeated=4,
    idle_s=2.0,
)  # fmt: skip
QUICK = Scale(
    Work("tiny", 2000, 1600), Work("CT", 200, 2**19), Work("big", 1, 2**28),
    shipped=10, slow=30, echoes=5000, handshakes=100, synced=50, huge=2**28, pdus=200_000, matches=2000,
    streamed=30_000, endless=100_000, stored=10_000, imported=1000, associations=100, connections=200, repeated=4,
    idle_s=2.0,
)  # fmt: skip
SMOKE = Scale(
    Work("tiny", 20, 1600), Work("CT", 3, 2**19), Work("big", 1, 2**21),
    shipped=3, slow=2, echoes=20, handshakes=5, synced=2, huge=2**22, pdus=2000, matches=40,
    streamed=40, endless=500, stored=60, imported=20, associations=5, connections=5, repeated=2,
    idle_s=0.2,
)  # fmt: skip
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


PER_STUDY = 50
PER_SERIES = 25
STUDIES_PER_PATIENT = 2


def make_studies(folder: Path, count: int) -> Path:
    """So many studies of one small instance each, every one of another patient."""
    folder.mkdir()
    for number in range(count):
        uid, content = _filed(number, study=number, series=number, patient=number)
        (folder / f"{uid}.dcm").write_bytes(content)
    return folder


def make_archive(folder: Path, count: int, name_of: Callable[[str], str]) -> Path:
    """So many small instances of studies, series and patients, with the names that an archive gives them.

    :param name_of: the path inside of the folder, by SOP Instance UID.
    """
    for prefix in range(256):
        (folder / f"{prefix:02x}").mkdir(parents=True)
    for number in range(count):
        study = number // PER_STUDY
        uid, content = _filed(number, study=study, series=number // PER_SERIES, patient=study // STUDIES_PER_PATIENT)
        (folder / name_of(uid)).write_bytes(content)
    return folder


def keys_of(number: int) -> dict[str, str]:
    """What identifies an instance that :func:`make_archive` has made, at each level."""
    study = number // PER_STUDY
    return {
        "PatientID": f"P{study // STUDIES_PER_PATIENT:06}", "AccessionNumber": f"A{study:06}",
        "StudyInstanceUID": _uid(2, study), "SeriesInstanceUID": _uid(3, number // PER_SERIES),
        "SOPInstanceUID": _uid(1, number),
    }  # fmt: skip


def _uid(kind: int, number: int) -> str:
    return f"1.2.826.0.1.3680043.8.498.{SEED}.{kind}.{number}"


def _filed(number: int, *, study: int, series: int, patient: int) -> tuple[str, bytes]:
    """SOP Instance UID and file of one instance of an archive."""
    uid = _uid(1, number)
    head = write_head(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid=uid, transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN
    )
    elements = (
        (0x0008, 0x0016, b"UI", CT_IMAGE_STORAGE),
        (0x0008, 0x0018, b"UI", uid),
        (0x0008, 0x0020, b"DA", f"{2000 + study % 25}{study % 12 + 1:02}{study % 28 + 1:02}"),
        (0x0008, 0x0030, b"TM", f"{study % 24:02}{study % 60:02}00"),
        (0x0008, 0x0050, b"SH", f"A{study:06}"),
        (0x0008, 0x0060, b"CS", "CT"),
        (0x0008, 0x1030, b"LO", f"Study {study}"),
        (0x0010, 0x0010, b"PN", f"Bench^Mark {patient}"),
        (0x0010, 0x0020, b"LO", f"P{patient:06}"),
        (0x0020, 0x000D, b"UI", _uid(2, study)),
        (0x0020, 0x000E, b"UI", _uid(3, series)),
        (0x0020, 0x0011, b"IS", str(series % 2 + 1)),
        (0x0020, 0x0013, b"IS", str(number % PER_SERIES + 1)),
        (0x0028, 0x0010, b"US", 4),
        (0x0028, 0x0011, b"US", 4),
    )
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 32) + bytes(32)
    return uid, head + b"".join(_elements(elements)) + pixels


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
