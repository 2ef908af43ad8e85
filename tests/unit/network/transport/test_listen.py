"""What can go wrong when a port is to be opened, in words, and how connections are taken."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.bad_peer import reached, time_passes

from dicomgui.network import ListenError, serve
from dicomgui.network.transport import listen
from dicomgui.network.transport.listen import Listener, is_port_free, open_listener

WORDS = [
    (OSError(errno.EADDRINUSE, "in use"), "in use by another program", "another port"),
    (PermissionError(errno.EACCES, "denied"), "administrator rights", "above 1023"),
    (OSError(errno.EADDRNOTAVAIL, "not available"), "does not belong to this computer", "127.0.0.1"),
    (socket.gaierror(socket.EAI_NONAME, "unknown"), "the name has no address", "127.0.0.1"),
    (OSError(errno.EMFILE, "Too many open files"), "Too many open files", "127.0.0.1"),
    (OverflowError("port must be 0-65535"), "port must be 0-65535", "127.0.0.1"),
]


@pytest.mark.parametrize(("error", "text", "hint"), WORDS, ids=[row[1] for row in WORDS])
async def test_each_fault_has_its_words(
    error: Exception, text: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: Any, **options: Any) -> Any:
        raise error

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", fail)
    with pytest.raises(ListenError, match=text) as caught:
        await serve("127.0.0.1", 104)
    assert "127.0.0.1:104" in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.__cause__ is error


async def test_a_port_on_which_somebody_begins_to_listen_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, backlog: int) -> None:
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(socket.socket, "listen", refuse)
    with pytest.raises(ListenError, match="in use by another program"):
        await serve("127.0.0.1", 0)


def test_a_port_is_free_until_somebody_listens_on_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert not is_port_free("127.0.0.1", port)
    assert is_port_free("127.0.0.1", port)


@pytest.fixture
async def reports() -> list[dict[str, Any]]:
    """What the loop was told of faults."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: told.append(report))
    return told


class Noting(asyncio.BufferedProtocol):
    """Notes whom it is connected with."""

    def __init__(self, known: list[Noting]) -> None:
        known.append(self)
        self.peer: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.peer = transport.get_extra_info("peername")
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


async def listen_for(known: list[Noting]) -> Listener:
    return await open_listener(lambda: Noting(known), "127.0.0.1", 0)  # type: ignore[arg-type, return-value]


async def test_more_than_are_taken_at_once_are_all_taken() -> None:
    known: list[Noting] = []
    listener = await listen_for(known)
    peers = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(3 * listen.ACCEPTED_AT_ONCE)]
    await reached(lambda: len(known) == len(peers), "all are taken")
    assert {one.peer for one in known} == {peer.getsockname() for peer in peers}
    for peer in peers:
        peer.close()
    listener.close()
    assert (listener.port, listener.is_serving) == (0, False)
    await listener.wait_closed()


@contextlib.contextmanager
def without_handles(code: int) -> Iterator[list[None]]:
    """A system that has no handle for a connection; how often it was asked."""
    asked: list[None] = []

    def accept(self: socket.socket) -> Any:
        asked.append(None)
        raise OSError(code, os.strerror(code))

    with pytest.MonkeyPatch.context() as full:
        full.setattr(socket.socket, "accept", accept)
        yield asked


async def test_a_system_without_handles_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, reports: list[dict[str, Any]]
) -> None:
    known: list[Noting] = []
    listener = await listen_for(known)
    monkeypatch.setattr(listen, "RETRY_S", 0.2)
    with without_handles(errno.EMFILE) as asked:
        peer = socket.create_connection(("127.0.0.1", listener.port))
        await reached(lambda: bool(asked), "the system is asked")
        await time_passes(0.01)
        assert len(asked) == 1, "it is not asked again and again meanwhile"
    assert [report["exception"].errno for report in reports] == [errno.EMFILE]
    await reached(lambda: len(known) == 1, "it is taken later")
    peer.close()
    listener.close()


async def test_who_closes_while_there_are_no_handles_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, reports: list[dict[str, Any]]
) -> None:
    known: list[Noting] = []
    listener = await listen_for(known)
    monkeypatch.setattr(listen, "RETRY_S", 0.01)
    with without_handles(errno.ENFILE):
        peer = socket.create_connection(("127.0.0.1", listener.port))
        await reached(lambda: bool(reports), "the system is asked")
    listener.close()
    await time_passes(0.03)
    assert not known
    assert len(reports) == 1
    peer.close()


async def test_a_connection_that_cannot_be_begun_is_closed_and_the_next_one_taken(
    reports: list[dict[str, Any]],
) -> None:
    known: list[Noting] = []

    def make() -> Any:
        if not reports:
            raise ValueError("a fault of ours")
        return Noting(known)

    listener = await open_listener(make, "127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", listener.port)) as first:
        first.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(first, 1) == b""
    with socket.create_connection(("127.0.0.1", listener.port)):
        await reached(lambda: len(known) == 1, "the next one is taken")
    assert [str(report["exception"]) for report in reports] == ["a fault of ours"]
    listener.close()


async def test_who_closes_over_a_connection_takes_no_other_one() -> None:
    known: list[Noting] = []

    def make() -> Any:
        listener.close()
        return Noting(known)

    listener = await open_listener(make, "127.0.0.1", 0)
    peers = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(2)]
    await reached(lambda: bool(known), "the first is taken")
    await time_passes(0.01)
    assert len(known) == 1
    for peer in peers:
        peer.close()
