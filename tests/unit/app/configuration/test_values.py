"""Values out of TOML tables: each checked for itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from enum import StrEnum

import pytest

from dicomgui.app.configuration import values as checks
from dicomgui.app.configuration.values import Values, overlay
from dicomgui.network.association.extended import QueryFlags


class Colour(StrEnum):
    RED = "red"


def test_a_wrong_value_costs_itself_and_no_other() -> None:
    values = Values({"a": 1, "b": "x", "inner": {"c": True, "d": 2}, "flat": 3})
    assert values.take("a", 9, checks.whole) == 1
    assert values.take("b", 9, checks.whole) == 9
    assert values.take("missing", 9, checks.whole) == 9
    inner = values.inside("inner")
    assert inner.take("c", False, checks.flag) is True
    assert inner.take("d", False, checks.flag) is False
    assert values.inside("flat").take("c", False, checks.flag) is False
    assert values.inside("none").take("c", False, checks.flag) is False
    assert values.faults == [
        "b: it is no whole number",
        "inner.d: it is neither true nor false",
        "flat: it is no table",
    ]


@pytest.mark.parametrize(
    ("check", "good", "result"),
    [
        (checks.text, "a", "a"),
        (checks.flag, False, False),
        (checks.whole, -3, -3),
        (checks.port, 0, 0),
        (checks.port, 65535, 65535),
        (checks.seconds, 3, 3.0),
        (checks.seconds_or_ever, 0.5, 0.5),
        (checks.seconds_or_ever, math.inf, None),
        (checks.ae_title, " ME ", "ME"),
        (checks.max_pdu_length, 0, 0),
        (checks.max_pdu_length, 16384, 16384),
        (checks.one_of(Colour), "red", Colour.RED),
        (checks.operations, 0, 0),
        (checks.operations, 65_535, 65_535),
        (checks.tls_profile, "extended", "extended"),
        (checks.tls_version, "1.2", "1.2"),
        (checks.tls_version, "1.3", "1.3"),
        (checks.query_flags, [], QueryFlags()),
        (checks.query_flags, ["fuzzy", "date-time"], QueryFlags(fuzzy=True, date_time=True)),
    ],
)
def test_good_values(check: Callable[[object], object], good: object, result: object) -> None:
    assert check(good) == result


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        (checks.text, 1),
        (checks.flag, 1),
        (checks.whole, True),
        (checks.whole, 1.0),
        (checks.port, -1),
        (checks.port, 65536),
        (checks.seconds, 0),
        (checks.seconds, True),
        (checks.seconds, math.inf),
        (checks.seconds, math.nan),
        (checks.seconds, 10**400),
        (checks.seconds, "5"),
        (checks.seconds_or_ever, -math.inf),
        (checks.ae_title, ""),
        (checks.ae_title, 5),
        (checks.max_pdu_length, 100),
        (checks.one_of(Colour), "green"),
        (checks.one_of(Colour), 1),
        (checks.operations, -1),
        (checks.operations, 65_536),
        (checks.tls_profile, "none"),
        (checks.tls_version, "1.1"),
        (checks.query_flags, "fuzzy"),
        (checks.query_flags, ["fuzzy", 1]),
        (checks.query_flags, ["fuzz"]),
    ],
)
def test_bad_values(check: Callable[[object], object], bad: object) -> None:
    with pytest.raises(ValueError):
        check(bad)


def test_for_ever_is_written_as_inf() -> None:
    assert checks.written_seconds(None) == math.inf
    assert checks.written_seconds(2.5) == 2.5


def test_every_flag_has_a_name() -> None:
    assert set(checks.QUERY_FLAGS.values()) == {entry.name for entry in fields(QueryFlags)}
    assert checks.written_flags(QueryFlags(relational=True, enhanced_multi_frame=True)) == [
        "relational", "enhanced-multi-frame",
    ]  # fmt: skip


def test_overlay_keeps_what_only_one_side_knows() -> None:
    below = {"a": 1, "t": {"x": 1, "y": {"z": 1}}, "u": 5}
    above = {"a": 2, "t": {"y": {"z": 2}, "w": 3}, "u": {"v": 1}}
    assert overlay(below, above) == {"a": 2, "t": {"x": 1, "y": {"z": 2}, "w": 3}, "u": {"v": 1}}
    assert below == {"a": 1, "t": {"x": 1, "y": {"z": 1}}, "u": 5}
