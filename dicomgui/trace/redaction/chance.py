"""The rule by which a value counts where it stands outside of its own element, or is there by chance.

A value that must go is always masked in its own element. It is looked for in all the rest of a trace too: in paths,
error comments, other elements, AE titles. But any data hold ``120000`` or ``CT`` somewhere, and such a copy could never
be saved. So each value has a :class:`Reach`, which depends on nothing but the value and its kind:

===============================================================  ===================================================
value                                                            counts
===============================================================  ===================================================
fewer than three letters and digits; one of them repeated;       in its own element only (``OWN``)
a number of fewer than four digits; a time of day to the
second; a part of a date; a word or UID of the standard; what
stands in every redacted copy
three letters of a person's name or identifier, or four digits   in texts, as a word of its own (``WORD``)
of one
a number of five to seven digits; a time with a fraction;        anywhere, as a number of its own (``NUMBER``)
a UID of at least five digits
everything else: four letters, eight digits, or more;            anywhere (``ANYWHERE``)
whole dates
===============================================================  ===================================================

A word of its own has no letter, digit or byte above 7FH beside it. A number of its own has no digit beside it, and no
point with a digit behind it: so ``120000`` is not found in ``-1200000000``, and ``1.2.3456`` not in ``1.2.3456.7``.
Zeros at the end of a number say nothing, those at its beginning together as much as one digit. Letters are compared
without regard to case.

Ten thousand values and a hundred megabytes of numbers make 10^12 pairs, so no value of four characters is safe from
chance; but the texts and titles of a trace are some kilobytes, in which four letters hardly meet by accident. What is
replaced without need in a field of numbers costs that number; what is in doubt a person decides
(:mod:`dicomgui.trace.redaction.leftover`).
"""

from __future__ import annotations

import re
from enum import IntEnum

from dicomgui.trace.redaction.rules import DATE_FILLER, Kind

__all__ = ["Reach", "counts_at", "is_registered", "reach_of"]


class Reach(IntEnum):
    """The distance from its own element at which a value counts; see the table of the module."""

    OWN = 0
    WORD = 1
    NUMBER = 2
    ANYWHERE = 3


_REGISTERED = b"1.2.840.10008."
_TERMS = frozenset(
    b"patient study series image original primary secondary derived axial localizer other online offline nearline"
    b" monochrome1 monochrome2 scheduled completed discontinued dicom none true false head in_progress"
    # what this program writes into every redacted copy, and the short words of its sentences
    b" file removed dcm ima zip part pdu pdus tcp tls aet scp scu uid uids the and for not was has are row".split()
) | {b"iso_ir", b"iso_ir 100", b"iso_ir 192", b"in progress", b"the file"}
_NUMERIC = re.compile(rb"[0-9.,:;/+ \-]+")
_NOT_TELLING = re.compile(rb"[^0-9a-z\x80-\xff]+")
_FILLER = re.compile(rb"[0x \0.\-:^=]*")

_MIN_WORD = 3
_MIN_TEXT = 4
_WORD_DIGITS, _NUMBER_DIGITS, _ANY_DIGITS = 4, 5, 8
_TIME_DIGITS = 6  # HHMMSS
_DATE_DIGITS = 8  # YYYYMMDD


def is_registered(uid: bytes) -> bool:
    """Tell whether a UID is one of the standard's own (PS3.6 annex A)."""
    return uid.startswith(_REGISTERED)


def reach_of(kind: Kind, value: bytes, *, is_personal: bool = False) -> Reach:
    """Judge one value.

    :param value: without padding; one of several, or one part of a name.
    :param is_personal: the value is of an element about a person, where three letters are a name.
    """
    low = value.lower()
    if low in _TERMS or is_registered(low) or _FILLER.fullmatch(low) or low in DATE_FILLER:
        return Reach.OWN
    if kind in (Kind.DATE, Kind.DATE_TIME, Kind.TIME):
        return _reach_of_moment(kind, low)
    if _NUMERIC.fullmatch(low):
        return min(_reach_of_number(low, is_personal), Reach.NUMBER if kind is Kind.UID else Reach.ANYWHERE)
    telling = _NOT_TELLING.sub(b"", low)
    if len(telling) < _MIN_WORD or len(set(telling)) == 1:
        return Reach.OWN
    if len(telling) < _MIN_TEXT:
        return Reach.WORD if is_personal and telling == low else Reach.OWN
    return Reach.ANYWHERE


def _reach_of_moment(kind: Kind, low: bytes) -> Reach:
    digits = re.sub(rb"[^0-9]", b"", low)
    if kind is Kind.TIME:
        whole, _, fraction = low.partition(b".")
        return Reach.NUMBER if len(whole) >= _TIME_DIGITS and fraction.strip(b"0 ") else Reach.OWN
    if len(digits) < _DATE_DIGITS:
        return Reach.OWN
    return Reach.ANYWHERE


def _reach_of_number(low: bytes, is_personal: bool) -> Reach:
    digits = re.sub(rb"[^0-9]", b"", low)
    core = digits.strip(b"0")
    count = len(core) + digits.startswith(b"0")
    if count < _WORD_DIGITS or len(set(digits)) == 1:
        return Reach.OWN
    if count < _NUMBER_DIGITS:
        return Reach.WORD if is_personal else Reach.OWN
    return Reach.NUMBER if count < _ANY_DIGITS else Reach.ANYWHERE


def counts_at(reach: Reach, data: bytes, start: int, end: int) -> bool:
    """Judge one occurrence, ``data[start:end]``, of a value of that reach."""
    if reach is Reach.ANYWHERE:
        return True
    if reach is Reach.OWN:
        return False
    before, after = data[max(0, start - 2) : start], data[end : end + 2]
    if reach is Reach.WORD:
        return not (_is_telling(before[-1:]) or _is_telling(after[:1]))
    return not (_goes_on(before[::-1]) or _goes_on(after))


def _is_telling(byte: bytes) -> bool:
    return byte.isalnum() or byte >= b"\x80"


def _goes_on(beside: bytes) -> bool:
    """Tell whether a number goes on: with a digit, or with a point and a digit."""
    return beside[:1].isdigit() or (beside[:1] == b"." and beside[1:2].isdigit())
