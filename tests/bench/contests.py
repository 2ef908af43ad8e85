"""What a row of the table is, and what all rows are made with."""

from __future__ import annotations

import math
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.data import Scale, Work, make, some_of
from bench.guests import Guests
from bench.players import Players, Run

PDU_16K = 16_384
Measure = Callable[[], float]


@dataclass(frozen=True)
class Contest:
    """One row of the table.

    :ivar ours: does the work once, and gives a rate (or an amount, see ``less_is_better``) in ``unit``.
    :ivar peer: the same for whom we are compared with; ``None`` where nobody is, and ours alone is judged.
    :ivar goal: of ours / peer; of ours alone where ``less_is_better`` or there is no peer; ``None`` where the row is
        only information.
    :ivar most: rounds that it is played at most, for work that takes long.
    :ivar is_variant: another row of the group has the same programs do the same with other data; a smoke run leaves
        it out.
    :ivar limit_of: the row that this one shows the limit of, see :func:`limit`.
    """

    id: str
    work: str
    against: str
    unit: str
    goal: float | None
    ours: Measure
    peer: Measure | None
    less_is_better: bool = False
    most: int | None = None
    is_variant: bool = False
    limit_of: Contest | None = None

    @property
    def is_absolute(self) -> bool:
        """Whether the goal is one of ours alone."""
        return self.less_is_better or self.peer is None


def limit(row: Contest, bare: Measure) -> Contest:
    """What a bare program on asyncio reaches in our place: the same work, the same peer."""
    work = f"limit: bare asyncio, {row.work}"
    return replace(row, work=work, goal=None, ours=bare, is_variant=True, limit_of=row)


@dataclass(frozen=True)
class Stage:
    """What all contests have: the scale, folders and the programs.

    :ivar disk: a folder on a disk, for what has to reach one; the other one may be in memory.
    """

    scale: Scale
    folder: Path
    disk: Path
    players: Players
    guests: Guests
    _kept: dict[str, Figures] = field(default_factory=dict)
    _measures: dict[str, Measure] = field(default_factory=dict)

    def source(self, work: Work) -> Path:
        """The folder of the work's instances, made when it is first asked for."""
        folder = self.folder / work.name
        return folder if folder.exists() else make(self.folder, work)

    def some(self, work: Work, count: int) -> tuple[Work, Path]:
        """The first of the instances of a work, for slow pairs."""
        folder = self.folder / f"{work.name}-first-{count}"
        some = Work(work.name, count, work.size)
        return some, folder if folder.exists() else some_of(self.source(work), folder, count)

    def our_send(self, work: Work) -> Measure:
        """Ours sends to a tuned storescp that stores; the same measure for all rows that compare with it."""

        def measure() -> float:
            with self.players.storescp(expect=work.count) as server:
                return rate(self.players.our_send(server.port, self.source(work)), work)

        return self._measures.setdefault(f"send {work.name}", measure)

    def our_receive(self, work: Work) -> Measure:
        """Ours receives from a tuned dcmsend, as the program does but without fsync; the same measure for all rows."""

        def measure() -> float:
            with self.players.our_listener(expect=work.count) as server:
                return rate(self.players.dcmsend(server.port, self.source(work)), work)

        return self._measures.setdefault(f"receive {work.name}", measure)

    def bare_receive(self, work: Work) -> Measure:
        """The same with a bare program instead of ours."""

        def measure() -> float:
            with self.guests.bare_receiver(expect=work.count) as server:
                return rate(self.players.dcmsend(server.port, self.source(work)), work)

        return self._measures.setdefault(f"bare receive {work.name}", measure)

    def figures(self, name: str, run: Callable[[], Mapping[str, float]]) -> Figures:
        """The same figures for all rows that use this name: who asks second takes what the first one measured."""
        return self._kept.setdefault(name, Figures(run))


@dataclass
class Figures:
    """One run gives several figures; each row that has asked for one takes it in turn.

    :ivar run: does the work once.
    """

    run: Callable[[], Mapping[str, float]]
    _waiting: list[tuple[str, deque[float]]] = field(default_factory=list)

    def figure(self, name: str) -> Measure:
        """One of the figures, for one contest."""
        waiting: deque[float] = deque()
        self._waiting.append((name, waiting))

        def measure() -> float:
            if not waiting:
                result = self.run()
                for known, values in self._waiting:
                    values.append(result[known])
            return waiting.popleft()

        return measure


Rows = Callable[[Stage], Iterator[Contest]]


def rate(run: Run, work: Work) -> float:
    """Instances a second of tiny ones, MB a second of others."""
    return work.count / run.seconds if work.name == "tiny" else work.total_bytes / 2**20 / run.seconds


def unit(work: Work) -> str:
    """What :func:`rate` is in."""
    return "instances/s" if work.name == "tiny" else "MB/s"


def disk_folder() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder where files usually go, which is a disk on most machines."""
    return tempfile.TemporaryDirectory(prefix="dicomgui-bench-")


def room_needed(scale: Scale) -> int:
    """Bytes of disk that a run takes at its worst: the sources, and one copy of the largest."""
    sources = sum(work.total_bytes for work in (scale.tiny, scale.ct, scale.big))
    sources += scale.stored * 6000 + scale.matches * 6000
    return math.ceil(1.1 * (sources + max(scale.huge, scale.big.total_bytes)))
