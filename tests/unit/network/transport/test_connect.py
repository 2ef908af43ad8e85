"""Every way in which a connection does not come about has its own error and its own record."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest

from dicomgui.network import (
    ConnectError,
    ConnectionRefused,
    ConnectTimeout,
    NameResolutionError,
    PeerAddress,
    SocketOptions,
    Timeouts,
    connect,
    serve,
)
from dicomgui.network.association.params import AETitle
from dicomgui.network.tracing import ConnectRecord, Record, ResolveRecord
from dicomgui.network.transport import connect as connect_module

PEER = PeerAddress(AETitle("X"), "pacs.example", 104)
QUICK = Timeouts(connect_s=0.05)


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    async def resolve(*args: Any) -> list[str]:
        return list(addresses)

    monkeypatch.setattr(connect_module, "look_up", resolve)


def connects_with(monkeypatch: pytest.MonkeyPatch, error: OSError | None) -> None:
    async def create(*args: Any, **options: Any) -> Any:
        if error is not None:
            raise error
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", create)


async def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    records: list[Record] = []

    async def fail(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(connect_module, "look_up", fail)
    with pytest.raises(NameResolutionError, match=r"pacs\.example") as caught:
        await connect(PEER, tracer=records.append)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.phase == "resolve"
    assert [record.error for record in records if isinstance(record, ResolveRecord)] != [""]


async def test_a_look_up_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*args: Any, **options: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(connect_module, "look_up", hang)
    with pytest.raises(ConnectTimeout) as caught:
        await connect(PEER, timeouts=QUICK)
    assert caught.value.phase == "resolve"
    assert isinstance(caught.value, TimeoutError)


async def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, "192.0.2.1", "192.0.2.2")
    connects_with(monkeypatch, None)
    records: list[Record] = []
    with pytest.raises(ConnectTimeout, match=r"0\.05 s") as caught:
        await connect(PEER, timeouts=QUICK, tracer=records.append)
    assert caught.value.phase == "connect"
    tried = [record.peer for record in records if isinstance(record, ConnectRecord)]
    assert tried == ["192.0.2.1:104", "192.0.2.2:104"]


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), ConnectionRefused, "nothing listens"),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), ConnectTimeout, "system's own limit"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), ConnectError, "No route to host"),
        (OSError("Multiple exceptions"), ConnectError, "Multiple exceptions"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_the_system_says(
    error: OSError, kind: type[Exception], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, "192.0.2.1")
    connects_with(monkeypatch, error)
    with pytest.raises(kind, match=text) as caught:
        await connect(PEER, timeouts=Timeouts(connect_s=None))
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error


async def test_the_next_address_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with await serve(port=0) as server:
        resolves_to(monkeypatch, "127.0.0.2", "127.0.0.1")
        address = f"X@pacs.example:{server.port}"
        async with connect(address, local_host="127.0.0.1") as assoc:
            assert assoc.timings.connect_s >= 0
            assert (await assoc.echo()).status.is_success


async def test_only_the_addresses_of_one_family_are_tried() -> None:
    async with await serve(port=0) as server:
        address = f"X@127.0.0.1:{server.port}"
        async with connect(address, sockets=SocketOptions(family="ipv4")) as assoc:
            assert (await assoc.echo()).status.is_success
        with pytest.raises(NameResolutionError, match="has no IPv6 address"):
            await connect(address, sockets=SocketOptions(family="ipv6"))


async def test_b25_ipv6_literals_are_written_in_brackets() -> None:
    async with await serve("::1", 0) as server:
        assert server.address == f"[::1]:{server.port}"
        records: list[Record] = []
        async with connect(PeerAddress(AETitle("X"), "::1", server.port), tracer=records.append):
            pass
        [record] = [record for record in records if isinstance(record, ConnectRecord)]
        assert record.peer == server.address


async def test_a_cancelled_connection_attempt_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, "192.0.2.1")
    connects_with(monkeypatch, None)
    task = asyncio.ensure_future(connect(PEER).__aenter__())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
