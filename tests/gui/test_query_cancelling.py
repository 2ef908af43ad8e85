"""Queries and retrievals of the window that are cancelled after a number of answers, or after a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import peers
from helpers.answering import Answering, answering
from helpers.query_panel import Press, ask, cells, choose_method, line, retrieved, shown_panel
from helpers.retrieval import DOE, ENDLESS, data_sets, elements, real_files

from dicomgui.app.asking.searches import QueryFile, QueryMemory, SavedSearch
from dicomgui.app.operations import JobState
from dicomgui.app.recipes.commands import Tool, commands_of
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.query.retrieve_model import RetrieveColumn
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import Handlers

pytestmark = pytest.mark.qt


@pytest.fixture
async def panel(window: MainWindow, tmp_path: Path) -> QueryPanel:
    return await shown_panel(window, tmp_path / "received")


async def test_it_ends_after_so_many_matches(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    panel.form.how.cancel_matches.setText("1")
    await ask(panel, press, pacs.peer, PatientName="Doe^A*")
    assert len(cells(panel)) == 1
    assert "only the first 1" in panel.status.text()


async def test_it_ends_after_a_time_and_keeps_what_came(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    panel.form.how.limit.setCurrentIndex(panel.form.how.limit.count() - 1)
    panel.form.how.cancel_ms.setText("300")
    await ask(panel, press, pacs.peer, PatientID=ENDLESS)
    assert "cancelled, there may be more" in panel.status.text()
    assert "A C-CANCEL was sent after 300 ms." in panel.status.text()
    assert panel.place.jobs.all()[-1].state is JobState.WARNING


def test_a_field_that_is_no_number_is_said(panel: QueryPanel) -> None:
    how = panel.form.how
    for text in ("0", "x", "-1", "1.5", "9" * 12):
        how.cancel_ms.setText(text)
        problem, query = panel.problem()
        assert query is None
        assert "Cancel after ms" in problem
    how.cancel_ms.setText("250")
    how.cancel_matches.setText("5000")
    query = panel.form.query()
    assert (query.limit, query.cancel_after_s) == (1000, 0.25)


def test_a_saved_search_keeps_the_time(panel: QueryPanel, tmp_path: Path) -> None:
    panel.form.how.cancel_ms.setText("250")
    panel.form.how.cancel_matches.setText("20")
    search = SavedSearch.of("quick", panel.form.query())
    QueryFile(tmp_path).save(QueryMemory((search,)))
    [kept] = QueryFile(tmp_path).load().searches
    panel.form.how.cancel_ms.clear()
    panel.form.take(kept)
    query = panel.form.query()
    assert (query.limit, query.cancel_after_s) == (20, 0.25)


def test_copied_as_a_command_it_names_the_time(panel: QueryPanel) -> None:
    panel.form.how.cancel_ms.setText("250")
    panel.peer.host.insert("A@127.0.0.1:1")
    [(_, recipe)] = panel._all_recipes()
    made = {command.tool: command for command in commands_of(recipe)}
    assert "--cancel-after-ms 250" in made[Tool.DICOMGUI].text
    assert "Left out" in " ".join(made[Tool.DCMTK].notes)


# -- retrievals ------------------------------------------------------------------------------------------------------


@pytest.mark.interop("dcmqrscp", "storescu")
@pytest.mark.parametrize("method", ["C-GET", "C-MOVE to us"])
async def test_a_retrieval_of_dcmtks_archive_ends_after_so_many_sub_operations(
    panel: QueryPanel, press: Press, window: MainWindow, tmp_path: Path, method: str
) -> None:
    port = int(window.listener.port.text())
    with peers.dcmqrscp(tmp_path / "server", destinations={"DICOMGUI": port}) as peer:
        peers.fill(peer, real_files())
        await ask(panel, press, peer.address, PatientID=DOE)
        panel.results.table.selectAll()
        choose_method(panel, method)
        panel.retrieve.cancel_after.setText("1")
        await press(panel.retrieve.button)
        await retrieved(panel)
    assert line(panel, RetrieveColumn.STATE) == "warning"
    assert "after 1 completed sub-operation." in panel.retrieve.result.text()
    assert 1 <= len(data_sets((tmp_path / "received").glob("??/*.dcm"))) < 7
    assert panel.retrieve.retry_button.isEnabled()


async def test_a_retrieval_without_end_ends_after_a_time(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    answer = elements(QueryRetrieveLevel="PATIENT", PatientID=ENDLESS)
    async with answering(Handlers(on_find=lambda _request: [answer], on_get=pacs.archive.retrieve)) as scp:
        panel.form.level.setCurrentIndex(0)
        await ask(panel, press, scp.peer, PatientID=ENDLESS)
        panel.results.table.selectRow(0)
        panel.retrieve.cancel_ms.setText("200")
        await press(panel.retrieve.button)
        await retrieved(panel)
    assert line(panel, RetrieveColumn.STATE) == "warning"
    assert "A C-CANCEL was sent after 200 ms." in panel.retrieve.result.text()


async def test_a_limit_of_a_retrieval_that_is_no_number_is_said_and_nothing_is_retrieved(
    panel: QueryPanel, press: Press, pacs: Answering
) -> None:
    await ask(panel, press, pacs.peer, PatientID=DOE)
    panel.results.table.selectRow(0)
    panel.retrieve.cancel_after.setText("some")
    await press(panel.retrieve.button)
    assert "Cancel after sub-operations: 'some' is no whole number from 1 on" in panel.status.text()
    assert not panel.retrievals.lines


async def test_a_retrieval_copied_as_a_command_names_its_limits(
    panel: QueryPanel, press: Press, pacs: Answering
) -> None:
    await ask(panel, press, pacs.peer, PatientID=DOE)
    panel.results.table.selectRow(0)
    panel.retrieve.cancel_after.setText("5")
    panel.retrieve.cancel_ms.setText("250")
    [(_, recipe)] = panel.more_recipes()
    made = {command.tool: command for command in commands_of(recipe)}
    assert "--cancel-after 5 --cancel-after-ms 250" in made[Tool.DICOMGUI].text
    assert "does not cancel a retrieval after sub-operations" in " ".join(made[Tool.DCMTK].notes)
