"""The registry of jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from dicomgui.app.operations import JobHandle, JobKind, Jobs, JobState
from dicomgui.trace.finding import Finding, Severity

FINDING = Finding("closed-port", Severity.ERROR, "Nothing listens there.")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Jobs:
    return Jobs(keep=3, clock=clock)


def echo(jobs: Jobs, **more: object) -> JobHandle:
    return jobs.start(JobKind.ECHO, "Echo PACS", peer="PACS@host:104", **more)


class TestLife:
    def test_running(self, jobs: Jobs, clock: Clock) -> None:
        handle = echo(jobs)
        clock.now += 2
        (job,) = jobs.all()
        assert (job.number, job.kind, job.title, job.peer, job.state) == (
            1, JobKind.ECHO, "Echo PACS", "PACS@host:104", JobState.RUNNING,
        )  # fmt: skip
        assert job.seconds == 2
        assert job.started_utc is not None
        assert job.started_utc >= job.created_utc
        assert job.ended_utc is None
        assert jobs.active_count == 1
        assert jobs.active() == jobs.all()
        assert handle.number == 1

    def test_queued(self, jobs: Jobs, clock: Clock) -> None:
        handle = echo(jobs, is_queued=True)
        clock.now += 5
        job = jobs.all()[0]
        assert (job.state, job.started_utc, job.seconds, job.bytes_per_second) == (JobState.QUEUED, None, 0, 0)
        handle.run()
        clock.now += 1
        handle.run()
        assert jobs.all()[0].seconds == 1

    def test_done(self, jobs: Jobs, clock: Clock) -> None:
        handle = echo(jobs)
        clock.now += 4
        handle.finish(text="4 of 4")
        clock.now += 4
        job = jobs.all()[0]
        assert (job.state, job.seconds, job.text) == (JobState.DONE, 4, "4 of 4")
        assert job.ended_utc is not None
        assert jobs.active_count == 0
        assert jobs.active() == ()

    @pytest.mark.parametrize("state", [state for state in JobState if state.is_finished])
    def test_the_first_end_counts(self, jobs: Jobs, state: JobState) -> None:
        handle = echo(jobs)
        handle.finish(state)
        seq = jobs.seq
        handle.finish(JobState.FAILED, text="too late")
        handle.update(files_done=5)
        handle.on_cancel(lambda: None)
        handle.run()
        job = jobs.all()[0]
        assert (job.state, job.text, job.files_done, job.can_cancel, jobs.seq) == (state, "", 0, False, seq)

    @pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
    def test_what_is_no_end(self, jobs: Jobs, state: JobState) -> None:
        with pytest.raises(ValueError, match="does not end"):
            echo(jobs).finish(state)

    def test_a_finding_says_how_it_ended(self, jobs: Jobs) -> None:
        echo(jobs).finish(JobState.FAILED, finding=FINDING)
        echo(jobs).finish(JobState.FAILED, finding=FINDING, text="refused")
        assert [(job.finding, job.text) for job in jobs.all()] == [(FINDING, FINDING.what), (FINDING, "refused")]

    def test_texts_are_plain(self, jobs: Jobs) -> None:
        handle = jobs.start(JobKind.SEND, "a\nb", peer="c\x1bd")
        handle.update(text="e\rf", title="g\th")
        job = jobs.all()[0]
        assert (job.title, job.peer, job.text) == ("g\\th", "c\\x1bd", "e\\rf")

    def test_associations(self, jobs: Jobs) -> None:
        handle = echo(jobs)
        for number in (3, 0, 3, 5):
            handle.add_association(number)
        assert jobs.all()[0].associations == (3, 5)


class TestProgress:
    def test_what_is_left_out_stays(self, jobs: Jobs) -> None:
        handle = echo(jobs)
        handle.update(files_total=4, bytes_total=100)
        handle.update(files_done=1, bytes_done=50)
        job = jobs.all()[0]
        assert (job.files_done, job.files_total, job.bytes_done, job.bytes_total) == (1, 4, 50, 100)
        assert job.fraction == 0.5

    def test_fraction(self, jobs: Jobs) -> None:
        handle = echo(jobs)
        assert jobs.all()[0].fraction is None
        handle.update(files_done=1, files_total=4)
        assert jobs.all()[0].fraction == 0.25
        handle.update(files_done=9)
        assert jobs.all()[0].fraction == 1

    def test_rate_while_it_runs_and_afterwards(self, jobs: Jobs, clock: Clock) -> None:
        handle = jobs.start(JobKind.SEND, "Send")
        handle.update(bytes_total=2000)
        assert jobs.all()[0].remaining_s is None
        for step in range(1, 11):
            clock.now += 0.05
            handle.update(bytes_done=step * 50)
        job = jobs.all()[0]
        assert job.bytes_per_second == pytest.approx(1000)
        assert job.remaining_s == pytest.approx(1.5)
        clock.now += 0.5  # nothing comes: the rate falls
        assert jobs.all()[0].bytes_per_second == pytest.approx(500)
        clock.now += 100
        assert jobs.all()[0].bytes_per_second < 10
        handle.finish()
        job = jobs.all()[0]
        assert job.bytes_per_second == pytest.approx(500 / 101)
        assert job.remaining_s is None

    def test_the_rate_forgets_what_is_long_ago(self, jobs: Jobs, clock: Clock) -> None:
        handle = jobs.start(JobKind.SEND, "Send")
        for step in range(1, 101):
            clock.now += 1
            handle.update(bytes_done=step * 10 if step < 50 else 490 + (step - 49) * 1000)
        assert jobs.all()[0].bytes_per_second == pytest.approx(1000)

    def test_a_job_without_time_has_no_rate(self, jobs: Jobs) -> None:
        handle = jobs.start(JobKind.SEND, "Send")
        handle.update(bytes_done=50)
        assert jobs.all()[0].bytes_per_second == 0
        handle.finish()
        assert jobs.all()[0].bytes_per_second == 0


class TestCancel:
    def test_the_hook_is_called_to_stop_and_once_more_to_abort(self, jobs: Jobs) -> None:
        calls: list[int] = []
        handle = echo(jobs, cancel=lambda: calls.append(1))
        assert jobs.all()[0].can_cancel
        assert jobs.cancel(1)
        assert calls == [1]
        assert handle.is_cancelling
        job = jobs.all()[0]
        assert (job.state, job.is_cancelling, job.can_cancel) == (JobState.RUNNING, True, True)
        assert jobs.cancel(1)
        assert not jobs.cancel(1)
        assert calls == [1, 1]
        job = jobs.all()[0]
        assert (job.state, job.is_cancelling, job.can_cancel) == (JobState.RUNNING, True, False)
        handle.finish(JobState.CANCELLED)
        job = jobs.all()[0]
        assert (job.state, job.is_cancelling, job.can_cancel) == (JobState.CANCELLED, False, False)
        assert not jobs.cancel(1)

    def test_without_a_hook(self, jobs: Jobs) -> None:
        handle = echo(jobs)
        assert not jobs.cancel(1)
        assert not jobs.cancel(99)
        handle.on_cancel(lambda: handle.finish(JobState.CANCELLED, text="at once"))
        assert jobs.cancel(1)
        assert jobs.all()[0].text == "at once"


class TestContextManager:
    def test_done(self, jobs: Jobs) -> None:
        with echo(jobs, is_queued=True) as handle:
            assert handle.state is JobState.RUNNING
        assert handle.state is JobState.DONE

    def test_what_was_said_inside_counts(self, jobs: Jobs) -> None:
        with echo(jobs) as handle:
            handle.finish(JobState.WARNING)
        assert handle.state is JobState.WARNING

    @pytest.mark.parametrize(
        ("error", "state", "text"),
        [
            (OSError("disk on fire"), JobState.FAILED, "disk on fire"),
            (RuntimeError(), JobState.FAILED, "RuntimeError"),
            (asyncio.CancelledError(), JobState.CANCELLED, "cancelled"),
        ],
    )
    def test_exceptions_go_on(self, jobs: Jobs, error: BaseException, state: JobState, text: str) -> None:
        def work() -> None:
            with echo(jobs):
                raise error

        with pytest.raises(type(error)):
            work()
        job = jobs.all()[0]
        assert (job.state, job.text) == (state, text)


class TestChanges:
    def test_everything_first(self, jobs: Jobs) -> None:
        assert jobs.since(0).jobs == ()
        assert jobs.since(0).is_complete
        echo(jobs)
        changes = jobs.since(0)
        assert changes.is_complete
        assert [job.number for job in changes.jobs] == [1]

    def test_then_what_changed(self, jobs: Jobs) -> None:
        first, second, third = (echo(jobs) for _ in range(3))
        seq = jobs.since(0).seq
        assert jobs.since(seq) == type(jobs.since(seq))(seq, ())
        third.update(files_done=1)
        first.update(files_done=1)
        first.update(files_done=2)
        changes = jobs.since(seq)
        assert [(job.number, job.files_done) for job in changes.jobs] == [(1, 2), (3, 1)]
        assert not changes.is_complete
        second.add_association(4)
        assert [job.number for job in jobs.since(changes.seq).jobs] == [2]

    def test_old_ones_are_forgotten_and_running_ones_are_not(self, jobs: Jobs) -> None:
        running = echo(jobs)
        seq = jobs.seq
        for _ in range(5):
            echo(jobs).finish()
        assert [job.number for job in jobs.all()] == [1, 4, 5, 6]
        assert jobs.since(seq).removed == (2, 3)
        assert jobs.get(2) is None
        running.finish()
        assert jobs.get(1) is None
        running.add_association(5)
        assert [job.number for job in jobs.all()] == [4, 5, 6]

    def test_clear(self, jobs: Jobs) -> None:
        echo(jobs).finish()
        echo(jobs)
        seq = jobs.seq
        assert jobs.clear_finished() == 1
        assert jobs.since(seq).removed == (1,)
        job = jobs.get(2)
        assert job is not None
        assert job.state is JobState.RUNNING
        assert jobs.clear_finished() == 0

    def test_a_view_that_was_away_too_long_gets_everything(self, jobs: Jobs) -> None:
        echo(jobs)
        seq = jobs.seq
        for _ in range(30):
            echo(jobs).finish()
        changes = jobs.since(seq)
        assert changes.is_complete
        assert changes.jobs == jobs.all()

    def test_a_number_of_another_life_gets_everything(self, jobs: Jobs) -> None:
        echo(jobs)
        assert jobs.since(jobs.seq + 1).is_complete

    def test_a_view_that_follows_knows_what_there_is(self, jobs: Jobs) -> None:
        """Whatever happens between two looks, what the view has is what there is."""
        known: dict[int, object] = {}
        seq = 0
        handles: list[JobHandle] = []
        steps: list[Callable[[], object]] = [
            lambda: handles.append(echo(jobs)),
            lambda: handles[-1].update(files_done=3),
            lambda: handles.append(echo(jobs, is_queued=True)),
            lambda: handles[0].finish(),
            lambda: handles[-1].run(),
            jobs.clear_finished,
            *[lambda: echo(jobs).finish() for _ in range(12)],
        ]
        for number, step in enumerate(steps):
            step()
            if number % 3 == 0:
                changes = jobs.since(seq)
                known = {} if changes.is_complete else known
                known.update((job.number, job) for job in changes.jobs)
                for gone in changes.removed:
                    known.pop(gone, None)
                seq = changes.seq
                assert list(known.values()) == list(jobs.all())
