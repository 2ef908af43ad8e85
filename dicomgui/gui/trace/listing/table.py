"""The list of the trace: rows are painted directly, which takes a fifth of what a styled item costs.

While much is received the whole list is painted twenty times a second, in the thread that receives.
"""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPixmap, QResizeEvent, QStaticText
from PySide6.QtWidgets import QHeaderView, QWidget

from dicomgui.gui.look import icons
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.trace.listing.columns import Column
from dicomgui.gui.trace.listing.model import TraceModel
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

NOTHING_PASSES = "Nothing here passes the filter"
_NARROW = 860  # points of width, below which a list leaves columns out
_PADDING = 9  # as the header's sections have
_WIDE = 1.7  # times the average width of a character: a text that fits with that needs no measuring
_TINT = 46  # of 255: how much of a mark's colour is laid over its row
_ICON = 12
_TEXTS = 4000  # texts whose layout is kept


class TraceTable(ListTable):
    """The table of a :class:`TraceModel`; its columns follow the zoom level, and their number the width."""

    def __init__(self, name: str, accessible: str, model: TraceModel, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, parent)
        self._trace_model = model
        self._painting = _RowPainter(model)
        self._widths: dict[Zoom, list[int]] = {}
        self._laid_out: Zoom | None = None
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(0)
        self._again.timeout.connect(self.viewport().update)
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
        """All rows at once: a delegate is called for each cell, which takes longer than to paint it."""
        model = self._trace_model
        model.begin_frame(FRAME_S)
        painter = QPainter(self.viewport())
        first, last = self.rowAt(event.rect().top()), self.rowAt(event.rect().bottom())
        if first >= 0:
            last = last if last >= 0 else model.rowCount() - 1
            selected = {index.row() for index in self.selectionModel().selectedRows()}
            self._painting.begin(painter, self._columns(), self.fontMetrics(), self.viewport().width())
            height = self.rowHeight(first)
            for row in range(first, last + 1):
                self._painting.paint(painter, row, self.rowViewportPosition(row), height, is_selected=row in selected)
        elif not model.is_behind and (model.filter is not None or model.associations is not None):
            painter.setPen(QColor(current_colors().muted))
            painter.drawText(self.viewport().rect(), int(Qt.AlignmentFlag.AlignCenter), NOTHING_PASSES)
        painter.end()
        model.end_frame()
        if model.has_put_off:
            self._again.start()

    def _columns(self) -> list[_Place]:
        """Where the columns are that can be seen."""
        headings = self._trace_model.layout.headings
        return [
            _Place(column, self.columnViewportPosition(column), self.columnWidth(column), heading.is_right)
            for column, heading in enumerate(headings)
            if not self.isColumnHidden(column)
        ]

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._painting.forget()


class _Place(NamedTuple):
    """A column in the viewport."""

    column: int
    x: int
    width: int
    is_right: bool


