"""Attribute lists: making them from plain values, looking into them, and judging whether they are complete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableSequence, Sequence
from datetime import date, datetime, time
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import Reply
from dicomgui.network.status import Status
from dicomgui.network.uids import is_valid_uid

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = [
    "ENCODED_VRS",
    "MISSING_ATTRIBUTE",
    "MISSING_VALUE",
    "NO_KEYS",
    "SPECIFIC_CHARACTER_SET",
    "SUCCESS",
    "UTF_8",
    "Code",
    "da",
    "dataset_of",
    "derived_uid",
    "drop_fixed",
    "dt",
    "in_utf_8",
    "incomplete",
    "invalid_value",
    "items_of",
    "left_unchanged",
    "mark_character_set",
    "new_uid",
    "put",
    "selected",
    "tag_of",
    "text_of",
    "texts_of",
    "tm",
    "vr_of",
    "wrong_value",
]

SUCCESS: Final = Status(0x0000)
OPTIONAL_UNSUPPORTED: Final = Status(0x0001)
INVALID_VALUE: Final = Status(0x0106)
ATTRIBUTE_LIST_ERROR: Final = Status(0x0107)
MISSING_ATTRIBUTE: Final = Status(0x0120)
MISSING_VALUE: Final = Status(0x0121)

UTF_8: Final = "ISO_IR 192"
SPECIFIC_CHARACTER_SET: Final = 0x00080005

ENCODED_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""The representations whose text is in the character set of (0008,0005); all others are ASCII (PS3.5 6.1.2.3)."""

_DATE = r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_FORMS: Final = {
    "DA": re.compile(rf"{_DATE}|[0-9]{{4}}\.[01][0-9]\.[0-3][0-9]"),
    "DT": re.compile(r"[0-9]{4}(?:[0-9]{2}){0,5}(?:\.[0-9]{1,6})?(?:[+-][0-9]{4})?"),
    "TM": re.compile(r"(?:[01][0-9]|2[0-3])(?::?[0-5][0-9](?::?[0-6][0-9](?:\.[0-9]{1,6})?)?)?"),
}
"""The representations whose values have a form that can be wrong (PS3.5 table 6.2-1), the retired ones included."""

NO_KEYS: Final = frozenset({SPECIFIC_CHARACTER_SET, 0x00080052, 0x00080053, 0x00080201})
"""What in an identifier says how it is to be understood, and matches nothing: character set, level, view, time zone."""


class Code(NamedTuple):
    """A coded concept (PS3.3 8), e.g. ``Code("110514", "DCM", "Incorrect worklist entry selected")``."""

    value: str
    scheme: str
    meaning: str
    version: str = ""

    def item(self) -> Dataset:
        """The item of a code sequence that says it (PS3.3 table 8.8-1)."""
        values = {"CodeValue": self.value, "CodingSchemeDesignator": self.scheme, "CodeMeaning": self.meaning}
        if self.version:
            values["CodingSchemeVersion"] = self.version
        return dataset_of(values)


def new_uid() -> str:
    """A UID that nobody else has (PS3.5 B.2)."""
    return f"2.25.{uuid4().int}"


def derived_uid(*parts: object) -> str:
    """The UID that always belongs to these parts (PS3.5 B.2, of a hash in place of a UUID)."""
    seed = "\0".join(map(str, parts))
    return f"2.25.{int.from_bytes(sha256(seed.encode()).digest()[:15])}"


def da(moment: date) -> str:
    """A date as DA."""
    return moment.strftime("%Y%m%d")


def tm(moment: time | datetime) -> str:
    """A time of day as TM, to the second."""
    return moment.strftime("%H%M%S")


def dt(moment: datetime) -> str:
    """A moment as DT, to the second, with its offset from UTC where it knows one."""
    return moment.strftime("%Y%m%d%H%M%S%z")


def tag_of(keyword: str) -> int:
    """The tag of an attribute.

    :raises ConfigurationError: the dictionary has no such keyword.
    """
    from pydicom import datadict

    tag = datadict.tag_for_keyword(keyword)
    if tag is None:
        raise ConfigurationError(f"there is no attribute {keyword!r}", phase="configure")
    return tag


