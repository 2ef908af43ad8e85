"""Heads of files: pydicom's own samples, hand-made oddities, damage, and things that are no DICOM."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filereader import _read_file_meta_info, read_preamble

from dicomgui.network import part10
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.part10 import NotPart10, Part10Error, parse_head, read_head, write_head
from dicomgui.network.uids import is_valid_uid

SAMPLES = Path(pydicom.__file__).parent / "data"
NO_DICOM = {
    "FileInfo.txt",
    "README",
    "README.md",
    "README.txt",
    "crayons.icc",
    "rtplan.dump",
    "rtstruct.dump",
    "zipMR.gz",
    "no_meta.dcm",  # one stray byte in front of the data set; pydicom reads it as one unknown element
}
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
CT, UID = "1.2.840.10008.5.1.4.1.1.2", "1.2.826.0.1.3680043.8.498.1"


def sample_files() -> list[Path]:
    kept = [p for p in SAMPLES.rglob("*") if p.is_file() and p.suffix not in {".py", ".pyc", ".json"}]
    return sorted(kept)


def element(tag: int, vr: str, value: bytes, *, order: str = "<", explicit: bool = True) -> bytes:
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack(f"{order}I", len(value)) + value
    if vr in {"OB", "SQ", "UN"}:
        return head + vr.encode() + b"\0\0" + struct.pack(f"{order}I", len(value)) + value
    return head + vr.encode() + struct.pack(f"{order}H", len(value)) + value


def ui(text: str) -> bytes:
    return text.encode() + b"\0" * (len(text) % 2)


def data_set(*, order: str = "<", explicit: bool = True, front: bytes = b"") -> bytes:
    parts = [
        element(0x00080005, "CS", b"ISO_IR 100", order=order, explicit=explicit),
        front,
        element(0x00080016, "UI", ui(CT), order=order, explicit=explicit),
        element(0x00080018, "UI", ui(UID), order=order, explicit=explicit),
        element(0x00100010, "PN", b"Doe^Jane", order=order, explicit=explicit),
    ]
    return b"".join(parts)


def meta(*elements: bytes) -> bytes:
    return bytes(128) + b"DICM" + b"".join(elements)


def syntax_element(uid: str) -> bytes:
    return element(0x00020010, "UI", ui(uid))


def own_uid(ds: pydicom.Dataset, keyword: str, otherwise: str) -> str:
    """The UID of the data set, and that of the meta information where the data set has none of use."""
    own = str(ds.get(keyword, ""))
    return own if is_valid_uid(own) else str(otherwise)


@pytest.mark.parametrize("path", sample_files(), ids=lambda p: p.name)
def test_samples_of_pydicom(path: Path) -> None:
    if path.name in NO_DICOM:
        with pytest.raises(NotPart10, match="no DICOM file"):
            read_head(path)
        return
    head = read_head(path)
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        read_preamble(file, force=True)
        _read_file_meta_info(file)
        assert head.dataset_offset == file.tell()
    info = ds.file_meta
    assert head.sop_class_uid == own_uid(ds, "SOPClassUID", info.get("MediaStorageSOPClassUID", ""))
    assert head.sop_instance_uid == own_uid(ds, "SOPInstanceUID", info.get("MediaStorageSOPInstanceUID", ""))
    implicit, little = ds.original_encoding
    expected = info.get("TransferSyntaxUID") or (IMPLICIT if implicit else EXPLICIT if little else BIG)
    assert head.transfer_syntax_uid == expected
    assert head.has_preamble == bool(ds.preamble)
    assert bool(head.lacks) == (
        not all(
            k in info and info[k].value
            for k in ("TransferSyntaxUID", "MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID")
        )
    )
    with path.open("rb") as file:
        assert read_head(file) == head, "a stream gives the same"


def test_meta_elements_are_kept() -> None:
    head = parse_head(meta(element(0x00020001, "OB", b"\0\1"), syntax_element(EXPLICIT)) + data_set())
    assert head.meta[0] == (0x0001, b"\0\1")
    assert head.meta[1].element == 0x0010


@pytest.mark.parametrize(
    ("order", "explicit", "syntax"),
    [
        ("<", True, EXPLICIT),
        ("<", False, IMPLICIT),
        (">", True, BIG),
    ],
)
def test_bare_data_sets(order: str, explicit: bool, syntax: str) -> None:
    head = parse_head(data_set(order=order, explicit=explicit))
    assert head == (0, syntax, CT, UID, False, ("File Meta Information (group 0002)",), ())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("explicit", [True, False])
def test_uids_come_from_the_data_set_where_the_meta_lacks_them(order: str, explicit: bool) -> None:
    syntax = BIG if order == ">" else EXPLICIT if explicit else IMPLICIT
    head = parse_head(meta(syntax_element(syntax)) + data_set(order=order, explicit=explicit or order == ">"))
    assert (head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid) == (CT, UID, syntax)
    assert head.lacks == ("Media Storage SOP Class UID (0002,0002)", "Media Storage SOP Instance UID (0002,0003)")


def test_the_data_set_is_believed_where_the_meta_information_contradicts_it() -> None:
    uids = element(0x00020002, "UI", ui("1.2.3")) + element(0x00020003, "UI", ui("1.2.4"))
    head = parse_head(meta(uids, syntax_element(EXPLICIT)) + data_set())
    assert (head.sop_class_uid, head.sop_instance_uid) == (CT, UID)


def test_what_the_data_set_lacks_is_taken_from_the_meta_information() -> None:
    uids = element(0x00020002, "UI", ui("1.2.3")) + element(0x00020003, "UI", ui("1.2.4"))
    head = parse_head(meta(uids, syntax_element(EXPLICIT)) + element(0x00080018, "UI", ui("no uid")))
    assert (head.sop_class_uid, head.sop_instance_uid) == ("1.2.3", "1.2.4")


def test_private_syntax_is_judged_by_its_look() -> None:
    head = parse_head(meta(syntax_element("1.2.840.113619.5.2")) + data_set(explicit=False))
    assert (head.transfer_syntax_uid, head.sop_instance_uid) == ("1.2.840.113619.5.2", UID)


@pytest.mark.parametrize(
    ("order", "explicit", "syntax"),
    [
        ("<", True, EXPLICIT),
        ("<", False, IMPLICIT),
        (">", True, BIG),
    ],
)
def test_missing_syntax_is_judged_by_the_look(order: str, explicit: bool, syntax: str) -> None:
    head = parse_head(meta(element(0x00020012, "UI", ui("1.2"))) + data_set(order=order, explicit=explicit))
    assert (head.transfer_syntax_uid, head.sop_class_uid) == (syntax, CT)
    assert head.lacks[0] == "Transfer Syntax UID (0002,0010)"


def test_only_the_syntax_is_missing() -> None:
    uids = element(0x00020002, "UI", ui("1.2.3")) + element(0x00020003, "UI", ui("1.2.4"))
    filler = element(0x00020102, "OB", bytes(4096 - 132 - len(uids) - 12))  # the first read ends with the meta
    head = read_head(io.BytesIO(meta(uids, filler) + data_set(order=">")))
    assert head[:4] == (4096, BIG, CT, UID)


@pytest.mark.parametrize("tail", [b"\x08\0\x05\0SQ\0\0", b"\x08\0\x16\0UI\x1a\x001.2.840", b"\x08\0\x16\0UI"])
def test_data_set_cut_off_in_front_of_its_uids(tail: bytes) -> None:
    head = read_head(io.BytesIO(meta(syntax_element(EXPLICIT)) + tail))
    assert (head.transfer_syntax_uid, head.sop_class_uid, head.sop_instance_uid) == (EXPLICIT, "", "")


def test_deflated_data_set_is_looked_into_boundedly() -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeeze.compress(data_set() + bytes(50_000_000)) + squeeze.flush()
    head = read_head(io.BytesIO(meta(syntax_element(DEFLATED)) + packed))
    assert (head.sop_class_uid, head.sop_instance_uid) == (CT, UID)
    assert len(packed) < part10.SCAN_BYTES


def test_damaged_deflate_stream_gives_no_uids() -> None:
    head = parse_head(meta(syntax_element(DEFLATED)) + b"\xff" * 50)
    assert (head.sop_class_uid, head.sop_instance_uid) == ("", "")


def test_deflate_stream_that_looks_like_group_2() -> None:
    """The length decides there; elsewhere a wrong length is no harm."""
    elements = syntax_element(DEFLATED) + element(0x00020002, "UI", ui(CT)) + element(0x00020003, "UI", ui(UID))
    length = element(0x00020000, "UL", struct.pack("<I", len(elements)))
    assert parse_head(meta(length, elements) + b"\x02\0" + bytes(40)).dataset_offset == 132 + 12 + len(elements)
    wrong = element(0x00020000, "UL", struct.pack("<I", 4))
    plain = elements.replace(ui(DEFLATED), ui(EXPLICIT) + b"\0\0")
    assert parse_head(meta(wrong, plain) + data_set()).dataset_offset == 132 + 12 + len(plain)


def test_magic_without_preamble_and_group_2_without_magic() -> None:
    elements = syntax_element(EXPLICIT) + element(0x00020002, "UI", ui(CT)) + element(0x00020003, "UI", ui(UID))
    assert parse_head(b"DICM" + elements + data_set()).dataset_offset == 4 + len(elements)
    head = parse_head(elements + data_set())
    assert (head.dataset_offset, head.has_preamble, head.sop_instance_uid) == (len(elements), False, UID)


def test_implicit_meta_is_read() -> None:
    parts = [
        element(tag, "UI", ui(uid), explicit=False)
        for tag, uid in ((0x00020002, CT), (0x00020003, UID), (0x00020010, IMPLICIT))
    ]
    head = parse_head(meta(*parts) + data_set(explicit=False))
    assert (head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid) == (CT, UID, IMPLICIT)


def test_nothing_behind_the_meta() -> None:
    head = parse_head(meta(syntax_element(EXPLICIT)))
    assert (head.transfer_syntax_uid, head.sop_class_uid) == (EXPLICIT, "")


def test_magic_and_a_data_set_without_any_meta() -> None:
    head = parse_head(meta() + data_set())
    assert (head.dataset_offset, head.transfer_syntax_uid, head.sop_class_uid) == (132, EXPLICIT, CT)
    assert len(head.lacks) == 3


@pytest.mark.parametrize("undefined", [True, False])
def test_sequence_in_front_of_the_uids_is_passed(undefined: bool) -> None:
    inner = element(0x00080016, "UI", ui("1.9.9"))
    if undefined:
        item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"
        sequence = b"\x08\0\x06\0SQ\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    else:
        sequence = element(0x00080006, "SQ", b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner)
    data = data_set(front=sequence)
    assert parse_head(data).sop_class_uid == CT
    assert parse_head(meta(syntax_element(EXPLICIT)) + data).sop_class_uid == CT


def test_long_element_in_front_of_the_uids_is_read_over() -> None:
    front = element(0x00080006, "UN", bytes(20_000))
    assert read_head(io.BytesIO(meta(syntax_element(EXPLICIT)) + data_set(front=front))).sop_instance_uid == UID
    assert read_head(io.BytesIO(data_set(front=front))).sop_instance_uid == UID


def test_uids_too_far_away_are_not_looked_for() -> None:
    front = element(0x00080006, "UN", bytes(part10.SCAN_BYTES + 10))
    stream = io.BytesIO(meta(syntax_element(EXPLICIT)) + data_set(front=front) + bytes(4_000_000))
    assert read_head(stream).sop_class_uid == ""
    assert stream.tell() < 2_000_000


def test_uid_elements_that_are_none() -> None:
    overlong = element(0x00080016, "UI", b"1" * 200)
    assert parse_head(meta(syntax_element(EXPLICIT)) + overlong + data_set()).sop_class_uid == CT
    broken = element(0x00080005, "CS", b"A ") + b"\x08\0\x16\0??\0\0" + bytes(20)
    assert parse_head(meta(syntax_element(EXPLICIT)) + broken).sop_class_uid == ""


@pytest.mark.parametrize("size", [*range(40), 100, 128, 131, 132, 133, 140, 150, 190])
def test_cut_off_anywhere_is_an_error_or_an_honest_head(size: int) -> None:
    whole = write_head(sop_class_uid=CT, sop_instance_uid=UID, transfer_syntax_uid=EXPLICIT)
    try:
        head = read_head(io.BytesIO(whole[:size]))
    except Part10Error:
        return
    assert head.lacks


def test_cut_off_is_named_with_its_place() -> None:
    whole = write_head(sop_class_uid=CT, sop_instance_uid=UID, transfer_syntax_uid=EXPLICIT)
    where = r"cut off at byte 158, in the file meta information.*\(0002,0002\)"
    with pytest.raises(Part10Error, match=where) as caught:
        parse_head(whole[:170])
    assert (caught.value.offset, caught.value.path) == (158, "")
    assert "fetch" in caught.value.hint
    with pytest.raises(Part10Error, match="cut off"):
        parse_head(meta(b"\x02\0\x01\0OB\0\0\x02"))
    with pytest.raises(Part10Error, match="cut off"):
        parse_head(meta(b"\x02\0\x01"))


def test_meta_that_claims_gigabytes_is_refused_unread() -> None:
    stream = io.BytesIO(meta(b"\x02\0\x02\x01OB\0\0\xf0\xff\xff\xff") + bytes(3_000_000))
    with pytest.raises(Part10Error, match="claims 4294967280 bytes"):
        read_head(stream)
    assert stream.tell() <= 8192


def test_long_private_meta_is_read() -> None:
    private = element(0x00020102, "OB", bytes(500_000))
    head = read_head(io.BytesIO(meta(syntax_element(EXPLICIT), private) + data_set()))
    assert head.sop_instance_uid == UID


class Dribble(io.RawIOBase):
    """A raw stream that gives a byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, 1))


