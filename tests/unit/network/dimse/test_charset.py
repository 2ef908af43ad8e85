"""Text of data sets as Unicode, against the character sets of PS3.5 annexes H to K and PS3.3 C.12.1.1.2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.dimse.charset import UTF_8, codec_of, decode, encode, is_decodable, reply_charset


@pytest.mark.parametrize(
    ("term", "codec"),
    [
        ("", "ascii"),
        ("ISO_IR 6", "ascii"),
        ("ISO_IR 100", "latin_1"),
        ("ISO 2022 IR 100", "latin_1"),
        ("ISO-IR 100", "latin_1"),
        ("iso_ir_144 ", "iso8859_5"),
        ("ISO_IR 192", "utf_8"),
        ("GB18030", "gb18030"),
        ("GBK", "gbk"),
        ("ISO_IR 166", "iso8859_11"),
        ("ISO_IR 4711", "ascii"),
        ("EBCDIC", "ascii"),
    ],
)
def test_terms(term: str, codec: str) -> None:
    assert codec_of(term) == codec


@pytest.mark.parametrize(
    ("term", "raw", "text"),
    [
        ("", b"Adams^John", "Adams^John"),
        ("ISO_IR 100", b"M\xfcller^J\xf6rg", "Müller^Jörg"),
        ("ISO_IR 144", b"\xbb\xee\xda\xe1\xd5\xdc\xd1\xe3\xe0\xd3", "Люксембург"),
        ("ISO_IR 192", "王^小東".encode(), "王^小東"),
        ("GB18030", "王^小东".encode("gb18030"), "王^小东"),
        ("GBK", "王^小东".encode("gbk"), "王^小东"),
        ("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        # PS3.5 H.3.1: ideographic and phonetic groups in JIS X 0208.
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        # PS3.5 H.3.2: half-width katakana first, then JIS X 0201 romaji between the kanji.
        (
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
        ),
        # PS3.5 I.2: Korean, designated to G1 again behind each delimiter.
        (
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        ("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab", "Zhang^XiaoDong=张^小东"),
        ("\\ISO 2022 IR 159", b"\x1b$(D0!\x1b(B", "丂"),
        (
            "ISO 2022 IR 100\\ISO 2022 IR 144",
            b"M\xfcller=\x1b-L\xbb\xee\x1b-A\xfc",
            "Müller=Люü",
        ),
        ("\\ISO 2022 IR 126", b"\x1b-F\xc1", "Α"),
        ("ISO 2022 IR 87", b"\x8e\x52", "山"),  # no escape sequence at all: what writes Shift JIS writes this
        ("ISO 2022 IR 87", b"\x1b(B\xd4", "ﾔ"),
    ],
)
def test_decode(term: str, raw: bytes, text: str) -> None:
    assert decode(raw, term) == text


@pytest.mark.parametrize(
    ("term", "raw", "text"),
    [
        ("", b"M\xfcller", "Müller"),  # no character set named, and yet Latin-1
        ("", "Müller".encode(), "Müller"),  # no character set named, and yet UTF-8
        ("ISO_IR 192", b"M\xfcller", "Müller"),  # called UTF-8, but Latin-1
        ("EBCDIC", "山".encode(), "山"),
        ("", b"a\x1b[31mb", "a\x1b[31mb"),  # an escape sequence of a terminal, not of ISO 2022
    ],
)
def test_a_lie_about_the_character_set_is_survived(term: str, raw: bytes, text: str) -> None:
    assert decode(raw, term) == text


def test_half_a_character_costs_no_more_than_itself() -> None:
    assert decode(b"\x1b$B;\x1b(BA", "\\ISO 2022 IR 87").lstrip("\ufffd") == "A"


@pytest.mark.parametrize(
    ("requested", "reply"),
    [
        ("", UTF_8),
        ("ISO_IR 192", UTF_8),
        ("ISO_IR 100", "ISO_IR 100"),
        ("ISO 2022 IR 100", "ISO_IR 100"),
        ("iso-ir-144 ", "ISO_IR 144"),
        ("\\ISO 2022 IR 87", "\\ISO 2022 IR 87"),
        ("ISO 2022 IR 149", "\\ISO 2022 IR 149"),
        ("ISO 2022 IR 13\\ISO_IR 87", "ISO 2022 IR 13\\ISO 2022 IR 87"),
        ("ISO 2022 IR 6\\ISO 2022 IR 58", "ISO 2022 IR 6\\ISO 2022 IR 58"),
        ("ISO_IR 13", "ISO_IR 13"),
        ("GB18030", "GB18030"),
        ("GBK", "GBK"),
        ("EBCDIC", UTF_8),
        ("ISO 2022 IR 6\\GB18030", UTF_8),
        ("\\EBCDIC", UTF_8),
    ],
)
def test_the_answer_is_in_the_set_of_the_request(requested: str, reply: str) -> None:
    assert reply_charset(requested) == reply


@pytest.mark.parametrize(
    ("term", "text", "raw"),
    [
        ("", "Adams", b"Adams"),
        ("ISO_IR 100", "Müller", b"M\xfcller"),
        ("ISO_IR 192", "王", "王".encode()),
        # PS3.5 H.3.1, H.3.2, I.2, K.2, J.3.
        ("\\ISO 2022 IR 87", "山田^太郎=やまだ", b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B"),
        (
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
        ),
        ("\\ISO 2022 IR 149", "洪^吉洞", b"\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
        ("\\ISO 2022 IR 58", "张^小东", b"\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"),
        ("\\ISO 2022 IR 159", "丂", b"\x1b$(D0!\x1b(B"),
        ("GB18030", "王^小东", b"\xcd\xf5^\xd0\xa1\xb6\xab"),
        ("GBK", "王^小东", b"\xcd\xf5^\xd0\xa1\xb6\xab"),
        ("ISO 2022 IR 100\\ISO 2022 IR 144", "Müller^Лю", b"M\xfcller^\x1b-L\xbb\xee"),
        ("ISO_IR 13", "ﾔﾏﾀﾞ", b"\xd4\xcf\xc0\xde"),
        # What a set does not hold.
        ("ISO_IR 13", "山田", None),
        ("ISO_IR 100", "山田", None),
        ("GBK", "𠀀", None),
        ("\\ISO 2022 IR 87", "洪^길동", None),
        ("\\ISO 2022 IR 159", "张é", None),
        ("\\ISO 2022 IR 149", "ﾔﾏﾀﾞ", None),
    ],
)
def test_encode(term: str, text: str, raw: bytes | None) -> None:
    assert encode(text, term) == raw
    if raw is not None:
        assert decode(raw, term) == text


@pytest.mark.parametrize(
    "term", ["\\ISO 2022 IR 87", "\\ISO 2022 IR 149", "\\ISO 2022 IR 58", "\\ISO 2022 IR 159", "GBK"]
)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12))
def test_what_is_encoded_reads_as_it_was(term: str, text: str) -> None:
    raw = encode(text, term)
    assert raw is None or decode(raw, term) == text


def test_bytes_that_a_character_set_does_not_have_are_known() -> None:
    assert is_decodable(b"Mueller", "")
    assert is_decodable("Müller".encode("latin-1"), "ISO_IR 100")
    assert not is_decodable("Müller".encode("latin-1"), "ISO_IR 192")
    assert not is_decodable("Müller".encode(), "")
    assert is_decodable("王".encode("gb18030"), "GB18030")
    assert is_decodable(b"\xd4\xcf\xc0\xde", "ISO_IR 13")
    assert is_decodable(b"\x1b$B;3ED\x1b(B", "\\ISO 2022 IR 87")
    assert is_decodable(b"\xd4\xcf\xc0\xde", "ISO 2022 IR 87")
    assert not is_decodable(b"\x1b$B\xff\xff\x1b(B", "\\ISO 2022 IR 87")
