"""The table of matches: rows that open by a click or a key, an order by column, columns that come and go."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QWidget

from dicomgui.gui.models.query_model import QueryModel
from dicomgui.gui.models.query_rows import HERE, ITEM, NODE, Row
from dicomgui.gui.widgets.pills import PillDelegate
from dicomgui.gui.widgets.tables import ListTable
from dicomgui.gui.widgets.tree_cell import DEPTH_ROLE, OPEN_ROLE, TreeCellDelegate, arrow_rect

__all__ = ["ResultTable"]

_MAX_REMEMBERED = 5000  # selected rows that stay selected when the rows are arranged anew


class ResultTable(ListTable):
    """Shows a :class:`QueryModel`.

    Right and Left open and close a row, Enter shows it, a click on the head of a column sorts by it.

    :param name: object name.
    """

    row_shown = Signal(object)
    """The user wants to see all of a row: a double click, or Enter."""
    order_changed = Signal()
    """The user sorts by another column, or the other way round."""

    def __init__(self, name: str, accessible: str, model: QueryModel, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, parent)
        self._model = model
        self._kept: tuple[list[Row], Row | None] = ([], None)
        self._chosen: frozenset[str] = frozenset()
        self.setModel(model)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._item_delegate = TreeCellDelegate(self)
        self._pill_delegate = PillDelegate(self)
        head = self.horizontalHeader()
        head.setSectionsClickable(True)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        head.setStretchLastSection(True)
        head.setSortIndicatorShown(False)
        head.sectionClicked.connect(self._on_head_clicked)
        self.doubleClicked.connect(lambda index: self._show_row(index.row()))
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
            delegate = {ITEM: self._item_delegate, HERE: self._pill_delegate}.get(column.key, self.itemDelegate())
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

    # keys and mouse

    def keyPressEvent(self, event: QKeyEvent) -> None:
        place, key = self.currentIndex().row(), event.key()
        row = self._model.row_at(place)
        if row is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Right, Qt.Key.Key_Plus):
            self._model.open_row(place)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Minus):
            self._close_or_go_up(place, row)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._show_row(place)
        else:
            super().keyPressEvent(event)

    def _close_or_go_up(self, place: int, row: Row) -> None:
        if row.is_open:
            self._model.close_row(place)
        elif row.parent is not None:
            self.selectRow(self._model.position_of(row.parent))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self._is_on_arrow(event.position().toPoint()):
            self._model.toggle(self.indexAt(event.position().toPoint()).row())
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not self._is_on_arrow(event.position().toPoint()):
            super().mouseDoubleClickEvent(event)

    def _is_on_arrow(self, point: QPoint) -> bool:
        index = self.indexAt(point)
        if not index.isValid() or self._model.columns[index.column()].key != ITEM or index.data(OPEN_ROLE) is None:
            return False
        return arrow_rect(self.visualRect(index), int(index.data(DEPTH_ROLE))).adjusted(-4, -4, 4, 4).contains(point)

    def _show_row(self, place: int) -> None:
        row = self._model.row_at(place)
        if row is not None and row.answer is not None:
            self.row_shown.emit(row)
