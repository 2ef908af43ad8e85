"""Costs of a hostile peer: the rows S1 (one request) and S2 (data sets without an end) of the project's budgets."""

from __future__ import annotations

from collections.abc import Iterator

from bench.contests import Contest, Measure, Rows, Stage
from bench.players import Serving
from helpers import hostile

UNFINISHED = 3
UNFINISHED_BYTES = 200_000_000


def _s1(stage: Stage) -> Iterator[Contest]:
    """One C-FIND whose identifier is a sequence of empty items: the longest wait of a C-ECHO beside it, and memory."""
    inputs = (
        ("4 MB plain", hostile.empty_items(hostile.PLAIN_ITEMS), hostile.EXPLICIT),
        ("deflated", hostile.empty_items(hostile.DEFLATED_ITEMS, deflated=True), hostile.DEFLATED),
    )
    for number, (what, data, syntax) in enumerate(inputs):

        def play(data: bytes = data, syntax: str = syntax) -> dict[str, float]:
            with stage.players.our_listener() as server:
                hostile.cost_of(server.port, server.process, "C-FIND", hostile.empty_items(1))  # loads what it needs
                cost = hostile.cost_of(server.port, server.process, "C-FIND", data, syntax)
            return {"wait": cost.longest_s, "growth": cost.growth_bytes / 2**20}

        figures = stage.figures(f"S1 {what}", play)
        for figure, text, unit, goal in (
            ("wait", "longest wait of a C-ECHO", "s", 0.25),
            ("growth", "growth", "MB", 64),
        ):
            work = f"{text} beside a hostile identifier, {what}"
            yield Contest("S1", work, "–", unit, goal, figures.figure(figure), None, True, is_variant=number > 0)


def _s2(stage: Stage) -> Iterator[Contest]:
    """Three associations with a data set that has no end, on C-ECHO and on C-FIND: growth of memory, in MB."""

    def growth(serving: Serving, name: str) -> float:
        size = UNFINISHED_BYTES
        return hostile.growth_of_unfinished(serving.port, serving.process, name, UNFINISHED, size) / 2**20

    def ours(name: str) -> Measure:
        def measure() -> float:
            with stage.players.our_listener() as server:
                return growth(server, name)

        return measure

    for name in ("C-ECHO", "C-FIND"):
        work = f"growth by {UNFINISHED} unfinished data sets of 200 MB on {name}"
        yield Contest("S2", work, "–", "MB", 64, ours(name), None, True, most=2, is_variant=name == "C-FIND")


GROUPS: dict[str, Rows] = {"S1": _s1, "S2": _s2}
