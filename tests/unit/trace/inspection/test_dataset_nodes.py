from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.trace.inspection import dataset_bytes, dataset_nodes
from dicomgui.trace.inspection.dataset_nodes import DataNode, ParsedDataset, parse_dataset
from dicomgui.trace.inspection.messages import Gap

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, JPEG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50"


def sample() -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.PatientName = "王^小東"
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "T-1", "Thorax"
    request = Dataset()
    request.RequestedProcedureCodeSequence = Sequence([code])
    dataset.RequestAttributesSequence = Sequence([request, Dataset()])
    dataset.Rows = 512
    dataset.ImagePositionPatient = [1.5, -2.0, 3.0]
    dataset.FrameIncrementPointer = 0x00181063
    dataset.add_new(0x00091010, "LO", "SIEMENS CT VA0  COAD")
    dataset.add_new(0x00090010, "LO", "ACME 1.0")
    dataset.add_new(0x00091001, "LO", "private")
    dataset.add_new(0x7FE00010, "OW", bytes(512))
    return dataset


def find(parsed: ParsedDataset, label: str) -> DataNode:
    return next(node for node in parsed.root.walk() if label in node.label)


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    is_long = vr in (b"OB", b"OW", b"SQ", b"UN")
    return head + (struct.pack("<HI", 0, size) if is_long else struct.pack("<H", size)) + value


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG])
@pytest.mark.parametrize("undefined", [False, True])
def test_every_element_has_its_value_and_place(syntax: str, undefined: bool) -> None:
    dataset = sample()
    for one in dataset.iterall():
        one.is_undefined_length = undefined and one.VR == "SQ"
    if undefined:
        for item in (*dataset.RequestAttributesSequence, dataset.RequestAttributesSequence[0]):
            item.is_undefined_length_sequence_item = True
    parsed = parse_dataset(encode_dataset(dataset, syntax), syntax)
    assert parsed.is_inflated == (syntax == DEFLATED)
    nodes = list(parsed.root.walk())
    assert not [node for node in nodes if node.error]
    found = {node.tag: node for node in nodes if node.tag >= 0}
    for one in dataset.iterall():
        assert int(one.tag) in found, one
    assert parsed.text_of(0x00100010) == "王^小東"
    assert found[0x00080016].value == "1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)"
    assert found[0x00280010].value == "512"
    assert found[0x00200032].value == "1.5\\-2.0\\3.0"
    assert found[0x00280009].value == "(0018,1063) FrameTime"
    assert found[0x7FE00010].value == "512 bytes of pixels"
    assert found[0x00400275].value == "2 items"
    assert find(parsed, "Item 1").value in ("1 element", "Thorax")
    assert "PrivateCreator" in found[0x00090010].label
    top = [node for node in parsed.root.children if node.length]
    assert top[0].offset == 0
    assert [node.offset for node in top[1:]] == [node.offset + node.length for node in top[:-1]]
    assert top[-1].offset + top[-1].length in (len(parsed.data), len(parsed.data) - 1)


def test_text_is_read_in_the_character_set_of_where_it_stands() -> None:
    inner = element(0x00080005, b"CS", b"ISO_IR 100") + element(0x00100010, b"PN", "Müller".encode("latin-1"))
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    data = element(0x00080005, b"CS", b"ISO_IR 144") + element(0x00081140, b"SQ", item)
    data += element(0x00100010, b"PN", "Ёлка".encode("iso8859_5"))
    names = [node.value for node in parse_dataset(data, EXPLICIT).root.walk() if "PatientName" in node.label]
    assert names == ["Müller", "Ёлка"]


def test_fragments_of_compressed_pixels() -> None:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    fragment = struct.pack("<HHI", 0xFFFE, 0xE000, 6) + b"\xff\xd8\xff\xd9\0\0"
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    data = element(0x7FE00010, b"OB", item + fragment + fragment + end, 0xFFFFFFFF)
    data += element(0xFFFCFFFC, b"OB", b"\0\0")
    parsed = parse_dataset(data, JPEG)
    pixels, padding = parsed.root.children
    assert pixels.value == "2 fragments"
    assert [node.label for node in pixels.children[:3]] == ["Offset table", "Fragment 1", "Fragment 2"]
    assert pixels.children[2].value == "6 bytes"
    assert padding.offset == pixels.length


@pytest.mark.parametrize(
    ("data", "offset", "words"),
    [
        (element(0x00100010, b"PN", b"AB", 400), 0, "claims 400 bytes; 2 are left"),
        (b"\x10\0\x10\0PN", 0, "too few for an element"),
        (element(0x00100010, b"PN", b"AB") + b"\x10\0\x20\0\0\x01\0\0", 10, "no value representation"),
        (element(0x00081140, b"SQ", b"\x10\0\x10\0\0\0\0\0"), 12, "where an item is due"),
        (element(0x00081140, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, 99)), 12, "claims 99 bytes"),
        (element(0x00081140, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF), 0xFFFFFFFF), 0, "does not end"),
        (element(0x00100010, b"PN", b"", 0xFFFF)[:4] + b"LO\0\0", 0, ""),
    ],
)
def test_what_is_malformed_is_shown_up_to_the_fault(data: bytes, offset: int, words: str) -> None:
    good = element(0x00080060, b"CS", b"CT")
    parsed = parse_dataset(good + data, EXPLICIT)
    assert parsed.root.children[0].value == "CT"
    faults = [node for node in parsed.root.walk() if node.error]
    if words:
        assert words in faults[0].error
        assert faults[0].offset == offset + len(good)
    else:
        assert not faults


