from __future__ import annotations

import struct

import pytest
from helpers.exchanging import RECEIVED, explicit

from dicomgui.network.tracing import BytesRecord, NoteRecord, PduRecord, Segment
from dicomgui.trace.filter.content import bytes_content, tag_content, tag_of, text_content


def pdu(data: bytes) -> PduRecord:
    return PduRecord(1, 0.0, 0.0, RECEIVED, 4, len(data), (Segment(0, data),), "")


NOTE = NoteRecord(1, 0.0, 0.0, 20, "The Handler failed")
STRAY = BytesRecord(1, 0.0, 0.0, RECEIVED, 4, b"\x16\x03\x01\x00", "")


def test_bytes() -> None:
    look = bytes_content("16:03 01", negated=False)
    assert look.needles == (b"\x16\x03\x01",)
    assert look.passes(STRAY)
    assert not look.passes(pdu(b"\x16\x03"))
    assert not look.passes(NOTE)
    turned = bytes_content("160301", negated=True)
    assert not turned.needles
    assert [turned.passes(record) for record in (STRAY, pdu(b"\x16\x03"), NOTE)] == [False, True, False]
    with pytest.raises(ValueError, match="no bytes"):
        bytes_content("16 0", negated=False)


def test_texts_are_looked_for_in_bytes_and_words() -> None:
    look = text_content("handler", negated=False)
    assert look.passes(NOTE)
    assert look.passes(pdu(b"--handler--"))
    assert not look.passes(pdu(b"--Handler--"))  # bytes are bytes
    assert (look.needles, look.word) == ((b"handler",), "handler")
    assert text_content("Müller", negated=False).passes(pdu("Müller".encode()))
    assert not text_content("Müller", negated=False).needles  # how a file writes it cannot be told
    assert not text_content("handler", negated=True).passes(NOTE)


@pytest.mark.parametrize("text", ["0010,0020", "(0010,0020)", "00100020", "PatientID", " 0010,0020 "])
def test_ways_to_write_a_tag(text: str) -> None:
    assert tag_of(text) == (0x0010, 0x0020)


def test_what_is_no_tag() -> None:
    with pytest.raises(ValueError, match="no tag"):
        tag_of("PatientIdentity")


IMPLICIT = struct.pack("<HHI", 0x10, 0x20, 4) + b"AB12"
BIG = struct.pack(">HH2sH", 0x10, 0x20, b"LO", 4) + b"AB12"
LONG = struct.pack("<HH2s2xI", 0x10, 0x20, b"UT", 4) + b"AB12"


@pytest.mark.parametrize("data", [explicit(0x10, 0x20, "LO", b"AB12"), IMPLICIT, BIG, LONG, b"xx" + IMPLICIT + b"yy"])
def test_values_in_every_encoding(data: bytes) -> None:
    assert tag_content("0010,0020", "~", "b1", negated=False).passes(pdu(data))
    assert tag_content("0010,0020", "=", "AB12", negated=False).passes(pdu(data))
    assert not tag_content("0010,0020", "~", "b2", negated=False).passes(pdu(data))
    assert not tag_content("0010,0020", "~", "b1", negated=True).passes(pdu(data))
    assert tag_content("0010,0020", "", "", negated=False).passes(pdu(data))


def test_numbers_are_values_too() -> None:
    look = tag_content("0000,0900", "=", "b000", negated=False)
    assert look.passes(pdu(struct.pack("<HHIH", 0, 0x0900, 2, 0xB000)))
    assert tag_content("0000,0900", "=", "45056", negated=False).passes(pdu(struct.pack("<HHIH", 0, 0x900, 2, 0xB000)))


def test_a_padded_value_is_its_text() -> None:
    assert tag_content("0010,0020", "=", "ab1", negated=False).passes(pdu(explicit(0x10, 0x20, "LO", b"AB1 ")))


@pytest.mark.parametrize(
    "data",
    [
        b"\x10\x00\x20\x00",  # cut off
        b"\x10\x00\x20\x00LO",
        b"\x10\x00\x20\x00\xff\xff\xff\x0fAB12",  # a length that is none
        b"\x00\x10\x00\x20\x00\x00\x00\x04AB12",  # implicit is never big endian
    ],
)
def test_what_only_looks_like_the_element_has_no_value(data: bytes) -> None:
    assert not tag_content("0010,0020", "~", "AB12", negated=False).passes(pdu(data))


def test_an_undefined_length_has_an_empty_value() -> None:
    data = struct.pack("<HH2s2xI", 0x40, 0x100, b"SQ", 0xFFFF_FFFF)
    assert tag_content("0040,0100", "", "", negated=False).passes(pdu(data))
    assert tag_content("0040,0100", "=", "", negated=False).passes(pdu(data))


def test_a_pdu_of_nothing_but_the_tag_is_looked_at_a_bounded_number_of_times() -> None:
    data = b"\x10\x00\x20\x00" * 100_000
    assert not tag_content("0010,0020", "=", "never", negated=False).passes(pdu(data))


def test_a_text_that_has_no_bytes_is_in_none() -> None:
    assert not text_content("\udf98", negated=False).passes(pdu(b"?"))