def vr_of(tag: int) -> str:
    """The representation of an attribute by the dictionary, the first of several; ``UN`` where it does not know it."""
    from pydicom import datadict

    try:
        return datadict.dictionary_VR(tag).split(" ")[0]
    except KeyError:
        is_private_creator = tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF  # PS3.5 7.8.1
        return "LO" if is_private_creator else "UN"


def put(dataset: Dataset, attribute: str | int, value: object) -> None:
    """Set an attribute whatever its value looks like: what is sent is the caller's choice.

    :param attribute: keyword or tag.
    :param value: ``None`` and an empty text leave it without a value; a sequence takes a list of data sets.
    :raises ConfigurationError: it cannot be held at all: a text that is no number for IS or DS, or no items for SQ.
    """
    from pydicom import DataElement, config

    tag = tag_of(attribute) if isinstance(attribute, str) else attribute
    vr = vr_of(tag)
    if vr == "SQ":
        value = value or []
    elif isinstance(value, tuple):
        value = list(value)
    try:
        dataset.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(f"{value!r} is no value of representation {vr}", phase="configure") from error


def dataset_of(values: Mapping[str, object]) -> Dataset:
    """A data set of attributes by keyword; see :func:`put`."""
    from pydicom import Dataset

    dataset = Dataset()
    for keyword, value in values.items():
        put(dataset, keyword, value)
    return dataset


def mark_character_set(dataset: Dataset) -> Dataset:
    """Declare UTF-8 in Specific Character Set (0008,0005) where a text needs one and none is declared.

    :returns: ``dataset`` itself.
    """
    if not dataset.get(SPECIFIC_CHARACTER_SET):
        texts = (str(element.value) for element in dataset.iterall() if element.VR in ENCODED_VRS)
        if not all(map(str.isascii, texts)):
            put(dataset, SPECIFIC_CHARACTER_SET, UTF_8)
    return dataset


def in_utf_8(dataset: Dataset) -> Dataset:
    """A copy that goes out in UTF-8 where a text needs more than ASCII, whatever it came in.

    An N-SET may come in another character set than what it changes (PS3.4 F.7.2.2.3).
    """
    copy = dataset[:]
    copy.pop(SPECIFIC_CHARACTER_SET, None)
    return mark_character_set(copy)


def text_of(dataset: Dataset, attribute: str | int) -> str:
    """The value of an attribute as text, values joined by backslashes; empty where there is none."""
    element = dataset.get(tag_of(attribute) if isinstance(attribute, str) else attribute)
    if element is None or element.value is None:
        return ""
    value = element.value
    if isinstance(value, MutableSequence):  # several values, or the items of a sequence
        return "\\".join(str(single).strip() for single in value)
    return str(value).strip()


def texts_of(element: DataElement) -> list[str]:
    """The values of an element as text without padding; of a sequence and of binary data, none."""
    value = element.value
    if value is None or element.VR == "SQ":
        return []
    if isinstance(value, bytes):
        return [value.decode("latin-1").strip("\0 ")] if element.VR == "UN" else []
    if isinstance(value, str) or not hasattr(value, "__iter__") or (element.VR == "PN" and element.VM <= 1):
        value = [value]
    return [str(item).strip("\0 ") for item in value]


def items_of(dataset: Dataset, attribute: str | int) -> Sequence[Dataset]:
    """The items of a sequence; none where it is absent."""
    element = dataset.get(tag_of(attribute) if isinstance(attribute, str) else attribute)
    return () if element is None or element.VR != "SQ" else tuple(element.value)


