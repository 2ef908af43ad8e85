"""What is remarkable about an AE title as somebody typed or pasted it, byte for byte."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from dicomgui.trace.finding import Severity

__all__ = ["MAX_BYTES", "TitleRemark", "ae_title_findings"]

MAX_BYTES = 16
"""Longest AE title (PS3.5 6.2, VR AE); the field of an A-ASSOCIATE-RQ has this length (PS3.8 9.3.2)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class TitleRemark:
    """One remark about an AE title; the text is plain and of one line.

    :ivar code: short name that stays the same between versions: ``empty``, ``too-long``, ``not-ascii``, ``control``,
        ``backslash``, ``nul-padding``, ``leading-space``, ``trailing-space``, ``lower-case``.
    :ivar severity: an error makes the title unusable; a note is good to know.
    """

    code: str
    severity: Severity
    text: str


def ae_title_findings(text: str) -> list[TitleRemark]:
    """What is wrong with ``text`` as an AE title, or deserves a look; errors first, empty for a usual title.

    :class:`~dicomgui.network.association.params.AETitle` takes exactly the texts that have no error here.
    """
    unpadded = text.rstrip(" \0")
    title = unpadded.lstrip(" ")
    padding = text[len(unpadded) :]
    found = _unusable(title, padding) + _padded(text, title, padding)
    if any(c.islower() for c in title):
        found.append(
            TitleRemark(
                "lower-case",
                Severity.NOTE,
                "It has lower-case letters. Upper and lower case are different titles for most systems, and most "
                "titles are all upper case.",
            )
        )
    order = list(Severity)
    return sorted(found, key=lambda remark: order.index(remark.severity))


def _unusable(title: str, padding: str) -> list[TitleRemark]:
    found = []
    if not title:
        found.append(_error("empty", "An AE title has 1 to 16 characters; this one is empty."))
    size = len(title.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        found.append(_error("too-long", f"It has {size} bytes; {MAX_BYTES} fit, so {size - MAX_BYTES} must go."))
    if foreign := list(dict.fromkeys(c for c in title if not c.isascii())):
        found.append(_error("not-ascii", f"Only characters of ASCII are allowed; {_named(foreign)} is none."))
    if controls := _CONTROL.findall(title):
        hexes = ", ".join(f"{ord(c):02X}H" for c in dict.fromkeys(controls))
        found.append(_error("control", f"It has control characters ({hexes}), which are not allowed."))
    if "\\" in title:
        found.append(_error("backslash", "It has a backslash, which DICOM keeps for separating values."))
    if nuls := padding.count("\0"):
        text = f"It ends in {_many(nuls, 'NUL byte')}. Some systems pad so, but the padding is spaces: take them off."
        found.append(_error("nul-padding", text))
    return found


def _padded(text: str, title: str, padding: str) -> list[TitleRemark]:
    found = []
    leading = len(text) - len(text.lstrip(" "))
    if title and leading:
        found.append(_note("leading-space", f"It begins with {_many(leading, 'space')}, which does not count."))
    if title and (trailing := padding.count(" ")):
        found.append(_note("trailing-space", f"It ends in {_many(trailing, 'space')}, which does not count."))
    return found


def _named(characters: list[str]) -> str:
    first = characters[0]
    shown = f"{first!r} " if first.isprintable() else ""
    name = unicodedata.name(first, "no name").lower()
    more = f" and {_many(len(characters) - 1, 'other')}" if len(characters) > 1 else ""
    return f"{shown}U+{ord(first):04X} ({name}){more}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _error(code: str, text: str) -> TitleRemark:
    return TitleRemark(code, Severity.ERROR, text)


def _note(code: str, text: str) -> TitleRemark:
    return TitleRemark(code, Severity.NOTE, text)
