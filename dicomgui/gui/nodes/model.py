"""The saved nodes, row by row, each with how its last echo went and how long ago that was."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QIcon

from dicomgui.app.configuration.nodes import Node, NodeStatus, name_key
from dicomgui.gui.look import icons
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index
from dicomgui.gui.widgets.text import duration_text, tooltip
from dicomgui.trace.finding import plain

__all__ = ["NodeColumn", "NodeModel", "age_text", "status_text"]

_ICON = 16


class NodeColumn(IntEnum):
    """The columns, in their order."""

    NAME = 0
    TITLE = 1
    ADDRESS = 2
    STATUS = 3


def age_text(seconds: float) -> str:
    """How long ago, for people: ``just now``, ``12 s ago``, ``3 h ago``."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size * (5 if size == 1 else 1):
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def status_text(status: NodeStatus | None, now: float, *, is_busy: bool = False) -> str:
    """How a node stands: what, why and how long ago."""
    if is_busy:
        return "echo under way …"
    if status is None:
        return "not tried yet"
    age = age_text(now - status.utc)
    if not status.ok:
        return f"failed: {plain(status.reason, 300).rstrip('.') or 'it gave no reason'} · {age}"
    took = f" in {duration_text(status.ms / 1000)}" if status.ms is not None else ""
    remark = f" ({plain(status.reason)})" if status.reason else ""
    return f"answers{took}{remark} · {age}"


class NodeModel(ColumnsModel):
    """Rows are replaced as a whole when the address book changes; the statuses are kept beside them, by name.

    :param clock: seconds since 1970-01-01 UTC.
    """

    titles = ("Name", "AE title", "Address", "Last echo")

    def __init__(self, parent: QObject | None = None, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(parent)
        self.clock = clock
        self._nodes: tuple[Node, ...] = ()
        self._statuses: dict[str, NodeStatus] = {}
        self._busy: dict[str, int] = {}
        self._edited: frozenset[str] = frozenset()

    def show_nodes(self, nodes: tuple[Node, ...]) -> None:
        """Replace the rows. What was known of a node is forgotten when it has another address."""
        before = {name_key(node.name): node for node in self._nodes}
        for node in nodes:
            old = before.get(name_key(node.name))
            if old is not None and old.address != node.address:
                self._statuses.pop(name_key(node.name), None)
        self.beginResetModel()
        self._nodes = nodes
        self.endResetModel()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, in the order of the rows."""
        return self._nodes

    def node_at(self, row: int) -> Node | None:
        """The node of a row."""
        return self._nodes[row] if 0 <= row < len(self._nodes) else None

    def row_of(self, name: str) -> int:
        """The row of a node, -1 where there is none of this name."""
        key = name_key(name)
        return next((row for row, node in enumerate(self._nodes) if name_key(node.name) == key), -1)

    def status_of(self, name: str) -> NodeStatus | None:
        """What the last echo of a node said."""
        return self._statuses.get(name_key(name))

    def is_busy(self, name: str) -> bool:
        """Whether an echo of it is under way."""
        return bool(self._busy.get(name_key(name)))

    def rename(self, before: str, after: str) -> None:
        """Keep the status of a node that is called otherwise from now on; call it before :meth:`show_nodes`."""
        status = self._statuses.pop(name_key(before), None)
        if status is not None:
            self._statuses[name_key(after)] = status

    def begin(self, name: str) -> None:
        """An echo of this node has begun."""
        self._busy[name_key(name)] = self._busy.get(name_key(name), 0) + 1
        self._status_changed(name)

    def end(self, name: str, status: NodeStatus | None) -> None:
        """It has ended; ``None`` when it says nothing, because it was cancelled."""
        left = self._busy.pop(name_key(name), 1) - 1
        if left > 0:
            self._busy[name_key(name)] = left
        if status is not None:
            self._statuses[name_key(name)] = status
        self._status_changed(name)

    def mark_edited(self, names: frozenset[str]) -> None:
        """These nodes have changes that were not applied yet."""
        self._edited = frozenset(name_key(name) for name in names)
        if self._nodes:
            self.dataChanged.emit(self.index(0, NodeColumn.NAME), self.index(len(self._nodes) - 1, NodeColumn.NAME), [])

    def age(self) -> None:
        """Time has gone by: the ages are others."""
        if self._nodes and self._statuses:
            first, last = self.index(0, NodeColumn.STATUS), self.index(len(self._nodes) - 1, NodeColumn.STATUS)
            self.dataChanged.emit(first, last, [Qt.ItemDataRole.DisplayRole])

    def _status_changed(self, name: str) -> None:
        row = self.row_of(name)
        if row >= 0:
            self.dataChanged.emit(self.index(row, NodeColumn.NAME), self.index(row, NodeColumn.STATUS), [])

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._nodes)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        node = self.node_at(index.row()) if index.isValid() else None
        if node is None:
            return None
        column = NodeColumn(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(node, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(self._about(node, column))
        if role == Qt.ItemDataRole.DecorationRole:
            return self._icon(node, column)
        if role == Qt.ItemDataRole.ForegroundRole and column is NodeColumn.STATUS:
            return QColor(getattr(current_colors(), self._state(node)[1]))
        if role == Qt.ItemDataRole.AccessibleTextRole and column is NodeColumn.NAME:
            return f"{node.name}, {node.address}, {self._status_text(node)}"
        return None

    def _text(self, node: Node, column: NodeColumn) -> str:
        if column is NodeColumn.NAME:
            return f"{node.name} (edited)" if name_key(node.name) in self._edited else node.name
        if column is NodeColumn.TITLE:
            return str(node.address.ae_title)
        return node.address.place if column is NodeColumn.ADDRESS else self._status_text(node)

    def _status_text(self, node: Node) -> str:
        return status_text(self.status_of(node.name), self.clock(), is_busy=self.is_busy(node.name))

    def _about(self, node: Node, column: NodeColumn) -> str:
        if column is NodeColumn.STATUS:
            return self._status_text(node)
        everybody = " · for everybody on this computer" if node.is_machine_wide else ""
        comment = f" · {plain(node.comment, 500)}" if node.comment else ""
        return f"{node.name}: {node.address}{everybody}{comment}"

    def _icon(self, node: Node, column: NodeColumn) -> QIcon | None:
        if column is NodeColumn.STATUS:
            name, tone = self._state(node)
            return icons.toned(name, str(getattr(current_colors(), tone)), _ICON)
        if column is NodeColumn.NAME and node.is_machine_wide:
            return icons.toned("lock", current_colors().muted, _ICON)
        return None

    def _state(self, node: Node) -> tuple[str, str]:
        """Icon and tone."""
        if self.is_busy(node.name):
            return "busy", "accent"
        status = self.status_of(node.name)
        if status is None:
            return "question", "muted"
        if not status.ok:
            return "error", "error"
        return ("warning", "warning") if status.reason else ("good", "good")
