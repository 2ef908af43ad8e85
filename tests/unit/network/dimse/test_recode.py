"""Between the native encodings: every byte accounted for, against hand-made bytes and against pydicom."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from helpers.elements import UNDEFINED, delimiter, explicit, implicit, item
from pydicom.dataset import Dataset

from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.dimse.native import ConversionError, Reader, Writer, encoding_of
from dicomgui.network.dimse.recode import Edit, Edits, RemarkCode, recode
from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN as BIG
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN as LITTLE
from dicomgui.network.uids import IMPLICIT_VR_LITTLE_ENDIAN as IMPLICIT


def recoded(data: bytes, source: str, target: str, edits: Edits | None = None) -> bytes:
    output = BytesIO()
    recode(Reader(BytesIO(data)), encoding_of(source), Writer(output), encoding_of(target), edits)
    return output.getvalue()


def check(implicit_bytes: bytes, little: bytes, big: bytes) -> None:
    """Each of the three becomes each of the others."""
    forms = {IMPLICIT: implicit_bytes, LITTLE: little, BIG: big}
    for source, data in forms.items():
        for target, expected in forms.items():
            assert recoded(data, source, target) == expected, (source, target)


# ------------------------------------------------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("tag", "vr", "little", "big"),
    [
        (0x00280010, "US", b"\x01\x02\x03\x04", b"\x02\x01\x04\x03"),
        (0x00186020, "SL", b"\x01\x02\x03\x04", b"\x04\x03\x02\x01"),
        (0x00189073, "FD", b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
        (0x00089459, "FL", b"\1\2\3\4", b"\4\3\2\1"),
        (0x00280009, "AT", b"\x18\x00\x63\x10", b"\x00\x18\x10\x63"),
        (0x00660040, "OL", b"\1\2\3\4", b"\4\3\2\1"),
        (0x7FE00009, "OD", b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
        (0x7FE00001, "OV", b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
        (0x7FE00010, "OW", b"\1\2\3\4", b"\2\1\4\3"),
        (0x00420011, "OB", b"\1\2\3\4", b"\1\2\3\4"),
        (0x00100010, "PN", b"A^B ", b"A^B "),
        (0x0040A160, "UT", b"text", b"text"),
        (0x00100020, "LO", b"", b""),
    ],
)
def test_words_are_swapped_and_nothing_else(tag: int, vr: str, little: bytes, big: bytes) -> None:
    check(implicit(tag, little), explicit(tag, vr, little), explicit(tag, vr, big, order=">"))


def test_pixel_data_of_bytes_in_words_are_swapped_in_big_endian_and_those_in_bytes_are_not() -> None:
    """PS3.5 8.1.2 and annex D: 8-bit samples in OW change places, in OB they stay."""
    pixels = bytes(range(6))
    assert recoded(explicit(0x7FE00010, "OW", pixels), LITTLE, BIG)[12:] == b"\1\0\3\2\5\4"
    assert recoded(explicit(0x7FE00010, "OB", pixels), LITTLE, BIG)[12:] == pixels
    assert recoded(explicit(0x7FE00010, "OB", pixels), LITTLE, IMPLICIT) == implicit(0x7FE00010, pixels)


def test_a_value_larger_than_a_piece_is_swapped_throughout() -> None:
    value = struct.pack("<H", 0x0102) * 1_500_001
    result = recoded(explicit(0x7FE00010, "OW", value), LITTLE, BIG)
    assert result == explicit(0x7FE00010, "OW", struct.pack(">H", 0x0102) * 1_500_001, order=">")


@pytest.mark.parametrize(("tag", "vr"), [(0x00280010, "US"), (0x7FE00010, "OW")])
def test_half_a_word_cannot_be_swapped(tag: int, vr: str) -> None:
    odd = explicit(tag, vr, b"\1\2\3")
    with pytest.raises(ConversionError, match="no whole number of values"):
        recoded(odd, LITTLE, BIG)
    assert recoded(odd, LITTLE, IMPLICIT) == implicit(tag, b"\1\2\3")


# ------------------------------------------------------------------------------------------------- VRs to be found out


def test_signed_and_unsigned_by_the_pixel_representation_wherever_it_stands() -> None:
    """US or SS (PS3.5 A.1): of elements before and behind (0028,0103), and in items, which may have their own."""
    before = implicit(0x00189810, b"\1\0")
    lut = implicit(0x00283000, item(implicit(0x00283002, bytes(6))))
    icon = implicit(0x00880200, item(implicit(0x00280103, b"\0\0") + implicit(0x00280106, b"\2\0")))
    for representation, vr in ((b"\1\0", "SS"), (b"\0\0", "US")):
        data = before + implicit(0x00280103, representation) + implicit(0x00280120, b"\3\0") + lut + icon
        result = recoded(data, IMPLICIT, LITTLE)
        assert explicit(0x00189810, vr, b"\1\0") in result
        assert explicit(0x00280120, vr, b"\3\0") in result
        assert explicit(0x00283002, vr, bytes(6)) in result
        assert explicit(0x00280106, "US", b"\2\0") in result
        assert recoded(result, LITTLE, IMPLICIT) == data


def test_looking_ahead_for_the_pixel_representation_passes_sequences() -> None:
    nested = implicit(0x00081140, item(implicit(0x00081150, b"1.2\0"), undefined=True) + delimiter(), UNDEFINED)
    data = nested + implicit(0x00280103, b"\1\0") + implicit(0x00280120, b"\3\0")
    assert explicit(0x00280120, "SS", b"\3\0") in recoded(data, IMPLICIT, LITTLE)
    assert recoded(nested, IMPLICIT, LITTLE)[:12] == explicit(0x00081140, "SQ", length=UNDEFINED)


@pytest.mark.parametrize("tag", [0x7FE00010, 0x60003000, 0x54001010, 0x00283006, 0x00281200])
def test_what_may_be_words_becomes_words(tag: int) -> None:
    assert recoded(implicit(tag, b"\1\2"), IMPLICIT, LITTLE) == explicit(tag, "OW", b"\1\2")


def test_pixel_data_of_odd_length_stay_pixel_data() -> None:
    assert recoded(implicit(0x7FE00010, b"\1\2\3"), IMPLICIT, LITTLE) == explicit(0x7FE00010, "OW", b"\1\2\3")


@pytest.mark.parametrize(
    ("tag", "value", "why"),
    [
        (0x00290001, b"\1\2", "a private element without a block"),
        (0x00292299, b"\1\2", "a private element of an unknown creator"),
        (0x00089999, b"\1\2", "an element that no dictionary knows"),
        (0x00280010, b"\1\2\3", "a number of an impossible length"),
        (0x00081140, b"no items", "a sequence that is none"),
        (0x00081140, b"\1\2", "a sequence that is none, and short"),
    ],
)
def test_what_is_not_known_becomes_un_and_stays_little_endian(tag: int, value: bytes, why: str) -> None:
    assert recoded(implicit(tag, value), IMPLICIT, LITTLE) == explicit(tag, "UN", value), why
    big = recoded(implicit(tag, value), IMPLICIT, BIG)
    assert big == explicit(tag, "UN", value, order=">"), why
    assert recoded(big, BIG, IMPLICIT) == implicit(tag, value), why


def test_a_private_element_has_the_vr_of_its_creators_dictionary() -> None:
    """By the block that the creator reserved (PS3.5 7.8.1), on each level anew."""
    creator, value = b"SIEMENS CSA HEADER", b"\1\2\3\4"
    data = implicit(0x00290011, creator) + implicit(0x00291110, value) + implicit(0x00291008, value)
    within = implicit(0x00081140, item(implicit(0x00291110, value)))
    result = recoded(within + data, IMPLICIT, LITTLE)
    assert result.endswith(
        explicit(0x00290011, "LO", creator)
        + explicit(0x00291110, "OB", value) + explicit(0x00291008, "UN", value)
    )  # fmt: skip
    assert explicit(0x00291110, "UN", value) in result[: -len(data)]
    assert recoded(result, LITTLE, IMPLICIT) == within + data


def test_a_private_creator_too_long_to_be_one_is_kept() -> None:
    data = implicit(0x00290010, b"x" * 66) + implicit(0x00291010, b"\1\2")
    assert recoded(recoded(data, IMPLICIT, BIG), BIG, IMPLICIT) == data


def test_a_value_too_long_for_its_vr_becomes_un() -> None:
    """RT contours: more than 64 KiB of DS (PS3.5 6.2.2)."""
    contour = b"1.5\\" * 20_000
    little = recoded(implicit(0x30060050, contour), IMPLICIT, LITTLE)
    assert little == explicit(0x30060050, "UN", contour)
    assert recoded(little, LITTLE, IMPLICIT) == implicit(0x30060050, contour)
    most = b"1" * 65_534
    assert recoded(implicit(0x30060050, most), IMPLICIT, LITTLE) == explicit(0x30060050, "DS", most)


# --------------------------------------------------------------------------------------------- sequences and lengths


@pytest.mark.parametrize("undefined_item", [False, True])
@pytest.mark.parametrize("undefined_sequence", [False, True])
def test_sequences_keep_the_form_of_their_length(undefined_sequence: bool, undefined_item: bool) -> None:
    def made(is_explicit: bool, order: str) -> bytes:
        def one(tag: int, vr: str, value: bytes) -> bytes:
            length = UNDEFINED if vr == "SQ" and undefined_sequence else None
            head = explicit(tag, vr, value, length, order) if is_explicit else implicit(tag, value, length, order)
            return head + (delimiter(order) if length else b"")

        number = one(0x00280010, "US", struct.pack(f"{order}H", 7))
        inner = one(0x00081199, "SQ", item(number, undefined=undefined_item, order=order))
        outer = item(one(0x0040A160, "UT", b"text") + inner, undefined=undefined_item, order=order)
        empty = item(b"", undefined=undefined_item, order=order)
        return one(0x00081140, "SQ", outer + empty) + one(0x00081155, "UI", b"") + one(0x00081199, "SQ", b"")

    check(made(False, "<"), made(True, "<"), made(True, ">"))


def test_group_lengths_are_right_afterwards() -> None:
    """In a data set and in an item (PS3.5 7.2); of a private group as well."""

    def made(element: object) -> bytes:
        def one(tag: int, vr: str, value: bytes) -> bytes:
            return implicit(tag, value) if element is implicit else explicit(tag, vr, value)

        inner = one(0x0040A160, "UT", b"text")
        inner = one(0x00400000, "UL", struct.pack("<I", len(inner))) + inner
        group = one(0x00080016, "UI", b"1.2\0") + one(0x00081140, "SQ", item(inner))
        private = one(0x00290010, "LO", b"ME")
        return (
            one(0x00080000, "UL", struct.pack("<I", len(group))) + group
            + one(0x00100010, "PN", b"A^B ")
            + one(0x00290000, "UL", struct.pack("<I", len(private))) + private
        )  # fmt: skip

    assert recoded(made(implicit), IMPLICIT, LITTLE) == made(explicit)
    assert recoded(made(explicit), LITTLE, IMPLICIT) == made(implicit)
    assert recoded(recoded(made(explicit), LITTLE, BIG), BIG, LITTLE) == made(explicit)


def test_an_unknown_vr_of_undefined_length_is_implicit_inside() -> None:
    """PS3.5 6.2.2: UN of undefined length is a sequence in implicit VR little endian, whatever is around it."""
    inside = item(implicit(0x00280010, b"\1\0"), undefined=True) + delimiter()
    little = explicit(0x00291010, "UN", inside, UNDEFINED) + explicit(0x00291011, "US", b"\1\0")
    big = explicit(0x00291010, "UN", inside, UNDEFINED, ">") + explicit(0x00291011, "US", b"\0\1", order=">")
    assert recoded(little, LITTLE, BIG) == big
    assert recoded(big, BIG, LITTLE) == little
    assert recoded(little, LITTLE, IMPLICIT) == implicit(0x00291010, inside, UNDEFINED) + implicit(0x00291011, b"\1\0")


def test_a_sequence_of_undefined_length_is_one_whatever_its_tag() -> None:
    data = implicit(0x00291010, item(implicit(0x00280010, b"\1\0")) + delimiter(), UNDEFINED)
    inside = item(explicit(0x00280010, "US", b"\1\0")) + delimiter()
    assert recoded(data, IMPLICIT, LITTLE) == explicit(0x00291010, "SQ", inside, UNDEFINED)


# ------------------------------------------------------------------------------------------------------------ damage


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (explicit(0x00100010, "PN", b"A", 40), "ends in the middle of \\(0010,0010\\), 9 bytes from"),
        (b"\x10\0\x10", "the data set ends, 3 bytes from"),
        (explicit(0x00100010, "OB")[:10], "ends in the middle of \\(0010,0010\\)"),
        (explicit(0x00100010, "ZZ", b"A "), "representation “ZZ”, which is none"),
        (explicit(0x00100010, "PN").replace(b"PN", b"\1\2"), "representation “01 02”"),
        (item(b""), "\\(FFFE,E000\\) stands where an element should"),
        (explicit(0x00081140, "SQ", explicit(0x00080016, "UI")), "\\(0008,0016\\) stands where an item of"),
        (explicit(0x7FE00010, "OB", item(b"\0\0") + delimiter(), UNDEFINED), "compressed pixel data of undefined"),
        (explicit(0x0040A160, "UT", b"", UNDEFINED), "a value of VR UT of undefined length"),
        (explicit(0x00081140, "SQ", item(explicit(0x00080016, "UI", b"1.2\0")), 18), "\\(0008,1140\\) is longer than"),
        (
            explicit(0x00081140, "SQ", implicit(0xFFFEE000, explicit(0x00080016, "UI", b"1.2\0"), 10)),
            "\\(0008,0016\\) is longer than",
        ),
    ],
)
def test_damage_is_an_error_that_says_where(data: bytes, text: str) -> None:
    with pytest.raises(ConversionError, match=text):
        recoded(data, LITTLE, IMPLICIT)


def test_a_length_behind_the_end_is_told_while_looking_ahead() -> None:
    with pytest.raises(ConversionError, match="ends in the middle of"):
        recoded(implicit(0x00080016, b"1", 400), IMPLICIT, LITTLE)


@pytest.mark.parametrize("source", [IMPLICIT, LITTLE])
def test_sequences_may_be_nested_only_so_deep(source: str) -> None:
    def nested(depth: int) -> bytes:
        data = b""
        for _ in range(depth):
            made = item(data, undefined=True) + delimiter()
            data = implicit(0x00081140, made, UNDEFINED) if source == IMPLICIT else explicit(
                0x00081140, "SQ", made, UNDEFINED
            )  # fmt: skip
        return data

    assert recoded(recoded(nested(50), source, BIG), BIG, source) == nested(50)
    with pytest.raises(ConversionError, match="nested deeper than 100"):
        recoded(nested(300), source, BIG)


# ------------------------------------------------------------------------------------------------------------- edits


def test_elements_are_replaced_added_and_left_out() -> None:
    file = BytesIO(b"\1\2\3\4 and more")
    file.seek(3)
    edits: Edits = {
        0: {
            0x00080060: Edit(b"CS", b"MR"),
            0x00280004: Edit(b"CS", b"RGB "),
            0x00280006: Edit(b"US", b"\1\0"),
            0x7FE00001: None,
            0x7FE00010: Edit(b"OW", file=file, length=4),
            0xFFFCFFFC: Edit(b"OB", b"\0\0"),
        }
    }
    data = (
        explicit(0x00280000, "UL", b"\0\0\0\0") + explicit(0x00280004, "CS", b"YBR_FULL")
        + explicit(0x00280010, "US", b"\2\0") + explicit(0x7FE00001, "OV", bytes(8))
        + explicit(0x7FE00010, "OB", item(b"") + item(b"\xff\xd8") + delimiter(), UNDEFINED)
    )  # fmt: skip
    assert recoded(data, LITTLE, BIG, edits) == (
        explicit(0x00080060, "CS", b"MR", order=">")
        + explicit(0x00280000, "UL", b"\0\0\0\x20", order=">")
        + explicit(0x00280004, "CS", b"RGB ", order=">")
        + explicit(0x00280006, "US", b"\0\1", order=">")
        + explicit(0x00280010, "US", b"\0\2", order=">")
        + explicit(0x7FE00010, "OW", b"\2\1\4\3", order=">")
        + explicit(0xFFFCFFFC, "OB", b"\0\0", order=">")
    )


def test_an_item_has_its_own_edits() -> None:
    inner = explicit(0x00280004, "CS", b"RGB ")
    data = explicit(0x00880200, "SQ", item(inner)) + explicit(0x00280004, "CS", b"RGB ")
    edits: Edits = {20: {0x00280004: Edit(b"CS", b"PALETTE COLOR ")}}
    changed = explicit(0x00280004, "CS", b"PALETTE COLOR ")
    assert recoded(data, LITTLE, LITTLE, edits) == explicit(0x00880200, "SQ", item(changed)) + inner


def remarks_of(dataset: Dataset, source: str, target: str) -> dict[RemarkCode, tuple[int, int]]:
    reader = Reader(BytesIO(encode_dataset(dataset, source)))
    made = recode(reader, encoding_of(source), Writer(BytesIO()), encoding_of(target))
    return {remark.code: (remark.tag, remark.elements) for remark in made}


def test_what_changes_beside_the_encoding_is_told() -> None:
    dataset = Dataset()
    dataset.PatientID = "1"
    block = dataset.private_block(0x0009, "ACME", create=True)
    block.add_new(1, "LO", "one")
    block.add_new(2, "DS", "2")
    block.add_new(3, "UN", b"ab")
    assert remarks_of(dataset, LITTLE, IMPLICIT) == {RemarkCode.PRIVATE_VR: (0x00091001, 2)}
    assert remarks_of(dataset, IMPLICIT, LITTLE) == {}
    signed = Dataset()
    signed.add_new(0x4FFE0001, "SQ", [Dataset()])
    assert remarks_of(signed, LITTLE, IMPLICIT) == {RemarkCode.SIGNED: (0x4FFE0001, 1)}
    long = Dataset()
    long.add_new(0x00286010, "US", [1] * 40_000)
    assert remarks_of(long, IMPLICIT, LITTLE) == {RemarkCode.LONG_VALUE: (0x00286010, 1)}