def test_a_stream_may_give_little_at_a_time() -> None:
    whole = meta(syntax_element(EXPLICIT)) + data_set()
    assert read_head(Dribble(whole)) == parse_head(whole)
    assert read_head(Dribble(data_set())).sop_class_uid == CT


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        bytes(200),
        bytes(5000),
        b"\x89PNG\r\n\x1a\n" + bytes(300),
        b"PK\x03\x04" + bytes(300),
        b"%PDF-1.7\n" + b"x" * 300,
        b"hello world\n" * 40,
        b"\x7fELF" + bytes(300),
        b"\xff\xd8\xff\xe0" + bytes(300),
        b"\x08\0",
        b"\x08\0\x05\0",
        b"\x08\0" + b"A" * 300,
        b"\x08\0\0\0" + bytes(300),
        b"\0\x08" + bytes(300),
        b"\x08\0\x05\0CS\x03\0abc" + bytes(50),  # odd length
        b"\x08\0\x05\0\x02\0\0\0ab\x08\0\x05\0\x02\0\0\0ab" + bytes(50),  # the same tag again
        b"\x08\0\x05\0CS\x02\0ab" + b"\x08\0\x08\0??" + bytes(50),
        b"\x02\0" + bytes(300),
    ],
)
def test_what_is_no_dicom_is_refused(data: bytes) -> None:
    with pytest.raises(NotPart10):
        parse_head(data)
    with pytest.raises(NotPart10):
        read_head(io.BytesIO(data))


