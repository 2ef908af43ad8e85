"""The filter of the trace by keys and clicks: completion, errors, modes, what is like a cell, finding, what is kept."""

from __future__ import annotations

import pytest
from helpers.bad_peer import reached
from helpers.exchanging import RECEIVED, SENT, Talk
from helpers.recordings import CT
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.trace.listing.columns import AssociationColumn, Column, ExchangeColumn
from dicomgui.gui.trace.listing.list_view import Like
from dicomgui.gui.trace.panel import TracePanel
from dicomgui.network.dimse import CEchoRQ, CEchoRSP, CStoreRQ, CStoreRSP
from dicomgui.network.status import Status
from dicomgui.trace.filter import Zoom

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("raise|grabbing the keyboard|propagateSizeHints")]


@pytest.fixture
async def panel(window: MainWindow) -> TracePanel:
    """A trace of two associations: ours with an echo, a store and a store that failed; one that called us."""
    ours, theirs = Talk(1), Talk(2)
    ours.established()
    ours.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(0)))
    for number, status in ((2, 0), (3, 0xA700)):
        ours.say(SENT, CStoreRQ(number, CT, "1.2.3"), b"dd").say(
            RECEIVED, CStoreRSP(number, Status(status), CT, "1.2.3", error_comment="disk full" if status else "")
        )
    theirs.wait(60).established()
    theirs.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(0)))
    for record in (*ours.records, *theirs.records):
        window.trace.live.store(record)
    window.show_panel(window.trace)
    window.activateWindow()
    await settled(window.trace)
    window.trace.table.setFocus()
    return window.trace


async def settled(panel: TracePanel) -> None:
    await reached(lambda: not panel.model.is_behind and panel.panes.isEnabled(), "the list is up to date")


def numbers(panel: TracePanel) -> list[str]:
    return [panel.model.index(row, ExchangeColumn.NUMBER).data() for row in range(panel.model.rowCount())]


