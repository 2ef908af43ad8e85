"""A tree of names and values whose names leave room for the values where it is narrow."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QAbstractItemModel
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from dicomgui.gui.tables.column_tree import ColumnTree

__all__ = ["LAST_FROM", "NarrowingTree"]

_SHARE: Final = 0.6
LAST_FROM: Final = 400
"""Up to this width, in pixels, only names and values are shown."""


class NarrowingTree(ColumnTree):
    """A tree whose first column has what it is given, or what the user has made of it, but never more than a share of
    the width; the second one has the rest.
    """

    def __init__(self, name: str, accessible: str, model: QAbstractItemModel, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, model, parent)
        self._first = 0
        self._last: int | None = None
        self._is_fitting = False

    def set_columns(self, first: int, last: tuple[int, int] | None = None) -> None:
        """Set the widths of columns.

        :param first: width of the first one, in pixels.
        :param last: place and width of one that is hidden in a narrow tree; ``None`` for none.
        """
        self.set_widths({} if last is None else {last[0]: last[1]}, stretch=1)
        self.header().sectionResized.connect(self._on_section_resized)
        self._first = first
        self._last = None if last is None else last[0]
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.viewport().width()
        self._is_fitting = True
        if self._last is not None:
            self.setColumnHidden(self._last, room < LAST_FROM)
        if self._first:
            self.header().resizeSection(0, min(self._first, int(room * _SHARE)))
        self._is_fitting = False

    def _on_section_resized(self, section: int, _old: int, new: int) -> None:
        if section == 0 and not self._is_fitting:
            self._first = new
