"""Jobs as rows: the newest first, changed in place, gone when they are forgotten."""

from __future__ import annotations

import pytest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.app.operations import JobKind, Jobs, JobState
from dicomgui.gui.jobs.model import JobColumn, JobsModel, clock_text


def titles(model: JobsModel) -> list[str]:
    return [model.index(row, JobColumn.TITLE).data() for row in range(model.rowCount())]


def test_changes_are_taken_over_in_place(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    jobs, model, seq = Jobs(), JobsModel(), 0
    handles = [jobs.start(JobKind.ECHO, f"job {number}", is_queued=number == 3) for number in range(1, 4)]
    changes = jobs.since(seq)
    model.apply(changes)
    qtmodeltester.check(model, force_py=True)
    assert titles(model) == ["job 3", "job 2", "job 1"]
    assert model.index(0, JobColumn.STATE).data() == "queued"
    assert model.index(0, JobColumn.STARTED).data() == model.index(0, JobColumn.DURATION).data() == ""
    handles[0].finish(JobState.WARNING)
    handles[1].finish()
    jobs.start(JobKind.EXPORT, "job 4")
    with qtbot.waitSignals([model.rowsInserted, model.dataChanged]):
        later = jobs.since(changes.seq)
        model.apply(later)
    assert titles(model) == ["job 4", "job 3", "job 2", "job 1"]
    assert model.has_finished
    jobs.clear_finished()
    model.apply(jobs.since(later.seq))
    assert titles(model) == ["job 4", "job 3"]
    assert not model.has_finished
    assert model.row_of(4) == 0
    assert model.row_of(1) == -1


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0084, "8.4 ms"), (2.512, "2.51 s"), (245, "4:05"), (3609.9, "1:00:09")]
)
def test_durations_fit_their_column(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
