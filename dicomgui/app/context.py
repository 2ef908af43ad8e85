"""What the use cases share: the trace, the threads for files. The composition root, passed on and never global."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from dicomgui.app.commitment_desk import CommitmentDesk
from dicomgui.app.watched_steps import WatchedSteps
from dicomgui.network.tracing import Tracer
from dicomgui.trace.diagnosis.facts import NO_FACTS, Facts
from dicomgui.trace.store import TraceStore
from dicomgui.trace.tee import Tee

__all__ = ["AppContext"]

FILE_THREADS = 4
"""Threads for work on files: commits of received instances that wait for the disk, and scans of folders."""


class AppContext:
    """Holds what every use case needs; made once by the window or the command line, closed at the end.

    Belongs to the thread of the event loop; only the store may be read from other threads.

    :ivar trace: the trace of this program. It stays empty with ``keep_trace=False``.
    :ivar commitments: where answers to our requests for storage commitment arrive, also those that a listener takes.
    :ivar watched: our subscriptions to steps of peers, and their events that a listener takes.

    :param trace: the store to use; by default one with the usual budgets.
    :param keep_trace: whether records go into ``trace`` at all. A command that prints its result and ends has no use
        for it and saves the time.
    """

    def __init__(self, *, trace: TraceStore | None = None, keep_trace: bool = True) -> None:
        self.trace = TraceStore() if trace is None else trace
        self._tracers: tuple[Tracer, ...] = (self.trace,) if keep_trace else ()
        self._tee = Tee(lambda: self._tracers)
        self._pool: ThreadPoolExecutor | None = None
        self.commitments = CommitmentDesk(lambda: self.file_pool)
        self.watched = WatchedSteps(lambda: self.file_pool)
        self._know: Callable[[], Facts] = _know_nothing

    @property
    def tracer(self) -> Tracer:
        """Where records go: the store, and whatever was added, also later on."""
        return self._tee

    @property
    def is_tracing(self) -> bool:
        """Whether anything takes the records now."""
        return bool(self._tracers)

    def add_tracer(self, tracer: Tracer) -> None:
        """Hand every further record to ``tracer`` as well, e.g. to a file that is being written."""
        self._tracers += (tracer,)

    def remove_tracer(self, tracer: Tracer) -> None:
        """Hand no more records to ``tracer``; does nothing where it was not added."""
        self._tracers = tuple(known for known in self._tracers if known != tracer)

    @property
    def facts(self) -> Facts:
        """What the diagnosis may be told beside a trace: saved names, and our listeners."""
        return self._know()

    def know_by(self, know: Callable[[], Facts]) -> None:
        """Ask ``know`` for the facts from now on; it must be quick."""
        self._know = know

    @property
    def file_pool(self) -> ThreadPoolExecutor:
        """Threads for work on files; started when first asked for."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="dicomgui-files")
        return self._pool

    def close(self) -> None:
        """Wait for the file threads and forget the trace; its temporary file goes with it."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        self.trace.close()

    def __enter__(self) -> AppContext:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _know_nothing() -> Facts:
    return NO_FACTS
