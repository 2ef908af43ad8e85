"""The table of the archive: rows that open by a click or a key, an order by the head of a column."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from dicomgui.gui.archive.model import ORDERS, ArchiveColumn, ArchiveModel
from dicomgui.gui.tables.tree_table import TreeTable
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


class ArchiveTable(TreeTable):
    """Shows an :class:`ArchiveModel`."""

    row_activated = Signal(int)
    order_chosen = Signal(object, bool)
    """The user sorts by this :class:`Order`, descending or not."""

    def __init__(self, name: str, accessible: str, model: ArchiveModel, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, model, parent)
        self._model = model
        self._order = (Order.RECEIVED, True)
        self._kept: tuple[set[Place], Place | None, int] = (set(), None, 0)
        self.setModel(model)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # UIDs differ at their ends
        self.setItemDelegateForColumn(ArchiveColumn.NAME, self.tree_delegate)
        self.set_widths(_WIDTHS, stretch=ArchiveColumn.NAME)
        head = self.horizontalHeader()
        head.setSectionsClickable(True)
        head.setSortIndicatorShown(True)
        head.setSortIndicator(ArchiveColumn.RECEIVED, Qt.SortOrder.DescendingOrder)
        head.sectionClicked.connect(self._on_head_clicked)
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

    def activate_row(self, row: int) -> None:
        """Tell whoever listens."""
        self.row_activated.emit(row)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, what matters least goes first."""
        needed = NAME_WIDTH + sum(_WIDTHS.values())
        for column in _FIRST_TO_GO:
            is_over = needed > event.size().width()
            self.setColumnHidden(column, is_over)
            needed -= _WIDTHS[column] if is_over else 0
        super().resizeEvent(event)
