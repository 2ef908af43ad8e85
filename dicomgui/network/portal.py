"""An event loop in a thread of its own: asynchronous code for callers that block.

::

    with Portal("probe") as portal:
        response = portal.run(lambda: ask(peer))        # from any thread but the loop's own

What a coroutine returns or raises reaches the caller as it is. While it runs the calling thread waits, and nothing
else: whether there is a running event loop in that thread (a notebook) does not matter, since the portal has its own.

The child of a fork has no such thread: what was opened before the fork raises PortalStopped there, and what it opens
itself has a portal of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Generic, TypeVar

from dicomgui.network.errors import LocalProtocolError
from dicomgui.network.transport import TaskOwner, call_in_child, eager_event_loop, fork_count

__all__ = ["Portal", "PortalStopped", "hold_shared", "let_go_of", "shared_portal"]

WAIT_SLICE_S = 0.1 if sys.platform == "win32" else None
"""How long a thread waits at a time: on Windows a wait without end cannot be interrupted by Ctrl-C."""

LAST_LOOK_S = 0.1
"""How often an interrupted caller looks whether the portal's thread is still there to end its call."""

_T = TypeVar("_T")


class PortalStopped(LocalProtocolError):
    """The portal is not running, or it was stopped before the call ended."""


class _Call(Generic[_T]):
    """One coroutine that a thread waits for."""

    def __init__(self, function: Callable[[], Awaitable[_T]]) -> None:
        self.function = function
        self.future: Future[_T] = Future()
        self.task: asyncio.Task[None] | None = None

    async def work(self) -> None:
        """Run the coroutine; every fault is the caller's, so that none of them ends the loop."""
        try:
            self.future.set_result(await self.function())
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.future.set_exception(error)

    def finish(self, _task: object = None) -> None:
        """The task has ended; one that was cancelled has given no answer yet."""
        if not self.future.done():
            self.future.set_exception(PortalStopped("the call was cancelled before it ended"))

    def cancel(self) -> None:
        """End the coroutine; in the loop's thread."""
        if self.task is None:
            self.finish()
        else:
            self.task.cancel()

    def result(self) -> _T:
        """Wait for the end, and give or raise what came of it."""
        while not self.future.done():
            wait((self.future,), WAIT_SLICE_S)
        return self.future.result()


