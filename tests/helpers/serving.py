"""Servers in a thread of their own, for tests whose code under test runs the event loop itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from queue import SimpleQueue
from typing import TypeVar

_T = TypeVar("_T")

START_S = 60.0
"""How long a server may take to start: the machine may be busy."""


@contextlib.contextmanager
def in_thread(make: Callable[[], AbstractAsyncContextManager[_T]]) -> Iterator[_T]:
    """Enter the context manager that ``make`` gives in a loop of its own thread; leave it at the end."""
    started: SimpleQueue[tuple[_T, Callable[[], object]] | BaseException] = SimpleQueue()

    async def live() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        try:
            async with make() as entered:
                started.put((entered, lambda: loop.call_soon_threadsafe(stop.set)))
                await stop.wait()
        except BaseException as error:
            started.put(error)
            raise

    thread = threading.Thread(target=asyncio.run, args=(live(),), name="server")
    thread.start()
    answer = started.get(timeout=START_S)
    if isinstance(answer, BaseException):
        thread.join()
        raise answer
    entered, stop = answer
    try:
        yield entered
    finally:
        stop()
        thread.join()
