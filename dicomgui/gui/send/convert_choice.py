"""The choice of what may be converted on its way to a peer, with what it means beside it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from dicomgui.app.files.conversion import Conversion
from dicomgui.gui.widgets.buttons import Choice
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel

__all__ = ["ConvertChoice"]

_WHAT = "What may be converted where the peer does not take it as it is"
_MEANINGS = {
    Conversion.NEVER: "Every file goes as it lies on disk, or not at all.",
    Conversion.UNCOMPRESSED: "Uncompressed files that the peer does not take as they are become explicit or implicit "
    "VR little endian. Nothing is lost.",
    Conversion.LOSSLESS: "Losslessly compressed images may be decompressed as well. They grow; nothing is lost.",
    Conversion.ALL: "Lossily compressed images may be decompressed, too. They grow, get no better, and stay marked as "
    "lossy.",
}


class ConvertChoice(QWidget):
    """A choice with its label, and one line about what is chosen.

    :param prefix: begins the object names: ``send_convert``, ``send_convert_text``.
    """

    def __init__(self, prefix: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = Choice(f"{prefix}_convert", _WHAT)
        self.choice.setToolTip(_WHAT)
        for conversion in Conversion:
            self.choice.addItem(conversion.value, conversion)
        self.choose(Conversion.UNCOMPRESSED)
        self.choice.currentIndexChanged.connect(self._show_meaning)
        self.meaning = ElidedLabel(tone="muted")
        self.meaning.setObjectName(f"{prefix}_convert_text")
        label = PlainLabel("&Convert", tone="muted")
        label.setBuddy(self.choice)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(label)
        row.addWidget(self.choice)
        row.addWidget(self.meaning, 1)
        self._show_meaning()

    @property
    def conversion(self) -> Conversion:
        """What is chosen."""
        chosen: Conversion = self.choice.currentData()
        return chosen

    def choose(self, conversion: Conversion) -> None:
        """Choose it."""
        self.choice.setCurrentIndex(self.choice.findData(conversion))

    def _show_meaning(self) -> None:
        text = _MEANINGS[self.conversion]
        self.meaning.setText(text)
        self.choice.setAccessibleDescription(text)
