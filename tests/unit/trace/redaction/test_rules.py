from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.trace.redaction.rules import Kind, is_known_group, mask_value, name_of_tag, rule_of


@pytest.mark.parametrize(
    ("tag", "vr", "kind"),
    [
        (0x00100010, "PN", Kind.TEXT),
        (0x00100010, "", Kind.TEXT),
        (0x00100010, "UN", Kind.TEXT),  # a name stays one whatever the data set calls it
        (0x00100010, "CS", Kind.TEXT),
        (0x00100030, "DA", Kind.DATE),
        (0x00080030, "", Kind.TIME),
        (0x0008002A, "", Kind.DATE_TIME),
        (0x00101010, "AS", Kind.NUMBER),
        (0x00101030, "DS", Kind.NUMBER),
        (0x001021C0, "US", Kind.ZEROS),  # pregnancy status
        (0x00100040, "CS", Kind.TEXT),  # sex
        (0x00080060, "CS", Kind.KEEP),
        (0x00080070, "LO", Kind.KEEP),
        (0x00080070, "UN", Kind.TEXT),
        (0x00080016, "UI", Kind.KEEP),
        (0x00080018, "UI", Kind.UID),
        (0x00081150, "", Kind.KEEP),
        (0x00081155, "", Kind.UID),
        (0x00080054, "AE", Kind.KEEP),
        (0x00280010, "US", Kind.KEEP),
        (0x00280106, "", Kind.KEEP),  # US or SS
        (0x00283006, "", Kind.BYTES),  # US or OW
        (0x7FE00010, "OW", Kind.BYTES),
        (0x00400275, "SQ", Kind.SEQUENCE),
        (0x00400275, "", Kind.SEQUENCE),
        (0x00400275, "UN", Kind.BYTES),
        (0x00290010, "LO", Kind.BYTES),
        (0x00291001, "SQ", Kind.SEQUENCE),
        (0x00080000, "", Kind.KEEP),  # group length
        (0x00080001, "CS", Kind.KEEP),
        (0x0008FFF0, "CS", Kind.BYTES),  # unknown to the dictionary
        (0x00000902, "", Kind.TEXT),
        (0x00001000, "", Kind.UID),
        (0x00000002, "", Kind.KEEP),
        (0x60003000, "OW", Kind.BYTES),
    ],
)
def test_what_becomes_of_an_element(tag: int, vr: str, kind: Kind) -> None:
    assert rule_of(tag, vr).kind is kind


def test_titles_go_when_asked_and_private_sequences_keep_nothing() -> None:
    assert rule_of(0x00080054, "AE", keep_ae=False).kind is Kind.TEXT
    assert rule_of(0x00080060, "CS", is_private=True).kind is Kind.TEXT
    assert rule_of(0x00280010, "US", is_private=True).kind is Kind.ZEROS
    assert rule_of(0x00080070, "LO", is_private=True).kind is Kind.TEXT


def test_what_the_dictionary_knows() -> None:
    assert rule_of(0x00100010, "").is_known
    assert not rule_of(0x0008FFF0, "").is_known
    assert (is_known_group(0x0010), is_known_group(0x0029), is_known_group(0x6002), is_known_group(0x6F44)) == (
        True, True, True, False,
    )  # fmt: skip
    assert name_of_tag(0x00100010) == "PatientName (0010,0010)"
    assert name_of_tag(0x00291001) == "private (0029,1001)"
    assert name_of_tag(0x0008FFF0) == "unknown (0008,FFF0)"


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        (Kind.TEXT, b"De Vries^Jan=x ", b"XXXXXXXX^XXX=X "),
        (Kind.TEXT, b"a\\b*?\0", b"X\\X*?\0"),
        (Kind.TEXT, "Müller".encode(), b"XXXXXXX"),
        (Kind.DATE, b"20240229", b"19000101"),
        (Kind.DATE, b"-20240229", b"-19000101"),
        (Kind.DATE, b"20240101-20240229\\20230101 ", b"19000101-19000101\\19000101 "),
        (Kind.DATE, b"2024.02.29", b"0000.00.00"),
        (Kind.DATE, b"Easter24", b"XXXXXX00"),
        (Kind.DATE_TIME, b"20240229101112.123+0100", b"19000101000000.000+0000"),
        (Kind.DATE_TIME, b"2024", b"0000"),
        (Kind.TIME, b"1015-23 ", b"0000-00 "),
        (Kind.NUMBER, b"056Y", b"000Y"),
        (Kind.NUMBER, b"72.5e+1", b"00.0X+0"),
        (Kind.ZEROS, b"\x04\x05", b"\0\0"),
        (Kind.BYTES, b"\x04\x05", b"XX"),
        (Kind.KEEP, b"CT", b"CT"),
    ],
)
def test_what_takes_the_place_of_a_value(kind: Kind, value: bytes, masked: bytes) -> None:
    assert mask_value(kind, value) == masked


@given(st.sampled_from(Kind), st.binary(max_size=80))
def test_lengths_stay(kind: Kind, value: bytes) -> None:
    assert len(mask_value(kind, value)) == len(value)
