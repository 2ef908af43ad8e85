"""Opens the windows that show what arrived, and closes them at the end."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from dicomgui.app.viewing.editing import UidMap
from dicomgui.app.viewing.viewed import Viewed, open_file
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.viewer.compare_window import CompareWindow
from dicomgui.gui.viewer.edit_window import EditWindow
from dicomgui.gui.viewer.window import ViewerWindow
from dicomgui.network.part10 import Part10Error
from dicomgui.trace.finding import plain

__all__ = ["Viewers"]

MAX_WINDOWS = 12
"""Windows of data sets that are open at once; the oldest one is closed for one more."""

THREADS = 2

_Opened = Viewed | str


class Viewers(QObject):
    """All of them.

    It has threads of its own, since what is decoded or compared must not hold up what is being received.

    :param say: told in words what could not be opened.
    """

    files_wanted = Signal(object, object)
    """Files (list of paths) are to be sent, to a node or ``None``."""

    help_wanted = Signal()
    """The user wants to read about these windows."""

    def __init__(self, config: Configuration, say: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="dicomgui-viewers")
        self._config = config
        self._say = say
        self._uids = UidMap()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._copies = 0
        self._opening: list[Latest] = []
        self._arrived: list[Viewed] = []  # opened, and not yet shown
        self.viewers: list[ViewerWindow] = []
        self.others: list[CompareWindow | EditWindow] = []

    # ---------------------------------------------------------------------------------------------------------- opening

    def open_path(self, path: Path, name: str = "") -> None:
        """Show a file; soon, for it is opened in a thread."""
        self._ask(lambda: _opened(path, name), self._on_opened)

    def open(self, what: Path | Callable[[], Viewed | None]) -> None:
        """Show a file, or what a function gives; see :meth:`open_path` and :meth:`open_by`."""
        if isinstance(what, Path):
            self.open_path(what)
        else:
            self.open_by(what)

    def open_by(self, make: Callable[[], Viewed | None]) -> None:
        """Show what ``make`` gives, which is called in a thread; nothing where that is ``None``."""
        self._ask(make, self._on_opened)

    def _ask(self, work: Callable[[], _Opened | None], done: Callable[[_Opened | None], None]) -> None:
        """Each file has a look of its own: whoever opens two wants two."""
        latest = Latest(self._pool, self._say, self)
        self._opening = [one for one in self._opening if one.is_busy]
        self._opening.append(latest)

        def opened() -> _Opened | None:
            result = work()
            if isinstance(result, Viewed):
                self._arrived.append(result)
            return result

        def take(result: _Opened | None) -> None:
            if isinstance(result, Viewed):
                self._arrived.remove(result)
            done(result)

        latest.ask(opened, take)

    @property
    def is_busy(self) -> bool:
        """Whether something is being opened."""
        return any(one.is_busy for one in self._opening)

    def _on_opened(self, result: _Opened | None) -> None:
        if isinstance(result, str):
            self._say(result)
        elif result is not None:
            self.show_viewed(result)

    def show_viewed(self, viewed: Viewed) -> ViewerWindow:
        """Show a data set in a window of its own."""
        while len(self.viewers) >= MAX_WINDOWS:
            self.viewers[0].close()
        window = ViewerWindow(viewed, self._pool)
        window.closed.connect(partial(self._on_closed, window))
        window.compare_wanted.connect(partial(self._on_compare_wanted, window))
        window.edit_wanted.connect(partial(self.edit, window))
        window.help_wanted.connect(self.help_wanted)
        self.viewers.append(window)
        self._tell_others()
        window.show()
        window.activateWindow()
        return window

    def _tell_others(self) -> None:
        for window in self.viewers:
            window.others = [other for other in self.viewers if other is not window]

    def _on_closed(self, window: ViewerWindow) -> None:
        if window in self.viewers:
            self.viewers.remove(window)
            window.stop()
            window.deleteLater()
            self._tell_others()

    # ------------------------------------------------------------------------------------------------ compare and edit

    def _on_compare_wanted(self, window: ViewerWindow, other: ViewerWindow | None) -> None:
        if other is not None:
            self.compare(window, other)
            return
        dialog = QFileDialog(window, "File to compare with")
        dialog.setObjectName("ask_compare")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self._compare_with_file(window, Path(path)))
        dialog.open()

    def _compare_with_file(self, window: ViewerWindow, path: Path) -> None:
        def done(result: _Opened | None) -> None:
            if isinstance(result, str):
                self._say(result)
            elif result is not None and window in self.viewers:
                self.compare(window, self.show_viewed(result))

        self._ask(lambda: _opened(path, ""), done)

    def compare(self, left: ViewerWindow, right: ViewerWindow) -> CompareWindow:
        """Show two of the windows side by side."""
        shown = CompareWindow(left.viewed, right.viewed, self._pool)
        self._show_other(shown)
        return shown

    def edit(self, window: ViewerWindow) -> EditWindow:
        """Show a copy of what a window shows, to be changed."""
        shown = EditWindow(window.viewed, self._pool, self._config, self._new_file, self._uids)
        shown.files_wanted.connect(self.files_wanted)
        self._show_other(shown)
        return shown

    @property
    def unsent_copies(self) -> int:
        """How many copies have changes that were not sent."""
        return sum(isinstance(one, EditWindow) and one.isVisible() and one.has_unsent_changes for one in self.others)

    def _show_other(self, window: CompareWindow | EditWindow) -> None:
        self.others = [other for other in self.others if other.isVisible()]
        self.others.append(window)
        window.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        window.show()
        window.activateWindow()

    def _new_file(self) -> Path:
        """A name that no file has; the folder goes at the end, when nothing is sent any more."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="dicomgui-copies-", ignore_cleanup_errors=True)
        self._copies += 1
        return Path(self._folder.name) / f"copy-{self._copies}.dcm"

    # -------------------------------------------------------------------------------------------------------------- end

    async def shut_down(self) -> None:
        """Close every window, and wait for what still runs in the threads."""
        self.close_all()
        await asyncio.to_thread(self._pool.shutdown, True, cancel_futures=True)
        while self._arrived:
            self._arrived.pop().close()

    def close_all(self) -> None:
        """Close every window, and remove the copies."""
        for one in self._opening:
            one.forget()
        for window in list(self.viewers):
            window.close()
        for other in self.others:
            other.stop()
            other.close()
            other.deleteLater()
        self.others = []
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _opened(path: Path, name: str) -> _Opened:
    try:
        return open_file(path, name)
    except (Part10Error, OSError) as error:
        return plain(f"It cannot be shown: {error}", 400)
