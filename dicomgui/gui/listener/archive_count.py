"""How much is in the archive that the listener fills, beside its folder."""

from __future__ import annotations

import asyncio
import time

from dicomgui.gui.keeping.archive import ArchiveKeeper
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.widgets.text import ElidedLabel, count_text, size_text
from dicomgui.storage import IndexFault
from dicomgui.trace.finding import plain

__all__ = ["ArchiveCount"]

LOOK_S = 2.0


class ArchiveCount(ElidedLabel):
    """Looked up in a thread, now and then; :meth:`drain` asks for it while it is in view."""

    def __init__(self, name: str, keeper: ArchiveKeeper, tasks: PanelTasks) -> None:
        super().__init__(tone="muted")
        self.setObjectName(name)
        self._keeper = keeper
        self._tasks = tasks
        self._task: asyncio.Task[None] | None = None
        self._looked = 0.0
        self.hide()

    def drain(self) -> None:
        """Look again if it is time."""
        if self._task is None and time.monotonic() - self._looked >= LOOK_S:
            self._looked = time.monotonic()
            if self._keeper.is_open:
                self._task = self._tasks.spawn(self._look(), name="count what is in the archive")
            else:
                self._show(plain(self._keeper.trouble, 300))

    async def _look(self) -> None:
        archive = self._keeper.archive
        try:
            counts = await archive.counts()
            text = f"{count_text(counts.instances, 'instance')} in the archive, {size_text(counts.size_bytes)}"
            if archive.is_repairing:
                text = f"{text}; comparing its files and index …"
            state = archive.state
            self._show(text if state.is_well else plain(" ".join((f"{text}.", *state.sentences)), 600))
            self.set_tone("muted" if state.is_well else "warning")
        except IndexFault as fault:
            self._show(plain(fault, 300))
        finally:
            self._task = None

    def _show(self, text: str) -> None:
        if self.text() != text:
            self.setText(text)
            self.setVisible(bool(text))
