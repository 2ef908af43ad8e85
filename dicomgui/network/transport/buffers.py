"""Where received bytes are put."""

from __future__ import annotations

import asyncio
import sys
import weakref
from typing import Final

__all__ = ["RECEIVE_BUFFER_BYTES", "receive_buffer"]

RECEIVE_BUFFER_BYTES: Final = 262_144
"""How much one read may take; what the socket holds beyond it waits for the next turn of the loop."""

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
