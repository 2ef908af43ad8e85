"""The local archive of the window: one for the folder that is set, shared by every panel that lists or fills it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PySide6.QtCore import QObject

from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.context import AppContext
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.storage import StorageError

__all__ = ["ArchiveKeeper", "archive_folder"]


def archive_folder(config: Configuration) -> Path:
    """Where received instances are kept: as the settings say, or a folder in the user's own."""
    if config.store is not None:
        return config.store.archive_folder(config.settings)
    named = config.settings.listener.folder
    return Path(named).expanduser() if named else Path.home() / "DICOM received"


class ArchiveKeeper(QObject):
    """Makes the archive, opens it when somebody wants to see it, and closes it with the window.

    Views look at :attr:`archive` again at each tick: another folder is another archive. Whoever works with it for a
    while has it open on its own (:meth:`opened`), so that it stays open under his hands.

    :ivar trouble: why it could not be opened, one line; empty if all is well.
    """

    def __init__(
        self, context: AppContext, config: Configuration, reporter: Reporter, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.trouble = ""
        self._context = context
        self._config = config
        self._tasks = PanelTasks("archive keeper", reporter)
        self._archive: LocalArchive | None = None
        self._held: LocalArchive | None = None
        self._opening: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._next: tuple[LocalArchive | None, bool] = (None, True)
        self._has_ended = False
        config.settings_changed.connect(self._on_settings_changed)

    def _on_settings_changed(self) -> None:
        if self._archive is not None and self._archive.folder == archive_folder(self._config):
            listener = self._config.settings.listener
            self._archive.use_layout(listener.layout, listener.patterns)

    @property
    def archive(self) -> LocalArchive:
        """The archive of the folder that is set now; not necessarily open."""
        folder = archive_folder(self._config)
        if self._archive is None or self._archive.folder != folder:
            self._let_go()
            settings = self._config.settings.listener
            store = self._config.store
            index_folder = None if store is None else store.index_folder(self._config.settings)
            self._archive = LocalArchive(
                self._context,
                folder,
                fsync=settings.fsync,
                layout=settings.layout,
                patterns=settings.patterns,
                index_folder=index_folder,
            )
            self.trouble = ""
        return self._archive

    @property
    def is_open(self) -> bool:
        """Whether it can be listed."""
        return self.archive.index.is_open

    @property
    def is_opening(self) -> bool:
        """Whether it is being opened."""
        return self._opening is not None

    def want(self, *, only_if_there: bool = False) -> None:
        """Have it open soon, and stay open as long as the window.

        :param only_if_there: do not make the folder.
        """
        archive = self.archive
        if self._held is archive or self._has_ended:
            return
        if self._opening is None:
            self._opening = self._tasks.spawn(self._open(archive, only_if_there), name="open the archive")
        else:
            self._next = (archive, only_if_there)  # of another folder, perhaps: one at a time

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[LocalArchive]:
        """Have it open during a block.

        :raises StorageError: the folder cannot be used.
        """
        async with self.archive.opened() as archive:
            yield archive

    async def shut_down(self) -> None:
        """Close it; what was stored is indexed before, if that takes no longer than two seconds."""
        self._has_ended = True
        if self._opening is not None:
            await asyncio.wait((self._opening,))  # what is half open cannot be closed
        held, self._held = self._held, None
        if held is not None:
            await held.close()
        if self._closing:
            await asyncio.wait(self._closing)
        await self._tasks.close()

    async def _open(self, archive: LocalArchive, only_if_there: bool) -> None:
        try:
            loop = asyncio.get_running_loop()
            if only_if_there and not await loop.run_in_executor(self._context.file_pool, archive.folder.is_dir):
                return
            await archive.open()
            if self._archive is archive:
                self._held = archive
            else:  # another folder was named meanwhile
                await archive.close()
        except StorageError as error:
            if self._archive is archive:
                self.trouble = str(error)
        finally:
            self._opening = None
            (wanted, only_if_there), self._next = self._next, (None, True)
            if wanted is not None and wanted is not archive and wanted is self._archive:
                self.want(only_if_there=only_if_there)

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            closing = self._tasks.spawn(held.close(), name="close the archive")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
