from __future__ import annotations

import pytest

from dicomgui.trace.filter.condition import MarkTest, Test
from dicomgui.trace.filter.content import Content


@pytest.mark.parametrize(
    "condition",
    [
        Test(kinds=bytes(256)),
        Test(flags=bytes(256)),
        Test(length=bool),
        Test(content=Content(lambda record: True)),
        Test(marks=MarkTest(lambda marked, color, comment: marked)),
    ],
)
def test_what_is_asked_of_rows(condition: Test) -> None:
    assert condition.asks_rows


def test_what_is_not_asked_of_rows() -> None:
    assert not Test().asks_rows
    assert not Test(association=lambda facts: True, exchange=lambda table, number: True).asks_rows