def press(panel: TracePanel, key: Qt.Key | str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    widget = panel.window().focusWidget()
    assert widget is not None
    QTest.keyClick(widget, key, modifier)


async def test_a_filter_is_typed_counted_and_cleared(panel: TracePanel) -> None:
    assert numbers(panel) == ["", "1", "2", "3", "", "4"]
    press(panel, "/")
    edit = panel.filter.edit
    assert edit.hasFocus()
    assert edit.text() == ""
    QTest.keyClicks(edit, "op:c-store status:!0000")
    assert not edit.popup.isVisible()  # nothing is left to complete
    press(panel, Qt.Key.Key_Return)
    await settled(panel)
    assert panel.table.hasFocus()
    assert numbers(panel) == ["", "3"]
    assert panel.filter.count.text() == "2 of 6"
    press(panel, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert edit.selectedText() == edit.text()
    press(panel, Qt.Key.Key_Escape)
    assert edit.text() == ""
    await settled(panel)
    assert len(numbers(panel)) == 6
    press(panel, Qt.Key.Key_Escape)
    assert panel.table.hasFocus()


async def test_what_is_wrong_is_said_and_the_list_stays(panel: TracePanel) -> None:
    panel.filter.edit.set_filter("op:c-store")
    await settled(panel)
    panel.filter.edit.set_filter("op:c-store nokey:1")
    assert panel.filter.message.isVisible()
    assert panel.filter.message.text().startswith("At character 12: There is no key “nokey”")
    assert panel.filter.edit.property("invalid") is True
    await settled(panel)
    assert numbers(panel) == ["", "2", "3"]
    panel.filter.edit.set_filter("op:c-store failed")
    assert not panel.filter.message.isVisible()
    assert panel.filter.edit.property("invalid") is False


async def test_keys_and_values_are_completed_with_what_the_trace_has(panel: TracePanel) -> None:
    edit = panel.filter.edit
    edit.setFocus()
    QTest.keyClicks(edit, "cal")
    assert [one.text for one in edit.popup.offered][:2] == ["calling:", "called:"]
    press(panel, Qt.Key.Key_Down)
    press(panel, Qt.Key.Key_Return)
    assert edit.text() == "calling:"
    edit._on_typed()
    assert edit.error is None  # what can still be completed is not judged
    assert "calling:ME" in [one.text for one in edit.popup.offered]
    QTest.keyClicks(edit, "M")
    press(panel, Qt.Key.Key_Tab)
    assert edit.text() == "calling:ME "
    assert edit.hasFocus()
    assert not edit.popup.isVisible()
    await settled(panel)
    assert len(numbers(panel)) == 6
    QTest.keyClicks(edit, "clas")
    press(panel, Qt.Key.Key_Tab)
    assert edit.text() == "calling:ME class:"
    assert 'class:"CT Image Storage"' in [one.text for one in edit.popup.offered]
    place = next(row for row, one in enumerate(edit.popup.offered) if "CT Image" in one.text)
    rect = edit.popup.visualRect(edit.popup.model().index(place, 0))
    QTest.mouseClick(edit.popup.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    await settled(panel)
    assert numbers(panel) == ["2", "3"] or numbers(panel) == ["", "2", "3"]


async def test_what_passes_can_be_hidden_or_highlighted(panel: TracePanel) -> None:
    panel.filter.edit.set_filter("status:a700")
    panel.filter.mode.setCurrentIndex(panel.filter.mode.findData(Like.HIDE))
    await settled(panel)
    assert "3" not in numbers(panel)
    assert "2" in numbers(panel)
    panel.filter.mode.setCurrentIndex(panel.filter.mode.findData(Like.HIGHLIGHT))
    await settled(panel)
    assert numbers(panel) == ["", "1", "2", "3", "", "4"]
    assert [panel.model.is_highlighted(row) for row in range(6)] == [True, False, False, True, False, False]
    assert panel.filter.count.text() == "2 of 6"


def like(panel: TracePanel, row: int, column: int, begin: str) -> str:
    """Choose from the menu of a cell; gives what the entry said."""
    panel.table.selectRow(row)
    rect = panel.table.visualRect(panel.model.index(row, column))
    panel.table.customContextMenuRequested.emit(rect.center())
    [menu] = [menu for menu in panel.findChildren(QMenu, "trace_table_menu") if menu.isVisible()]
    action = next(action for action in menu.actions() if action.text().startswith(begin))
    action.trigger()
    menu.close()
    return action.text()


@pytest.mark.parametrize(
    ("row", "column", "term"),
    [
        (1, ExchangeColumn.OPERATION, "op:c-echo"),
        (3, ExchangeColumn.STATUS, "status:a700"),
        (3, ExchangeColumn.ASSOCIATION, "assoc:1"),
        (3, ExchangeColumn.DIRECTION, "dir:sent"),
        (3, ExchangeColumn.NUMBER, "exchange:3"),
        (3, ExchangeColumn.SOP_CLASS, 'class="CT Image Storage"'),
        (0, ExchangeColumn.STATUS, "outcome:open"),
    ],
)
async def test_a_cell_makes_a_filter_that_it_passes(panel: TracePanel, row: int, column: int, term: str) -> None:
    number = panel.model.number_at(row)
    assert like(panel, row, column, "Filter like this") == f"Filter like this: {term}"
    assert panel.filter.edit.text() == term
    await settled(panel)
    assert panel.model.row_of_number(number) >= 0
    assert panel.model.rowCount() < 6 or term in ("dir:sent", "outcome:open")


async def test_cells_of_the_other_levels_make_filters_too(panel: TracePanel) -> None:
    panel.show_zoom(Zoom.ASSOCIATIONS)
    await settled(panel)
    for column in AssociationColumn:
        if column is not AssociationColumn.CONTEXTS:  # all were accepted
            like(panel, 0, column, "Filter like this")
            await settled(panel)
            assert panel.model.rowCount() >= 1, panel.filter.edit.text()
            panel.go_out()
            await settled(panel)
    panel.show_zoom(Zoom.ROWS)
    await settled(panel)
    kinds = [panel.model.index(row, Column.KIND).data() for row in range(panel.model.rowCount())]
    for row in (kinds.index("A-ASSOCIATE-RQ"), kinds.index("P-DATA-TF"), kinds.index("Connect")):
        number = panel.model.number_at(row)
        like(panel, row, Column.KIND, "Filter like this")
        await settled(panel)
        assert panel.model.row_of_number(number) >= 0
        panel.go_out()
        await settled(panel)


async def test_like_this_is_added_to_the_filter_and_can_be_undone(panel: TracePanel) -> None:
    panel.filter.edit.set_filter("op:c-store or op:c-echo")
    await settled(panel)
    like(panel, panel.model.row_of_number(panel.live.index.exchanges.first_seq[3]), ExchangeColumn.STATUS, "Hide")
    assert panel.filter.edit.text() == "(op:c-store or op:c-echo) not status:a700"
    await settled(panel)
    assert "3" not in numbers(panel)
    like(panel, 1, ExchangeColumn.OPERATION, "Highlight")
    assert panel.filter.like is Like.HIGHLIGHT
    await settled(panel)
    panel.window().activateWindow()
    await reached(panel.window().isActiveWindow, "the window is active again")
    panel.table.setFocus()
    press(panel, Qt.Key.Key_Backspace)
    assert (panel.filter.edit.text(), panel.filter.like) == ("(op:c-store or op:c-echo) not status:a700", Like.SHOW)
    press(panel, Qt.Key.Key_Backspace)
    assert panel.filter.edit.text() == "op:c-store or op:c-echo"


async def test_f3_goes_from_match_to_match_and_hides_nothing(panel: TracePanel) -> None:
    press(panel, Qt.Key.Key_F3)
    edit = panel.find_bar.edit
    assert edit.hasFocus()
    QTest.keyClicks(edit, "op:c-store ")
    edit.popup.hide()
    press(panel, Qt.Key.Key_Return)
    for row in (0, 2, 3, 0):  # the association too, because of what is in it
        await reached(lambda row=row: panel.table.row == row, f"row {row} is selected")
        press(panel, Qt.Key.Key_F3)
    await reached(lambda: panel.table.row == 2, "it goes on")
    press(panel, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    await reached(lambda: panel.table.row == 0, "it goes back")
    assert len(numbers(panel)) == 6
    edit.set_filter("op:c-move")
    press(panel, Qt.Key.Key_F3)
    await reached(lambda: panel.find_bar.said.text() == "nothing", "nothing is found")
    edit.set_filter("op:")
    assert "value is missing" in panel.find_bar.said.text()
    edit.set_filter("")
    press(panel, Qt.Key.Key_Escape)
    assert not panel.find_bar.isVisible()
    assert panel.table.hasFocus()


async def test_filters_are_kept_and_recent_ones_remembered(panel: TracePanel, window: MainWindow) -> None:
    edit = panel.filter.edit
    edit.setFocus()
    edit.set_filter("failed")
    press(panel, Qt.Key.Key_Return)
    entries(panel)["Keep this filter"].trigger()
    assert window.config.settings.trace_filters == ("failed",)
    edit.set_filter("op:c-echo & dir:sent")
    edit.setFocus()
    press(panel, Qt.Key.Key_Return)
    edit.set_filter("")
    assert list(entries(panel))[:3] == ["failed", "Recent", "op:c-echo && dir:sent"]
    assert not entries(panel)["Keep this filter"].isEnabled()
    entries(panel)["op:c-echo && dir:sent"].trigger()
    await settled(panel)
    assert numbers(panel) == ["", "1", "", "4"]
    entries(panel)["failed"].trigger()
    entries(panel)["Forget this filter"].trigger()
    assert window.config.settings.trace_filters == ()


def entries(panel: TracePanel) -> dict[str, object]:
    """What the menu of filters offers now."""
    panel.filter._fill_menu()
    return {action.text(): action for action in panel.filter._menu.actions() if action.text()}


async def test_a_story_stands_alone(panel: TracePanel) -> None:
    panel.table.selectRow(2)
    press(panel, "s")
    await settled(panel)
    assert panel.filter.edit.text() == "story:2"
    assert "2" in numbers(panel)
    assert "1" not in numbers(panel)
