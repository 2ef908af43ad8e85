"""What asyncio's transport does for a protocol, the direct one does as well, and begins sooner."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import pytest
from helpers.bad_peer import reached, time_passes

from dicomgui.network.transport.direct import DirectTransport

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its loop does not watch sockets")

MUCH = bytes(range(256)) * 65_536
"""More than a socket takes while nobody reads."""


class Noting(asyncio.BufferedProtocol):
    """Notes what it is told."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.told: list[str] = []
        self.got = b""
        self.error: Exception | None = None
        self._buffer = memoryview(bytearray(65_536))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.told.append("made")

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.got += self._buffer[:nbytes]

    def eof_received(self) -> None:
        self.told.append("eof")

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")
        self.error = exc


class Failing(Noting):
    """Cannot take what comes."""

    def buffer_updated(self, nbytes: int) -> None:
        raise ValueError("a fault of ours")


Open: TypeAlias = Callable[[Noting], Awaitable[Noting]]


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Ours, and the peer's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        ours.setblocking(False)
        theirs, _ = server.accept()
        theirs.setblocking(False)
        with ours, theirs:
            yield ours, theirs


@pytest.fixture(params=["direct", "asyncio"])
async def opened(request: pytest.FixtureRequest, ends: tuple[socket.socket, socket.socket]) -> AsyncIterator[Open]:
    """Opens a connection for a protocol, by either transport."""
    loop = asyncio.get_running_loop()
    protocols: list[Noting] = []

    async def open_it(protocol: Noting) -> Noting:
        protocols.append(protocol)
        if request.param == "direct":
            DirectTransport(loop, ends[0], protocol).begin()
        else:
            await loop.create_connection(lambda: protocol, sock=ends[0])
        return protocol

    yield open_it
    for protocol in protocols:
        if "lost" not in protocol.told:
            protocol.transport.abort()
        await reached(lambda one=protocol: "lost" in one.told, "the end")  # type: ignore[misc]


