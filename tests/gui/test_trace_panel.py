"""The trace while it happens: rows, tree and bytes, linked both ways."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractSlider, QMenu, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.gui.dialogs.save_trace import SaveTraceDialog
from dicomgui.gui.main_window import MainWindow
from dicomgui.gui.models.trace_model import Column
from dicomgui.gui.models.trace_rows import View
from dicomgui.gui.panels.trace import TracePanel
from dicomgui.network import connect, presets
from dicomgui.network.tracing import NoteRecord
from dicomgui.trace.file import read_trace

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]


@pytest.fixture
def panel(window: MainWindow) -> TracePanel:
    window.show_panel(window.trace)
    return window.trace


async def echo(window: MainWindow, port: int) -> None:
    tracer = window.trace.place.context.tracer
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.VERIFICATION, tracer=tracer) as association:
        await association.echo()
        await association.release()
    await shown(window.trace)


async def shown(panel: TracePanel) -> None:
    await reached(lambda: panel.model.rowCount() > 0 and not panel.model.is_behind, "the rows are there")


def column(panel: TracePanel, which: Column) -> list[str]:
    return [panel.model.index(row, which).data() for row in range(panel.model.rowCount())]


def notes(panel: TracePanel, count: int) -> None:
    for number in range(count):
        panel.place.context.trace(NoteRecord(0, 0.0, 1e9, 20, f"note {number}"))


async def test_every_pdu_of_an_echo_is_there(panel: TracePanel, window: MainWindow, listening: int) -> None:
    window.show_panel(panel)
    await echo(window, listening)
    panel.view.setCurrentIndex(panel.view.findData(View.PDUS))
    ours = panel.association.itemData(1)
    panel.association.setCurrentIndex(1)
    await shown(panel)
    pairs = list(zip(column(panel, Column.DIRECTION), column(panel, Column.KIND), strict=True))
    assert pairs == [
        ("→", "A-ASSOCIATE-RQ"), ("←", "A-ASSOCIATE-AC"), ("→", "P-DATA-TF"), ("←", "P-DATA-TF"),
        ("→", "A-RELEASE-RQ"), ("←", "A-RELEASE-RP"),
    ]  # fmt: skip
    assert set(column(panel, Column.ASSOCIATION)) == {f"#{number}" for number in ours}
    assert len(ours) == 1
    assert "C-ECHO-RQ" in column(panel, Column.SUMMARY)[2]
    assert "0x0000" in column(panel, Column.SUMMARY)[3]


async def test_row_tree_and_bytes_are_linked(panel: TracePanel, window: MainWindow, listening: int) -> None:
    window.show_panel(panel)
    await echo(window, listening)
    panel.table.selectRow(column(panel, Column.KIND).index("A-ASSOCIATE-RQ"))
    assert panel.tree_model.index(0, 0).data() == "A-ASSOCIATE-RQ"
    panel.hex._move_to(12)
    node = panel.tree_model.node_of(panel.tree.currentIndex())
    assert node is not None
    assert node.label == "Called-AE-title"
    assert panel.hex.marked == range(10, 26)
    assert panel.hex.text_of_marked() == b"DICOMGUI        ".hex(" ")
    assert "Called-AE-title" in panel.path.text()
    assert "offset 000Ah" in panel.path.text()


async def test_keys_go_from_pane_to_pane_and_to_an_offset(
    panel: TracePanel, window: MainWindow, listening: int, qtbot: QtBot
) -> None:
    window.show_panel(panel)
    await echo(window, listening)
    window.activateWindow()
    panel.table.setFocus()
    for pane in (panel.tree, panel.hex, panel.table):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_F6)
        assert window.focusWidget() is pane
    qtbot.keyClick(panel.table, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert window.focusWidget() is panel.hex
    qtbot.keyClick(panel.hex, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert not panel.panes.offset.isVisible()  # no row is selected
    panel.table.selectRow(column(panel, Column.KIND).index("A-ASSOCIATE-RQ"))
    edit = panel.panes.offset
    for text, goes in (("zz", False), ("FFFFF", False), ("1B", True), ("#27", True), ("1bh", True)):
        qtbot.keyClick(panel.hex, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
        assert edit.isVisible()
        qtbot.keyClicks(edit, text)
        qtbot.keyClick(edit, Qt.Key.Key_Return)
        assert edit.isVisible() is not goes
        if goes:
            assert panel.hex.marked == range(26, 42)
            assert "Calling-AE-title" in panel.path.text()
    qtbot.keyClick(panel.hex, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(edit, Qt.Key.Key_Escape)
    assert not edit.isVisible()
    assert window.focusWidget() is panel.hex


async def test_keys_leave_a_field_byte_by_byte(
    panel: TracePanel, window: MainWindow, listening: int, qtbot: QtBot
) -> None:
    window.show_panel(panel)
    await echo(window, listening)
    panel.table.selectRow(column(panel, Column.KIND).index("A-ASSOCIATE-RQ"))
    assert panel.hex.go_to(24)
    for _ in range(2):
        qtbot.keyClick(panel.hex, Qt.Key.Key_Right)
    assert panel.hex.marked == range(26, 42)
    for _ in range(2):
        qtbot.keyClick(panel.hex, Qt.Key.Key_Left)
    assert panel.hex.marked == range(10, 26)
    assert panel.hex._cursor == 24


@pytest.mark.qt_log_ignore("raise|grabbing the keyboard")
async def test_what_is_selected_is_copied(panel: TracePanel, window: MainWindow, listening: int, qtbot: QtBot) -> None:
    window.show_panel(panel)
    await echo(window, listening)
    clipboard = QGuiApplication.clipboard()
    panel.table.selectRow(column(panel, Column.KIND).index("A-RELEASE-RQ"))
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "\tA-RELEASE-RQ\t10\t" in clipboard.text()
    menus = []
    for view in (panel.table, panel.tree, panel.hex):
        if view is panel.tree:
            panel.hex.go_to(0)
        view.customContextMenuRequested.emit(QPoint(5, 5))
        [menu] = [menu for menu in panel.findChildren(QMenu) if menu.isVisible()]
        menus.append([action.text() for action in menu.actions()])
        for action in menu.actions():
            if "as hex" in action.text() and view is panel.table:
                action.trigger()
                assert clipboard.text() == "05 00 00 00 00 04 00 00 00 00"
            elif "as base64" in action.text() and view is panel.tree:
                action.trigger()
                assert clipboard.text() == "BQ=="
            elif "as C array" in action.text() and view is panel.hex:
                action.trigger()
                assert clipboard.text() == "{\n    0x05\n}"
        menu.close()
    assert [len(texts) for texts in menus] == [4, 4, 4]


async def test_the_choice_offers_what_comes_and_keeps_what_is_looked_at(
    panel: TracePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicomgui.gui.panels.trace.MAX_CHOICES", 5)
    store = panel.place.context.trace
    for number in range(1, 4):
        store(NoteRecord(number, 0.0, 1e9, 20, "x"))
    await shown(panel)
    panel.association.setCurrentIndex(1)
    for number in range(4, 20):
        store(NoteRecord(number, 0.0, 1e9, 20, "x"))
    await shown(panel)
    texts = [panel.association.itemText(row).split()[0] for row in range(panel.association.count())]
    assert texts == ["All", "#1", "#16", "#17", "#18", "#19"]
    assert panel.chosen == {1}
    panel.show_associations((3, 4))
    await shown(panel)
    assert panel.association.currentText() == "2 associations of one job"
    assert set(column(panel, Column.ASSOCIATION)) == {"#3", "#4"}
    panel.show_association(0)
    assert panel.chosen is None


async def test_what_is_no_pdu_shows_its_fields(panel: TracePanel) -> None:
    notes(panel, 1)
    await shown(panel)
    panel.table.selectRow(0)
    root = panel.tree_model.index(0, 0)
    assert [panel.tree_model.index(row, 1, root).data() for row in range(2)] == ["20", "note 0"]


async def test_following_ends_when_the_user_scrolls_up_and_begins_again(panel: TracePanel, press: Press) -> None:
    bar = panel.table.verticalScrollBar()
    notes(panel, 300)
    await shown(panel)
    assert panel.follow.isChecked()
    assert bar.value() == bar.maximum()
    bar.triggerAction(QAbstractSlider.SliderAction.SliderPageStepSub)
    assert not panel.follow.isChecked()
    place = bar.value()
    notes(panel, 23)
    await reached(lambda: panel.new_rows.isVisible(), "it tells of new rows")
    assert panel.new_rows.text() == "23 new"
    assert bar.value() == place
    await press(panel.new_rows)
    assert panel.follow.isChecked()
    assert bar.value() == bar.maximum()
    assert not panel.new_rows.isVisible()


async def test_clear_forgets_and_goes_on(panel: TracePanel, press: Press) -> None:
    notes(panel, 5)
    await shown(panel)
    await press(panel.clear_button)
    assert panel.model.rowCount() == 0
    assert not panel.clear_button.isEnabled()
    notes(panel, 1)
    await shown(panel)
    assert column(panel, Column.NUMBER) == ["6"]


async def choose_how(press: Press, window: MainWindow, *, redacted: bool) -> None:
    """Answer the dialog that asks how to save."""
    await reached(lambda: bool(window.findChildren(SaveTraceDialog)), "it is asked how to save")
    [dialog] = window.findChildren(SaveTraceDialog)
    dialog.extent.setCurrentIndex(0 if redacted else 1)
    await press(dialog.save_button)


@pytest.mark.qt_log_ignore("propagateSizeHints")
@pytest.mark.parametrize("name", ["a.dgtrace", "b.pcapng"])
async def test_it_is_saved(
    panel: TracePanel, press: Press, answer: Answer, window: MainWindow, listening: int, tmp_path: Path, name: str
) -> None:
    window.show_panel(panel)
    await echo(window, listening)
    await press(panel.save_button)
    await choose_how(press, window, redacted=False)
    assert "patient data" in await answer(str(tmp_path / name))
    await reached(lambda: not len(panel.tasks) and panel.save_button.isEnabled(), "it is saved")
    assert (tmp_path / name).stat().st_size > 500
    assert not panel.findings.cards
    if name.endswith(".dgtrace"):
        assert len(list(read_trace(tmp_path / name))) == len(panel.place.context.trace)


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_only_what_is_shown_is_saved(
    panel: TracePanel, press: Press, answer: Answer, window: MainWindow, tmp_path: Path
) -> None:
    for number in (1, 2, 2, 3):
        panel.place.context.trace(NoteRecord(number, 0.0, 1e9, 20, "x"))
    await shown(panel)
    panel.show_associations((2, 3))
    await press(panel.save_button)
    await choose_how(press, window, redacted=True)
    await answer(str(tmp_path / "some.dgtrace"))
    await reached(lambda: not len(panel.tasks) and panel.save_button.isEnabled(), "it is saved")
    assert [record.association for record in read_trace(tmp_path / "some.dgtrace")] == [2, 2, 3]


async def test_a_failed_save_is_explained(
    panel: TracePanel, press: Press, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes(panel, 3)
    await shown(panel)

    async def nowhere(*_: object, **__: object) -> list[Path]:
        return [tmp_path / "missing" / "x.dgtrace"]

    monkeypatch.setattr("dicomgui.gui.panels.trace_saving.ask_paths", nowhere)
    await press(panel.save_button)
    await choose_how(press, window, redacted=True)
    await reached(lambda: bool(panel.findings.cards), "the finding is shown")
    assert panel.findings.cards[0].objectName() == "finding_file_failed"
