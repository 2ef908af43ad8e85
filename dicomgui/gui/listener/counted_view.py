"""One of several tables of a panel, with the button that brings it into view and counts its rows."""

from __future__ import annotations

from PySide6.QtWidgets import QStackedWidget

from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import EmptyState

__all__ = ["CountedView"]


class CountedView(QStackedWidget):
    """A table of the listener, or what to know while it is empty.

    :ivar button: brings it into view, and says how many rows there are.
    """

    def __init__(self, name: str, title: str, table: ListTable, empty: EmptyState, tip: str) -> None:
        super().__init__()
        self.setObjectName(f"listener_{name}_pages")
        self.table = table
        self._title = title
        self._count = -1
        self.button = push_button(f"listener_view_{name}", title, tip=tip)
        self.button.setCheckable(True)
        self.addWidget(empty)
        self.addWidget(table)
        self.show_count(0)

    def show_count(self, count: int) -> None:
        """So many rows there are now."""
        if count != self._count:
            self._count = count
            self.button.setText(f"{self._title}  {count:,}" if count else self._title)
            self.button.setAccessibleName(f"{self._title.replace('&', '')}, {count:,}")
            self.setCurrentIndex(1 if count else 0)

    @property
    def row(self) -> int:
        """The selected row, -1 for none."""
        rows = self.table.selectionModel().selectedRows()
        return rows[0].row() if rows else -1
