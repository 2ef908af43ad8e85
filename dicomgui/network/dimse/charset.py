"""Text of a data set as Unicode, whatever (0008,0005) says (PS3.5 6.1, PS3.3 C.12.1.1.2).

The index must take every file, also one whose text is not in the character set that it names: decoding never fails and
never warns, it falls back. pydicom's own decoder warns, which a thread of its own cannot silence for itself alone.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

__all__ = ["UTF_8", "codec_of", "decode", "reply_charset"]

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
_STATELESS = frozenset(_BY_REGISTRATION.values()) - {"iso2022_jp", "iso2022_jp_2", "shift_jis", "gb2312", "euc_kr"}


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


def reply_charset(requested: str) -> tuple[str, str]:
    """The value of (0008,0005) and the codec to answer a request in: its own set where that is simple, else UTF-8.

    An old system that asks in Latin-1 may not read UTF-8. Sets with code extension or several values get UTF-8.
    """
    codec = codec_of(requested)
    if requested and "\\" not in requested and codec in _STATELESS and codec != "ascii":
        return requested.strip().replace("ISO 2022 IR", "ISO_IR"), codecs.lookup(codec).name
    return UTF_8, "utf-8"