def test_what_was_not_kept_is_never_read() -> None:
    head = element(0x00080060, b"CS", b"CT") + element(0x00104000, b"UN", b"x" * 3000)
    rest = element(0x00200010, b"SH", b"12") + element(0x7FE00010, b"OW", b"", 100_000)
    data = bytearray(head + rest)
    data[1000:2000] = bytes(1000)
    parsed = parse_dataset(bytes(data), EXPLICIT, gaps=(Gap(1000, 1000),), length=len(data) + 100_000)
    _, comment, study, pixels = parsed.root.children
    assert comment.value == "3,000 bytes, of which 978 were kept"
    assert study.value == "12"
    assert pixels.value == "100,000 bytes of pixels"
    assert not pixels.error
    data[len(head) - 500 : len(head) + 4] = bytes(504)
    parsed = parse_dataset(bytes(data), EXPLICIT, gaps=(Gap(len(head) - 500, 504),))
    last = parsed.root.children[-1]
    assert (last.label, last.offset) == ("Not kept", len(head))
    assert "the beginning is not in the trace" in last.value


def test_a_syntax_that_does_not_fit_or_is_not_known_is_told_and_guessed() -> None:
    data = encode_dataset(sample(), IMPLICIT)
    for syntax, words in ((EXPLICIT, "looks like implicit VR"), ("", "implicit VR little endian")):
        parsed = parse_dataset(data, syntax)
        assert words in parsed.root.children[0].value
        assert parsed.text_of(0x00280010) == "512"
    parsed = parse_dataset(encode_dataset(sample(), BIG), "")
    assert "explicit VR big endian" in parsed.root.children[0].value
    assert parsed.text_of(0x00280010) == "512"


def test_deflated_data_are_inflated_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = stream.compress(element(0x00080060, b"CS", b"CT") + bytes(10_000_000)) + stream.flush()
    monkeypatch.setattr(dataset_bytes, "MAX_INFLATED", 100_000)
    parsed = parse_dataset(bomb, DEFLATED)
    assert len(parsed.data) == 100_000
    assert "only the first" in parsed.root.children[0].error
    assert parsed.text_of(0x00080060) == "CT"
    cut = parse_dataset(bomb[:30], DEFLATED)
    assert "break off" in cut.root.children[0].error
    assert "cannot be read" in parse_dataset(b"\xff\xff\xff\xff", DEFLATED).root.children[0].error


def test_long_levels_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_nodes, "MAX_CHILDREN", 10)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    data = b"".join(element(0x00091000 + number, b"LO", b"ab") for number in range(25))
    data += element(0x00101002, b"SQ", item * 25)
    parsed = parse_dataset(data, EXPLICIT)
    assert len(parsed.root.children) == 11
    assert parsed.root.children[-1].label == "Further elements"
    nodes = list(parsed.root.walk())
    assert sum(node.label.startswith("Item ") for node in nodes) == 25
    assert find(parsed, "Item 25").offset == len(data) - 8
    assert sum(node.tag >> 16 == 0x0009 for node in nodes) == 25


def test_nothing_inside_is_read_before_it_is_asked_for() -> None:
    inner = element(0x00100010, b"PN", b"AB")
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    [sequence] = parse_dataset(element(0x00081140, b"SQ", item), EXPLICIT).root.children
    assert sequence.may_have_children
    assert callable(sequence._inside)
    assert sequence.children[0].children[0].value == "AB"


def test_nesting_without_end_is_left() -> None:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    data = (element(0x00081140, b"SQ", b"", 0xFFFFFFFF) + item) * 5000
    parsed = parse_dataset(data, EXPLICIT)
    assert "levels deep" in parsed.root.children[0].error


@given(st.binary(max_size=200), st.sampled_from([IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG, ""]))
def test_any_bytes_make_a_tree(data: bytes, syntax: str) -> None:
    parsed = parse_dataset(data, syntax)
    for node in parsed.root.walk():
        assert isinstance(node.value, str)
        assert 0 <= node.offset <= len(parsed.data)


def test_sequences_of_which_the_end_was_not_kept() -> None:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + element(0x00100010, b"PN", b"AB")
    data = element(0x00081140, b"SQ", item, 0xFFFFFFFF)
    whole = data + bytes(100)
    [sequence] = parse_dataset(whole, EXPLICIT, gaps=(Gap(len(data), 100),)).root.children
    assert not sequence.error
    assert sequence.length == len(whole)
    assert "cannot be read" in sequence.value
    assert sequence.children[0].label == "Not kept"


def test_what_has_no_length_and_is_no_sequence() -> None:
    data = struct.pack("<HH2sHI", 0x0008, 0x0119, b"UC", 0, 0xFFFFFFFF) + bytes(20)
    [fault] = parse_dataset(data, EXPLICIT).root.children
    assert "has no length" in fault.error


def test_a_text_can_be_read_in_another_character_set_than_it_says_down_to_the_items() -> None:
    raw = element(0x00080005, b"CS", b"ISO_IR 100") + element(0x00100010, b"PN", b"\xd0\xd2")
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 10) + element(0x00080080, b"LO", b"\xd0\xd2")
    raw += element(0x00400275, b"SQ", item)
    said = parse_dataset(raw, EXPLICIT)
    assert [find(said, name).value for name in ("PatientName", "InstitutionName")] == ["ÐÒ", "ÐÒ"]
    forced = parse_dataset(raw, EXPLICIT, charset="ISO_IR 144")
    assert [find(forced, name).value for name in ("PatientName", "InstitutionName")] == ["ав", "ав"]


def test_an_element_tells_where_its_value_begins_and_what_it_was_read_in() -> None:
    raw = element(0x00080005, b"CS", b"ISO_IR 100") + element(0x00100010, b"PN", b"AB")
    node = find(parse_dataset(raw, EXPLICIT), "PatientName")
    assert (node.vr, raw[node.begin :], node.charset) == ("PN", b"AB", "ISO_IR 100")
