from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from dicomgui.network.transport.buffers import read_on, receive_buffer


async def test_a_loop_that_reads_ahead_gives_each_connection_its_own_buffer() -> None:
    class ProactorLoop:
        pass

    loop: Any = ProactorLoop()
    first, second = receive_buffer(loop), receive_buffer(loop)
    first[0] = 1
    assert second[0] == 0
    shared = asyncio.get_running_loop()
    assert receive_buffer(shared) is receive_buffer(shared)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a TCP connection; the first one does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


def test_reading_on_gives_what_is_there_and_never_waits(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    buffer = memoryview(bytearray(8))
    assert read_on(ours, buffer) == 0
    theirs.sendall(b"some")
    assert (read_on(ours, buffer), bytes(buffer[:4])) == (4, b"some")
    theirs.shutdown(socket.SHUT_WR)
    assert read_on(ours, buffer) == 0


def test_reading_on_tells_of_a_connection_that_is_lost(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    with pytest.raises(ConnectionResetError):
        read_on(ours, memoryview(bytearray(8)))
