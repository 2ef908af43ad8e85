"""What is measured: the rows V1, V3, V5, V8, V10, V14 and R1 of the project's budgets, each ours against a peer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.data import SMALLEST, Scale, Work, make, make_sparse, some_of
from bench.players import Players, Run, Serving

PDU_16K = 16_384
Measure = Callable[[], float]


@dataclass(frozen=True)
class Contest:
    """One row of the table.

    :ivar ours: does the work once, and gives a rate (or an amount, see ``less_is_better``) in ``unit``.
    :ivar peer: the same for whom we are compared with.
    :ivar goal: of ours / peer; of ours alone where ``less_is_better``; ``None`` where the row is only information.
    """

    id: str
    work: str
    against: str
    unit: str
    goal: float | None
    ours: Measure
    peer: Measure
    less_is_better: bool = False


@dataclass(frozen=True)
class Stage:
    """What all contests have: the scale, a folder and the programs."""

    scale: Scale
    folder: Path
    players: Players

    def source(self, work: Work) -> Path:
        """The folder of the work's instances, made when it is first asked for."""
        folder = self.folder / work.name
        return folder if folder.exists() else make(self.folder, work)

    def few(self) -> Path:
        """The tiny instances that slow pairs get."""
        folder = self.folder / "few"
        return folder if folder.exists() else some_of(self.source(self.scale.tiny), folder, self.scale.shipped)


def _rate(run: Run, work: Work) -> float:
    return work.count / run.seconds if work.name == "tiny" else work.total_bytes / 2**20 / run.seconds


def _unit(work: Work) -> str:
    return "instances/s" if work.name == "tiny" else "MB/s"


# -- the rows --------------------------------------------------------------------------------------------------------


def _v1(stage: Stage) -> Iterator[Contest]:
    """Send. The sink stores, or it takes no notice; both tuned, the same for both senders."""
    players, scale = stage.players, stage.scale

    def contest(work: Work, goal: float | None, sink: str, *options: str) -> Contest:
        expect = None if options else work.count

        def ours() -> float:
            with players.storescp(*options, expect=expect) as server:
                return _rate(players.our_send(server.port, stage.source(work)), work)

        def peer() -> float:
            with players.storescp(*options, expect=expect) as server:
                return _rate(players.dcmsend(server.port, stage.source(work)), work)

        return Contest("V1", f"send {work.name} ({work.text}) to {sink}", "dcmsend", _unit(work), goal, ours, peer)

    goals = ((scale.ct, 1.0), (scale.tiny, 1.2), (scale.big, 0.95))
    for work, goal in goals:
        yield contest(work, goal, "storescp")
    for work, _ in goals:
        yield contest(work, None, "storescp --ignore", "--ignore")


def _v3(stage: Stage) -> Iterator[Contest]:
    """Receive from dcmsend into the archive, without fsync."""
    players, scale = stage.players, stage.scale

    def contest(work: Work, goal: float | None, way: str, text: str) -> Contest:
        def ours() -> float:
            with players.our_listener(way, expect=work.count) as server:
                return _rate(players.dcmsend(server.port, stage.source(work)), work)

        def peer() -> float:
            with players.storescp(expect=work.count) as server:
                return _rate(players.dcmsend(server.port, stage.source(work)), work)

        return Contest("V3", f"{text} {work.name} ({work.text})", "storescp", _unit(work), goal, ours, peer)

    for work, goal in ((scale.ct, 1.1), (scale.tiny, 1.0), (scale.big, 1.3)):
        yield contest(work, goal, "app", "receive")
    for work in (scale.ct, scale.tiny, scale.big):
        yield contest(work, None, "network", "receive without any tracer")


def _v5(stage: Stage) -> Iterator[Contest]:
    """Peers as they are shipped; two of them wait for each other's delayed acknowledgements."""
    players, scale = stage.players, stage.scale
    few = Work("tiny", scale.shipped, scale.tiny.size)

    def peer() -> float:
        with players.storescp(tuned=False, expect=few.count) as server:
            return _rate(players.dcmsend(server.port, stage.few(), tuned=False), few)

    def receive() -> float:
        with players.our_listener(expect=scale.tiny.count) as server:
            return _rate(players.dcmsend(server.port, stage.source(scale.tiny), tuned=False), scale.tiny)

    def send() -> float:
        with players.storescp(tuned=False, expect=scale.tiny.count) as server:
            return _rate(players.our_send(server.port, stage.source(scale.tiny)), scale.tiny)

    for text, ours in (("dcmsend as shipped → ours", receive), ("ours → storescp as shipped", send)):
        yield Contest("V5", f"{text}, tiny", "dcmsend → storescp as shipped", "instances/s", 250.0, ours, peer)


