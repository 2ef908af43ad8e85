"""The frame of a command that works on the network: its loop, its trace file, its end by signal."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from types import FrameType

from dicomgui.app.context import AppContext
from dicomgui.cli.exits import Exit
from dicomgui.cli.output import Output
from dicomgui.network import eager_event_loop
from dicomgui.network.association.params import Timeouts
from dicomgui.network.transport.tasks import TaskOwner
from dicomgui.trace.file import TraceFileError, TraceWriter

__all__ = ["Session", "stop_signals", "timeouts_of"]

_USUAL = Timeouts()


def timeouts_of(seconds: float | None, defaults: Timeouts = _USUAL) -> Timeouts:
    """The time-outs for ``--timeout``: connecting, association, responses, the listener's idle time and ARTIM.

    :param defaults: what the others are.
    """
    if seconds is None:
        return defaults
    return replace(
        defaults,
        connect_s=seconds,
        tls_s=seconds,
        associate_s=seconds,
        response_s=seconds,
        release_s=min(seconds, defaults.release_s or seconds),
        idle_s=seconds,
        artim_s=min(seconds, defaults.artim_s),
    )


class Session:
    """Runs one coroutine with an :class:`AppContext` and an :class:`Output`.

    :ivar output: where the command prints.
    :ivar context: for the use cases; its trace goes to ``--trace FILE`` and nowhere else.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.output = Output(as_json=options.json, verbose=options.verbose)
        self.context = AppContext(keep_trace=False)
        self._path = options.trace
        self._appends = bool(getattr(options, "trace_append", False))

    def run(self, work: Callable[[Session], Coroutine[None, None, Exit]]) -> int:
        """Run ``work`` and give its exit code.

        :raises KeyboardInterrupt: it was cancelled by SIGINT or SIGTERM, after it had cleaned up.
        """
        writer: TraceWriter | None = None
        if self._path is not None:
            try:
                writer = TraceWriter(Path(self._path), append=self._appends)
            except TraceFileError as error:
                self.output.note(error)
                self.output.event("summary", ok=False, exit_code=int(Exit.FILES))
                return Exit.FILES
            self.context.add_tracer(writer)
        code: int = Exit.CANCELLED
        try:
            with self.context, asyncio.Runner(loop_factory=eager_event_loop) as runner:
                code = runner.run(_ended_by_sigterm(self._told_of_stopping(work(self))))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            if writer is not None and not self._close(writer) and code == Exit.OK:
                code = Exit.FILES
        return self.output.finish(code)

    async def _told_of_stopping(self, work: Coroutine[None, None, Exit]) -> Exit:
        """Say what is waited for, where a command that was told to stop takes its time."""
        task = asyncio.current_task()
        assert task is not None
        tasks = TaskOwner("stopping")
        watching = tasks.spawn(self._watch_stopping(task), name="stopping")
        try:
            return await work
        finally:
            watching.cancel()

    async def _watch_stopping(self, task: asyncio.Task[object]) -> None:
        is_told = False
        while not is_told:
            is_told = bool(task.cancelling())
            await asyncio.sleep(STOPPING_LOOK_S)
        self.output.note("stopping: waiting for the peer to end what is under way; Ctrl+C again aborts at once")

    def _close(self, writer: TraceWriter) -> bool:
        """Close the trace file and say what is in it; whether it is complete."""
        try:
            writer.close()
        except TraceFileError as error:
            self.output.note(error)
            return False
        self.output.note(f"trace saved in {writer.path}: it can hold patient data")
        return True


STOPPING_LOOK_S = 0.4
"""Seconds between two looks for whether a command was told to stop, and until that is told."""


async def _ended_by_sigterm(work: Coroutine[None, None, Exit]) -> Exit:
    """SIGTERM ends a command as Ctrl+C does; SIGINT is the runner's own business."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    try:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    except NotImplementedError:  # Windows: SIGTERM is no more than a kill there
        return await work
    try:
        return await work
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def stop_signals(stop: Callable[[], None]) -> Callable[[], None]:
    """Have SIGINT and SIGTERM (Ctrl+C and Ctrl+Break on Windows) call ``stop`` in the loop.

    :returns: what gives the signals back.
    """
    loop = asyncio.get_running_loop()
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, stop)
    except NotImplementedError:
        return _stop_signals_without_loop(loop, stop)
    loop.add_signal_handler(signal.SIGTERM, stop)

    def give_back() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGINT, interrupt)

    return give_back


def _stop_signals_without_loop(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Callable[[], None]:
    """The same where loops know no signals (Windows). The loop is woken by the call, and by the signal itself."""
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    kinds = [getattr(signal, name) for name in names if hasattr(signal, name)]

    def tell(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)

    before = [signal.signal(kind, tell) for kind in kinds]

    def give_back() -> None:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)

    return give_back
