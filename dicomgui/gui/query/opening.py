"""An image among the matches is looked at: from the archive where it is here, else it is retrieved first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from dicomgui.app.asking.levels import UNIQUE_KEYS, Level
from dicomgui.gui.asking.rows import Row, unique_values
from dicomgui.gui.asking.selection import wanted_of
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.query.retrieving import GET_OR_MOVE, Method, Order, Retrieval, Retrievals
from dicomgui.gui.widgets.text import error_text
from dicomgui.network.errors import ConfigurationError
from dicomgui.storage import Selection, StorageError
from dicomgui.trace.finding import plain

__all__ = ["ImageOpening"]


class ImageOpening:
    """Opens one image at a time: who opens another one is not shown the first.

    :param panel: its tasks wait; it is told what to show in a window.
    :param method: how to retrieve, as the user has chosen it.
    :param say: tells the user a text, in a tone.
    """

    def __init__(
        self, panel: Panel, retrievals: Retrievals, method: Callable[[], Method], say: Callable[[str, str], None]
    ) -> None:
        self._panel = panel
        self._retrievals = retrievals
        self._method = method
        self._say = say
        self._task: asyncio.Task[Path | None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an image is on its way."""
        return self._task is not None

    def open(self, row: Row) -> None:
        """Show the image of a match; does nothing for what is none."""
        uid = unique_values(row).get(UNIQUE_KEYS[Level.IMAGE], "")
        if row.level is not Level.IMAGE or row.noun != "Image" or not uid:
            return
        if self._task is not None:
            self._task.cancel()
        task = self._task = self._panel.tasks.spawn(self._open(row, uid), name="look at an image")
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[Path | None]) -> None:
        if task is self._task:
            self._task = None
            path = None if task.cancelled() or task.exception() is not None else task.result()
            if path is not None:
                self._panel.view_wanted.emit(path)

    async def _open(self, row: Row, uid: str) -> Path | None:
        """The file of an image, after it was retrieved where need be; ``None`` where it cannot be had."""
        path: Path | None = None
        try:
            path = await self._find(uid)
            if path is None:
                retrieval = self._retrieve(row)
                self._say("The image is not here yet: it is retrieved, to be looked at.", "muted")
                await retrieval.over.wait()
                path = await self._find(uid)
                if path is None:
                    self._say(f"The image could not be retrieved: {plain(retrieval.line.text, 300)}", "error")
                else:
                    self._say("The image was retrieved into the archive.", "good")
        except ConfigurationError as error:
            self._say(error_text(error), "error")
        except StorageError as error:
            self._say(str(error), "error")
        return path

    def _retrieve(self, row: Row) -> Retrieval:
        method = self._method()
        order = Order(row.source, wanted_of([row]), method if method.comes_here else GET_OR_MOVE, "1 image")
        return self._retrievals.start(order)

    async def _find(self, uid: str) -> Path | None:
        """Its file in the archive."""
        async with self._panel.place.archive.opened() as archive:
            await archive.settle()
            files = await archive.files_of(Selection(instance_uids=(uid,)))
        return files[0].path if files else None
