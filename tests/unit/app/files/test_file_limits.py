"""A file is counted before pydicom makes anything of it, and no file that is sound is refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pydicom
import pytest
from helpers.hostile import DEFLATED, DEFLATED_ITEMS, empty_items, many_elements, nested
from helpers.instances import shipped_folder

from dicomgui.app.asking.dicom_json import DatasetFileError, load_dataset, parse_dataset
from dicomgui.app.files.dicomdir import referenced_files
from dicomgui.app.files.file_limits import MAX_INFLATED_FILE, FileLimitError, check_file, check_file_bytes
from dicomgui.app.files.medium import write_medium
from dicomgui.app.listening.ris_files import read_folder
from dicomgui.app.nservices.grouped_references import homes_of_files
from dicomgui.app.nservices.picture import read_picture
from dicomgui.app.viewing.dataset_file import file_node
from dicomgui.app.viewing.editing import EditedCopy, EditError
from dicomgui.app.viewing.viewed import open_file
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.part10 import Part10Error, write_head
from dicomgui.network.structure import StructureReader, read_structure
from dicomgui.storage import StoredFile

EXPLICIT = "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"


def file_of(data: bytes, syntax: str = EXPLICIT) -> bytes:
    """A Part 10 file around a data set."""
    return write_head(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=syntax) + data


def deflated(data: bytes) -> bytes:
    """The data as a raw deflate stream of even length (PS3.5 A.5)."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return packed + b"\0" * (len(packed) & 1)


BOMB = file_of(empty_items(DEFLATED_ITEMS, deflated=True), DEFLATED)
"""11.7 kB of deflated data that pydicom takes 13 s and 0.7 GB for."""

HOSTILE = {
    "deflated": BOMB,
    "deflated-zeros": file_of(deflated(bytes(MAX_INFLATED_FILE + 8)), DEFLATED),
    "deflated-behind-a-fault": file_of(deflated(b"\xfe\xff\0\xe0" + bytes(4) + empty_items(300_000)), DEFLATED),
    "deflated-values": file_of(
        deflated(struct.pack("<HH2sHI", 0x20, 0x4000, b"UC", 0, 2**24) + b"1\\" * 2**23), DEFLATED
    ),
    "deep": file_of(nested(200)),
    "two-syntaxes": BOMB.replace(
        b"\x02\0\x10\0UI", struct.pack("<HH2sH", 2, 0x10, b"UI", 20) + b"1.2.840.10008.1.2.1\0\x02\0\x10\0UI"
    ),
}


@pytest.fixture
def no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file gets as far as pydicom."""
    monkeypatch.setattr(pydicom, "dcmread", lambda *_, **__: pytest.fail("it was parsed"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_before_it_is_parsed(name: str, tmp_path: Path, no_parser: None) -> None:
    path = tmp_path / "hostile.dcm"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(FileLimitError):
        check_file(path)
    with pytest.raises(FileLimitError):
        check_file_bytes(HOSTILE[name])


def test_pixel_data_have_no_values() -> None:
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, 2**20) + b"\\" * 2**20
    check_file_bytes(file_of(deflated(pixels), DEFLATED))


def test_every_file_of_pydicom_is_within_the_limits() -> None:
    files = sorted((shipped_folder() / "test_files").glob("*.dcm"))
    assert files
    for path in files:
        try:
            check_file(path)
        except Part10Error:
            with pytest.raises(Part10Error):  # nothing here reads it
                open_file(path)


def test_more_elements_than_a_file_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    check_file_bytes(file_of(many_elements(2000)), 2000)
    with pytest.raises(FileLimitError, match="more than 1,999 elements"):
        check_file_bytes(file_of(many_elements(2000)), 1999)
    broken = file_of(many_elements(10) + b"\xfe\xff\0\xe0" + bytes(4) + many_elements(2000))
    check_file_bytes(broken, 3000)
    with pytest.raises(FileLimitError):
        check_file_bytes(broken, 1000)
    check_file_bytes(file_of(many_elements(500)[:-1]), 500)


def test_long_values_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    length = 2**31
    with path.open("wb") as file:
        file.write(file_of(many_elements(300) + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, length)))
        file.truncate(file.tell() + length)
    check_file(path)


@pytest.mark.parametrize("size", [1, 7, 4096, 100_000])
def test_a_reader_that_passes_over_values_says_the_same(size: int) -> None:
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, 300_000) + bytes(300_000)
    data = many_elements(50) + pixels + struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, 4) + bytes(4)
    reader, at, passed = StructureReader(EXPLICIT), 0, 0
    while at < len(data):
        reader.feed(data[at : at + size])
        at += size
        passable = min(reader.passable, len(data) - at)
        if passable > 0:
            reader.pass_over(passable)
            at += passable
            passed += passable
    assert reader.finish() == read_structure(data, EXPLICIT)
    assert passed > 100_000


# ---------------------------------------------------------------------------------------------- those who read files


@pytest.fixture
def bomb(tmp_path: Path, no_parser: None) -> Path:
    path = tmp_path / "bomb.dcm"
    path.write_bytes(BOMB)
    return path


def test_a_data_set_of_a_request(bomb: Path) -> None:
    with pytest.raises(DatasetFileError, match="too large: it has more than 60,000 elements"):
        load_dataset(bomb)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[" * 1000, "nested more than"),
        (b'[{"00100010":{"vr":"PN","Value":[' + b"{}," * 300_000 + b"{}]}}]", "more than 300,000 values"),
        (b"{" + b",".join(b'"%08X":{"vr":"LO"}' % (0x00091000 + n) for n in range(60_001)) + b"}", "60,000 elements"),
    ],
)
def test_the_same_as_json(text: bytes, said: str) -> None:
    with pytest.raises(DatasetFileError, match=said):
        parse_dataset(text)


def test_a_worklist_of_files(bomb: Path) -> None:
    read = read_folder(bomb.parent)
    assert read.datasets == ()
    assert "too large" in read.problems[0]


def test_the_tree_and_the_copy_of_a_file(bomb: Path) -> None:
    assert "more than" in file_node(bomb, "File").error
    viewed = open_file(bomb)
    try:
        with pytest.raises(EditError, match="too large to be copied here"):
            EditedCopy.of(viewed)
    finally:
        viewed.close()


def test_a_directory_a_medium_and_the_studies_of_files(bomb: Path, tmp_path: Path) -> None:
    files, faults = referenced_files(bomb)
    assert files == []
    assert "more than" in faults[0][1]
    assert homes_of_files([("1.2.3", bomb)]) == {}
    stored = StoredFile(bomb, bomb.name, CT, "1.2.3", DEFLATED, len(BOMB))
    done, _, failed = write_medium([stored], tmp_path / "medium", lambda _: None)
    assert done == 0
    assert "more than" in failed[0].text


def test_a_picture_to_be_printed(bomb: Path) -> None:
    with pytest.raises(ConfigurationError, match="more than"):
        read_picture(bomb)
