"""A real window over a context of its own, and what it talks to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import peers
from helpers.answering import Answering, answering
from helpers.bad_peer import reached
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.context import AppContext
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp)


@pytest.fixture(autouse=True)
def no_key_stays_down(qapp: QApplication) -> Iterator[None]:
    """Keys that a test pressed with Ctrl leave it down for Qt: the next click of any test would be one with Ctrl."""
    yield
    if QGuiApplication.keyboardModifiers() != Qt.KeyboardModifier.NoModifier:
        field = QLineEdit()
        field.show()
        QTest.keyClick(field, Qt.Key.Key_Home)
        field.close()
        field.deleteLater()


@pytest.fixture
async def window(theme: Theme, context: AppContext, tmp_path: Path) -> AsyncIterator[MainWindow]:
    """The window, shown; at the end it is closed and its program had no fault.

    The panel of the listener, which takes longer to make than all the rest, is made where a test asks for it.
    """
    config = Configuration()
    listener = replace(config.settings.listener, folder=str(tmp_path / "received"), port=peers.free_port())
    config.change(replace(config.settings, listener=listener))
    async with opened_window(context, config) as shown:
        await show(shown)
        yield shown


async def show(shown: MainWindow) -> None:
    shown.show()
    shown._place.pump.drain()  # the first tick: it looks for an archive
    await reached(lambda: not shown._place.archive.is_opening, "the archive was looked for")


@asynccontextmanager
async def opened_window(context: AppContext, config: Configuration | None = None) -> AsyncIterator[MainWindow]:
    reporter = Reporter()
    shown = MainWindow(context, reporter, config)
    yield shown
    await shown.shut_down()
    shown.deleteLater()
    assert reporter.count == 0
    assert not [len(panel.tasks) for panel in shown.made.values() if len(panel.tasks)]


@pytest.fixture
async def pacs(window: MainWindow) -> AsyncIterator[Answering]:
    """A provider over real files, which knows the window's listener as a move destination."""
    async with answering(destinations={"DICOMGUI": int(window.listener.port.text())}) as scp:
        yield scp


@pytest.fixture
def answer(window: MainWindow) -> Callable[[str], Awaitable[str]]:
    """Answer the file dialog that is open, as a user who types a path; gives its title."""

    async def do(path: str) -> str:
        def shown() -> list[QFileDialog]:
            return [dialog for dialog in window.findChildren(QFileDialog) if dialog.isVisible()]

        await reached(lambda: len(shown()) == 1, "a file dialog is open")
        [dialog] = shown()
        edit = dialog.findChild(QLineEdit, "fileNameEdit")
        assert isinstance(edit, QLineEdit)
        edit.setText(path)
        if path:
            dialog.accept()
        else:
            dialog.reject()
        await reached(lambda: not shown(), "the file dialog is closed")
        return dialog.windowTitle()

    return do


@pytest.fixture
def press(qtbot: QtBot, window: MainWindow) -> Callable[[QPushButton], Awaitable[None]]:
    """Press a button with the mouse, as soon as it can be pressed."""

    async def do(button: QPushButton) -> None:
        await reached(lambda: button.isVisible() and button.isEnabled(), f"{button.objectName()} can be pressed")
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    return do


@pytest.fixture
async def listening(window: MainWindow) -> int:
    """Our listener, started by its button; gives the port."""
    panel = window.listener
    window.show_panel(panel)
    panel.start_button.click()
    await reached(lambda: panel.is_running and panel.stop_button.isEnabled(), "the listener runs")
    return int(panel.port.text())
