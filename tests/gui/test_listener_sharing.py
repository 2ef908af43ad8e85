"""The set-up card and the folder of our listener."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.gui.shell.main_window import MainWindow

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the file manager was asked to show."""
    asked: list[str] = []

    def open_url(url: QUrl) -> bool:
        asked.append(url.toLocalFile())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    return asked


async def test_the_card_says_what_an_administrator_has_to_enter(
    window: MainWindow, listening: int, press: Press
) -> None:
    await press(window.listener.sharing.card_button)
    text = QApplication.clipboard().text()
    assert f"AE title:  DICOMGUI\nAddress:   127.0.0.1\nPort:      {listening}\nTLS:       no\n" in text
    assert "no other computer reaches it" in window.listener.sharing.said.text()


async def test_before_it_runs_the_card_is_of_what_is_typed(window: MainWindow, press: Press, qtbot: QtBot) -> None:
    panel = window.listener
    window.show_panel(panel)
    panel.host.setCurrentIndex(1)
    panel.title_edit.setText("STORE")
    panel.sharing.card_button.setFocus()
    qtbot.keyClick(panel.sharing.card_button, Qt.Key.Key_Space)
    assert "AE title:  STORE" in QApplication.clipboard().text()
    assert "is in the clipboard" in panel.sharing.said.text()
    panel.title_edit.clear()
    QApplication.clipboard().clear()
    await press(panel.sharing.card_button)
    assert not QApplication.clipboard().text()
    assert panel.sharing.said.text()


async def test_the_folder_is_opened_once_it_is_there(
    window: MainWindow, press: Press, opened: list[str], tmp_path: Path
) -> None:
    panel = window.listener
    window.show_panel(panel)
    await press(panel.sharing.path_button)
    assert QApplication.clipboard().text() == str(tmp_path / "received")
    await press(panel.sharing.open_button)
    await reached(lambda: "not there yet" in panel.sharing.said.text(), "it says why not")
    assert not opened
    await press(panel.start_button)
    await reached(lambda: panel.is_running and panel.stop_button.isEnabled(), "it listens")
    await press(panel.sharing.open_button)
    await reached(lambda: opened == [str(tmp_path / "received")], "it is opened")


async def test_a_file_is_no_folder_to_be_opened(
    window: MainWindow, press: Press, opened: list[str], tmp_path: Path
) -> None:
    """The file manager would run a program."""
    panel = window.listener
    window.show_panel(panel)
    (tmp_path / "program").write_text("x")
    panel.folder.setText(str(tmp_path / "program"))
    await press(panel.sharing.open_button)
    await reached(lambda: bool(panel.sharing.said.text()), "it says why not")
    assert not opened
