"""The diagnosis of everything that a trace keeps, brought up to date in pieces."""

from __future__ import annotations

from collections.abc import Callable

from dicomgui.trace.diagnosis.facts import Facts
from dicomgui.trace.diagnosis.progress import Diagnosis
from dicomgui.trace.finding import Finding, Severity, group_findings
from dicomgui.trace.store import TraceStore

__all__ = ["Expert"]

PIECE = 256
"""Records taken from the store at a time: a millisecond, for which a window may have to wait. In smaller pieces most
of the time would go to threads that take turns."""

MAX_SHOWN = 1000
"""Kinds of findings that are handed on, the most serious first."""

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


class Expert:
    """Follows a store; one caller at a time, in any thread.

    :ivar findings: each kind once, the most serious first, of each severity the newest first.
    :ivar counts: how many findings there are of each severity, also of one kind.
    :param know: gives what is known beside the trace.
    """

    def __init__(self, store: TraceStore, know: Callable[[], Facts] = Facts) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.counts: dict[Severity, int] = dict.fromkeys(Severity, 0)
        self._store = store
        self._know = know
        self._seq = 0
        self._has_seen = False
        self._diagnosis = Diagnosis(know())

    @property
    def is_behind(self) -> bool:
        """Whether the store has changed since the last update; cheap."""
        return self._store.last_seq != self._seq or self._was_cleared

    @property
    def _was_cleared(self) -> bool:
        """Nothing that was seen is there any more."""
        return self._has_seen and self._seq < self._store.first_seq

    @property
    def behind(self) -> int:
        """How many rows of the store it has not looked at; cheap."""
        return max(0, self._store.last_seq - max(self._seq, self._store.first_seq - 1))

    def update(self, pieces: int = 64, breathe: Callable[[], object] | None = None) -> None:
        """Take what is new, at most so many pieces of it, and judge.

        :param breathe: called between two pieces, for a thread that leaves the interpreter to another one there.
        """
        if self._was_cleared:
            self._diagnosis = Diagnosis(self._know())
            self._seq = self._store.first_seq - 1
            self._has_seen = False
        self._diagnosis.know(self._know())
        for _ in range(pieces):
            entries = self._store.since(self._seq, PIECE)
            for entry in entries:
                self._diagnosis.add(entry.record)
            if entries:
                self._seq = entries[-1].seq
                self._has_seen = True
            if len(entries) < PIECE:
                break
            if breathe is not None:
                breathe()
        self._sum_up()

    def _sum_up(self) -> None:
        found = self._diagnosis.findings()
        self.counts = {severity: sum(one.severity is severity for one in found) for severity in Severity}
        newest_first = group_findings(reversed(found))
        self.findings = tuple(sorted(newest_first, key=lambda one: _RANK[one.severity])[:MAX_SHOWN])
