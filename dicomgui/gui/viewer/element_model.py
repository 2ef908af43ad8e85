"""The elements of a data set as a tree of five columns."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.tree_model import TreeModel
from dicomgui.gui.widgets.text import tooltip
from dicomgui.trace.inspection.dataset_nodes import DataNode

__all__ = ["LENGTH", "NAME", "TAG", "VALUE", "VR", "ElementModel"]

TAG, VR, NAME, VALUE, LENGTH = range(5)
_TITLES = ("Tag", "VR", "Name", "Value", "Bytes")
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_TAG_LENGTH = len("(0010,0010)")


class ElementModel(TreeModel):
    """Shows one :class:`~dicomgui.trace.inspection.dataset_nodes.DataNode`; its children are the uppermost rows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._doubted: dict[int, str] = {}

    def doubt(self, doubted: dict[int, str]) -> None:
        """Mark elements, by their offset, each with what is wrong with it."""
        self._doubted = doubted

    def element_of(self, index: _Index) -> DataNode | None:
        """The element of an index."""
        node = self.node_of(index)
        return node if isinstance(node, DataNode) else None

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole and section == LENGTH else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        node = self.element_of(index)
        if node is None:
            return None
        doubt = self._doubted.get(node.offset, "") if node.begin >= 0 else ""
        if role == Qt.ItemDataRole.DisplayRole:
            return text_of(node, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(doubt or text_of(node, index.column()))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() == LENGTH else None
        if role == Qt.ItemDataRole.ForegroundRole:
            return _color(node, index.column(), bool(doubt))
        return None


def text_of(node: DataNode, column: int) -> str:
    """What stands in a cell."""
    is_element = node.tag >= 0 and node.label.startswith("(")
    if column == TAG:
        return node.label[:_TAG_LENGTH] if is_element else node.label
    if column == VR:
        return node.vr
    if column == NAME:
        return node.label[_TAG_LENGTH:].strip().removeprefix(node.vr).strip() if is_element else ""
    if column == VALUE:
        return " · ".join(part for part in (node.value, node.error) if part)
    return (
        f"{node.offset + node.length - node.begin:,}" if node.begin >= 0 else f"{node.length:,}" if node.length else ""
    )


def _color(node: DataNode, column: int, is_doubted: bool) -> QColor | None:
    if node.error:
        return QColor(current_colors().error)
    if is_doubted and column == VALUE:
        return QColor(current_colors().warning)
    return QColor(current_colors().muted) if column in (VR, LENGTH) else None
