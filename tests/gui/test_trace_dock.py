"""The trace under the panels: foldable, and about the current job."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from dicomgui.app.context import AppContext
from dicomgui.app.operations import JobKind, Jobs
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.shell.geometry import WindowPlace
from dicomgui.gui.trace.dock import TraceDock
from dicomgui.gui.trace.listing.columns import Column
from dicomgui.network.tracing import NoteRecord
from dicomgui.trace.filter import Zoom

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def dock(qtbot: QtBot, theme: Theme, context: AppContext) -> TraceDock:
    made = TraceDock(context)
    qtbot.addWidget(made)
    made.resize(1000, 300)
    made.show()
    made.set_folded(False)
    return made


def note(dock: TraceDock, association: int, text: str = "x") -> None:
    dock._context.trace(NoteRecord(association, 0.0, 1e9, 20, text))


def shown(dock: TraceDock) -> list[str]:
    dock.drain()
    while dock.model.is_behind and not dock.is_folded:
        dock.drain()
    return [dock.model.index(row, Column.ASSOCIATION).data() for row in range(dock.model.rowCount())]


def test_it_folds_and_reads_nothing_while_it_is(qtbot: QtBot, dock: TraceDock) -> None:
    note(dock, 1)
    with qtbot.waitSignal(dock.folded_changed) as told:
        qtbot.mouseClick(dock.fold_button, Qt.MouseButton.LeftButton)
    assert told.args == [True]
    assert dock.is_folded
    assert not dock.table.isVisible()
    assert shown(dock) == []
    folded = dock.sizeHint().height()
    qtbot.mouseClick(dock.fold_button, Qt.MouseButton.LeftButton)
    assert dock.table.isVisible()
    assert dock.sizeHint().height() > folded + 150
    assert shown(dock) == ["#1"]


def test_it_shows_what_it_is_told_to_follow(qtbot: QtBot, dock: TraceDock) -> None:
    for association in (1, 2, 3, 2):
        note(dock, association)
    dock.follow((2,))
    assert shown(dock) == ["#2", "#2"]
    assert dock.what.text() == "association #2 · 2 rows"
    dock.follow((2, 3))
    assert shown(dock) == ["#2", "#3", "#2"]
    assert dock.what.text() == "2 associations · 3 rows"
    with qtbot.waitSignal(dock.open_requested) as asked:
        qtbot.mouseClick(dock.open_button, Qt.MouseButton.LeftButton)
    assert asked.args == [(2, 3)]
    dock.follow(())
    assert shown(dock) == ["#1", "#2", "#3", "#2"]


def test_it_finds_the_current_job(dock: TraceDock) -> None:
    jobs = Jobs()
    dock.watch(jobs, (JobKind.ECHO,))
    for association in (1, 2, 3):
        note(dock, association)
    sent = jobs.start(JobKind.SEND, "send")
    sent.add_association(1)
    first = jobs.start(JobKind.ECHO, "echo")
    assert shown(dock) == []
    assert dock.what.text() == "of the next job"
    first.add_association(2)
    assert shown(dock) == ["#2"]
    second = jobs.start(JobKind.ECHO, "echo again")
    assert shown(dock) == ["#2"]
    second.add_association(3)
    assert shown(dock) == ["#3"]
    first.finish()
    assert dock.followed == (3,)
    note(dock, 4)
    second.add_association(4)
    assert shown(dock) == ["#3", "#4"]
    dock.watch(jobs, (JobKind.SEND,))
    assert shown(dock) == ["#1"]
    dock.watch(jobs, (JobKind.LISTEN,))
    assert shown(dock) == []


def test_folded_it_says_whose_trace_it_would_show(qtbot: QtBot, dock: TraceDock) -> None:
    jobs = Jobs()
    dock.watch(jobs, (JobKind.QUERY,))
    dock.set_folded(True)
    assert dock.what.text() == "of the next job"
    job = jobs.start(JobKind.QUERY, "query")
    note(dock, 7)
    job.add_association(7)
    assert shown(dock) == []
    assert dock.what.text() == "association #7"
    job.finish()
    qtbot.mouseClick(dock.fold_button, Qt.MouseButton.LeftButton)
    assert shown(dock) == ["#7"]
    assert dock.what.text() == "association #7 · 1 row"


def test_rows_that_are_missed_are_counted(qtbot: QtBot, dock: TraceDock) -> None:
    for _ in range(100):
        note(dock, 1)
    shown(dock)
    dock.table.set_follows(False)
    note(dock, 1)
    shown(dock)
    assert dock.new_rows.text() == "1 new"
    qtbot.mouseClick(dock.new_rows, Qt.MouseButton.LeftButton)
    assert dock.table.follows
    assert not dock.new_rows.isVisible()


def test_the_details_come_with_the_first_row_that_is_selected(qtbot: QtBot, dock: TraceDock) -> None:
    note(dock, 1, "something")
    shown(dock)
    assert not dock.panes.details.isVisible()
    dock.table.setFocus()
    dock.panes.next_pane()
    assert dock.window().focusWidget() is dock.table
    dock.table.selectRow(0)
    assert dock.panes.details.isVisible()
    assert dock.panes.details.tree_model.index(0, 0).data() == "Note"
    dock.panes.next_pane()
    assert dock.window().focusWidget() is dock.panes.details.panes[0]
    dock.follow((2,))
    assert shown(dock) == []
    assert not dock.panes.details.isVisible()


def test_it_is_empty_before_there_is_anything(dock: TraceDock) -> None:
    assert not dock.panes.isEnabled()
    note(dock, 1)
    shown(dock)
    assert dock.panes.isEnabled()


def test_it_is_remembered_whether_it_was_open(qtbot: QtBot, theme: Theme, context: AppContext, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    for folded in (False, True, False):
        window, again = QMainWindow(), QMainWindow()
        for one in (window, again):
            qtbot.addWidget(one)
            one.setCentralWidget(TraceDock(context))
        dock, restored = (one.findChild(TraceDock) for one in (window, again))
        assert dock is not None
        assert restored is not None
        dock.set_folded(folded)
        WindowPlace(settings).save(window)
        WindowPlace(settings).restore(again)
        assert restored.is_folded is folded


def test_keys_go_from_level_to_level_of_the_same_job(qtbot: QtBot, dock: TraceDock) -> None:
    for association in (1, 2, 2):
        note(dock, association)
    dock.follow((2,))
    assert shown(dock) == ["#2", "#2"]
    dock.activateWindow()
    dock.table.setFocus()
    qtbot.keyClick(dock.table, Qt.Key.Key_1)
    shown(dock)
    assert dock.model.zoom is Zoom.ASSOCIATIONS
    assert [dock.model.item_at(row) for row in range(dock.model.rowCount())] == [(2, 0)]
    qtbot.keyClick(dock.table, Qt.Key.Key_3)
    assert shown(dock) == ["#2", "#2"]
