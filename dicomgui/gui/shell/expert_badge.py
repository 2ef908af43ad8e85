"""How much of the trace wants attention, in the status bar."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QPushButton

from dicomgui.gui.look import icons
from dicomgui.gui.look.theme import Colors, current_colors
from dicomgui.gui.widgets.buttons import set_beside_icon
from dicomgui.gui.widgets.text import count_text
from dicomgui.trace.finding import Severity

__all__ = ["ExpertBadge"]

_WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_TONES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "accent"}


class ExpertBadge(QPushButton):
    """Says how many errors and warnings the diagnosis has found; pressing it opens the list.

    Hidden where there are none.
    """

    _most = Severity.NOTE
    """What the icon says."""
    _colors: Colors | None = None
    """Those that it was painted with."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("status_expert")
        self.setFlat(True)
        self.setAutoDefault(False)
        self.setProperty("quiet", True)
        self.setToolTip("What the diagnosis has found in the trace")
        self.hide()

    def show_counts(self, counts: Mapping[Severity, int]) -> None:
        """Say how many there are; notes only where there is nothing else."""
        wanted = [one for one in (Severity.ERROR, Severity.WARNING) if counts.get(one)]
        wanted = wanted or [one for one in (Severity.NOTE,) if counts.get(one)]
        self.setVisible(bool(wanted))
        if not wanted:
            return
        text = " · ".join(count_text(counts[one], _WORDS[one]) for one in wanted)
        if set_beside_icon(self, text):
            self.setAccessibleName(f"Findings: {text}")
            self._most = wanted[0]
            self._show_icon()
            self.setMinimumWidth(self.sizeHint().width())  # the status bar would keep the width of the text before

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        is_painted = self._colors is not None
        if event.type() == QEvent.Type.PaletteChange and is_painted and current_colors() is not self._colors:
            self._show_icon()

    def _show_icon(self) -> None:
        self._colors = current_colors()
        color = str(getattr(self._colors, _TONES[self._most]))
        self.setIcon(icons.pixmap(_WORDS[self._most], color, 14, self.devicePixelRatioF()))
