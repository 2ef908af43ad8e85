"""Instances inside a ZIP archive: found and extracted one by one, safely and within bounds."""

from __future__ import annotations

import lzma
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from dicomgui.network.part10 import NotPart10, Part10Error, Part10Head, read_head
from dicomgui.storage.disk import has_room

__all__ = ["Member", "extract_instances", "is_zip"]

MAX_MEMBERS = 200_000
"""An archive with more entries is refused."""

MAX_EXTRACTED_BYTES = 32 * 2**30
"""Of one archive, all members together: what a few bytes inflate to must not fill a disk."""

MAX_DIRECTORY_BYTES = 64 * 2**20
"""Of the list of members, which is read in one piece: each may cost twenty times the bytes that it has there."""

_PIECE = 2**20
_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_ENTRY = b"PK\x01\x02"
# Those that zipfile unpacks piece by piece; a thousand bytes of BZIP2 or LZMA become a gigabyte in one.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OTHER_METHODS = {9: "Deflate64", zipfile.ZIP_BZIP2: "BZIP2", zipfile.ZIP_LZMA: "LZMA", 93: "Zstandard"}
# What zipfile raises for archives that are damaged, encrypted, or packed in a way that it does not know.
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)


class Member(NamedTuple):
    """One member of an archive.

    :ivar name: as the archive calls it; may hold any characters.
    :ivar path: where it was extracted to.
    :ivar head: what its start says; ``None`` where it was not extracted.
    :ivar reason: why it was not.
    :ivar is_fault: whether the user should care about that.
    """

    name: str
    path: Path
    head: Part10Head | None
    reason: str = ""
    is_fault: bool = False


class _Refused(Exception):
    """The archive asks for more than it may have."""


class _Directory(FileIO):
    """An archive's file whose list of members is counted before anything is made of it."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As usual, but for what is read in one piece and is too much."""
        if size is None or size < 0:
            size = max(0, os.fstat(self.fileno()).st_size - self.tell())
        if size > MAX_DIRECTORY_BYTES:
            raise _Refused(f"the list of members is longer than {MAX_DIRECTORY_BYTES:,} bytes")
        data = super().read(size) or b""
        if data.count(_ENTRY) > MAX_MEMBERS:
            raise _Refused(f"the archive has more than {MAX_MEMBERS:,} members")
        return data


def is_zip(path: Path) -> bool:
    """Whether the file begins like a ZIP archive; ``False`` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4) in _STARTS
    except OSError:
        return False


def extract_instances(archive: Path, folder: Path, tick: Callable[[str], None]) -> Iterator[Member]:
    """Extract what is a DICOM file into ``folder``, under names of our own; tell of everything else why not.

    :param tick: called with each member's name before it is looked at; may raise to end the work.
    """
    nothing = Path()
    try:
        with _Directory(archive) as file, zipfile.ZipFile(file) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            left = MAX_EXTRACTED_BYTES
            own = Path(tempfile.mkdtemp(dir=folder))
            for number, entry in enumerate(entries):
                tick(entry.filename)
                member = _extract(opened, entry, own / f"{number:06d}.dcm", left)
                if member.head is not None:
                    left -= member.path.stat().st_size
                yield member
    except _Refused as error:
        yield Member("", nothing, None, str(error), is_fault=True)
    except _ZIP_FAULTS as error:
        yield Member("", nothing, None, f"the archive cannot be read: {error}", is_fault=True)


def _extract(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int) -> Member:
    if entry.compress_type not in _METHODS:
        method = _OTHER_METHODS.get(entry.compress_type, f"method {entry.compress_type}")
        return Member(entry.filename, target, None, f"it is packed by {method}, not by Deflate", is_fault=True)
    try:
        with opened.open(entry) as member:
            head = read_head(cast(BinaryIO, member))
        with opened.open(entry) as member, target.open("xb") as file:
            while piece := member.read(_PIECE):
                left -= len(piece)
                if left < 0 or not has_room(target.parent):
                    raise _Refused("the archive inflates to more than there is room for")
                file.write(piece)
    except NotPart10 as error:
        return Member(entry.filename, target, None, str(error))
    except (Part10Error, *_ZIP_FAULTS) as error:
        target.unlink(missing_ok=True)
        return Member(entry.filename, target, None, str(error) or type(error).__name__, is_fault=True)
    except _Refused:
        target.unlink(missing_ok=True)
        raise
    return Member(entry.filename, target, head)
