"""The practice PACS of the window: started by one click, known as a node while it runs, gone with the window."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject

from dicomgui.app.configuration.nodes import Node
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.widgets.text import count_text
from dicomgui.network.association.params import AETitle, PeerAddress
from dicomgui.network.errors import ConfigurationError, DicomNetworkError
from dicomgui.storage import StorageError
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from dicomgui.app.practice.pacs import PracticePACS

__all__ = ["PracticeKeeper"]

_COMMENT: Final = "The practice PACS of this window: synthetic patients, on this computer alone."
_NEEDED: Final = ("pydicom", "dicomgui.app.practice.pacs")


class PracticeKeeper(QObject):
    """Starts and stops it. Views look at :attr:`is_running` and :attr:`is_busy` at each tick.

    :ivar problem: why it could not be started, one line; empty if it could.
    """

    def __init__(self, place: Workplace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.problem = ""
        self._place = place
        self._tasks = PanelTasks("practice PACS", place.reporter)
        self._is_made = False
        self._task: asyncio.Task[None] | None = None
        self._name = ""
        place.config.settings_changed.connect(self._introduce_us)

    @cached_property
    def _pacs(self) -> PracticePACS:
        from dicomgui.app.practice.pacs import PracticePACS

        self._is_made = True
        return PracticePACS(self._place.context)

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        return self._is_made and self._pacs.is_running

    @property
    def is_busy(self) -> bool:
        """Whether it is being started or stopped."""
        return self._task is not None

    @property
    def peer(self) -> PeerAddress:
        """What to connect to while it runs."""
        return self._pacs.peer

    @property
    def node(self) -> Node | None:
        """Its node, while it runs and nobody has deleted that."""
        return self._place.config.nodes.find(self._name) if self._name else None

    @property
    def what(self) -> str:
        """What there is to practise with, in a few words."""
        from dicomgui.app.practice.data import PATIENTS, STUDIES

        return f"{count_text(len(STUDIES), 'study', 'studies')} of {count_text(len(PATIENTS), 'patient')}"

    def start(self) -> None:
        """Start it; nothing happens while it runs."""
        if self._task is None and not self.is_running:
            self.problem = ""
            self._task = self._tasks.spawn(self._start(), name="start the practice PACS")

    def stop(self) -> None:
        """Stop it, and forget what was stored in it."""
        if self._task is None and self.is_running:
            self._task = self._tasks.spawn(self._stop(), name="stop the practice PACS")

    async def shut_down(self) -> None:
        """Stop it at the end of the window."""
        await self._tasks.close()
        await self._stop()

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            for module in _NEEDED:  # in a thread, for it takes a while
                await loop.run_in_executor(self._place.context.file_pool, import_module, module)
            await self._pacs.start()
            self._introduce_us()
            self._add_node()
        except (DicomNetworkError, StorageError) as error:
            from dicomgui.app.explaining import explain_failure

            finding = explain_failure(error)
            self.problem = plain(" ".join(("It could not be started.", finding.what, *finding.tries[:1])), 400)
        finally:
            self._task = None

    async def _stop(self) -> None:
        try:
            self._remove_node()
            if self._is_made:
                await self._pacs.stop()
        finally:
            self._task = None

    def _introduce_us(self) -> None:
        """Let it move instances to our listener."""
        listener = self._place.config.settings.listener
        if listener.port and self._is_made:
            address = PeerAddress(AETitle(listener.ae_title), "127.0.0.1", listener.port)
            self._pacs.know(str(listener.ae_title), address)

    # its node

    def _add_node(self) -> None:
        from dicomgui.app.practice.pacs import AE_TITLE

        nodes, peer = self._place.config.nodes, self.peer
        left = nodes.find(AE_TITLE)
        if left is not None and left.comment == _COMMENT:  # of a window that did not end as it should
            self._name = nodes.change(left.name, replace(left, address=peer)).name
        else:
            self._name = nodes.add(Node(nodes.unique_name(AE_TITLE), peer, comment=_COMMENT)).name
        self._place.config.nodes_edited()
        node = nodes.find(self._name)
        choice = self._place.choice
        if node is not None and not (choice.called_ae.strip() or choice.host.strip()):
            choice.choose(node)

    def _remove_node(self) -> None:
        name, self._name = self._name, ""
        nodes = self._place.config.nodes
        node = nodes.find(name) if name else None
        if node is None or node.address != self.peer:
            return
        try:
            nodes.delete(node.name)
        except ConfigurationError:
            return
        self._place.config.nodes_edited()
