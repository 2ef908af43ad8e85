"""A tree of fields: name, value, place."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from dicomgui.gui.tables.narrowing import NarrowingTree
from dicomgui.gui.tables.tree_model import TreeModel

__all__ = ["FieldTree"]

_FIRST, _PLACE, _LEAST = 270, 92, 250  # pixels; the last one for the whole tree


class FieldTree(NarrowingTree):
    """Shows a :class:`TreeModel` in three columns, or in two where it is narrow.

    :param name: object name.
    :param accessible: what it shows, for assistive technology.
    """

    def __init__(self, name: str, accessible: str, model: TreeModel, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, model, parent)
        self.setExpandsOnDoubleClick(False)
        self.setMinimumWidth(_LEAST)
        self.set_columns(_FIRST, (2, _PLACE))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
