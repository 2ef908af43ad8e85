"""The list of the trace: rows are painted directly, which takes a fifth of what a styled item costs.

While much is received the whole list is painted twenty times a second, in the thread that receives.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from dicomgui.gui import icons
from dicomgui.gui.models.trace_columns import Column
from dicomgui.gui.models.trace_model import TraceModel
from dicomgui.gui.theme import current_colors
from dicomgui.gui.widgets.tables import ListTable
from dicomgui.trace.filter import Zoom
from dicomgui.trace.marks import Mark

__all__ = ["MARK_COLORS", "TraceTable"]

FRAME_S = 0.008
"""How long cells may be made for one frame; rows that are not known by then come with the next one."""

MARK_COLORS = {
    "red": "#e0524a", "orange": "#e08a2e", "yellow": "#d3ad12", "green": "#3fa35f", "blue": "#3b8bd0",
    "purple": "#9a63d0",
}  # fmt: skip
"""The colours of marks, to be seen on a light ground and on a dark one."""

_NARROW = 860  # points of width, below which a list leaves columns out
_PADDING = 9  # as the header's sections have
_WIDE = 1.7  # times the average width of a character: a text that fits with that needs no measuring
_FLAGS = int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
_LEFT = _FLAGS | int(Qt.AlignmentFlag.AlignLeft)
_RIGHT = _FLAGS | int(Qt.AlignmentFlag.AlignRight)
_TINT = 46  # of 255: how much of a mark's colour is laid over its row
_ICON = 12


class TraceTable(ListTable):
    """The table of a :class:`TraceModel`; its columns follow the zoom level, and their number the width."""

    def __init__(self, name: str, accessible: str, model: TraceModel, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, parent)
        self._trace_model = model
        self._delegate = _CellDelegate(model, self)
        self._widths: dict[Zoom, list[int]] = {}
        self._laid_out: Zoom | None = None
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(0)
        self._again.timeout.connect(self.viewport().update)
        self.setItemDelegate(self._delegate)
        self.setModel(model)
        self.horizontalHeader().setMinimumSectionSize(22)
        model.modelReset.connect(self._lay_out)
        self._lay_out()

    def _lay_out(self) -> None:
        """Give the columns of the level their widths, those that the user gave them where there are any."""
        zoom, layout = self._trace_model.zoom, self._trace_model.layout
        if zoom is self._laid_out:
            return
        header = self.horizontalHeader()
        self._laid_out = zoom
        widths = self._widths.get(zoom) or [heading.width for heading in layout.headings]
        for column, width in enumerate(widths):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(Column.MARK, QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(layout.stretch, QHeaderView.ResizeMode.Stretch)
        self._fit()

    def keep_widths(self) -> None:
        """Remember how wide the columns of this level are, before it changes."""
        if self._laid_out is self._trace_model.zoom:
            columns = range(self._trace_model.columnCount())
            headings = self._trace_model.layout.headings
            self._widths[self._laid_out] = [self.columnWidth(c) or headings[c].width for c in columns]

    def _fit(self) -> None:
        """Leave out what a narrow list has no room for."""
        is_narrow = self.width() < _NARROW
        layout = self._trace_model.layout
        for column in range(len(layout.headings)):
            self.setColumnHidden(column, is_narrow and column in layout.narrow)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if (event.oldSize().width() < _NARROW) != (event.size().width() < _NARROW):
            self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._trace_model.begin_frame(FRAME_S)
        super().paintEvent(event)
        self._trace_model.end_frame()
        if self._trace_model.has_put_off:
            self._again.start()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._delegate.forget_colors()


class _CellDelegate(QStyledItemDelegate):
    """Paints one line of plain text, elided where it is too long; a status as a pill; marks in the first column."""

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
        model, row, column = self._model, index.row(), index.column()
        rect = option.rect
        self._paint_ground(painter, option, row)
        if column == Column.MARK:
            mark = model.mark_at(row)
            if mark is not None:
                self._paint_mark(painter, rect, mark)
            return
        text, tone = model.cell(row, column)
        if not text:
            return
        layout = model.layout
        if column == layout.pill:
            self._paint_pill(painter, option, text, tone)
            return
        right = layout.headings[column].is_right
        rect.adjust(_PADDING, 0, -_PADDING if right or column == layout.stretch else 0, 0)
        metrics = option.fontMetrics
        if len(text) * metrics.averageCharWidth() * _WIDE > rect.width():
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.setPen(self._color(tone))
        painter.drawText(rect, _RIGHT if right else _LEFT, text)

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem, row: int) -> None:
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, self._color("accent_soft"))
            return
        if self._model.is_highlighted(row):
            painter.fillRect(option.rect, self._color("warning_soft"))
        mark = self._model.mark_at(row)
        if mark is not None and mark.color:
            tint = QColor(MARK_COLORS[mark.color])
            tint.setAlpha(_TINT)
            painter.fillRect(option.rect, tint)

    def _paint_mark(self, painter: QPainter, rect: QRect, mark: Mark) -> None:
        if mark.color:
            painter.fillRect(rect.x(), rect.y() + 1, 4, rect.height() - 2, QColor(MARK_COLORS[mark.color]))
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        name = "bookmark" if mark.marked else "comment" if mark.comment else ""
        if name:
            picture = icons.pixmap(name, self._color("accent").name(), _ICON, ratio)
            painter.drawPixmap(QPoint(rect.x() + 8, rect.y() + (rect.height() - _ICON) // 2), picture)
        if mark.marked and mark.comment:
            painter.fillRect(rect.x() + 21, rect.y() + 4, 3, 3, self._color("accent"))

    def _paint_pill(self, painter: QPainter, option: QStyleOptionViewItem, text: str, tone: str) -> None:
        metrics, rect = option.fontMetrics, option.rect
        height = min(rect.height() - 4, metrics.height() + 2)
        width = min(rect.width() - 10, metrics.horizontalAdvance(text) + 16)
        pill = QRectF(rect.x() + 5, rect.y() + (rect.height() - height) / 2, width, height)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._color(f"{tone}_soft" if tone != "muted" else "line"))
        painter.drawRoundedRect(pill, height / 2, height / 2)
        painter.restore()
        painter.setPen(self._color(tone))
        inner = pill.adjusted(8, 0, -6, 0)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(inner.width()) + 1)
        painter.drawText(inner, _LEFT, shown)

    def _color(self, tone: str) -> QColor:
        found = self._colors.get(tone)
        if found is None:
            found = self._colors[tone] = QColor(str(getattr(current_colors(), tone)))
        return found
