"""What a soak knows of what it sent: what must be there, what may be, what must not be, and how long all of it took."""

from __future__ import annotations

import hashlib
import random
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dicomgui.network.part10 import Part10Error, read_head, write_head
from dicomgui.storage.layout import INCOMING, instance_path

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
ROOT = "1.2.826.0.1.3680043.8.498.77"
STUDY_SIZE = 8
SIZES = ((2_000, 60), (60_000, 36), (500_000, 3.8), (8_000_000, 0.2))
"""Bytes of pixels, and how often in a hundred."""


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    return head + (struct.pack("<HI", 0, len(value)) if vr == b"OW" else struct.pack("<H", len(value))) + value


def data_set(uid: str, study: str, patient: str, pixels: bytes) -> bytes:
    """A data set in explicit VR little endian that an archive can index."""
    return b"".join((
        _element(0x0008_0016, b"UI", CT.encode()), _element(0x0008_0018, b"UI", uid.encode()),
        _element(0x0008_0060, b"CS", b"CT"), _element(0x0010_0010, b"PN", b"Soak^Test"),
        _element(0x0010_0020, b"LO", patient.encode()), _element(0x0020_000D, b"UI", study.encode()),
        _element(0x0020_000E, b"UI", f"{study}.1".encode()), _element(0x7FE0_0010, b"OW", pixels),
    ))  # fmt: skip


def file_bytes(uid: str, data: bytes) -> bytes:
    """The data set as a Part 10 file."""
    return write_head(sop_class_uid=CT, sop_instance_uid=uid, transfer_syntax_uid=EXPLICIT) + data


@dataclass(slots=True)
class Ledger:
    """All that one run did.

    :ivar studies: acknowledged instances by study: UID to the digest of the data set. Only whole studies are asked for.
    :ivar open_studies: the same for those that still get instances.
    :ivar unanswered: whole data sets whose answer nobody waited for: they may be there, whole, or not.
    :ivar broken: data sets that were cut off: they must not be there.
    :ivar faults: what went wrong for a peer that keeps to the rules, one line each.
    """

    dice: random.Random
    studies: dict[str, dict[str, str]] = field(default_factory=dict)
    open_studies: dict[str, dict[str, str]] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    times: dict[str, list[float]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0
    _last: int = 0

    def new_uid(self) -> str:
        """A UID that no other call gives."""
        self._last += 1
        return f"{ROOT}.{self._last}"

    def pixels(self) -> bytes:
        """As many bytes as instances have, more or less."""
        size = self.dice.choices([size for size, _ in SIZES], [weight for _, weight in SIZES])[0]
        return self.dice.randbytes(2 * self.dice.randrange(size // 4, size // 2))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Count and time what a good peer does."""
        began = time.monotonic()
        yield
        self.times.setdefault(what, []).append(time.monotonic() - began)

    def acknowledged(self, study: str, uid: str, data: bytes) -> None:
        """Success was answered: from now on it must be there."""
        self.sent_bytes += len(data)
        open_study = self.open_studies.setdefault(study, {})
        open_study[uid] = digest(data)
        if len(open_study) >= STUDY_SIZE:
            self.studies[study] = self.open_studies.pop(study)

    def a_study(self) -> tuple[str, dict[str, str]] | None:
        """One of the whole studies; ``None`` while there is none."""
        if not self.studies:
            return None
        study = self.dice.choice(list(self.studies))
        return study, self.studies[study]

    @property
    def must_be_there(self) -> dict[str, str]:
        """Every acknowledged instance."""
        return {
            uid: found
            for study in (self.studies, self.open_studies)
            for one in study.values()
            for uid, found in one.items()
        }


def digest(data: bytes) -> str:
    """What data sets are compared by."""
    return hashlib.sha256(data, usedforsecurity=False).hexdigest()


def kept_digest(path: Path) -> str:
    """The digest of the data set in a file; empty where there is none."""
    try:
        head = read_head(path)
        with path.open("rb") as file:
            file.seek(head.dataset_offset)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, Part10Error):
        return ""


def differences(ledger: Ledger, folder: Path) -> list[str]:
    """What is on disk and should not be so, one line each."""
    wrong = []
    for uid, expected in ledger.must_be_there.items():
        found = kept_digest(instance_path(folder, uid))
        if found != expected:
            wrong.append(f"{uid} was acknowledged and is {'different' if found else 'not there'}")
    for uid, expected in ledger.unanswered.items():
        found = kept_digest(instance_path(folder, uid))
        if found not in ("", expected):
            wrong.append(f"{uid} is there, but torn")
    wrong += [f"{uid} was cut off and is there" for uid in ledger.broken if instance_path(folder, uid).exists()]
    known = {instance_path(folder, uid) for uid in (*ledger.must_be_there, *ledger.unanswered)}
    strangers = [path for path in folder.glob("??/*") if path not in known]
    wrong += [f"{path.name} is there, and nobody sent it" for path in strangers[:10]]
    wrong += [f"{path.name} was left in {INCOMING}" for path in (folder / INCOMING).glob("*.part")]
    return wrong
