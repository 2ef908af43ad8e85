"""An AE title byte by byte on the sixteen bytes that it has in an A-ASSOCIATE-RQ, and what is remarkable about it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from dicomgui.app.configuration.ae_titles import MAX_BYTES, ae_title_findings
from dicomgui.gui.look.theme import current_colors, fixed_font
from dicomgui.gui.widgets.cards import Glyph
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.finding import Severity, plain

__all__ = ["AERuler", "AETitleRemarks"]

MAX_CELLS = 24
"""Cells that are drawn at most; the count beside them tells of the rest."""

_TONES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "muted"}
_ICONS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


class AERuler(QWidget):
    """Sixteen cells, one a byte; what does not fit goes on behind the end, in red."""

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._cells: tuple[tuple[str, bool], ...] = ()
        self.show_title("")

    def show_title(self, text: str) -> None:
        """Show the bytes of ``text``."""
        self._cells = tuple(cell for character in text for cell in _cells_of(character))
        used = len(self._cells)
        said = f"{used} of {MAX_BYTES} bytes used" if used <= MAX_BYTES else f"{used - MAX_BYTES} bytes too many"
        self.setAccessibleDescription(said)
        self.setToolTip(said)
        self.update()

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in the cells: a character, or the value of a byte that has none, in hexadecimal."""
        return tuple(text for text, _ in self._cells)

    def sizeHint(self) -> QSize:
        return QSize(16 * 18, self.fontMetrics().height() + 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(16 * 11, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = current_colors()
        count = min(MAX_CELLS, max(MAX_BYTES, len(self._cells)))
        width = min(22.0, (self.width() - 1) / count)
        font = fixed_font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        small = fixed_font()
        small.setPointSizeF(font.pointSizeF() * 0.7)
        for place in range(count):
            text, usual = self._cells[place] if place < len(self._cells) else ("", True)
            over = place >= MAX_BYTES
            box = QRectF(0.5 + place * width, 0.5, width - 2, self.height() - 1)
            bad = over or not usual
            ground = colors.error_soft if bad else colors.accent_soft if text else colors.window
            painter.setPen(QPen(QColor(colors.error if bad else colors.line), 1))
            painter.setBrush(QColor(ground))
            painter.drawRoundedRect(box, 2, 2)
            if text:
                painter.setFont(small if len(text) > 1 else font)
                painter.setPen(QColor(colors.error if bad else colors.text))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _cells_of(character: str) -> list[tuple[str, bool]]:
    """The cells of one character, each with whether it is allowed there; a space is made visible."""
    if character == " ":
        return [("␣", True)]
    if character.isascii() and character.isprintable():
        return [(character, character != "\\")]
    return [(f"{byte:02X}", False) for byte in character.encode("utf-8", "surrogatepass")]


class AETitleRemarks(QWidget):
    """The ruler of a title with what is to be said about it, one line each.

    :param hides_empty: not shown for an empty title, which stands for the usual one.
    """

    def __init__(
        self, prefix: str, accessible: str, *, hides_empty: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._hides_empty = hides_empty
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.ruler = AERuler(f"{prefix}_ruler", f"Bytes of the {accessible}")
        self.count = PlainLabel(tone="muted", scale=0.9)
        self.count.setObjectName(f"{prefix}_count")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.ruler, 1)
        head.addWidget(self.count)
        column.addLayout(head)
        self._lines: list[tuple[QWidget, Glyph, PlainLabel]] = []
        for number in range(_MOST):
            line, glyph, text = QWidget(), Glyph("", "muted", 14), PlainLabel(scale=0.9, wrap=True)
            text.setObjectName(f"{prefix}_remark_{number}")
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(6)
            row.addWidget(glyph, 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(text, 1)
            column.addWidget(line)
            self._lines.append((line, glyph, text))
        self.show_title("")

    def show_title(self, text: str) -> None:
        """Show a title; of an empty one nothing is said."""
        if self._hides_empty:
            self.setVisible(bool(text))
        self.ruler.show_title(text)
        used = len(text.encode("utf-8", "surrogatepass"))
        self.count.setText(f"{used} / {MAX_BYTES}")
        remarks = ae_title_findings(text)[:_MOST] if text.strip() else []
        self.count.set_tone("error" if any(one.severity is Severity.ERROR for one in remarks) else "muted")
        for number, (line, glyph, label) in enumerate(self._lines):
            line.setVisible(number < len(remarks))
            if number < len(remarks):
                remark = remarks[number]
                glyph.show_state(_ICONS[remark.severity], _TONES[remark.severity])
                label.set_tone(_TONES[remark.severity])
                label.setText(plain(remark.text, 300))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is said."""
        return tuple(label.text() for line, _, label in self._lines if not line.isHidden())


_MOST = 4
"""Remarks shown at most: the worst ones come first."""
