"""What is corrected in the answers of peers, by the clauses that they break."""

from __future__ import annotations

import random
import struct
import zlib

import pytest
from pydicom import filereader

from dicomgui.app.asking import corrections
from dicomgui.app.asking.corrections import (
    MAX_CORRECTIONS,
    CorrectionCode,
    _looked_for,
    codes_text,
    corrections_beside,
    corrections_in,
)
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


def test_another_encoding_than_the_negotiated_one() -> None:
    implicit = struct.pack("<HHI", 0x0010, 0x0020, 2) + b"17" + struct.pack("<HHI", 0x0020, 0x0010, 2) + b"18"
    [only] = corrections_in(Answer(implicit))
    assert (only.code, only.element) == (CorrectionCode.OTHER_ENCODING, "")


def test_the_codes_of_long_values_are_not_kept() -> None:
    """A peer's megabytes would stay for the life of the process."""
    corrections._kept_codes.cache_clear()
    assert found((0x0010, 0x4000, b"LT", b"\1" * 1000)) != ""
    assert corrections._kept_codes.cache_info().currsize == 0


async def test_a_large_match_is_read_beside_the_loop() -> None:
    large = element(0x0008, 0x0020, b"DA", b"2024.01.31") + element(0x0010, 0x4000, b"UT", b"x" * 5000)
    for data in (large, large[:18]):
        assert "StudyDate date-form" in codes_text(await corrections_beside(Answer(data)))


def test_what_cannot_be_read_has_none_and_there_is_a_limit() -> None:
    assert corrections_in(Answer(b"\xff" * 40)) == ()
    many = b"".join(element(0x0009, 0x1000 + number, b"CS", b"x\0") for number in range(80))
    assert len(corrections_in(Answer(many))) == MAX_CORRECTIONS


# -- what is plain is not decoded ------------------------------------------------------------------------------------

DELIMITED = (
    struct.pack("<HH2sHI", 0x0040, 0x0100, b"SQ", 0, 0xFFFF_FFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFF_FFFF)
    + element(0x0008, 0x0060, b"CS", b"CT") + struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + item()
    + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
)  # fmt: skip
PLAIN = (
    b"".join(element(*one) for one in GOOD),
    element(0x0040, 0x0100, b"SQ", b"") + element(0x0040, 0x1001, b"SH", b"17"),
    element(0x0040, 0x0100, b"SQ", item(element(0x0008, 0x0060, b"CS", b"CT")) + item()),
    DELIMITED + element(0x0040, 0x1001, b"SH", b"17"),
)


def implicit_of(*elements: tuple[int, int, bytes, bytes]) -> bytes:
    return b"".join(struct.pack("<HHI", group, number, len(value)) + value for group, number, _, value in elements)


@pytest.mark.parametrize("data", PLAIN)
def test_a_match_without_a_correction_is_not_decoded(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filereader, "read_dataset", lambda *_: pytest.fail("it is decoded"))
    assert corrections_in(Answer(data)) == ()
    assert corrections_in(Answer(implicit_of(*GOOD), IMPLICIT_VR_LITTLE_ENDIAN)) == ()


@pytest.mark.parametrize("data", PLAIN)
@pytest.mark.parametrize("charset", ["", "ISO_IR 192"])
def test_no_correction_escapes_for_that(data: bytes, charset: str) -> None:
    """Beside the reading of all that can be said, of matches in which single bytes are others."""
    draw = random.Random(7)
    for base, syntax in ((data, ""), (implicit_of(*GOOD), IMPLICIT_VR_LITTLE_ENDIAN)):
        for _ in range(200):
            changed = bytearray(base)
            for _ in range(draw.choice((1, 1, 2))):
                changed[draw.randrange(len(changed))] = draw.choice(b"\0 \x01\x02\x1bAa0\\=.\n\xfe\xfc\xff")
            answer = Answer(bytes(changed), charset=charset, is_forced=bool(charset))
            answer = answer._replace(transfer_syntax_uid=syntax) if syntax else answer
            assert corrections_in(answer) == _looked_for(answer), answer


@pytest.mark.parametrize("tail", [
    b"\0", b"\0\0\0\0\0\0\0\0", element(0x0008, 0x0060, b"CS", b"CT"), struct.pack("<HH2sHI", 0x50, 16, b"UT", 0, 9),
    struct.pack("<HH2sH", 0x0050, 0x0010, b"UT", 0), DELIMITED[:-8], DELIMITED[:12], DELIMITED[:-9], DELIMITED[:20],
    element(0x0040, 0x0100, b"SQ", item(element(0x0008, 0x0060, b"CS", b"CT"))[:-2]),
    element(0x0040, 0x0100, b"SQ", item(element(0x0008, 0x0060, b"CS", b"CT")) + b"\xfe\xff\xdd\xe0\0\0\0\0"),
    element(0x0040, 0x0100, b"SQ", element(0x0008, 0x0060, b"CS", b"CT")),
])  # fmt: skip
def test_broken_ends_are_looked_at_closely(tail: bytes) -> None:
    answer = Answer(element(0x0010, 0x0020, b"LO", b"17") + tail)
    assert corrections_in(answer) == _looked_for(answer)


def test_sequences_deep_in_one_another_are_looked_at_closely() -> None:
    data = element(0x0008, 0x0060, b"CS", b"C\0")
    for _ in range(12):
        data = element(0x0040, 0x0100, b"SQ", item(data))
    [deep] = corrections_in(Answer(data))
    assert deep.code is CorrectionCode.PADDING


def test_an_empty_element_of_an_unknown_vr_raises_nothing() -> None:
    data = element(0x0040, 0x0100, b"SQ", b"").replace(b"SQ", b"SA") + element(0x0040, 0x1001, b"SH", b"17")
    assert "ScheduledProcedureStepSequence vr" in codes_text(corrections_in(Answer(data)))
