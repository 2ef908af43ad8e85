"""The collector held back while very many objects come."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from dicomgui.gui.asking.collecting import MANY, HeldBack


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)


def test_full_collections_wait_and_come_back(thresholds: tuple[int, int, int]) -> None:
    held = HeldBack()
    held.begin()
    assert held.is_held
    assert gc.get_threshold()[:2] == thresholds[:2]
    assert gc.get_threshold()[2] > 10_000
    held.begin()  # a second time changes nothing
    held.end(0)
    assert not held.is_held
    assert gc.get_threshold() == thresholds


def test_many_objects_are_not_looked_at_again() -> None:
    held = HeldBack()
    held.begin()
    before = gc.get_freeze_count()
    kept = [[number] for number in range(MANY)]
    held.end(len(kept))
    assert gc.get_freeze_count() >= before + MANY
    gc.unfreeze()


def test_few_objects_are_left_to_the_collector() -> None:
    held = HeldBack()
    held.begin()
    before = gc.get_freeze_count()
    held.end(MANY - 1)
    assert gc.get_freeze_count() == before


def test_an_end_without_a_begin_does_nothing(thresholds: tuple[int, int, int]) -> None:
    HeldBack().end(MANY)
    assert gc.get_threshold() == thresholds
