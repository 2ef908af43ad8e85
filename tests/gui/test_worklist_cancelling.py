"""Queries of the worklist panel that are cancelled after a number of steps, or after a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.query_panel import Press
from helpers.retrieval import elements

from dicomgui.app.operations import JobState
from dicomgui.app.recipes.commands import Tool, commands_of
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.worklist.form import MODALITY
from dicomgui.gui.worklist.panel import WorklistPanel

pytestmark = pytest.mark.qt

STEPS = 4


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[peers.Peer]:
    """DCMTK's worklist server, which waits a second before each step that it sends."""
    step = elements(
        Modality="CT",
        ScheduledStationAETitle="STATION",
        ScheduledProcedureStepStartDate="20240229",
        ScheduledProcedureStepStartTime="080000",
        ScheduledProcedureStepID="1",
        ScheduledPerformingPhysicianName="Curie",
        ScheduledProcedureStepDescription="Head",
    )
    items = [
        elements(
            PatientName=f"Doe^{number}",
            PatientID=str(number),
            PatientBirthDate="19700101",
            PatientSex="F",
            AccessionNumber="1",
            StudyInstanceUID=f"1.2.{number}",
            RequestedProcedureID=str(number),
            RequestedProcedureDescription="Head",
            ScheduledProcedureStepSequence=[step],
        )
        for number in range(STEPS)
    ]
    with peers.wlmscpfs(tmp_path / "server", items, "-csk", "--sleep-during", 1) as peer:
        yield peer


@pytest.fixture
async def panel(window: MainWindow) -> WorklistPanel:
    window.show_panel(window.worklist)
    window.worklist.form.usual.set_texts({**window.worklist.form.usual.texts(), MODALITY: "CT"})
    return window.worklist


@pytest.mark.interop("wlmscpfs")
@pytest.mark.parametrize(("matches", "ms"), [("1", ""), ("", "300")])
async def test_a_query_of_a_slow_server_ends_and_keeps_what_came(
    panel: WorklistPanel, press: Press, slow: peers.Peer, matches: str, ms: str
) -> None:
    panel.peer.host.insert(slow.address)
    panel.form.how.cancel_matches.setText(matches)
    panel.form.how.cancel_ms.setText(ms)
    await press(panel.run_button)
    await reached(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the query has ended", 60)
    assert panel.results.model.count < STEPS
    job = panel.place.jobs.all()[-1]
    if ms:
        assert "A C-CANCEL was sent after 300 ms." in panel.status.text()
        assert job.state is JobState.WARNING
    else:
        assert panel.results.model.count == 1
        assert "only the first 1" in panel.status.text()


def test_a_field_that_is_no_number_is_said(panel: WorklistPanel) -> None:
    how = panel.form.how
    how.cancel_matches.setText("some")
    problem, query = panel.problem()
    assert query is None
    assert "Cancel after matches" in problem
    how.cancel_matches.setText("5")
    how.cancel_ms.setText("250")
    query = panel.form.query()
    assert (query.limit, query.cancel_after_s) == (5, 0.25)


def test_copied_as_a_command_it_names_both(panel: WorklistPanel) -> None:
    panel.peer.host.insert("A@127.0.0.1:1")
    panel.form.how.cancel_matches.setText("5")
    panel.form.how.cancel_ms.setText("250")
    [(_, recipe)] = panel._all_recipes()
    made = {command.tool: command for command in commands_of(recipe)}
    assert "--limit 5 --cancel-after-ms 250" in made[Tool.DICOMGUI].text
