"""Every button of every panel, pressed once: whatever it does, it is no fault of the program."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QMenu, QPushButton, QToolButton

from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.shell.panel_window import PANELS

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]


def has_menu(button: QAbstractButton) -> bool:
    return isinstance(button, QPushButton | QToolButton) and button.menu() is not None


def pressable(window: MainWindow, pressed: set[str]) -> list[QAbstractButton]:
    """The buttons that can be reached with the mouse, and were not pressed yet."""
    return [
        button
        for button in window.findChildren(QAbstractButton)
        if button.window() is window and button.isVisible() and button.isEnabled() and not has_menu(button)
        and button.objectName() not in pressed and not button.objectName().startswith(("rail_", "qt_"))
    ]  # fmt: skip


async def end_what_opened(window: MainWindow) -> None:
    """Leave the dialogs, the menus and the other windows that a press has opened, and let its loop turn."""
    await asyncio.sleep(0)
    for menu in window.findChildren(QMenu):
        menu.close()
    for dialog in window.findChildren(QDialog):
        if dialog.isVisible():
            dialog.reject()
    for other in QApplication.topLevelWidgets():
        if other is not window and other.isVisible():
            other.close()
    await asyncio.sleep(0)


async def press_all(window: MainWindow, panel: Panel) -> set[str]:
    pressed: set[str] = set()
    while True:
        window.show_panel(panel)
        buttons = pressable(window, pressed)
        if not buttons:
            return pressed
        pressed.add(buttons[0].objectName())
        buttons[0].click()
        await end_what_opened(window)


@pytest.mark.parametrize("key", PANELS)
async def test_each_can_be_pressed(window: MainWindow, key: str) -> None:
    window.jobs.set_folded(False)
    window.dock.set_folded(False)
    assert await press_all(window, window.panel_of(key))
