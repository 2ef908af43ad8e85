from __future__ import annotations

import struct

import pytest

from dicomgui.trace.inspection.dataset_values import element_vr, label_of, value_text


@pytest.mark.parametrize(
    ("tag", "vr", "raw", "text"),
    [
        (0x00100010, "PN", b"Doe^John", "Doe^John"),
        (0x00080018, "UI", b"1.2.840.10008.1.1\0", "1.2.840.10008.1.1 (Verification SOP Class)"),
        (0x00080018, "UI", b"../etc\0", "../etc"),
        (0x00081197, "US", b"\x22\x01", "0x0122 (failure)"),
        (0x00280010, "US", b"\x00\x02\x01", "512 and 1 more bytes"),
        (0x00189461, "FL", struct.pack("<2f", 0.1, 2), "0.100000001\\2"),
        (0x00209165, "AT", b"\x10\0\x10\0", "(0010,0010) PatientName"),
        (0x00420011, "OB", b"\x01\x02", "2 bytes: 01 02"),
        (0x00420011, "OB", bytes(100), "100 bytes: " + bytes(24).hex(" ") + " …"),
        (0x00101000, "LO", b"<b>a</b>\r\n\x1b[31m", "<b>a</b>\\r\\n\\x1b[31m"),
        (0x00101000, "LO", b"", ""),
    ],
)
def test_values(tag: int, vr: str, raw: bytes, text: str) -> None:
    shown = value_text(tag, vr, raw, len(raw))
    assert shown == text or shown.startswith(text)


def test_long_values_are_cut() -> None:
    assert value_text(0x00280010, "US", bytes(1000), 1000).endswith("… 500 values")
    assert value_text(0x00209165, "AT", bytes(400), 400).endswith("… 100 tags")
    assert len(value_text(0x00104000, "LT", b"a" * 5000, 5000)) == 1024


def test_numbers_have_the_order_of_their_syntax() -> None:
    assert value_text(0x00280010, "US", b"\x02\x00", 2, is_big=True) == "512"
    assert value_text(0x00209165, "AT", b"\0\x10\0\x20", 4, is_big=True) == "(0010,0020) PatientID"


def test_elements_are_named() -> None:
    assert label_of(0x00100020, "LO") == "(0010,0020) LO PatientID"
    assert label_of(0x00090010, "LO") == "(0009,0010) LO PrivateCreator"
    assert label_of(0x00091001, "LO") == "(0009,1001) LO private"
    assert label_of(0x00291077, "CS", "SIEMENS CSA HEADER") == "(0029,1077) CS private, SIEMENS CSA HEADER"
    assert label_of(0x00291008, "CS", "SIEMENS CSA HEADER") == "(0029,1008) CS CSA Image Header Type"
    assert label_of(0x00080000, "UL") == "(0008,0000) UL GroupLength"
    assert label_of(0x77770001) == "(7777,0001) private"
    assert label_of(0x77760002) == "(7776,0002) not in the dictionary"


def test_representations_come_from_the_dictionaries() -> None:
    assert element_vr(0x00100010) == "PN"
    assert element_vr(0x00280106) == "US"
    assert element_vr(0x00080000) == "UL"
    assert element_vr(0x00291008, "SIEMENS CSA HEADER") == "CS"
    assert element_vr(0x00291008, "NOBODY") == "UN"
    assert element_vr(0x00291008) == "UN"
