"""The encoding of a data set by the look of its first bytes."""

from __future__ import annotations

import struct
import zlib

import pytest

from dicomgui.network.encoding_look import encoding_by_look, encoding_of

IMPLICIT, EXPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{more}" for more in ("", ".1", ".2", ".1.99"))
SHORT = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"


def packed(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (SHORT, EXPLICIT),
        (b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100", IMPLICIT),
        (b"\x00\x08\x00\x05CS\x00\x0aISO_IR 100", BIG),
        (packed(SHORT * 9), DEFLATED),
        (b"\x08\x00\x05\x00\x0a\x00\x01\x00" + bytes(65_546), ""),  # too long for a first element
        (struct.pack("<HH2sH", 0x7FE1, 0x0010, b"LO", 0), ""),
        (b"\x08\x00\x05\x00CS\x0a", ""),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", ""),
        (b"", ""),
    ],
)
def test_encoding_by_look(data: bytes, encoding: str) -> None:
    assert encoding_by_look(data) == encoding


@pytest.mark.parametrize(
    ("syntax", "encoding"),
    [
        (IMPLICIT, IMPLICIT),
        (EXPLICIT, EXPLICIT),
        (BIG, BIG),
        (DEFLATED, DEFLATED),
        ("1.2.840.10008.1.2.4.50", EXPLICIT),
        ("1.2.840.10008.1.2.4.95", DEFLATED),
        ("1.2.3.4", EXPLICIT),
    ],
)
def test_each_transfer_syntax_has_one_of_four_encodings(syntax: str, encoding: str) -> None:
    """PS3.5 A.4: what encapsulates pixel data has explicit VRs and is little endian; A.4.12 (JPIP) is deflated."""
    assert encoding_of(syntax) == encoding
