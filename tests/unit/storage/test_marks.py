"""Marks of what has changed and is not in the index yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomgui.storage import disk
from dicomgui.storage.incoming import Incoming
from dicomgui.storage.marks import Marks, OthersBehind

NONE = OthersBehind()


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Incoming]:
    incoming = Incoming(tmp_path)
    incoming.open()
    yield incoming
    incoming.close()


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Incoming]:
    incoming = Incoming(tmp_path)
    incoming.open()
    yield incoming
    incoming.close()


def test_a_change_is_marked_for_others_until_it_is_in_the_index(ours: Incoming, theirs: Incoming) -> None:
    marks, others = Marks(ours), Marks(theirs)
    generations = [marks.begin(), marks.begin()]
    assert marks.of_others() == NONE, "our own mark is none of others"
    [name] = others.of_others().living
    assert name.startswith(ours.token)
    marks.end(generations[:1])
    assert others.of_others().living == {name}
    marks.end(generations[1:])
    assert others.of_others() == NONE


def test_what_changes_later_has_a_mark_of_its_own(ours: Incoming, theirs: Incoming) -> None:
    marks, others = Marks(ours), Marks(theirs)
    first = marks.begin()
    marks.next()
    second = marks.begin()
    assert len(others.of_others().living) == 2
    seen = others.of_others().living
    marks.end([first])
    assert len(seen & others.of_others().living) == 1
    marks.end([second])
    assert others.of_others() == NONE


def test_what_fails_stays_marked(ours: Incoming, theirs: Incoming) -> None:
    marks, others = Marks(ours), Marks(theirs)
    with marks.held():
        assert others.of_others().living
    assert others.of_others() == NONE
    with pytest.raises(KeyError), marks.held():
        raise KeyError
    assert others.of_others().living


def test_the_marks_of_a_process_that_is_gone_stay_until_they_are_forgotten(ours: Incoming, theirs: Incoming) -> None:
    marks, others = Marks(ours), Marks(theirs)
    marks.begin()
    ours.close()
    behind = others.of_others()
    assert (len(behind.living), len(behind.dead)) == (0, 1)
    assert theirs.clean().stuck == ()
    assert others.of_others() == behind, "what removes partial files leaves the marks alone"
    others.forget([*behind.dead, "0123456789abcdef-7.behind"])
    assert others.of_others() == NONE


def test_a_lock_file_without_a_lock_is_one_of_a_process_that_is_gone(ours: Incoming, tmp_path: Path) -> None:
    token = "0123456789abcdef"
    for name in (f"{token}.lock", f"{token}-0.behind", "else.behind"):
        (tmp_path / "incoming" / name).touch()
    assert Marks(ours).of_others().dead == {f"{token}-0.behind"}


def test_without_locks_the_age_of_a_mark_tells(
    ours: Incoming, theirs: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_handle: int) -> bool:
        raise OSError("no locks here")

    marks, others = Marks(ours), Marks(theirs)
    marks.begin()
    monkeypatch.setattr(disk, "try_lock", no_locks)
    [name] = others.of_others().living
    os.utime(ours.path / name, (0, 0))
    assert others.of_others().dead == {name}


def test_where_no_mark_can_be_made_or_looked_for_nothing_is_raised(tmp_path: Path) -> None:
    marks = Marks(Incoming(tmp_path))
    assert marks.of_others() == NONE
    marks.end([marks.begin()])


def test_a_change_ends_though_a_file_stands_where_the_folder_of_marks_should_be(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path)
    incoming.path.touch()
    marks = Marks(incoming)
    marks.end([marks.begin()])
    assert incoming.path.is_file()
