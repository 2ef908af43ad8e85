"""A tree of fields: name, value, place."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeView, QWidget

from dicomgui.gui.tables.tree_model import TreeModel

__all__ = ["FieldTree"]


class FieldTree(QTreeView):
    """Shows a :class:`TreeModel` in three columns.

    :param name: object name.
    :param accessible: what it shows, for assistive technology.
    """

    def __init__(self, name: str, accessible: str, model: TreeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setModel(model)
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setExpandsOnDoubleClick(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setIndentation(16)
        head = self.header()
        head.setStretchLastSection(False)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        head.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(2, QHeaderView.ResizeMode.Interactive)
        head.resizeSection(0, 270)
        head.resizeSection(2, 92)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
