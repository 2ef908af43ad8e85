"""C-FIND: keys against the index, and keys against a data set (PS3.4 C.2.2.2, C.4.1).

:func:`compile_query` turns the identifier of a request into a :class:`Query`: SQL that narrows the rows down, tests for
what SQL cannot say, and the plan of the answers. :func:`matches` and :func:`project` do the same for one data set, for
services without an index (a worklist).

Keys of the query's level and of those above are supported; what the index does not know, and keys of lower levels, are
left out of the answer and listed in :attr:`Query.unsupported`, so that a pending status can say it (FF01, C.4.1.1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.storage.answers import Field, Plan, Row, items_of
from dicomgui.storage.attributes import Attribute, Level, by_tag
from dicomgui.storage.charset import UTF_8, reply_charset
from dicomgui.storage.conditions import (
    COMPUTED,
    CONSTANTS,
    FROM,
    PRESENT,
    computed_condition,
    condition,
    expression,
    selecting,
)
from dicomgui.storage.identifiers import Model, check_higher_keys, level_of, texts_of
from dicomgui.storage.values import Kind, Span, ValueMatcher, matcher_of, pair_span

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["Query", "compile_query", "matches", "project"]

# Elements that say how a request is to be understood, and are no keys: character set, level, view, time zone.
_NO_KEYS = frozenset({0x0008_0005, 0x0008_0052, 0x0008_0053, 0x0008_0201})
_LEVEL_TAG = 0x0008_0052
_RETRIEVE_AE_TITLE = 0x0008_0054
_CHARACTER_SET = 0x0008_0005

_PAIRS: Final = {
    0x0008_0012: 0x0008_0013,  # instance creation
    0x0008_0020: 0x0008_0030,  # study
    0x0008_0021: 0x0008_0031,  # series
    0x0008_0022: 0x0008_0032,  # acquisition
    0x0008_0023: 0x0008_0033,  # content
    0x0010_0030: 0x0010_0032,  # birth
    0x0040_0002: 0x0040_0003,  # start of a scheduled procedure step
    0x0040_0004: 0x0040_0005,  # its end
    0x0040_0244: 0x0040_0245,  # start of a performed procedure step
    0x0040_0250: 0x0040_0251,  # its end
}
"""Dates and the times that belong to them, for combined matching (C.2.2.2.5.4)."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query that is ready to run; see :meth:`~dicomgui.storage.index.Index.find`.

    :ivar tests: what a row must pass after the SQL has chosen it.
    :ivar unsupported: tags of the keys that were left out.
    """

    level: Level
    sql: str
    parameters: tuple[str, ...]
    tests: tuple[Callable[[Row], bool], ...]
    plan: Plan
    unsupported: tuple[int, ...] = ()


def compile_query(
    identifier: Dataset,
    model: Model,
    *,
    relational: bool = False,
    combined_datetime: bool = False,
    retrieve_ae_title: str = "",
) -> Query:
    """Make the identifier of a C-FIND request ready.

    :param relational: do without the unique keys of higher levels, as extended negotiation can agree (C.4.1.2.2).
    :param combined_datetime: match the ranges of a date and its time as one (C.2.2.2.5.4), as it can agree, too.
    :param retrieve_ae_title: where the instances can be retrieved from; in each answer (C.4.1.1.3.2).
    :raises IdentifierError: the identifier does not fit the model; says with which status to answer.
    """
    level = level_of(identifier, model)
    if not relational:
        check_higher_keys(identifier, model, level)
    builder = _Builder(level, combined_datetime)
    for element in identifier:
        if int(element.tag) not in _NO_KEYS and element.tag.element != 0:
            builder.add(element)
    builder.finish()
    builder.fields[_LEVEL_TAG] = Field(_LEVEL_TAG, "CS", constant=level.name)
    if retrieve_ae_title:
        builder.fields[_RETRIEVE_AE_TITLE] = Field(_RETRIEVE_AE_TITLE, "AE", constant=retrieve_ae_title)
    charset = "\\".join(texts_of(identifier[_CHARACTER_SET])) if _CHARACTER_SET in identifier else ""
    return Query(
        level,
        builder.sql(),
        tuple(builder.parameters),
        tuple(builder.tests),
        Plan(tuple(field for _, field in sorted(builder.fields.items())), reply_charset(charset)),
        tuple(builder.unsupported),
    )


class _Ranged(NamedTuple):
    """A key with a range, held back until it is known whether its other half is there."""

    matcher: ValueMatcher
    column: int


class _Builder:
    """Collects columns, conditions and tests, key by key."""

    def __init__(self, level: Level, combined_datetime: bool) -> None:
        self._level = level
        self._combined = combined_datetime
        self._columns: list[str] = []
        self._conditions = list(PRESENT[level])
        self._ranged: dict[int, _Ranged] = {}
        self.parameters: list[str] = []
        self.tests: list[Callable[[Row], bool]] = []
        self.fields: dict[int, Field] = {}
        self.unsupported: list[int] = []

    def add(self, element: DataElement) -> None:
        tag = int(element.tag)
        if tag in CONSTANTS:
            vr, text = CONSTANTS[tag]
            self.fields[tag] = Field(tag, vr, constant=text)
            return
        attribute = by_tag(tag) or COMPUTED.get(tag)
        if attribute is None or attribute.level > self._level:
            self.unsupported.append(tag)
            return
        column = len(self._columns)
        self._columns.append(expression(attribute, self._level))
        if attribute.vr == "SQ":
            self._add_sequence(element, tag, column)
            return
        self.fields[tag] = Field(tag, attribute.vr, column)
        self._narrow(attribute, matcher_of(attribute.vr, texts_of(element)), column)

    def _add_sequence(self, element: DataElement, tag: int, column: int) -> None:
        key = _item_key(element)
        if key is None:
            self.fields[tag] = Field(tag, "SQ", column)
            return
        self.fields[tag] = Field(tag, "SQ", column, pick=lambda items: _picked(key, items, self._combined))
        if _has_condition(key):
            self.tests.append(lambda row: any(matches(key, item) for item in items_of(row[column], tag)))

    def _narrow(self, attribute: Attribute, matcher: ValueMatcher, column: int) -> None:
        if matcher.kind is Kind.UNIVERSAL:
            return
        narrow = computed_condition if attribute.tag in COMPUTED else condition
        sql = narrow(attribute, self._level, matcher)
        if sql.text:
            self._conditions.append(sql.text)
            self.parameters += sql.parameters
        if matcher.kind is Kind.RANGE and self._combined:
            self._ranged[attribute.tag] = _Ranged(matcher, column)
        elif not sql.is_exact:
            self.tests.append(_test(matcher, column, attribute.is_multiple))

    def finish(self) -> None:
        """Turn ranges that were held back into tests, two together where they are a pair of the same form."""
        for date, time in _PAIRS.items():
            if date in self._ranged and time in self._ranged:
                test = _pair_test(self._ranged[date].matcher, self._ranged[time].matcher)
                if test is not None:
                    self.tests.append(_on_columns(test, self._ranged.pop(date).column, self._ranged.pop(time).column))
        self.tests += [_test(ranged.matcher, ranged.column, False) for ranged in self._ranged.values()]

    def sql(self) -> str:
        columns = ", ".join(self._columns) or "1"
        where = " AND ".join(self._conditions) or "1"
        return selecting(columns, FROM[self._level], where)


def _test(matcher: ValueMatcher, column: int, is_multiple: bool) -> Callable[[Row], bool]:
    def test(row: Row) -> bool:
        value = row[column]
        text = "" if value is None else str(value)
        return matcher.matches(text.split("\\") if is_multiple else (text,))

    return test


def _on_columns(test: Callable[[str, str], bool], date: int, time: int) -> Callable[[Row], bool]:
    return lambda row: test(str(row[date] or ""), str(row[time] or ""))


def _pair_test(date: ValueMatcher, time: ValueMatcher) -> Callable[[str, str], bool] | None:
    """A test for the ranges of a date and its time together; ``None`` if they are not of the same form."""
    if [bool(end) for end in date.values] != [bool(end) for end in time.values]:
        return None
    lower, upper = (pair_span(*ends) if ends[0] else None for ends in zip(date.values, time.values, strict=True))

    def test(day: str, clock: str) -> bool:
        span = pair_span(day, clock)
        return span is not None and _is_between(span, lower, upper)

    return test


def _is_between(span: Span, lower: Span | None, upper: Span | None) -> bool:
    return (lower is None or span.first >= lower.first) and (upper is None or span.first <= upper.last)


def _item_key(element: DataElement) -> Dataset | None:
    """The item of a sequence key; ``None`` if it asks for the whole sequence (C.2.2.2.6)."""
    items: list[Dataset] = list(element.value or ())
    return items[0] if items and len(items[0]) else None


def _has_condition(key: Dataset) -> bool:
    """Whether a key, or one in it, is more than a return key."""
    for element in key:
        if element.VR == "SQ":
            inner = _item_key(element)
            if inner is not None and _has_condition(inner):
                return True
        elif int(element.tag) not in _NO_KEYS and matcher_of(element.VR, texts_of(element)).kind is not Kind.UNIVERSAL:
            return True
    return False


def _picked(key: Dataset, items: list[Dataset], combined_datetime: bool) -> list[Dataset]:
    matching = (item for item in items if matches(key, item, combined_datetime=combined_datetime))
    return [_projected(key, item, combined_datetime) for item in matching]


def matches(identifier: Dataset, dataset: Dataset, *, combined_datetime: bool = False) -> bool:
    """Whether a data set matches every key of an identifier; needs no index.

    :param combined_datetime: as in :func:`compile_query`.
    """
    ranged: dict[int, ValueMatcher] = {}
    for element in _keys(identifier):
        tag = int(element.tag)
        if element.VR == "SQ":
            if not _items_match(_item_key(element), dataset, tag, combined_datetime):
                return False
            continue
        matcher = matcher_of(element.VR, texts_of(element))
        if matcher.kind is Kind.RANGE and combined_datetime:
            ranged[tag] = matcher
        elif not matcher.matches(_values(dataset, tag)):
            return False
    return _ranges_match(ranged, dataset)


def _items_match(key: Dataset | None, dataset: Dataset, tag: int, combined_datetime: bool) -> bool:
    """One item that matches all keys of the item is enough (C.2.2.2.6)."""
    if key is None or not _has_condition(key):
        return True
    items = dataset[tag].value or () if tag in dataset else ()
    return any(matches(key, item, combined_datetime=combined_datetime) for item in items)


def _ranges_match(ranged: dict[int, ValueMatcher], dataset: Dataset) -> bool:
    for date, time in _PAIRS.items():
        test = _pair_test(ranged[date], ranged[time]) if date in ranged and time in ranged else None
        if test is not None:
            del ranged[date], ranged[time]
            if not test(*("".join(_values(dataset, tag)[:1]) for tag in (date, time))):
                return False
    return all(matcher.matches(_values(dataset, tag)) for tag, matcher in ranged.items())


def project(identifier: Dataset, dataset: Dataset, *, combined_datetime: bool = False) -> Dataset:
    """What of a data set that matches is returned: the requested elements, empty where it has none.

    Of a sequence with keys in its item, the items that match, and of these the requested elements (C.2.2.2.6). Specific
    Character Set (0008,0005) is UTF-8 where a value is not ASCII. The caller adds what its service wants beside that.
    """
    answer = _projected(identifier, dataset, combined_datetime)
    if not _is_ascii(answer):
        answer.SpecificCharacterSet = UTF_8
    return answer


def _projected(identifier: Dataset, dataset: Dataset, combined_datetime: bool) -> Dataset:
    from pydicom import config
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset as NewDataset

    answer = NewDataset()
    for element in _keys(identifier):
        tag = int(element.tag)
        if tag not in dataset:
            answer[tag] = DataElement(tag, element.VR, [] if element.VR == "SQ" else None)
            continue
        found = dataset[tag]
        key = _item_key(element) if element.VR == "SQ" and found.VR == "SQ" else None
        value = found.value if key is None else _picked(key, list(found.value), combined_datetime)
        answer[tag] = DataElement(tag, found.VR, value, validation_mode=config.IGNORE)
    return answer


def _is_ascii(dataset: Dataset) -> bool:
    return all(text.isascii() for element in dataset.iterall() for text in texts_of(element))


def _keys(identifier: Dataset) -> Iterator[DataElement]:
    return (element for element in identifier if int(element.tag) not in _NO_KEYS and element.tag.element != 0)


def _values(dataset: Dataset, tag: int) -> list[str]:
    return texts_of(dataset[tag]) if tag in dataset else []
