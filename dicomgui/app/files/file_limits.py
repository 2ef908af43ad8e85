"""Limits of a DICOM file that pydicom is to read: its elements are counted first, and nothing is made of them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, Final

from dicomgui.network.dimse.dataset import MAX_DEPTH, MAX_ELEMENTS
from dicomgui.network.file_structure import read_stream_structure
from dicomgui.network.part10 import read_head
from dicomgui.network.structure import (
    OVER_LIMITS,
    UNLIMITED,
    StructureCode,
    StructureLimits,
    StructureReport,
    read_structure,
)
from dicomgui.network.uids import DEFLATED_TRANSFER_SYNTAXES, EXPLICIT_VR_LITTLE_ENDIAN
from dicomgui.storage.scan import inflate

__all__ = ["MAX_FILE_ELEMENTS", "MAX_INFLATED_FILE", "FileLimitError", "check_file", "check_file_bytes"]

MAX_FILE_ELEMENTS: Final = 1_000_000
"""Elements, items and fragments of a file; a small file that is deflated may have 60,000 and one more for each byte."""

MAX_INFLATED_FILE: Final = 64 * 2**20
"""Bytes to which the data set of a file may inflate."""

_DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
_BETWEEN_VALUES: Final = b"\\"
_LEAST_ELEMENT_BYTES: Final = 8
_AT_THE_END: Final = frozenset((StructureCode.EMPTY, StructureCode.TRUNCATED, StructureCode.UNCLOSED))
"""Faults behind which nothing follows."""


class FileLimitError(ValueError):
    """A file has more than is read here; the text says of what."""


def check_file(path: Path) -> None:
    """Count what is in a file, in time and memory that its elements limit. Long values are not read. Blocks.

    A damaged data set passes as long as it is within the limits: who reads it says so.

    :raises FileLimitError: it is beyond a limit, or may be.
    :raises Part10Error: it is no DICOM file, or damaged in its head.
    :raises OSError: it cannot be read.
    """
    with path.open("rb") as file:
        _check(file, os.fstat(file.fileno()).st_size, MAX_FILE_ELEMENTS)


def check_file_bytes(data: bytes, max_elements: int = MAX_FILE_ELEMENTS) -> None:
    """The same for the contents of a file.

    :raises FileLimitError: it is beyond a limit, or may be.
    :raises Part10Error: it is no DICOM file, or damaged in its head.
    """
    _check(io.BytesIO(data), len(data), max_elements)


def _check(file: BinaryIO, size: int, most: int) -> None:
    head = read_head(file)
    offset, syntax = head.dataset_offset, head.transfer_syntax_uid
    file.seek(0)
    names_deflated = _DEFLATED in file.read(offset)
    if names_deflated and syntax not in DEFLATED_TRANSFER_SYNTAXES:
        raise FileLimitError("it names more than one transfer syntax")  # readers differ in which they follow
    if syntax in DEFLATED_TRANSFER_SYNTAXES:
        most = min(most, MAX_ELEMENTS + size)
        plain = inflate(file.read(), syntax, MAX_INFLATED_FILE + 1)
        if len(plain) > MAX_INFLATED_FILE:
            raise FileLimitError(f"it inflates to more than {MAX_INFLATED_FILE // 2**20} MiB")
        file, size, offset, syntax = io.BytesIO(plain), len(plain), 0, EXPLICIT_VR_LITTLE_ENDIAN
        if plain.count(_BETWEEN_VALUES) > most:
            _count_values(plain, most)
    if (size - offset) // _LEAST_ELEMENT_BYTES > min(most, 2 * MAX_DEPTH):
        limits = StructureLimits(most, 2 * MAX_DEPTH, UNLIMITED.max_inflated)
        _judge(read_stream_structure(file, offset, size, syntax, limits), size - offset, most)


def _count_values(plain: bytes, most: int) -> None:
    """Count what may part two values, outside of the pixel data: 64 kB inflate to values that take a gigabyte."""
    limits = StructureLimits(most, 2 * MAX_DEPTH, UNLIMITED.max_inflated)
    begin, length = read_structure(plain, EXPLICIT_VR_LITTLE_ENDIAN, limits).pixel_data
    values = plain.count(_BETWEEN_VALUES, 0, begin) + plain.count(_BETWEEN_VALUES, begin + length)
    if values > most:
        raise FileLimitError(f"it has more than {most:,} values")


def _judge(report: StructureReport, size: int, most: int) -> None:
    fault, count = report.fault, report.elements
    if fault is None or fault.code in _AT_THE_END:
        pass
    elif fault.code is StructureCode.TOO_DEEP:
        raise FileLimitError(f"it has sequences more than {MAX_DEPTH} deep in one another")
    elif fault.code not in OVER_LIMITS:  # readers differ in how they go on
        count += (size - fault.offset) // _LEAST_ELEMENT_BYTES
    if count > most or (fault is not None and fault.code in OVER_LIMITS):
        raise FileLimitError(f"it has more than {most:,} elements")
