from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.trace.filter.complete import LOOKED_BACK, complete, quoted
from dicomgui.trace.filter.grammar import MAX_LENGTH, parse


def texts(text: str, cursor: int | None = None, **values: list[str]) -> list[str]:
    offered = complete(text, len(text) if cursor is None else cursor, lambda key: values.get(key, []))
    return [completion.text for completion in offered.offered]


def test_an_empty_filter_offers_all_keys_and_words() -> None:
    offered = texts("")
    assert {"op:", "status:", "failed", "time:"} <= {text.replace(">", ":") for text in offered}


def test_keys_that_begin_so_come_first() -> None:
    offered = texts("ca")
    assert offered[:2] == ["calling:", "called:"]
    assert texts("sta")[0] == "status:"


def test_joints_are_offered_when_they_are_begun() -> None:
    assert "and" in texts("failed an")
    assert "not" in texts("no")


def test_values_of_a_key() -> None:
    assert texts("op:c-st") == ["op:c-store"]
    assert texts("op:!c-st") == ["op:!c-store"]
    assert texts("failed pdu:rj")[0] == "pdu:a-associate-rj"


def test_values_of_the_trace_come_first_and_are_quoted_where_needed() -> None:
    assert texts("peer:", peer=["PACS 1", "10.0.0.1:104"])[:2] == ['peer:"PACS 1"', "peer:10.0.0.1:104"]
    assert texts('peer:"PA', peer=["PACS 1"]) == ['peer:"PACS 1"', "peer:PACS"]


@pytest.mark.parametrize("text", ["nonsense:x", "failed:x", '"some text ', "op>c", "op:c-store"])
def test_where_nothing_helps_nothing_is_offered(text: str) -> None:
    assert texts(text) == []


def test_only_what_stands_before_the_cursor_counts() -> None:
    offered = complete("op:c-s failed", 6)
    assert offered.start == 0
    assert [completion.text for completion in offered.offered] == ["op:c-store"]


def test_a_long_filter_is_completed_at_its_cursor_and_a_long_word_is_not() -> None:
    before = "failed and " * 100
    offered = complete(f"{before}op:c-s", len(before) + 6)
    assert (offered.start, [one.text for one in offered.offered]) == (len(before), ["op:c-store"])
    assert texts("o" * LOOKED_BACK) == []
    assert texts("x" * 2000 + "p") == []


def test_what_is_too_long_for_a_filter_is_not_completed() -> None:
    assert texts("op:c-s".rjust(MAX_LENGTH)) == ["op:c-store"]
    assert texts("op:c-s".rjust(MAX_LENGTH + 1)) == []


def test_what_goes_on_says_so() -> None:
    (status,) = [c for c in complete("status", 6).offered if c.text == "status:"]
    assert status.goes_on
    assert not complete("fail", 4).offered[0].goes_on


@given(st.text(max_size=20))
def test_a_quoted_value_is_read_back(value: str) -> None:
    (term,) = parse(f"peer={quoted(value)}").terms()
    assert term.value == value


@given(st.text(alphabet='op:c-"\\ !()<>=~x', max_size=20), st.integers(0, 20))
def test_any_text_and_cursor(text: str, cursor: int) -> None:
    offered = complete(text, min(cursor, len(text)))
    assert 0 <= offered.start <= len(text)
