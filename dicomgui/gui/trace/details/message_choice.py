"""Which message of an exchange is shown: its request, or one of its responses."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from dicomgui.gui.widgets.buttons import Choice
from dicomgui.trace.index import TraceIndex, kind_number

__all__ = ["MessageChoice"]

MAX_ROWS = 20_000
"""Rows of a trace in which the messages of one exchange are looked for."""
MAX_MESSAGES = 500
"""Messages that are offered; of more the first, and the last."""


class MessageChoice(Choice):
    """Offers the messages of an exchange; hidden where there is only one."""

    message_wanted = Signal(int)
    """The user wants to see the message that this row tells of."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, "Which message of the exchange is shown", parent)
        self.setMinimumWidth(150)
        self.currentIndexChanged.connect(self._on_changed)
        self.hide()

    def offer(self, index: TraceIndex | None, exchange: int) -> None:
        """Offer the messages of an exchange; with 0 none. The one that is chosen stays so where it is among them."""
        chosen = self.currentData()
        rows = message_rows(index, exchange) if index is not None and exchange else []
        self.blockSignals(True)
        self.clear()
        named = [(f"Response {number:,}" if number else "Request", seq) for number, seq in enumerate(rows)]
        for text, seq in named if len(named) <= MAX_MESSAGES else (*named[: MAX_MESSAGES - 1], named[-1]):
            self.addItem(text, seq)
        if len(rows) > 1:
            last = self.count() - 1
            self.setItemText(last, f"{self.itemText(last)} (last)")
        self.setCurrentIndex(max(0, self.findData(chosen)) if rows else -1)
        self.blockSignals(False)

    @property
    def is_needed(self) -> bool:
        """Whether there is something to choose."""
        return self.count() > 1

    def _on_changed(self, place: int) -> None:
        if place >= 0:
            self.message_wanted.emit(self.itemData(place))


def message_rows(index: TraceIndex, exchange: int) -> list[int]:
    """The rows that tell of the messages of an exchange, in their order."""
    table = index.exchanges
    if not 1 <= exchange <= len(table):
        return []
    first = max(0, table.first_seq[exchange] - index.first_seq)
    stop = min(table.last_seq[exchange] - index.first_seq + 1, len(index.kind), first + MAX_ROWS)
    wanted, kinds, exchanges = kind_number("dimse"), index.kind, index.exchange
    return [index.first_seq + at for at in range(first, stop) if kinds[at] == wanted and exchanges[at] == exchange]
