"""A file as a tree of text: its parts, long values that stay on the disk, files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import DEFLATED, shipped, shipped_name, write_instance

from dicomgui.app.viewing.dataset_file import MAX_READ, file_node
from dicomgui.app.viewing.dataset_tree import dataset_text


def test_both_parts_of_a_file(tmp_path: Path) -> None:
    node = file_node(write_instance(tmp_path, 1), "File")
    assert [child.label for child in node.children] == ["File meta information", "Data set"]
    text = dataset_text(node)
    assert "(0010,0010) PN PatientName: Interop^Case" in text
    assert "(0002,0010) UI TransferSyntaxUID: 1.2.840.10008.1.2.1 (Explicit VR Little Endian)" in text


def test_long_values_are_measured_and_not_read(tmp_path: Path) -> None:
    short = dataset_text(file_node(write_instance(tmp_path, 1, pixel_bytes=512), "File"))
    assert "PixelData: 512 bytes: " in short
    long = dataset_text(file_node(write_instance(tmp_path, 2, pixel_bytes=2 * MAX_READ), "File"))
    assert f"PixelData: {2 * MAX_READ:,} bytes, not read" in long


def test_a_deflated_file(tmp_path: Path) -> None:
    assert "PatientID: INTEROP" in dataset_text(file_node(write_instance(tmp_path, 1, syntax=DEFLATED), "File"))


def test_what_is_not_there_says_why(tmp_path: Path) -> None:
    node = file_node(tmp_path / "nothing", "File")
    assert node.error.startswith("it cannot be read: ")
    assert node.children == ()


@pytest.mark.parametrize("path", shipped(), ids=shipped_name)
def test_files_of_all_kinds_are_shown_or_explained(path: Path) -> None:
    node = file_node(path, "File")
    assert node.error or node.children
