"""The collector of cycles as the program has it."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from dicomgui.app.collector import MANY, HeldBack, keep_what_is_loaded


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)
    gc.unfreeze()
    gc.enable()


class _Knot:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


def test_what_comes_later_is_collected() -> None:
    gc.disable()
    keep_what_is_loaded()
    assert gc.isenabled()
    gone = weakref.ref(_Knot())
    kept = []
    while gone() is not None and len(kept) < 100_000:
        kept.append([])  # as Python counts, one more that has to be looked at
    assert gone() is None


def test_what_is_there_is_looked_at_no_more() -> None:
    knot = _Knot()
    keep_what_is_loaded()
    assert all(known is not knot for known in gc.get_objects())


@pytest.mark.parametrize("page", ["", "no-such-page"], ids=["one that succeeds", "one that fails"])
def test_a_command_runs_with_the_collector_on(page: str) -> None:
    code = (
        "import gc, sys, atexit\n"
        "from dicomgui.__main__ import main\n"
        "atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 1000))\n"
        f"sys.argv = ['dicomgui', 'help', *{page.split()!r}]\n"
        "sys.exit(main())\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.splitlines()[-1] == "True True", run.stderr


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


def test_few_objects_are_left_to_the_collector() -> None:
    held = HeldBack()
    held.begin()
    before = gc.get_freeze_count()
    held.end(MANY - 1)
    assert gc.get_freeze_count() == before


def test_an_end_without_a_begin_does_nothing(thresholds: tuple[int, int, int]) -> None:
    HeldBack().end(MANY)
    assert gc.get_threshold() == thresholds
