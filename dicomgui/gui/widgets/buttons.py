"""Buttons that are made alike."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QComboBox, QPushButton, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from dicomgui.gui.look import icons

__all__ = ["Choice", "push_button", "set_beside_icon"]


class Choice(QComboBox):
    """A choice of a few; draws its arrow in the colours of the scheme."""

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)

    def paintEvent(self, event: QPaintEvent) -> None:
        # As Qt does it, but what does not fit ends in … and not in the middle of a character.
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        elided = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, max(0, room))
        option.currentText = elided
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()
        group = QPalette.ColorGroup.Active if self.isEnabled() else QPalette.ColorGroup.Disabled
        color = self.palette().color(group, QPalette.ColorRole.Text).name()
        picture = icons.pixmap("down", color, 14, self.devicePixelRatioF())
        QPainter(self).drawPixmap(self.width() - 23, (self.height() - 14) // 2, picture)


def push_button(name: str, text: str, icon_name: str = "", *, primary: bool = False, tip: str = "") -> QPushButton:
    """A button with an object name; it says what it does to assistive technology as well.

    :param text: with ``&`` before the letter that is its mnemonic.
    """
    button = QPushButton(f" {text}" if icon_name and text else text)  # Qt sets icon and text close together
    button.setObjectName(name)
    button.setAccessibleName(text.replace("&", "").rstrip("…"))
    button.setToolTip(tip)
    button.setAutoDefault(False)
    if primary:
        button.setProperty("primary", True)
    if icon_name:
        role = QPalette.ColorRole.HighlightedText if primary else QPalette.ColorRole.ButtonText
        button.setIcon(icons.icon(icon_name, role))
    return button


def set_beside_icon(button: QPushButton, text: str) -> bool:
    """Set a text apart from the icon before it, which Qt sets close to it; whether it is another one than before."""
    apart = f" {text}"
    if button.text() == apart:
        return False
    button.setText(apart)
    return True
