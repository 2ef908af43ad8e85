"""What others need of our listener: its set-up card for their administrator, and its folder for the file manager."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from dicomgui.app.configuration.setup_card import listener_text, reaches_others
from dicomgui.app.listening.listener import Listener, ListenerOptions
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.flow import FlowRow
from dicomgui.gui.widgets.text import ElidedLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["ListenerSharing", "title_of"]

_ONLY_HERE = "Copied, but no other computer reaches it: choose “every network” and start it again."


def title_of(listener: Listener) -> str:
    """Where it listens, as whom, and whether over TLS."""
    tls = " with TLS" if listener.options.tls is not None else ""
    return f"{listener.address} as {listener.options.ae_title}{tls}"


class ListenerSharing(FlowRow):
    """A row of buttons, and what came of the last one.

    :param pool: where is looked whether a folder is there.
    :param listener: ours, as soon as it was started once.
    :param options: how it would be started; raises :exc:`ConfigurationError`.
    """

    def __init__(
        self,
        tasks: PanelTasks,
        pool: Executor,
        listener: Callable[[], Listener | None],
        options: Callable[[], ListenerOptions],
    ) -> None:
        super().__init__(8)
        self._tasks = tasks
        self._pool = pool
        self._listener = listener
        self._options = options
        tip = "AE title, address, port and TLS as text, for who has to enter them at the other system"
        self.card_button = push_button("listener_card", "Copy set-up card", "copy", tip=tip)
        self.open_button = push_button("listener_open_folder", "Open folder", "folder", tip="In the file manager")
        self.path_button = push_button("listener_copy_path", "Copy path", "copy", tip="Where the instances are kept")
        self.said = ElidedLabel(tone="muted")
        self.said.setObjectName("listener_shared")
        for button, slot in (
            (self.card_button, self._copy_card), (self.open_button, self._open_folder),
            (self.path_button, self._copy_path),
        ):  # fmt: skip
            button.clicked.connect(slot)
            self.add(button)
        self.said.hide()
        self.add(self.said, 1, width=300)

    def _now(self) -> ListenerOptions | None:
        """How it runs, or would run; ``None`` where the fields do not tell, which is said."""
        listener = self._listener()
        if listener is not None and listener.is_running:
            return replace(listener.options, port=listener.port)
        try:
            return self._options()
        except ConfigurationError as error:
            self._say(str(error), "error")
            return None

    def _copy_card(self) -> None:
        options = self._now()
        if options is not None:
            QGuiApplication.clipboard().setText(listener_text(options))
            if reaches_others(options):
                self._say("The set-up card is in the clipboard.", "good")
            else:
                self._say(_ONLY_HERE, "warning")

    def _copy_path(self) -> None:
        options = self._now()
        if options is not None:
            QGuiApplication.clipboard().setText(str(options.folder))
            self._say("The path is in the clipboard.", "good")

    def _open_folder(self) -> None:
        options = self._now()
        if options is not None:
            self._tasks.spawn(self._open(options.folder), name="open the folder")

    async def _open(self, folder: Path) -> None:
        """Only a folder: the file manager would run a program."""
        if not await asyncio.get_running_loop().run_in_executor(self._pool, folder.is_dir):
            self._say("The folder is not there yet: it is made when the listener starts.", "warning")
        elif QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._say("", "muted")
        else:
            self._say("This system has nothing to open a folder with. Copy its path instead.", "warning")

    def _say(self, text: str, tone: str) -> None:
        self.said.set_tone(tone)
        self.said.setText(plain(text, 300))
        self.said.setVisible(bool(text))  # an empty one would take a line of its own where it is narrow
