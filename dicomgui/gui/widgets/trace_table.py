"""The list of the trace: rows are painted directly, which takes a fifth of what a styled item costs.

While much is received the whole list is painted twenty times a second, in the thread that receives.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from dicomgui.gui.models.trace_model import Column, TraceModel
from dicomgui.gui.theme import current_colors
from dicomgui.gui.widgets.tables import ListTable

__all__ = ["TraceTable"]

_PADDING = 9  # as the header's sections have
_WIDE = 1.7  # times the average width of a character: a text that fits with that needs no measuring
_FLAGS = int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
_LEFT = _FLAGS | int(Qt.AlignmentFlag.AlignLeft)
_RIGHT = _FLAGS | int(Qt.AlignmentFlag.AlignRight)


class TraceTable(ListTable):
    """The table of a :class:`TraceModel`."""

    def __init__(self, name: str, accessible: str, model: TraceModel, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, parent)
        self._delegate = _CellDelegate(model, self)
        self.setItemDelegate(self._delegate)
        self.setModel(model)
        self.set_widths(
            {Column.NUMBER: 64, Column.TIME: 104, Column.ASSOCIATION: 64, Column.DIRECTION: 28, Column.KIND: 134,
             Column.LENGTH: 84}, stretch=Column.SUMMARY,
        )  # fmt: skip

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._delegate.forget_colors()


class _CellDelegate(QStyledItemDelegate):
    """Paints one line of plain text, elided where it is too long."""

    def __init__(self, model: TraceModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._colors: dict[str, QColor] = {}

    def forget_colors(self) -> None:
        """The scheme may be another."""
        self._colors = {}

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        column = index.column()
        text, tone = self._model.cell(index.row(), column)
        rect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, self._color("accent_soft"))
        if not text:
            return
        right = column in (Column.NUMBER, Column.LENGTH)
        rect.adjust(_PADDING, 0, -_PADDING if right or column == Column.SUMMARY else 0, 0)
        metrics = option.fontMetrics
        if len(text) * metrics.averageCharWidth() * _WIDE > rect.width():
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.setPen(self._color(tone))
        painter.drawText(rect, _RIGHT if right else _LEFT, text)

    def _color(self, tone: str) -> QColor:
        found = self._colors.get(tone)
        if found is None:
            found = self._colors[tone] = QColor(str(getattr(current_colors(), tone)))
        return found
