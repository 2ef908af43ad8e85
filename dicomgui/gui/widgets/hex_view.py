"""Bytes as a hex editor shows them, without what was not kept; paints only the lines that are in view."""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from dicomgui.gui.look.theme import current_colors, fixed_font
from dicomgui.network.tracing import Segment

__all__ = ["HexView", "Notation", "written"]

PER_LINE = 16
_ADDRESS = 8  # characters of the offset column


class Notation(Enum):
    """How bytes are copied."""

    HEX = "hex"
    C_ARRAY = "C array"
    BASE64 = "base64"


def written(data: bytes, notation: Notation = Notation.HEX) -> str:
    """Bytes as text, for the clipboard."""
    if notation is Notation.BASE64:
        return base64.b64encode(data).decode("ascii")
    if notation is Notation.HEX:
        return data.hex(" ")
    lines = [data[start : start + PER_LINE] for start in range(0, len(data), PER_LINE)]
    return "{\n" + ",\n".join("    " + ", ".join(f"0x{byte:02X}" for byte in line) for line in lines) + "\n}"


class _Line(NamedTuple):
    """Bytes ``data`` from ``offset`` on; without data, ``gap`` bytes that were not kept."""

    offset: int
    data: bytes
    gap: int


class _Block(NamedTuple):
    """Bytes that follow each other, or without data a gap; its lines begin with line ``row`` of the view."""

    row: int
    offset: int
    data: bytes
    gap: int

    @property
    def rows(self) -> int:
        """How many lines it takes."""
        return 1 if self.gap else (self.offset % PER_LINE + len(self.data) + PER_LINE - 1) // PER_LINE


