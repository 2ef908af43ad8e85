from __future__ import annotations

import struct

import pytest
from helpers.failures import element
from helpers.recordings import EXPLICIT, IMPLICIT

from dicomgui.trace.diagnosis.alphabet import doubt_about

NAME, SET = 0x00100010, 0x00080005
LATIN, UTF = "Größe ".encode("latin-1"), "Größen".encode()
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"


def implicit(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def said(text: bytes) -> bytes:
    return element(SET, "CS", text)


@pytest.mark.parametrize(
    ("data", "code", "fits"),
    [
        (element(NAME, "PN", LATIN), "character-set-missing", "Latin-1"),
        (element(NAME, "PN", UTF), "character-set-missing", "UTF-8"),
        (said(b"") + element(NAME, "PN", UTF), "character-set-missing", "UTF-8"),
        (said(b"ISO_IR 6") + element(NAME, "PN", LATIN), "character-set-missing", "Latin-1"),
        (said(b"ISO_IR 192") + element(NAME, "PN", LATIN), "character-set-contradicted", "ISO_IR 192"),
        (said(b"ISO_IR 192") + element(NAME, "PN", "a\ufffd".encode()), "characters-lost", "UTF-8"),
    ],
)
def test_text_in_doubt(data: bytes, code: str, fits: str) -> None:
    doubt = doubt_about(data, EXPLICIT)
    assert doubt is not None
    assert doubt.alphabet.code == code
    assert fits in doubt.alphabet.fits
    assert doubt.tag == NAME


@pytest.mark.parametrize(
    "data",
    [
        b"",
        element(NAME, "PN", b"Smith "),
        said(b"ISO_IR 192") + element(NAME, "PN", UTF),
        said(b"ISO_IR 100") + element(NAME, "PN", LATIN),
        said(b"\\ISO 2022 IR 87") + element(NAME, "PN", b"\x1b$B;3\x1b(B\xc0"),
        element(0x00280010, "US", b"\xff\xff"),
        element(0x00404000, "LO", LATIN),
        element(NAME, "PN", LATIN)[:-1],
    ],
    ids=["empty", "ascii", "utf-8", "latin", "japanese", "number", "beyond", "cut off"],
)
def test_text_without_doubt(data: bytes) -> None:
    assert doubt_about(data, EXPLICIT) is None


def test_implicit_vr_takes_the_dictionary() -> None:
    doubt = doubt_about(implicit(0x00100020, b"17") + implicit(NAME, LATIN), IMPLICIT)
    assert doubt is not None
    assert doubt_about(implicit(0x00110010, LATIN), IMPLICIT) is None
    assert doubt_about(implicit(SET, b"ISO_IR 100") + implicit(NAME, LATIN), IMPLICIT) is None


@pytest.mark.parametrize("syntax", [BIG, DEFLATED])
def test_what_cannot_be_walked_is_not_judged(syntax: str) -> None:
    assert doubt_about(element(NAME, "PN", LATIN), syntax) is None


def test_sequences_are_passed_over() -> None:
    """What stands in a sequence has its own character set, or that of what is around it."""
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    item_end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + element(NAME, "PN", LATIN) + item_end
    closed = struct.pack("<HHI", 0xFFFE, 0xE000, 8) + element(NAME, "PN", b"")
    sequence = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + item + closed + end
    assert doubt_about(sequence, EXPLICIT) is None
    doubt = doubt_about(sequence + element(NAME, "PN", LATIN), EXPLICIT)
    assert doubt is not None


def test_data_from_outside_ends_somewhere() -> None:
    nested = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    nested += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) * 5000
    assert doubt_about(nested + LATIN, EXPLICIT) is None
    long = b"".join(element(0x00080001 + 2 * number, "LO", b"") for number in range(600))
    assert doubt_about(long + element(NAME, "PN", LATIN), EXPLICIT) is None
    assert doubt_about(struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 9)[:-1] + b"\xff", EXPLICIT) is None
