"""A button of the archive: ask a peer to answer for what is selected (storage commitment)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton

from dicomgui.gui.archive.table import ArchiveTable
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.network.service_classes.references import Reference
from dicomgui.storage import StoredFile
from dicomgui.storage.listing import Place

__all__ = ["CommitButton"]


class CommitButton(QPushButton):
    """Enabled while something is selected.

    :param files: finds what is in the selected places; says itself where there is nothing.
    """

    wanted = Signal(object)
    """Ask for commitment of these instances, a tuple of :class:`Reference`."""

    def __init__(
        self,
        tasks: PanelTasks,
        table: ArchiveTable,
        files: Callable[[list[Place]], Coroutine[Any, Any, list[StoredFile]]],
    ) -> None:
        super().__init__()
        made = push_button("archive_commit", "C&ommit …", "lock")
        self.setText(made.text())
        self.setIcon(made.icon())
        self.setObjectName(made.objectName())
        self.setAccessibleName("Ask for storage commitment")
        self.setToolTip("Ask a peer whether it answers for the selected rows (storage commitment)")
        self.setAutoDefault(False)
        self._tasks = tasks
        self._table = table
        self._files = files
        self.clicked.connect(self._on_clicked)
        table.selectionModel().selectionChanged.connect(self._show)
        table.model().modelReset.connect(self._show)
        self._show()

    def _show(self) -> None:
        self.setEnabled(self._table.selectionModel().hasSelection())

    def _on_clicked(self) -> None:
        chosen = self._table.selected_places()
        if chosen:
            task = self._tasks.spawn(self._files(chosen), name="instances to commit")
            task.add_done_callback(self._on_found)

    def _on_found(self, task: asyncio.Task[list[StoredFile] | None]) -> None:
        files = None if task.cancelled() else task.result()
        if files:
            self.wanted.emit(tuple(Reference(one.sop_class_uid, one.sop_instance_uid) for one in files))
