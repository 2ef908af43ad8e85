"""The list of a trace and what there is to know of its selected item; choosing in one shows it in the other."""

from __future__ import annotations

from concurrent.futures import Executor

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from dicomgui.gui.trace.details.tabs import TraceDetails
from dicomgui.gui.trace.listing.list_view import TraceList
from dicomgui.gui.trace.listing.source import TraceSource
from dicomgui.gui.widgets.hex_view import Notation
from dicomgui.trace.filter import Zoom

__all__ = ["TraceView"]


class TraceView(QWidget):
    """List and details. F6 goes from pane to pane.

    :param name: begins the object names.
    :param source: the trace at first.
    :param pool: threads for what takes time.
    :param across: list at the left and the rest beside it as soon as a row is selected, for a low place; otherwise the
        list above the rest.
    :param zoom: what one item of the list is at first.
    """

    row_wanted = Signal(int, int, int)
    """The user wants to see these bytes: number of the row, offset in its PDU, length."""

    def __init__(
        self,
        name: str,
        source: TraceSource,
        pool: Executor,
        *,
        across: bool = False,
        zoom: Zoom = Zoom.EXCHANGES,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_view")
        self._across = across
        self.table = TraceList(name, source, zoom=zoom)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.model = self.table.trace_model
        self.details = TraceDetails(name, pool, across=across)
        self.table.chosen.connect(self._on_chosen)
        self.details.place_chosen.connect(self.row_wanted)
        self._place(name)
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for key, step in (("F6", 1), ("Shift+F6", -1)):
            shortcut = QShortcut(QKeySequence(key), self, context=within)
            shortcut.activated.connect(lambda step=step: self.next_pane(step))

    def _place(self, name: str) -> None:
        across = self._across
        self.split = QSplitter(Qt.Orientation.Horizontal if across else Qt.Orientation.Vertical)
        self.split.setObjectName(f"{name}_split")
        self.split.addWidget(self.table)
        self.split.addWidget(self.details)
        self.split.setSizes([620, 460] if across else [330, 270])
        self.split.setHandleWidth(8)
        self.split.setChildrenCollapsible(False)
        self.details.setVisible(not across)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.split)

    # ---------------------------------------------------------------------------------------------------------- linking

    def _on_chosen(self, number: int) -> None:
        """Show what is selected now: a row, an exchange or an association."""
        source, details = self.model.source, self.details
        association, exchange = self.model.item_at(self.model.row_of_number(number)) if number else (0, 0)
        if not number:
            details.clear()
        elif self.model.zoom is Zoom.ROWS:
            details.show_row(source.store, source.index, number)
        elif exchange:
            details.show_exchange(source.store, source.index, exchange)
        elif association:
            details.show_association(source.store, source.index, association)
        else:
            details.clear()
        if self._across:
            details.setVisible(bool(number))

    def show_place(self, offset: int, length: int) -> None:
        """Mark bytes of the selected row."""
        self.details.show_place(offset, length)

    @property
    def has_bytes(self) -> bool:
        """Whether the selected row has bytes to copy."""
        return self.details.pdu_length > 0

    def copy_pdu(self, notation: Notation = Notation.HEX) -> None:
        """Copy the kept bytes of the selected row."""
        self.details.copy_pdu(notation)

    # ------------------------------------------------------------------------------------------------------------- keys

    def next_pane(self, step: int = 1) -> None:
        """Put the focus into the next pane."""
        panes = [pane for pane in (self.table, *self.details.panes) if pane.isVisible()]
        now = next((place for place, pane in enumerate(panes) if pane.hasFocus()), -step)
        panes[(now + step) % len(panes)].setFocus(Qt.FocusReason.TabFocusReason)
