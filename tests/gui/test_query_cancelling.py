"""Queries of the window that are cancelled after a number of matches, or after a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.answering import Answering
from helpers.query_panel import Press, ask, cells, shown_panel
from helpers.retrieval import ENDLESS

from dicomgui.app.asking.searches import QueryFile, QueryMemory, SavedSearch
from dicomgui.app.operations import JobState
from dicomgui.app.recipes.commands import Tool, commands_of
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.shell.main_window import MainWindow

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
