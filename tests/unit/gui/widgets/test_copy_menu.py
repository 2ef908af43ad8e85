"""The menu that copies an operation as a command."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMainWindow, QMenu
from pytestqt.qtbot import QtBot

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.app.recipes.shells import Shell
from dicomgui.gui.widgets import copy_menu as module
from dicomgui.gui.widgets.copy_menu import CopyButton, Recipes, copy_menu
from dicomgui.network import PeerAddress, TlsConfig

ECHO = Recipe(Verb.ECHO, PeerAddress.parse("PACS@192.0.2.7:104"))
MOVE = replace(ECHO, verb=Verb.MOVE, destination="ME", options=ConnectionOptions(tls=TlsConfig()))


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    made = QMainWindow()
    made.setObjectName("top")
    qtbot.addWidget(made)
    return made


def entries(menu: QMenu) -> dict[str, QAction]:
    return {action.text(): action for action in menu.actions() if not action.isSeparator()}


def test_it_has_an_entry_for_each_tool_and_the_other_shell(
    window: QMainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "own_shell", lambda: Shell.POSIX)
    menu = copy_menu(window, ECHO)
    *tools, other = entries(menu)
    assert tools == [
        "dicomgui command", "DCMTK command (echoscu)", "dcm4che command (storescu)", "pynetdicom script",
    ]  # fmt: skip
    assert "Windows" in other
    assert menu.title() == "Copy as"


def test_an_entry_copies_and_the_window_says_so(window: QMainWindow) -> None:
    entries(copy_menu(window, ECHO))["dicomgui command"].trigger()
    assert QGuiApplication.clipboard().text() == "dicomgui echo PACS@192.0.2.7:104"
    assert "dicomgui command is on the clipboard" in window.statusBar().currentMessage()


def test_notes_are_said_with_the_confirmation(window: QMainWindow) -> None:
    entries(copy_menu(window, ECHO))["dcm4che command (storescu)"].trigger()
    assert "C-ECHO" in window.statusBar().currentMessage()


def test_what_a_tool_cannot_do_is_disabled_and_says_why(window: QMainWindow) -> None:
    action = entries(copy_menu(window, MOVE))["DCMTK command"]
    assert not action.isEnabled()
    assert "TLS" in action.toolTip()


def test_a_menu_without_an_operation_is_disabled(window: QMainWindow) -> None:
    assert not copy_menu(window, None).isEnabled()


def test_the_button_asks_anew_each_time(window: QMainWindow) -> None:
    recipes: Recipes = []
    button = CopyButton("x_copy_as", lambda: recipes, window)
    button.menu().aboutToShow.emit()
    [nothing] = button.menu().actions()
    assert not nothing.isEnabled()
    recipes = [("", ECHO)]
    button.menu().aboutToShow.emit()
    assert "dicomgui command" in entries(button.menu())


def test_several_operations_have_a_menu_each_and_their_names_are_plain(window: QMainWindow) -> None:
    button = CopyButton("x_copy_as", lambda: [("Query A&B\n", ECHO), ("Retrieve", MOVE)], window)
    button.fill()
    first, second = button.menu().actions()
    assert first.text().startswith("Query A&&B")
    assert "\n" not in first.text()
    assert isinstance(second.menu(), QMenu)
