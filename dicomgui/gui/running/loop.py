"""The program's one event loop: asyncio inside Qt's loop, with asyncio's timer contract kept.

qasync gives each callback a Qt timer of its own: a cancelled one lives on until it would have fired, a sleep may end
too early, handles have no ``when()`` and ``call_soon_threadsafe`` returns nothing. :class:`AppLoop` keeps the handles
itself, as asyncio does: a queue of what is ready, and a heap of what is due later, with two Qt timers in all.

On Linux it asks for ready sockets itself, too. qasync has Qt tell of each socket, so that every read or write costs a
turn of Qt's loop: much received in small pieces takes twice as long. There the selector of asyncio is kept, and Qt only
watches that selector: when it is ready, callbacks and sockets are served as asyncio serves them, for one slice of time.

It leans on private names of qasync and asyncio, so qasync's version is pinned and a test runs the same programs on both
loops.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import TYPE_CHECKING, Protocol, TypeVarTuple, Unpack

from PySide6.QtCore import QObject, QSocketNotifier, Qt, QTimerEvent, Signal
from PySide6.QtWidgets import QApplication

from dicomgui.network import EagerLoop

if TYPE_CHECKING:

    class _Selector(Protocol):
        """What asyncio knows its sockets by, as far as it is used here."""

        def fileno(self) -> int: ...
        def look(self) -> list[object]: ...
        def waited(self, seconds: float) -> None: ...

    class _QtLoop(asyncio.SelectorEventLoop):
        """What qasync's loop is on POSIX; it has no type hints."""

        _selector: _Selector

        def __init__(self, app: QApplication) -> None: ...
        def _check_closed(self) -> None: ...
        def _process_events(self, events: list[object]) -> None: ...

elif sys.platform == "linux":
    import qasync

    class _QtLoop(qasync._QEventLoop, EagerLoop):
        """qasync's loop, with the selector of our other loops and asyncio's own way of using it."""

        _add_reader = asyncio.SelectorEventLoop._add_reader
        _remove_reader = asyncio.SelectorEventLoop._remove_reader
        _add_writer = asyncio.SelectorEventLoop._add_writer
        _remove_writer = asyncio.SelectorEventLoop._remove_writer

        def _before_run_forever(self) -> None:
            """qasync calls it; there is nothing to do."""

        def _after_run_forever(self) -> None:
            """The same."""

else:
    from qasync import QEventLoop as _QtLoop

__all__ = ["AppLoop", "new_event_loop"]

_log = logging.getLogger(__name__)
_Ts = TypeVarTuple("_Ts")

EXECUTOR_THREADS = 4
"""Threads for short blocking work such as a name look-up. qasync's default starts ten at once."""

SLICE_S = 0.005
"""How long callbacks run on end before Qt gets its turn to paint and to take clicks."""

_LONGEST_MS = 24 * 3600 * 1000  # a Qt timer counts milliseconds in 32 bits; a later one is armed again
_MIN_CANCELLED = 100  # below that many dead handles the heap is not worth cleaning


class _Timer(asyncio.TimerHandle):
    __slots__ = ()

    if TYPE_CHECKING:
        _scheduled: bool


class _Waker(QObject):
    """The loop's two Qt timers, and the way into the loop from another thread."""

    called = Signal()

    def __init__(self, run_ready: Callable[[], None], run_due: Callable[[], None]) -> None:
        super().__init__()
        self._run_ready = run_ready
        self._run_due = run_due
        self._soon = 0
        self._later = 0
        self.called.connect(self.wake, Qt.ConnectionType.QueuedConnection)

    def wake(self) -> None:
        """Run what is ready in the next turn of Qt's loop."""
        if not self._soon:
            # A timer, not a posted event: those that are posted meanwhile run before Qt looks at sockets again.
            self._soon = self.startTimer(0)

    @property
    def is_awake(self) -> bool:
        """Whether what is ready runs in the next turn of Qt's loop."""
        return bool(self._soon)

    def rest(self) -> None:
        """Nothing is ready."""
        if self._soon:
            self.killTimer(self._soon)
            self._soon = 0

    def arm(self, delay_s: float) -> None:
        """Look for handles that are due after ``delay_s``, never before."""
        self.disarm()
        milliseconds = min(_LONGEST_MS, max(0, math.ceil(delay_s * 1000)))
        self._later = self.startTimer(milliseconds, Qt.TimerType.PreciseTimer)

    def disarm(self) -> None:
        """No handle waits."""
        if self._later:
            self.killTimer(self._later)
            self._later = 0

    def timerEvent(self, event: QTimerEvent) -> None:
        if event.timerId() == self._later:
            self.disarm()
            self._run_due()
        else:
            self._run_ready()


