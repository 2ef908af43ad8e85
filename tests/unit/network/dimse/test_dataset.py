"""Data sets ⇄ bytes: every kind of transfer syntax, and faults as errors of our own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomgui.network.dimse.dataset import (
    DatasetTooLarge,
    check_structure,
    count_elements,
    decode_answer,
    decode_dataset,
    encode_dataset,
    syntax_of_answer,
)
from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
OPEN_SEQUENCE = b"\x40\0\0\x01\xff\xff\xff\xff"
SYNTAXES = [IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG]


def sample() -> Dataset:
    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientName = "DOE^JANE"
    dataset.Rows = 512
    step = Dataset()
    step.Modality = "CT"
    dataset.ScheduledProcedureStepSequence = Sequence([step])
    return dataset


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_round_trip(syntax: str) -> None:
    data = encode_dataset(sample(), syntax)
    assert len(data) % 2 == 0
    decoded = decode_dataset(memoryview(data), syntax)
    assert decoded == sample()
    assert encode_dataset(decoded, syntax) == data


def test_golden_bytes() -> None:
    dataset = Dataset()
    dataset.Rows = 512
    assert encode_dataset(dataset, IMPLICIT) == b"\x28\0\x10\0\x02\0\0\0\x00\x02"
    assert encode_dataset(dataset, EXPLICIT) == b"\x28\0\x10\0US\x02\0\x00\x02"
    assert encode_dataset(dataset, BIG) == b"\0\x28\0\x10US\0\x02\x02\x00"
    assert encode_dataset(dataset, JPEG) == encode_dataset(dataset, EXPLICIT)


@pytest.mark.parametrize("text", ["", "A", "AB", "ABC", "ABCDEFG"])
def test_deflated_is_even(text: str) -> None:
    dataset = Dataset()
    dataset.PatientID = text
    data = encode_dataset(dataset, DEFLATED)
    assert len(data) % 2 == 0
    assert zlib.decompressobj(-15).decompress(data) == encode_dataset(dataset, EXPLICIT)
    assert decode_dataset(data, DEFLATED).PatientID == text


def test_b02_command_and_file_meta_elements_are_left_out() -> None:
    dataset = sample()
    dataset.add_new(0x00000110, "US", 1)
    dataset.add_new(0x00020010, "UI", "1.2")
    assert encode_dataset(dataset, IMPLICIT) == encode_dataset(sample(), IMPLICIT)
    assert 0x00020010 in dataset


def test_from_one_syntax_to_another() -> None:
    decoded = decode_dataset(encode_dataset(sample(), IMPLICIT), IMPLICIT)
    assert encode_dataset(decoded, BIG) == encode_dataset(sample(), BIG)


def test_values_against_their_vr_are_kept() -> None:
    data = b"\x10\0\x40\0\x04\0\0\0xyz " + b"\x10\0\x10\x10\x06\0\0\0older "
    assert decode_dataset(data, IMPLICIT).PatientSex == "xyz"


def test_value_that_cannot_be_encoded() -> None:
    dataset = Dataset()
    with pytest.warns(UserWarning, match="cannot be assigned"):
        dataset.add_new(0x00280010, "US", "text")
    with pytest.raises(LocalProtocolError, match="cannot be encoded"):
        encode_dataset(dataset, EXPLICIT)


@pytest.mark.parametrize(
    ("data", "syntax"),
    [
        (b"\x28\0\x10\0US\x03\0\x00\x02\x01", EXPLICIT),
        (b"\x78\x9c no deflate", DEFLATED),
        (encode_dataset(sample(), DEFLATED)[:-8], DEFLATED),
    ],
)
def test_unreadable(data: bytes, syntax: str) -> None:
    with pytest.raises(RemoteProtocolError, match="the data set cannot be read") as caught:
        decode_dataset(data, syntax)
    assert caught.value.abort_reason == 6


def test_a_nesting_without_end() -> None:
    data = OPEN_SEQUENCE + (b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + OPEN_SEQUENCE) * 10_000
    with pytest.raises(DatasetTooLarge, match="sequences more than 64 deep in one another"):
        decode_dataset(data, IMPLICIT)


@pytest.mark.parametrize("deflated", [False, True])
def test_elements_are_counted_before_they_are_made(deflated: bool) -> None:
    items = b"\xfe\xff\x00\xe0\0\0\0\0" * 100
    data = b"\x40\0\0\x01SQ\0\0" + len(items).to_bytes(4, "little") + items
    if deflated:
        stream = zlib.compressobj(wbits=-15)
        data = stream.compress(data) + stream.flush()
    syntax = DEFLATED if deflated else EXPLICIT
    assert count_elements(data, syntax, max_elements=101, max_depth=2) == 101
    with pytest.raises(DatasetTooLarge, match="more than 100 elements, items and values"):
        decode_dataset(data, syntax, max_elements=100, max_depth=2)


def test_values_count_as_elements_but_pixels_do_not() -> None:
    text = b"\x08\0\x08\0CS\x90\x01" + b"A\\" * 200
    pixels = b"\xe0\x7f\x10\0OW\0\0\x90\x01\0\0" + b"\\" * 400
    assert count_elements(text + pixels, EXPLICIT, max_depth=2) == 202


def test_a_long_data_set_with_a_broken_structure_is_not_tried() -> None:
    data = b"\x10\0\x10\0PN\xff\xff" + bytes(70_000)
    with pytest.raises(RemoteProtocolError, match="its structure is broken"):
        count_elements(data, EXPLICIT)


def test_a_short_one_counts_as_what_it_could_be_at_most() -> None:
    data = b"\x10\0\x10\0PN\xff\xff" + bytes(4_000)
    assert count_elements(data, EXPLICIT) == len(data) // 8


def test_deflate_bomb() -> None:
    deflate = zlib.compressobj(wbits=-15)
    bomb = deflate.compress(bytes(10_000_000)) + deflate.flush()
    with pytest.raises(RemoteProtocolError, match="inflates to more than 1,000,000 bytes"):
        decode_dataset(bomb, DEFLATED, max_inflated=1_000_000)


@pytest.mark.parametrize(
    ("data", "syntax"),
    [
        (b"", "1.2.840.10008.1.2"),
        (b"\x08\x00\x60\x00\x02\x00\x00\x00CT", "1.2.840.10008.1.2"),
        (b"\x08\x00\x60\x00CS\x02\x00CT", "1.2.840.10008.1.2.1"),
    ],
)
def test_a_data_set_that_is_whole_passes(data: bytes, syntax: str) -> None:
    check_structure(data, syntax)


def test_what_inflates_beyond_the_limit_is_not_judged() -> None:
    compress = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = compress.compress(b"\x10\x00\x10\x00UN\x00\x00\x00\x10\x00\x00" + bytes(4096)) + compress.flush()
    check_structure(data, "1.2.840.10008.1.2.1.99", max_inflated=1000)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"garbage!" * 3, "no data element where one is due"),
        (b"\x08\x00\x60\x00CS\x20\x00CT", "the data set breaks off at byte 10"),
        (b"\x08\x00\x60\x00CS\x02\x00CT" + bytes(3), "bytes behind the last element at byte 10"),
    ],
)
def test_a_data_set_that_is_not_whole_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        check_structure(data, "1.2.840.10008.1.2.1")
    assert str(caught.value) == words


@pytest.mark.parametrize("negotiated", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("written", [IMPLICIT, EXPLICIT, BIG])
def test_an_answer_in_another_native_encoding_is_read(written: str, negotiated: str) -> None:
    data = encode_dataset(sample(), written)
    assert syntax_of_answer(data, negotiated) == written
    assert decode_answer(data, negotiated) == sample()


def test_an_answer_is_read_when_bytes_lie_behind_it_or_it_is_empty() -> None:
    assert decode_answer(encode_dataset(sample(), EXPLICIT) + b"\0", EXPLICIT) == sample()
    assert len(decode_answer(b"", IMPLICIT)) == 0


ANSWER = encode_dataset(sample(), EXPLICIT)


@pytest.mark.parametrize(
    ("data", "negotiated", "told"),
    [
        (encode_dataset(sample(), DEFLATED), EXPLICIT, "Deflated"),
        (encode_dataset(sample(), DEFLATED), IMPLICIT, "Deflated"),
        (ANSWER, DEFLATED, "Deflated"),
        (ANSWER[:-1], EXPLICIT, "the data set breaks off"),
        (ANSWER[:-1], IMPLICIT, "Explicit"),
        (bytes(range(3, 91)), EXPLICIT, "no data element where one is due"),
    ],
)
def test_an_answer_that_is_broken_is_refused(data: bytes, negotiated: str, told: str) -> None:
    """pydicom makes elements of most of these."""
    with pytest.raises(RemoteProtocolError, match=told):
        decode_answer(data, negotiated)


@given(st.binary(max_size=200), st.sampled_from(SYNTAXES))
def test_any_bytes_are_a_data_set_or_a_protocol_error(data: bytes, syntax: str) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert isinstance(decode_dataset(data, syntax), Dataset)


def test_pydicom_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, dicomgui.network.dimse.dataset; sys.exit('pydicom' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_depth_is_counted_in_sequences() -> None:
    opening = bytes.fromhex("4000000153510000fffffffffeff00e0ffffffff")
    closing = bytes.fromhex("feff0de000000000feffdde000000000")
    assert count_elements((opening * 3 + closing * 3) * 40, EXPLICIT, max_depth=3) == 40 * 6
    with pytest.raises(DatasetTooLarge, match="more than 2 deep"):
        count_elements((opening * 3 + closing * 3) * 40, EXPLICIT, max_depth=2)
