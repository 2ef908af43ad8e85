"""Look: matches of the query panel that open, sort, filter, are marked and exported."""

from __future__ import annotations

import asyncio
import csv
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from helpers import peers
from helpers.answering import Answering, answering
from helpers.bad_peer import reached
from helpers.query_panel import (
    Press,
    ask,
    call,
    cells,
    ended,
    fill,
    shown_panel,
)
from helpers.retrieval import CT_STUDY, DOE, ENDLESS, UNSUPPORTED, elements
from pydicom.dataset import Dataset
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from dicomgui.app.asking import values
from dicomgui.app.configuration.nodes import Node
from dicomgui.app.operations import JobKind, JobState
from dicomgui.gui.asking import question as asking
from dicomgui.gui.asking.model import AT_ONCE
from dicomgui.gui.asking.querying import NodeQuery
from dicomgui.gui.asking.rows import NODE, Row
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.tables.tree_cell import OPEN_ROLE, WARNING_ROLE, arrow_rect
from dicomgui.network import FindRequest, Handlers, PeerAddress, Status
from dicomgui.network.dimse.dataset import decode_answer

pytestmark = pytest.mark.qt
Answer = Callable[[str], Awaitable[str]]


@pytest.fixture
async def panel(window: MainWindow, tmp_path: Path) -> QueryPanel:
    return await shown_panel(window, tmp_path / "received")


async def test_studies_open_to_series_and_images(
    panel: QueryPanel, press: Press, pacs: Answering, qtbot: QtBot
) -> None:
    table, model = panel.results.table, panel.results.model
    await ask(panel, press, pacs.peer, StudyInstanceUID=CT_STUDY)
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Right)
    assert cells(panel)[1] == "Fetching …"
    await reached(lambda: cells(panel)[1:] == ["Series 2"], "the series is there")
    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.keyClick(table, Qt.Key.Key_Right)
    await reached(lambda: len(cells(panel)) == 6, "the images are there")
    numbers = [int(text.removeprefix("Image ")) for text in cells(panel)[2:]]
    assert numbers == sorted(numbers)
    assert pacs.asked()[-1]["QueryRetrieveLevel"] == "IMAGE"
    qtbot.keyClick(table, Qt.Key.Key_Left)
    assert cells(panel) == ["Doe Archibald", "Series 2"]
    qtbot.keyClick(table, Qt.Key.Key_Left)
    assert table.currentIndex().row() == 0
    count = len(pacs.archive.finds)
    place = arrow_rect(table.visualRect(model.index(0, 0)), 0).center()
    for is_open, shown in ((False, 1), (True, 2)):
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert (model.index(0, 0).data(OPEN_ROLE), len(cells(panel))) == (is_open, shown)
    assert len(pacs.archive.finds) == count  # what was fetched is kept


