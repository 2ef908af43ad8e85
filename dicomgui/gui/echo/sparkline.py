"""A row of times as a small picture; the words beside it say what matters of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from dicomgui.gui.look.theme import current_colors

__all__ = ["Sparkline"]

HEIGHT = 44


class Sparkline(QWidget):
    """One point a value, from 0 at the bottom up to the largest; where there are more than pixels, the largest of
    each pixel is drawn.
    """

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._values: tuple[float, ...] = ()

    def show_values(self, values: Sequence[float]) -> None:
        """Draw these."""
        self._values = tuple(values)
        self.setAccessibleDescription(f"{len(values):,} values, the largest {max(values):.1f}" if values else "")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, HEIGHT)

    def points(self, width: int, height: int) -> list[QPointF]:
        """Where the line goes in an area of this size."""
        values = self._values
        if len(values) < 2:
            return []
        columns = max(2, min(len(values), width // 2))
        tops = [
            max(values[at * len(values) // columns : max((at + 1) * len(values) // columns, 1)])
            for at in range(columns)
        ]
        highest = max(tops) or 1.0
        step = (width - 4) / (columns - 1)
        return [QPointF(2 + at * step, height - 3 - (height - 6) * top / highest) for at, top in enumerate(tops)]

    def paintEvent(self, event: QPaintEvent) -> None:
        points = self.points(self.width(), self.height())
        if not points:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = current_colors()
        painter.setPen(QPen(QColor(colors.line), 1))
        painter.drawLine(QPointF(0, self.height() - 2.5), QPointF(self.width(), self.height() - 2.5))
        painter.setPen(QPen(QColor(colors.accent), 1.5))
        painter.drawPolyline(QPolygonF(points))
