"""The matching of one key's value against one attribute's values (PS3.4 C.2.2.2), on text alone.

=============== ==================================================================================================
universal       an empty key; ``*``, in any VR (C.2.2.2.3)
single value    equal text; numbers by value; dates and times by what they mean (C.2.2.2.1)
list of UID     any of the UIDs; several values of another VR mean any of them, too (C.2.2.2.2, C.2.2.2.8)
wildcard        ``*`` and ``?`` in AE, CS, LO, LT, PN, SH, ST, UC, UR, UT (C.2.2.2.4)
range           ``a-b``, ``-b`` and ``a-`` in DA, TM and DT (C.2.2.2.5)
empty value     two quotation marks match what is absent or empty (C.2.2.2.7)
=============== ==================================================================================================

Matching minds case and accents in every VR but PN. In PN case never counts; a letter without an accent in the key
stands for the letter with any accent, a letter with one for itself alone; trailing ``^`` do not count; a key of one
component group matches any group of the name, a key with ``=`` group by group.

A time that says less stands for all of what it leaves open: ``-1200`` takes in 12:00:30. Spaces around a value never
count.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = [
    "EMPTY_KEY",
    "Kind",
    "Span",
    "ValueMatcher",
    "fold",
    "literal_of",
    "matcher_of",
    "moment_span",
    "pair_span",
    "pair_test",
]

EMPTY_KEY: Final = '""'
"""The key that matches what has no value (PS3.4 C.2.2.2.7)."""

_WILD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_NUMBER_VRS = frozenset({"DS", "IS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"})
_MARKS = "\u0300-\u036f"
_MARK = re.compile(f"[{_MARKS}]")
_UNMARKED = re.compile(f"[^{_MARKS}]+")

_DATE = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):?(?:([0-9]{2}):?(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?")
_DATETIME = re.compile(r"([0-9]{4}(?:[0-9]{2}){0,5})(?:\.([0-9]{1,6}))?(?:([+-])([0-9]{2})([0-9]{2}))?")
_FORMAT = "%Y%m%d%H%M%S%f"
_FIRST, _LAST = "00000101000000000000", "99991231235959999999"


class Kind(Enum):
    """How a key matches."""

    UNIVERSAL = "universal"
    SINGLE = "single value"
    LIST = "list"
    WILDCARD = "wildcard"
    RANGE = "range"
    EMPTY = "empty value"


class Span(NamedTuple):
    """From the first to the last moment that a text can mean, both ``YYYYMMDDHHMMSSFFFFFF``.

    :ivar utc: the same in UTC; ``None`` if the text does not say its offset.
    """

    first: str
    last: str
    utc: tuple[str, str] | None = None


class ValueMatcher(NamedTuple):
    """A key that was made ready.

    :ivar values: its values without padding; for a range its two ends, empty where it is open.
    :ivar test: whether one value that is not empty matches.
    """

    kind: Kind
    vr: str
    values: tuple[str, ...]
    test: Callable[[str], bool]

    def matches(self, values: Sequence[str]) -> bool:
        """Whether an attribute with these values matches: one of them is enough (PS3.4 C.2.2.3)."""
        if self.kind is Kind.UNIVERSAL:
            return True
        present = [text for value in values if (text := value.strip())]
        if self.kind is Kind.EMPTY:
            return not present
        return any(map(self.test, present))


def matcher_of(vr: str, values: Sequence[str]) -> ValueMatcher:
    """Make a key ready; ``values`` are those of the element in the identifier, none or empty ones for universal."""
    wanted = tuple(text for value in values if (text := value.strip("\0 ")))
    if not wanted or any(not value.strip("*") for value in wanted):
        return ValueMatcher(Kind.UNIVERSAL, vr, (), _always)
    if len(wanted) == 1:
        return _one(vr, wanted[0])
    tests = [_one(vr, value).test for value in wanted]
    kind = Kind.WILDCARD if any(_one(vr, value).kind is not Kind.SINGLE for value in wanted) else Kind.LIST
    return ValueMatcher(kind, vr, wanted, lambda value: any(test(value) for test in tests))


def _one(vr: str, key: str) -> ValueMatcher:
    if key == EMPTY_KEY:
        return ValueMatcher(Kind.EMPTY, vr, (), _never)
    if vr in _SPANS:
        return _span_matcher(vr, key)
    is_wild = vr in _WILD_VRS and ("*" in key or "?" in key)
    kind = Kind.WILDCARD if is_wild else Kind.SINGLE
    if vr == "PN":
        return ValueMatcher(kind, vr, (key,), _name_test(key))
    if is_wild:
        pattern = re.compile(_regex(key), re.DOTALL)
        return ValueMatcher(kind, vr, (key,), lambda value: pattern.fullmatch(value) is not None)
    if vr in _NUMBER_VRS:
        return ValueMatcher(kind, vr, (key,), _number_test(key))
    return ValueMatcher(kind, vr, (key,), key.__eq__)


def _always(value: str) -> bool:
    return True


def _never(value: str) -> bool:
    return False


def _regex(key: str) -> str:
    return _wild(["".join("." if c == "?" else re.escape(c) for c in piece) for piece in key.split("*")])


def _wild(pieces: list[str]) -> str:
    """Pieces with anything between them. The first place of each piece is the right one: no way back, no blow-up."""
    first, *others = pieces
    if not others:
        return first
    *inner, last = others
    return f"{first}{''.join(f'(?>.*?{piece})' for piece in inner)}.*{last}"


def _number_test(key: str) -> Callable[[str], bool]:
    number = _number(key)
    return key.__eq__ if number is None else lambda value: _number(value) == number


@lru_cache(maxsize=1024)
def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# Names of persons.


def _decomposed(text: str) -> str:
    """Without case, and with the marks of :data:`_MARKS` behind their letters; those of other scripts stay composed."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return _UNMARKED.sub(lambda run: unicodedata.normalize("NFC", run[0]), text)


