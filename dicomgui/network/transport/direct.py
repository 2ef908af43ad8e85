"""A transport for a connection that is there already, without the turns of the loop that asyncio takes to begin one.

asyncio tells a protocol of its connection in the next turn of the loop, and who has asked for it in the one after that;
one that was accepted takes a task and three turns. For an association with one message that is a tenth of its time.
Here the protocol is told at once. For the rest it is asyncio's transport again, as far as our protocols use one. It is
for asyncio's own loop and those built on it; others, such as uvloop's, have faster transports, or watch no sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections import deque
from itertools import islice
from typing import Any, Final

__all__ = ["DirectTransport", "is_direct"]

_HIGH_WATER_BYTES: Final = 65_536
"""asyncio's own limit of unsent bytes, for a protocol that sets none."""

_MOST_PIECES: Final = 64
"""Pieces that are sent by one system call; the systems allow some more."""

_WOULD_BLOCK: Final = (BlockingIOError, InterruptedError)


def is_direct(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether connections of this loop can have a :class:`DirectTransport`, and gain by it."""
    return sys.platform != "win32" and isinstance(loop, asyncio.SelectorEventLoop)


class DirectTransport(asyncio.Transport):
    """Moves the bytes of one connection.

    As with asyncio, ``connection_lost`` does not come before who asks for the end has returned; but where that is the
    protocol, while it takes what was read, it comes as soon as all of that is taken, and not a turn of the loop later.

    :param connection: a connected TCP socket that does not block; it belongs to the transport from now on.
    :param peer: its address, where that is known: of a peer that has gone already the system does not know it any more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: socket.socket,
        protocol: asyncio.BufferedProtocol,
        peer: object = None,
    ) -> None:
        super().__init__()
        self._peer = peer
        self._loop = loop
        self._socket = connection
        self._number = connection.fileno()
        self._protocol = protocol
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._high_water, self._low_water = _HIGH_WATER_BYTES, _HIGH_WATER_BYTES // 4
        self._is_full = False  # as the protocol was told
        self._is_paused = False
        self._is_closing = False
        self._is_half_closed = False  # by us, or about to be
        self._is_over = False  # the end has been told, or is about to be
        self._error: Exception | None = None
        self._is_reading = False  # the protocol takes what was read

    def begin(self) -> None:
        """Tell the protocol of its connection, and read from now on."""
        try:
            self._protocol.connection_made(self)
        except BaseException:
            self.abort()
            raise
        if not self._is_closing and not self._is_paused:
            self._loop.add_reader(self._number, self._read)

    # what asyncio.Transport offers

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The ``socket``, or where it begins or ends: ``sockname`` and ``peername``."""
        try:
            match name:
                case "socket":
                    return self._socket
                case "sockname":
                    return self._socket.getsockname()
                case "peername":
                    return self._peer or self._socket.getpeername()
        except OSError:  # the peer has cut it already
            pass
        return default

    def is_closing(self) -> bool:
        """Whether it is closed, or will be."""
        return self._is_closing

    def is_reading(self) -> bool:
        """Whether bytes of the peer are taken."""
        return not self._is_closing and not self._is_paused

    def pause_reading(self) -> None:
        """Take no more bytes of the peer."""
        if self.is_reading():
            self._is_paused = True
            self._loop.remove_reader(self._number)

    def resume_reading(self) -> None:
        """Take them again."""
        if self._is_paused and not self._is_closing:
            self._is_paused = False
            self._loop.add_reader(self._number, self._read)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """How many unsent bytes are too many, and few enough again; a quarter of the former by default."""
        self._high_water = _HIGH_WATER_BYTES if high is None else high
        self._low_water = self._high_water // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        """How many bytes are not sent yet."""
        return self._unsent_bytes

    def can_write_eof(self) -> bool:
        """Whether our side can be closed alone."""
        return True

    def write_eof(self) -> None:
        """Close our side once all is sent; nothing may be written any more."""
        if not self._is_half_closed and not self._is_closing:
            self._is_half_closed = True
            if not self._unsent:
                self._shut_down()

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send, at once as far as the system takes it; the rest is not copied, and must not change until it is sent."""
        if self._is_half_closed:
            raise RuntimeError("our side of the connection is closed")
        if self._is_over or not data:
            return
        sent = 0
        if not self._unsent:
            try:
                sent = self._socket.send(data)
            except _WOULD_BLOCK:
                pass
            except OSError as error:
                self._lose(error)
                return
            if sent == len(data):
                return
            self._loop.add_writer(self._number, self._write)
        self._unsent.append(memoryview(data)[sent:])
        self._unsent_bytes += len(data) - sent
        if not self._is_full and self._unsent_bytes > self._high_water:
            self._is_full = True
            self._protocol.pause_writing()

    def close(self) -> None:
        """Read nothing more, and close once all is sent."""
        if self._is_closing:
            return
        self._is_closing = True
        self._loop.remove_reader(self._number)
        if not self._unsent:
            self._finish(None)

    def abort(self) -> None:
        """Close at once; unsent bytes are lost."""
        self._lose(None)

    # inner workings

    def _read(self) -> None:
        if self._is_closing:  # by another callback of this turn
            return
        protocol = self._protocol
        self._is_reading = True
        try:
            try:
                count = self._socket.recv_into(protocol.get_buffer(-1))
            except _WOULD_BLOCK:
                return
            if count:
                protocol.buffer_updated(count)
            elif protocol.eof_received():
                self._loop.remove_reader(self._number)
            else:
                self.close()
        except Exception as error:
            self._fail(error)
        finally:
            self._is_reading = False
        if self._is_over:
            self._end()

    def _write(self) -> None:
        if self._is_over:
            return
        try:
            self._drop(self._socket.sendmsg(islice(self._unsent, _MOST_PIECES)))
        except _WOULD_BLOCK:
            return
        except OSError as error:
            self._lose(error)
            return
        if self._is_full and self._unsent_bytes <= self._low_water:
            self._is_full = False
            self._protocol.resume_writing()  # which may write more, or end it
        if self._unsent:
            return
        self._loop.remove_writer(self._number)
        if self._is_closing:
            self._finish(None)
        elif self._is_half_closed:
            self._shut_down()

    def _drop(self, sent: int) -> None:
        """So many bytes have been sent."""
        unsent = self._unsent
        self._unsent_bytes -= sent
        while sent:
            first = unsent.popleft()
            if len(first) > sent:
                unsent.appendleft(first[sent:])
                return
            sent -= len(first)

    def _shut_down(self) -> None:
        with contextlib.suppress(OSError):  # the peer has gone
            self._socket.shutdown(socket.SHUT_WR)

    def _fail(self, error: Exception) -> None:
        """The connection broke, or the protocol did."""
        if not isinstance(error, OSError):
            self._loop.call_exception_handler(
                {"message": "a protocol failed", "exception": error, "transport": self, "protocol": self._protocol}
            )
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if self._is_over:
            return
        self._loop.remove_reader(self._number)
        self._loop.remove_writer(self._number)
        self._unsent.clear()
        self._unsent_bytes = 0
        self._is_closing = True
        self._finish(error)

    def _finish(self, error: Exception | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._error = error
            if not self._is_reading:
                self._loop.call_soon(self._end)

    def _end(self) -> None:
        try:
            self._protocol.connection_lost(self._error)
        finally:
            self._socket.close()