def _v8(stage: Stage) -> Iterator[Contest]:
    """The price of the trace, with PDUs of 16 KiB."""
    players, work = stage.players, stage.scale.ct

    def sending(way: str) -> Measure:
        def run() -> float:
            with players.storescp("--ignore", "-pdu", PDU_16K) as server:
                return _rate(players.our_send(server.port, stage.source(work), way), work)

        return run

    def receiving(way: str) -> Measure:
        def run() -> float:
            with players.our_listener(way, max_pdu=PDU_16K, expect=work.count) as server:
                return _rate(players.dcmsend(server.port, stage.source(work)), work)

        return run

    for text, make_run in (("send", sending), ("receive", receiving)):
        on, off = make_run("traced"), make_run("network")
        yield Contest("V8", f"{text} CT, trace on, 16 KiB PDUs", "trace off", "MB/s", 0.97, on, off)


def _v10(stage: Stage) -> Iterator[Contest]:
    """C-ECHO, one association."""
    players, count = stage.players, stage.scale.echoes

    def our_scu() -> float:
        with players.storescp() as server:
            return count / players.our_echo(server.port, count).seconds

    def both_foreign() -> float:
        with players.storescp() as server:
            return count / players.echoscu(server.port, count).seconds

    def our_scp() -> float:
        with players.our_listener() as server:
            return count / players.echoscu(server.port, count).seconds

    yield Contest("V10", f"{count} C-ECHO as SCU", "echoscu", "echoes/s", 1.0, our_scu, both_foreign)
    yield Contest("V10", f"{count} C-ECHO as SCP", "storescp", "echoes/s", 0.9, our_scp, both_foreign)


def _v14(stage: Stage) -> Iterator[Contest]:
    """TLS: what encryption leaves of the rates, and how many connections can be opened.

    No client of DCMTK opens more than one association; so ours opens them at both servers.
    """
    players, work, count = stage.players, stage.scale.ct, stage.scale.handshakes

    def send(client: Callable[[int], Run]) -> Measure:
        def run() -> float:
            with players.storescp(*players.secured.storescp, expect=work.count) as server:
                return _rate(client(server.port), work)

        return run

    def receive(serve: Callable[[], AbstractContextManager[Serving]]) -> Measure:
        def run() -> float:
            with serve() as server:
                return _rate(players.storescu(server.port, stage.source(work), *players.secured.storescu), work)

        return run

    def accept(serve: Callable[[], AbstractContextManager[Serving]]) -> Measure:
        def run() -> float:
            with serve() as server:
                return count / players.our_associations(server.port, count, *players.secured.our_client).seconds

        return run

    def ours(expect: int | None = None) -> AbstractContextManager[Serving]:
        return players.our_listener("app", *players.secured.our_server, expect=expect)

    def theirs(expect: int | None = None) -> AbstractContextManager[Serving]:
        return players.storescp(*players.secured.storescp, expect=expect)

    def our_client(port: int) -> Run:
        return players.our_send(port, stage.source(work), "app", *players.secured.our_client)

    def their_client(port: int) -> Run:
        return players.storescu(port, stage.source(work), *players.secured.storescu)

    yield Contest(
        "V14", f"TLS send CT ({work.text})", "storescu +tls", "MB/s", 0.8, send(our_client), send(their_client)
    )
    yield Contest(
        "V14", f"TLS receive CT ({work.text})", "storescp +tls", "MB/s", 1.2,
        receive(lambda: ours(work.count)), receive(lambda: theirs(work.count)),
    )
    yield Contest(
        "V14", f"{count} associations over TLS as SCP", "storescp +tls", "associations/s", None,
        accept(ours), accept(theirs),
    )


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
        yield Contest("R1", f"growth of peak memory, {text} {size}", name, "MB", 8.0, growth(ours), growth(peer), True)


GROUPS: dict[str, Callable[[Stage], Iterator[Contest]]] = {
    "V1": _v1, "V3": _v3, "V5": _v5, "V8": _v8, "V10": _v10, "V14": _v14, "R1": _r1,
}


def room_needed(scale: Scale) -> int:
    """Bytes of disk that a run takes at its worst: the sources, and one copy of the largest."""
    sources = sum(work.total_bytes for work in (scale.tiny, scale.ct, scale.big))
    return math.ceil(1.1 * (sources + max(scale.huge, scale.big.total_bytes)))
