"""What becomes of a retrieval: what the peer tells, what really arrived, and what is left to retrieve again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from dicomgui.app.asking.wanted import Wanted
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.service import InstanceProblem, Progress, anomaly_text
from dicomgui.network.status import Status
from dicomgui.network.structure import Anomaly
from dicomgui.trace.finding import Finding

__all__ = ["ArrivalRemarks", "Arrived", "Counts", "RetrieveProgress", "RetrieveReport", "WantedResult", "WantedState"]


class WantedState(Enum):
    """What became of one thing that was to be retrieved."""

    WAITING = "waiting"
    DONE = "done"
    PARTLY = "partly"
    """Some sub-operations failed, or ended with a warning."""
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of sub-operations (PS3.7 9.1.4.1.7) as the peer tells them.

    :ivar remaining: ``None`` where the peer does not say.
    """

    completed: int = 0
    failed: int = 0
    warning: int = 0
    remaining: int | None = None

    @classmethod
    def of(cls, progress: Progress | None, before: Counts | None = None) -> Counts:
        """The numbers of a response; those that it leaves out are as they were before, and nothing remains then.

        A sub-operation that has come to an end stays at it: Orthanc ends with 0 completed where it cannot go on after
        some, and those have been delivered all the same.
        """
        told, before = progress or Progress(), before or cls()
        return cls(
            max(before.completed, told.completed or 0),
            max(before.failed, told.failed or 0),
            max(before.warning, told.warning or 0),
            told.remaining,
        )

    def __add__(self, other: Counts) -> Counts:
        known = [one for one in (self.remaining, other.remaining) if one is not None]
        return Counts(
            self.completed + other.completed,
            self.failed + other.failed,
            self.warning + other.warning,
            sum(known) if known else None,
        )

    @property
    def over(self) -> int:
        """Sub-operations that have come to an end, good or bad."""
        return self.completed + self.failed + self.warning

    @property
    def announced(self) -> int:
        """All sub-operations, as far as the peer has said how many there are."""
        return self.over + (self.remaining or 0)

    @property
    def delivered(self) -> int:
        """Instances that the peer says it has delivered."""
        return self.completed + self.warning


@dataclass(frozen=True, slots=True)
class Arrived:
    """An instance that is here.

    :ivar path: its file.
    :ivar size_bytes: of the file.
    :ivar outcome: how the file came to be, e.g. ``stored`` or ``duplicate``.
    :ivar problem: what is wrong with it, where instances are kept all the same.
    :ivar anomalies: its departures from the standard that any reader gets over; one of each kind.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    path: Path
    size_bytes: int
    outcome: str = "stored"
    problem: InstanceProblem | None = None
    anomalies: tuple[Anomaly, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """The problem and the anomalies in a few words each."""
        return (*(() if self.problem is None else (self.problem.text,)), *map(anomaly_text, self.anomalies))


class ArrivalRemarks:
    """Problems and anomalies of instances that have arrived: of each kind the first, and the number of instances."""

    def __init__(self) -> None:
        self._found: dict[Enum, tuple[str, int]] = {}

    def add(self, arrived: Arrived) -> None:
        """Note what is wrong or odd with an instance."""
        if arrived.problem is not None:
            self._note(arrived.problem.code, f"broken, but kept: {arrived.problem.text}", arrived)
        for one in arrived.anomalies:
            self._note(one.code, f"against the standard, but kept: {anomaly_text(one)}", arrived)

    def _note(self, code: Enum, text: str, arrived: Arrived) -> None:
        first, count = self._found.get(code, ("", 0))
        self._found[code] = first or f"{arrived.sop_instance_uid} is {text}", count + 1

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for each kind."""
        return tuple(
            f"{text}; so {'is' if count == 2 else 'are'} {count - 1:,} more." if count > 1 else f"{text}."
            for text, count in self._found.values()
        )


@dataclass(frozen=True, slots=True)
class RetrieveProgress:
    """How far a retrieval has come.

    :ivar number: which of the things that are wanted is under way, from 1 on.
    :ivar of: how many there are.
    :ivar told: all numbers of the peer so far, added up.
    :ivar arrived: instances that are here; 0 where they go elsewhere.
    :ivar arrived_bytes: their files together.
    """

    number: int
    of: int
    told: Counts
    arrived: int
    arrived_bytes: int


