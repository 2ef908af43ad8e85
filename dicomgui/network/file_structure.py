"""Structure of the data set in a DICOM file (PS3.10 7): only headers are read, long values are passed over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from dicomgui.network.part10 import Part10Head, read_head
from dicomgui.network.structure import UNLIMITED, StructureLimits, StructureReader, StructureReport
from dicomgui.network.uids import DEFLATED_TRANSFER_SYNTAXES

__all__ = ["read_file_structure"]

_PIECE_BYTES: Final = 16_384
_DEFLATED_PIECE_BYTES: Final = 262_144


def read_file_structure(
    path: str | os.PathLike[str], head: Part10Head | None = None, limits: StructureLimits = UNLIMITED
) -> StructureReport:
    """The structure of the data set in a file. Blocks; for any thread.

    :param head: the start of the file where it is known; otherwise it is read.
    :raises Part10Error: it has no head that can be read.
    :raises OSError: it cannot be read.
    """
    known = read_head(path) if head is None else head
    reader = StructureReader(known.transfer_syntax_uid, limits)
    is_deflated = known.transfer_syntax_uid in DEFLATED_TRANSFER_SYNTAXES
    step = _DEFLATED_PIECE_BYTES if is_deflated else _PIECE_BYTES
    with Path(path).open("rb", buffering=0) as stream:
        at, end = known.dataset_offset, os.fstat(stream.fileno()).st_size
        stream.seek(at)
        while reader.fault is None and (piece := stream.read(step)):
            reader.feed(piece)
            at += len(piece)
            passed = min(reader.passable, end - at)
            if passed > 0:
                reader.pass_over(passed)
                at += passed
                stream.seek(at)
    return reader.finish()
