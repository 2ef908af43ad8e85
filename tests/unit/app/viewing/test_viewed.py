"""Data sets that are looked at: read where one looks, from files and from memory."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pydicom.data
import pytest
from helpers.archive import instance
from helpers.instances import DEFLATED, EXPLICIT, IMPLICIT, write_instance
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomgui.app.viewing import viewed as viewed_module
from dicomgui.app.viewing.viewed import FileBytes, open_bytes, open_file
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.part10 import NotPart10
from dicomgui.trace.inspection.messages import Gap

FILES = Path(pydicom.data.__file__).parent / "test_files"


def test_a_file_is_sliced_like_its_bytes_whatever_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewed_module, "_BLOCK", 16)
    monkeypatch.setattr(viewed_module, "_BLOCKS_KEPT", 2)
    data = bytes(range(256))
    path = tmp_path / "file"
    path.write_bytes(b"head" + data)
    with path.open("rb") as file:
        part = FileBytes(file, 4)
        assert len(part) == 256
        assert part[7] == 7
        for start, stop in ((0, 0), (0, 16), (15, 17), (3, 100), (250, 300), (256, 260), (300, 400), (31, 32)):
            assert part[start:stop] == data[start:stop]
        assert len(part._blocks) <= 2


def test_a_file_that_was_cut_meanwhile_or_closed_gives_zeros(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes([1]) * 200_000)
    part = FileBytes(path.open("rb"), 0)
    with path.open("r+b") as file:
        file.truncate(10)
    assert part[0:20] == bytes([1]) * 10 + bytes(10)
    part.close()
    assert part[100_000:100_010] == bytes(10)


@pytest.mark.parametrize("path", sorted(FILES.glob("*.dcm")), ids=lambda path: path.stem)
def test_the_files_of_pydicom_are_read_from_top_to_bottom(path: Path) -> None:
    try:
        viewed = open_file(path)
    except NotPart10:
        return
    for _ in viewed.top.walk():
        pass
    viewed.close()
    with warnings.catch_warnings(action="ignore"):
        same = dcmread(path, force=True)
        rows = str(same.Rows) if "Rows" in same else ""
    assert viewed.text_of(0x00280010) == rows


def test_meta_and_elements_are_beside_each_other() -> None:
    viewed = open_file(FILES / "CT_small.dcm")
    labels = [node.label for node in viewed.top.children]
    assert labels[0] == "File meta information"
    assert labels[1] == "(0008,0005) CS SpecificCharacterSet"
    meta = {node.label: node.value for node in viewed.top.children[0].children}
    assert meta["(0002,0010) UI TransferSyntaxUID"] == "1.2.840.10008.1.2.1 (Explicit VR Little Endian)"
    viewed.close()


def test_private_elements_are_named_with_their_creator() -> None:
    dataset = instance(1, 1, 1)
    dataset.add_new(0x00091001, "LO", "their own")
    dataset.add_new(0x00090010, "LO", "ACME 1.0")
    viewed = open_bytes(encode_dataset(dataset, EXPLICIT), EXPLICIT, "it")
    found = viewed.element(0x00091001)
    assert found is not None
    assert (found.label, found.value) == ("(0009,1001) LO private, ACME 1.0", "their own")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED])
def test_what_is_in_memory_is_read_alike(syntax: str) -> None:
    dataset = instance(1, 1, 1)
    item = Dataset()
    item.CodeMeaning = "Thorax"
    dataset.ProcedureCodeSequence = [item, item]
    viewed = open_bytes(encode_dataset(dataset, syntax), syntax, "it", usual_charset="ISO_IR 144")
    assert viewed.text_of(0x00100010) == "Doe^Jane"
    items = list(viewed.items_of(0x00081032))
    assert [viewed.text_of(0x00080104, one) for one in items] == ["Thorax"] * 2
    assert (viewed.meta, viewed.has_gaps, viewed.usual_charset) == (None, False, "ISO_IR 144")


def test_bytes_that_were_not_kept_are_known() -> None:
    data = encode_dataset(instance(1, 1, 1), EXPLICIT)
    assert open_bytes(data, EXPLICIT, "it", gaps=(Gap(10, 4),)).has_gaps
    assert open_bytes(data, EXPLICIT, "it", length=len(data) + 1).has_gaps


def test_a_long_value_is_read_to_a_bound(tmp_path: Path) -> None:
    viewed = open_file(write_instance(tmp_path, 1, pixel_bytes=1_048_576))
    pixels = viewed.element(0x7FE00010)
    assert pixels is not None
    assert len(viewed.value_of(pixels)) == viewed_module.MAX_VALUE_BYTES
    assert viewed.value_of(pixels, 4) == viewed.read(pixels.begin, 4)
    viewed.close()


def test_it_stays_open_until_the_last_has_closed_it() -> None:
    viewed = open_file(FILES / "CT_small.dcm")
    viewed.retain()
    viewed.close()
    assert viewed.text_of(0x00080060) == "CT"
    assert viewed._file is not None
    assert not viewed._file._file.closed
    viewed.close()
    assert viewed._file._file.closed


def test_a_file_that_breaks_off_says_so_on_top(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    whole = open_file(path)
    assert whole.problem is None
    whole.close()
    os.truncate(path, path.stat().st_size - 2)
    broken = open_file(path)
    node = broken.top.children[1]
    broken.close()
    assert node.label == "Broken file"
    assert node.error.startswith("the data set breaks off at byte")
