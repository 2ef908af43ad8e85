"""Dialogs without a nested loop: one opens, and the task awaits its end. Asking for files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QLineEdit, QWidget

__all__ = ["Ask", "accepted", "ask_paths", "choose_file", "foot_of"]


class Ask(Enum):
    """What is asked for."""

    FILES = "files"
    FOLDER = "folder"
    SAVE = "save"
    APPEND = "append"
    """A file that is continued where it is there already."""


def foot_of(*buttons: QWidget) -> QHBoxLayout:
    """The last row of a dialog: its buttons, on the right."""
    foot = QHBoxLayout()
    foot.setSpacing(8)
    foot.addStretch(1)
    for button in buttons:
        foot.addWidget(button)
    return foot


async def accepted(dialog: QDialog) -> bool:
    """Open a dialog and wait until it has ended; whether the user accepted it.

    Who made it closes it afterwards, also where the task that waits is cancelled.
    """
    answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def on_finished(result: int) -> None:
        if not answered.done():
            answered.set_result(result == QDialog.DialogCode.Accepted)

    dialog.finished.connect(on_finished)
    dialog.open()
    return await answered


async def ask_paths(
    parent: QWidget, ask: Ask, caption: str, *, start: Path | None = None, filters: Sequence[str] = ()
) -> list[Path]:
    """Let the user choose; an empty list when the dialog was cancelled, or this task was."""
    dialog = QFileDialog(parent, caption)
    dialog.setObjectName(f"ask_{ask.value}")
    if ask in (Ask.SAVE, Ask.APPEND):
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite, ask is Ask.APPEND)
    elif ask is Ask.FOLDER:
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    else:
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    if filters:
        dialog.setNameFilters(list(filters))
    if start is not None and ask is Ask.SAVE:
        dialog.setDirectory(str(start.parent))
        dialog.selectFile(start.name)
    elif start is not None:
        dialog.setDirectory(str(start))
    try:
        return [Path(name) for name in dialog.selectedFiles()] if await accepted(dialog) else []
    finally:
        dialog.close()
        dialog.deleteLater()


async def choose_file(parent: QWidget, field: QWidget, *, may_be_new: bool = False) -> None:
    """Let the user choose the file that a field names.

    :param may_be_new: it is one that we write, and need not be there yet.
    """
    if not isinstance(field, QLineEdit):
        return
    named = field.text().strip()
    ask = Ask.APPEND if may_be_new else Ask.FILES
    paths = await ask_paths(parent, ask, field.accessibleName(), start=Path(named).parent if named else None)
    if paths:
        field.setText(str(paths[0]))