class AppLoop(_QtLoop):
    """qasync's loop with asyncio's own way of keeping handles.

    :param app: the one ``QApplication``.
    """

    def __init__(self, app: QApplication) -> None:
        self._handles: deque[asyncio.Handle] = deque()
        self._heap: list[tuple[float, int, _Timer]] = []
        self._order = itertools.count()
        self._dead = 0
        self._armed_for = math.inf
        self._called = False
        self._in_slice = False
        self._overruns = 0
        self._resting_since = -math.inf
        self._notifier: QSocketNotifier | None = None
        self._fatal: BaseException | None = None
        self._waker = _Waker(self._run_ready, self._run_due)
        super().__init__(app)
        if sys.platform == "linux":
            # Where a selector is a file that is readable when one of its sockets is ready.
            self._notifier = QSocketNotifier(self._selector.fileno(), QSocketNotifier.Type.Read)
            self._notifier.activated.connect(self._on_sockets_ready)
        self.set_default_executor(ThreadPoolExecutor(EXECUTOR_THREADS, thread_name_prefix="dicomgui"))

    # ---------------------------------------------------------------------------------------------------------- handles

    def call_soon(
        self, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run ``callback`` in the next turn, after what was ready before."""
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._add_callback(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` after ``delay`` seconds, never before."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` when :meth:`time` has reached ``when``."""
        self._check_closed()
        handle = _Timer(when, callback, args, self, context)
        heapq.heappush(self._heap, (when, next(self._order), handle))
        handle._scheduled = True
        if when < self._armed_for:
            self._arm(when)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """The same as :meth:`call_soon`, from any thread.

        :raises RuntimeError: the loop is closed.
        """
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._handles.append(handle)
        if not self._called:  # one signal wakes for all that came since; the flag falls before the queue is read
            self._called = True
            self._waker.called.emit()
        return handle

    def _add_callback(self, handle: asyncio.Handle, delay: float = 0) -> asyncio.Handle:
        """What asyncio and qasync call for handles of their own: signals, sockets."""
        self._handles.append(handle)
        if not self._in_slice:  # else the end of the slice sees it
            self._waker.wake()
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A handle counts itself out; when the dead are many they leave the heap."""
        self._dead += 1
        if self._dead > _MIN_CANCELLED and self._dead * 2 > len(self._heap):
            self._heap = [item for item in self._heap if not item[2].cancelled()]
            heapq.heapify(self._heap)
            self._dead = 0

    # ---------------------------------------------------------------------------------------------------------- running

    def take_overruns(self) -> int:
        """How many slices since the last call ended before all was done; each takes :data:`SLICE_S`."""
        overruns, self._overruns = self._overruns, 0
        return overruns

    def _on_sockets_ready(self) -> None:
        if not self._waker.is_awake:
            self._selector.waited(time.monotonic() - self._resting_since)
            self._run_ready()

    def _run_ready(self) -> None:
        """Run what is ready, and what becomes ready meanwhile, for at most a slice; the rest waits for a turn.

        Where Qt's events are processed while the loop stands still, as qasync does at its end, nothing runs: a task
        would find no running loop.
        """
        if not self.is_running() or asyncio._get_running_loop() is not self:
            self._waker.rest()
            return
        self._called = False
        self._in_slice = True
        end = time.monotonic() + SLICE_S
        # Sockets are looked at only when all that was ready before has run: a callback that still waits would be
        # queued a second time.
        while self._run_queue(end):
            if not self._look_at_sockets() or not self.is_running():
                break
        else:
            self._overruns += 1
        self._in_slice = False
        if self._handles:
            self._waker.wake()
        else:
            self._waker.rest()
            self._resting_since = time.monotonic()

    def _run_queue(self, end: float) -> bool:
        """Run what is in the queue now; whether there was time for all."""
        handles = self._handles
        for _ in range(len(handles)):
            handle = handles.popleft()
            if not handle.cancelled():
                self._run_handle(handle)
                if time.monotonic() >= end:
                    return False
        return True

    def _look_at_sockets(self) -> bool:
        """Queue the callbacks of ready sockets; whether anything is in the queue, and may run in this slice."""
        if self._notifier is None:
            return False
        self._process_events(self._selector.look())
        return bool(self._handles)

    def _run_handle(self, handle: asyncio.Handle) -> None:
        start = time.monotonic() if self.get_debug() else 0.0
        try:
            handle._run()
        except (SystemExit, KeyboardInterrupt) as exc:
            self._fatal = exc
            self.stop()
        if start and (took := time.monotonic() - start) >= self.slow_callback_duration:
            _log.warning("%r took %.3f s", handle, took)

    def _run_due(self) -> None:
        """Move what is due to the ready queue and arm the timer for the next."""
        heap = self._heap
        now = self.time()
        self._armed_for = math.inf
        while heap:
            when, _, handle = heap[0]
            if handle.cancelled():
                self._dead = max(0, self._dead - 1)
            elif when > now:
                break
            else:
                self._handles.append(handle)
            heapq.heappop(heap)
            handle._scheduled = False
        if heap:
            self._arm(heap[0][0])
        if self._handles:
            self._waker.wake()

    def _arm(self, when: float) -> None:
        self._armed_for = when
        self._waker.arm(when - self.time())

    def run_forever(self) -> None:
        """Run Qt's loop until :meth:`stop`."""
        self._fatal = None
        if self._handles:
            self._waker.wake()
        super().run_forever()
        if self._fatal is not None:
            raise self._fatal

    def close(self) -> None:
        """Let go of all; handles that still wait never run."""
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier = None
        super().close()
        self._handles.clear()
        self._heap.clear()
        self._waker.rest()
        self._waker.disarm()


def new_event_loop() -> AppLoop:
    """Make the loop, and the ``QApplication`` where there is none yet; for ``asyncio.Runner(loop_factory=…)``."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)  # else a window that closes stops the loop under running tasks
    return AppLoop(app)
