"""What the program is doing and has done, for the drawer of jobs and whoever else wants to see it.

An operation tells its :class:`JobHandle` how far it is; views fetch what changed in batches (:meth:`Jobs.since`). The
registry starts nothing and ends nothing itself: a cancel goes to the hook that the operation gave.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType

from dicomgui.trace.finding import Finding, plain

__all__ = ["FINISHED_KEPT", "Job", "JobChanges", "JobHandle", "JobKind", "JobState", "Jobs"]

FINISHED_KEPT = 500
"""Finished jobs that are remembered; the oldest go first."""

RATE_WINDOW_S = 5.0
RATE_STEP_S = 0.1


class JobKind(StrEnum):
    """What a job does."""

    ECHO = "echo"
    SEND = "send"
    QUERY = "query"
    WORKLIST = "worklist"
    RETRIEVE = "retrieve"
    STEP = "step"
    """Telling that a procedure step begins or ends."""
    NORMALIZED = "normalized"
    """An operation on a normalized instance."""
    COMMIT = "commitment"
    """Asking for storage commitment, and waiting for the answer."""
    LISTEN = "listen"
    SCAN = "scan"
    """Looking into files and folders."""
    IMPORT = "import"
    EXPORT = "export"


class JobState(StrEnum):
    """How a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    WARNING = "warning"
    """Done, and there is something to look at."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will come."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stood when it was asked for.

    :ivar number: from 1 on; never used again.
    :ivar title: what it does, in a few words.
    :ivar peer: with whom, or an empty string.
    :ivar files_done: files, instances or rounds that are through.
    :ivar files_total: 0 where it is not known.
    :ivar bytes_total: 0 where it is not known.
    :ivar bytes_per_second: of the last seconds while it runs, over all of it afterwards.
    :ivar created_utc: seconds since 1970-01-01 UTC, as are the other two.
    :ivar started_utc: ``None`` while it is queued, or where it was cancelled before.
    :ivar seconds: it has run, up to now or to its end.
    :ivar associations: numbers in the trace.
    :ivar text: what it is at, or how it ended, in one line.
    :ivar finding: what the diagnosis says about its failure.
    :ivar can_cancel: whether :meth:`Jobs.cancel` would do something.
    :ivar is_cancelling: it has been told to stop, and has not stopped yet; to be told once more means to abort.
    """

    number: int
    kind: JobKind
    title: str
    peer: str
    state: JobState
    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    bytes_per_second: float
    created_utc: float
    started_utc: float | None
    ended_utc: float | None
    seconds: float
    associations: tuple[int, ...]
    text: str
    finding: Finding | None
    can_cancel: bool
    is_cancelling: bool

    @property
    def fraction(self) -> float | None:
        """How much is done, from 0 to 1: by bytes where these are known, else by files; ``None`` if nobody knows."""
        for done, total in ((self.bytes_done, self.bytes_total), (self.files_done, self.files_total)):
            if total:
                return min(1.0, done / total)
        return None

    @property
    def remaining_s(self) -> float | None:
        """Seconds that it will still take at this rate; ``None`` if nobody knows."""
        if self.state is not JobState.RUNNING or not self.bytes_total or self.bytes_per_second <= 0:
            return None
        return max(0, self.bytes_total - self.bytes_done) / self.bytes_per_second


@dataclass(frozen=True, slots=True)
class JobChanges:
    """What has changed since a view asked last.

    :ivar seq: to be handed to :meth:`Jobs.since` the next time.
    :ivar jobs: new and changed ones, in the order of their numbers.
    :ivar removed: numbers of jobs that are no longer remembered; the view may have missed some of them altogether.
    :ivar is_complete: ``jobs`` is everything there is; the view forgets what it has.
    """

    seq: int
    jobs: tuple[Job, ...]
    removed: tuple[int, ...] = ()
    is_complete: bool = False