class Portal:
    """An event loop in a daemon thread, which runs coroutines for other threads.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`; it is started once. All methods may be called
    from several threads at once. What is open when the interpreter ends is stopped then.

    :param name: of the thread and, as a prefix, of the tasks.
    """

    def __init__(self, name: str = "portal") -> None:
        self._name = name
        self._lock = threading.RLock()  # an object that is collected inside of it may call run_soon
        self._accepts = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closers: set[Callable[[], Awaitable[None]]] = set()
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._ready: Future[None] = Future()
        self._forks = fork_count()
        self._cancel_calls = False

    @property
    def is_running(self) -> bool:
        """Whether calls are taken."""
        return self._accepts and not self.is_foreign

    @property
    def is_foreign(self) -> bool:
        """True where it is that of another process, which has forked since."""
        return self._forks != fork_count()

    def refuse_other_process(self) -> None:
        """Do nothing, unless this process is the child of a fork, and the portal its parent's.

        :raises PortalStopped: it is.
        """
        if self.is_foreign:
            raise PortalStopped(
                f"{self._name} belongs to the process that has forked this one", hint="Connect anew after the fork."
            )

    @property
    def is_own_thread(self) -> bool:
        """Whether the caller is in the loop's thread, where it must not wait for the loop."""
        return threading.current_thread() is self._thread

    def refuse_own_thread(self) -> None:
        """Do nothing, unless the caller is in the loop's own thread.

        :raises LocalProtocolError: it is, and whatever waits there for the loop would wait for itself.
        """
        if self.is_own_thread:
            raise LocalProtocolError(f"a blocking call in the thread of {self._name} would wait for itself")

    def start(self) -> None:
        """Start the thread; returns when its loop takes calls.

        :raises OSError: the system has no more handles for a loop.
        """
        self._thread.start()
        self._ready.result()
        atexit.register(self.stop)

    def run(self, function: Callable[[], Awaitable[_T]]) -> _T:
        """Call ``function`` in the loop's thread, await what it returns, and return or raise what came of it.

        KeyboardInterrupt in the waiting thread cancels the coroutine, waits until that has ended, and is raised on; a
        second one does not wait any longer.

        :raises PortalStopped: the portal does not run, or was stopped before the call ended.
        :raises LocalProtocolError: called in the loop's own thread, which would wait for itself.
        """
        self.refuse_own_thread()
        call = _Call(function)
        try:
            self._begin(call)
            return call.result()
        except BaseException:
            if not call.future.done():
                self._end(call)
            raise

    def run_soon(self, function: Callable[[], Awaitable[None]]) -> None:
        """Call and await ``function`` in the loop's thread, and wait for nothing; not once the portal has stopped."""
        with suppress(PortalStopped):
            self._begin(_Call(function))

    def call(self, function: Callable[[], _T]) -> _T:
        """Call a plain function where it cannot meet the loop at work: in the loop's thread, or here if that has ended.

        In the loop's own thread it is called at once.
        """
        if self.is_own_thread:
            return function()

        async def called() -> _T:
            return function()

        try:
            return self.run(called)
        except PortalStopped:
            self._wait_for_thread()
            return function()

    def adopt(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Have ``closer`` called and awaited when the portal is stopped, unless :meth:`disown` comes first."""
        self.refuse_other_process()
        with self._lock:
            self._closers.add(closer)

    def disown(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Forget what was adopted; does nothing where it was not."""
        if self.is_foreign:  # its lock may be held by a thread that is not here
            return
        with self._lock:
            self._closers.discard(closer)

    def stop(self, *, cancel: bool = True) -> None:
        """Close what was adopted, end the loop and its thread; returns when nothing of it is left.

        :param cancel: cancel the calls that still run; otherwise they are waited for, and the caller sees to it that
            they end.
        :raises LocalProtocolError: called in the loop's own thread, which would wait for itself.
        """
        self.refuse_own_thread()
        if self.is_foreign:
            return
        with self._lock:
            self._accepts = False
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._ask_to_stop, cancel)
        self._wait_for_thread()
        atexit.unregister(self.stop)

    def stop_soon(self) -> None:
        """Do the same as :meth:`stop` without waiting for the end; in any thread."""
        with self._lock:
            self._accepts = False
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._ask_to_stop, False)
        atexit.unregister(self.stop)

    def __enter__(self) -> Portal:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # of the calling threads

    def _begin(self, call: _Call[Any]) -> None:
        self.refuse_other_process()
        with self._lock:
            if not self._accepts or self._loop is None:
                raise PortalStopped(f"{self._name} is not running")
            self._loop.call_soon_threadsafe(self._spawn, call)

    def _end(self, call: _Call[Any]) -> None:
        """Cancel a call and wait for its end.

        An interrupt may have come before the call reached the loop, so that nothing may be left that would end it.
        """
        if self.is_foreign:
            return
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call.cancel)
        while self._thread.is_alive() and not call.future.done():
            wait((call.future,), LAST_LOOK_S)

    def _wait_for_thread(self) -> None:
        while self._thread.is_alive():
            self._thread.join(WAIT_SLICE_S)

    # of the loop's thread

    def _live(self) -> None:
        try:
            with asyncio.Runner(loop_factory=eager_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        self._tasks = TaskOwner(self._name)
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._accepts = True
        self._ready.set_result(None)
        await self._stopping.wait()
        await self._finish()
        with self._lock:
            self._loop = None

    async def _finish(self) -> None:
        """End the calls and close what was adopted; a second, sharper request to stop is heard meanwhile."""
        while len(self._tasks) and not self._cancel_calls:
            self._stopping.clear()
            self._settled()
            await self._stopping.wait()
        await self._tasks.close()
        while self._closers:
            closing = [self._tasks.spawn(_awaited(closer), name="close") for closer in self._closers]
            self._closers.clear()
            await asyncio.wait(closing)

    def _ask_to_stop(self, cancel: bool) -> None:
        self._cancel_calls = self._cancel_calls or cancel
        self._stopping.set()

    def _settled(self, _task: object = None) -> None:
        """One call less may be one to wait for."""
        if not self._accepts and not len(self._tasks):
            self._stopping.set()

    def _spawn(self, call: _Call[Any]) -> None:
        call.task = self._tasks.spawn(call.work(), name=getattr(call.function, "__name__", "call"))
        call.task.add_done_callback(call.finish)
        call.task.add_done_callback(self._settled)


async def _awaited(closer: Callable[[], Awaitable[None]]) -> None:
    await closer()


class _Shared:
    """The one portal of all blocking clients: started for the first of its users, stopped after the last."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._portal: Portal | None = None
        self._users = 0

    def forget(self) -> None:
        """Begin anew in the child of a fork: the portal, and who holds the lock, are the parent's."""
        self._lock, self._portal, self._users = threading.RLock(), None, 0

    def acquire(self) -> Portal:
        with self._lock:
            if self._portal is None or not self._portal.is_running:
                portal = Portal("dicomgui client")
                portal.start()
                self._portal, self._users = portal, 0
            self._users += 1
            return self._portal

    def release(self, portal: Portal) -> None:
        if portal.is_foreign:
            return
        with self._lock:
            if portal is not self._portal:
                return  # stopped at the end of the interpreter
            self._users -= 1
            if self._users:
                return
            self._portal = None
        if portal.is_own_thread:
            portal.stop_soon()
        else:
            portal.stop()


_shared = _Shared()
call_in_child(_shared.forget)


def hold_shared() -> Portal:
    """The shared portal for a use that outlives a block; :func:`let_go_of` ends it.

    :raises OSError: the system has no more handles for a loop.
    """
    return _shared.acquire()


def let_go_of(portal: Portal) -> None:
    """End one use of the shared portal; where it was the last, wait for its end, but in its own thread."""
    _shared.release(portal)


@contextmanager
def shared_portal() -> Iterator[Portal]:
    """The portal that all blocking clients share; it runs as long as anybody is in such a block.

    :raises OSError: the system has no more handles for a loop.
    """
    portal = _shared.acquire()
    try:
        yield portal
    finally:
        _shared.release(portal)