def incomplete(dataset: Dataset, required: Iterable[str], *, may_be_empty: Iterable[str] = ()) -> Reply | None:
    """The refusal of an attribute list that lacks what it must have; ``None`` for a complete one.

    :param required: keywords of type 1: absent is answered 0120, without a value 0121 (PS3.7 C.5).
    :param may_be_empty: keywords of type 2: absent is answered 0120.
    """
    needed = tuple(map(tag_of, required))
    absent = tuple(tag for tag in (*needed, *map(tag_of, may_be_empty)) if tag not in dataset)
    if absent:
        return Reply(MISSING_ATTRIBUTE, _naming("missing", absent), absent, attribute_identifiers=absent)
    empty = tuple(tag for tag in needed if _is_empty(dataset, tag))
    if empty:
        return Reply(MISSING_VALUE, _naming("without a value", empty), empty, attribute_identifiers=empty)
    return None


def _is_empty(dataset: Dataset, tag: int) -> bool:
    element = dataset[tag]
    return not element.value if element.VR == "SQ" else text_of(dataset, tag) == ""


def invalid_value(keyword: str, comment: str) -> Reply:
    """The refusal of an attribute whose value will not do: 0106."""
    tag = tag_of(keyword)
    return Reply(INVALID_VALUE, comment, (tag,), attribute_identifiers=(tag,))


def wrong_value(dataset: Dataset) -> Reply | None:
    """The refusal of an attribute list with a date, time or UID that is none: 0106; ``None`` for others."""
    for element in dataset.iterall():
        form = _FORMS.get(element.VR)
        if form is None and element.VR != "UI":
            continue
        for text in filter(None, texts_of(element)):
            if not (is_valid_uid(text) if form is None else form.fullmatch(text)):
                tag = int(element.tag)
                comment = f"{element.keyword or f'{tag:08X}'} is no {_KINDS[element.VR]}"
                return Reply(INVALID_VALUE, comment, (tag,), attribute_identifiers=(tag,))
    return None


def drop_fixed(changes: Dataset, before: Dataset, fixed: Iterable[str]) -> tuple[int, ...]:
    """Take out of a modification list what must not be changed.

    :param before: the attributes of the instance.
    :param fixed: keywords that an N-SET must not hold.
    :returns: tags of those that it would have changed: what repeats the value that is there is not among them.
    """
    other = []
    for tag in map(tag_of, fixed):
        if tag in changes:
            if not _repeats(changes[tag], before.get(tag, None)):
                other.append(tag)
            del changes[tag]
    return tuple(other)


def left_unchanged(tags: tuple[int, ...]) -> Reply:
    """The answer to an N-SET that was performed but for these attributes: 0107, a warning (PS3.7 C.4.2)."""
    return Reply(ATTRIBUTE_LIST_ERROR, _naming("not changed", tags), attribute_identifiers=tags)


def _repeats(change: DataElement, known: DataElement | None) -> bool:
    if change.VR == "SQ" or (known is not None and known.VR == "SQ"):
        return list(change.value or ()) == ([] if known is None else list(known.value or ()))
    return texts_of(change) == ([] if known is None else texts_of(known))


_KINDS: Final = {"DA": "date", "DT": "date and time", "TM": "time", "UI": "UID"}


def _naming(problem: str, tags: Sequence[int]) -> str:
    from pydicom import datadict

    return f"{problem}: " + ", ".join(datadict.keyword_for_tag(tag) for tag in tags)


def selected(dataset: Dataset, tags: Sequence[int], *, unknown: Status = OPTIONAL_UNSUPPORTED) -> Reply:
    """The answer to an N-GET for these attributes of ``dataset``; without ``tags`` it is all of them (PS3.7 10.1.2).

    :param unknown: the warning where some are not there: 0001 in most services, else 0107.
    """
    from pydicom import Dataset

    if not tags:
        return Reply(SUCCESS, dataset=mark_character_set(dataset[:]))
    found = Dataset()
    for tag in tags:
        if tag in dataset:
            found[tag] = dataset[tag]
    absent = tuple(tag for tag in tags if tag not in dataset)
    if SPECIFIC_CHARACTER_SET in dataset:
        found[SPECIFIC_CHARACTER_SET] = dataset[SPECIFIC_CHARACTER_SET]
    answer = mark_character_set(found)
    return Reply(unknown if absent else SUCCESS, dataset=answer, attribute_identifiers=absent)
