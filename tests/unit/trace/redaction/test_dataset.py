"""The parser that masks: what it follows, and that it gives up where it must. Through PDUs it is in test_redact."""

from __future__ import annotations

import pytest
from helpers.elements import UNDEFINED, delimiter, explicit, implicit, item

from dicomgui.trace.redaction.dataset import Encoding, Masker, Script
from dicomgui.trace.redaction.rules import Kind, mask_value

EXPLICIT, IMPLICIT = Encoding(True), Encoding(False)
NAME = 0x00100010


class Notes:
    """A keeper that notes values, and masks UIDs as text."""

    def __init__(self) -> None:
        self.is_survey = True
        self.keep_ae = True
        self.noted: list[tuple[int, bytes]] = []

    def note(self, tag: int, kind: Kind, value: bytes, charset: bytes = b"") -> None:
        self.noted.append((tag, value))

    def replace(self, kind: Kind, value: bytes) -> bytes:
        return mask_value(Kind.TEXT if kind is Kind.UID else kind, value)


def masked(data: bytes, encoding: Encoding | None = EXPLICIT, piece: int = 10_000) -> tuple[bytes, Notes, Masker]:
    notes, script = Notes(), Script()
    for is_survey in (True, False):
        notes.is_survey = is_survey
        masker = Masker(notes, script, encoding)
        buffer = bytearray(data)
        for start in range(0, len(buffer), piece):
            masker.feed(buffer, start, min(len(buffer), start + piece))
        masker.finish()
    return bytes(buffer), notes, masker


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 8, 13, 1000])
@pytest.mark.parametrize("is_undefined", [False, True])
def test_sequences_are_followed(piece: int, is_undefined: bool) -> None:
    name = explicit(NAME, "PN", b"Ann^Bee ")
    inner = item(name, undefined=is_undefined) + (delimiter() if is_undefined else b"")
    nested = explicit(0x00400275, "SQ", inner, UNDEFINED if is_undefined else None)
    outer = item(nested + name, undefined=is_undefined) + (delimiter() if is_undefined else b"")
    data = explicit(0x00081115, "SQ", outer, UNDEFINED if is_undefined else None) + name
    after, notes, masker = masked(data, piece=piece)
    assert after == data.replace(b"Ann^Bee ", b"XXX^XXX ")
    assert notes.noted == [(NAME, b"Ann^Bee ")] * 3
    assert not masker.is_lost


@pytest.mark.parametrize("piece", [1, 4, 1000])
def test_a_private_sequence_keeps_nothing(piece: int) -> None:
    inside = explicit(0x00080060, "CS", b"CT") + explicit(0x00280010, "US", b"\x05\0")
    data = explicit(0x00291001, "SQ", item(inside)) + explicit(0x00400002, "DA", b"20200202")
    after, _, masker = masked(data, piece=piece)
    assert after == data.replace(b"CT", b"XX").replace(b"US\x02\0\x05", b"US\x02\0\0").replace(b"20200202", b"19000101")
    assert not masker.is_lost


def test_un_of_undefined_length_is_implicit_inside() -> None:
    inner = implicit(NAME, b"Ann^Bee ")
    data = explicit(0x00291001, "UN", item(inner) + delimiter(), UNDEFINED) + explicit(0x00400002, "DA", b"20200202")
    after, _, masker = masked(data)
    assert after == data.replace(b"Ann^Bee ", b"XXX^XXX ").replace(b"20200202", b"19000101")
    assert not masker.is_lost


@pytest.mark.parametrize("piece", [1, 6, 1000])
def test_compressed_pixels_keep_their_items(piece: int) -> None:
    frames = item(b"\0\0\0\0") + item(b"\xff\xd8jpeg!!") + delimiter()
    data = explicit(0x7FE00010, "OB", frames, UNDEFINED) + explicit(0xFFFCFFFC, "OB", b"pad!")
    after, _, masker = masked(data, piece=piece)
    assert after == data.replace(b"\xff\xd8jpeg!!", b"X" * 8).replace(b"pad!", b"XXXX").replace(
        item(b"\0\0\0\0"), item(b"XXXX")
    )
    assert not masker.is_lost


