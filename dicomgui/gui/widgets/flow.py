"""Rows of widgets that go on in the next line where there is no room for all of them, and halves that do the same."""

from __future__ import annotations

from itertools import takewhile
from typing import Final, NamedTuple

from PySide6.QtCore import QRect, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLayout,
    QLayoutItem,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
    QWidgetItem,
)

from dicomgui.gui.widgets.text import PlainLabel

__all__ = ["FlowRow", "Halves", "Pages", "labelled", "reveal", "together"]

_LINE_SPACING: Final = 8


class _Part(NamedTuple):
    """One item of a row; ``None`` for an empty place that only stretches.

    :ivar width: what it has at least before it goes into the next line.
    """

    item: QLayoutItem | None
    stretch: int
    width: int


class FlowRow(QLayout):
    """Lays out widgets from left to right, each as wide as it likes to be.

    What is left of a line goes to the parts that stretch. A layout for :meth:`QBoxLayout.addLayout`, or of a widget.

    :param spacing: pixels between two widgets of a line.
    """

    def __init__(self, spacing: int = 8, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[_Part] = []
        self._spacing = spacing
        self.setContentsMargins(0, 0, 0, 0)

    def add(self, widget: QWidget, stretch: int = 0, *, width: int = 0) -> None:
        """Append a widget.

        :param width: it stands in the next line rather than having less than this, in pixels.
        """
        # The item is made here: those that Qt makes would be known to Python by their addresses alone, and an address
        # may have been that of an item of another layout, with which Python takes ours for deleted.
        self.addChildWidget(widget)
        self._parts.append(_Part(QWidgetItem(widget), stretch, width))
        self.invalidate()

    def add_stretch(self) -> None:
        """What follows stands at the right; it goes into the next line together rather than being parted."""
        self._parts.append(_Part(None, 1, 0))

    # what QLayout wants

    def addItem(self, item: QLayoutItem) -> None:
        self._parts.append(_Part(item, 0, 0))
        self.invalidate()

    def count(self) -> int:
        return sum(1 for part in self._parts if part.item is not None)

    def itemAt(self, index: int) -> QLayoutItem | None:
        items = [part.item for part in self._parts if part.item is not None]
        return items[index] if 0 <= index < len(items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        item = self.itemAt(index)
        if item is not None:
            self._parts = [part for part in self._parts if part.item is not item]
        return item

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation.Horizontal

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        lines = self._lines(width)
        return sum(map(_height, lines)) + _LINE_SPACING * max(0, len(lines) - 1)

    def sizeHint(self) -> QSize:
        parts = self._visible()
        width = sum(map(_wanted, parts)) + self._spacing * max(0, len(parts) - 1)
        return QSize(width, _height(parts))

    def minimumSize(self) -> QSize:
        parts = self._visible()
        width = max((part.item.minimumSize().width() for part in parts if part.item is not None), default=0)
        return QSize(width, _height(parts))

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        top = rect.y()
        for line in self._lines(rect.width()):
            height = _height(line)
            self._set_line(line, QRect(rect.x(), top, rect.width(), height))
            top += height + _LINE_SPACING

    # lines

    def _visible(self) -> list[_Part]:
        return [part for part in self._parts if part.item is None or not part.item.isEmpty()]

    def _lines(self, width: int) -> list[list[_Part]]:
        lines: list[list[_Part]] = [[]]
        used = 0
        parts = self._visible()
        for place, part in enumerate(parts):
            wanted = _wanted(part)
            needed = wanted if part.item is not None else self._together(parts[place + 1 :])
            if used and used + self._spacing + needed > width:
                lines.append([])
                used = 0
            if part.item is None and not used:
                continue  # it would push the whole line to the right
            used += wanted + (self._spacing if used else 0)
            lines[-1].append(part)
        return lines if lines[-1] else lines[:-1]

    def _together(self, parts: list[_Part]) -> int:
        """How wide an empty place is with all up to the next one."""
        group = list(takewhile(lambda part: part.item is not None, parts))
        return sum(map(_wanted, group)) + self._spacing * len(group)

    def _set_line(self, line: list[_Part], rect: QRect) -> None:
        free = rect.width() - sum(map(_wanted, line)) - self._spacing * (len(line) - 1)
        shares = sum(part.stretch for part in line)
        left = rect.x()
        for part in line:
            more = max(0, free) * part.stretch // shares if shares else 0
            width = min(_wanted(part) + more, rect.width())
            if part.item is not None:
                height = min(rect.height(), part.item.sizeHint().height())
                part.item.setGeometry(QRect(left, rect.y() + (rect.height() - height) // 2, width, height))
            left += width + self._spacing


def _wanted(part: _Part) -> int:
    if part.item is None:
        return 0
    return max(part.width or part.item.sizeHint().width(), part.item.minimumSize().width())


def _height(line: list[_Part]) -> int:
    return max((part.item.sizeHint().height() for part in line if part.item is not None), default=0)


class Halves(QSplitter):
    """Two parts beside each other, and below each other where it is narrow. They take what room is left.

    :param name: object name.
    :param narrow: up to this width, in pixels, they stand below each other.
    """

    def __init__(self, name: str, narrow: int, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setObjectName(name)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(12)
        self._narrow = narrow

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_narrow = event.size().width() <= self._narrow
        self.setOrientation(Qt.Orientation.Vertical if is_narrow else Qt.Orientation.Horizontal)

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()


class Pages(QStackedWidget):
    """Pages that take what height is left, and ask for no more than they need.

    :param name: object name.
    :param height: they have at least this, in pixels.
    """

    def __init__(self, name: str, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setMinimumHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.minimumHeight())


def together(*widgets: QWidget) -> QWidget:
    """One widget of several beside each other, which a row does not part."""
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(_LINE_SPACING)
    for widget in widgets:
        row.addWidget(widget)
    return holder


def labelled(text: str, field: QWidget, *more: QWidget) -> QWidget:
    """A field with a small label above it, which is its buddy, and more widgets beside it, if any."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    label = PlainLabel(text, tone="muted", scale=0.9)
    label.setBuddy(field)
    column.addWidget(label)
    column.addWidget(together(field, *more) if more else field)
    return holder


def reveal(widget: QWidget) -> None:
    """Scroll the page so that a widget can be seen, if the page is larger than the window."""
    QTimer.singleShot(0, widget, lambda: _reveal_now(widget))  # what has just appeared gets its place before


def _reveal_now(widget: QWidget) -> None:
    above = widget.parentWidget()
    while above is not None and not isinstance(above, QScrollArea):
        above = above.parentWidget()
    if above is not None and widget.isVisible():
        above.ensureWidgetVisible(widget, 0, 16)
