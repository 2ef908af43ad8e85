"""Saved searches: kept as they were written, and in the file only if they can be asked."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.searches import FILE_NAME, WORKLIST_FILE_NAME, QueryFile, QueryMemory, SavedSearch
from dicomgui.app.asking.worklist import worklist_query
from dicomgui.app.configuration.files import SettingsError
from dicomgui.network.errors import ConfigurationError

SEARCH = SavedSearch(
    " Today's  CT ", Level.STUDY, "patient", ("StudyDate=today", "ScheduledProcedureStepSequence[0].Modality=CT"),
    ("StudyID",), None,
)  # fmt: skip


def test_a_search_is_a_query_and_back() -> None:
    assert SEARCH.name == "Today's CT"
    query = SEARCH.query()
    assert [str(key) for key in query.keys] == list(SEARCH.keys)
    assert (query.level, query.root, query.limit) == (Level.STUDY, "patient", None)
    assert SavedSearch.of("Today's CT", query) == SEARCH


@pytest.mark.parametrize("name", ["", "   ", "x" * 65])
def test_a_name_is_wanted(name: str) -> None:
    with pytest.raises(ConfigurationError, match="1 to 64 characters"):
        SavedSearch(name)


def test_what_is_no_query_cannot_be_saved() -> None:
    with pytest.raises(ConfigurationError, match="no attribute"):
        SavedSearch("A", keys=("NoSuchThing=1",))
    with pytest.raises(ConfigurationError, match="level"):
        SavedSearch.of("A", Query((parse_key("PatientID=1"),), level=None, root="study"))


def test_a_search_of_a_worklist_has_no_level_and_a_file_of_its_own(tmp_path: Path) -> None:
    query = worklist_query((parse_key("ScheduledProcedureStepSequence[0].Modality=CT"),))
    search = SavedSearch.of("CT today", query)
    assert (search.level, search.query().root, search.query().keys) == (None, "worklist", query.keys)
    file = QueryFile(tmp_path, WORKLIST_FILE_NAME)
    file.save(QueryMemory((search,), ("time",), station_ae="CT1", modality="CT"))
    assert QueryFile(tmp_path, WORKLIST_FILE_NAME).load() == QueryMemory(
        (search,), ("time",), station_ae="CT1", modality="CT"
    )
    assert not QueryFile(tmp_path).load().searches


def test_searches_are_found_and_replaced_whatever_the_case() -> None:
    memory = QueryMemory().with_search(SavedSearch("b")).with_search(SavedSearch("A")).with_search(SavedSearch("B"))
    assert [one.name for one in memory.searches] == ["A", "B"]
    assert memory.find("a") == SavedSearch("A")
    assert memory.find("c") is None
    assert [one.name for one in memory.without("a").searches] == ["B"]


def test_the_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    memory = QueryMemory((SEARCH, SavedSearch("Usual", limit=7)), ("item", "id"), 4)
    file = QueryFile(tmp_path)
    assert file.load() == QueryMemory()
    file.save(memory)
    assert QueryFile(tmp_path).load() == memory
    assert file.problem is None
    if os.name == "posix":
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_what_is_wrong_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "queries.toml").write_text(
        '[[search]]\nname = "good"\nkeys = ["PatientID=1"]\n'
        '[[search]]\nname = "bad"\nkeys = ["NoSuchThing=1"]\n'
        '[[search]]\nname = "odd"\nlevel = "house"\nroot = "elsewhere"\nlimit = -1\n'
        "[[search]]\nkeys = [1]\n"
        "[retrieve]\nat_once = true\n[results]\ncolumns = 5\n"
    )
    file = QueryFile(tmp_path)
    memory = file.load()
    assert [one.name for one in memory.searches] == ["good", "odd"]
    odd = memory.searches[1]
    assert (odd.level, odd.root, odd.limit) == (Level.STUDY, "", 1000)
    assert (memory.at_once, memory.columns) == (2, ())
    assert file.problem is not None
    file.save(memory)
    assert list(tmp_path.glob("queries.damaged-1.toml"))
    assert file.load() == memory


@pytest.mark.parametrize("text", ["search = 1", "search = [1]"])
def test_what_is_no_search_at_all(tmp_path: Path, text: str) -> None:
    (tmp_path / "queries.toml").write_text(text)
    file = QueryFile(tmp_path)
    assert file.load().searches == ()
    assert file.problem is not None


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder should be")
    with pytest.raises(SettingsError):
        QueryFile(tmp_path / "config").save(QueryMemory((SEARCH,)))


@pytest.mark.parametrize("name", [FILE_NAME, WORKLIST_FILE_NAME])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = 1\nsearches = 3\n", "line 2: searches means nothing here; did you mean search?"),
        ("\nsearch = 3\n", "line 2: search: it is no list of tables"),
        ("\nsearch = [3]\n", "line 2: search 1: it is no table"),
        ('[[search]]\nname = "a"\n[[search]]\nname = "b"\nlevle = "study"\n', "line 5: search 2: levle means nothing"),
        ('[[search]]\nname = "a"\n\nlimit = "b"\n', "line 4: search 1: limit: it is no whole number"),
        ('\n[[search]]\nname = ""\n', "line 2: search 1: a name has 1 to 64 characters, not 0"),
        (
            "[results]\n[retrieve]\n\nat_onse = 3\n",
            "line 4: retrieve.at_onse means nothing here; did you mean at_once?",
        ),
        ("[station]\nmodality = 3\n", "line 2: station.modality: it is no text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    file = QueryFile(tmp_path, name)
    file.load()
    assert said in str(file.problem)


def test_a_key_that_means_nothing_stays_and_needs_no_copy(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_text("[results]\ncolour = 3\n")
    file = QueryFile(tmp_path)
    file.save(file.load())
    assert "colour = 3" in path.read_text()
    assert list(tmp_path.iterdir()) == [path]
