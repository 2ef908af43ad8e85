"""Whether a data set matches the keys of an identifier, and what is answered then (PS3.4 C.2.2.2, K.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableSequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dicomgui.network.service_classes.attributes import mark_character_set, put

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["answer_for", "matches"]

CHARACTER_SET: Final = 0x00080005
QUERY_RETRIEVE_LEVEL: Final = 0x00080052
_CONDITIONS = frozenset({CHARACTER_SET, QUERY_RETRIEVE_LEVEL, 0x00080201})

_WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_RANGE_VRS = frozenset({"DA", "TM", "DT"})
_NUMBER_VRS = frozenset({"IS", "DS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})


def matches(identifier: Dataset, candidate: Dataset) -> bool:
    """Whether ``candidate`` matches every key of ``identifier``.

    Single value, list of UIDs, universal, wildcard, range and sequence matching; several values of a key are
    alternatives. Names match without regard to case, all else as it is written; offsets from UTC are not looked at.
    """
    return all(
        _matches_key(key, candidate.get(key.tag)) for key in identifier if key.tag not in _CONDITIONS
    )


def _matches_key(key: DataElement, found: DataElement | None) -> bool:
    if key.VR == "SQ":
        return _matches_sequence(key, found)
    wanted = list(_texts(key))
    if not wanted or wanted == ["*"]:
        return True
    present = [] if found is None else list(_texts(found))
    test = _test_for(key.VR)
    return any(test(want, value) for want in wanted for value in present)


def _matches_sequence(key: DataElement, found: DataElement | None) -> bool:
    """The one item of the key against any item of the candidate (PS3.4 C.2.2.2.6)."""
    from pydicom.dataset import Dataset

    if not key.value:
        return True
    items = [] if found is None or found.VR != "SQ" else list(found.value)
    return any(matches(key.value[0], item) for item in items or [Dataset()])


def _texts(element: DataElement) -> Iterator[str]:
    value = element.value
    for single in value if isinstance(value, MutableSequence) else (value,):
        text = "" if single is None else str(single).strip(" \0")
        if text:
            yield text


def _test_for(vr: str) -> Callable[[str, str], bool]:
    if vr in _WILDCARD_VRS:
        return _like_name if vr == "PN" else _like
    if vr in _RANGE_VRS:
        return {"DA": _in_dates, "TM": _in_times, "DT": _in_moments}[vr]
    return _same_number if vr in _NUMBER_VRS else str.__eq__


def _like(wanted: str, value: str) -> bool:
    return _pattern(wanted).fullmatch(value) is not None


def _like_name(wanted: str, value: str) -> bool:
    pattern = _pattern(_plain_name(wanted))
    groups = [value, *value.split("=")]
    return any(pattern.fullmatch(_plain_name(group)) for group in groups)


def _plain_name(name: str) -> str:
    return name.casefold().rstrip("^= ")


@lru_cache(maxsize=256)
def _pattern(wanted: str) -> re.Pattern[str]:
    """A regular expression that never goes back over a part once found: the keys are a peer's."""
    first, *rest = ("".join("." if c == "?" else re.escape(c) for c in part) for part in wanted.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    inner = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    return re.compile(f"{first}{inner}.*{rest[-1]}", re.DOTALL)


def _same_number(wanted: str, value: str) -> bool:
    try:
        return float(wanted) == float(value)
    except ValueError:
        return False


def _in_dates(wanted: str, value: str) -> bool:
    return _in_range(wanted.split("-"), value, _date_low, _date_low)


def _date_low(text: str) -> str:
    return text.replace(".", "")  # the form of ACR-NEMA 300, PS3.5 table 6.2-1


def _in_times(wanted: str, value: str) -> bool:
    return _in_range(wanted.split("-"), value, _time_low, _time_high)


def _time_low(text: str) -> str:
    return _padded(text.replace(":", "").replace(".", ""), "000000000000")


def _time_high(text: str) -> str:
    return _padded(text.replace(":", "").replace(".", ""), "235959999999")


def _in_moments(wanted: str, value: str) -> bool:
    return _in_range(_moment_bounds(wanted), value, _moment_low, _moment_high)


_OFFSET = r"(?:[+-](?:0\d|1[0-4])\d\d)?"
_MOMENT_RANGE = re.compile(rf"(?P<low>[\d.]*{_OFFSET})-(?P<high>[\d.]*{_OFFSET})")


def _moment_bounds(wanted: str) -> list[str]:
    """The bounds of a range; a single hyphen may also belong to the offset from UTC, which is always -hhmm."""
    if re.fullmatch(rf"[\d.]{{4,}}{_OFFSET}", wanted):
        return [wanted]
    match = _MOMENT_RANGE.fullmatch(wanted)
    return [wanted] if match is None else [match["low"], match["high"]]


def _moment_low(text: str) -> str:
    return _padded(_without_offset(text), "00000101000000000000")


def _moment_high(text: str) -> str:
    return _padded(_without_offset(text), "99991231235959999999")


def _without_offset(text: str) -> str:
    return re.sub(r"[+-]\d{4}$", "", text).replace(".", "")


def _padded(text: str, pattern: str) -> str:
    return text + pattern[len(text) :]


def _in_range(
    bounds: list[str], value: str, low: Callable[[str], str], high: Callable[[str], str]
) -> bool:
    """Whether a value lies between two bounds, either of which may be empty; one bound alone is a single value."""
    if len(bounds) > 2:
        return False
    first, last = bounds[0], bounds[-1]
    if len(bounds) == 1:
        return low(first) <= low(value) <= high(last)
    return (not first or low(first) <= low(value)) and (not last or low(value) <= high(last))


def answer_for(identifier: Dataset, candidate: Dataset) -> Dataset:
    """The response to a match: the attributes that the identifier asks for and no others (PS3.4 C.4.1.1.3.2).

    What ``candidate`` does not have is there without a value. A sequence key with an item asks for the attributes of
    that item, an empty one for all.
    """
    response = _chosen(identifier, candidate)
    if QUERY_RETRIEVE_LEVEL in identifier:
        response[QUERY_RETRIEVE_LEVEL] = identifier[QUERY_RETRIEVE_LEVEL]
    if CHARACTER_SET in candidate:
        response[CHARACTER_SET] = candidate[CHARACTER_SET]
    return mark_character_set(response)


def _chosen(identifier: Dataset, candidate: Dataset) -> Dataset:
    from pydicom.dataset import Dataset

    response = Dataset()
    for key in identifier:
        if key.tag in _CONDITIONS:
            continue
        found: DataElement | None = candidate.get(key.tag)
        if found is None:
            put(response, int(key.tag), None)
        elif key.VR == "SQ" and found.VR == "SQ" and key.value and len(key.value[0]):
            put(response, key.tag, [_chosen(key.value[0], item) for item in found.value])
        else:
            response[key.tag] = found
    return response