class JobHandle:
    """What an operation holds of its own job. Belongs to the thread of the event loop, as all of :class:`Jobs`.

    As a context manager it finishes the job: done if nothing else was said, cancelled by a ``CancelledError``, failed
    by another exception; both of these go on. The first end counts: what is told afterwards changes nothing.

    :ivar number: the job's.
    :ivar state: how the job stands.
    """

    def __init__(
        self, jobs: Jobs, number: int, kind: JobKind, title: str, peer: str, cancel: Callable[[], object] | None
    ) -> None:
        self.number = number
        self.state = JobState.QUEUED
        self.changed_seq = 0
        self._jobs = jobs
        self._kind = kind
        self._title = title
        self._peer = peer
        self._cancel = cancel
        self._is_cancelling = False
        self._is_aborting = False
        self._files = (0, 0)
        self._bytes = (0, 0)
        self._associations: tuple[int, ...] = ()
        self._text = ""
        self._finding: Finding | None = None
        self._created_utc = time.time()
        self._started: tuple[float, float] | None = None
        self._ended: tuple[float, float] | None = None
        self._rate = _Rate()

    @property
    def is_cancelling(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._is_cancelling

    def run(self) -> None:
        """It is no longer queued."""
        if self.state is JobState.QUEUED:
            self.state = JobState.RUNNING
            self._started = self._now()
            self._rate.add(self._started[0], 0)
            self._jobs.mark(self)

    def update(
        self,
        *,
        files_done: int | None = None,
        files_total: int | None = None,
        bytes_done: int | None = None,
        bytes_total: int | None = None,
        text: str | None = None,
        title: str | None = None,
    ) -> None:
        """Tell how far it is; what is left out stays. Cheap enough to be called for every file."""
        if self.state.is_finished:
            return
        self._files = _merged(self._files, files_done, files_total)
        self._bytes = _merged(self._bytes, bytes_done, bytes_total)
        if bytes_done is not None:
            self._rate.add(self._jobs.clock(), bytes_done)
        if text is not None:
            self._text = plain(text)
        if title is not None:
            self._title = plain(title)
        self._jobs.mark(self)

    def add_association(self, number: int) -> None:
        """It uses the association of this number in the trace; 0 is none."""
        if number and number not in self._associations:
            self._associations += (number,)
            self._jobs.mark(self)

    def on_cancel(self, hook: Callable[[], object] | None) -> None:
        """Call ``hook`` when somebody wants the job cancelled; ``None`` if it cannot be."""
        if not self.state.is_finished:
            self._cancel = hook
            self._jobs.mark(self)

    def finish(
        self, state: JobState = JobState.DONE, *, text: str | None = None, finding: Finding | None = None
    ) -> None:
        """It has ended. Call it once; nothing happens where it has ended already.

        :raises ValueError: ``state`` is no end.
        """
        if not state.is_finished:
            raise ValueError(f"a job does not end as {state.value}")
        if self.state.is_finished:
            return
        said = finding.what if text is None and finding is not None else text
        if said is not None:
            self._text = plain(said)
        self._finding = finding
        self._ended = self._now()
        self.state = state
        self._cancel = None
        self._is_cancelling = False
        self._jobs.mark(self)
        self._jobs.forget_old()

    def request_cancel(self) -> bool:
        """Call the cancel hook; whether there was one to call. The job ends when its operation says so.

        The first time the operation stops asking, and waits for what the peer owes it; the second time it aborts.
        """
        hook = self._cancel
        if hook is None or self._is_aborting:
            return False
        self._is_cancelling, self._is_aborting = True, self._is_cancelling
        self._jobs.mark(self)
        hook()
        return True

    def snapshot(self) -> Job:
        """The job as it stands now."""
        until = self._ended or self._now()
        seconds = until[0] - self._started[0] if self._started else 0.0
        overall = self._bytes[0] / seconds if seconds > 0 else 0.0
        return Job(
            number=self.number,
            kind=self._kind,
            title=self._title,
            peer=self._peer,
            state=self.state,
            files_done=self._files[0],
            files_total=self._files[1],
            bytes_done=self._bytes[0],
            bytes_total=self._bytes[1],
            bytes_per_second=overall if self.state.is_finished else self._rate.at(until[0]),
            created_utc=self._created_utc,
            started_utc=self._started[1] if self._started else None,
            ended_utc=self._ended[1] if self._ended else None,
            seconds=seconds,
            associations=self._associations,
            text=self._text,
            finding=self._finding,
            can_cancel=self._cancel is not None and not self._is_aborting,
            is_cancelling=self._is_cancelling,
        )

    def __enter__(self) -> JobHandle:
        self.run()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        elif isinstance(error, asyncio.CancelledError):
            self.finish(JobState.CANCELLED, text="cancelled")
        else:
            self.finish(JobState.FAILED, text=str(error) or type(error).__name__)

    def _now(self) -> tuple[float, float]:
        """Seconds that only go forward, and the time of day."""
        return self._jobs.clock(), time.time()


class Jobs:
    """The jobs of the program, running and finished.

    :ivar seq: goes up with each change; a view that knows it has nothing to fetch.

    :param keep: finished jobs that are remembered.
    :param clock: seconds that only go forward.
    """

    def __init__(self, *, keep: int = FINISHED_KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self.seq = 0
        self.clock = clock
        self._keep = keep
        self._handles: dict[int, JobHandle] = {}
        self._last_number = 0
        self._removed: deque[tuple[int, int]] = deque(maxlen=max(16, 2 * keep))
        self._lost_seq = 0

    def start(
        self,
        kind: JobKind,
        title: str,
        *,
        peer: str = "",
        cancel: Callable[[], object] | None = None,
        is_queued: bool = False,
    ) -> JobHandle:
        """Enter a job.

        :param cancel: called, in this thread, when somebody wants it cancelled, e.g. a task's ``cancel``.
        :param is_queued: it does not run yet; :meth:`JobHandle.run` says when it does.
        """
        self._last_number += 1
        handle = JobHandle(self, self._last_number, kind, plain(title), plain(peer), cancel)
        self._handles[handle.number] = handle
        if is_queued:
            self.mark(handle)
        else:
            handle.run()
        return handle

    @property
    def active_count(self) -> int:
        """How many jobs run or wait; for a badge."""
        return sum(1 for handle in self._handles.values() if not handle.state.is_finished)

    def active(self) -> tuple[Job, ...]:
        """The jobs that run or wait: their times and rates go on also while they say nothing."""
        return tuple(handle.snapshot() for handle in self._handles.values() if not handle.state.is_finished)

    def all(self) -> tuple[Job, ...]:
        """Every job that is remembered, in the order of the numbers."""
        return tuple(handle.snapshot() for handle in self._handles.values())

    def get(self, number: int) -> Job | None:
        """One job, or ``None`` where it is not remembered."""
        handle = self._handles.get(number)
        return handle.snapshot() if handle is not None else None

    def since(self, seq: int) -> JobChanges:
        """What changed after ``seq``; 0 gives everything. A view asks again and again, by a timer."""
        if seq == self.seq and seq:
            return JobChanges(seq, ())
        if seq <= 0 or seq < self._lost_seq or seq > self.seq:
            return JobChanges(self.seq, self.all(), is_complete=True)
        changed = tuple(handle.snapshot() for handle in self._handles.values() if handle.changed_seq > seq)
        return JobChanges(self.seq, changed, tuple(number for at, number in self._removed if at > seq))

    def cancel(self, number: int) -> bool:
        """Ask a job to stop; whether it could be asked. It is cancelled when its operation says so."""
        handle = self._handles.get(number)
        return handle is not None and handle.request_cancel()

    def clear_finished(self) -> int:
        """Forget all finished jobs; how many there were."""
        return self._forget([number for number, handle in self._handles.items() if handle.state.is_finished])

    # for handles

    def mark(self, handle: JobHandle) -> None:
        """A job has changed."""
        self.seq += 1
        handle.changed_seq = self.seq

    def forget_old(self) -> None:
        """Forget the oldest finished jobs where there are too many."""
        finished = [number for number, handle in self._handles.items() if handle.state.is_finished]
        self._forget(finished[: max(0, len(finished) - self._keep)])

    def _forget(self, numbers: list[int]) -> int:
        for number in numbers:
            del self._handles[number]
            self.seq += 1
            if len(self._removed) == self._removed.maxlen:
                self._lost_seq = self._removed[0][0]
            self._removed.append((self.seq, number))
        return len(numbers)


def _merged(known: tuple[int, int], done: int | None, total: int | None) -> tuple[int, int]:
    return (known[0] if done is None else done, known[1] if total is None else total)


class _Rate:
    """Bytes per second over the last seconds, from samples that are at least a tenth of a second apart."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=int(RATE_WINDOW_S / RATE_STEP_S) + 1)
        self._last = 0

    def add(self, now: float, total: int) -> None:
        """So many bytes are through by now."""
        self._last = total
        if not self._samples or now - self._samples[-1][0] >= RATE_STEP_S:
            self._samples.append((now, total))

    def at(self, now: float) -> float:
        """The rate up to now: it falls while nothing more comes."""
        while len(self._samples) > 1 and now - self._samples[1][0] >= RATE_WINDOW_S:
            self._samples.popleft()
        if not self._samples or now - self._samples[0][0] <= 0:
            return 0.0
        start, total = self._samples[0]
        return max(0.0, self._last - total) / (now - start)
