"""C-FIND: keys against the index (PS3.4 C.2.2.2, C.4.1).

:func:`compile_query` turns the identifier of a request into a :class:`Query`: SQL that narrows the rows down, tests for
what SQL cannot say, and the plan of the answers. What they mean is that of
:mod:`~dicomgui.network.service_classes.matching`, which does the same for one data set.

Keys of the query's level and of those above are supported; what the index does not know, and keys of lower levels, are
left out of the answer and listed in :attr:`Query.unsupported`, so that a pending status can say it (FF01, C.4.1.1.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from dicomgui.network.dimse.charset import reply_charset
from dicomgui.network.service_classes.attributes import texts_of
from dicomgui.network.service_classes.matching import PAIRS, item_key, keys_in, matches, picked, restricts
from dicomgui.network.service_classes.values import Kind, ValueMatcher, matcher_of, pair_test
from dicomgui.storage.answers import Field, Plan, Row, items_of
from dicomgui.storage.attributes import COMPUTED, Attribute, Level, by_tag
from dicomgui.storage.conditions import (
    CONSTANTS,
    FROM,
    PRESENT,
    computed_condition,
    condition,
    expression,
    selecting,
)
from dicomgui.storage.identifiers import IdentifierRule, Model, judge

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["Query", "compile_query"]

_LEVEL_TAG = 0x0008_0052
_RETRIEVE_AE_TITLE = 0x0008_0054
_CHARACTER_SET = 0x0008_0005


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
    rule: IdentifierRule = IdentifierRule.USUAL,
    *,
    relational: bool = False,
    combined_datetime: bool = False,
    retrieve_ae_title: str = "",
) -> Query:
    """Make the identifier of a C-FIND request ready.

    :param rule: of identifiers that are not as the standard wants them.
    :param relational: do without the unique keys of higher levels, as extended negotiation can agree (C.4.1.2.2).
    :param combined_datetime: match the ranges of a date and its time as one (C.2.2.2.5.4), as it can agree, too.
    :param retrieve_ae_title: where the instances can be retrieved from; in each answer (C.4.1.1.3.2).
    :raises IdentifierError: the identifier does not fit the model; says with which status to answer.
    """
    level = judge(identifier, model, rule, relational=relational)
    builder = _Builder(level, combined_datetime)
    for element in keys_in(identifier):
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
        key = item_key(element)
        if key is None:
            self.fields[tag] = Field(tag, "SQ", column)
            return
        self.fields[tag] = Field(tag, "SQ", column, pick=partial(picked, key, combined_datetime=self._combined))
        if restricts(key):
            suits = partial(matches, key, combined_datetime=self._combined)
            self.tests.append(lambda row: any(map(suits, items_of(row[column], tag))))

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
        for date, time in PAIRS.items():
            if date in self._ranged and time in self._ranged:
                test = pair_test(self._ranged[date].matcher, self._ranged[time].matcher)
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
