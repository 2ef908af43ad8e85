"""What is measured of single messages and of associations: the rows V8, V10, V11 and V14 of the project's budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from bench.contests import PDU_16K, Contest, Measure, Rows, Stage, limit, rate
from bench.players import MAX_PDU, Run, Serving

Serve = Callable[[], AbstractContextManager[Serving]]


def _v8(stage: Stage) -> Iterator[Contest]:
    """The price of the trace, with PDUs of 16 KiB."""
    players, work = stage.players, stage.scale.ct

    def sending(way: str, pdu: int) -> Measure:
        def run() -> float:
            with players.storescp("--ignore", "-pdu", pdu) as server:
                return rate(players.our_send(server.port, stage.source(work), way), work)

        return run

    def receiving(way: str, pdu: int) -> Measure:
        def run() -> float:
            with players.our_listener(way, max_pdu=pdu, expect=work.count) as server:
                return rate(players.dcmsend(server.port, stage.source(work)), work)

        return run

    for pdu, goal in ((PDU_16K, 0.97), (MAX_PDU, None)):
        for text, make_run in (("send", sending), ("receive", receiving)):
            on, off = make_run("traced", pdu), make_run("network", pdu)
            text = f"{text} CT, trace on, {pdu // 1024} KiB PDUs"
            yield Contest(
                "V8", text, "trace off", "MB/s", goal, on, off, is_variant=goal is None or make_run is receiving
            )  # fmt: skip


def _v10(stage: Stage) -> Iterator[Contest]:
    """C-ECHO, one association."""
    players, guests, count = stage.players, stage.guests, stage.scale.echoes

    def our_scu() -> float:
        with players.storescp() as server:
            return count / players.our_echo(server.port, count).seconds

    def both_foreign() -> float:
        with players.storescp() as server:
            return count / players.echoscu(server.port, count).seconds

    def our_scp() -> float:
        with players.our_listener() as server:
            return count / players.echoscu(server.port, count).seconds

    def bare_scu() -> float:
        with players.storescp() as server:
            return count / guests.bare_user("echo", server.port, count).seconds

    def bare_scp() -> float:
        with guests.bare_provider() as server:
            return count / players.echoscu(server.port, count).seconds

    row = Contest("V10", f"{count} C-ECHO as SCU", "echoscu", "echoes/s", 1.0, our_scu, both_foreign)
    yield from (row, limit(row, bare_scu))
    row = Contest("V10", f"{count} C-ECHO as SCP", "storescp", "echoes/s", 0.9, our_scp, both_foreign)
    yield from (row, limit(row, bare_scp))


def _v11(stage: Stage) -> Iterator[Contest]:
    """Associations, each with a C-ECHO and a release, one after the other; bare sockets are the providers' user."""
    players, guests, many = stage.players, stage.guests, stage.scale.handshakes
    few = min(many, stage.scale.slow) // 2

    def our_user() -> float:
        with players.storescp() as server:
            return many / players.our_associations(server.port, many).seconds

    def pynetdicom_user() -> float:
        with players.storescp() as server:
            return few / guests.pynetdicom_user("associate", server.port, few).seconds

    def bare_user() -> float:
        with players.storescp() as server:
            return many / guests.bare_user("associate", server.port, many).seconds

    def provider(serve: Serve, count: int) -> Measure:
        def measure() -> float:
            with serve() as server:
                return 1 / guests.fresh(server.port, count).seconds

        return measure

    row = Contest(
        "V11", "associations with a C-ECHO, as SCU", "pynetdicom", "associations/s", 40.0, our_user, pynetdicom_user
    )
    yield from (row, limit(row, bare_user))
    ours = provider(players.our_listener, many)
    for name, peer, goal in (
        ("storescp", provider(players.storescp, many), 0.7),
        ("pynetdicom", provider(guests.pynetdicom, few), None),
    ):
        text, is_variant = "associations with a C-ECHO, as SCP", goal is None
        row = Contest("V11", text, name, "associations/s", goal, ours, peer, is_variant=is_variant)
        yield row
        if goal is not None:
            yield limit(row, provider(guests.bare_provider, many))


def _v14(stage: Stage) -> Iterator[Contest]:
    """TLS: what encryption leaves of the rates, and how many connections can be opened.

    No client of DCMTK opens more than one association; so ours opens them at both servers.
    """
    players, guests, work, count = stage.players, stage.guests, stage.scale.ct, stage.scale.handshakes

    def send(client: Callable[[int], Run]) -> Measure:
        def run() -> float:
            with players.storescp(*players.secured.storescp, expect=work.count) as server:
                return rate(client(server.port), work)

        return run

    def receive(serve: Serve) -> Measure:
        def run() -> float:
            with serve() as server:
                return rate(players.storescu(server.port, stage.source(work), *players.secured.storescu), work)

        return run

    def accept(serve: Serve) -> Measure:
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
    row = Contest(
        "V14", f"TLS receive CT ({work.text})", "storescp +tls", "MB/s", 1.2,
        receive(lambda: ours(work.count)), receive(lambda: theirs(work.count)),
    )  # fmt: skip
    yield row
    yield limit(row, receive(lambda: guests.bare_receiver(*players.secured.our_server, expect=work.count)))
    yield Contest(
        "V14", "associations over TLS as SCP", "storescp +tls", "associations/s", None,
        accept(ours), accept(theirs), is_variant=True,
    )  # fmt: skip


GROUPS: dict[str, Rows] = {"V8": _v8, "V10": _v10, "V11": _v11, "V14": _v14}
