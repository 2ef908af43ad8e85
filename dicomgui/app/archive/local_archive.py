"""The archive of this program: its folder, its index, and the repair that makes the two agree.

One folder has one :class:`LocalArchive`, shared by the listener, the retrievals and whatever lists it: it is open as
long as anybody has it open.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dicomgui.app.archive.state import ArchiveState, index_place, instances
from dicomgui.app.context import AppContext
from dicomgui.network.tracing import Scribe
from dicomgui.network.transport.tasks import until_ended
from dicomgui.storage import (
    Archive,
    Ceiling,
    Counts,
    Discarded,
    DuplicatePolicy,
    FolderLayout,
    FolderPatterns,
    FolderTree,
    Index,
    IndexFault,
    Leftovers,
    Match,
    Opened,
    Pending,
    Query,
    Refreshed,
    RepairProgress,
    RepairReport,
    Restored,
    Selection,
    StorageError,
    Stored,
    StoredFile,
    Trash,
    rebuild,
    repair,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["LocalArchive"]

_T = TypeVar("_T")

SETTLE_S = 2.0
"""A query waits for what was just stored to be indexed, and for the repair, but not longer than this where the index
cannot be written."""

ANSWER_S = 20.0
"""And not longer than this where the index is being written: it is answered A700 then, before a peer gives up."""

GATHER_S = 0.25
"""Rows are written when no instance has come for so long: what reads files and writes rows takes turns with what
receives, so that a peer which sends is served first. Whoever searches has them written at once (:meth:`settle`), and so
has a list that is looked at (:meth:`indexed`)."""

GATHER_MOST_S = 2.0
"""So long do rows wait at most while instances come and come."""

QUERY_THREADS = 2
_LOOK_AGAIN_S = 0.02
"""Another program that is about to write its rows is looked for so often."""


class _IndexedArchive(Archive):
    """An archive that tells of everything that is stored, from whatever thread it is stored in.

    :param begin: told the UID before the file has its name.
    :param tell: told what was stored, and the generation of its mark (:mod:`dicomgui.storage.marks`).
    """

    def __init__(
        self,
        folder: Path,
        begin: Callable[[str], None],
        tell: Callable[[Stored, int], None],
        *,
        fsync: bool,
        on_duplicate: DuplicatePolicy,
    ) -> None:
        super().__init__(folder, fsync=fsync, on_duplicate=on_duplicate)
        self._begin = begin
        self._tell = tell

    def commit(self, pending: Pending, *, tidy: bool = True) -> Stored:
        """As its parent; the index is written later, and nothing waits for it."""
        self._begin(pending.facts.sop_instance_uid)
        generation = self.marks.begin()
        try:
            stored = super().commit(pending, tidy=tidy)
        except BaseException:
            self.marks.end((generation,))
            raise
        self._tell(stored, generation)
        return stored


class LocalArchive:
    """A folder of instances that can be stored into, listed, searched and retrieved from.

    Belongs to the thread of the event loop. What blocks runs in threads.

    :ivar folder: made by :meth:`open` if it is not there.
    :ivar files: where instances go in; everything that is committed there is indexed.
    :ivar index: closed where it could not be opened: ``trouble`` says why, and instances are received all the same.
    :ivar report: what the repair at the start has found; ``None`` until it is through.
    :ivar progress: how far the repair is; ``None`` before its first step.
    :ivar tree: the files once more in folders for people, if that is wanted.
    :ivar watchers: told of each report, in the loop's thread.
    :ivar state_watchers: told of each change of :attr:`state`, in the loop's thread.

    :param fsync: whether a commit waits for the medium.
    :param index_folder: where the index lies, in a folder of its own; in the archive's own folder by default. Every
        program that uses the archive has to name the same.
    :param layout: of the folders for people; ``None`` leaves them as they are.
    :param patterns: of these folders, where the layout is by pattern; ``None`` for those that are there.
    """

    def __init__(
        self,
        context: AppContext,
        folder: Path,
        *,
        fsync: bool = True,
        on_duplicate: DuplicatePolicy = DuplicatePolicy.KEEP_BOTH,
        layout: FolderLayout | None = None,
        patterns: FolderPatterns | None = None,
        index_folder: Path | None = None,
    ) -> None:
        self.folder = folder
        self.index = Index(folder, place=index_place(index_folder, folder))
        self.index.on_change = self._on_index
        self.tree = FolderTree(self.index, layout, patterns)
        self.files: Archive = _IndexedArchive(
            folder, self._note_coming, self._note_stored, fsync=fsync, on_duplicate=on_duplicate
        )
        self.report: RepairReport | None = None
        self.progress: RepairProgress | None = None
        self.watchers: list[Callable[[RepairReport], None]] = []
        self.state_watchers: list[Callable[[ArchiveState], None]] = []
        self._told = ArchiveState()
        self._context = context
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gathering = threading.Lock()
        self._stored: list[tuple[str, int]] = []
        self._others: frozenset[str] = frozenset()
        self._coming: set[str] = set()
        self._users = 0
        self._changing = asyncio.Lock()
        self._trouble = ""
        self._stopping = threading.Event()
        self._repair: Future[None] | None = None
        self._is_repairing = False
        self._queries: ThreadPoolExecutor | None = None

    # life

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._users > 0

    @property
    def is_repairing(self) -> bool:
        """Whether files and index are still being compared: until then a search may miss some."""
        return self._is_repairing

    @property
    def trouble(self) -> str:
        """Why the index does not work, one line; empty if all is well."""
        trouble = self.index.trouble
        if trouble and self.behind:
            trouble = f"The index is behind by {instances(self.behind)}: {trouble}"
        return self._trouble or trouble or self.tree.fault

    @property
    def behind(self) -> int:
        """The number of instances that are stored and cannot be found yet."""
        return len(self._stored) + self.index.waiting

    @property
    def state(self) -> ArchiveState:
        """The answers that searches and senders get now."""
        trouble = self.index.trouble
        full = ""
        try:
            self.files.room.check()
        except StorageError as error:
            full = str(error)
        if not full and self.files.full is not None:
            full = str(self.files.full)
        return ArchiveState(self.behind if trouble else 0, trouble, full, self.index.is_temporary)

    def tell_state(self) -> None:
        """Tell of the state, in the log and to who watches, where it is another than was told last."""
        state = self.state
        if state._replace(behind=0) == self._told._replace(behind=0):
            return
        self._told = state
        scribe = Scribe(self._context.tracer, 0)
        for sentence in state.sentences:
            scribe.note(logging.INFO if state.is_well else logging.WARNING, sentence)
        for watcher in tuple(self.state_watchers):
            watcher(state)

    def _on_index(self) -> None:
        """From the thread of the index."""
        if self._loop is not None and not self._stopping.is_set():
            with suppress(RuntimeError):  # nobody is there any more
                self._loop.call_soon_threadsafe(self.tell_state)

    async def open(self) -> None:
        """Prepare the folder, open the index, and begin the repair; each time again for each user of the archive.

        :raises StorageError: the folder cannot be used.
        """
        async with self._changing:
            if not self._users:
                self._loop = asyncio.get_running_loop()
                try:
                    await self._to_the_end(self._open)
                except asyncio.CancelledError:
                    self._stopping.set()
                    await self._to_the_end(self._close)
                    raise
            self._users += 1

    async def limit_to(self, ceiling: Ceiling) -> None:
        """Let the archive grow no further than this, from now on; what is there is added up."""
        self.files.room.ceiling = ceiling
        await self._in_files(self.files.room.measure)

    async def close(self) -> None:
        """One user less; the last one waits until what was stored is indexed, for two seconds at most."""
        async with self._changing:
            last, self._users = self._users == 1, max(0, self._users - 1)
            if last:
                self._stopping.set()
                await self._to_the_end(self._close)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[LocalArchive]:
        """Have it open during a block; raises what :meth:`open` raises."""
        await self.open()
        try:
            yield self
        finally:
            await self.close()

    def _open(self) -> None:
        self._coming.clear()
        leftovers = self.files.prepare()
        self._trouble, self.report, self.progress = "", None, None
        self._told = ArchiveState()
        self._stopping.clear()
        try:
            opened = self.index.open()
        except IndexFault as fault:
            self._trouble = str(fault)
            return
        is_near = self.index.reserve.lies_on_disk_of(self.folder) and not self.index.is_temporary
        self.files.room.reserve = self.index.reserve if is_near else None
        self._queries = ThreadPoolExecutor(QUERY_THREADS, thread_name_prefix="dicomgui-archive")
        self._begin(opened, leftovers)

    def _begin(self, opened: Opened, leftovers: Leftovers) -> None:
        self._start_repair(
            lambda: self._repaired_for_others(opened, leftovers),
            RepairReport(leftovers=leftovers, opened=opened, is_complete=False),
        )

    def _start_repair(self, work: Callable[[], RepairReport], stopped: RepairReport) -> None:
        assert self._queries is not None
        self._is_repairing = True
        self._repair = self._queries.submit(self._run_repair, work, stopped)

    def _run_repair(self, work: Callable[[], RepairReport], stopped: RepairReport) -> None:
        try:
            self._tell(work(), "")
        except StorageError as fault:
            if self._stopping.is_set():
                self._tell(stopped, "")
            else:
                self._tell(None, str(fault))
        finally:
            with self._gathering:
                self._is_repairing = False
                self._coming.clear()
        self._arrange()

    def _tell(self, report: RepairReport | None, trouble: str) -> None:
        """From the thread of the repair."""
        assert self._loop is not None
        with suppress(RuntimeError):  # nobody is there any more
            self._loop.call_soon_threadsafe(self._take_report, report, trouble)

    def _take_report(self, report: RepairReport | None, trouble: str) -> None:
        scribe = Scribe(self._context.tracer, 0)
        if report is None:
            self._trouble = trouble
            scribe.note(logging.WARNING, trouble)
            return
        self.report = report
        for sentence in report.sentences:
            scribe.note(logging.INFO, sentence)
        for path, text in report.broken:
            scribe.file("broken", str(path), 0, text)
        for watcher in self.watchers:
            watcher(report)

    def _note_progress(self, progress: RepairProgress) -> None:
        self.progress = progress

    def _note_coming(self, uid: str) -> None:
        """From any thread. While the repair runs, what is stored is not what an earlier run has left."""
        if self.is_repairing:
            with self._gathering:
                if self.is_repairing:
                    self._coming.add(uid)

    def _note_stored(self, stored: Stored, generation: int) -> None:
        """From any thread. Whoever puts the first name in sets the clock."""
        with self._gathering:
            self._stored.append((stored.name, generation))
            is_first = len(self._stored) == 1
        if is_first and self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the next repair finds the file
                self._loop.call_soon_threadsafe(self._gather, 0, time.monotonic() + GATHER_MOST_S)

    def _gather(self, seen: int, deadline: float) -> None:
        """Wait until no more names come, or the deadline."""
        count = len(self._stored)
        if count == seen or time.monotonic() > deadline:
            self._index_stored()
        else:
            assert self._loop is not None
            self._loop.call_later(GATHER_S, self._gather, count, deadline)

    def _index_stored(self) -> list[str]:
        """Hand what was stored to the index, and then to the folders for people; gives the names."""
        with self._gathering:
            stored, self._stored = self._stored, []
        names = [name for name, _ in stored]
        if names:
            self.files.marks.next()
            with suppress(IndexFault):  # it is closed: the next repair finds the files
                rows = self.index.refresh(names)
                rows.add_done_callback(lambda _: self._end_marks(rows, [generation for _, generation in stored]))
                if self.tree.is_wanted:
                    rows.add_done_callback(lambda _: self._in_background(lambda: self.tree.link(names)))
        return names

    def _end_marks(self, rows: Future[Refreshed], generations: Sequence[int]) -> None:
        """From the thread of the index. Of rows that were not written, or only for us, the marks stay."""
        if not rows.cancelled() and rows.exception() is None and not self.index.is_temporary:
            self.files.marks.end(generations)

    # the other programs

    async def _others_settle(self, timeout_s: float) -> bool:
        """Wait until what other programs have changed is in the index; a repair is begun where one was killed.

        :returns: false where one of those that live is not through in time.
        """
        until = time.monotonic() + timeout_s
        behind = await self._in_files(self.files.marks.of_others)
        if behind.dead and not self.is_repairing and self._queries is not None:
            opened = Opened(self.index.path, was_clean=False)
            self._start_repair(lambda: self._repaired_for_others(opened), RepairReport(is_complete=False))
        waiting = behind.living
        while waiting and time.monotonic() < until:
            await asyncio.sleep(_LOOK_AGAIN_S)
            waiting &= (await self._in_files(self.files.marks.of_others)).living
        self._others = waiting
        return not waiting

    def _repaired_for_others(self, opened: Opened, leftovers: Leftovers | None = None) -> RepairReport:
        """Compare files and rows, and take away the marks of programs that were killed before. Blocks."""
        marks = self.files.marks
        dead = marks.of_others().dead
        report = repair(
            self.index, opened, leftovers=leftovers,
            on_progress=self._note_progress, should_stop=self._stopping.is_set, is_new=self._coming.__contains__,
            are_others_behind=lambda: bool(marks.of_others().living),
        )  # fmt: skip
        if report.is_complete and not report.unchecked and not self.index.is_temporary:
            marks.forget(dead)
        return report

    # the folders for people

    def use_layout(self, layout: FolderLayout, patterns: FolderPatterns | None = None) -> None:
        """Lay the folders for people out like this, from now on; without ``patterns`` by those that are there."""
        patterns = patterns or self.tree.patterns
        if (layout, patterns) != (self.tree.layout, self.tree.patterns):
            self.tree.layout, self.tree.patterns = layout, patterns
            self._arrange()

    def _arrange(self) -> None:
        self._in_background(lambda: self.tree.complete(self._stopping.is_set))

    def _in_background(self, work: Callable[[], None]) -> None:
        """From any thread. What is not done before the archive is closed, is done when it is opened again."""

        def guarded() -> None:
            with suppress(IndexFault):
                work()

        queries = self._queries
        if queries is not None:
            with suppress(RuntimeError):  # it has just been closed
                queries.submit(guarded)

    def _close(self) -> None:
        names = self._index_stored()
        with suppress(IndexFault):
            if names and self.tree.is_wanted:
                self.index.flush().result()
                self.tree.link(names)
        queries, self._queries = self._queries, None
        self.index.close()  # first: it ends what a repair waits for
        if queries is not None:
            queries.shutdown()
        self.files.close()

    async def rebuild(self) -> RepairReport | None:
        """Make the index again of all files; the report is ``None`` if it failed, and ``trouble`` says why.

        :raises IndexFault: the archive is not open, or has no index.
        """
        if self._queries is None:
            raise IndexFault(self._trouble or "the archive is not open", path=str(self.folder))
        await self.repaired()
        self.report, self._trouble = None, ""
        self._start_repair(self._rebuilt, RepairReport(is_complete=False))
        await self.repaired()
        return self.report

    def _rebuilt(self) -> RepairReport:
        generation = self.files.marks.begin()
        report = rebuild(self.index, on_progress=self._note_progress, should_stop=self._stopping.is_set)
        if report.is_complete:
            self.files.marks.end((generation,))
        return report

    async def repaired(self, timeout_s: float | None = None) -> bool:
        """Wait for the repair to be through; whether it is."""
        return await self._done(self._repair, timeout_s)

    @property
    def is_behind(self) -> bool:
        """Whether something was stored that has not been handed to the index yet."""
        return bool(self._stored)

    async def indexed(self, timeout_s: float = SETTLE_S) -> bool:
        """Wait until everything that was stored before is in the index, be the repair through or not; whether it is.

        :raises IndexFault: there is no index.
        """
        self._check()
        self._index_stored()
        return await self._done(self.index.flush(), timeout_s)

    async def settle(self, timeout_s: float = SETTLE_S) -> bool:
        """Wait until everything that was stored before can be found; whether it can, as far as anybody knows.

        Who answers others must not answer from the index where it cannot.

        :raises IndexFault: there is no index.
        """
        self._check()
        self._index_stored()
        flushed = self.index.flush()
        are_others = await self._others_settle(timeout_s)
        is_repaired = await self._done(self._repair, timeout_s)
        is_flushed = await self._done(flushed, timeout_s) and flushed.exception() is None
        return are_others and is_flushed and is_repaired and self.index.is_complete and not self._trouble

    async def catch_up(self, timeout_s: float = ANSWER_S) -> None:
        """Wait until everything that was stored before can be found, for as long as the index gets on.

        :param timeout_s: at most; less where the index cannot be written.
        :raises IndexFault: there is no index, or it is behind.
        """
        began = time.monotonic()
        until = began + timeout_s
        while not await self.settle(min(SETTLE_S, timeout_s)):
            is_stuck = self.index.trouble or self._trouble or not self.index.is_complete
            is_late = self._others and time.monotonic() >= began + ANSWER_S
            if is_stuck or is_late or time.monotonic() >= until:
                raise IndexFault(self._lag(), path=str(self.index.path), hint="Try again in a moment.")

    def _lag(self) -> str:
        """The lag of the index, in words that fit into an Error Comment (0000,0902)."""
        if self.behind:
            return f"the index is behind by {instances(self.behind)}"
        if self._others:
            return "another program has not indexed its changes yet"
        return "the index is being compared with the files" if self.is_repairing else "the index is not complete"

    async def _done(self, work: Future[Any] | None, timeout_s: float | None) -> bool:
        """Whether work is through in time; it goes on if it is not."""
        if work is None or work.done():
            return True
        done = asyncio.get_running_loop().create_future()
        work.add_done_callback(lambda _: _wake(done))
        await asyncio.wait((done,), timeout=timeout_s)
        return work.done()

    # looking

    def _check(self) -> None:
        if not self.index.is_open:
            raise IndexFault(self._trouble or "the archive is not open", path=str(self.folder))

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """Run something that reads the index in a thread that is there for that.

        :raises IndexFault: there is no index.
        """
        queries = self._queries
        if queries is None:
            raise IndexFault(self._trouble or "the archive is not open", path=str(self.folder))
        return await asyncio.get_running_loop().run_in_executor(queries, work)

    def search(self, query: Query) -> Iterator[Match]:
        """The matches; for a thread, see :meth:`in_thread`. See :meth:`dicomgui.storage.Index.find`."""
        return self.index.find(query)

    async def files_of(self, selection: Selection, *, every_variant: bool = False) -> Sequence[StoredFile]:
        """What is retrieved for a selection; see :meth:`dicomgui.storage.Index.files`.

        :raises IndexFault: there is no index, or it cannot be read.
        """
        return await self.in_thread(lambda: tuple(self.index.files(selection, every_variant=every_variant)))

    async def count(self, selection: Selection) -> int:
        """How many instances of a selection are here; raises like :meth:`files_of`."""
        return await self.in_thread(lambda: self.index.count(selection))

    async def counts(self) -> Counts:
        """How much there is in all; raises like :meth:`files_of`."""
        return await self.in_thread(self.index.counts)

    # deleting

    async def delete(self, selection: Selection) -> Discarded:
        """Move all data sets of a selection into the trash; :meth:`undelete` brings them back.

        :raises StorageError: the trash cannot be made, or there is no index, or one that is behind.
        """
        await self.catch_up()

        def work() -> Discarded:
            names = [file.name for file in self.index.files(selection, every_variant=True)]
            return self._discard(names)

        return await self.in_thread(work)

    async def discard(self, names: Sequence[str]) -> Discarded:
        """Move files, by their names inside of the archive, into the trash; like :meth:`delete`."""
        return await self.in_thread(lambda: self._discard(names))

    def _discard(self, names: Sequence[str]) -> Discarded:
        if self.tree.is_wanted:
            self.tree.unlink(names)
        with self.files.marks.held():
            discarded = Trash(self.index).discard(names)
        self.files.room.measure()
        return discarded

    async def undelete(self, token: str) -> Restored:
        """Undo a deletion.

        :raises KeyError: it is not there any more.
        :raises StorageError: the index cannot be written.
        """

        def work() -> Restored:
            with self.files.marks.held():
                return Trash(self.index).restore(token)

        restored = await self.in_thread(work)
        await self._in_files(self.files.room.measure)
        self._arrange()
        return restored

    async def purge(self, token: str) -> None:
        """Remove a deletion's files for good; raises like :meth:`undelete`."""
        await self.in_thread(lambda: Trash(self.index).purge(token))

    async def _to_the_end(self, work: Callable[[], None]) -> None:
        """Run it in a thread, and return no sooner than it has ended, also where this is cancelled."""
        await until_ended(asyncio.get_running_loop().run_in_executor(self._context.file_pool, work))

    async def _in_files(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._context.file_pool, work)


def _wake(done: asyncio.Future[None]) -> None:
    """From any thread: what waits for ``done`` may go on."""

    def settle() -> None:
        if not done.done():
            done.set_result(None)

    with suppress(RuntimeError):  # the loop is closed
        done.get_loop().call_soon_threadsafe(settle)
