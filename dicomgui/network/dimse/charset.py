"""Text of a data set as Unicode, whatever (0008,0005) says (PS3.5 6.1, PS3.3 C.12.1.1.2).

The index must take every file, also one whose text is not in the character set that it names: decoding never fails and
never warns, it falls back. pydicom's own decoder warns, which a thread of its own cannot silence for itself alone.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["UTF_8", "codec_of", "decode", "encode", "is_decodable", "reply_charset"]

UTF_8 = "ISO_IR 192"

_BY_REGISTRATION = {
    6: "ascii",
    13: "shift_jis",
    58: "gb2312",
    87: "iso2022_jp",
    100: "latin_1",
    101: "iso8859_2",
    109: "iso8859_3",
    110: "iso8859_4",
    126: "iso8859_7",
    127: "iso8859_6",
    138: "iso8859_8",
    144: "iso8859_5",
    148: "iso8859_9",
    149: "euc_kr",
    159: "iso2022_jp_2",
    166: "iso8859_11",
    192: "utf_8",
    203: "iso8859_15",
}
_TERM = re.compile(r"ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?([0-9]+)", re.IGNORECASE)
_ESCAPE = re.compile(rb"\x1b(?:\$[@AB]|\$[()][ACD]|[()-][A-Za-z])")

# What an escape sequence designates (PS3.3 table C.12-3): a two-byte set in G0, or a codec for G1 whose lower half is
# ASCII.
_TWO_BYTE_G0 = {b"\x1b$@": "iso2022_jp", b"\x1b$B": "iso2022_jp", b"\x1b$(D": "iso2022_jp_2"}
_ONE_BYTE_G0 = frozenset({b"\x1b(B", b"\x1b(J"})
_G1 = {
    b"\x1b)I": "shift_jis",
    b"\x1b$)A": "gb2312",
    b"\x1b$)C": "euc_kr",
    b"\x1b-A": "latin_1",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-F": "iso8859_7",
    b"\x1b-G": "iso8859_6",
    b"\x1b-H": "iso8859_8",
    b"\x1b-L": "iso8859_5",
    b"\x1b-M": "iso8859_9",
    b"\x1b-T": "iso8859_11",
    b"\x1b-b": "iso8859_15",
}


@lru_cache(maxsize=64)
def codec_of(term: str) -> str:
    """Python's codec for one value of (0008,0005); ``ascii`` for none, and for one that nobody knows.

    Spellings that occur, such as ``ISO-IR 100`` for ``ISO_IR 100``, are understood.
    """
    term = term.strip()
    match = _TERM.fullmatch(term)
    if match:
        return _BY_REGISTRATION.get(int(match[1]), "ascii")
    return {"GB18030": "gb18030", "GBK": "gbk"}.get(term.upper(), "ascii")


def decode(value: bytes, character_set: str = "") -> str:
    """The text of a value in the character set, given as it stands in (0008,0005), backslashes included.

    What the character set does not hold is read as UTF-8 where it is that, else as Latin-1: a wrong character is better
    than a file that cannot be found.
    """
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    codec = codec_of(character_set.partition("\\")[0])
    if b"\x1b" in value:
        return _decode_extended(value, codec)
    if codec.startswith("iso2022"):
        codec = "shift_jis"
    for candidate in (codec, "utf_8"):
        try:
            return value.decode(candidate)
        except UnicodeDecodeError:
            continue
    return value.decode("latin_1")


def is_decodable(value: bytes, character_set: str) -> bool:
    """True where the character set, given as it stands in (0008,0005), has all characters of a value.

    :func:`decode` reads others in another one, or replaces them.
    """
    if value.isascii() and b"\x1b" not in value:
        return True
    codec = codec_of(character_set.partition("\\")[0])
    if b"\x1b" in value:
        return "\ufffd" not in _decode_extended(value, codec)
    try:
        value.decode("shift_jis" if codec.startswith("iso2022") else codec)
    except UnicodeDecodeError:
        return False
    return True


def _decode_extended(value: bytes, first: str) -> str:
    """ISO 2022 code extension: each escape sequence says how the bytes behind it are read (PS3.5 6.1.2.5)."""
    pieces: list[str] = []
    position, g0, g1 = 0, "", first
    for match in _ESCAPE.finditer(value):
        pieces.append(_fragment(value[position : match.start()], g0, g1))
        position, escape = match.end(), match[0]
        if escape in _TWO_BYTE_G0:
            g0 = _TWO_BYTE_G0[escape]
        elif escape in _ONE_BYTE_G0:
            g0 = ""
        else:
            g1 = _G1.get(escape, g1)
    pieces.append(_fragment(value[position:], g0, g1))
    return "".join(pieces)


def _fragment(data: bytes, g0: str, g1: str) -> str:
    if g0:
        escape = b"\x1b$(D" if g0 == "iso2022_jp_2" else b"\x1b$B"
        return (escape + data + b"\x1b(B").decode(g0, "replace")
    return data.decode("shift_jis" if g1.startswith("iso2022") else g1, "replace")


# -- answering --------------------------------------------------------------------------------------------------------


_DELIMITERS = re.compile(r"([\\^=\r\n\t\f])")
"""Behind each of these the initial state counts again (PS3.5 6.1.2.5.3). Carets and equal signs are delimiters in names
alone; to designate a set again behind one is harmless elsewhere."""

_G1_ESCAPES = {codec: escape for escape, codec in _G1.items()}
_ALONE = frozenset({"utf_8", "gb18030", "gbk"})
_G0_ESCAPES = {87: b"\x1b$B", 159: b"\x1b$(D"}
_EXTENSIONS_ONLY = frozenset({58, 87, 149, 159})
"""Sets that stand beside another one, at least ASCII (PS3.3 table C.12-4)."""

_TO_ASCII, _TO_ROMAJI = b"\x1b(B", b"\x1b(J"


def reply_charset(requested: str) -> str:
    """The value of (0008,0005) to answer a request in whose own is ``requested``; UTF-8 for none or an unknown one.

    An old system that asks in its own character set may not read UTF-8. Code extensions are taken over (PS3.3
    C.12.1.1.2); spellings become those of the standard.
    """
    terms = requested.split("\\")
    if len(terms) == 1:
        number = _registration(requested)
        if number in _EXTENSIONS_ONLY:
            return f"\\ISO 2022 IR {number}"
        if codec_of(requested) == "ascii":
            return UTF_8
        return f"ISO_IR {number}" if number else requested.strip().upper()
    if any(codec_of(term) in _ALONE for term in terms) or "ascii" in map(codec_of, terms[1:]):
        return UTF_8
    numbers = map(_registration, terms)
    return "\\".join(f"ISO 2022 IR {number}" if number else "" for number in numbers)


def _registration(term: str) -> int:
    match = _TERM.fullmatch(term.strip())
    return int(match[1]) if match else 0


@lru_cache(maxsize=64)
def _codecs(character_set: str) -> tuple[str, tuple[int, ...]]:
    """The codec of the first value, and the registrations of the others."""
    first, *others = character_set.split("\\")
    return codec_of(first), tuple(map(_registration, others))


def encode(text: str, character_set: str) -> bytes | None:
    """A text in the character set, given as it stands in (0008,0005); ``None`` where that does not hold it."""
    if text.isascii():
        return text.encode("ascii")
    first, others = _codecs(character_set)
    if not others and first in _ALONE:
        return _in_codec(text, first)
    pieces: list[bytes] = []
    for fragment in _DELIMITERS.split(text):
        piece = _encoded_fragment(fragment, first, others)
        if piece is None:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _encoded_fragment(text: str, first: str, others: tuple[int, ...]) -> bytes | None:
    """A text between two delimiters, all in one of the sets beside that of its beginning."""
    if text.isascii():
        return text.encode("ascii")
    initial = None if first.startswith("iso2022") else _in_codec(text, first)
    if initial is not None:
        return initial
    back = _TO_ROMAJI if first == "shift_jis" else _TO_ASCII
    for number in others:
        codec = _BY_REGISTRATION.get(number, "ascii")
        if number in _G0_ESCAPES:
            data = _in_two_bytes(text, codec, _G0_ESCAPES[number], back)
        else:
            data = _in_codec(text, codec)
            data = None if data is None else _G1_ESCAPES.get(codec, b"") + data
        if data is not None:
            return data
    return None


def _in_codec(text: str, codec: str) -> bytes | None:
    if codec == "shift_jis" and not all(letter.isascii() or "\uff61" <= letter <= "\uff9f" for letter in text):
        return None  # JIS X 0201 has no kanji, which Python's codec for it has
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return None


def _in_two_bytes(text: str, codec: str, escape: bytes, back: bytes) -> bytes | None:
    """In a set of two bytes in G0 and ASCII, without the other sets that Python's codec would use, too."""
    data = _in_codec(text, codec)
    if data is None or set(_ESCAPE.findall(data)) - {escape, _TO_ASCII}:
        return None
    return data.replace(_TO_ASCII, back)
