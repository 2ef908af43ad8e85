"""Retrieve: from the matches of the query panel, by C-GET and C-MOVE, counted as it really arrives."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.answering import Answering, answering
from helpers.bad_peer import reached
from helpers.query_panel import (
    Press,
    ask,
    call,
    cells,
    choose_method,
    ended,
    fill,
    line,
    retrieved,
    shown_panel,
)
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, ENDLESS, data_sets, elements, real_files
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.operations import JobKind, JobState
from dicomgui.gui.asking.rows import HERE
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.query.retrieve_model import RetrieveColumn
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import Handlers, PeerAddress, Status, StoreRequest, serve
from dicomgui.network.dimse.assembler import NullSink

pytestmark = pytest.mark.qt


@pytest.fixture
async def panel(window: MainWindow, tmp_path: Path) -> QueryPanel:
    return await shown_panel(window, tmp_path / "received")


async def test_a_selection_of_any_levels_comes_by_c_get(
    panel: QueryPanel, press: Press, pacs: Answering, tmp_path: Path, qtbot: QtBot, window: MainWindow
) -> None:
    """A study below which an image is selected as well counts once; and what is here is marked."""
    await ask(panel, press, pacs.peer, PatientID=DOE)
    panel.results.table.clearSelection()
    assert not panel.retrieve.button.isEnabled()
    table = panel.results.table
    table.selectAll()
    assert panel.retrieve.button.accessibleName() == "Retrieve 2 studies"
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Right)
    await reached(lambda: len(cells(panel)) > 2 and "Fetching …" not in cells(panel), "the series are there")
    table.selectAll()
    assert panel.retrieve.button.accessibleName() == "Retrieve 2 studies"
    await press(panel.retrieve.button)
    await retrieved(panel)
    assert line(panel, RetrieveColumn.HOW) == "C-GET"
    assert line(panel, RetrieveColumn.STATE) == "done"
    assert line(panel, RetrieveColumn.TOLD) == "7 done"
    assert line(panel, RetrieveColumn.ARRIVED).startswith("7 · ")
    kept = data_sets((tmp_path / "received").glob("??/*.dcm"))
    assert kept == data_sets(real_files(CR_STUDY)) | data_sets(real_files(CT_STUDY))
    [job] = [one for one in window.jobs._jobs.all() if one.kind is JobKind.RETRIEVE]
    assert (job.state, job.files_done) == (JobState.DONE, 7)
    await reached(lambda: all("here" in text for text in cells(panel, HERE)), "all is marked as here", 60)
    assert HERE in {column.key for column in panel.results.shown_columns}


async def test_what_is_started_last_is_selected_and_as_many_run_at_once_as_it_says(
    panel: QueryPanel, press: Press, pacs: Answering
) -> None:
    assert panel.retrieve.at_once.currentData() == panel.retrievals.at_once
    await ask(panel, press, pacs.peer, PatientID=DOE)
    for number in (1, 2):
        panel.results.table.selectRow(number - 1)
        await press(panel.retrieve.button)
        assert len(panel.retrievals.lines) == number
        assert panel.retrieve.selected is panel.retrievals.find(panel.retrievals.lines[0].number)
    await reached(lambda: not panel.retrievals.active, "they have ended")


async def test_a_c_move_to_us_starts_our_listener(
    panel: QueryPanel, press: Press, pacs: Answering, tmp_path: Path, window: MainWindow
) -> None:
    await ask(panel, press, pacs.peer, StudyInstanceUID=CT_STUDY)
    panel.results.table.selectRow(0)
    choose_method(panel, "C-MOVE to us")
    assert not window.listener.is_running
    await press(panel.retrieve.button)
    await retrieved(panel)
    assert window.listener.is_running
    assert line(panel, RetrieveColumn.HOW) == "C-MOVE to DICOMGUI"
    assert (line(panel, RetrieveColumn.STATE), line(panel, RetrieveColumn.TOLD)) == ("done", "4 done")
    assert line(panel, RetrieveColumn.ARRIVED).startswith("4 · ")
    assert panel.retrieve.result.text().startswith("4 arrived")
    assert not window.listener.listener or not window.listener.listener.watchers


async def test_two_peers_move_to_us_at_once_and_each_is_counted_for_itself(
    panel: QueryPanel, press: Press, pacs: Answering, window: MainWindow
) -> None:
    """By who calls; of the same peer the second waits for the first."""
    port = int(window.listener.port.text())
    async with answering(destinations={"DICOMGUI": port}, ae_title="OTHER") as other:
        for name, address in (("One", pacs.address), ("Two", other.address)):
            window.config.nodes.add(Node(name, address))
        window.config.nodes_edited()
        for name in ("One", "Two"):
            panel.form.nodes.check(name)
        fill(panel, PatientID=DOE)
        await press(panel.run_button)
        await ended(panel)
        panel.results.table.selectAll()
        choose_method(panel, "C-MOVE to us")
        await press(panel.retrieve.button)
        await retrieved(panel)
    arrived = {line(panel, RetrieveColumn.FROM, row): line(panel, RetrieveColumn.ARRIVED, row) for row in (0, 1)}
    assert {name: text.partition(" ")[0] for name, text in arrived.items()} == {"One": "7", "Two": "7"}


async def test_a_peer_without_c_get_is_asked_for_a_c_move(panel: QueryPanel, press: Press, window: MainWindow) -> None:
    port = int(window.listener.port.text())
    async with answering() as scp:
        handlers = Handlers(on_find=scp.archive.find, on_move=scp.archive.retrieve)
    async with answering(handlers, destinations={"DICOMGUI": port}) as scp:
        await ask(panel, press, scp.peer, StudyInstanceUID=CT_STUDY)
        panel.results.table.selectRow(0)
        await press(panel.retrieve.button)
        await retrieved(panel)
    assert (line(panel, RetrieveColumn.HOW), line(panel, RetrieveColumn.STATE)) == ("C-MOVE to DICOMGUI", "done")
    assert "does not offer C-GET" in panel.retrieve.result.text()


async def test_a_listener_that_cannot_start_is_explained(
    panel: QueryPanel, press: Press, pacs: Answering, window: MainWindow
) -> None:
    await ask(panel, press, pacs.peer, StudyInstanceUID=CT_STUDY)
    window.listener.port.setText(pacs.peer.rpartition(":")[2])  # that one is taken
    panel.results.table.selectRow(0)
    choose_method(panel, "C-MOVE to us")
    await press(panel.retrieve.button)
    await retrieved(panel)
    assert line(panel, RetrieveColumn.STATE) == "failed"
    assert "Our listener, to which the peer would send, could not be started" in panel.retrieve.result.text()
    assert not pacs.archive.retrieves


async def test_an_unknown_destination_is_explained(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    await ask(panel, press, pacs.peer, StudyInstanceUID=CT_STUDY)
    panel.results.table.selectRow(0)
    choose_method(panel, "C-MOVE to another AE title")
    assert panel.retrieve.destination.isVisible()
    await press(panel.retrieve.button)
    assert "AE title" in panel.status.text()
    panel.retrieve.destination.setText("STRANGER")
    await press(panel.retrieve.button)
    await retrieved(panel)
    assert (line(panel, RetrieveColumn.HOW), line(panel, RetrieveColumn.STATE)) == ("C-MOVE to STRANGER", "failed")
    assert line(panel, RetrieveColumn.ARRIVED) == "goes elsewhere"
    assert "0xA801" in panel.retrieve.result.text()
    assert panel.findings.cards


async def test_what_failed_is_listed_and_retrieved_again(panel: QueryPanel, press: Press, window: MainWindow) -> None:
    """A third node refuses one of four instances; the retry asks for that one alone."""
    refused: list[str] = []
    got: list[str] = []

    def store(request: StoreRequest, _data: object) -> Status:
        uid = request.command.affected_sop_instance_uid
        got.append(uid)
        if len(got) == 2:
            refused.append(uid)
            return Status(0xA700)
        return Status(0)

    handlers = Handlers(open_sink=lambda _request: NullSink(), on_store=store)
    async with (
        await serve(port=0, ae_title="THIRD", handlers=handlers) as third,
        answering(destinations={"THIRD": third.port}) as scp,
    ):
        window.config.nodes.add(Node("Third", PeerAddress("THIRD", "127.0.0.1", third.port)))
        window.config.nodes_edited()
        await ask(panel, press, scp.peer, StudyInstanceUID=CT_STUDY)
        panel.results.table.selectRow(0)
        choose_method(panel, "C-MOVE to Third (THIRD)")
        await press(panel.retrieve.button)
        await retrieved(panel)
        assert line(panel, RetrieveColumn.STATE) == "warning"
        assert line(panel, RetrieveColumn.TOLD) == "3 done · 1 failed"
        await press(panel.retrieve.failed_button)
        tree = panel.results.dataset.model
        assert tree.index(0, 0, tree.index(0, 0)).data() == refused[0]
        await press(panel.retrieve.retry_button)
        await retrieved(panel)
        assert got[4:] == refused
    assert line(panel, RetrieveColumn.STATE) == "done"
    assert line(panel, RetrieveColumn.WHAT) == "again: 1 study"


async def test_a_retrieval_without_end_is_cancelled(
    panel: QueryPanel, press: Press, pacs: Answering, window: MainWindow
) -> None:
    answer = elements(QueryRetrieveLevel="PATIENT", PatientID=ENDLESS)
    async with answering(Handlers(on_find=lambda _request: [answer], on_get=pacs.archive.retrieve)) as scp:
        panel.form.level.setCurrentIndex(0)
        await ask(panel, press, scp.peer, PatientID=ENDLESS)
        panel.results.table.selectRow(0)
        await press(panel.retrieve.button)
        await reached(lambda: panel.retrievals.arrivals > 3, "instances come", 60)
        await press(panel.retrieve.cancel_button)
        await retrieved(panel)
    assert line(panel, RetrieveColumn.STATE) == "cancelled"
    assert "cancelled" in panel.retrieve.result.text()
    [job] = [one for one in window.jobs._jobs.all() if one.kind is JobKind.RETRIEVE]
    assert job.state is JobState.CANCELLED


async def test_only_so_many_at_once(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    """Of two nodes, with one at a time: the second waits, and can be cancelled before its turn."""
    answer = elements(QueryRetrieveLevel="PATIENT", PatientID=ENDLESS)
    async with answering(Handlers(on_find=lambda _request: [answer], on_get=pacs.archive.retrieve)) as scp:
        panel.retrieve.show_at_once(1)
        panel.form.level.setCurrentIndex(0)
        await ask(panel, press, scp.peer, PatientID=ENDLESS)
        panel.results.table.selectRow(0)
        await press(panel.retrieve.button)
        await reached(lambda: panel.retrievals.arrivals > 0, "the first one runs", 60)
        await press(panel.retrieve.button)
        await reached(lambda: panel.retrieve.model.rowCount() == 2, "there are two")
        assert [line(panel, RetrieveColumn.STATE, row) for row in (0, 1)] == ["queued", "running"]
        panel.retrieve.table.selectRow(0)
        await press(panel.retrieve.cancel_button)
        await reached(lambda: line(panel, RetrieveColumn.STATE) == "cancelled", "the second one is cancelled")
        panel.retrieve.table.selectRow(1)
        await press(panel.retrieve.cancel_button)
        await retrieved(panel)
    assert [line(panel, RetrieveColumn.STATE, row) for row in (0, 1)] == ["cancelled", "cancelled"]
    assert not panel.retrievals.lines[0].arrived


async def test_the_window_closes_in_the_middle_of_everything(
    panel: QueryPanel, press: Press, pacs: Answering, window: MainWindow
) -> None:
    panel.form.how.limit.setCurrentIndex(panel.form.how.limit.count() - 1)
    call(panel, pacs.peer)
    fill(panel, PatientID=ENDLESS)
    await press(panel.run_button)
    await reached(lambda: panel.results.model.count > 0, "matches come")
    await window.shut_down()
    assert not len(panel.tasks)