async def read(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await asyncio.get_running_loop().sock_recv(peer, 1 << 20)
        assert more, "closed too early"
        data += more
    return data


async def test_who_begins_a_connection_finds_its_protocol_told(ends: tuple[socket.socket, socket.socket]) -> None:
    protocol = Noting()
    DirectTransport(asyncio.get_running_loop(), ends[0], protocol).begin()
    assert protocol.told == ["made"]
    protocol.transport.close()
    assert protocol.told == ["made"], "its end comes in a turn of its own"
    await reached(lambda: protocol.told == ["made", "lost"], "the end")
    assert ends[0].fileno() == -1


async def test_bytes_go_both_ways(opened: Open, ends: tuple[socket.socket, socket.socket]) -> None:
    protocol = await opened(Noting())
    protocol.transport.write(b"there")
    assert await read(ends[1], 5) == b"there"
    ends[1].send(b"back")
    await reached(lambda: protocol.got == b"back", "the answer")


async def test_its_two_places_and_its_socket_are_known(opened: Open, ends: tuple[socket.socket, socket.socket]) -> None:
    transport = (await opened(Noting())).transport
    assert transport.get_extra_info("peername") == ends[1].getsockname()
    assert transport.get_extra_info("sockname") == ends[1].getpeername()
    assert transport.get_extra_info("socket").fileno() == ends[0].fileno()
    assert transport.get_extra_info("sslcontext", "none") == "none"


async def test_who_writes_too_much_is_told_to_wait_until_most_is_sent(
    opened: Open, ends: tuple[socket.socket, socket.socket]
) -> None:
    protocol = await opened(Noting())
    protocol.transport.set_write_buffer_limits(high=100_000)
    protocol.transport.write(MUCH)
    protocol.transport.write(memoryview(b"and more"))
    assert protocol.told == ["made", "pause"]
    assert protocol.transport.get_write_buffer_size() > 100_000
    assert await read(ends[1], len(MUCH) + 8) == MUCH + b"and more"
    await reached(lambda: not protocol.transport.get_write_buffer_size(), "all is sent")
    assert protocol.told == ["made", "pause", "resume"]


async def test_many_pieces_that_wait_go_in_their_order(opened: Open, ends: tuple[socket.socket, socket.socket]) -> None:
    protocol = await opened(Noting())
    pieces = [b"%d," % number for number in range(1000)]
    protocol.transport.write(MUCH)
    for piece in pieces:
        protocol.transport.write(piece)
        protocol.transport.write(b"")
    whole = MUCH + b"".join(pieces)
    assert await read(ends[1], len(whole)) == whole
    await reached(lambda: "resume" in protocol.told, "all is sent")
    assert protocol.transport.get_write_buffer_size() == 0


async def test_a_close_sends_what_is_left_first(opened: Open, ends: tuple[socket.socket, socket.socket]) -> None:
    protocol = await opened(Noting())
    protocol.transport.set_write_buffer_limits(high=len(MUCH))
    protocol.transport.write(MUCH)
    protocol.transport.close()
    assert protocol.transport.is_closing()
    assert await read(ends[1], len(MUCH)) == MUCH
    assert await asyncio.get_running_loop().sock_recv(ends[1], 1) == b""
    assert protocol.told == ["made", "lost"]
    assert protocol.error is None


async def test_an_abort_does_not_wait_for_the_peer(opened: Open) -> None:
    protocol = await opened(Noting())
    protocol.transport.write(MUCH)
    protocol.transport.abort()
    protocol.transport.write(b"too late")
    await reached(lambda: "lost" in protocol.told, "the end")
    assert protocol.told == ["made", "pause", "lost"]
    assert protocol.error is None
    assert protocol.transport.get_write_buffer_size() == 0


async def test_nothing_is_read_after_a_close(opened: Open, ends: tuple[socket.socket, socket.socket]) -> None:
    protocol = await opened(Noting())
    protocol.transport.write(MUCH)
    protocol.transport.close()
    protocol.transport.close()
    ends[1].send(b"unheard")
    await time_passes(0.01)
    assert protocol.got == b""
    assert protocol.told == ["made", "pause"]


async def test_the_end_of_the_peer_ends_it(opened: Open, ends: tuple[socket.socket, socket.socket]) -> None:
    protocol = await opened(Noting())
    ends[1].send(b"last")
    ends[1].close()
    await reached(lambda: "lost" in protocol.told, "the end")
    assert (protocol.told, protocol.got, protocol.error) == (["made", "eof", "lost"], b"last", None)


async def test_a_reset_is_told_as_what_it_is(opened: Open, ends: tuple[socket.socket, socket.socket]) -> None:
    protocol = await opened(Noting())
    ends[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ends[1].close()
    await reached(lambda: "lost" in protocol.told, "the end")
    assert isinstance(protocol.error, ConnectionResetError)
    assert protocol.told == ["made", "lost"]


@pytest.mark.parametrize("unsent", [b"", MUCH], ids=["at once", "later"])
async def test_a_write_that_fails_ends_it(
    opened: Open, ends: tuple[socket.socket, socket.socket], unsent: bytes
) -> None:
    protocol = await opened(Noting())
    protocol.transport.pause_reading()
    protocol.transport.write(unsent)
    ends[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ends[1].close()
    protocol.transport.write(b"into nothing")
    await reached(lambda: "lost" in protocol.told, "the end")
    assert isinstance(protocol.error, OSError)


async def test_reading_pauses_and_goes_on(opened: Open, ends: tuple[socket.socket, socket.socket]) -> None:
    protocol = await opened(Noting())
    protocol.transport.pause_reading()
    protocol.transport.pause_reading()
    assert not protocol.transport.is_reading()
    ends[1].send(b"waits")
    await time_passes(0.01)
    assert protocol.got == b""
    protocol.transport.resume_reading()
    await reached(lambda: protocol.got == b"waits", "it goes on")


async def test_a_fault_of_the_protocol_is_reported_and_ends_the_connection(
    opened: Open, ends: tuple[socket.socket, socket.socket]
) -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
    protocol = await opened(Failing())
    ends[1].send(b"anything")
    await reached(lambda: "lost" in protocol.told, "the end")
    assert [report["exception"] for report in reports] == [protocol.error]
    assert isinstance(protocol.error, ValueError)


async def test_a_protocol_that_does_not_take_its_connection_is_rid_of_it(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    class Unwilling(Noting):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            raise ValueError("a fault of ours")

    protocol = Unwilling()
    with pytest.raises(ValueError, match="a fault of ours"):
        DirectTransport(asyncio.get_running_loop(), ends[0], protocol).begin()
    await reached(lambda: ends[0].fileno() == -1, "it is closed")


async def test_a_protocol_may_pause_or_close_as_soon_as_it_is_told(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    class Hasty(Noting):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self.transport.pause_reading()

    protocol = Hasty()
    DirectTransport(asyncio.get_running_loop(), ends[0], protocol).begin()
    ends[1].send(b"waits")
    await time_passes(0.01)
    assert protocol.got == b""
    protocol.transport.resume_reading()
    await reached(lambda: protocol.got == b"waits", "it goes on")
    protocol.transport.abort()
    await reached(lambda: "lost" in protocol.told, "the end")


async def test_one_side_closes_alone_once_all_is_sent(opened: Open, ends: tuple[socket.socket, socket.socket]) -> None:
    protocol = await opened(Noting())
    assert protocol.transport.can_write_eof()
    protocol.transport.write(MUCH)
    protocol.transport.write_eof()
    protocol.transport.write_eof()
    assert await read(ends[1], len(MUCH)) == MUCH
    assert await asyncio.get_running_loop().sock_recv(ends[1], 1) == b""
    ends[1].send(b"still heard")
    await reached(lambda: protocol.got == b"still heard", "the other side")
    with pytest.raises(RuntimeError):
        protocol.transport.write(b"more")


async def test_one_side_closes_at_once_where_nothing_is_left(
    opened: Open, ends: tuple[socket.socket, socket.socket]
) -> None:
    (await opened(Noting())).transport.write_eof()
    assert await asyncio.get_running_loop().sock_recv(ends[1], 1) == b""


async def test_a_protocol_may_go_on_to_write_after_the_end_of_the_peer(
    opened: Open, ends: tuple[socket.socket, socket.socket]
) -> None:
    class Lasting(Noting):
        def eof_received(self) -> bool:  # type: ignore[override]
            super().eof_received()
            return True

    protocol = await opened(Lasting())
    ends[1].shutdown(socket.SHUT_WR)
    await reached(lambda: protocol.told == ["made", "eof"], "the end of the peer")
    protocol.transport.write(b"last words")
    assert await read(ends[1], 10) == b"last words"
    assert not protocol.transport.is_closing()


async def test_the_address_of_a_peer_that_has_gone_is_what_it_was_when_it_came(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    protocol = Noting()
    peer = ends[1].getsockname()
    ends[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ends[1].close()
    DirectTransport(asyncio.get_running_loop(), ends[0], protocol, peer).begin()
    assert protocol.transport.get_extra_info("peername") == peer
    await reached(lambda: "lost" in protocol.told, "the end")


async def test_an_end_for_what_was_read_is_told_as_soon_as_that_is_taken(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    class Satisfied(Noting):
        def buffer_updated(self, nbytes: int) -> None:
            super().buffer_updated(nbytes)
            self.transport.close()
            self.told.append("taken")
            asyncio.get_running_loop().call_soon(self.told.append, "next turn")

    protocol = Satisfied()
    DirectTransport(asyncio.get_running_loop(), ends[0], protocol).begin()
    ends[1].send(b"anything")
    await reached(lambda: "next turn" in protocol.told, "the next turn")
    assert protocol.told == ["made", "taken", "lost", "next turn"]
    assert ends[0].fileno() == -1


@pytest.mark.parametrize("end", ["abort", "close"])
async def test_who_may_write_again_may_end_it_instead(ends: tuple[socket.socket, socket.socket], end: str) -> None:
    class Weary(Noting):
        def resume_writing(self) -> None:
            super().resume_writing()
            getattr(self.transport, end)()

    loop, number = asyncio.get_running_loop(), ends[0].fileno()
    protocol = Weary()
    DirectTransport(loop, ends[0], protocol).begin()
    protocol.transport.set_write_buffer_limits(high=100_000, low=0)
    protocol.transport.write(MUCH)
    while await loop.sock_recv(ends[1], 1 << 20):
        pass
    await reached(lambda: "lost" in protocol.told, "the end")
    await time_passes(0.01)
    assert protocol.told == ["made", "pause", "resume", "lost"]
    assert not loop.remove_writer(number), "the loop watches it no more"
