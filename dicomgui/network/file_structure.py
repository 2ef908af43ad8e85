"""Structure of the data set in a DICOM file (PS3.10 7): headers are read, long values passed over."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from dicomgui.network.part10 import Part10Head, read_head
from dicomgui.network.structure import UNLIMITED, StructureLimits, StructureReader, StructureReport
from dicomgui.network.uids import DEFLATED_TRANSFER_SYNTAXES

__all__ = ["read_file_structure", "read_stream_structure"]

_PIECE_BYTES: Final = 16_384
_WHOLE_PIECE_BYTES: Final = 262_144


def read_file_structure(
    path: str | os.PathLike[str],
    head: Part10Head | None = None,
    limits: StructureLimits = UNLIMITED,
    *,
    reads_all: bool = False,
) -> StructureReport:
    """The structure of the data set in a file. Blocks; for any thread.

    :param head: the start of the file where it is known; otherwise it is read.
    :param reads_all: read the values as well, up to a fault: what cannot be read raises.
    :raises Part10Error: it has no head that can be read.
    :raises OSError: it cannot be read.
    """
    known = read_head(path) if head is None else head
    with Path(path).open("rb", buffering=0) as stream:
        end = os.fstat(stream.fileno()).st_size
        stream.seek(known.dataset_offset)
        return read_stream_structure(
            stream, known.dataset_offset, end, known.transfer_syntax_uid, limits, reads_all=reads_all
        )


def read_stream_structure(
    stream: BinaryIO | FileIO,
    at: int,
    end: int,
    transfer_syntax_uid: str,
    limits: StructureLimits = UNLIMITED,
    *,
    reads_all: bool = False,
) -> StructureReport:
    """The same for a stream that stands where its data set begins.

    :param at: that place, in bytes from the beginning of the stream.
    :param end: the end of the data set, likewise.
    """
    reader = StructureReader(transfer_syntax_uid, limits)
    is_whole = reads_all or transfer_syntax_uid in DEFLATED_TRANSFER_SYNTAXES
    step = _WHOLE_PIECE_BYTES if is_whole else _PIECE_BYTES
    while reader.fault is None and (piece := stream.read(step)):
        reader.feed(piece)
        at += len(piece)
        passed = 0 if is_whole else min(reader.passable, end - at)
        if passed > 0:
            reader.pass_over(passed)
            at += passed
            stream.seek(at)
    return reader.finish()
