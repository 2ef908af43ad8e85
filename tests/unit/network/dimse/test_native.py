"""The stream of elements: bounded, stoppable, and patched in place."""

from __future__ import annotations

from io import BytesIO

import pytest
from helpers.elements import delimiter, explicit, implicit, item

from dicomgui.network.dimse import native
from dicomgui.network.dimse.native import (
    IMPLICIT_LITTLE,
    PIECE_BYTES,
    UNDEFINED,
    ConversionError,
    ConversionStopped,
    Encoding,
    Header,
    Reader,
    Writer,
    encoding_of,
    swapped,
    tag_text,
    unit_of,
)

LITTLE, BIG = Encoding(explicit=True, big=False), Encoding(explicit=True, big=True)


@pytest.mark.parametrize(
    ("uid", "encoding"),
    [
        ("1.2.840.10008.1.2", IMPLICIT_LITTLE),
        ("1.2.840.10008.1.2.1", LITTLE),
        ("1.2.840.10008.1.2.1.99", LITTLE),
        ("1.2.840.10008.1.2.2", BIG),
        ("1.2.840.10008.1.2.4.50", LITTLE),
        ("1.2.3.4", LITTLE),
    ],
)
def test_encodings(uid: str, encoding: Encoding) -> None:
    assert encoding_of(uid) == encoding


@pytest.mark.parametrize(("vr", "unit"), [(b"US", 2), (b"AT", 2), (b"OF", 4), (b"UV", 8), (b"UN", 1), (b"PN", 1)])
def test_units(vr: bytes, unit: int) -> None:
    assert unit_of(vr) == unit


def test_words_swapped_twice_are_as_before() -> None:
    data = bytes(range(16))
    assert [swapped(data, unit)[0] for unit in (2, 4, 8)] == [1, 3, 7]
    assert all(swapped(swapped(data, unit), unit) == data for unit in (2, 4, 8))


def test_a_reader_starts_where_the_file_stands() -> None:
    file = BytesIO(b"head" + explicit(0x00280010, "US", b"\1\0"))
    file.seek(4)
    reader = Reader(file)
    assert reader.header(LITTLE) == Header(0x00280010, b"US", 2)
    assert reader.take(2) == b"\1\0"
    assert reader.position == reader.end == 14
    reader.seek(4)
    reader.skip(10)
    with pytest.raises(ConversionError, match="ends"):
        reader.skip(1)


def test_a_value_is_not_held_that_is_too_long_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "MAX_TAKEN_BYTES", 4)
    assert Reader(BytesIO(b"12345")).take(4, 0x00280004) == b"1234"
    with pytest.raises(ConversionError, match=r"\(0028,0004\) has a value of 5 bytes"):
        Reader(BytesIO(b"12345")).take(5, 0x00280004)


def test_it_stops_when_it_is_asked_to() -> None:
    answers = iter((False, False, True))
    reader = Reader(BytesIO(bytes(3 * PIECE_BYTES)), lambda: next(answers))
    pieces = reader.pieces(3 * PIECE_BYTES, 0)
    assert [len(next(pieces)), len(next(pieces))] == [PIECE_BYTES] * 2
    with pytest.raises(ConversionStopped):
        next(pieces)
    with pytest.raises(ConversionStopped):
        Reader(BytesIO(bytes(8)), lambda: True).header(LITTLE)


def test_items_are_left_out_whole() -> None:
    inside = item(implicit(0x00081140, item(b"") + delimiter(), UNDEFINED), undefined=True) + item(bytes(4))
    file = BytesIO(inside + delimiter() + b"rest")
    reader = Reader(file)
    reader.skip_items(IMPLICIT_LITTLE, 0x00081140)
    assert reader.take(4) == b"rest"


@pytest.mark.parametrize("filled", [0, 2 * PIECE_BYTES])
def test_a_length_can_be_patched_whether_it_was_flushed_or_not(filled: int) -> None:
    file = BytesIO(b"head")
    file.seek(4)
    writer = Writer(file)
    at = writer.header(BIG, Header(0x00081140, b"SQ", 0))
    writer.write(bytes(filled))
    writer.patch(at, BIG, 0x01020304)
    writer.write(b"end")
    writer.flush()
    assert writer.position == 12 + filled + 3
    head = b"\x00\x08\x11\x40SQ\0\0\1\2\3\4"
    assert file.getvalue() == b"head" + head + bytes(filled) + b"end"


def test_a_length_that_nothing_can_say() -> None:
    writer = Writer(BytesIO())
    at = writer.header(LITTLE, Header(0x00081140, b"SQ", 0))
    with pytest.raises(ConversionError, match="4,294,967,295"):
        writer.patch(at, LITTLE, UNDEFINED)


def test_tags_for_people() -> None:
    assert tag_text(0x7FE00010) == "(7FE0,0010)"
