"""Saving the object of a C-STORE in the trace: ask for a file, and ask again before anything is lost or made up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from dicomgui.gui.running.latest import Latest
from dicomgui.gui.widgets.confirm import ask
from dicomgui.gui.widgets.text import size_text
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.messages import Message
from dicomgui.trace.inspection.object_file import ObjectError, SavedObject, save_part10
from dicomgui.trace.store import TraceStore

__all__ = ["ObjectSaving"]

_Outcome = SavedObject | ObjectError | OSError


class ObjectSaving(QObject):
    """Belongs to a widget, over which its dialogs open.

    :param tell: is told in words what became of it, and whether that is bad news.
    """

    def __init__(self, parent: QWidget, pool: Executor, tell: Callable[[str, bool], None]) -> None:
        super().__init__(parent)
        self._over = parent
        self._tell = tell
        self._work = Latest(pool, lambda text: tell(text, True), self)

    @property
    def is_busy(self) -> bool:
        """Whether a file is being written."""
        return self._work.is_busy

    def ask(self, store: TraceStore, message: Message, name: str) -> None:
        """Let the user choose a file for the object, and write it.

        :param name: that is proposed.
        """
        dialog = QFileDialog(self._over, "Save the object: it may hold patient data")
        dialog.setObjectName("ask_object")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # which it would ask in a nested loop
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setNameFilters(["DICOM (*.dcm)", "All files (*)"])
        dialog.setDirectory(str(Path.home()))
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda path: self._save(partial(save_part10, store, message, Path(path))))
        dialog.open()

    def _save(self, write: partial[SavedObject]) -> None:
        self._work.ask(lambda: _outcome(write), lambda outcome: self._on_done(write, outcome))

    def _on_done(self, write: partial[SavedObject], outcome: _Outcome) -> None:
        if isinstance(outcome, FileExistsError):
            name = write.args[2].name
            self._confirm(f"{name} is there already.", "Replace it", lambda: self._save(partial(write, overwrite=True)))
        elif isinstance(outcome, ObjectError) and outcome.can_fill:
            text = f"{outcome} They would be zeros in the file, which would not be the object that was sent."
            self._confirm(text, "Save with zeros", lambda: self._save(partial(write, fill=True)))
        elif isinstance(outcome, SavedObject):
            zeros = f", {outcome.missing_bytes:,} bytes of it zeros" if outcome.missing_bytes else ""
            self._tell(plain(f"Saved {outcome.path} ({size_text(outcome.size_bytes)}{zeros})", 400), False)
        else:
            self._tell(plain(f"Not saved: {outcome}", 400), True)

    def _confirm(self, text: str, yes: str, then: Callable[[], None]) -> None:
        ask(self._over, "confirm_object", text, yes, then)


def _outcome(write: partial[SavedObject]) -> _Outcome:
    try:
        return write()
    except (ObjectError, OSError) as error:
        return error
