"""In which character set a query is sent: the smallest one that holds its keys (PS3.3 C.12.1.1.2, PS3.5 6.1)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import UTF_8

__all__ = ["CharacterSet", "character_set_for"]

_SINGLE_BYTE: Final = (
    "ISO_IR 100", "ISO_IR 101", "ISO_IR 144", "ISO_IR 126", "ISO_IR 148", "ISO_IR 138", "ISO_IR 127", "ISO_IR 166",
    "ISO_IR 110", "ISO_IR 109", "ISO_IR 203",
)  # fmt: skip
"""Tried in this order: the usual ones first."""


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """What a data set is encoded in.

    :ivar term: value of (0008,0005); empty for ASCII.
    :ivar note: what to tell the user about it, or an empty string.
    """

    term: str = ""
    note: str = ""


def character_set_for(texts: Iterable[str], wanted: str = "") -> CharacterSet:
    """The smallest character set that holds all ``texts``: ASCII, one of a single byte, or UTF-8.

    :param wanted: the value of (0008,0005) to use instead, with backslashes where it has several.
    :raises ConfigurationError: ``wanted`` is unknown, or does not hold the texts.
    """
    foreign = [text for text in texts if not text.isascii()]
    if wanted:
        return _checked(foreign, wanted)
    if not foreign:
        return CharacterSet()
    for term in _SINGLE_BYTE:
        if _holds(term, foreign):
            return CharacterSet(term, f"The text is not all ASCII: it is sent in the character set {term}.")
    return CharacterSet(
        UTF_8,
        f"The text needs more than a single-byte character set: it is sent in {UTF_8} (UTF-8), "
        "which old systems may not understand.",
    )


def _checked(foreign: list[str], wanted: str) -> CharacterSet:
    from pydicom import charset

    terms = [term.strip() for term in wanted.split("\\")]
    unknown = next((term for term in terms if term not in charset.python_encoding), None)
    if unknown is not None:
        raise ConfigurationError(
            f"there is no character set {unknown!r}", phase="configure",
            hint="Give a defined term of (0008,0005), for example ISO_IR 100 or ISO_IR 192.",
        )  # fmt: skip
    lost = next((text for text in foreign if not _encodes(text, terms)), None)
    if lost is not None:
        raise ConfigurationError(
            f"the character set {wanted} does not hold the text {lost[:60]!r}", phase="configure",
            hint="Leave the character set out, or use ISO_IR 192.",
        )  # fmt: skip
    return CharacterSet("\\".join(terms))


def _holds(term: str, texts: list[str]) -> bool:
    return all(_encodes(text, [term]) for text in texts)


def _encodes(text: str, terms: list[str]) -> bool:
    from pydicom import charset

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydicom's way to say that it puts question marks instead
        try:
            charset.encode_string(text, charset.convert_encodings(terms))
        except (UserWarning, UnicodeError, LookupError):
            return False
    return True