def test_bare_data_sets_without_uids() -> None:
    """A query identifier, saved as a file, is DICOM; three sound elements or a sound end say so."""
    first = element(0x00080005, "CS", b"ISO_IR 100")
    keys = first + element(0x00080020, "DA", b"") + element(0x00080052, "CS", b"STUDY ")
    assert parse_head(keys).transfer_syntax_uid == EXPLICIT
    assert parse_head(keys + element(0x00100010, "PN", b"A^")).sop_class_uid == ""
    assert parse_head(first).transfer_syntax_uid == EXPLICIT


@given(st.binary(max_size=400))
def test_any_bytes_give_a_head_or_an_error(data: bytes) -> None:
    for front in (b"", bytes(128) + b"DICM", b"DICM", b"\x08\0", bytes(128) + b"DICM\x02\0"):
        try:
            head = parse_head(front + data)
        except Part10Error:
            continue
        assert 0 <= head.dataset_offset <= len(front + data)


@given(st.binary(min_size=8, max_size=2000))
def test_noise_is_no_data_set(data: bytes) -> None:
    if data[:2] not in {b"\x08\0", b"\0\x08", b"\x02\0"} and data[:4] != b"DICM":
        with pytest.raises(NotPart10):
            parse_head(data[:100])


def test_errors_of_paths(tmp_path: Path) -> None:
    with pytest.raises(Part10Error, match="cannot be read: No such file") as caught:
        read_head(tmp_path / "missing\n.dcm")
    assert isinstance(caught.value, DicomNetworkError)
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    with pytest.raises(Part10Error, match="cannot be read"):
        read_head(tmp_path)
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with pytest.raises(NotPart10, match=r"notes\.txt: no DICOM file: it begins with 68 65 6c") as none:
        read_head(str(text))
    assert none.value.path == str(text)
    (tmp_path / "empty").touch()
    with pytest.raises(NotPart10, match="the file is empty"):
        read_head(tmp_path / "empty")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotPart10):
        read_head(tmp_path / "pipe")


