"""Phases as bars over one axis of time, and the bytes that went meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.widgets.text import duration_text, size_text, tooltip
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.phases import Line, PhaseKind, Throughput

__all__ = ["ThroughputView", "Waterfall", "line_text", "short_time"]

LABELS = 132
"""Width of the labels at the left, in points; the bars of both widgets begin behind it."""
TIMES = 78
"""Width of the durations at the right, in points."""
_MIN_BAR = 2.5
_AXIS = 20
_TICKS = 5
_TICK_WIDTH = 64  # points: room for the time at one

_TONES = {
    PhaseKind.RESOLVE: "muted", PhaseKind.TCP: "muted", PhaseKind.TLS: "muted", PhaseKind.ASSOCIATION: "accent",
    PhaseKind.SEND: "sent", PhaseKind.THINK: "warning", PhaseKind.RECEIVE: "received", PhaseKind.RELEASE: "accent",
}  # fmt: skip


def short_time(seconds: float) -> str:
    """As :func:`duration_text`, with microseconds for what is shorter than one millisecond."""
    return f"{seconds * 1e6:.0f} µs" if 0 < seconds < 0.001 else duration_text(seconds)


def line_text(line: Line, begin_mono: float) -> str:
    """The exact times of a line, a phase a line of text."""
    texts = [line.label] if len(line.phases) > 1 else []
    for phase in line.phases:
        lasts = f"{short_time(phase.seconds)}{' so far' if phase.is_open else ''}"
        begins = short_time(phase.begin_mono - begin_mono)
        texts.append(f"{phase.name}: {lasts}, from {begins} on" + (f" · {phase.detail}" if phase.detail else ""))
    return "\n".join(plain(text, 300) for text in texts)


class Waterfall(QWidget):
    """One line a phase or exchange. Hovering shows the exact times; Up and Down go from line to line.

    Dragging across the bars zooms into that time, a double click or Esc shows all of it again.

    :param name: object name.
    """

    line_selected = Signal(int)
    """The user went to this line, from 0 on."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Waterfall of phases")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self._lines: tuple[Line, ...] = ()
        self._whole = (0.0, 1.0)
        self._span = (0.0, 1.0)
        self._selected = -1
        self._dragged: tuple[float, float] | None = None

    def show_lines(self, lines: Sequence[Line], begin_mono: float, end_mono: float) -> None:
        """Show these, over the time from ``begin_mono`` to ``end_mono``."""
        self._lines = tuple(lines)
        self._whole = self._span = (begin_mono, max(end_mono, begin_mono + 1e-6))
        self._selected = -1
        self._dragged = None
        self.setMinimumHeight(_AXIS + self._line_height() * len(self._lines) + 4)
        self.setAccessibleDescription("")
        self.updateGeometry()
        self.update()

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    @property
    def span(self) -> tuple[float, float]:
        """The part of time that is shown, monotonic seconds."""
        return self._span

    @property
    def selected(self) -> int:
        """The selected line, -1 for none."""
        return self._selected

    def select(self, row: int) -> None:
        """Select a line without telling anybody."""
        self._selected = row if 0 <= row < len(self._lines) else -1
        if self._selected >= 0:
            self.setAccessibleDescription(line_text(self._lines[row], self._whole[0]))
        self.update()

    def zoom(self, begin_mono: float, end_mono: float) -> None:
        """Show a part of the time."""
        first, last = self._whole
        begin, end = max(first, begin_mono), min(last, end_mono)
        if end - begin > 1e-7:
            self._span = (begin, end)
            self.update()

    def zoom_out(self) -> None:
        """Show all of the time."""
        self._span = self._whole
        self.update()

    # geometry

    def sizeHint(self) -> QSize:
        return QSize(460, self.minimumHeight())

    def _line_height(self) -> int:
        return self.fontMetrics().height() + 8

    def _bars_width(self) -> float:
        return max(20.0, self.width() - LABELS - TIMES)

    def x_of(self, mono: float) -> float:
        """Where a moment stands."""
        begin, end = self._span
        return LABELS + (mono - begin) / (end - begin) * self._bars_width()

    def _mono_at(self, x: float) -> float:
        begin, end = self._span
        return begin + (x - LABELS) / self._bars_width() * (end - begin)

    def row_at(self, y: float) -> int:
        """The line at a height, -1 for none."""
        row = int(y - _AXIS) // self._line_height()
        return row if y >= _AXIS and row < len(self._lines) else -1

    # events

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            row = self.row_at(event.pos().y())
            if row >= 0:
                text = line_text(self._lines[row], self._whole[0])
                QToolTip.showText(event.globalPos(), tooltip(text), self)
            else:
                QToolTip.hideText()
            return True
        is_escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if is_escape and event.type() == QEvent.Type.ShortcutOverride and self._span != self._whole:
            event.accept()  # else the window takes it for the end of an operation
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._go_to(self.row_at(event.position().y()))
            x = event.position().x()
            self._dragged = (x, x) if x >= LABELS else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._dragged = (self._dragged[0], event.position().x())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            first, last = sorted(self._dragged)
            self._dragged = None
            if last - first > 6:
                self.zoom(self._mono_at(first), self._mono_at(last))
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.zoom_out()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._lines) - 1
        steps = {Qt.Key.Key_Down: self._selected + 1, Qt.Key.Key_Up: max(0, self._selected - 1),
                 Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}  # fmt: skip
        row = steps.get(Qt.Key(event.key()))
        if row is not None:
            self._go_to(min(row, last))
        elif event.key() == Qt.Key.Key_Escape and self._span != self._whole:
            self.zoom_out()
        else:
            super().keyPressEvent(event)

    def _go_to(self, row: int) -> None:
        if 0 <= row < len(self._lines):
            self.select(row)
            self.line_selected.emit(row)

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = current_colors()
        painter.fillRect(self.rect(), QColor(colors.base))
        if self._lines:
            self._paint_axis(painter)
        height = self._line_height()
        for row, line in enumerate(self._lines):
            top = _AXIS + row * height
            if not event.rect().intersects(QRectF(0, top, self.width(), height).toRect()):
                continue
            if row == self._selected:
                painter.fillRect(QRectF(0, top, self.width(), height), QColor(colors.accent_soft))
            self._paint_line(painter, line, top, height)
        if self._dragged is not None:
            first, last = sorted(self._dragged)
            shade = QColor(colors.accent)
            shade.setAlpha(50)
            painter.fillRect(QRectF(first, 0, last - first, self.height()), shade)

    def _paint_axis(self, painter: QPainter) -> None:
        colors = current_colors()
        begin, end = self._span
        last = min(_TICKS, max(2, int(self._bars_width() // _TICK_WIDTH))) - 1
        for tick in range(last + 1):
            mono = begin + (end - begin) * tick / last
            x = self.x_of(mono)
            painter.setPen(QPen(QColor(colors.line), 1))
            painter.drawLine(QPointF(x, _AXIS - 3), QPointF(x, self.height()))
            painter.setPen(QColor(colors.muted))
            align = Qt.AlignmentFlag.AlignRight if tick == last else Qt.AlignmentFlag.AlignHCenter
            place = QRectF(x - 50, 0, 100, _AXIS - 3)
            if tick == 0:
                align, place = Qt.AlignmentFlag.AlignLeft, QRectF(x, 0, 100, _AXIS - 3)
            elif tick == last:
                place = QRectF(x - 100, 0, 100, _AXIS - 3)
            painter.drawText(place, int(align | Qt.AlignmentFlag.AlignVCenter), short_time(mono - self._whole[0]))

    def _paint_line(self, painter: QPainter, line: Line, top: int, height: int) -> None:
        colors = current_colors()
        metrics = self.fontMetrics()
        painter.setPen(QColor(colors.error if line.failed else colors.text))
        label = metrics.elidedText(plain(line.label), Qt.TextElideMode.ElideRight, LABELS - 16)
        painter.drawText(QRectF(8, top, LABELS - 12, height), int(Qt.AlignmentFlag.AlignVCenter), label)
        painter.save()
        painter.setClipRect(QRectF(LABELS - 2, top, self._bars_width() + 4, height))
        painter.setPen(Qt.PenStyle.NoPen)
        for phase in line.phases:
            left, right = self.x_of(phase.begin_mono), self.x_of(phase.end_mono)
            color = QColor(
                colors.error if line.failed and len(line.phases) == 1 else getattr(colors, _TONES[phase.kind])
            )
            if phase.is_open:
                color.setAlpha(110)
            painter.setBrush(color)
            bar = QRectF(left, top + height / 2 - 4.5, max(_MIN_BAR, right - left), 9)
            painter.drawRoundedRect(bar, 2, 2)
        painter.restore()
        if line.phases:
            seconds = line.phases[-1].end_mono - line.phases[0].begin_mono
            painter.setPen(QColor(colors.muted))
            place = QRectF(self.width() - TIMES + 4, top, TIMES - 12, height)
            painter.drawText(
                place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), short_time(seconds)
            )


class ThroughputView(QWidget):
    """Bytes over the same time: sent above the line, received below it.

    :param name: object name.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Throughput over time")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(52)
        self._shown: Throughput | None = None

    def show_throughput(self, shown: Throughput | None) -> None:
        """Draw it, or nothing."""
        self._shown = shown
        self.setAccessibleDescription(self.text)
        self.setToolTip(tooltip(self.text))
        self.update()

    @property
    def text(self) -> str:
        """The same in words."""
        shown = self._shown
        if shown is None or not shown.highest:
            return ""
        sent, received = size_text(sum(shown.sent)), size_text(sum(shown.received))
        return (
            f"sent {sent} (above the line), received {received} (below it); at most {size_text(shown.highest)} a second"
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self._shown
        painter = QPainter(self)
        colors = current_colors()
        painter.fillRect(self.rect(), QColor(colors.base))
        if shown is None or not shown.highest:
            return
        middle = self.height() / 2
        painter.setPen(QColor(colors.muted))
        texts = ((0.0, "Sent", Qt.AlignmentFlag.AlignBottom), (middle, "Received", Qt.AlignmentFlag.AlignTop))
        for top, text, align in texts:
            painter.drawText(QRectF(8, top + 2, LABELS - 12, middle - 4), int(align), text)
        peak = f"{size_text(shown.highest)}/s"
        painter.drawText(QRectF(self.width() - TIMES, 0, TIMES - 8, self.height()),
                         int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), peak)  # fmt: skip
        width = max(20.0, self.width() - LABELS - TIMES) / len(shown.sent)
        highest = max(*shown.sent, *shown.received)
        painter.setPen(Qt.PenStyle.NoPen)
        for values, tone, up in ((shown.sent, colors.sent, True), (shown.received, colors.received, False)):
            painter.setBrush(QColor(tone))
            for number, value in enumerate(values):
                size = (middle - 3) * value / highest
                if value:
                    size = max(1.0, size)
                    top = middle - size if up else middle
                    painter.drawRect(QRectF(LABELS + number * width, top, max(1.0, width - 0.5), size))
        painter.setPen(QPen(QColor(colors.line), 1))
        painter.drawLine(QPointF(LABELS, middle), QPointF(self.width() - TIMES, middle))
