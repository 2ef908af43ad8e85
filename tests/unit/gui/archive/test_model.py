"""Places as rows: what is missing is asked for, rows open and close, words for what stands there."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.gui.archive.model import AROUND, REMEMBERED, ArchiveColumn, ArchiveModel, entry_name
from dicomgui.gui.tables.tree_cell import DEPTH_ROLE, OPEN_ROLE
from dicomgui.storage import Level
from dicomgui.storage.listing import NO_PATIENT, Entry, Place

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def entry(level: Level, key: int, **values: object) -> Entry:
    usual = Entry(level, key, "Doe^Jane", "P1", "20240131", "CT", "", 1, 3, 4096, 1_700_000_000_000_000_000, 0)
    return usual._replace(**values)


def patients(count: int) -> list[Place]:
    return [(Level.PATIENT, number) for number in range(1, count + 1)]


def text(model: ArchiveModel, row: int, column: ArchiveColumn) -> str:
    return str(model.index(row, column).data())


def test_rows_in_view_are_asked_for_once_with_those_around(qtbot: QtBot) -> None:
    model = ArchiveModel()
    model.show_places(patients(100_000))
    assert model.rowCount() == 100_000
    assert model.take_missing() == {}
    assert text(model, 500, ArchiveColumn.NAME) == "…"
    wanted = model.take_missing()
    assert set(wanted) == {Level.PATIENT}
    assert sorted(wanted[Level.PATIENT]) == list(range(501 - AROUND, 501 + AROUND))
    assert model.take_missing() == {}
    model.show_entries([entry(Level.PATIENT, 501)])
    assert text(model, 500, ArchiveColumn.NAME) == "Doe Jane"
    assert model.take_missing() == {}


def test_opening_asks_and_closing_hides_all_below(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    model = ArchiveModel()
    qtmodeltester.check(model)
    model.show_places(patients(3))
    with qtbot.waitSignal(model.open_wanted) as asked:
        model.open_row(1)
    assert asked.args == [(Level.PATIENT, 2)]
    assert model.rowCount() == 3
    model.show_below((Level.PATIENT, 2), [(Level.STUDY, 7), (Level.STUDY, 8)])
    model.show_below((Level.STUDY, 7), [(Level.SERIES, 1)])
    assert [model.place_at(row) for row in range(model.rowCount())] == [
        (Level.PATIENT, 1), (Level.PATIENT, 2), (Level.STUDY, 7), (Level.SERIES, 1), (Level.STUDY, 8),
        (Level.PATIENT, 3),
    ]  # fmt: skip
    assert [model.index(row, 0).data(DEPTH_ROLE) for row in range(6)] == [0, 0, 1, 2, 1, 0]
    assert [model.index(row, 0).data(OPEN_ROLE) for row in range(6)] == [False, True, True, False, False, False]
    assert model.parent_row(3) == 2
    assert model.parent_row(4) == 1
    assert model.parent_row(5) == -1
    model.close_row(1)
    assert model.rowCount() == 3
    assert model.opened == frozenset()


def test_an_answer_that_comes_late_changes_nothing(qtbot: QtBot) -> None:
    model = ArchiveModel()
    model.show_places(patients(1))
    model.show_below((Level.PATIENT, 9), [(Level.STUDY, 1)])
    assert model.rowCount() == 1
    model.show_below((Level.PATIENT, 1), [(Level.STUDY, 1)])
    model.show_below((Level.PATIENT, 1), [(Level.STUDY, 1)])
    assert model.rowCount() == 2


def test_an_instance_does_not_open(qtbot: QtBot) -> None:
    model = ArchiveModel()
    model.show_places([(Level.IMAGE, 1)])
    with qtbot.assertNotEmitted(model.open_wanted):
        model.toggle(0)
    assert model.index(0, 0).data(OPEN_ROLE) is None


def test_words_for_each_level() -> None:
    assert entry_name(entry(Level.PATIENT, 1, name="")) == "(no name)"
    assert entry_name(entry(*NO_PATIENT, name="")) == "Files that name no study"
    assert entry_name(entry(Level.STUDY, 1, name="")) == "(no description)"
    assert entry_name(entry(Level.SERIES, 1, name="Axial", identity="3")) == "3 · Axial"
    assert entry_name(entry(Level.IMAGE, 1, name="1.2.3", identity="7", kind=CT)) == "7 · CT Image"
    assert entry_name(entry(Level.PATIENT, 1, name="Wang^Xiaodong=王^小东")) == "Wang Xiaodong = 王 小东"


def test_cells(qtbot: QtBot) -> None:
    model = ArchiveModel()
    model.show_places([(Level.PATIENT, 1), (Level.IMAGE, 2)])
    twice = entry(Level.IMAGE, 2, name="1.2.3", kind=CT, detail=EXPLICIT, same_uid=2)
    model.show_entries([entry(Level.PATIENT, 1, kind="CT,MR", same_uid=1), twice])
    assert text(model, 0, ArchiveColumn.DATE) == "2024-01-31"
    assert text(model, 0, ArchiveColumn.KIND) == "CT, MR"
    assert text(model, 0, ArchiveColumn.INSTANCES) == "3"
    assert text(model, 0, ArchiveColumn.REMARK) == "1 UID twice"
    assert text(model, 0, ArchiveColumn.RECEIVED).startswith("2023-11-1")
    assert text(model, 1, ArchiveColumn.ID) == "1.2.3"
    assert text(model, 1, ArchiveColumn.KIND) == "Explicit VR Little Endian"
    assert text(model, 1, ArchiveColumn.INSTANCES) == ""
    assert text(model, 1, ArchiveColumn.REMARK) == "same UID, data set 2"
    tip = model.index(1, ArchiveColumn.REMARK).data(Qt.ItemDataRole.ToolTipRole)
    assert "different data sets" in tip
    spoken = model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Patient Doe Jane"


def test_it_remembers_only_so_much(qtbot: QtBot) -> None:
    model = ArchiveModel()
    model.show_places(patients(REMEMBERED + 10))
    model.show_entries(entry(Level.PATIENT, number) for number in range(1, REMEMBERED + 5))
    model.show_entries([entry(Level.PATIENT, REMEMBERED + 5)])
    assert text(model, 0, ArchiveColumn.NAME) == "…"
    assert text(model, REMEMBERED + 4, ArchiveColumn.NAME) == "Doe Jane"
