"""The table of the archive: rows that open by a click or a key, an order by the head of a column."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from dicomgui.gui.models.archive_model import ORDERS, ArchiveColumn, ArchiveModel
from dicomgui.gui.widgets.tables import ListTable
from dicomgui.gui.widgets.tree_cell import DEPTH_ROLE, OPEN_ROLE, TreeCellDelegate, arrow_rect
from dicomgui.storage.listing import Order, Place

__all__ = ["ArchiveTable"]

NAME_WIDTH = 250
"""So much room the first column has at least, before others give way to it."""

_WIDTHS: dict[int, int] = {
    ArchiveColumn.ID: 118, ArchiveColumn.DATE: 92, ArchiveColumn.KIND: 104, ArchiveColumn.INSTANCES: 86,
    ArchiveColumn.SIZE: 84, ArchiveColumn.RECEIVED: 132, ArchiveColumn.REMARK: 150,
}  # fmt: skip
_FIRST_TO_GO = (
    ArchiveColumn.RECEIVED, ArchiveColumn.SIZE, ArchiveColumn.KIND, ArchiveColumn.ID, ArchiveColumn.DATE,
    ArchiveColumn.REMARK,
)  # fmt: skip


class ArchiveTable(ListTable):
    """Shows an :class:`ArchiveModel`. Right and Left open and close a row, Enter and a double click activate it."""

    row_activated = Signal(int)
    order_chosen = Signal(object, bool)
    """The user sorts by this :class:`Order`, descending or not."""

    def __init__(self, name: str, accessible: str, model: ArchiveModel, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, parent)
        self._model = model
        self._order = (Order.RECEIVED, True)
        self._kept: tuple[set[Place], Place | None, int] = (set(), None, 0)
        self.setModel(model)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # UIDs differ at their ends
        self._delegate = TreeCellDelegate(self)
        self.setItemDelegateForColumn(ArchiveColumn.NAME, self._delegate)
        self.set_widths(_WIDTHS, stretch=ArchiveColumn.NAME)
        head = self.horizontalHeader()
        head.setSectionsClickable(True)
        head.setSortIndicatorShown(True)
        head.setSortIndicator(ArchiveColumn.RECEIVED, Qt.SortOrder.DescendingOrder)
        head.sectionClicked.connect(self._on_head_clicked)
        self.doubleClicked.connect(lambda index: self.row_activated.emit(index.row()))
        model.modelAboutToBeReset.connect(self._keep)
        model.modelReset.connect(self._restore)

    # order

    def _on_head_clicked(self, column: int) -> None:
        order = ORDERS.get(ArchiveColumn(column))
        if order is not None:
            by_number = order in (Order.RECEIVED, Order.DATE, Order.INSTANCES, Order.SIZE)
            self._order = (order, not self._order[1] if order is self._order[0] else by_number)
            self.order_chosen.emit(*self._order)
        self._show_order()

    def _show_order(self) -> None:
        column = next(column for column, order in ORDERS.items() if order is self._order[0])
        direction = Qt.SortOrder.DescendingOrder if self._order[1] else Qt.SortOrder.AscendingOrder
        self.horizontalHeader().setSortIndicator(column, direction)

    # selection

    def selected_places(self) -> list[Place]:
        """The places that are selected, in their order."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        places = (self._model.place_at(row) for row in rows)
        return [place for place in places if place is not None]

    def _keep(self) -> None:
        rows = [index.row() for index in self.selectionModel().selectedRows()][:1000]
        places = (self._model.place_at(row) for row in rows)
        current = self._model.place_at(self.currentIndex().row())
        self._kept = ({place for place in places if place is not None}, current, self.verticalScrollBar().value())

    def _restore(self) -> None:
        (places, current, value), self._kept = self._kept, (set(), None, 0)
        flags = QItemSelectionModel.SelectionFlag
        for place in places:
            row = self._model.row_of(place)
            if row >= 0:
                self.selectionModel().select(self._model.index(row, 0), flags.Select | flags.Rows)
        row = self._model.row_of(current) if current is not None else -1
        if row >= 0:
            self.selectionModel().setCurrentIndex(self._model.index(row, 0), flags.NoUpdate)
        self.verticalScrollBar().setValue(value)

    # keys and mouse

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, key = self.currentIndex().row(), event.key()
        if row < 0 or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Right, Qt.Key.Key_Plus):
            self._model.open_row(row)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Minus):
            self._close_or_go_up(row)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.row_activated.emit(row)
        else:
            super().keyPressEvent(event)

    def _close_or_go_up(self, row: int) -> None:
        if self._model.place_at(row) in self._model.opened:
            self._model.close_row(row)
        elif (above := self._model.parent_row(row)) >= 0:
            self.selectRow(above)

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
        if not index.isValid() or index.column() != ArchiveColumn.NAME or index.data(OPEN_ROLE) is None:
            return False
        return arrow_rect(self.visualRect(index), int(index.data(DEPTH_ROLE))).adjusted(-4, -4, 4, 4).contains(point)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, what matters least goes first."""
        needed = NAME_WIDTH + sum(_WIDTHS.values())
        for column in _FIRST_TO_GO:
            is_over = needed > event.size().width()
            self.setColumnHidden(column, is_over)
            needed -= _WIDTHS[column] if is_over else 0
        super().resizeEvent(event)
