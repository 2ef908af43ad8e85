"""What is measured of sending: the rows V1 and V2 of the project's budgets, and those that are only for comparison."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from bench.contests import PDU_16K, Contest, Measure, Rows, Stage, limit, rate, unit
from bench.data import Work
from bench.players import Serving

ASSOCIATIONS = ((4, 2.5), (16, 3.0))


def _v1(stage: Stage) -> Iterator[Contest]:
    """Send. The sink stores, or it takes no notice; both tuned, the same for both senders."""
    scale = stage.scale
    goals = ((scale.tiny, 1.2), (scale.ct, 1.0), (scale.big, 0.95))
    for work, goal in goals:
        yield _send(stage, work, goal, "storescp", is_variant=work is not scale.tiny)
    for work, _ in goals:
        yield _send(stage, work, None, "storescp --ignore", "--ignore", is_variant=True)
    yield _send(stage, scale.ct, None, "storescp, 16 KiB PDUs", "-pdu", PDU_16K, is_variant=True)
    yield _send(stage, scale.ct, None, "storescp", client="storescu", is_variant=True)


def _send(
    stage: Stage, work: Work, goal: float | None, sink: str, *options: object, client: str = "dcmsend",
    is_variant: bool = False,
) -> Contest:  # fmt: skip
    players = stage.players
    their_client = players.dcmsend if client == "dcmsend" else players.storescu

    def serve() -> AbstractContextManager[Serving]:
        return players.storescp(*options, expect=None if "--ignore" in options else work.count)

    def ours() -> float:
        with serve() as server:
            return rate(players.our_send(server.port, stage.source(work)), work)

    def peer() -> float:
        with serve() as server:
            return rate(their_client(server.port, stage.source(work)), work)

    text = f"send {work.name} ({work.text}) to {sink}"
    measure = ours if options else stage.our_send(work)
    return Contest("V1", text, client, unit(work), goal, measure, peer, is_variant=is_variant)


def _v2(stage: Stage) -> Iterator[Contest]:
    """Send over several associations at once, to a sink that has a process for each, and to an archive."""
    players, work = stage.players, stage.scale.tiny

    def to_processes(associations: int) -> Measure:
        def measure() -> float:
            with players.storescp("--fork", expect=work.count) as server:
                source = stage.source(work)
                return rate(players.our_send(server.port, source, "app", "--associations", associations), work)

        return measure

    def bare_to_processes(associations: int) -> Measure:
        def measure() -> float:
            with players.storescp("--fork", expect=work.count) as server:
                return rate(stage.guests.bare_send(server.port, stage.source(work), associations), work)

        return measure

    def to_orthanc(associations: int) -> Measure:
        def measure() -> float:
            with stage.guests.orthanc(expect=work.count) as server:
                source = stage.source(work)
                return rate(players.our_send(server.port, source, "app", "--associations", associations), work)

        return measure

    for associations, goal in ASSOCIATIONS:
        text = f"send tiny ({work.text}) over {associations} associations to"
        row = Contest(
            "V2", f"{text} storescp --fork", "our own one", unit(work), goal, to_processes(associations),
            to_processes(1), is_variant=associations > 4,
        )  # fmt: skip
        bare = limit(row, bare_to_processes(associations))
        yield from (row, replace(bare, against="its own one", peer=bare_to_processes(1)))
        yield Contest(
            "V2", f"{text} Orthanc", "our own one", unit(work), None, to_orthanc(associations), to_orthanc(1),
            most=1, is_variant=True,
        )  # fmt: skip


GROUPS: dict[str, Rows] = {"V1": _v1, "V2": _v2}