async def test_what_cannot_be_fetched_says_why_and_can_be_tried_again(
    panel: QueryPanel, press: Press, qtbot: QtBot
) -> None:
    is_broken = True

    def find(request: FindRequest) -> object:
        if request.dataset.QueryRetrieveLevel == "STUDY":
            return [elements(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3", PatientName="A^B")]
        if is_broken:
            return Status(0xC001)
        return [elements(QueryRetrieveLevel="SERIES", SeriesInstanceUID=f"1.2.3.{number}", SeriesNumber=number)
                for number in (10, 9)]  # fmt: skip

    async with answering(Handlers(on_find=find)) as scp:
        await ask(panel, press, scp.peer, PatientID="1")
        table = panel.results.table
        table.selectRow(0)
        qtbot.keyClick(table, Qt.Key.Key_Right)
        await reached(lambda: cells(panel)[-1].startswith("Not fetched: 0xC001"), "the reason is there")
        assert panel.findings.cards
        is_broken = False
        qtbot.keyClick(table, Qt.Key.Key_Left)
        qtbot.keyClick(table, Qt.Key.Key_Right)
        await reached(lambda: cells(panel)[1:] == ["Series 9", "Series 10"], "the series are there, in order")


async def test_the_limit_is_said_and_nothing_more_is_shown(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    panel.form.how.limit.setCurrentIndex(0)
    await ask(panel, press, pacs.peer, PatientID=ENDLESS)
    assert panel.results.model.count == 100
    assert "only the first 100, there are more" in panel.status.text()
    assert "finding_cancelled" not in {card.objectName() for card in panel.findings.cards}


async def test_a_query_without_end_is_cancelled(
    panel: QueryPanel, press: Press, pacs: Answering, window: MainWindow, qtbot: QtBot
) -> None:
    panel.form.how.limit.setCurrentIndex(panel.form.how.limit.count() - 1)
    call(panel, pacs.peer)
    fill(panel, PatientID=ENDLESS)
    await press(panel.run_button)
    await reached(lambda: panel.results.model.count > 50, "matches come while it runs")
    assert panel.is_busy
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert "cancelling" in panel.status.text()
    await ended(panel)
    assert "cancelled, there may be more" in panel.status.text()
    [job] = [one for one in window.jobs._jobs.all() if one.kind is JobKind.QUERY]
    assert job.state is JobState.CANCELLED
    assert not panel.findings.cards


async def test_a_long_table_grows_at_every_second_tick_and_is_whole_in_the_end(
    panel: QueryPanel, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MANY", 2)
    gate = asyncio.Event()
    looks: list[bool] = []
    fetch, drain = NodeQuery.fetch, asking.Asking.drain

    def fetching(query: NodeQuery) -> list[Row]:
        looks[-1] = True
        return fetch(query)

    def draining(one: asking.Asking) -> list[NodeQuery]:
        looks.append(False)
        return drain(one)

    async def find(request: FindRequest) -> AsyncIterator[Dataset]:
        for number in range(5):
            yield elements(QueryRetrieveLevel="STUDY", StudyInstanceUID=f"1.2.{number}")
            if number == 2:
                await gate.wait()

    async with answering(Handlers(on_find=find)) as scp:
        call(panel, scp.peer)
        fill(panel, PatientID="1")
        await press(panel.run_button)
        await reached(lambda: panel.results.model.count == 3, "the first are shown")
        monkeypatch.setattr(NodeQuery, "fetch", fetching)
        monkeypatch.setattr(asking.Asking, "drain", draining)
        await reached(lambda: len(looks) >= 6, "there were some ticks")
        assert all(one != following for one, following in pairwise(looks))
        gate.set()
        await ended(panel)
    assert panel.results.model.count == 5


async def test_a_failure_is_explained(panel: QueryPanel, press: Press, window: MainWindow) -> None:
    await ask(panel, press, f"PACS@127.0.0.1:{peers.free_port()}", PatientID=DOE)
    assert [card.objectName() for card in panel.findings.cards] == ["finding_closed_port"]
    assert panel.status.property("tone") == "error"
    [job] = [one for one in window.jobs._jobs.all() if one.kind is JobKind.QUERY]
    assert (job.state, job.finding is not None) == (JobState.FAILED, True)
    window.jobs.drain()
    window.jobs.select(job.number)
    assert window.jobs.retry_button.isEnabled()


async def test_nothing_found_is_no_failure(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    await ask(panel, press, pacs.peer, PatientID="NOBODY")
    assert panel.status.text().startswith("PACS: 0 studies in")
    assert not panel.results.export_button.isEnabled()
    assert panel.results._pages.currentWidget() is panel.results._nothing


async def test_several_nodes_are_asked_at_once_and_rows_say_whose_they_are(
    panel: QueryPanel, press: Press, pacs: Answering, window: MainWindow
) -> None:
    async with answering() as other:
        dead = PeerAddress("DEAD", "127.0.0.1", peers.free_port())
        for name, address in (("One", pacs.address), ("Two", other.address), ("Dead", dead)):
            window.config.nodes.add(Node(name, address))
        window.config.nodes_edited()
        panel.form.several.set_open(True)
        for name in ("One", "Two", "Dead"):
            panel.form.nodes.check(name)
        assert "3 instead of the one above" in panel.form.several.button.text()
        fill(panel, PatientID=DOE)
        await press(panel.run_button)
        await ended(panel)
    assert sorted(cells(panel, NODE)) == ["One", "One", "Two", "Two"]
    assert NODE in {column.key for column in panel.results.shown_columns}
    assert panel.status.text().startswith("Dead: ")
    assert "One: 2 studies" in panel.status.text()
    assert "Two: 2 studies" in panel.status.text()
    assert [card.objectName() for card in panel.findings.cards] == ["finding_closed_port"]
    states = {one.peer: one.state for one in window.jobs._jobs.all() if one.kind is JobKind.QUERY}
    assert states == {str(pacs.address): JobState.DONE, str(other.address): JobState.DONE, str(dead): JobState.FAILED}


async def test_a_match_that_may_not_fit_is_marked(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    await ask(panel, press, pacs.peer, PatientID=UNSUPPORTED)
    index = panel.results.model.index(0, 0)
    assert index.data(WARNING_ROLE)
    assert "FF01" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert panel.results.model.index(0, 2).data() == UNSUPPORTED
    assert "(not returned)" in panel.results.model.headerData(
        [column.key for column in panel.results.model.columns].index("accession"), Qt.Orientation.Horizontal
    )


async def test_keys_that_the_peer_ignores_are_named(panel: QueryPanel, press: Press) -> None:
    answer = elements(QueryRetrieveLevel="STUDY", PatientName="B^C", PatientID="17", StudyInstanceUID="1.2.3")
    async with answering(Handlers(on_find=lambda _request: [answer])) as scp:
        await ask(panel, press, scp.peer, PatientName="A*", PatientID="17")
    [card] = panel.findings.cards
    assert card.objectName() == "finding_query_keys_ignored"
    assert "did not match by PatientName:" in card.accessibleName()


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_filter_order_and_columns(panel: QueryPanel, press: Press, pacs: Answering, qtbot: QtBot) -> None:
    results = panel.results
    await ask(panel, press, pacs.peer, PatientName="*")
    qtbot.keyClicks(results.filter, "archibald ct")
    qtbot.keyClick(results.filter, Qt.Key.Key_Return)
    assert len(cells(panel)) == 1
    results.filter.clear()
    qtbot.keyClick(results.filter, Qt.Key.Key_Return)
    names = cells(panel)
    head = results.table.horizontalHeader()

    def click_head() -> None:
        pos = QPoint(head.sectionViewportPosition(0) + 20, head.height() // 2)
        qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=pos)

    click_head()
    assert cells(panel) == sorted(names, key=str.casefold)
    click_head()
    assert cells(panel) == sorted(names, key=str.casefold, reverse=True)
    click_head()
    assert cells(panel) == names
    await press(results.columns_button)
    actions = {action.text(): action for action in results.columns_menu.actions()}
    actions["Born"].trigger()
    results.columns_menu.close()
    assert "birth" in {column.key for column in results.shown_columns}


async def test_very_many_are_sorted_and_filtered_in_a_thread(panel: QueryPanel, press: Press, qtbot: QtBot) -> None:
    count = AT_ONCE + 500

    def find(_request: FindRequest) -> Iterator[Dataset]:
        for number in range(count):
            patient = f"{count - number:05}"
            yield elements(QueryRetrieveLevel="STUDY", PatientID=patient, StudyInstanceUID=f"1.2.{number}")

    panel.form.how.limit.setCurrentIndex(panel.form.how.limit.count() - 1)
    async with answering(Handlers(on_find=find)) as scp:
        await ask(panel, press, scp.peer, PatientName="*")
    table, results = panel.results.table, panel.results
    assert panel.results.model.count == count
    qtbot.keyClick(table, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    head = table.horizontalHeader()
    pos = QPoint(head.sectionViewportPosition(2) + 20, head.height() // 2)
    qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=pos)
    await reached(lambda: cells(panel, "id")[0] == "00001", "they are in order")
    assert table.currentIndex().row() == 0  # the selected row goes along
    qtbot.keyClicks(results.filter, "0100")
    qtbot.keyClick(results.filter, Qt.Key.Key_Return)
    await reached(lambda: len(cells(panel)) < 50, "they are filtered")
    assert all("0100" in text for text in cells(panel, "id"))


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_the_order_is_chosen_by_the_keyboard_too(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    await ask(panel, press, pacs.peer, PatientName="*")
    await press(panel.results.columns_button)
    [order] = [action.menu() for action in panel.results.columns_menu.actions() if action.menu() is not None]
    assert isinstance(order, QMenu)
    actions = {action.text(): action for action in order.actions()}
    assert actions["as they came"].isChecked()
    actions["Patient ID, descending"].trigger()
    panel.results.columns_menu.close()
    assert cells(panel, "id") == sorted(cells(panel, "id"), reverse=True)
    assert panel.results.table.horizontalHeader().isSortIndicatorShown()


async def test_all_of_a_match_is_shown_beside_the_table(
    panel: QueryPanel, press: Press, pacs: Answering, qtbot: QtBot, window: MainWindow
) -> None:
    await ask(panel, press, pacs.peer, StudyInstanceUID=CT_STUDY)
    table, tree = panel.results.table, panel.results.dataset
    place = table.visualRect(panel.results.model.index(0, 2)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert tree.isVisible()
    top = tree.model.index(0, 0)
    labels = [tree.model.index(row, 0, top).data() for row in range(tree.model.rowCount(top))]
    assert "(0020,000D) UI StudyInstanceUID" in labels
    await press(tree.copy_button)
    assert CT_STUDY in QApplication.clipboard().text()
    await press(tree.close_button)
    assert not tree.isVisible()
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert tree.isVisible()
    await press(panel.trace_button)
    assert window.panel is window.trace
    assert window.trace.chosen


async def test_a_large_match_is_read_in_a_thread(
    panel: QueryPanel, press: Press, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window would stand still for a second."""
    threads: list[bool] = []

    def decode(data: bytes, syntax: str) -> Dataset:
        threads.append(threading.current_thread() is threading.main_thread())
        return decode_answer(data, syntax)

    monkeypatch.setattr(values, "decode_answer", decode)
    answer = elements(PatientID="17", StudyInstanceUID="1.2.3", PatientComments="x" * 8192)
    async with answering(Handlers(on_find=lambda _request: [answer])) as scp:
        await ask(panel, press, scp.peer, StudyInstanceUID="1.2.3")
    table, tree = panel.results.table, panel.results.dataset
    threads.clear()
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    await reached(lambda: tree.model.rowCount(tree.model.index(0, 0)) > 1, "the match is shown")
    labels = [tree.model.index(row, 0, tree.model.index(0, 0)).data() for row in range(2)]
    assert "(0010,0020) LO PatientID" in labels
    assert threads == [False]


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_matches_are_exported(
    panel: QueryPanel, press: Press, answer: Answer, tmp_path: Path, window: MainWindow
) -> None:
    evil = elements(QueryRetrieveLevel="STUDY", PatientName="A^B", PatientID="=1+1", StudyInstanceUID="1.2.3")
    async with answering(Handlers(on_find=lambda _request: [evil])) as scp:
        await ask(panel, press, scp.peer, PatientName="A*")
    await press(panel.results.export_button)
    assert await answer(str(tmp_path / "found")) == "Export the matches"
    await reached(lambda: "1 match written to" in panel.status.text(), "it is written")
    [head, row] = csv.reader((tmp_path / "found.csv").read_text(encoding="utf-8-sig").splitlines())
    assert (head[:3], row[:3]) == (["Level", "Name", "Patient ID"], ["study", "A B", "'=1+1"])
    await press(panel.results.export_button)
    await answer(str(tmp_path / "found.json"))
    await reached((tmp_path / "found.json").exists, "it is written")
    [found] = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["00100020"]["Value"] == ["=1+1"]
    await press(panel.results.export_button)
    await answer(str(tmp_path / "nowhere" / "found.csv"))
    await reached(lambda: "could not be written" in panel.status.text(), "the failure is said")
    states = [one.state for one in window.jobs._jobs.all() if one.kind is JobKind.EXPORT]
    assert states == [JobState.DONE, JobState.DONE, JobState.FAILED]
