"""All findings of the trace in a list, grouped by how much they matter; Enter goes to the bytes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QScrollArea, QVBoxLayout, QWidget

from dicomgui.gui.look import icons
from dicomgui.gui.look.theme import Colors, current_colors
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import FindingList
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.finding import Finding, Severity

__all__ = ["FindingsDialog"]

_ICONS = {
    Severity.ERROR: ("error", "error"),
    Severity.WARNING: ("warning", "warning"),
    Severity.NOTE: ("note", "accent"),
}
_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.NOTE: "Notes"}
_PLACE = Qt.ItemDataRole.UserRole


class FindingsDialog(QDialog):
    """Not modal: it stays open beside the trace."""

    evidence_wanted = Signal(object)
    """The user wants to see this :class:`~dicomgui.trace.finding.Evidence`."""

    _colors: Colors | None = None
    """Those that the list was made with."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("findings_dialog")
        self.setWindowTitle("Findings")
        self.setAccessibleName("Findings of the trace")
        self.resize(760, 560)
        self._findings: tuple[Finding, ...] = ()
        self.list = QListWidget()
        self.list.setObjectName("findings_list")
        self.list.setAccessibleName("What was found, the most serious first")
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self._show_current)
        self.list.activated.connect(self._on_activated)
        self.card = FindingList("findings_card")
        self.card.shows_bytes = True
        self.card.bytes_wanted.connect(self.evidence_wanted)
        self.close_button = push_button("findings_close", "&Close", "good")
        self.close_button.clicked.connect(self.close)
        self._place()

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 14)
        column.setSpacing(10)
        column.addWidget(PlainLabel("Enter shows the bytes in the trace.", tone="muted", scale=0.95))
        column.addWidget(self.list, 2)
        area = QScrollArea()
        area.setObjectName("findings_area")
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = QWidget()
        holder = QVBoxLayout(inside)
        holder.setContentsMargins(0, 0, 0, 0)
        holder.addWidget(self.card)
        holder.addStretch(1)
        area.setWidget(inside)
        column.addWidget(area, 3)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.close_button)
        column.addLayout(row)

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Replace the list; what was chosen stays chosen where it is still there."""
        if tuple(findings) != self._findings:
            self._fill(tuple(findings))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        is_made = self._colors is not None
        if event.type() == QEvent.Type.PaletteChange and is_made and current_colors() is not self._colors:
            self._fill(self._findings)

    def _fill(self, findings: tuple[Finding, ...]) -> None:
        chosen = self._current()
        self._findings, self._colors = findings, current_colors()
        self.list.blockSignals(True)
        self.list.clear()
        last: Severity | None = None
        for number, finding in enumerate(self._findings):
            if finding.severity is not last:
                last = finding.severity
                self.list.addItem(self._heading(_TITLES[last]))
            self.list.addItem(self._item(number, finding))
        self.list.blockSignals(False)
        again = next((n for n, one in enumerate(self._findings) if chosen is not None and one.code == chosen.code), 0)
        self._choose(again)

    def _heading(self, title: str) -> QListWidgetItem:
        heading = QListWidgetItem(title)
        heading.setFlags(Qt.ItemFlag.NoItemFlags)
        heading.setForeground(QColor(current_colors().muted))
        font = self.list.font()
        font.setBold(True)
        heading.setFont(font)
        return heading

    def _item(self, number: int, finding: Finding) -> QListWidgetItem:
        name, tone = _ICONS[finding.severity]
        color = str(getattr(current_colors(), tone))
        item = QListWidgetItem(icons.toned(name, color, 16), finding.what)
        item.setData(_PLACE, number)
        return item

    def _choose(self, number: int) -> None:
        for row in range(self.list.count()):
            if self.list.item(row).data(_PLACE) == number:
                self.list.setCurrentRow(row)
        self._show_current()

    def _current(self) -> Finding | None:
        item = self.list.currentItem()
        number = item.data(_PLACE) if item is not None else None
        return self._findings[number] if number is not None and number < len(self._findings) else None

    def _show_current(self, _row: int = -1) -> None:
        finding = self._current()
        self.card.show_findings((finding,) if finding is not None else ())

    def _on_activated(self, _index: QModelIndex) -> None:
        finding = self._current()
        evidence = finding.best_evidence if finding is not None else None
        if evidence is not None:
            self.evidence_wanted.emit(evidence)
