"""The echo: its steps, its numbers, and what it says when it fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from helpers.bad_peer import Peer, bad_server, reached, response
from helpers.certificates import Authority, client_config, server_config

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import EchoResult, Step, echo
from dicomgui.network import (
    AcceptPolicy,
    AssociationRejected,
    ConnectionRefused,
    DicomNetworkError,
    Handlers,
    NameResolutionError,
    NoAcceptedContext,
    PeerAddress,
    Reply,
    ServerOptions,
    Status,
    Timeouts,
    TlsConfig,
    serve,
)
from dicomgui.network.pdu import Abort
from dicomgui.network.tracing import DimseRecord

OPTIONS = ConnectionOptions(timeouts=Timeouts(associate_s=20.0, response_s=20.0))


def peer_at(port: int) -> PeerAddress:
    return PeerAddress.parse(f"SCP@127.0.0.1:{port}")


def names(result: EchoResult) -> list[tuple[str, bool]]:
    return [(step.name, step.ok) for step in result.steps]


async def test_every_step_is_timed_and_told_as_it_ends() -> None:
    told: list[Step] = []
    with AppContext() as context:
        async with await serve(port=0) as server:
            result = await echo(context, peer_at(server.port), OPTIONS, on_step=told.append)
        assert any(isinstance(record, DimseRecord) for record in context.trace.records(result.association))
    assert result.ok
    assert names(result) == [(name, True) for name in ("resolve", "connect", "associate", "echo", "release")]
    assert tuple(told) == result.steps
    assert all(step.ms >= 0 for step in told)
    assert result.association > 0
    assert result.error is None
    assert result.status == 0
    assert result.findings == ()
    assert result.implementation_version_name.startswith("DICOMGUI_")
    assert result.implementation_class_uid
    assert result.peer_max_pdu_length == 131_072
    assert result.transfer_syntax.startswith("1.2.840.10008.1.2")
    assert result.tls is None
    assert result.steps[2].detail.startswith("DICOMGUI_")


async def test_repeated_echoes_give_minimum_median_and_p95() -> None:
    with AppContext(keep_trace=False) as context:
        async with await serve(port=0) as server:
            result = await echo(context, peer_at(server.port), OPTIONS, repeat=20)
    assert [step.name for step in result.steps].count("echo") == 20
    trips = sorted(result.round_trips_ms)
    assert result.min_ms == trips[0]
    assert result.p95_ms == trips[18]
    assert result.median_ms == (trips[9] + trips[10]) / 2


async def test_a_failure_status_is_a_result_and_ends_the_repetition() -> None:
    handlers = Handlers(on_echo=lambda request: Reply(Status(0x0110), "out of order"))
    with AppContext() as context:
        async with await serve(port=0, handlers=handlers) as server:
            result = await echo(context, peer_at(server.port), OPTIONS, repeat=5)
    assert not result.ok
    assert result.error is None
    assert result.status == 0x0110
    assert names(result)[-2:] == [("echo", False), ("release", True)]
    assert "out of order" in result.steps[-2].detail
    assert result.findings


async def test_a_closed_port_fails_at_the_connection() -> None:
    async with await serve(port=0) as server:
        port = server.port
    with AppContext() as context:
        result = await echo(context, peer_at(port), OPTIONS)
    assert names(result) == [("resolve", True), ("connect", False)]
    assert isinstance(result.error, ConnectionRefused)
    assert [finding.code for finding in result.findings] == ["closed-port"]
    assert not result.ok
    assert result.min_ms is result.median_ms is result.p95_ms is None
    assert result.peer_max_pdu_length is None
    assert "SCP@" not in result.steps[-1].detail


async def test_an_unknown_name_fails_at_the_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_args: object, **_more: object) -> list[object]:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("dicomgui.network.transport.connect.look_up", fail)
    with AppContext() as context:
        result = await echo(context, PeerAddress.parse("X@nowhere:104"), OPTIONS)
    assert names(result) == [("resolve", False)]
    assert isinstance(result.error, NameResolutionError)
    assert [finding.code for finding in result.findings] == ["name-not-found"]


async def test_a_rejection_fails_at_the_association() -> None:
    policy = ServerOptions(policy=AcceptPolicy(ae_title="OTHER", check_called=True))
    with AppContext() as context:
        async with await serve(port=0, ae_title="OTHER", options=policy) as server:
            result = await echo(context, peer_at(server.port), OPTIONS)
    assert names(result)[-1] == ("associate", False)
    assert isinstance(result.error, AssociationRejected)
    assert result.findings


async def test_a_refused_context_fails_at_the_echo() -> None:
    policy = ServerOptions(policy=AcceptPolicy(abstract_syntaxes=frozenset({"1.2.3"})))
    with AppContext() as context:
        async with await serve(port=0, options=policy) as server:
            result = await echo(context, peer_at(server.port), OPTIONS)
    assert names(result)[-2:] == [("associate", True), ("echo", False)]
    assert isinstance(result.error, NoAcceptedContext)
    assert result.transfer_syntax == ""


async def test_the_echo_during_which_the_peer_aborts_is_the_step_that_failed() -> None:
    async def abort_at_the_second(peer: Peer) -> None:
        await peer.accept()
        await peer.read_command()
        await peer.send(response(0x8030, 1))
        await peer.read_command()
        await peer.send(Abort(2, 0).encode())
        await peer.read_all()

    with AppContext() as context:
        async with bad_server(abort_at_the_second) as server:
            result = await echo(context, peer_at(server.port), OPTIONS, repeat=3)
            await reached(lambda: not server.tasks, "the script is done")
    assert names(result)[-2:] == [("echo", True), ("echo", False)]
    assert isinstance(result.error, DicomNetworkError)
    assert not result.ok
    assert len(result.round_trips_ms) == 1


async def test_a_peer_without_version_name_is_told_by_its_class_uid_or_not_at_all() -> None:
    async def answer(peer: Peer) -> None:
        await peer.accept()
        await peer.read_command()
        await peer.send(response(0x8030, 1))
        await peer.read()
        await peer.send(bytes.fromhex("06000000000400000000"))

    with AppContext() as context:
        async with bad_server(answer) as server:
            result = await echo(context, peer_at(server.port), OPTIONS)
            await reached(lambda: not server.tasks, "the script is done")
    assert result.ok
    assert "max PDU" in result.steps[2].detail


async def test_a_cancel_passes_and_ends_the_association() -> None:
    arrived = asyncio.Event()

    async def silent(peer: Peer) -> None:
        await peer.accept()
        await peer.read_command()
        arrived.set()
        await peer.read_all()

    with AppContext() as context:
        async with bad_server(silent) as server, asyncio.TaskGroup() as group:
            task = group.create_task(echo(context, peer_at(server.port), OPTIONS))
            await arrived.wait()
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled()
            await reached(lambda: not server.tasks, "the connection is gone")


async def test_tls_is_a_step_and_its_certificate_is_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with AppContext() as context:
        async with await serve(
            port=0, options=ServerOptions(AcceptPolicy(), tls=server_config(authority.issue("127.0.0.1")))
        ) as server:
            good = await echo(context, peer_at(server.port), ConnectionOptions(tls=client_config(authority)))
            other = ConnectionOptions(tls=client_config(Authority(tmp_path, "other")))
            bad = await echo(context, peer_at(server.port), other)
    assert good.ok
    assert names(good)[2] == ("tls", True)
    assert good.steps[2].detail.startswith("TLSv1.3, ")
    assert good.tls is not None
    assert good.tls.certificate is not None
    assert good.tls.certificate.names == ("127.0.0.1",)
    assert good.agreed is not None
    assert names(bad)[-1] == ("tls", False)
    assert bad.tls is not None
    assert bad.tls.certificate == good.tls.certificate


async def test_options_that_cannot_be_used_are_no_failed_step() -> None:
    with AppContext() as context:
        result = await echo(context, peer_at(1), ConnectionOptions(tls=TlsConfig(ca_file="/there/is/none.pem")))
    assert result.steps == ()
    assert result.association == 0
    assert "none.pem cannot be read" in result.findings[0].what
