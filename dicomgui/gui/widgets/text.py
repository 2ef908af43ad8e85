"""Text that may come from a peer: always plain, never markup, and elided where it does not fit."""

from __future__ import annotations

import html

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from dicomgui.network.errors import DicomNetworkError

__all__ = ["ElidedLabel", "PlainLabel", "count_text", "duration_text", "error_text", "labelled", "size_text", "tooltip"]

_UNITS = ("kB", "MB", "GB", "TB")


class PlainLabel(QLabel):
    """A label that shows its text as it is.

    :param text: what it says.
    :param tone: ``muted``, ``good``, ``warning``, ``error`` or ``accent``; see :meth:`set_tone`.
    :param scale: size relative to the application's font.
    """

    def __init__(
        self,
        text: str = "",
        *,
        tone: str = "",
        scale: float = 1.0,
        bold: bool = False,
        wrap: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.setProperty("tone", tone)
        if scale != 1.0 or bold:
            font = QFont(self.font())
            font.setPointSizeF(font.pointSizeF() * scale)
            font.setBold(bold)
            self.setFont(font)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            self.setCursor(Qt.CursorShape.IBeamCursor)
        self.setText(text)

    def set_tone(self, tone: str) -> None:
        """Change what the colour says."""
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            self.style().unpolish(self)
            self.style().polish(self)


def labelled(text: str, field: QWidget, below: QWidget | None = None) -> QVBoxLayout:
    """A field with a small label above it, which is its buddy, and a widget below it, if any."""
    column = QVBoxLayout()
    column.setSpacing(4)
    label = PlainLabel(text, tone="muted", scale=0.9)
    label.setBuddy(field)
    column.addWidget(label)
    column.addWidget(field)
    if below is not None:
        column.addWidget(below)
    return column


class ElidedLabel(PlainLabel):
    """One line that ends in … where it is too long; the whole is in its tool tip."""

    def __init__(
        self,
        text: str = "",
        *,
        tone: str = "",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        self._mode = mode
        super().__init__(text, tone=tone, parent=parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(tooltip(text))

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        shown = self.fontMetrics().elidedText(self.text(), self._mode, self.width())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(self.alignment()), shown)


def tooltip(text: str) -> str:
    """A tool tip that shows ``text`` as it is: Qt takes what looks like markup for markup."""
    return f"<p>{html.escape(text)}</p>" if text else ""


def error_text(error: DicomNetworkError) -> str:
    """What went wrong, and the hint, as sentences."""
    text = f"{error}. {error.hint}" if error.hint else str(error)
    return text[:1].upper() + text[1:]


def count_text(count: int, noun: str, plural: str = "") -> str:
    """``1 file``, ``1,204 files``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def duration_text(seconds: float) -> str:
    """A duration for people: ``8.4 ms``, ``2.51 s``."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def size_text(size_bytes: float) -> str:
    """A size for people, in decimal units: ``512 bytes``, ``1.5 MB``."""
    if size_bytes < 1000:
        return f"{size_bytes:.0f} bytes"
    power = 1
    while size_bytes / 1000**power >= 999.5 and power < len(_UNITS):
        power += 1
    value = size_bytes / 1000**power
    return f"{value:.1f} {_UNITS[power - 1]}" if value < 99.5 else f"{value:.0f} {_UNITS[power - 1]}"
