"""The table of matches: rows that open by a click or a key, an order by column, columns that come and go."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QWidget

from dicomgui.gui.asking.model import QueryModel
from dicomgui.gui.asking.rows import HERE, ITEM, NODE, Row
from dicomgui.gui.tables.pills import PillDelegate
from dicomgui.gui.tables.tree_table import TreeTable

__all__ = ["ResultTable"]

_MAX_REMEMBERED = 5000  # selected rows that stay selected when the rows are arranged anew


class ResultTable(TreeTable):
    """Shows a :class:`QueryModel`; a click on the head of a column sorts by it.

    :param name: object name.
    """

    row_shown = Signal(object)
    """The user wants to see all of a row: a double click, or Enter."""
    order_changed = Signal()
    """The user sorts by another column, or the other way round."""

    def __init__(self, name: str, accessible: str, model: QueryModel, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, model, parent)
        self._model = model
        self._kept: tuple[list[Row], Row | None] = ([], None)
        self._chosen: frozenset[str] = frozenset()
        self.setModel(model)
        self._pill_delegate = PillDelegate(self)
        head = self.horizontalHeader()
        head.setSectionsClickable(True)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        head.setStretchLastSection(True)
        head.setSortIndicatorShown(False)
        head.sectionClicked.connect(self._on_head_clicked)
        model.modelAboutToBeReset.connect(self._keep_selection)
        model.modelReset.connect(self._on_reset)
        self._on_reset()

    # columns

    def show_columns(self, chosen: Collection[str]) -> None:
        """Show the columns with these keys."""
        self._chosen = frozenset(chosen)
        for place, column in enumerate(self._model.columns):
            self.setColumnHidden(place, column.key not in self._chosen)

    def _on_reset(self) -> None:
        for place, column in enumerate(self._model.columns):
            if self.columnWidth(place) in (0, self.horizontalHeader().defaultSectionSize()):
                self.setColumnWidth(place, column.width)
            delegate = {ITEM: self.tree_delegate, HERE: self._pill_delegate}.get(column.key, self.itemDelegate())
            self.setItemDelegateForColumn(place, delegate)
        self.show_columns(self._chosen or {column.key for column in self._model.columns if column.key != NODE})
        self.show_order()
        self._select_kept()

    # order

    def _on_head_clicked(self, place: int) -> None:
        """Up, then down, then as they came."""
        arrangement = self._model.arrangement
        column = self._model.columns[place]
        if column.key == HERE:
            return
        if arrangement.column != column:
            self._model.set_order(column)
        elif not arrangement.is_descending:
            self._model.set_order(column, is_descending=True)
        else:
            self._model.set_order(None)
        self.show_order()
        self.order_changed.emit()

    def show_order(self) -> None:
        """Show in the heads by which column the rows are sorted."""
        arrangement, head = self._model.arrangement, self.horizontalHeader()
        head.setSortIndicatorShown(arrangement.column is not None)
        if arrangement.column is not None:
            order = Qt.SortOrder.DescendingOrder if arrangement.is_descending else Qt.SortOrder.AscendingOrder
            head.setSortIndicator(self._model.columns.index(arrangement.column), order)

    # selection

    def selected_rows(self) -> list[Row]:
        """The matches that are selected, in their order."""
        places = sorted(index.row() for index in self.selectionModel().selectedRows())
        rows = (self._model.row_at(place) for place in places)
        return [row for row in rows if row is not None and row.answer is not None]

    @property
    def current_row(self) -> Row | None:
        """The row that has the keys."""
        return self._model.row_at(self.currentIndex().row())

    def _keep_selection(self) -> None:
        selection = self.selectionModel().selectedRows()
        rows = [self._model.row_at(index.row()) for index in selection[:_MAX_REMEMBERED]]
        self._kept = ([row for row in rows if row is not None], self.current_row)

    def _select_kept(self) -> None:
        (rows, current), self._kept = self._kept, ([], None)
        wanted = {*rows, *([current] if current is not None else [])}
        if not wanted:
            return
        places = self._model.places_of(wanted)
        if current in places:
            flags = self.selectionModel().SelectionFlag.NoUpdate
            self.selectionModel().setCurrentIndex(self._model.index(places[current], 0), flags)
        flags = self.selectionModel().SelectionFlag.Select | self.selectionModel().SelectionFlag.Rows
        for row in rows:
            if row in places:
                self.selectionModel().select(self._model.index(places[row], 0), flags)

    def activate_row(self, place: int) -> None:
        """Show the match that stands there."""
        row = self._model.row_at(place)
        if row is not None and row.answer is not None:
            self.row_shown.emit(row)
