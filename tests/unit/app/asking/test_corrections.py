"""What is corrected in the answers of peers, by the clauses that they break."""

from __future__ import annotations

import struct
import zlib

import pytest

from dicomgui.app.asking.corrections import MAX_CORRECTIONS, CorrectionCode, codes_text, corrections_in
from dicomgui.app.asking.values import Answer
from dicomgui.network.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

LATIN_1 = (0x0008, 0x0005, b"CS", b"ISO_IR 100")


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    if vr in (b"SQ", b"UT", b"UN"):
        return struct.pack("<HH2sHI", group, number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def item(*elements: bytes) -> bytes:
    inside = b"".join(elements)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(inside)) + inside


def found(*elements: tuple[int, int, bytes, bytes], charset: str = "", is_forced: bool = False) -> str:
    data = b"".join(element(*one) for one in elements)
    return codes_text(corrections_in(Answer(data, charset=charset, is_forced=is_forced)))


GOOD = (
    LATIN_1, (0x0008, 0x0020, b"DA", b"20240131"), (0x0008, 0x0030, b"TM", b"101500.5"), (0x0008, 0x0060, b"CS", b"CT"),
    (0x0010, 0x0010, b"PN", "Müller^Anna ".encode("latin-1")), (0x0010, 0x0020, b"LO", b" 17 "),
    (0x0020, 0x000D, b"UI", b"1.2.3\0"), (0x0020, 0x0013, b"IS", b" 12 "), (0x0028, 0x0010, b"US", b"\1\0"),
)  # fmt: skip


def test_what_is_right_is_not_marked() -> None:
    assert found(*GOOD) == ""
    assert corrections_in(Answer(b"")) == ()


@pytest.mark.parametrize(("changed", "codes"), [
    ((0x0010, 0x0020, b"LO", b"17\0\0"), "PatientID padding"),
    ((0x0020, 0x000D, b"UI", b"1.2.3 "), "StudyInstanceUID padding"),
    ((0x0010, 0x0020, b"LO", b"1\x017 "), "PatientID control-character"),
    ((0x0008, 0x0020, b"DA", b"2024.01.31"), "StudyDate date-form"),
    ((0x0008, 0x0020, b"DA", b"31/01/24"), "StudyDate invalid-value"),
    ((0x0008, 0x0030, b"TM", b"25"), "StudyTime invalid-value"),
    ((0x0008, 0x0060, b"CS", b"ct"), "Modality invalid-value"),
    ((0x0020, 0x000D, b"UI", b"1.2.x\0"), "StudyInstanceUID invalid-value"),
    ((0x0020, 0x0013, b"IS", b"1.5 "), "InstanceNumber invalid-value"),
    ((0x0010, 0x0020, b"LO", b"x" * 66), "PatientID invalid-value"),
    ((0x0028, 0x0010, b"US", b"\1\0\2\0\3\0\4"), "Rows odd-length, Rows value-length"),
    ((0x0008, 0x0060, b"LO", b"CT"), "Modality vr"),
    ((0x0010, 0x0020, b"LO", b"117"), "PatientID odd-length"),
    ((0x0008, 0x0005, b"CS", b"LATIN1"), "SpecificCharacterSet unknown-character-set, PatientName character-set"),
])  # fmt: skip
def test_each_fault_has_its_code(changed: tuple[int, int, bytes, bytes], codes: str) -> None:
    assert found(*(changed if one[:2] == changed[:2] else one for one in GOOD)) == codes


def test_bytes_beyond_the_character_set() -> None:
    name = (0x0010, 0x0010, b"PN", "Müller^A".encode("latin-1"))
    assert "PatientName no-character-set" in found(name)
    utf_8 = (0x0008, 0x0005, b"CS", b"ISO_IR 192")
    assert "PatientName character-set" in found(utf_8, name)
    assert "character-set" not in found(name, charset="ISO_IR 100")
    assert "character-set" not in found(utf_8, name, charset="ISO_IR 100", is_forced=True)
    escaped = (0x0008, 0x0005, b"CS", b"\\ISO 2022 IR 87 ")
    assert found(escaped, (0x0010, 0x0010, b"PN", b"\x1b$B;3ED\x1b(B^A")) == ""


def test_it_is_found_inside_of_sequences() -> None:
    inside = item(element(0x0008, 0x0060, b"CS", b"C\0"), element(0x0040, 0x0002, b"DA", b"2024.01.31"))
    [padding, date] = corrections_in(Answer(element(0x0040, 0x0100, b"SQ", inside)))
    assert (padding.code, padding.tag) == (CorrectionCode.PADDING, 0x0040_0100)
    assert date.element == "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate"


def test_other_transfer_syntaxes() -> None:
    plain = element(0x0008, 0x0020, b"DA", b"2024.01.31")
    pack = zlib.compressobj(wbits=-15)
    deflated = pack.compress(plain) + pack.flush()
    deflated += b"\0" * (len(deflated) & 1)
    assert codes_text(corrections_in(Answer(deflated, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN))) == "StudyDate date-form"
    implicit = struct.pack("<HHI", 0x0008, 0x0020, 10) + b"2024.01.31"
    assert codes_text(corrections_in(Answer(implicit, IMPLICIT_VR_LITTLE_ENDIAN))) == "StudyDate date-form"


def test_what_cannot_be_read_has_none_and_there_is_a_limit() -> None:
    assert corrections_in(Answer(b"\xff" * 40)) == ()
    many = b"".join(element(0x0009, 0x1000 + number, b"CS", b"x\0") for number in range(80))
    assert len(corrections_in(Answer(many))) == MAX_CORRECTIONS
