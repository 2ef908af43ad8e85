"""What the user has set and the nodes that are saved: read at the start, kept in memory, written soon after a change.

Files are written in a worker thread; a window that is not given files keeps everything for its own life only.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.settings import Settings, SettingsError, SettingsStore
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.trace.finding import plain

__all__ = ["SAVE_AFTER_MS", "Configuration"]

SAVE_AFTER_MS = 400
"""How long after a change it is written, so that a typed word is one write and not ten."""


class Configuration(QObject):
    """The settings and the nodes of one window. Belongs to the thread of the event loop.

    :ivar settings: the current ones; replaced as a whole by :meth:`change`.
    :ivar nodes: the address book; who changes it calls :meth:`nodes_edited`.

    :param store: where the settings are written; ``None`` keeps them in memory.
    :param nodes: a loaded address book that is written to its file; ``None`` begins with an empty one, in memory.
    """

    settings_changed = Signal()
    nodes_changed = Signal()

    def __init__(
        self, store: SettingsStore | None = None, nodes: NodeStore | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.store = store
        self.settings = Settings() if store is None else store.load()
        self.nodes = NodeStore() if nodes is None else nodes
        self._keeps_nodes = nodes is not None
        self._problems: deque[str] = deque()
        if store is not None and store.problem is not None:
            self.tell(store.problem)
        for problem in self.nodes.problems:
            self.tell(problem)
        self._pending: dict[str, Callable[[], None]] = {}
        self._tasks: PanelTasks | None = None
        self._executor: Executor | None = None
        self._saving: asyncio.Task[None] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_AFTER_MS)
        self._timer.timeout.connect(self._save_soon)

    @classmethod
    def load(cls, folder: str | os.PathLike[str] | None = None) -> Configuration:
        """Read the files of the user. Waits for the disk: call it before there is a window."""
        return cls(SettingsStore(folder), NodeStore(folder).load())

    def attach(self, reporter: Reporter, executor: Executor) -> None:
        """Give it what it needs to write: until then changes wait."""
        self._tasks = PanelTasks("configuration", reporter)
        self._executor = executor

    def change(self, settings: Settings) -> None:
        """Put ``settings`` in force, tell everybody, and write them soon."""
        if settings == self.settings:
            return
        self.settings = settings
        if (store := self.store) is not None:
            self.write_soon("settings", lambda: store.save(settings))
        self.settings_changed.emit()

    def keep_trace_filters(self, filters: tuple[str, ...]) -> None:
        """Keep these filters of the trace."""
        self.change(replace(self.settings, trace_filters=filters))

    def nodes_edited(self) -> None:
        """The address book was changed: tell everybody, and write it soon."""
        if self._keeps_nodes:
            self.write_soon("nodes", self.nodes.save)
        self.nodes_changed.emit()

    def write_soon(self, name: str, write: Callable[[], None]) -> None:
        """Have ``write`` called in a worker thread soon; one of the same name that still waits is dropped.

        :param write: may raise :class:`SettingsError`, which the user is told.
        """
        self._pending[name] = write
        self._timer.start()

    def drain_problems(self) -> list[str]:
        """What could not be read or written since the last call, one line each."""
        problems = list(self._problems)
        self._problems.clear()
        return problems

    def tell(self, error: SettingsError) -> None:
        """Have the user told of a file that could not be read or written, or not completely."""
        self._problems.append(plain(" ".join(filter(None, (f"{error}.", error.hint))), 400))

    async def shut_down(self) -> None:
        """Write what is not written yet; what is being written is waited for."""
        self._timer.stop()
        while self._pending or self._saving is not None:
            self._save_soon()
            if self._saving is None:
                return
            await asyncio.shield(self._saving)

    # parts

    def _save_soon(self) -> None:
        if self._saving is None and self._pending and self._tasks is not None:
            self._saving = self._tasks.spawn(self._save(), name="write settings")

    async def _save(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._pending:
                write = self._pending.pop(next(iter(self._pending)))
                try:
                    await loop.run_in_executor(self._executor, write)
                except SettingsError as error:
                    self.tell(error)
        finally:
            self._saving = None
