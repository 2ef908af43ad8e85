"""Where received bytes are put, and how queued ones are put together."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import weakref
from typing import Final

from dicomgui.network.association.machine import SendBuffer

__all__ = ["READ_ON_S", "RECEIVE_BUFFER_BYTES", "joined", "read_on", "receive_buffer"]

RECEIVE_BUFFER_BYTES: Final = 262_144
"""How much one read may take; what the socket holds beyond it waits for the next read."""

READ_ON_S: Final = 0.001
"""How long a connection that fills the buffer may go on to read before the others have their turn."""

MOST_JOINED_BYTES: Final = 65_536
"""Several small buffers are written as one up to this size: a copy is cheaper than a system call."""

_shared_buffers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview] = weakref.WeakKeyDictionary()


def receive_buffer(loop: asyncio.AbstractEventLoop) -> memoryview:
    """A buffer for a new connection.

    A selector loop reads and delivers in one step, so that all its connections can share one buffer: a thousand idle
    ones then cost no more than one. A proactor loop (Windows) reads ahead, and each connection needs its own.
    """
    if "Proactor" in type(loop).__name__ or sys.platform == "win32":
        return memoryview(bytearray(65_536))
    buffer = _shared_buffers.get(loop)
    if buffer is None:
        buffer = _shared_buffers[loop] = memoryview(bytearray(RECEIVE_BUFFER_BYTES))
    return buffer


def read_on(connection: socket.socket, buffer: memoryview) -> int:
    """Put into ``buffer`` what has come meanwhile; gives how many bytes, 0 where there are none.

    Where a read has filled the buffer, or ended in the middle of a message, the next bytes are mostly there, and a turn
    of the loop costs more than to look.
    That the peer has closed is 0, too: the loop sees it again.

    :raises OSError: the connection is lost. The system says so once: the loop will not see it.
    """
    if sys.platform == "win32":
        return 0
    try:
        return os.readv(connection.fileno(), (buffer,))
    except (BlockingIOError, InterruptedError):
        return 0


def joined(queued: list[SendBuffer]) -> list[SendBuffer]:
    """What is to be written, in as few pieces as are worth a copy."""
    return [b"".join(queued)] if len(queued) > 1 and sum(map(len, queued)) <= MOST_JOINED_BYTES else queued