@dataclass(frozen=True, slots=True)
class WantedResult:
    """What became of one request.

    :ivar status: of the final response; ``None`` where there was none.
    :ivar comment: Error Comment (0000,0902); text of the peer.
    :ivar failed_uids: Failed SOP Instance UID List (0008,0058); a peer may leave it out.
    :ivar unfinished: sub-operations that the peer had announced, and whose end it never told, though it said that all
        is done.
    :ivar reason: why there was no final response, in one line; empty where there was one, and for a cancel.
    """

    wanted: Wanted
    state: WantedState
    status: Status | None = None
    comment: str = ""
    told: Counts = Counts()
    failed_uids: tuple[str, ...] = ()
    unfinished: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RetrieveReport:
    """What became of a retrieval as a whole.

    :ivar associations: numbers in the trace.
    :ivar root: the information model that was used, or an empty string.
    :ivar destination: AE title of a C-MOVE; empty for a C-GET.
    :ivar results: one for each request; what was wanted may have become several of them, after a look-up.
    :ivar told: all numbers of the peer, added up.
    :ivar arrived: instances that came here, each counted once; ``None`` where they went elsewhere.
    :ivar deliveries: how often an instance came here, the same one several times among them; ``None`` likewise.
    :ivar refused_uids: instances that came and could not be kept.
    :ivar is_cancelled: it was cancelled.
    :ivar is_stopped: it has ended itself at a limit that was asked for, such as a number of sub-operations.
    :ivar notes: what the user should know, one sentence each.
    :ivar error: what ended it early; a failure status is none.
    :ivar findings: what the diagnosis says.
    """

    peer: PeerAddress
    associations: tuple[int, ...]
    root: str
    destination: str
    results: tuple[WantedResult, ...]
    told: Counts
    arrived: int | None
    arrived_bytes: int
    seconds: float
    refused_uids: tuple[str, ...] = ()
    is_cancelled: bool = False
    notes: tuple[str, ...] = ()
    error: DicomNetworkError | None = None
    findings: tuple[Finding, ...] = ()
    deliveries: int | None = None
    is_stopped: bool = False

    @property
    def failed_uids(self) -> tuple[str, ...]:
        """Every instance that failed by name: what the peer lists, and what came and could not be kept."""
        told = (uid for result in self.results for uid in result.failed_uids)
        return tuple(dict.fromkeys((*told, *self.refused_uids)))

    @property
    def missing(self) -> int:
        """Deliveries that the peer tells of and that never arrived; 0 where they went elsewhere."""
        came = self.arrived if self.deliveries is None else self.deliveries
        return 0 if came is None else max(0, self.told.delivered - came)

    @property
    def repeated(self) -> int:
        """Deliveries of an instance that had come before."""
        return 0 if self.arrived is None or self.deliveries is None else self.deliveries - self.arrived

    @property
    def has_failures(self) -> bool:
        """Whether the peer refused or broke off something, or some sub-operation failed, or something never arrived."""
        is_ended = self.is_cancelled or self.is_stopped
        bad = (WantedState.FAILED,) if is_ended else (WantedState.FAILED, WantedState.CANCELLED)
        refused = any(result.state in bad or result.unfinished for result in self.results)
        return refused or self.told.failed > 0 or bool(self.refused_uids) or self.missing > 0

    @property
    def ok(self) -> bool:
        """Whether everything that matched was delivered."""
        return self.error is None and not self.is_cancelled and not self.has_failures

    def left(self) -> tuple[Wanted, ...]:
        """What to retrieve again: the failed instances where the peer names them, else the whole of what failed."""
        again: list[Wanted] = []
        for result in self.results:
            failed = dict.fromkeys((*result.failed_uids, *(self.refused_uids if len(self.results) == 1 else ())))
            narrowed = result.wanted.only(tuple(failed)) if failed else None
            if result.state is not WantedState.DONE or failed:
                again.append(result.wanted if narrowed is None or not _is_over(result) else narrowed)
        return tuple(again)


def _is_over(result: WantedResult) -> bool:
    """Whether the peer tried everything, so that what it lists as failed is all that is left."""
    return result.state in (WantedState.DONE, WantedState.PARTLY) or not result.told.delivered
