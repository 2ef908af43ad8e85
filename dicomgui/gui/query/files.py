"""Files that say what to ask: queries, and DICOM files whose unique keys are asked for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TypeAlias

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPlainTextEdit, QVBoxLayout, QWidget

from dicomgui.app.asking.query_plan import QueryFiles
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.fields import Section
from dicomgui.gui.widgets.text import PlainLabel, count_text

__all__ = ["QueryFileSection"]

Spawn: TypeAlias = Callable[[Coroutine[object, object, None]], object]

_LINES = 4  # one of them for the bar that scrolls long paths
_HINT = (
    "Each query file is asked with the keys above, one after the other over one association. Of DICOM files the unique "
    "keys of the level are asked for. DICOM JSON, DICOM files and folders; one path a line."
)


class PathLines(QWidget):
    """Paths, one a line, with a button that adds some.

    :param name: object name of the lines.
    :param label: above them.
    :param spawn: runs a coroutine: the dialog that asks for paths.
    """

    changed = Signal()
    """Other paths are named now."""

    def __init__(self, name: str, label: str, spawn: Spawn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spawn = spawn
        self.lines = QPlainTextEdit()
        self.lines.setObjectName(name)
        self.lines.setAccessibleName(label)
        self.lines.setTabChangesFocus(True)
        self.lines.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.lines.setFixedHeight(_LINES * self.lines.fontMetrics().lineSpacing() + 16)
        self.button = push_button(f"{name}_add", "Add", "add", tip=f"{label}: choose some")
        self.button.setAccessibleName(f"{label}: add")
        menu = QMenu(self.button)
        menu.addAction("Files …", lambda: self._spawn(self._add(Ask.FILES)))
        menu.addAction("A folder …", lambda: self._spawn(self._add(Ask.FOLDER)))
        self.button.setMenu(menu)
        above = PlainLabel(label, tone="muted", scale=0.9)
        above.setBuddy(self.lines)
        head = QHBoxLayout()
        head.addWidget(above, 1)
        head.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addLayout(head)
        column.addWidget(self.lines)
        self.lines.textChanged.connect(self.changed)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that are named, in order."""
        return tuple(filter(None, map(str.strip, self.lines.toPlainText().splitlines())))

    def set_paths(self, paths: tuple[str, ...]) -> None:
        """Name these."""
        self.lines.setPlainText("\n".join(paths))

    async def _add(self, ask: Ask) -> None:
        chosen = await ask_paths(self, ask, self.lines.accessibleName())
        self.set_paths((*self.paths, *map(str, chosen)))


class QueryFileSection(Section):
    """A section that is folded away; its heading says how many files are named.

    :param spawn: runs a coroutine of a dialog.
    """

    changed = Signal()
    """Other files are named now."""

    def __init__(self, prefix: str, spawn: Spawn) -> None:
        self.queries = PathLines(f"{prefix}_files", "Query files", spawn)
        self.ids_from = PathLines(f"{prefix}_ids_from", "DICOM files", spawn)
        hint = PlainLabel(_HINT, tone="muted", scale=0.9, wrap=True)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (hint, self.queries, self.ids_from):
            column.addWidget(widget)
        super().__init__(f"{prefix}_from_files", "Queries from files", body)
        for part in (self.queries, self.ids_from):
            part.changed.connect(self._on_changed)

    @property
    def files(self) -> QueryFiles:
        """The files that are named."""
        return QueryFiles(self.queries.paths, self.ids_from.paths)

    def _on_changed(self) -> None:
        files = self.files
        count = len(files.queries) + len(files.ids_from)
        self.show_summary(count_text(count, "path", "paths") if count else "")
        self.changed.emit()