class _Lines:
    """Lines of at most sixteen bytes that begin at multiples of sixteen, and one line for each gap; made when needed.

    A data set may have millions of them.
    """

    def __init__(self, segments: Sequence[Segment], length: int) -> None:
        self._blocks: list[_Block] = []
        self._count = 0
        position = 0
        for segment in segments:
            if not segment.data:
                continue
            if segment.offset > position:
                self._add(position, b"", segment.offset - position)
            self._add(segment.offset, segment.data, 0)
            position = segment.offset + len(segment.data)
        if position < length:
            self._add(position, b"", length - position)
        self._rows = [block.row for block in self._blocks]
        self._starts = [block.offset for block in self._blocks]

    def _add(self, offset: int, data: bytes, gap: int) -> None:
        block = _Block(self._count, offset, data, gap)
        self._blocks.append(block)
        self._count += block.rows

    def __len__(self) -> int:
        return self._count

    def line(self, row: int) -> _Line:
        """One line."""
        block = self._blocks[bisect_right(self._rows, row) - 1]
        if block.gap:
            return _Line(block.offset, b"", block.gap)
        start = (block.offset // PER_LINE + row - block.row) * PER_LINE
        first = max(start, block.offset)
        return _Line(first, block.data[first - block.offset : start + PER_LINE - block.offset], 0)

    def row_of(self, offset: int) -> int:
        """The line with a byte."""
        if not self._blocks:
            return 0
        block = self._blocks[max(0, bisect_right(self._starts, offset) - 1)]
        return block.row if block.gap else block.row + offset // PER_LINE - block.offset // PER_LINE

    def bytes_of(self, offset: int, length: int) -> bytes:
        """The kept ones of these bytes."""
        found = bytearray()
        for block in self._blocks[max(0, bisect_right(self._starts, offset) - 1) :]:
            if block.offset >= offset + length:
                break
            found += block.data[max(0, offset - block.offset) : max(0, offset + length - block.offset)]
        return bytes(found)


class HexView(QAbstractScrollArea):
    """Shows the kept bytes of a PDU, message or data set. The cursor is one byte; the marked range is what the tree has
    selected.
    """

    byte_selected = Signal(int)
    """The user moved the cursor to the byte at this offset."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Bytes of the selected PDU")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setProperty("bytes", True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        font = fixed_font()
        font.setPointSizeF(font.pointSizeF() * 0.95)
        self.setFont(font)
        self.viewport().setFont(font)
        self._lines = _Lines((), 0)
        self._length = 0
        self._cursor = -1
        self._dragged_from = -1
        self._marked = range(0)

    # what it shows

    def show_segments(self, segments: Sequence[Segment], length: int) -> None:
        """Show what was kept of ``length`` bytes; nothing is marked."""
        self._lines = _Lines(segments, length)
        self._length = length
        self._cursor = -1
        self._marked = range(0)
        self._fit()
        self.verticalScrollBar().setValue(0)
        self.viewport().update()

    def mark(self, offset: int, length: int) -> None:
        """Mark a range and bring its beginning into view."""
        self._marked = range(offset, offset + length)
        self._cursor = offset if length else -1
        if length:
            self._show_offset(offset)
        some = self.bytes_of(offset, min(length, PER_LINE)).hex(" ")
        self.setAccessibleDescription(f"offset {offset:04X} hexadecimal, {length:,} bytes: {some}" if length else "")
        self.viewport().update()

    @property
    def marked(self) -> range:
        """The offsets that are marked."""
        return self._marked

    @property
    def length(self) -> int:
        """How many bytes, with those that were not kept."""
        return self._length

    def bytes_of(self, offset: int, length: int) -> bytes:
        """The kept ones of these bytes; of what was not kept there is nothing."""
        return self._lines.bytes_of(offset, length)

    def text_of_marked(self, notation: Notation = Notation.HEX) -> str:
        """The marked bytes as text."""
        return written(self.bytes_of(self._marked.start, len(self._marked)), notation)

    def go_to(self, offset: int) -> bool:
        """Move the cursor to a byte, as the user does; whether there is one."""
        if not len(self._lines) or not 0 <= offset < self._length:
            return False
        self._move_to(offset)
        return True

    # geometry

    def _char(self) -> float:
        return self.fontMetrics().horizontalAdvance("0" * 64) / 64

    def _line_height(self) -> int:
        return self.fontMetrics().height() + 2

    def _fit(self) -> None:
        page = max(1, self.viewport().height() // self._line_height())
        bar = self.verticalScrollBar()
        bar.setPageStep(page)
        bar.setSingleStep(1)
        bar.setRange(0, max(0, len(self._lines) - page))
        across = self.horizontalScrollBar()
        width = round(self._char() * (_ADDRESS + 5 + PER_LINE * 4 + 3))
        across.setPageStep(self.viewport().width())
        across.setRange(0, max(0, width - self.viewport().width()) if len(self._lines) else 0)

    def _hex_x(self, column: int) -> float:
        return self._char() * (_ADDRESS + 2.5 + column * 3 + (1 if column >= PER_LINE // 2 else 0))

    def _text_x(self, column: int) -> float:
        return self._char() * (_ADDRESS + 2.5 + PER_LINE * 3 + 2 + column)

    def _show_offset(self, offset: int) -> None:
        row = self._lines.row_of(offset)
        bar = self.verticalScrollBar()
        if row < bar.value() or row >= bar.value() + bar.pageStep():
            bar.setValue(max(0, row - bar.pageStep() // 3))

    def _offset_at(self, place: QPointF) -> int:
        """The byte under a point, -1 for none."""
        row = self.verticalScrollBar().value() + int(place.y() - 4) // self._line_height()
        if not 0 <= row < len(self._lines):
            return -1
        x = place.x() + self.horizontalScrollBar().value()
        line = self._lines.line(row)
        for column in range(len(line.data)):
            for left, width in ((self._hex_x(column) - self._char() / 2, 3), (self._text_x(column), 1)):
                if left <= x < left + width * self._char():
                    return line.offset + column
        return -1

    # events

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        offset = self._offset_at(event.position())
        self._dragged_from = offset
        if offset >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._move_to(offset)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Dragging marks a range to be copied."""
        offset = self._offset_at(event.position())
        if event.buttons() & Qt.MouseButton.LeftButton and min(offset, self._dragged_from) >= 0:
            first, last = sorted((offset, self._dragged_from))
            if len(self._marked) > 1 or first != last:
                self._marked = range(first, last + 1)
                self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -PER_LINE, Qt.Key.Key_Down: PER_LINE,
            Qt.Key.Key_PageUp: -PER_LINE * self.verticalScrollBar().pageStep(),
            Qt.Key.Key_PageDown: PER_LINE * self.verticalScrollBar().pageStep(),
        }  # fmt: skip
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.text_of_marked())
        elif (step := steps.get(Qt.Key(event.key()))) is not None and len(self._lines):
            self._move_to(min(max(0, max(self._cursor, 0) + step), self._length - 1))
        elif event.key() == Qt.Key.Key_Home and len(self._lines):
            self._move_to(0)
        elif event.key() == Qt.Key.Key_End and len(self._lines):
            self._move_to(self._length - 1)
        else:
            super().keyPressEvent(event)

    def _move_to(self, offset: int) -> None:
        self.mark(offset, 1)
        self.byte_selected.emit(offset)
        # Whoever is told of it marks the whole field; the next key goes on from this byte all the same.
        self._cursor = offset
        self._show_offset(offset)
        self.viewport().update()

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setFont(self.font())
        painter.fillRect(self.viewport().rect(), self.palette().color(QPalette.ColorRole.Base))
        painter.translate(-self.horizontalScrollBar().value(), 0)
        height = self._line_height()
        first = self.verticalScrollBar().value()
        shown = self.viewport().height() // height + 2
        for row in range(first, min(first + shown, len(self._lines))):
            self._paint_line(painter, self._lines.line(row), (row - first) * height + 4, height)
        painter.end()

    def _paint_line(self, painter: QPainter, line: _Line, top: int, height: int) -> None:
        colors = current_colors()
        base = top + self.fontMetrics().ascent() + 1
        char = self._char()
        painter.setPen(QColor(colors.muted))
        painter.drawText(QPointF(char, base), f"{line.offset:0{_ADDRESS}X}")
        if line.gap:
            painter.drawText(QPointF(self._hex_x(0), base), f"… {line.gap:,} bytes were not kept …")
            return
        painter.setPen(QColor(colors.text))
        for column, value in enumerate(line.data):
            offset = line.offset + column
            if offset in self._marked:
                painter.fillRect(
                    round(self._hex_x(column) - char / 2), top, round(char * 3), height, QColor(colors.accent_soft)
                )
                painter.fillRect(round(self._text_x(column)), top, round(char) + 1, height, QColor(colors.accent_soft))
            if offset == self._cursor:
                painter.setPen(QColor(colors.accent))
                painter.drawRect(round(self._hex_x(column)) - 2, top, round(char * 2) + 3, height - 1)
                painter.setPen(QColor(colors.text))
            painter.drawText(QPointF(self._hex_x(column), base), f"{value:02X}")
            painter.drawText(QPointF(self._text_x(column), base), chr(value) if 32 <= value < 127 else "·")
