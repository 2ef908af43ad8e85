"""What is measured beside programs that wait: the rows V5 (as they are shipped) and V9 (pynetdicom, dcmjs-dimse)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from bench.contests import Contest, Measure, Rows, Stage, limit, rate, unit
from bench.data import Work
from bench.players import Run, Serving


def _v5(stage: Stage) -> Iterator[Contest]:
    """Peers as they are shipped; two of them wait for each other's delayed acknowledgements."""
    players, scale = stage.players, stage.scale

    def peer() -> float:
        few, source = stage.some(scale.tiny, scale.shipped)
        with players.storescp(tuned=False, expect=few.count) as server:
            return rate(players.dcmsend(server.port, source, tuned=False), few)

    def receive() -> float:
        with players.our_listener(expect=scale.tiny.count) as server:
            return rate(players.dcmsend(server.port, stage.source(scale.tiny), tuned=False), scale.tiny)

    def send() -> float:
        with players.storescp(tuned=False, expect=scale.tiny.count) as server:
            return rate(players.our_send(server.port, stage.source(scale.tiny)), scale.tiny)

    for text, ours in (("dcmsend as shipped → ours", receive), ("ours → storescp as shipped", send)):
        against, is_variant = "dcmsend → storescp as shipped", ours is send
        yield Contest("V5", f"{text}, tiny", against, "instances/s", 250.0, ours, peer, is_variant=is_variant)


def _v9(stage: Stage) -> Iterator[Contest]:
    """pynetdicom at its best, which waits 40 ms for each tiny object that it sends; dcmjs-dimse for information.

    The other end is the same tuned program of DCMTK. Who is slow gets fewer instances.
    """
    scale, guests = stage.scale, stage.guests

    def sends(work: Work, client: Callable[[int, Path], Run], count: int) -> Measure:
        def measure() -> float:
            some, source = stage.some(work, count)
            with stage.players.storescp(expect=count) as server:
                return rate(client(server.port, source), some)

        return measure

    def receives(work: Work, serve: Callable[[int], AbstractContextManager[Serving]], count: int) -> Measure:
        def measure() -> float:
            some, source = stage.some(work, count)
            with serve(count) as server:
                return rate(stage.players.dcmsend(server.port, source), some)

        return measure

    def pynetdicom(count: int) -> AbstractContextManager[Serving]:
        return guests.pynetdicom(expect=count)

    def pynetdicom_send(port: int, source: Path) -> Run:
        return guests.pynetdicom_user("send", port, source)

    for work, to_send, to_receive in ((scale.tiny, 200.0, 15.0), (scale.ct, 8.0, 8.0)):
        few, is_variant = min(work.count, scale.slow), work is scale.ct
        ours_sends, ours_receives = stage.our_send(work), stage.our_receive(work)
        for name, text, goal, ours, peer in (
            ("pynetdicom", "send", to_send, ours_sends, sends(work, pynetdicom_send, few)),
            ("pynetdicom", "receive", to_receive, ours_receives, receives(work, pynetdicom, few)),
            ("dcmjs-dimse", "send", None, ours_sends, sends(work, guests.dcmjs_send, few)),
            ("dcmjs-dimse", "receive", None, ours_receives, receives(work, guests.dcmjs, few)),
        ):
            row = Contest("V9", f"{text} {work.name}", name, unit(work), goal, ours, peer, is_variant=is_variant)
            yield row
            if goal is not None and ours is ours_receives:
                yield limit(row, stage.bare_receive(work))


GROUPS: dict[str, Rows] = {"V5": _v5, "V9": _v9}
