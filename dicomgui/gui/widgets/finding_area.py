"""Findings in a part of a panel that grows with them up to a limit, and scrolls beyond it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from dicomgui.gui.widgets.cards import FindingCard, FindingList
from dicomgui.trace.finding import Finding

__all__ = ["FindingArea"]

MAX_HEIGHT = 230


class FindingArea(QScrollArea):
    """Shows the findings of one operation; hidden where there are none.

    :param name: object name; that of the list inside ends in ``_list``.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("What was found")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list = FindingList(f"{name}_list")
        self.setWidget(self._list)
        self.hide()

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Replace what is shown."""
        self._list.show_findings(findings)
        self.setVisible(bool(findings))
        self.verticalScrollBar().setValue(0)
        self._fit()

    @property
    def cards(self) -> tuple[FindingCard, ...]:
        """The cards that are shown, in order."""
        return self._list.cards

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Wrapped text needs more height the narrower it is."""
        layout = self._list.layout()
        if layout is not None and self._list.cards:
            wanted = layout.totalHeightForWidth(max(200, self.viewport().width()))
            if wanted < 0:
                wanted = layout.totalSizeHint().height()
            if self.maximumHeight() != min(wanted, MAX_HEIGHT):
                self.setFixedHeight(min(wanted, MAX_HEIGHT))
