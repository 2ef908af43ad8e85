"""Changed copies of files: what changes, and what must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from helpers.instances import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, data_set, shipped_folder, write_instance
from pydicom import Dataset, dcmread

from dicomgui.app.files.changes import ChangeCode
from dicomgui.app.files.sources import SendItem, scan
from dicomgui.app.files.splicing import read_elements, splice_file
from dicomgui.network.dimse.convert import ConversionError


@dataclass(frozen=True)
class Doing:
    """A change by a function."""

    do: Callable[[Dataset], object]
    tags: frozenset[int] | None = None
    codes: tuple[ChangeCode, ...] = (ChangeCode.SET,)

    def apply(self, dataset: Dataset) -> None:
        self.do(dataset)


def item_of(path: Path, do: Callable[[Dataset], object], *tags: int) -> SendItem:
    [item] = scan([path]).items
    return replace(item, change=Doing(do, frozenset(tags) or None))


def set_id(dataset: Dataset) -> None:
    dataset.PatientID = "CHANGED"


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED])
def test_only_what_changes_is_other_bytes(tmp_path: Path, syntax: str) -> None:
    path = write_instance(tmp_path, 1, syntax=syntax)
    target = tmp_path / "copy.dcm"
    made = splice_file(item_of(path, set_id, 0x00100020), target)
    assert made.size_bytes == target.stat().st_size
    assert made.head.transfer_syntax_uid == syntax
    assert not made.is_signed
    before, after = dcmread(path), dcmread(target)
    assert after.PatientID == "CHANGED"
    after.PatientID = before.PatientID
    assert before == after
    if syntax != DEFLATED:
        old, new = data_set(path), data_set(target)
        assert new == old.replace(b"INTEROP ", b"CHANGED ")


def test_nothing_changes_where_the_change_changes_nothing(tmp_path: Path) -> None:
    for number, path in enumerate(sorted((shipped_folder() / "test_files").glob("*.dcm"))):
        found = scan([path]).items
        if not found or found[0].head.transfer_syntax_uid == DEFLATED:
            continue
        item = replace(found[0], change=Doing(lambda _: None))
        target = tmp_path / str(number)
        try:
            splice_file(item, target)
        except ConversionError:
            continue  # a damaged one
        assert target.read_bytes().endswith(path.read_bytes()[item.head.dataset_offset :]), path


def test_compressed_pixels_are_copied_as_they_are(tmp_path: Path) -> None:
    path = shipped_folder() / "test_files" / "JPEG2000.dcm"
    target = tmp_path / "copy.dcm"
    splice_file(item_of(path, set_id, 0x00100020), target)
    before, after = dcmread(path), dcmread(target)
    assert (after.PatientID, after.PixelData) == ("CHANGED", before.PixelData)
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID


def test_the_length_of_a_group_follows(tmp_path: Path) -> None:
    data = write_instance(tmp_path, 1).read_bytes()
    start, end = data.index(b"\x10\0\x10\0PN"), data.index(b"\x20\0\x0d\0UI")
    length = b"\x10\0\0\0UL\4\0" + (end - start).to_bytes(4, "little")
    path, target = tmp_path / "grouped.dcm", tmp_path / "longer.dcm"
    path.write_bytes(data[:start] + length + data[start:])

    def lengthen(dataset: Dataset) -> None:
        dataset.PatientID = "LONGER BY 12 BYTES X"

    splice_file(item_of(path, lengthen, 0x00100020), target)
    made = target.read_bytes()
    place = made.index(length[:8]) + 8
    assert int.from_bytes(made[place : place + 4], "little") == made.index(b"\x20\0\x0d\0UI") - place - 4
    assert dcmread(target).PatientID == "LONGER BY 12 BYTES X"


def test_a_signature_is_told(tmp_path: Path) -> None:
    dataset = dcmread(write_instance(tmp_path, 1))
    dataset.add_new(0xFFFAFFFA, "SQ", [Dataset()])
    path = tmp_path / "signed.dcm"
    dataset.save_as(path)
    assert splice_file(item_of(path, set_id, 0x00100020), tmp_path / "copy.dcm").is_signed


def test_large_values_are_not_decoded_unless_asked_for(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1, pixel_bytes=2_097_152)
    seen: list[int] = []
    splice_file(item_of(path, lambda dataset: seen.extend(map(int, dataset.keys()))), tmp_path / "copy.dcm")
    assert 0x7FE00010 not in seen
    assert 0x00100010 in seen


def test_a_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ConversionError, match="ends"):
        splice_file(item_of(path, set_id, 0x00100020), tmp_path / "copy.dcm")


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_single_elements_are_read(tmp_path: Path, syntax: str) -> None:
    [item] = scan([write_instance(tmp_path, 1, syntax=syntax)]).items
    found = read_elements(item, frozenset({0x00100020, 0x0020000D}))
    assert (found.PatientID, "StudyInstanceUID" in found, "Modality" in found) == ("INTEROP", True, False)