def test_written_head_is_read_by_pydicom(tmp_path: Path) -> None:
    head = write_head(
        sop_class_uid=CT,
        sop_instance_uid=UID,
        transfer_syntax_uid=EXPLICIT,
        source_ae_title="SRC",
        sending_ae_title=" SENDER ",
        receiving_ae_title="RECEIVER",
        implementation_version="V1",
    )
    path = tmp_path / "a.dcm"
    path.write_bytes(head + data_set())
    ds = pydicom.dcmread(path)
    info = ds.file_meta
    assert (ds.SOPInstanceUID, info.MediaStorageSOPInstanceUID, info.TransferSyntaxUID) == (UID, UID, EXPLICIT)
    assert info.FileMetaInformationGroupLength == len(head) - 132 - 12
    assert info.FileMetaInformationVersion == b"\0\1"
    assert info.SourceApplicationEntityTitle == "SRC"
    assert info.SendingApplicationEntityTitle == "SENDER"
    assert info.ReceivingApplicationEntityTitle == "RECEIVER"
    assert info.ImplementationVersionName == "V1"
    pydicom.dataset.validate_file_meta(info)


def test_titles_are_left_out_when_empty_and_cleaned_when_odd() -> None:
    plain = write_head(sop_class_uid=CT, sop_instance_uid=UID, transfer_syntax_uid=EXPLICIT)
    assert {e for e, _ in parse_head(plain).meta} == {0, 1, 2, 3, 0x10, 0x12, 0x13}
    odd = write_head(
        sop_class_uid=CT, sop_instance_uid=UID, transfer_syntax_uid=EXPLICIT, sending_ae_title="A\\B\0\né" + "x" * 20
    )
    assert dict(parse_head(odd).meta)[0x17] == b"A?B???xxxxxxxxxx"