FAULTS = {
    "no VR": explicit(0x00100020, "ZZ", b"secret"),
    "a length beyond the end of the item": explicit(0x00081115, "SQ", item(explicit(NAME, "PN", b"secret", 2000))),
    "an item outside of a sequence": item(b"secret"),
    "an element where an item should be": explicit(0x00081115, "SQ", explicit(NAME, "PN", b"secret")),
    "a group that is none": explicit(0x6F446F44, "PN", b"secret"),
    "undefined length of a name": explicit(NAME, "UT", b"secret", UNDEFINED),
    "an absurd length": explicit(0x00287FFF, "UT", b"secret", 0x20202020),
    "an end that ends nothing": delimiter() + b"secret",
}


@pytest.mark.parametrize("piece", [1, 3, 1000])
@pytest.mark.parametrize("fault", FAULTS)
def test_from_a_fault_on_all_is_masked(fault: str, piece: int) -> None:
    sound = explicit(0x00080060, "CS", b"CT")
    after, _, masker = masked(sound + FAULTS[fault] + b"more secret", piece=piece)
    assert after.startswith(sound)
    assert b"secret" not in after
    assert after.endswith(b"X" * 11)
    assert masker.is_lost
    assert masker.masked_bytes >= 11


def test_text_taken_for_a_header_is_masked() -> None:
    for encoding in (EXPLICIT, IMPLICIT):
        for piece in (1, 5, 1000):
            data = b"Musterfrau^Erika, Hauptstrasse 5"
            assert masked(data, encoding, piece)[0] == b"X" * len(data)


def test_without_an_encoding_all_is_masked() -> None:
    after, notes, masker = masked(explicit(NAME, "PN", b"Ann^Bee "), None)
    assert after == b"X" * 16
    assert not notes.noted
    assert not masker.is_followed


def test_too_deep_is_a_fault() -> None:
    data = explicit(0x00081115, "SQ", b"", UNDEFINED) + implicit(0xFFFEE000, b"", UNDEFINED)
    _, _, masker = masked(data * 40)
    assert masker.is_lost


def test_what_breaks_off_is_masked_as_far_as_it_is_there() -> None:
    data = explicit(0x0020000D, "UI", b"1.2.3.4.5.6.7.8.9 ")
    for length in range(1, len(data)):
        for piece in (1, 4, 1000):
            after, _, _ = masked(data[:length], piece=piece)
            assert len(after) == length
            assert b"1.2" not in after


def test_long_text_is_masked_without_being_held() -> None:
    data = explicit(0x0040A160, "UT", b"secret words " * 1000)
    after, notes, _ = masked(data, piece=999)
    assert after == data[:12] + b"X" * 12_999 + b" "
    assert len(notes.noted[0][1]) == 4096


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize(
    ("tag", "vr", "size"),
    [
        (0x00080005, "CS", 40),
        (0x00280010, "US", 40),
        (0x00080008, "CS", 60),
        (0x00180050, "DS", 40),
        (0x00080016, "UI", 40),
        (0x00080070, "LO", 40),
        (0x00280010, "US", 5000),
        (0x00080005, "CS", 5000),
    ],
)
def test_a_kept_value_that_swallows_others_is_masked(tag: int, vr: str, size: int, piece: int) -> None:
    """Its length is wrong, so that it holds the elements behind it."""
    behind = explicit(NAME, "PN", b"Musterfrau^Erika") + explicit(0x00100020, "LO", b"PAT-4711") + bytes(5000)
    data = explicit(tag, vr, behind[:size], size) + behind[size:]
    after, _, _ = masked(data, piece=piece)
    assert b"Muster" not in after
    assert b"PAT-" not in after


def test_a_kept_value_that_breaks_off_is_masked() -> None:
    for piece in (1, 1000):
        after, _, _ = masked(explicit(0x00080008, "CS", b"ORIGINAL\\PRIM", 200), piece=piece)
        assert b"ORIG" not in after
