"""The trace while it happens: three levels, what is shown of them, following, marks, and what is below."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from helpers.bad_peer import reached
from helpers.recordings import Recording
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSlider, QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from dicomgui.app.evidence import Evidence
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.trace.listing import list_view
from dicomgui.gui.trace.listing.columns import AssociationColumn, Column, ExchangeColumn
from dicomgui.gui.trace.listing.rows import View
from dicomgui.gui.trace.panel import TracePanel
from dicomgui.network import connect, presets
from dicomgui.network.tracing import NoteRecord, Scribe
from dicomgui.trace.filter import Zoom
from dicomgui.trace.finding import Finding

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]


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


async def settled(panel: TracePanel) -> None:
    await reached(lambda: not panel.model.is_behind, "the list is up to date")


def column(panel: TracePanel, which: int) -> list[str]:
    return [panel.model.index(row, which).data() for row in range(panel.model.rowCount())]


def notes(panel: TracePanel, count: int, association: int = 0) -> None:
    for number in range(count):
        panel.place.context.trace(NoteRecord(association, 0.0, 1e9, 20, f"note {number}"))


def key(panel: TracePanel, which: Qt.Key | str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key where the focus is."""
    panel.window().activateWindow()
    widget = panel.window().focusWidget()
    assert isinstance(widget, QWidget)
    QTest.keyClick(widget, which, modifier)


def select(panel: TracePanel, kind: str) -> None:
    panel.table.selectRow(column(panel, Column.KIND).index(kind))


async def rows_of_ours(panel: TracePanel, window: MainWindow, port: int) -> None:
    """The PDUs of an echo to our own listener, our side alone."""
    window.show_panel(panel)
    await echo(window, port)
    panel.show_zoom(Zoom.ROWS)
    await shown(panel)


# ------------------------------------------------------------------------------------------------------------- levels


async def test_every_pdu_of_an_echo_is_there(panel: TracePanel, window: MainWindow, listening: int) -> None:
    await rows_of_ours(panel, window, listening)
    panel.view.setCurrentIndex(panel.view.findData(View.PDUS))
    panel.filter_by("role:requestor")
    await shown(panel)
    pairs = list(zip(column(panel, Column.DIRECTION), column(panel, Column.KIND), strict=True))
    assert pairs == [
        ("→", "A-ASSOCIATE-RQ"), ("←", "A-ASSOCIATE-AC"), ("→", "P-DATA-TF"), ("←", "P-DATA-TF"),
        ("→", "A-RELEASE-RQ"), ("←", "A-RELEASE-RP"),
    ]  # fmt: skip
    assert len(set(column(panel, Column.ASSOCIATION))) == 1
    assert "C-ECHO-RQ" in column(panel, Column.SUMMARY)[2]
    assert "0x0000" in column(panel, Column.SUMMARY)[3]


async def test_keys_go_from_level_to_level_and_keep_what_is_selected(
    panel: TracePanel, window: MainWindow, listening: int
) -> None:
    window.show_panel(panel)
    await echo(window, listening)
    assert column(panel, ExchangeColumn.OPERATION).count("C-ECHO → Success") == 2  # asked and answered
    panel.table.setFocus()
    panel.table.selectRow(column(panel, ExchangeColumn.OPERATION).index("C-ECHO → Success"))
    association, exchange = panel.model.item_at(panel.table.row)
    key(panel, "3")
    await shown(panel)
    assert panel.model.zoom is Zoom.ROWS
    assert panel.view.isVisible()
    assert panel.model.item_at(panel.table.row) == (association, exchange)
    key(panel, "1")
    await shown(panel)
    assert panel.zoom.buttons[Zoom.ASSOCIATIONS].isChecked()
    assert not panel.view.isVisible()
    assert panel.model.item_at(panel.table.row) == (association, 0)
    key(panel, "2")
    await shown(panel)
    assert panel.model.item_at(panel.table.row) == (association, 0)


