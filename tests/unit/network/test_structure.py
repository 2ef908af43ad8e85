"""The structural reader, held against pydicom's writer, its test files, and the clauses of PS3.5."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from helpers.hostile import empty_items, many_elements
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from dicomgui.network.part10 import Part10Error, read_head
from dicomgui.network.structure import (
    ELEMENT_WORK,
    NOT_TAKEN,
    STEP_BYTES,
    UNLIMITED,
    AnomalyCode,
    StructureCode,
    StructureReader,
    StructureReport,
    read_structure,
)

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
NATIVE = (IMPLICIT, EXPLICIT, BIG)
ENDLESS = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
CT = "1.2.840.10008.5.1.4.1.1.2"

BROKEN_FILES = {
    "DICOMDIR-nooffset": StructureCode.OVERRUN,
    "MR_truncated.dcm": StructureCode.TRUNCATED,
    "SC_rgb_jpeg.dcm": StructureCode.OTHER_ENCODING,
    "rtplan_truncated.dcm": StructureCode.TRUNCATED,
}
"""The files of pydicom that are broken on purpose, or of another encoding than their file meta says."""


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def short(tag: int, vr: str, value: bytes, *, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), size) + value


def long(tag: int, vr: str, value: bytes, *, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, size) + value


def bare(tag: int, value: bytes = b"", *, length: int | None = None) -> bytes:
    """An item, a delimiter, or an element without VR."""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def unclosed(content: bytes) -> bytes:
    return bare(ITEM, content, length=ENDLESS) + bare(ITEM_END)


def code_of(data: bytes, syntax: str = EXPLICIT) -> StructureCode | None:
    fault = in_pieces(data, syntax).fault
    return fault and fault.code


def in_pieces(data: bytes, syntax: str) -> StructureReport:
    """The report, which must not depend on how the bytes come."""
    whole = read_structure(data, syntax)
    for size in (1, 3, 8, 13, 4096):
        reader = StructureReader(syntax)
        for start in range(0, len(data), size):
            reader.feed(memoryview(data)[start : start + size])
        report = reader.finish()
        if whole.fault is None:
            assert report == whole
        else:  # which fault of a deflated data set is found first, and when, depends on the pieces
            assert report.fault is not None
            assert syntax == DEFLATED or report == whole
    assert in_portions(data, syntax) == whole
    if whole.fault is None or syntax != DEFLATED:
        assert in_takes(data, syntax) == whole
    return whole


def in_takes(data: bytes, syntax: str) -> StructureReport:
    """The report of what is taken at once where that is little work."""
    reader = StructureReader(syntax)
    for start in range(0, len(data), 1000):
        piece = memoryview(data)[start : start + 1000]
        if reader.take(piece, 1) == NOT_TAKEN:
            reader.put(piece)
            reader.advance()
    return reader.finish()


def in_portions(data: bytes, syntax: str) -> StructureReport:
    """The report of what is walked little by little, and copied meanwhile."""
    reader, buffer = StructureReader(syntax), bytearray(data)
    reader.put(memoryview(buffer))
    if not reader.advance(1):
        assert reader.is_behind
        assert reader.keep() <= len(data)
        buffer[:] = bytes(len(buffer))
        while not reader.advance(1):
            assert reader.is_behind
    assert not reader.is_behind
    return reader.finish()


def odd(data: bytes, syntax: str = EXPLICIT) -> set[AnomalyCode]:
    report = in_pieces(data, syntax)
    assert report.fault is None
    return {anomaly.code for anomaly in report.anomalies}


def encoded(dataset: Dataset, syntax: str) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR = syntax == IMPLICIT
    file.is_little_endian = syntax != BIG
    write_dataset(file, dataset)
    data = file.getvalue()
    if syntax != DEFLATED:
        return data
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = stream.compress(data) + stream.flush()
    return data + b"\0" * (len(data) & 1)


def sample() -> Dataset:
    dataset, inner = Dataset(), Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT, "1.2.3"
    dataset.PatientName = "A^B"
    inner.CodeValue = "1"
    dataset.ProcedureCodeSequence = Sequence([inner, Dataset()])
    dataset.PixelData = bytes(100)
    dataset["PixelData"].VR = "OW"
    return dataset


FILES = sorted(
    path
    for path in (Path(pydicom.__file__).parent / "data").rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc")
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_of_pydicom_are_whole_but_for_those_that_are_not(path: Path) -> None:
    try:
        head = read_head(path)
    except Part10Error:
        return  # no DICOM file
    data = path.read_bytes()[head.dataset_offset :]
    report = read_structure(data, head.transfer_syntax_uid)
    expected = BROKEN_FILES.get(path.name)
    assert (report.fault and report.fault.code) == expected
    if expected is None and head.sop_class_uid and "DICOMDIR" not in path.name:
        dataset = pydicom.dcmread(
            path, force=True, stop_before_pixels=True, specific_tags=["SOPClassUID", "SOPInstanceUID"]
        )
        assert report.sop_class_uid == dataset.get("SOPClassUID", "")
        assert report.sop_instance_uid == dataset.get("SOPInstanceUID", "")


@pytest.mark.parametrize("syntax", [*NATIVE, DEFLATED])
def test_a_data_set_is_whole_and_no_part_of_it_is(syntax: str) -> None:
    data = encoded(sample(), syntax)
    report = in_pieces(data, syntax)
    assert report.fault is None
    assert not report.anomalies
    assert (report.sop_class_uid, report.sop_instance_uid) == (CT, "1.2.3")
    assert (report.elements, report.depth) == (8, 2)
    assert report.size == len(data)
    ends = set() if syntax == DEFLATED else {end for end in range(len(data)) if _ends_an_element(data[:end], syntax)}
    for end in range(len(data) - 1 if syntax == DEFLATED else len(data)):
        assert (read_structure(data[:end], syntax).fault is None) == (end in ends), end


def _ends_an_element(data: bytes, syntax: str) -> bool:
    """Whether pydicom writes the same bytes for what it reads of them."""
    try:
        dataset = pydicom.filereader.read_dataset(BytesIO(data), syntax == IMPLICIT, syntax != BIG)
        return bool(data) and encoded(dataset, syntax) == data
    except Exception:
        return False


@settings(max_examples=200, deadline=None)
@given(
    names=st.lists(st.text("ABCDEFGH^", min_size=1, max_size=20), max_size=4),
    depth=st.integers(0, 5),
    blob=st.binary(max_size=200),
    endless=st.booleans(),
    syntax=st.sampled_from([*NATIVE, DEFLATED]),
)
def test_whatever_pydicom_writes_is_whole(
    names: list[str], depth: int, blob: bytes, endless: bool, syntax: str
) -> None:
    dataset = sample()
    dataset.OtherPatientNames = names
    dataset.add_new(0x00090010, "LO", "US")
    dataset.add_new(0x00091001, "UN", blob + b"\0" * (len(blob) & 1))
    level = dataset
    for _ in range(depth):
        inner = Dataset()
        inner.CodeValue = "x"
        level.ConceptCodeSequence = Sequence([inner])
        level["ConceptCodeSequence"].is_undefined_length = endless
        inner.is_undefined_length_sequence_item = endless
        level = inner
    report = in_pieces(encoded(dataset, syntax), syntax)
    assert report.fault is None
    assert not report.anomalies
    assert report.depth == 2 * max(depth, 1)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300), syntax=st.sampled_from([*NATIVE, DEFLATED, JPEG]))
def test_any_bytes_give_a_report(data: bytes, syntax: str) -> None:
    in_pieces(data, syntax)


WHOLE = {
    "trailing padding": (long(0xFFFCFFFC, "OB", bytes(20)), EXPLICIT),
    "a private sequence of undefined length": (
        long(0x00091002, "SQ", unclosed(short(0x00080100, "SH", b"AB")) + bare(SEQUENCE_END), length=ENDLESS),
        EXPLICIT,
    ),
    "UN of undefined length, which is implicit inside (6.2.2)": (
        long(0x00091002, "UN", unclosed(bare(0x00080100, b"AB")) + bare(SEQUENCE_END), length=ENDLESS),
        EXPLICIT,
    ),
    "an unknown tag of undefined length in implicit VR": (
        bare(0x00091002, bare(ITEM, bare(0x00080100, b"AB")) + bare(SEQUENCE_END), length=ENDLESS),
        IMPLICIT,
    ),
    "encapsulated frames": (
        long(0x7FE00010, "OB", bare(ITEM) + bare(ITEM, bytes(6)) + bare(SEQUENCE_END), length=ENDLESS),
        JPEG,
    ),
    "an empty sequence": (long(0x00081032, "SQ", b""), EXPLICIT),
    "a right group length": (
        short(0x00100000, "UL", struct.pack("<I", 10))
        + short(0x00100010, "PN", b"AB")
        + short(0x00200010, "SH", b"1 "),
        EXPLICIT,
    ),
    "a right group length at the end": (
        short(0x00100000, "UL", struct.pack("<I", 10)) + short(0x00100010, "PN", b"AB"),
        EXPLICIT,
    ),
    "values of 64 bits": (long(0x00091003, "UV", bytes(8)), EXPLICIT),
}


@pytest.mark.parametrize("what", WHOLE)
def test_valid_and_seldom(what: str) -> None:
    data, syntax = WHOLE[what]
    assert odd(data, syntax) == set()


FAULTS = {
    "nothing": (b"", StructureCode.EMPTY),
    "a header that breaks off": (short(0x00100010, "PN", b"AB") + b"\x10\x00\x20\x00LO", StructureCode.TRAILING_JUNK),
    "a value that breaks off": (short(0x00100010, "PN", b"AB", length=10), StructureCode.TRUNCATED),
    "zeros at the end": (short(0x00100010, "PN", b"AB") + bytes(8), StructureCode.TRAILING_JUNK),
    "text at the end": (short(0x00100010, "PN", b"AB") + b"\x01\x00\x02\x00the end", StructureCode.TRAILING_JUNK),
    "text in the middle": (short(0x00100010, "PN", b"AB") + b"what is this", StructureCode.NOT_AN_ELEMENT),
    "no end of a sequence": (long(0x00081032, "SQ", bare(ITEM), length=ENDLESS), StructureCode.UNCLOSED),
    "no end of an item": (long(0x00081032, "SQ", bare(ITEM, length=ENDLESS), length=ENDLESS), StructureCode.UNCLOSED),
    "an item that is not full": (long(0x00081032, "SQ", bare(ITEM, length=20), length=28), StructureCode.TRUNCATED),
    "an item beyond its sequence": (long(0x00081032, "SQ", bare(ITEM, bytes(8))[:8], length=8), None),
    "an element beyond its item": (
        long(0x00081032, "SQ", bare(ITEM, short(0x00080100, "SH", b"AB", length=40))),
        StructureCode.OVERRUN,
    ),
    "an item longer than its sequence": (
        long(0x00081032, "SQ", bare(ITEM, length=80) + bytes(4)),
        StructureCode.OVERRUN,
    ),
    "an element where an item is due": (
        long(0x00081032, "SQ", short(0x00080100, "SH", b"AB")),
        StructureCode.NOT_AN_ITEM,
    ),
    "an item where an element is due": (bare(ITEM), StructureCode.MISPLACED),
    "the wrong delimiter": (
        long(0x00081032, "SQ", bare(ITEM, length=ENDLESS) + bare(SEQUENCE_END), length=ENDLESS),
        StructureCode.MISPLACED,
    ),
    "a delimiter too early": (
        long(0x00081032, "SQ", bare(SEQUENCE_END) + bare(ITEM)),
        StructureCode.MISPLACED,
    ),
    "a delimiter outside": (short(0x00100010, "PN", b"AB") + bare(SEQUENCE_END), StructureCode.MISPLACED),
    "a fragment without length": (
        long(0x7FE00010, "OB", bare(ITEM, length=ENDLESS), length=ENDLESS),
        StructureCode.UNDEFINED_LENGTH,
    ),
    "a text without length": (long(0x00091001, "UT", b"", length=ENDLESS), StructureCode.UNDEFINED_LENGTH),
}


@pytest.mark.parametrize("what", FAULTS)
def test_broken(what: str) -> None:
    data, code = FAULTS[what]
    if code is None:
        data, code = data[:-4], StructureCode.TRUNCATED
    assert code_of(data) == code


ODDITIES = {
    "odd length": (short(0x00100010, "PN", b"ABC"), AnomalyCode.ODD_LENGTH),
    "odd fragment": (
        long(0x7FE00010, "OB", bare(ITEM) + bare(ITEM, bytes(5)) + bare(SEQUENCE_END), length=ENDLESS),
        AnomalyCode.ODD_LENGTH,
    ),
    "order": (short(0x00100020, "LO", b"AB") + short(0x00100010, "PN", b"AB"), AnomalyCode.ORDER),
    "twice the same": (short(0x00100020, "LO", b"AB") * 2, AnomalyCode.ORDER),
    "a group length that is too short": (
        short(0x00100000, "UL", struct.pack("<I", 2)) + short(0x00100010, "PN", b"AB"),
        AnomalyCode.GROUP_LENGTH,
    ),
    "a group length that is too long": (
        short(0x00100000, "UL", struct.pack("<I", 22))
        + short(0x00100010, "PN", b"AB")
        + short(0x00200010, "SH", b"1 "),
        AnomalyCode.GROUP_LENGTH,
    ),
    "a group length that ends in a sequence": (
        short(0x00080000, "UL", struct.pack("<I", 20))
        + long(0x00081032, "SQ", bare(ITEM, short(0x00080100, "SH", b"AB"))),
        AnomalyCode.GROUP_LENGTH,
    ),
    "another VR": (short(0x00100010, "LO", b"AB"), AnomalyCode.VR),
    "a VR that is none": (short(0x00091010, "??", b"AB"), AnomalyCode.VR),
    "a new VR": (long(0x00091010, "ZZ", b"AB"), AnomalyCode.VR),
    "group 2": (short(0x00020010, "UI", b"1\0"), AnomalyCode.GROUP),
    "a delimiter in a sequence of defined length": (
        long(0x00081032, "SQ", bare(ITEM) + bare(SEQUENCE_END)),
        AnomalyCode.DELIMITER,
    ),
    "a delimiter with a length": (
        long(0x00081032, "SQ", bare(ITEM) + bare(SEQUENCE_END, length=4), length=ENDLESS),
        AnomalyCode.DELIMITER,
    ),
}


@pytest.mark.parametrize("what", ODDITIES)
def test_odd_but_readable(what: str) -> None:
    data, code = ODDITIES[what]
    assert odd(data) == {code}


def test_an_anomaly_is_counted_and_has_its_first_place() -> None:
    report = in_pieces(short(0x00080005, "CS", b"") + short(0x00100010, "PN", b"ABC") * 3, EXPLICIT)
    first = {anomaly.code: anomaly for anomaly in report.anomalies}[AnomalyCode.ODD_LENGTH]
    assert (first.tag, first.offset, first.times) == (0x00100010, 8, 3)


def test_the_place_of_a_fault() -> None:
    data = short(0x00080005, "CS", b"") + short(0x00100010, "PN", b"AB", length=10)
    fault = in_pieces(data, EXPLICIT).fault
    assert fault is not None
    assert (fault.tag, fault.offset, fault.expected, fault.found) == (0x00100010, 18, 8, 0)


@pytest.mark.parametrize("read", [*NATIVE, DEFLATED, JPEG])
@pytest.mark.parametrize("written", [*NATIVE, DEFLATED])
def test_the_other_encoding_is_named(written: str, read: str) -> None:
    dataset = sample()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    data = encoded(dataset, EXPLICIT if written == DEFLATED else written)
    fault = in_pieces(deflated(data) if written == DEFLATED else data, read).fault
    if written in (read, {JPEG: EXPLICIT}.get(read)):
        assert fault is None
    else:
        assert fault == (StructureCode.OTHER_ENCODING, 0, 0, -1, -1, read, written)


@pytest.mark.parametrize("syntax", [*NATIVE, DEFLATED])
def test_what_breaks_off_in_its_own_encoding_has_no_other(syntax: str) -> None:
    data = encoded(sample(), EXPLICIT if syntax == DEFLATED else syntax)
    fault = in_pieces((deflated(data) if syntax == DEFLATED else data)[:-3], syntax).fault
    assert fault is not None
    assert fault.code is not StructureCode.OTHER_ENCODING
    assert not fault.found_syntax_uid


@pytest.mark.parametrize("data", [b"no deflate stream", b""])
def test_no_deflate_stream(data: bytes) -> None:
    assert code_of(data, DEFLATED) == StructureCode.NOT_DEFLATED


@pytest.mark.parametrize("size", [1000, 2**20])
def test_empty_items_that_cost_nothing_are_too_many(size: int) -> None:
    data = empty_items(1_000_000, deflated=True)
    reader = StructureReader(DEFLATED)
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
    report = reader.finish()
    assert report.fault is not None
    assert report.fault.code == StructureCode.TOO_MANY
    assert report.elements < 140_000
    assert report.inflated_size < 2**21


def test_many_elements_that_were_paid_for_are_not() -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = packer.compress(many_elements(100_000)) + packer.flush()
    report = read_structure(data, DEFLATED)
    assert report.fault is None
    assert report.elements == 100_000


@pytest.mark.parametrize("size", [2**18, 2**20, 2**22])
def test_what_waits_in_the_inflater_at_the_end_is_not_missing(size: int) -> None:
    plain = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, size) + bytes(size)
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    report = read_structure(packer.compress(plain) + packer.flush(), DEFLATED)
    assert report.fault is None
    assert report.inflated_size == len(plain)


def test_bytes_behind_a_deflate_stream_are_odd() -> None:
    data = encoded(sample(), DEFLATED)
    assert odd(data + b"\0\0", DEFLATED) == {AnomalyCode.DEFLATE_PADDING}


def test_a_bomb_is_inflated_to_the_limit() -> None:
    stream = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    start = long(0x7FE00010, "OW", b"", length=2**26)
    data = stream.compress(start + bytes(2**26)) + stream.flush()
    report = read_structure(data, DEFLATED, UNLIMITED._replace(max_inflated=2**20))
    assert report.fault is not None
    assert report.fault.code is StructureCode.TOO_LARGE
    assert report.inflated_size <= 2**20 + 2**18


def test_elements_are_counted_up_to_the_limit() -> None:
    data = long(0x00081032, "SQ", bare(ITEM) * 1000)
    assert read_structure(data, EXPLICIT, UNLIMITED._replace(max_elements=1001)).fault is None
    fault = read_structure(data, EXPLICIT, UNLIMITED._replace(max_elements=1000)).fault
    assert fault is not None
    assert (fault.code, fault.expected) == (StructureCode.TOO_MANY, 1000)


def test_plain_elements_count_as_well() -> None:
    data = b"".join(short(0x00090010 + number, "LO", b"") for number in range(2000))
    fault = read_structure(data, EXPLICIT, UNLIMITED._replace(max_elements=1000)).fault
    assert fault is not None
    assert fault.code is StructureCode.TOO_MANY


def test_depth_is_bounded() -> None:
    level = (long(0x00081032, "SQ", b"", length=ENDLESS) + bare(ITEM, length=ENDLESS)) * 100
    fault = read_structure(level, EXPLICIT, UNLIMITED._replace(max_depth=64)).fault
    assert fault is not None
    assert (fault.code, fault.expected, fault.found) == (StructureCode.TOO_DEEP, 64, 65)


def test_nothing_is_kept_of_a_long_value() -> None:
    reader = StructureReader(EXPLICIT)
    reader.feed(long(0x7FE00010, "OW", b"", length=2**31))
    for _ in range(3):
        reader.feed(bytes(2**16))
    assert reader.fault is None
    report = reader.finish()
    assert report.fault is not None
    assert (report.fault.code, report.fault.expected) == (StructureCode.TRUNCATED, 2**31 - 3 * 2**16)


def test_a_piece_is_taken_at_once_where_it_is_a_step_at_most() -> None:
    reader = StructureReader(EXPLICIT)
    assert reader.take(many_elements(200), 1) == reader.work > 0
    assert reader.take(long(0x7FE00010, "OW", b"", length=2 * STEP_BYTES), 0) == NOT_TAKEN
    assert reader.take(long(0x7FE00010, "OW", b"", length=2 * STEP_BYTES), 1) == ELEMENT_WORK
    assert reader.take(bytes(2 * STEP_BYTES), 0) == 0  # passed over, whatever was done before
    assert reader.take(bytes(STEP_BYTES + 1), 1) == NOT_TAKEN
    assert reader.finish().fault is None


def test_a_piece_behind_others_is_not_taken() -> None:
    reader = StructureReader(EXPLICIT)
    reader.put(long(0x7FE00010, "OW", b"", length=4))
    assert reader.take(bytes(4), 1) == NOT_TAKEN
    reader.advance()
    assert reader.take(bytes(4), 1) == 0
    assert reader.finish().fault is None


def test_deflated_pieces_are_not_taken() -> None:
    assert StructureReader(DEFLATED).take(deflated(short(0x00080060, "CS", b"CT")), 1) == NOT_TAKEN


def test_after_a_fault_pieces_are_only_counted() -> None:
    reader = StructureReader(EXPLICIT)
    reader.feed(b"what is this, then")
    reader.feed(bytes(1000))
    assert reader.fault is not None
    assert reader.finish().size == 1018


def test_the_known_beginnings_are_bounded() -> None:
    for start in range(0, 0x10000, 0x1000):
        data = b"".join(short(0x10091000 + start * 0x10 + n, "LO", b"") for n in range(0x1000))
        assert in_few(data) is None
    data = encoded(sample(), EXPLICIT)
    assert in_few(data) is None


def in_few(data: bytes) -> StructureCode | None:
    fault = read_structure(data, EXPLICIT).fault
    return fault and fault.code


@pytest.mark.parametrize("syntax", [*NATIVE, DEFLATED])
def test_the_place_of_pixel_data(syntax: str) -> None:
    dataset, inner = Dataset(), Dataset()
    inner.PixelData = b"\x5c" * 300
    inner["PixelData"].VR = "OW"
    dataset.BasicGrayscaleImageSequence = Sequence([inner])
    data = encoded(dataset, syntax)
    plain = zlib.decompress(data, -zlib.MAX_WBITS) if syntax == DEFLATED else data
    offset, length = in_pieces(data, syntax).pixel_data
    assert plain[offset : offset + length] == inner.PixelData


def test_text_in_the_place_of_pixel_data_is_none() -> None:
    assert in_pieces(long(0x7FE00010, "UC", b"a\\b "), EXPLICIT).pixel_data == (0, 0)


def test_a_data_set_of_odd_length_is_whole_with_the_byte_that_makes_its_last_fragment_even() -> None:
    element = short(0x00100010, "PN", b"ABC")
    assert odd(element + b"\0") == {AnomalyCode.ODD_LENGTH}
    inside = long(0x00400100, "SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(element)) + element)
    assert odd(inside + b"\0") == {AnomalyCode.ODD_LENGTH}
    for data in (element + b"x", element + b"\0\0", short(0x00100010, "PN", b"ABCD") + b"\0"):
        fault = read_structure(data, EXPLICIT).fault
        assert fault is not None
        assert fault.code is StructureCode.TRAILING_JUNK
