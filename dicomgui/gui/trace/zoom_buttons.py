"""Three joined buttons: what one row of the trace is."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from dicomgui.gui.trace.listing.list_view import ZOOM_NAMES
from dicomgui.trace.filter import Zoom

__all__ = ["ZoomButtons"]

_TIPS = {
    Zoom.ASSOCIATIONS: "One row an association",
    Zoom.EXCHANGES: "One row a request with all its responses",
    Zoom.ROWS: "One row a PDU or event",
}


class ZoomButtons(QWidget):
    """The level that is on is pressed.

    :param name: begins the object names.
    """

    zoom_chosen = Signal(object)
    """The user wants this :class:`~dicomgui.trace.filter.Zoom`."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_zoom")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.buttons: dict[Zoom, QPushButton] = {}
        for number, (zoom, title) in enumerate(ZOOM_NAMES.items(), start=1):
            button = QPushButton(title)
            button.setObjectName(f"{name}_zoom_{zoom.value}")
            button.setAccessibleName(f"Show {title}")
            button.setToolTip(f"{_TIPS[zoom]} ({number})")
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setProperty("segment", ("first", "middle", "last")[number - 1])
            button.clicked.connect(partial(self._on_clicked, zoom))
            self.buttons[zoom] = button
            row.addWidget(button)

    def show_zoom(self, zoom: Zoom) -> None:
        """This level is on."""
        for other, button in self.buttons.items():
            button.setChecked(other is zoom)

    def _on_clicked(self, zoom: Zoom, _checked: bool = False) -> None:
        self.show_zoom(zoom)  # also where it was on: a click does not switch it off
        self.zoom_chosen.emit(zoom)