async def test_enter_goes_in_and_backspace_goes_back_out(panel: TracePanel, window: MainWindow, listening: int) -> None:
    window.show_panel(panel)
    await echo(window, listening)
    panel.table.setFocus()
    key(panel, "1")
    await shown(panel)
    panel.table.selectRow(0)
    number = column(panel, AssociationColumn.NUMBER)[0]
    key(panel, Qt.Key.Key_Return)
    await shown(panel)
    assert panel.filter.edit.text() == f"assoc:{number}"
    assert len(column(panel, ExchangeColumn.OPERATION)) == 2
    panel.table.selectRow(1)
    key(panel, Qt.Key.Key_Return)
    await shown(panel)
    assert panel.filter.edit.text().startswith("exchange:")
    assert set(column(panel, Column.KIND)) == {"P-DATA-TF"}
    assert panel.chosen is None
    key(panel, Qt.Key.Key_Backspace)
    await shown(panel)
    assert panel.model.zoom is Zoom.EXCHANGES
    assert panel.filter.edit.text() == f"assoc:{number}"
    assert panel.chosen == {int(number)}
    assert panel.table.row == 1
    key(panel, Qt.Key.Key_Backspace)
    await shown(panel)
    assert panel.model.zoom is Zoom.ASSOCIATIONS
    assert panel.filter.edit.text() == ""
    assert panel.table.row == 0


async def test_without_a_way_back_backspace_goes_a_level_out(panel: TracePanel) -> None:
    notes(panel, 3, association=7)
    panel.show_zoom(Zoom.ROWS)
    await shown(panel)
    panel.table.setFocus()
    for zoom in (Zoom.EXCHANGES, Zoom.ASSOCIATIONS, Zoom.ASSOCIATIONS):
        key(panel, Qt.Key.Key_Backspace)
        await shown(panel)
        assert panel.model.zoom is zoom


# ------------------------------------------------------------------------------------------------------ what is below


async def test_row_tree_and_bytes_are_linked(panel: TracePanel, window: MainWindow, listening: int) -> None:
    await rows_of_ours(panel, window, listening)
    select(panel, "A-ASSOCIATE-RQ")
    details = panel.panes.details
    assert details.tree_model.index(0, 0).data() == "A-ASSOCIATE-RQ"
    details.hex._move_to(12)
    node = details.tree_model.node_of(details.tree.currentIndex())
    assert node is not None
    assert node.label == "Called-AE-title"
    assert details.hex.marked == range(10, 26)
    assert details.hex.text_of_marked() == b"DICOMGUI        ".hex(" ")
    assert "Called-AE-title" in details.path.text()


async def test_a_place_is_shown_whatever_was_filtered(panel: TracePanel, window: MainWindow, listening: int) -> None:
    await rows_of_ours(panel, window, listening)
    seq = int(column(panel, Column.NUMBER)[column(panel, Column.KIND).index("A-ASSOCIATE-RQ")])
    panel.show_zoom(Zoom.EXCHANGES)
    panel.filter_by("op:c-store")
    await settled(panel)
    panel.show_place(seq, 10, 16)
    await shown(panel)
    assert panel.model.zoom is Zoom.ROWS
    assert panel.model.number_at(panel.table.row) == seq
    await reached(lambda: panel.panes.details.hex.marked == range(10, 26), "the bytes are marked")
    assert panel.filter.edit.text() == ""
    panel.table.setFocus()
    key(panel, Qt.Key.Key_Backspace)
    assert panel.filter.edit.text() == "op:c-store"


