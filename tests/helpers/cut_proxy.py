"""A TCP proxy on the loopback that can be told to cut, reset, freeze or slow down what goes through it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class CutProxy:
    """Forwards connections until a number of bytes has passed.

    :ivar forward_limit: bytes towards the server before ``how`` happens; ``None`` is no limit.
    :ivar backward_limit: the same towards the client.
    :ivar how: ``close`` both ends, ``reset`` both, or ``freeze``: everything is kept open and nothing more passes.
    :ivar passed: bytes that went through, forward and backward, of the last connection.
    """

    target_port: int
    forward_limit: int | None = None
    backward_limit: int | None = None
    how: str = "close"
    port: int = 0
    passed: list[int] = field(default_factory=lambda: [0, 0])
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    ending: set[asyncio.Task[Any]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.passed = [0, 0]
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
            ends.append(far_writer)
            ways = (
                self._copy(reader, far_writer, 0, self.forward_limit),
                self._copy(far_reader, writer, 1, self.backward_limit),
            )
            copies = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
                if self.how == "freeze" and any(copy.done() and copy.result() for copy in copies):
                    await asyncio.Event().wait()
            finally:
                for copy in copies:
                    copy.cancel()
                await asyncio.gather(*copies, return_exceptions=True)
        except asyncio.CancelledError:
            task.uncancel()  # the end of the test; the streams of Python 3.11 take it for a fault
        finally:
            self.ending.add(task)
            for end in ends:
                await self._end(end)
            self.tasks.discard(task)

    async def _copy(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: int, limit: int | None
    ) -> bool:
        """Copy until the end (false) or the limit (true)."""
        with contextlib.suppress(ConnectionError):
            while limit is None or self.passed[way] < limit:
                data = await source.read(65_536 if limit is None else limit - self.passed[way])
                if not data:
                    return False
                self.passed[way] += len(data)
                sink.write(data)
                await sink.drain()
            return True
        return False

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        if self.how == "reset":
            with contextlib.suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def cut_proxy(target_port: int, **how: Any) -> AsyncIterator[CutProxy]:
    """Listen and forward to ``target_port``; what is still open at the end is ended."""
    proxy = CutProxy(target_port, **how)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listener.close()
        for task in proxy.tasks - proxy.ending:
            task.cancel()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)
        await listener.wait_closed()
