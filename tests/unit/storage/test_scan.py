"""Elements found without decoding, in every native encoding, whole and damaged."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.storage.scan import inflate, native_syntax, scan

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
NAME, COLUMNS = 0x0010_0010, 0x0028_0011


def nested() -> Dataset:
    """A data set with sequences of defined and undefined length, two deep, before the wanted elements."""
    inner = Dataset()
    inner.CodeValue, inner.PatientName = "X", "Wrong^Name"
    middle = Dataset()
    middle.PurposeOfReferenceCodeSequence = Sequence([inner])
    middle.is_undefined_length_sequence_item = True
    dataset = Dataset()
    dataset.ReferencedStudySequence = Sequence([middle, Dataset()])
    dataset["ReferencedStudySequence"].is_undefined_length = True
    middle["PurposeOfReferenceCodeSequence"].is_undefined_length = True
    dataset.PatientName = "Right^Name"
    dataset.add_new(0x00110010, "LO", "OWNER")
    dataset.add_new(0x00111010, "UN", b"private!")
    dataset.Columns = 7
    dataset.PixelData = bytes(100)
    dataset["PixelData"].VR = "OW"
    return dataset


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_the_outermost_level_alone(syntax: str) -> None:
    data = encode_dataset(nested(), syntax)
    result = scan(data, native_syntax(syntax, data), {NAME, COLUMNS}, COLUMNS)
    assert result.is_complete
    at = result.found[NAME]
    assert data[at.begin : at.end] == b"Right^Name"
    at = result.found[COLUMNS]
    assert int.from_bytes(data[at.begin : at.end], "big" if syntax == BIG else "little") == 7


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_cut_off_at_every_byte(syntax: str) -> None:
    data = encode_dataset(nested(), syntax)
    whole = scan(data, syntax, {NAME, COLUMNS}, COLUMNS)
    end = max(at.end for at in whole.found.values()) + 8
    for size in range(end):
        result = scan(data[:size], syntax, {NAME, COLUMNS}, COLUMNS)
        assert not result.is_complete
        assert result.found == {tag: at for tag, at in whole.found.items() if at.end <= size}


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def test_unknown_with_undefined_length_is_implicit_inside() -> None:
    """PS3.5 6.2.2, note: converted by who did not know the sequence."""
    item = struct.pack("<HHI", 0x0008, 0x0100, 2) + b"X "  # implicit
    sequence = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + item + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    data = struct.pack("<HH2sHI", 0x0009, 0x1001, b"UN", 0, 0xFFFFFFFF) + sequence
    data += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) + explicit(NAME, b"PN", b"A^") + explicit(COLUMNS, b"US", b"\1\0")
    result = scan(data, EXPLICIT, {NAME}, NAME)
    assert result.is_complete
    assert data[slice(*result.found[NAME][1:])] == b"A^"


OPEN_SEQUENCE = struct.pack("<HH2sHI", 0x0010, 0x0021, b"SQ", 0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    "rest",
    [
        b"\x10\0\x20\0??\x04\0junk",  # no VR
        OPEN_SEQUENCE + explicit(0x0010_0022, b"LO", b"A ") * 3,  # no item
        OPEN_SEQUENCE + struct.pack("<HHI", 0xFFFE, 0xE00D, 0),  # the end of an item that never began
    ],
)
def test_what_stands_before_garbage_is_found(rest: bytes) -> None:
    data = explicit(NAME, b"PN", b"A^") + rest
    result = scan(data, EXPLICIT, {NAME, 0x0010_0020}, COLUMNS)
    assert result.is_complete
    assert list(result.found) == [NAME]


def test_the_first_of_two_counts() -> None:
    data = explicit(NAME, b"PN", b"A^") + explicit(NAME, b"PN", b"B^")
    assert scan(data, EXPLICIT, {NAME}, COLUMNS).found[NAME].start == 0


def test_a_hundred_thousand_levels_deep() -> None:
    data = struct.pack("<HH2sHI", 0x0008, 0x1110, b"SQ", 0, 0xFFFFFFFF)
    level = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + data
    result = scan(data + level * 100_000, EXPLICIT, {NAME}, COLUMNS)
    assert result.found == {}
    assert not result.is_complete


@pytest.mark.parametrize(
    ("declared", "data", "syntax"),
    [
        (EXPLICIT, b"\x08\0\x05\0CS\x02\0", EXPLICIT),
        (EXPLICIT, b"\x08\0\x05\0\x0a\0\0\0", IMPLICIT),
        (IMPLICIT, b"\x08\0\x05\0CS\x02\0", EXPLICIT),
        ("1.2.840.10008.1.2.4.90", b"\x08\0\x05\0CS\x02\0", EXPLICIT),
        (BIG, b"\0\x08\0\x05CS\0\x02", BIG),
        (EXPLICIT, b"", EXPLICIT),
    ],
)
def test_files_lie_about_their_syntax(declared: str, data: bytes, syntax: str) -> None:
    assert native_syntax(declared, data) == syntax


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_bytes_changed_at_random_never_raise(data: st.DataObject) -> None:
    syntax = data.draw(st.sampled_from([IMPLICIT, EXPLICIT, BIG]))
    raw = bytearray(encode_dataset(nested(), syntax))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    result = scan(bytes(raw), syntax, {NAME, COLUMNS}, COLUMNS)
    assert all(0 <= at.start < at.begin <= at.end <= len(raw) for at in result.found.values())


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def test_inflate() -> None:
    assert inflate(b"plain", EXPLICIT, 100) == b"plain"
    assert inflate(deflated(b"abc" * 10_000) + b"\0", DEFLATED, 1_000_000) == b"abc" * 10_000
    assert inflate(deflated(b"abc"), DEFLATED, 2) == b"ab"
    assert inflate(b"\xff\xff\xff", DEFLATED, 100) == b""


def test_a_bomb_is_inflated_to_the_limit_and_no_further() -> None:
    assert len(inflate(deflated(bytes(200_000_000)), DEFLATED, 1_048_576)) == 1_048_576


def test_of_a_damaged_stream_what_is_sound() -> None:
    import random

    whole = random.Random(1).randbytes(200_000)
    damaged = bytearray(deflated(whole))
    damaged[150_000:150_100] = b"\xff" * 100
    sound = inflate(bytes(damaged), DEFLATED, 1_000_000)
    assert len(sound) >= 65_536
    assert whole.startswith(sound[:65_536])
