"""The structure of files, read by headers alone: the same as of all their bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.instances import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, shipped, write_instance

from dicomgui.network.file_structure import read_file_structure
from dicomgui.network.part10 import NotPart10, read_head
from dicomgui.network.structure import StructureCode, read_structure


def test_a_file_has_the_structure_of_its_bytes() -> None:
    compared = 0
    for path in shipped():
        head = read_head(path)
        data = path.read_bytes()[head.dataset_offset :]
        assert read_file_structure(path) == read_structure(data, head.transfer_syntax_uid), path.name
        compared += 1
    assert compared > 50


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
def test_every_cut_is_found(tmp_path: Path, syntax: str) -> None:
    path = write_instance(tmp_path, 1, syntax=syntax, pixel_bytes=100_096)
    data = path.read_bytes()
    head = read_head(path)
    for size in (1, 2, 200, 50_000, 100_096):
        if size >= len(data) - head.dataset_offset:
            continue
        path.write_bytes(data[:-size])
        report = read_file_structure(path, head)
        assert report == read_structure(data[head.dataset_offset : -size], syntax), size
        assert report.fault is not None, size


def test_long_values_are_not_read(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    head = read_head(path)
    data = path.read_bytes()
    with path.open("wb") as stream:  # a hole of 4 GB that nothing need read
        stream.write(
            data[: data.rindex(b"\xe0\x7f\x10\x00")] + b"\xe0\x7f\x10\x00OW\0\0" + (2**32 - 2).to_bytes(4, "little")
        )
        stream.truncate(stream.tell() + 2**32 - 2)
    assert read_file_structure(path, head).fault is None
    os.truncate(path, path.stat().st_size - 2)
    fault = read_file_structure(path, head).fault
    assert fault is not None
    assert (fault.code, fault.expected) == (StructureCode.TRUNCATED, 2)


def test_what_has_no_head_is_told(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no DICOM at all " * 20)
    with pytest.raises(NotPart10):
        read_file_structure(path)
