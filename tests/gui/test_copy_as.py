"""Copy as: from the panels and the drawer of jobs, by key and by button."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.answering import Answering
from helpers.bad_peer import reached
from helpers.instances import write_instance
from helpers.query_panel import ask
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.widgets.copy_menu import CopyButton

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("grabbing the keyboard", r"raise\(\)")]
Press = Callable[[QPushButton], Awaitable[None]]


def copied(button: CopyButton, *titles: str) -> list[str]:
    """Choose an entry of the button's menu; the arguments that are on the clipboard then."""
    button.fill()
    menu: QMenu | None = button.menu()
    for title in titles:
        assert menu is not None
        texts = [action.text() for action in menu.actions()]
        assert any(text.startswith(title) for text in texts), texts
        action = next(action for action in menu.actions() if action.text().startswith(title))
        inside = action.menu()
        menu = inside if isinstance(inside, QMenu) else None
    action.trigger()
    return shlex.split(QGuiApplication.clipboard().text())


async def test_the_echo_of_the_fields(window: MainWindow) -> None:
    window.echo.peer.called.setText("PACS")
    window.echo.peer.host.setText("192.0.2.7")
    window.echo.peer.port.setText("104")
    window.echo.repeat.setText("3")
    line = copied(window.echo.copy_as_button, "dicomgui")
    assert line == ["dicomgui", "echo", "--repeat", "3", "PACS@192.0.2.7:104"]
    assert "clipboard" in window.statusBar().currentMessage()


async def test_nothing_is_offered_while_the_fields_hold_no_peer(window: MainWindow) -> None:
    window.echo.peer.host.setText("")
    window.echo.copy_as_button.fill()
    assert [action.isEnabled() for action in window.echo.copy_as_button.menu().actions()] == [False]


async def test_the_files_of_a_send(window: MainWindow, pacs: Answering, tmp_path: Path) -> None:
    path = write_instance(tmp_path / "it's", 1)
    window.show_panel(window.send)
    window.send.peer.host.setText(f"{pacs.peer}")
    window.send.peer.host.editingFinished.emit()
    await window.send.add_paths([path])
    line = copied(window.send.copy_as_button, "dicomgui")
    assert line == ["dicomgui", "send", str(pacs.peer), str(path)]


async def test_a_query_and_what_would_be_retrieved(window: MainWindow, press: Press, pacs: Answering) -> None:
    window.show_panel(window.query)
    await ask(window.query, press, pacs.peer, PatientID=DOE, PatientName="Doe*")
    window.query.results.table.clearSelection()
    line = copied(window.query.copy_as_button, "dicomgui")
    assert {f"PatientID={DOE}", "PatientName=Doe*", str(pacs.peer)} <= set(line)
    window.query.results.table.selectRow(0)
    assert copied(window.query.copy_as_button, "Query", "dicomgui") == line
    line = copied(window.query.copy_as_button, "Retrieve", "dicomgui")
    assert line[:2] == ["dicomgui", "get"]
    assert {f"StudyInstanceUID={CT_STUDY}", f"StudyInstanceUID={CR_STUDY}"} & set(line)


async def test_a_job_is_copied_from_the_drawer_by_key(
    window: MainWindow, press: Press, pacs: Answering, qtbot: QtBot
) -> None:
    window.show_panel(window.query)
    await ask(window.query, press, pacs.peer, PatientID=DOE)
    window.jobs.drain()
    assert not window.jobs.copy_as_button.isEnabled()
    window.jobs.set_folded(False)
    window.jobs.table.selectRow(0)
    window.activateWindow()
    await reached(lambda: window.jobs.table.hasFocus(), "the drawer has the focus")
    qtbot.keyClick(window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    menu = window.jobs.copy_as_button.menu()
    await reached(menu.isVisible, "the menu is open")
    menu.close()
    assert f"PatientID={DOE}" in copied(window.jobs.copy_as_button, "dicomgui")
