"""The drawer of jobs: what it shows, and what can be done about a job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from helpers.bad_peer import reached
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.operations import JobKind, Jobs, JobState
from dicomgui.gui.jobs.drawer import JobsBadge, JobsDrawer
from dicomgui.gui.jobs.model import JobColumn
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.tables.pills import FRACTION_ROLE, ICON_ROLE, TONE_ROLE

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("propagateSizeHints")]
Press = Callable[[QPushButton], Awaitable[None]]


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(keep=5)


@pytest.fixture
def drawer(jobs: Jobs, qtbot: QtBot, theme: Theme) -> JobsDrawer:
    made = JobsDrawer(jobs)
    qtbot.addWidget(made)
    made.resize(1100, 200)
    made.show()
    return made


def cells(drawer: JobsDrawer, row: int) -> list[str]:
    return [drawer.model.index(row, column).data() for column in JobColumn]


async def test_it_says_what_it_is_for_while_it_is_empty(drawer: JobsDrawer) -> None:
    drawer.drain()
    assert drawer._pages.currentIndex() == 0
    assert not any(
        button.isEnabled()
        for button in (drawer.stop_button, drawer.trace_button, drawer.retry_button, drawer.clear_button)
    )


async def test_a_job_from_its_start_to_its_end(drawer: JobsDrawer, jobs: Jobs) -> None:
    job = jobs.start(JobKind.SEND, "Send <b>3</b> files", peer="PACS@10.0.0.1:104")
    job.update(files_done=1, files_total=3, bytes_done=250, bytes_total=1000)
    drawer.drain()
    shown = cells(drawer, 0)
    assert shown[:5] == ["Send", "Send <b>3</b> files", "PACS@10.0.0.1:104", "running", "1 of 3"]
    assert shown[JobColumn.STARTED]
    assert shown[JobColumn.DURATION]
    state = drawer.model.index(0, JobColumn.STATE)
    assert (state.data(ICON_ROLE), state.data(TONE_ROLE)) == ("play", "accent")
    assert drawer.model.index(0, JobColumn.PROGRESS).data(FRACTION_ROLE) == 0.25
    assert drawer.running.text() == "1 running"
    job.finish(JobState.FAILED, text="closed port")
    drawer.drain()
    assert cells(drawer, 0)[JobColumn.STATE] == "failed"
    assert (state.data(ICON_ROLE), state.data(TONE_ROLE)) == ("error", "error")
    drawer.select(job.number)
    assert drawer.details.text() == "closed port"
    assert drawer.running.text() == ""
    assert not drawer.grab().isNull()  # the delegates can paint it


async def test_a_job_can_be_selected_that_has_begun_since_the_last_tick(drawer: JobsDrawer, jobs: Jobs) -> None:
    jobs.start(JobKind.LISTEN, "Listen")
    drawer.drain()
    drawer.select(1)
    job = jobs.start(JobKind.ECHO, "Echo")
    drawer.select(job.number)
    assert drawer.selected is not None
    assert drawer.selected.number == job.number
    drawer.select(4242)
    assert drawer.selected.number == job.number, "there is no such job"


async def test_the_newest_is_first_and_the_selection_stays(drawer: JobsDrawer, jobs: Jobs) -> None:
    first = jobs.start(JobKind.ECHO, "Echo")
    drawer.drain()
    drawer.select(first.number)
    second = jobs.start(JobKind.LISTEN, "Listen")
    second.update(files_done=12)
    drawer.drain()
    assert [cells(drawer, row)[0] for row in range(2)] == ["Listen", "Echo"]
    assert cells(drawer, 0)[JobColumn.PROGRESS] == "12 received"
    assert drawer.selected is not None
    assert drawer.selected.number == first.number


async def test_it_remembers_no_more_than_the_jobs_do(drawer: JobsDrawer, jobs: Jobs) -> None:
    for number in range(50):
        jobs.start(JobKind.ECHO, f"Echo {number}").finish()
        if number % 7 == 0:
            drawer.drain()
    drawer.drain()
    assert [cells(drawer, row)[1] for row in range(drawer.model.rowCount())] == [f"Echo {n}" for n in range(49, 44, -1)]


async def test_stop_trace_retry_and_clear(drawer: JobsDrawer, jobs: Jobs, qtbot: QtBot) -> None:
    stopped: list[str] = []
    running = jobs.start(JobKind.SEND, "Send", cancel=lambda: stopped.append("stop"))
    running.add_association(4)
    running.add_association(6)
    drawer.drain()
    drawer.select(running.number)
    qtbot.mouseClick(drawer.stop_button, Qt.MouseButton.LeftButton)
    assert stopped == ["stop"]
    assert cells(drawer, 0)[JobColumn.STATE] == "stopping"
    assert drawer.stop_button.text() == "Abort &now"
    qtbot.mouseClick(drawer.stop_button, Qt.MouseButton.LeftButton)
    assert stopped == ["stop"] * 2
    assert not drawer.stop_button.isEnabled()
    assert not drawer.retry_button.isEnabled()
    with qtbot.waitSignal(drawer.trace_requested) as traced:
        qtbot.mouseClick(drawer.trace_button, Qt.MouseButton.LeftButton)
    assert traced.args == [(4, 6)]
    running.finish(JobState.CANCELLED, text="cancelled")
    drawer.drain()
    with qtbot.waitSignal(drawer.retry_requested) as retried:
        qtbot.mouseClick(drawer.retry_button, Qt.MouseButton.LeftButton)
    assert retried.args == [running.number]
    jobs.start(JobKind.ECHO, "Echo")
    drawer.drain()
    qtbot.mouseClick(drawer.clear_button, Qt.MouseButton.LeftButton)
    assert [cells(drawer, row)[0] for row in range(drawer.model.rowCount())] == ["Echo"]


async def test_who_makes_it_says_what_can_be_tried_again(jobs: Jobs, qtbot: QtBot, theme: Theme) -> None:
    drawer = JobsDrawer(jobs, can_retry=lambda number: number == 2)
    qtbot.addWidget(drawer)
    for _ in range(2):
        jobs.start(JobKind.ECHO, "Echo").finish(JobState.FAILED)
    drawer.drain()
    drawer.select(1)
    assert not drawer.retry_button.isEnabled()
    drawer.select(2)
    assert drawer.retry_button.isEnabled()


async def test_the_badge_counts_and_opens(drawer: JobsDrawer, jobs: Jobs, qtbot: QtBot) -> None:
    badge = JobsBadge(drawer)
    qtbot.addWidget(badge)
    badge.show()
    assert badge.text().strip() == "Jobs"
    jobs.start(JobKind.ECHO, "Echo")
    jobs.start(JobKind.SEND, "Send")
    badge.show_count()
    assert badge.text().strip() == "2 jobs running"
    assert badge.isChecked()
    qtbot.mouseClick(drawer.fold_button, Qt.MouseButton.LeftButton)
    assert drawer.is_folded
    assert not badge.isChecked()
    qtbot.mouseClick(badge, Qt.MouseButton.LeftButton)
    assert not drawer.is_folded


async def test_what_runs_grows_older(jobs: Jobs, qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    jobs.clock = lambda: now[0]
    drawer = JobsDrawer(jobs)
    qtbot.addWidget(drawer)
    jobs.start(JobKind.ECHO, "Echo")
    drawer.drain()
    now[0] += 125
    monkeypatch.setattr(drawer, "_refreshed", 0.0)
    drawer.drain()
    assert cells(drawer, 0)[JobColumn.DURATION] == "2:05"


async def test_what_the_window_does_is_in_the_drawer(window: MainWindow, listening: int, press: Press) -> None:
    window.jobs.set_folded(False)
    window.show_panel(window.echo)
    window.echo.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    await press(window.echo.run_button)
    model = window.jobs.model
    await reached(lambda: model.rowCount() == 2 and cells(window.jobs, 0)[JobColumn.STATE] == "done", "both are there")
    assert [cells(window.jobs, row)[JobColumn.STATE] for row in (0, 1)] == ["done", "running"]
    window.jobs.table.selectRow(1)
    await press(window.jobs.stop_button)
    await reached(lambda: not window.listener.is_running, "the listener stops")
    await reached(lambda: cells(window.jobs, 1)[JobColumn.STATE] == "done", "its job is done")
