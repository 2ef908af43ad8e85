"""A data set under edit as a tree with columns: attribute, representation, value."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from dicomgui.app.viewing.dataset_edit import DatasetEdit, EditNode, Element, Item, siblings
from dicomgui.app.viewing.edited_values import Severity
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.widgets.text import tooltip
from dicomgui.network.uids import is_valid_uid, name_of
from dicomgui.trace.finding import plain

__all__ = ["ATTRIBUTE", "CHOICES_ROLE", "VALUE", "VR", "DatasetEditModel"]

ATTRIBUTE, VR, VALUE = range(3)
CHOICES_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""The representations that may be chosen."""

MAX_SHOWN = 400
_TITLES = ("Attribute", "VR", "Value")
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class DatasetEditModel(QAbstractItemModel):
    """Shows :attr:`edit`, itself as the row at the top.

    After a change of its structure the model is reset; a view then restores what was open.

    :param edit: the data set; may be replaced by :meth:`show_edit`.
    """

    def __init__(self, edit: DatasetEdit, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.edit = edit
        self._is_quiet = False
        edit.watchers.append(self._on_changed)

    def show_edit(self, edit: DatasetEdit) -> None:
        """Show another data set."""
        self.edit.watchers.remove(self._on_changed)
        self.beginResetModel()
        self.edit = edit
        self.endResetModel()
        edit.watchers.append(self._on_changed)

    def _on_changed(self) -> None:
        if not self._is_quiet:
            self.beginResetModel()
            self.endResetModel()

    @staticmethod
    def node_of(index: _Index) -> EditNode | None:
        """What a row stands for."""
        node = index.internalPointer() if index.isValid() else None
        return node if isinstance(node, Element | Item) else None

    def index_of(self, node: EditNode, column: int = ATTRIBUTE) -> QModelIndex:
        """Where something stands; an invalid index for what is no longer there."""
        if isinstance(node, Item) and node.parent is None and node is not self.edit.root:
            return QModelIndex()
        try:
            return self.createIndex(siblings(node).index(node), column, node)
        except ValueError:
            return QModelIndex()

    # Qt's side

    def _inside(self, index: _Index) -> list[Any]:
        node = self.node_of(index)
        if node is None:
            return [self.edit.root]
        return node.items if isinstance(node, Element) else node.elements

    def index(self, row: int, column: int, parent: _Index = _ROOT) -> QModelIndex:
        inside = self._inside(parent)
        if not 0 <= row < len(inside) or not 0 <= column < len(_TITLES):
            return QModelIndex()
        return self.createIndex(row, column, inside[row])

    def parent(self, child: _Index = _ROOT) -> Any:
        node = self.node_of(child)
        return QModelIndex() if node is None or node.parent is None else self.index_of(node.parent)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return len(self._inside(parent)) if parent.column() <= 0 else 0

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        node = self.node_of(index)
        if isinstance(node, Element):
            can_edit = index.column() == VALUE and not node.is_sequence
            if can_edit or (index.column() == VR and len(node.choices) > 1):
                flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        node = self.node_of(index)
        if node is None:
            return None
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(node, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(_tip(node, column))
        if isinstance(node, Item):
            return QColor(current_colors().muted) if role == Qt.ItemDataRole.ForegroundRole else None
        if role == Qt.ItemDataRole.EditRole:
            return node.vr if column == VR else node.text
        if role == CHOICES_ROLE:
            return node.choices
        if role == Qt.ItemDataRole.ForegroundRole:
            return _color(node, column)
        return None

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        node = self.node_of(index)
        if role != Qt.ItemDataRole.EditRole or not isinstance(node, Element):
            return False
        if index.column() == VALUE and not node.is_sequence:
            self._set_text(node, str(value))
            return True
        if index.column() == VR and str(value) in node.choices:
            self.edit.set_vr(node, str(value))
            return True
        return False

    def _set_text(self, node: Element, text: str) -> None:
        """A change of a value alone: the tree stays as it is."""
        self._is_quiet = True
        try:
            self.edit.set_text(node, text)
        finally:
            self._is_quiet = False
        self.dataChanged.emit(self.index_of(node), self.index_of(node, VALUE))


def _text(node: EditNode, column: int) -> str:
    if isinstance(node, Item):
        title = "Data set" if node.parent is None else f"Item {siblings(node).index(node) + 1}"
        count = f"{len(node.elements):,} element{'' if len(node.elements) == 1 else 's'}"
        return (title, "", count)[column]
    if column == ATTRIBUTE:
        return f"{node.attribute.number} {node.attribute.keyword or 'private or unknown'}"
    if column == VR:
        return node.vr
    return plain(node.shown, MAX_SHOWN)


def _tip(node: EditNode, column: int) -> str:
    if isinstance(node, Item):
        return _text(node, column)
    if column == ATTRIBUTE:
        return f"{node.attribute.name} {node.attribute.number}"
    if node.remark is not None:
        return node.remark.text
    if node.vr == "UI" and is_valid_uid(node.text) and name_of(node.text) != node.text:
        return f"{node.text} ({name_of(node.text)})"
    return _text(node, column)


def _color(node: Element, column: int) -> QColor | None:
    colors = current_colors()
    if column == VALUE and node.remark is not None:
        return QColor(colors.error if node.remark.severity is Severity.ERROR else colors.warning)
    is_quiet = column == VR or (column == VALUE and (node.is_sequence or node.data is not None))
    return QColor(colors.muted) if is_quiet else None