def fold(text: str) -> str:
    """The text without case and without the accents of Latin, Greek and Cyrillic letters: all that PN may ignore.

    What a key matches, :func:`literal_of` of the key is in the fold of.
    """
    return _MARK.sub("", _decomposed(text))


def literal_of(key: str) -> str:
    """The longest piece of a key for a name that must be found as it is in the :func:`fold` of what it matches."""
    return max(re.split(r"[*?=^]", fold(key)), key=len).strip()


def _name_test(key: str) -> Callable[[str], bool]:
    groups = [_group_test(group) if group.strip(" ^") else None for group in key.split("=")]
    if len(groups) == 1:
        (only,) = groups
        return _always if only is None else lambda value: any(map(only, value.split("=")))

    def test(value: str) -> bool:
        present = value.split("=")
        present += [""] * (len(groups) - len(present))
        return all(group is None or group(part) for group, part in zip(groups, present, strict=False))

    return test


def _group_test(key: str) -> Callable[[str], bool]:
    key = _trimmed(key)
    carets = key.count("^")
    pattern = re.compile(_name_regex(_decomposed(key)), re.DOTALL)

    def test(value: str) -> bool:
        value = _trimmed(value)
        value += "^" * (carets - value.count("^"))  # "Doe" has an empty given name, so "Doe^*" matches
        return pattern.fullmatch(_decomposed(value)) is not None

    return test


def _trimmed(group: str) -> str:
    return "^".join(component.strip() for component in group.split("^")).rstrip("^")


def _name_regex(key: str) -> str:
    """A letter of the key that has no mark takes any, one that has marks takes just those."""
    return _wild([_name_piece(piece) for piece in key.split("*")])


def _name_piece(key: str) -> str:
    pieces = []
    for index, letter in enumerate(key):
        is_marked = index + 1 < len(key) and _MARK.match(key[index + 1])
        if letter == "?":
            pieces.append(f"[^{_MARKS}][{_MARKS}]*")
        elif _MARK.match(letter):
            pieces.append(letter if is_marked else f"{letter}(?![{_MARKS}])")
        else:
            pieces.append(re.escape(letter) + ("" if is_marked else f"[{_MARKS}]*"))
    return "".join(pieces)


# Dates and times.


def _date_span(text: str) -> Span | None:
    match = _DATE.fullmatch(text)
    return _span("".join(match.groups())) if match else None


def _time_span(text: str) -> Span | None:
    match = _TIME.fullmatch(text)
    return _span(_FIRST[:8] + "".join(part for part in match.groups() if part)) if match else None


def _datetime_span(text: str) -> Span | None:
    match = _DATETIME.fullmatch(text)
    if match is None:
        return None
    digits, fraction, sign, hours, minutes = match.groups()
    if fraction is not None and len(digits) != 14:
        return None
    span = _span(digits + (fraction or ""))
    if sign is None:
        return span
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if offset > timedelta(hours=14 if sign == "+" else 12):  # PS3.5 6.2: -1200 to +1400
        return None
    try:
        shift = -offset if sign == "+" else offset
        return span._replace(utc=(_shifted(span.first, shift), _shifted(span.last, shift)))
    except (ValueError, OverflowError):  # no day of the calendar
        return None