@given(st.from_regex(r"[0-9](\.[0-9]{1,5}){1,9}", fullmatch=True), st.text(max_size=20))
def test_what_is_written_is_read(uid: str, title: str) -> None:
    head = write_head(sop_class_uid=uid, sop_instance_uid=uid, transfer_syntax_uid=IMPLICIT, sending_ae_title=title)
    read = parse_head(head + element(0x00080005, "CS", b"", explicit=False))
    assert read[:6] == (len(head), IMPLICIT, uid, uid, True, ())


@pytest.mark.parametrize("uid", ["", "1" * 65])
def test_a_head_needs_uids(uid: str) -> None:
    with pytest.raises(Part10Error, match=r"\(0002,0003\) must be a UID"):
        write_head(sop_class_uid=CT, sop_instance_uid=uid, transfer_syntax_uid=EXPLICIT)


def test_uids_that_are_padded_with_spaces_are_what_they_mean() -> None:
    """PS3.5 9.1 pads by NUL; files that are padded by a space are seen in the field."""
    padded = element(0x00080016, "UI", f"{CT} ".encode()) + element(0x00080018, "UI", b"1.2.3 ")
    head = parse_head(meta(element(0x00020001, "OB", b"\0\1"), syntax_element(EXPLICIT)) + padded)
    assert (head.sop_class_uid, head.sop_instance_uid) == (CT, "1.2.3")
