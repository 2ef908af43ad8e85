"""The column of buttons at the left of the window: one for each panel, settings and help below them."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout

from dicomgui.gui.look import icons

__all__ = ["Rail"]

_ICON, _BUTTON_LOW = 22, 34
_AROUND = 20
"""What the style sheet leaves around an icon and the text below it."""


class Rail(QFrame):
    """The column of buttons at the left."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setFixedWidth(88)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(5, 12, 5, 12)
        self._column.setSpacing(2)
        self._column.addStretch(1)
        self.settings_button = self._button("settings", "Settings", "Ctrl+,")
        self.help_button = self._button("help", "Help", "F1")
        self._column.addWidget(self.settings_button)
        self._column.addWidget(self.help_button)
        self._buttons: dict[str, QToolButton] = {}

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the icons stand alone; their tool tips say what they are."""
        super().resizeEvent(event)
        height = _ICON + self.fontMetrics().height() + _AROUND
        is_low = event.size().height() < (len(self._buttons) + 2) * (height + self._column.spacing()) + 24
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if is_low else Qt.ToolButtonStyle.ToolButtonTextUnderIcon
        for button in (*self._buttons.values(), self.settings_button, self.help_button):
            button.setToolButtonStyle(style)
            button.setMinimumHeight(_BUTTON_LOW if is_low else height)

    def add(self, key: str, title: str, keys: str) -> QToolButton:
        """Add a button for a panel."""
        button = self._button(key, title, keys)
        button.setCheckable(True)
        self._column.insertWidget(len(self._buttons), button)
        self._buttons[key] = button
        return button

    @staticmethod
    def _button(key: str, title: str, keys: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"rail_{key}")
        button.setAccessibleName(title)
        button.setText(title)
        button.setToolTip(f"{title} ({keys})")
        button.setIcon(icons.icon(key))
        button.setIconSize(QSize(_ICON, _ICON))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setFixedWidth(78)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def check(self, checked: str) -> None:
        """Show which panel is in view."""
        # By hand: an exclusive group would take all but one of them out of the order of Tab.
        for key, button in self._buttons.items():
            button.setChecked(key == checked)