async def test_keys_go_from_pane_to_pane_and_to_an_offset(
    panel: TracePanel, window: MainWindow, listening: int, qtbot: QtBot
) -> None:
    await rows_of_ours(panel, window, listening)
    select(panel, "A-ASSOCIATE-RQ")
    window.activateWindow()
    panel.table.setFocus()
    panes = [panel.table, *panel.panes.details.panes]
    assert len(panes) >= 3
    for pane in (*panes[1:], panel.table):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_F6)
        assert window.focusWidget() is pane
    qtbot.keyClick(panel.table, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert window.focusWidget() is panes[-1]
    edit, hex_view = panel.panes.details.offset, panel.panes.details.hex
    hex_view.setFocus()
    for text, goes in (("zz", False), ("FFFFF", False), ("1B", True), ("#27", True), ("1bh", True)):
        qtbot.keyClick(hex_view, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
        assert edit.isVisible()
        qtbot.keyClicks(edit, text)
        qtbot.keyClick(edit, Qt.Key.Key_Return)
        assert edit.isVisible() is not goes
        if goes:
            assert hex_view.marked == range(26, 42)
    qtbot.keyClick(hex_view, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(edit, Qt.Key.Key_Escape)
    assert not edit.isVisible()


@pytest.mark.qt_log_ignore("raise|grabbing the keyboard")
async def test_what_is_selected_is_copied(panel: TracePanel, window: MainWindow, listening: int, qtbot: QtBot) -> None:
    await rows_of_ours(panel, window, listening)
    clipboard = QGuiApplication.clipboard()
    select(panel, "A-RELEASE-RQ")
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "\tA-RELEASE-RQ\t10" in clipboard.text()
    menu = menu_at(panel, Column.KIND)
    action = next(action for action in menu.actions() if action.text() == "Copy PDU as hex")
    action.trigger()
    assert clipboard.text() == "05 00 00 00 00 04 00 00 00 00"
    menu.close()


def menu_at(panel: TracePanel, column_number: int) -> QMenu:
    rect = panel.table.visualRect(panel.model.index(panel.table.row, column_number))
    panel.table.customContextMenuRequested.emit(rect.center())
    [menu] = [menu for menu in panel.findChildren(QMenu, "trace_table_menu") if menu.isVisible()]
    return menu


@pytest.mark.qt_log_ignore("raise|grabbing the keyboard")
async def test_an_exchange_is_copied_as_a_command(panel: TracePanel, window: MainWindow, listening: int) -> None:
    window.show_panel(panel)
    await echo(window, listening)
    panel.table.selectRow(column(panel, ExchangeColumn.OPERATION).index("C-ECHO → Success"))
    panel.copy_as()
    [menu] = [menu for menu in panel.findChildren(QMenu, "trace_copy_menu") if menu.isVisible()]
    copies = menu.actions()[0].menu()
    assert isinstance(copies, QMenu)
    await reached(lambda: len(copies.actions()) > 3, "the request was read")
    copies.actions()[0].trigger()
    assert QGuiApplication.clipboard().text().startswith(f"dicomgui echo DICOMGUI@127.0.0.1:{listening}")
    menu.close()


@pytest.mark.qt_log_ignore("raise|grabbing the keyboard")
async def test_a_row_leads_to_its_job_and_back(panel: TracePanel, window: MainWindow, listening: int) -> None:
    window.show_panel(window.echo)
    window.echo.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    window.echo.run()
    await reached(lambda: not window.echo.is_busy, "the echo has ended")
    job = next(job for job in window._place.jobs.all() if job.kind.value == "echo")
    window.show_panel(panel)
    panel.show_associations(job.associations)
    await shown(panel)
    assert panel.chosen == set(job.associations)
    panel.table.selectRow(0)
    menu = menu_at(panel, ExchangeColumn.OPERATION)
    action = next(action for action in menu.actions() if action.text().startswith("Show job"))
    action.trigger()
    menu.close()
    assert not window.jobs.is_folded
    window.jobs.drain()
    assert window.jobs.selected is not None
    assert window.jobs.selected.number == job.number


# ------------------------------------------------------------------------------------------------------ what is shown


async def test_several_associations_of_a_job_are_shown_alone_until_all_are_wanted(
    panel: TracePanel, press: Press
) -> None:
    for number in (1, 2, 2, 3, 4):
        notes(panel, 1, association=number)
    panel.show_associations((3, 4))
    panel.show_zoom(Zoom.ROWS)
    await shown(panel)
    assert set(column(panel, Column.ASSOCIATION)) == {"#3", "#4"}
    assert panel.chosen == {3, 4}
    assert panel.scope_button.text().strip() == "2 associations of one job"
    assert panel.filter.count.text() == "2 of 5"
    await press(panel.scope_button)
    panel.show_zoom(Zoom.ROWS)
    await reached(lambda: panel.model.rowCount() == 5, "all are shown")
    assert panel.chosen is None
    panel.show_association(2)
    await shown(panel)
    assert panel.chosen == {2}
    assert not panel.scope_button.isVisible()
    panel.show_association(0)
    assert panel.chosen is None


async def test_what_is_no_pdu_shows_its_fields(panel: TracePanel) -> None:
    notes(panel, 1)
    panel.show_zoom(Zoom.ROWS)
    await shown(panel)
    panel.table.selectRow(0)
    model = panel.panes.details.tree_model
    root = model.index(0, 0)
    assert [model.index(row, 1, root).data() for row in range(2)] == ["20", "note 0"]


async def test_an_association_that_is_over_is_selected_and_one_that_goes_on_followed(panel: TracePanel) -> None:
    over, going_on = Recording(1).established(), Recording(2).established()
    for record in (*over.released().closed().records, *going_on.records):
        panel.live.store(record)
    await shown(panel)
    panel.show_association(1)
    await shown(panel)
    assert panel.table.number == panel.live.index.start_of(1)
    assert not panel.follow.isChecked()
    panel.show_association(2)
    await shown(panel)
    assert panel.table.row == -1
    assert panel.follow.isChecked()


async def test_what_is_new_in_one_list_is_not_told_of_another(panel: TracePanel) -> None:
    panel.show_zoom(Zoom.ROWS)
    notes(panel, 300)
    await shown(panel)
    for change in (lambda: panel.filter.set_filter("failed"), lambda: panel.show_zoom(Zoom.EXCHANGES)):
        panel.show_zoom(Zoom.ROWS)
        await shown(panel)
        panel.follow.setChecked(False)
        notes(panel, 5)
        await reached(lambda: panel.new_rows.isVisible(), "it tells of new rows")
        change()
        assert not panel.new_rows.isVisible()
        assert not panel.follow.isChecked()
        panel.filter.set_filter("")


async def test_while_much_comes_in_the_list_takes_it_now_and_then(panel: TracePanel) -> None:
    def looks(count: int) -> bool:
        notes(panel, count)
        return panel.table.drain()

    await settled(panel)
    rests = [False] * list_view.RESTS
    assert [looks(list_view.MUCH + 1) for _ in range(list_view.RESTS + 2)] == [True, *rests, True]
    assert [looks(1) for _ in range(2)] == [True, True]
    await settled(panel)
    assert panel.model.source.index.reached == panel.place.context.trace.last_seq


async def test_following_ends_when_the_user_scrolls_up_and_begins_again(panel: TracePanel, press: Press) -> None:
    bar = panel.table.verticalScrollBar()
    panel.show_zoom(Zoom.ROWS)
    notes(panel, 300)
    await shown(panel)
    assert panel.follow.isChecked()
    assert bar.value() == bar.maximum()
    bar.triggerAction(QAbstractSlider.SliderAction.SliderPageStepSub)
    assert not panel.follow.isChecked()
    place = bar.value()
    notes(panel, 23)
    await reached(lambda: panel.new_rows.isVisible(), "it tells of new rows")
    assert panel.new_rows.text().strip() == "23 new"
    assert bar.value() == place
    await press(panel.new_rows)
    assert panel.follow.isChecked()
    assert bar.value() == bar.maximum()
    assert not panel.new_rows.isVisible()
    panel.table.setFocus()
    key(panel, Qt.Key.Key_Home)
    assert panel.table.row == 0
    assert not panel.follow.isChecked()
    key(panel, Qt.Key.Key_End)
    assert panel.follow.isChecked()
    assert panel.table.row == panel.model.rowCount() - 1
    key(panel, "f")
    assert not panel.follow.isChecked()


async def test_clear_forgets_and_goes_on(panel: TracePanel, press: Press) -> None:
    panel.show_zoom(Zoom.ROWS)
    notes(panel, 5)
    await shown(panel)
    panel.table.selectRow(1)
    panel.table.toggle_mark()
    await press(panel.clear_button)
    assert panel.model.rowCount() == 0
    assert not panel.clear_button.isEnabled()
    assert not panel.live.marks.seqs()
    notes(panel, 1)
    await shown(panel)
    assert column(panel, Column.NUMBER) == ["6"]
    assert not panel.state.isVisible()


async def test_it_says_what_had_to_make_room(panel: TracePanel) -> None:
    panel.live.store._max_rows = 600
    panel.live.store._memory_bytes = 100_000
    panel.show_zoom(Zoom.ROWS)
    notes(panel, 2000)
    await shown(panel)
    await reached(lambda: panel.state.isVisible(), "it says so")
    assert f"{panel.live.store.first_seq - 1:,} rows dropped" in panel.state.text()


# -------------------------------------------------------------------------------------------------------------- marks


async def test_rows_are_marked_coloured_and_commented_by_keys(panel: TracePanel) -> None:
    panel.show_zoom(Zoom.ROWS)
    notes(panel, 10)
    await shown(panel)
    marks = panel.live.marks
    panel.table.setFocus()
    panel.table.selectRow(2)
    key(panel, "m")
    assert marks.get(panel.model.number_at(2)).marked  # type: ignore[union-attr]
    key(panel, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    assert marks.get(panel.model.number_at(2)).color == "yellow"  # type: ignore[union-attr]
    panel.table.selectRow(7)
    key(panel, Qt.Key.Key_Semicolon)
    assert panel.table.comment.isVisible()
    QTest.keyClicks(panel.table.comment, "look at m;1")
    QTest.keyClick(panel.table.comment, Qt.Key.Key_Return)
    assert not panel.table.comment.isVisible()
    assert panel.window().focusWidget() is panel.table
    mark = marks.get(panel.model.number_at(7))
    assert mark is not None
    assert (mark.comment, mark.marked) == ("look at m;1", False)
    key(panel, Qt.Key.Key_F2)
    assert panel.table.row == 2
    key(panel, Qt.Key.Key_F2)
    assert panel.table.row == 7
    key(panel, Qt.Key.Key_F2, Qt.KeyboardModifier.ShiftModifier)
    assert panel.table.row == 2
    key(panel, Qt.Key.Key_0, Qt.KeyboardModifier.AltModifier)
    key(panel, "m")
    assert marks.seqs() == [panel.model.number_at(7)]
    key(panel, Qt.Key.Key_Semicolon)
    QTest.keyClicks(panel.table.comment, "no")
    QTest.keyClick(panel.table.comment, Qt.Key.Key_Escape)
    assert marks.seqs() == [panel.model.number_at(7)]


# ------------------------------------------------------------------------------------------------------------- saving


async def test_what_is_shown_is_saved_and_what_goes_wrong_is_told(
    panel: TracePanel, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 2, 3):
        notes(panel, 1, association=number)
    await shown(panel)
    asked: list[tuple[object, ...]] = []
    evidence = Evidence()
    Scribe(evidence, 0).file("failed", "x.dgtrace", 0, "no space")

    async def save(_parent: object, _context: object, associations: object, **more: object) -> tuple[Finding, ...]:
        asked.append((associations, more["store"], more["marks"]))
        return evidence.findings(OSError("no space"))

    monkeypatch.setattr("dicomgui.gui.trace.panel.save_trace", save)
    panel.show_associations((2, 3))
    await press(panel.save_button)
    await reached(lambda: bool(panel.findings.cards), "the finding is shown")
    assert asked == [({2, 3}, panel.live.store, panel.live.marks)]
    assert panel.findings.cards[0].objectName() == "finding_file_failed"
