"""What is measured of memory: the rows R1 (huge objects) and R2 (idle connections) of the project's budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from bench.contests import Contest, Measure, Rows, Stage
from bench.data import SMALLEST, make_sparse
from bench.players import Serving, resident_kb

FRESH = 10
"""Associations that are opened beside the idle ones; the median counts."""


def _r1(stage: Stage) -> Iterator[Contest]:
    """How much more memory the process needs at its peak for a huge object than for a tiny one, in MB."""
    players, scale = stage.players, stage.scale

    def source(size: int) -> Path:
        folder = stage.folder / f"sparse-{size}"
        return folder if folder.exists() else make_sparse(stage.folder, size)

    def growth(peak: Callable[[Path], int]) -> Measure:
        return lambda: (peak(source(scale.huge)) - peak(source(SMALLEST))) / 1024

    def our_sender(folder: Path) -> int:
        with players.storescp("--ignore") as server:
            return players.our_send(server.port, folder).peak_kb

    def dcmsend(folder: Path) -> int:
        with players.storescp("--ignore") as server:
            return players.dcmsend(server.port, folder, watch=True).peak_kb

    def our_listener(folder: Path) -> int:
        with players.our_listener(expect=1) as server:
            players.dcmsend(server.port, folder)
        return server.peak_kb

    def storescp(folder: Path) -> int:
        with players.storescp(expect=1) as server:
            players.dcmsend(server.port, folder)
        return server.peak_kb

    size = f"from 2 KB to {scale.huge / 2**20:g} MB"
    for text, ours, name, peer in (
        ("send", our_sender, "dcmsend", dcmsend),
        ("receive", our_listener, "storescp", storescp),
    ):
        yield Contest(
            "R1",
            f"growth of peak memory, {text} {size}",
            name,
            "MB",
            8.0,
            growth(ours),
            growth(peer),
            True,
            most=2,
            is_variant=text == "receive",
        )


def _r2(stage: Stage) -> Iterator[Contest]:
    """What connections cost on which nothing happens, and how long a fresh association takes beside them."""
    players, guests, scale = stage.players, stage.guests, stage.scale

    def beside(
        serve: Callable[[], AbstractContextManager[Serving]], count: int, *, associated: bool
    ) -> Callable[[], dict[str, float]]:
        def measure() -> dict[str, float]:
            with serve() as server:
                guests.fresh(server.port, FRESH)  # what the first associations load is not what others cost
                before = resident_kb(server.process)
                with guests.idle(server.port, count, associated=associated):
                    each = (resident_kb(server.process) - before) / count
                    fresh = guests.fresh(server.port, FRESH).seconds
            return {"each": each, "fresh": fresh * 1000}

        return measure

    few = min(scale.associations, scale.slow // 2)  # with more, pynetdicom takes minutes to open them
    usual = stage.figures("R2 associations", beside(players.our_listener, scale.associations, associated=True))
    threads = stage.figures("R2 pynetdicom", beside(guests.pynetdicom, few, associated=True))
    bare = stage.figures("R2 connections", beside(players.our_listener, scale.connections, associated=False))
    for figure, what, unit, goal in (
        ("each", "memory of each of", "KB", 20.0),
        ("fresh", "a fresh association beside", "ms", 50.0),
    ):
        text = f"{what} {scale.associations} idle associations"
        yield Contest(
            "R2", text, f"pynetdicom with {few}", unit, goal, usual.figure(figure), threads.figure(figure), True, most=2
        )
        text = f"{what} {scale.connections} connections without one"
        yield Contest("R2", text, "–", unit, goal, bare.figure(figure), None, True, is_variant=True)


GROUPS: dict[str, Rows] = {"R1": _r1, "R2": _r2}