class _RowPainter:
    """Paints rows of plain text, elided where it is too long; a status as a pill; marks in the first column."""

    def __init__(self, model: TraceModel) -> None:
        self._model = model
        self._colors: dict[str, QColor] = {}
        self._texts: dict[str, QStaticText] = {}
        self._elided: dict[tuple[str, int], str] = {}
        self._pills: dict[tuple[str, int, int, float], QPixmap] = {}
        self._places: list[_Place] = []
        self._width = 0
        self._metrics: QFontMetrics | None = None

    def forget(self) -> None:
        """Scheme or font may be another."""
        self._colors, self._texts, self._elided, self._pills = {}, {}, {}, {}

    def begin(self, painter: QPainter, places: list[_Place], metrics: QFontMetrics, width: int) -> None:
        """A frame begins."""
        self._places, self._metrics, self._width = places, metrics, width
        if len(self._texts) > _TEXTS:
            self._texts, self._elided, self._pills = {}, {}, {}

    def paint(self, painter: QPainter, row: int, y: int, height: int, *, is_selected: bool) -> None:
        """Paint one row."""
        model = self._model
        cells = model.cells_at(row)
        if cells is None:
            return
        mark = model.mark_at(row)
        self._paint_ground(painter, row, QRect(0, y, self._width, height), mark, is_selected=is_selected)
        layout = model.layout
        for column, x, width, is_right in self._places:
            if column == Column.MARK:
                if mark is not None:
                    self._paint_mark(painter, QRect(x, y, width, height), mark)
                continue
            text = cells.texts[column]
            if not text:
                continue
            tone = cells.tones[column]
            if column == layout.pill:
                self._paint_pill(painter, QRect(x, y, width, height), text, tone)
                continue
            room = width - _PADDING - (_PADDING if is_right or column == layout.stretch else 0)
            shown = self._fitted(text, room)
            size = shown.size()
            left = x + width - _PADDING - size.width() if is_right else x + _PADDING
            painter.setPen(self._color(tone))
            painter.drawStaticText(QPointF(left, y + (height - size.height()) / 2), shown)

    def _fitted(self, text: str, room: int) -> QStaticText:
        """The text as it fits into so many points."""
        metrics = self._metrics
        if metrics is not None and len(text) * metrics.averageCharWidth() * _WIDE > room:
            fitted = self._elided.get((text, room))
            if fitted is None:
                fitted = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0, room))
                self._elided[text, room] = fitted
            text = fitted
        found = self._texts.get(text)
        if found is None:
            found = self._texts[text] = QStaticText(text)
            found.setTextFormat(Qt.TextFormat.PlainText)  # else Qt takes what looks like markup for markup
            found.setPerformanceHint(QStaticText.PerformanceHint.ModerateCaching)
        return found

    def _paint_ground(self, painter: QPainter, row: int, rect: QRect, mark: Mark | None, *, is_selected: bool) -> None:
        if is_selected:
            painter.fillRect(rect, self._color("accent_soft"))
            return
        if row % 2:
            painter.fillRect(rect, self._color("window"))
        if self._model.is_highlighted(row):
            painter.fillRect(rect, self._color("warning_soft"))
        if mark is not None and mark.color:
            tint = QColor(MARK_COLORS[mark.color])
            tint.setAlpha(_TINT)
            painter.fillRect(rect, tint)

    def _paint_mark(self, painter: QPainter, rect: QRect, mark: Mark) -> None:
        if mark.color:
            painter.fillRect(rect.x(), rect.y() + 1, 4, rect.height() - 2, QColor(MARK_COLORS[mark.color]))
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        name = "bookmark" if mark.marked else "comment" if mark.comment else ""
        if name:
            picture = icons.pixmap(name, self._color("accent").name(), _ICON, ratio)
            painter.drawPixmap(rect.x() + 8, rect.y() + (rect.height() - _ICON) // 2, picture)
        if mark.marked and mark.comment:
            painter.fillRect(rect.x() + 21, rect.y() + 4, 3, 3, self._color("accent"))

    def _paint_pill(self, painter: QPainter, rect: QRect, text: str, tone: str) -> None:
        shown = self._fitted(text, rect.width() - 26)
        size = shown.size()
        height = min(rect.height() - 4, int(size.height()) + 2)
        width = int(size.width()) + 16
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        ground = self._pill(tone, width, height, ratio)
        painter.drawPixmap(rect.x() + 5, rect.y() + (rect.height() - height) // 2, ground)
        painter.setPen(self._color(tone))
        painter.drawStaticText(QPointF(rect.x() + 13, rect.y() + (rect.height() - size.height()) / 2), shown)

    def _pill(self, tone: str, width: int, height: int, ratio: float) -> QPixmap:
        """The ground of a pill; smooth curves are too dear to be painted for each row anew."""
        key = (tone, width, height, ratio)
        found = self._pills.get(key)
        if found is None:
            found = QPixmap(round(width * ratio), round(height * ratio))
            found.setDevicePixelRatio(ratio)
            found.fill(Qt.GlobalColor.transparent)
            painter = QPainter(found)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._color(f"{tone}_soft" if tone not in ("muted", "text") else "line"))
            painter.drawRoundedRect(QRectF(0, 0, width, height), height / 2, height / 2)
            painter.end()
            self._pills[key] = found
        return found

    def _color(self, tone: str) -> QColor:
        found = self._colors.get(tone)
        if found is None:
            found = self._colors[tone] = QColor(str(getattr(current_colors(), tone)))
        return found
