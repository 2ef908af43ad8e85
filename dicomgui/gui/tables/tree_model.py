"""A decoded tree, of a PDU or of a data set, linked to its bytes by offset and length."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.widgets.text import tooltip
from dicomgui.trace.describe import TreeNode

__all__ = ["TreeModel"]

MAX_LEVELS = 40
"""How deep a byte is followed at once: each level may have to be read, in the window's thread."""

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_TITLES = ("Field", "Value", "Bytes")


class _Place:
    """A node and where it stands in the tree. Qt keeps a bare pointer to it, so the model keeps them all alive."""

    __slots__ = ("_children", "node", "parent", "row")

    def __init__(self, node: TreeNode, parent: _Place | None, row: int) -> None:
        self.node = node
        self.parent = parent
        self.row = row
        self._children: list[_Place] | None = None

    @property
    def children(self) -> list[_Place]:
        """What is inside, made when it is first looked at."""
        if self._children is None:
            self._children = [_Place(child, self, number) for number, child in enumerate(self.node.children)]
        return self._children

    @property
    def name(self) -> str:
        """The label, with a number where others beside it have the same one."""
        label = self.node.label
        if self.parent is None:
            return label
        alike = [place.row for place in self.parent.children if place.node.label == label]
        return f"{label}[{alike.index(self.row) + 1}]" if len(alike) > 1 else label


class TreeModel(QAbstractItemModel):
    """Shows one node with all below it, or nothing."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._root: _Place | None = None

    def show_node(self, node: TreeNode | None) -> None:
        """Show another tree."""
        self.beginResetModel()
        self._root = _Place(node, None, 0) if node is not None else None
        self.endResetModel()

    def node_of(self, index: _Index) -> TreeNode | None:
        """The node of an index."""
        return self._place(index).node if index.isValid() else None

    def index_at(self, offset: int) -> QModelIndex:
        """The deepest node that owns the byte at ``offset``, down to :data:`MAX_LEVELS`; an invalid index where none
        does.
        """
        place = self._root
        if place is None or not _owns(place.node, offset):
            return QModelIndex()
        for _ in range(MAX_LEVELS):
            inside = next((child for child in place.children if _owns(child.node, offset)), None)
            if inside is None:
                break
            place = inside
        return self.createIndex(place.row, 0, place)

    def path_of(self, index: _Index) -> str:
        """The labels from the top to a node: ``P-DATA-TF › Presentation data value[2] › …``."""
        labels: list[str] = []
        place: _Place | None = self._place(index) if index.isValid() else None
        while place is not None:
            labels.insert(0, place.name)
            place = place.parent
        return " › ".join(labels)

    @staticmethod
    def _place(index: _Index) -> _Place:
        place = index.internalPointer()
        assert isinstance(place, _Place)
        return place

    # Qt's side

    def index(self, row: int, column: int, parent: _Index = _ROOT) -> QModelIndex:
        if not parent.isValid():
            return self.createIndex(0, column, self._root) if self._root is not None and row == 0 else QModelIndex()
        children = self._place(parent).children
        return self.createIndex(row, column, children[row]) if 0 <= row < len(children) else QModelIndex()

    def parent(self, child: _Index = _ROOT) -> Any:
        above = self._place(child).parent if child.isValid() else None
        return self.createIndex(above.row, 0, above) if above is not None else QModelIndex()

    def rowCount(self, parent: _Index = _ROOT) -> int:
        if not parent.isValid():
            return 1 if self._root is not None else 0
        return len(self._place(parent).children) if parent.column() == 0 else 0

    def hasChildren(self, parent: _Index = _ROOT) -> bool:
        if not parent.isValid():
            return self._root is not None
        return parent.column() == 0 and self._place(parent).node.may_have_children

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node = self._place(index).node
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(node, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(_text(node, index.column()))
        if role == Qt.ItemDataRole.ForegroundRole:
            if node.error:
                return QColor(current_colors().error)
            if index.column() == 2:
                return QColor(current_colors().muted)
        return None


def _owns(node: TreeNode, offset: int) -> bool:
    return node.offset <= offset < node.offset + node.length


def _text(node: TreeNode, column: int) -> str:
    if column == 0:
        return node.label
    if column == 1:
        return " · ".join(part for part in (node.value, node.error) if part)
    if not node.length:
        return f"{node.offset:04X}" if node.offset else ""
    return f"{node.offset:04X} · {node.length:,}"
