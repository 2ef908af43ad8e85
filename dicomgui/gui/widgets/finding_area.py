"""Findings in a part of a panel that grows with them up to a limit, and scrolls beyond it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from dicomgui.gui.widgets.cards import FindingCard, FindingList, Offers
from dicomgui.trace.finding import Finding

__all__ = ["FindingArea"]

MAX_HEIGHT = 230
MIN_HEIGHT = 96


class FindingArea(QScrollArea):
    """Shows the findings of one operation; hidden where there are none.

    :ivar list: the list inside.
    :param name: object name; that of the list inside ends in ``_list``.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("What was found")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._wanted = MAX_HEIGHT
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.list = FindingList(f"{name}_list")
        self.setWidget(self.list)
        self.hide()

    def show_findings(self, findings: Sequence[Finding], offers: Offers | None = None) -> None:
        """Replace what is shown.

        :param offers: what can be done about these, from now on; as before where it is left out.
        """
        if offers is not None:
            self.list.offers = offers
        self.list.show_findings(findings)
        self.setVisible(bool(findings))
        self.verticalScrollBar().setValue(0)
        self._fit()

    @property
    def cards(self) -> tuple[FindingCard, ...]:
        """The cards that are shown, in order."""
        return self.list.cards

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self._wanted)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, min(self._wanted, MIN_HEIGHT))

    def _fit(self) -> None:
        """Wrapped text needs more height the narrower it is."""
        layout = self.list.layout()
        if layout is None or not self.list.cards:
            return
        width = self.viewport().width()
        height = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
        wanted = min(height, MAX_HEIGHT)
        if wanted != self._wanted:
            self._wanted = wanted
            self.setMaximumHeight(wanted)
            self.updateGeometry()
