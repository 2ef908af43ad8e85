"""A second filter that hides nothing: F3 goes to the next row that passes it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from dicomgui.gui.trace.filtering.filter_edit import FilterEdit
from dicomgui.gui.trace.filtering.finder import TraceFinder
from dicomgui.gui.trace.listing.list_view import TraceList
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.filter import FilterError
from dicomgui.trace.finding import plain

__all__ = ["FindBar"]


class FindBar(QWidget):
    """Hidden until it is asked for.

    :param name: begins the object names.
    :param table: where it looks.
    """

    closed = Signal()
    """The user is done with it."""

    def __init__(self, name: str, table: TraceList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = table
        self._finder = TraceFinder(table.trace_model)
        self._finder.found.connect(self._on_found)
        self.edit = FilterEdit(name, "Find in the trace")
        self.edit.setPlaceholderText('Find, e.g. failed   tag:0010,0020~"12"   bytes:"16 03"   DOE')
        self.previous_button = push_button(f"{name}_previous", "", "up", tip="The one before (Shift+F3)")
        self.previous_button.setAccessibleName("Find the one before")
        self.next_button = push_button(f"{name}_next", "", "down", tip="The next one (F3, Enter)")
        self.next_button.setAccessibleName("Find the next one")
        self.close_button = push_button(f"{name}_close", "", "cancel", tip="Close (Esc)")
        self.close_button.setAccessibleName("Close the search")
        self.said = PlainLabel(tone="muted")
        self.said.setObjectName(f"{name}_said")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.edit, 1)
        for button in (self.previous_button, self.next_button, self.close_button):
            row.addWidget(button)
        row.addWidget(self.said)
        self.previous_button.clicked.connect(lambda: self.go(-1))
        self.next_button.clicked.connect(lambda: self.go(1))
        self.close_button.clicked.connect(self.close_bar)
        self.edit.confirmed.connect(lambda: self.go(1))
        self.edit.left.connect(self.close_bar)
        self.edit.filter_changed.connect(self._on_filter_changed)
        self.hide()

    def open(self) -> None:
        """Show it, to be typed into."""
        self.show()
        self.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.edit.selectAll()

    def close_bar(self) -> None:
        """Hide it."""
        self._finder.stop()
        self.hide()
        self.closed.emit()

    def go(self, step: int) -> None:
        """Go to the next row that passes, or to the one before; without a filter it asks for one."""
        self.edit.apply()
        if not self.isVisible() or self.edit.filter.expression is None:
            self.open()
            return
        if self.edit.error is not None:
            return
        try:
            self._finder.find(self.edit.filter, self._table.number, step)
        except FilterError as error:
            self.said.setText(plain(error, 200))
            return
        if self._finder.is_busy:
            self.said.setText("looking …")

    def _on_found(self, number: int) -> None:
        self.said.setText("" if number else "nothing")
        if number:
            self._table.set_follows(False)
            self._table.want(number)

    def _on_filter_changed(self) -> None:
        error = self.edit.error
        self.said.set_tone("error" if error is not None else "muted")
        self.said.setText(plain(error, 200) if error is not None else "")
