"""Keeps the list of the archive in step with its index: looked up in threads, shown when it is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.gui.archive.model import ArchiveModel
from dicomgui.gui.archive.work import purge_old
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.storage import Counts, IndexFault, StoredFile
from dicomgui.storage.listing import Entry, Order, Place, State, entries, files_at, places, places_below, state

__all__ = ["ArchiveView"]

LOOK_S = 1.0
"""How often it is asked whether something has come or gone, while the list is in view. What is received here is listed
at once, unless something else was within this time."""


class ArchiveView:
    """Feeds one model. :meth:`drain` is called by the pump while the list is in view.

    :ivar counts: of the whole archive, when it was looked at last; ``None`` before.
    :ivar fault: why it cannot be read, one line; empty if it can.
    :ivar is_listed: whether the model shows what there is.
    """

    def __init__(self, place: Workplace, model: ArchiveModel, tasks: PanelTasks) -> None:
        self._place = place
        self._model = model
        self._tasks = tasks
        self._archive: LocalArchive | None = None
        self._task: asyncio.Task[None] | None = None
        self._pages: asyncio.Task[None] | None = None
        self._state: State | None = None
        self._looked = self._followed = 0.0
        self._is_stale = True
        self._search, self._order, self._descending = "", Order.RECEIVED, True
        self.counts: Counts | None = None
        self.fault = ""
        self.is_listed = False
        model.open_wanted.connect(self._on_open_wanted)

    @property
    def archive(self) -> LocalArchive:
        """The archive that is listed."""
        return self._place.archive.archive

    def search(self, text: str) -> None:
        """List what has these words."""
        if text.split() != self._search.split():
            self._search, self._is_stale = text, True

    def sort(self, order: Order, descending: bool) -> None:
        """List in another order."""
        self._order, self._descending, self._is_stale = order, descending, True

    def refresh(self) -> None:
        """Look again, soon."""
        self._is_stale = True

    def drain(self) -> None:
        """Start what is due; one at a time."""
        archive = self._place.archive.archive
        if archive is not self._archive:
            self._archive, self._state, self._is_stale, self.is_listed = archive, None, True, False
            self.counts, self._model.opened = None, frozenset()
            self._model.show_places([])
            self._place.archive.want()
        if not archive.index.is_open:
            self.fault = self._place.archive.trouble or (archive.trouble if archive.is_open else "")
            return
        if self._task is None and self._is_due(archive):
            work = self._list(archive, purge=self._state is None)
            self._task = self._tasks.spawn(work, name="list the archive")
        if self._pages is None and (missing := self._model.take_missing()):

            def look() -> list[Entry]:
                return [one for level, keys in missing.items() for one in entries(archive.index, level, keys)]

            self._pages = self._tasks.spawn(self._show_page(archive, look), name="look up rows")

    def _is_due(self, archive: LocalArchive) -> bool:
        now = time.monotonic()
        return self._is_stale or now - self._looked >= LOOK_S or (archive.is_behind and now - self._followed >= LOOK_S)

    async def _list(self, archive: LocalArchive, *, purge: bool) -> None:
        known = None if self._is_stale else self._state
        wanted = self._wanted()
        self._is_stale = False

        def work() -> tuple[State, list[Place], Counts] | None:
            if purge:
                purge_old(archive)
            now = state(archive.index)
            if now == known:
                return None
            search, order, descending, opened = wanted
            found = places(archive.index, search, order, descending=descending, opened=opened)
            return now, found, archive.index.counts()

        try:
            if archive.is_behind:
                self._followed = time.monotonic()
                await archive.indexed(LOOK_S)
            listed = await archive.in_thread(work)
            if archive is self._archive and listed is not None:
                self._take(*listed, is_wanted=wanted == self._wanted())
        except IndexFault as fault:
            self.fault, self._is_stale = str(fault), True
        finally:
            self._looked = time.monotonic()
            self._task = None

    def _wanted(self) -> tuple[str, Order, bool, frozenset[Place]]:
        return (self._search, self._order, self._descending, self._model.opened)

    def _take(self, now: State, found: list[Place], counts: Counts, *, is_wanted: bool) -> None:
        """Show what was listed; where something else is wanted meanwhile, that is listed next."""
        if not is_wanted:
            self._is_stale = True
            return
        self._state, self.counts, self.fault, self.is_listed = now, counts, "", True
        self._model.show_places(found)

    async def _show_page(self, archive: LocalArchive, look: Callable[[], list[Entry]]) -> None:
        try:
            found = await archive.in_thread(look)
            if archive is self._archive:
                self._model.show_entries(found)
        except IndexFault as fault:
            self.fault = str(fault)
        finally:
            self._pages = None

    def _on_open_wanted(self, place: Place) -> None:
        if self._archive is not None:
            self._tasks.spawn(self._open(self._archive, place), name="open a row")

    async def _open(self, archive: LocalArchive, place: Place) -> None:
        try:
            below = await archive.in_thread(lambda: places_below(archive.index, place))
            if archive is self._archive:
                self._model.show_below(place, below)
        except IndexFault as fault:
            self.fault = str(fault)

    async def look(self, place: Place) -> tuple[Entry | None, list[StoredFile]]:
        """What stands at a place, if it is still there, and the files at it and below; raises like :meth:`files`."""
        archive = self.archive
        level, key = place

        def work() -> tuple[Entry | None, list[StoredFile]]:
            found = entries(archive.index, level, [key])
            return (found[0] if found else None), files_at(archive.index, [place])

        return await archive.in_thread(work)

    async def files(self, chosen: list[Place]) -> list[StoredFile]:
        """The files at these places and below.

        :raises IndexFault: they cannot be looked up.
        """
        archive = self.archive
        return await archive.in_thread(lambda: files_at(archive.index, chosen))
