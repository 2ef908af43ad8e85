"""What is measured of receiving: the rows V3, V4, V6 and V15 of the project's budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from bench.contests import PDU_16K, Contest, Measure, Rows, Stage, limit, rate, unit
from bench.data import Work
from bench.players import MAX_PDU, Serving, environment

Serve = Callable[[], AbstractContextManager[Serving]]


def _from_dcmsend(stage: Stage, work: Work, serve: Serve) -> Measure:
    def measure() -> float:
        with serve() as server:
            return rate(stage.players.dcmsend(server.port, stage.source(work)), work)

    return measure


def _v3(stage: Stage) -> Iterator[Contest]:
    """Receive from dcmsend into the archive, without fsync."""
    scale = stage.scale
    goals = ((scale.tiny, 1.0), (scale.ct, 1.1), (scale.big, 1.3))
    for work, goal in goals:
        row = _receive(stage, work, goal, "receive", is_variant=work is not scale.tiny)
        yield from (row, limit(row, stage.bare_receive(work)))
    for work, _ in goals:
        yield _receive(stage, work, None, "receive without any tracer", way="network", is_variant=True)
    yield _receive(stage, scale.ct, None, "receive in 16 KiB PDUs", pdu=PDU_16K, is_variant=True)
    yield _against_dcmrecv(stage, scale.tiny)
    yield _against_dcmrecv(stage, scale.ct, is_variant=True)
    yield from _walked(stage)


def _walked(stage: Stage) -> Iterator[Contest]:
    """The price of the structural walk: with it, against the same listener without it."""
    for work, goal in ((stage.scale.tiny, 0.9), (stage.scale.ct, 0.97), (stage.scale.big, 0.97)):

        def unwalked(work: Work = work) -> AbstractContextManager[Serving]:
            return stage.players.our_listener("app", "--unwalked", expect=work.count)

        yield Contest(
            "V3", f"receive {work.name} ({work.text})", "ours without the structural walk", unit(work), goal,
            stage.our_receive(work), _from_dcmsend(stage, work, unwalked), is_variant=True,
        )  # fmt: skip


def _receive(
    stage: Stage, work: Work, goal: float | None, text: str, *, way: str = "app", pdu: int = MAX_PDU,
    is_variant: bool = False,
) -> Contest:  # fmt: skip
    def serve() -> AbstractContextManager[Serving]:
        return stage.players.our_listener(way, max_pdu=pdu, expect=work.count)

    def peer() -> AbstractContextManager[Serving]:
        return stage.players.storescp("-pdu", pdu, expect=work.count)

    is_usual = way == "app" and pdu == MAX_PDU
    ours = stage.our_receive(work) if is_usual else _from_dcmsend(stage, work, serve)
    return Contest(
        "V3", f"{text} {work.name} ({work.text})", "storescp", unit(work), goal, ours,
        _from_dcmsend(stage, work, peer), is_variant=is_variant,
    )  # fmt: skip


def _against_dcmrecv(stage: Stage, work: Work, *, is_variant: bool = False) -> Contest:
    config = stage.folder / "dcmrecv.cfg"

    def peer() -> AbstractContextManager[Serving]:
        config.write_text(_DCMRECV, encoding="ascii")
        return stage.players.storescp("-xf", config, "Default", name="dcmrecv", expect=work.count)

    return Contest(
        "V3", f"receive {work.name} ({work.text})", "dcmrecv", unit(work), None,
        stage.our_receive(work), _from_dcmsend(stage, work, peer), is_variant=is_variant,
    )  # fmt: skip


_DCMRECV = """\
[[TransferSyntaxes]]
[Uncompressed]
TransferSyntax1 = LocalEndianExplicit
TransferSyntax2 = LittleEndianImplicit
[[PresentationContexts]]
[Storage]
PresentationContext1 = CTImageStorage\\Uncompressed
[[Profiles]]
[Default]
PresentationContexts = Storage
"""


def _v4(stage: Stage) -> Iterator[Contest]:
    """Against storescp as it is shipped, which decodes what it stores, but with TCP_NODELAY."""
    scale = stage.scale
    for work, goal in ((scale.ct, 1.5), (scale.tiny, None), (scale.big, None)):

        def peer(work: Work = work) -> AbstractContextManager[Serving]:
            env = environment(tuned=True)
            return stage.players.storescp(tuned=False, env=env, expect=work.count)

        yield Contest(
            "V4", f"receive {work.name} ({work.text})", "storescp as shipped, TCP_NODELAY", unit(work), goal,
            stage.our_receive(work), _from_dcmsend(stage, work, peer), is_variant=work is not scale.tiny,
        )  # fmt: skip


def _v6(stage: Stage) -> Iterator[Contest]:
    """Nothing is answered before it is safe from a power cut, and is indexed; on a disk, whoever else is measured."""
    players, scale, disk = stage.players, stage.scale, stage.disk
    work = Work("synced", scale.synced, scale.ct.size)

    def ours(*options: str) -> Serve:
        return lambda: players.our_listener("app", *options, expect=work.count, place=disk)

    def storescp() -> AbstractContextManager[Serving]:
        return players.storescp(expect=work.count, place=disk)

    def orthanc() -> AbstractContextManager[Serving]:
        return stage.guests.orthanc(fsync=True, expect=work.count, place=disk)

    def bare() -> AbstractContextManager[Serving]:
        return stage.guests.bare_receiver("--fsync", expect=work.count, place=disk)

    text = f"receive CT ({work.text}) on a disk, with fsync"
    synced, bare_synced = _from_dcmsend(stage, work, ours("--fsync")), _from_dcmsend(stage, work, bare)
    for against, peer, goal in (
        ("storescp without", storescp, 0.5), ("Orthanc with fsync", orthanc, 4.0), ("ours without", ours(), None),
    ):  # fmt: skip
        their = _from_dcmsend(stage, work, peer)
        row = Contest("V6", text, against, "MB/s", goal, synced, their, is_variant=goal is None)
        yield row
        if goal is not None:
            yield limit(row, bare_synced)


def _v15(stage: Stage) -> Iterator[Contest]:
    """The protocol alone, between two sockets in Python: what ours makes of it, and what they do by themselves."""
    players, guests, scale = stage.players, stage.guests, stage.scale

    def receive(work: Work) -> Measure:
        def measure() -> float:
            with players.our_listener("nothing", expect=work.count) as server:
                return rate(guests.source(server.port, stage.source(work)), work)

        return measure

    def send(work: Work) -> Measure:
        def measure() -> float:
            with guests.sink(work.count) as server:
                return rate(players.our_send(server.port, stage.source(work)), work)

        return measure

    def bare(work: Work) -> Measure:
        def measure() -> float:
            with guests.sink(work.count) as server:
                return rate(guests.source(server.port, stage.source(work)), work)

        return measure

    for work, goal in ((scale.ct, 0.6), (scale.tiny, None)):
        text, is_variant = f"{work.name} ({work.text})", work is not scale.ct
        for way, ours, wanted in (("receive into nothing", receive, goal), ("send to a bare socket sink", send, None)):
            yield Contest(
                "V15", f"{way}, {text}", "bare sockets", unit(work), wanted, ours(work), bare(work),
                is_variant=is_variant or wanted is None,
            )  # fmt: skip


GROUPS: dict[str, Rows] = {"V3": _v3, "V4": _v4, "V6": _v6, "V15": _v15}