def _span(digits: str) -> Span:
    last = digits
    if len(digits) == 6 and "01" <= digits[4:] <= "12" and digits[:4] != "0000":
        last = f"{digits}{monthrange(int(digits[:4]), int(digits[4:]))[1]}"
    return Span(digits + _FIRST[len(digits) :], last + _LAST[len(last) :])


def _shifted(digits: str, shift: timedelta) -> str:
    return f"{datetime.strptime(digits, _FORMAT).replace(tzinfo=UTC) + shift:{_FORMAT}}".rjust(20, "0")


_SPANS: Final[dict[str, Callable[[str], Span | None]]] = {"DA": _date_span, "TM": _time_span, "DT": _datetime_span}


@lru_cache(maxsize=4096)
def moment_span(vr: str, text: str) -> Span | None:
    """What a DA, TM or DT stands for, ``None`` for what is none; the day of a TM is 00000101."""
    return _SPANS[vr](text.strip())


def _span_matcher(vr: str, key: str) -> ValueMatcher:
    ends = _range_ends(vr, key)
    if ends is None:
        wanted = moment_span(vr, key)
        if wanted is None:
            return ValueMatcher(Kind.SINGLE, vr, (key,), key.__eq__)
        return ValueMatcher(Kind.SINGLE, vr, (key,), lambda value: _is_within(vr, value, wanted, wanted))
    lower, upper = (moment_span(vr, end) if end else None for end in ends)
    return ValueMatcher(Kind.RANGE, vr, ends, lambda value: _is_within(vr, value, lower, upper))


def _is_within(vr: str, value: str, lower: Span | None, upper: Span | None) -> bool:
    span = moment_span(vr, value)
    return span is not None and _is_between(span, lower, upper)


def _is_between(span: Span, lower: Span | None, upper: Span | None) -> bool:
    return (lower is None or _order(span, lower, 0)) and (upper is None or _order(span, upper, 1))


def _order(value: Span, bound: Span, end: int) -> bool:
    """Whether a value begins not before the bound (``end`` 0) or not behind it (1).

    In UTC where both say their offset (C.2.2.2.5.3); else both count as local.
    """
    if value.utc is not None and bound.utc is not None:
        moment, limit = value.utc[0], bound.utc[end]
    else:
        moment, limit = value.first, bound.last if end else bound.first
    return moment <= limit if end else moment >= limit


def _range_ends(vr: str, key: str) -> tuple[str, str] | None:
    """The two ends of a range, empty where it is open; ``None`` for what is no range.

    The hyphen of a DT may be that of its offset: what can be read as one moment is one (PS3.5 6.2).
    """
    if "-" not in key or (vr == "DT" and moment_span(vr, key) is not None):
        return None
    for index, letter in enumerate(key):
        if letter != "-":
            continue
        ends = key[:index].strip(), key[index + 1 :].strip()
        if any(ends) and all(not end or moment_span(vr, end) for end in ends):
            return ends
    return None


def pair_span(date: str, time: str) -> Span | None:
    """The moment that a date and a time mean together; the day where there is no time (PS3.4 C.2.2.2.5.4)."""
    day = moment_span("DA", date)
    if day is None:
        return None
    clock = moment_span("TM", time) if time.strip() else None
    if clock is None:
        return day
    return Span(day.first[:8] + clock.first[8:], day.first[:8] + clock.last[8:])


def pair_test(date: ValueMatcher, time: ValueMatcher, *, is_period: bool = False) -> Callable[[str, str], bool] | None:
    """A test for a range of dates and one of times together, from one moment to another (PS3.4 C.2.2.2.5.4).

    :param is_period: an end of the dates needs no time: it is the first or the last moment of its day (K.6.1.2.2).
        Otherwise both ranges must be of the same form.
    :returns: ``None`` where the ranges make no moments; each then counts by itself.
    """
    ends = tuple(zip(date.values, time.values, strict=True))
    if any((clock and not day) or (day and not clock and not is_period) for day, clock in ends):
        return None
    lower, upper = (pair_span(*end) if end[0] else None for end in ends)

    def test(day: str, clock: str) -> bool:
        span = pair_span(day, clock)
        return span is not None and _is_between(span, lower, upper)

    return test
