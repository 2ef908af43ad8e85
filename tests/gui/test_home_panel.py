"""Where the window opens: an address that is pasted, the practice PACS, files; and the first steps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.dragging import drag_enter
from helpers.instances import write_instance
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.operations import JobKind, JobState
from dicomgui.gui.home.panel import HomePanel
from dicomgui.gui.home.steps_strip import FirstStep
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import connect
from dicomgui.network.association.params import PeerAddress

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]

MAIL = "Hello,\nour archive is:\n  AE Title: PACS_7\n  IP: 192.0.2.7\n  Port: 11112\nRegards"


@pytest.fixture
def panel(window: MainWindow) -> HomePanel:
    return window.home


def paste(qtbot: QtBot, panel: HomePanel, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    panel.address.selectAll()
    qtbot.keyClick(panel.address, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)


async def test_the_window_opens_here_and_asks_nothing(window: MainWindow, panel: HomePanel) -> None:
    assert window.panel is panel
    window.activateWindow()
    await reached(window.isActiveWindow, "the window is active")
    panel.take_focus()
    assert QApplication.focusWidget() is panel.address
    assert not [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]
    assert not panel.test_button.isEnabled()
    assert panel.start_button.isEnabled()


# ------------------------------------------------------------------------------------------------------------- address


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PACS1@192.0.2.7:11112", ("PACS1", "192.0.2.7", "11112", "DICOMGUI")),
        ("echoscu -aet ME -aec ORTHANC 10.0.0.7 4242", ("ORTHANC", "10.0.0.7", "4242", "ME")),
        (MAIL, ("PACS_7", "192.0.2.7", "11112", "DICOMGUI")),
    ],
)
async def test_whatever_was_sent_can_be_pasted(
    window: MainWindow,
    panel: HomePanel,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    found: tuple[str, ...],
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(window.echo, "run", lambda: ran.append("echo"))
    paste(qtbot, panel, text)
    assert panel.test_button.isEnabled()
    assert f"called AE title {found[0]}, host {found[1]}, port {found[2]}" in panel.found.text()
    qtbot.keyClick(panel.address, Qt.Key.Key_Return)
    choice = window._place.choice
    assert (choice.called_ae, choice.host, choice.port, choice.calling_ae) == found
    assert window.panel is window.echo
    assert ran == ["echo"]


async def test_what_is_incomplete_is_completed_among_the_nodes(
    window: MainWindow, panel: HomePanel, qtbot: QtBot, press: Press
) -> None:
    qtbot.keyClicks(panel.address, "host 192.0.2.7 port 11112")
    assert "Missing: called AE title." in panel.found.text()
    assert not panel.test_button.isEnabled()
    await press(panel.node_button)
    assert window.panel is window.nodes
    assert window.nodes.editor.host.text() == "192.0.2.7"
    assert window.nodes.editor.called.text() == ""


async def test_what_is_no_address_says_so(panel: HomePanel, qtbot: QtBot) -> None:
    qtbot.keyClicks(panel.address, "???")
    assert panel.address.property("invalid")
    assert "AET@host:port" in panel.found.text()
    panel.run()
    assert not panel.test_button.isEnabled()
    panel.address.clear()
    assert not panel.address.property("invalid")


async def test_connecting_to_our_own_listener(
    window: MainWindow, panel: HomePanel, listening: int, qtbot: QtBot, press: Press
) -> None:
    window.show_panel(panel)
    paste(qtbot, panel, f"DICOMGUI@127.0.0.1:{listening}")
    await press(panel.test_button)
    await reached(lambda: not window.echo.is_busy and window.echo.copy_button.isVisible(), "the echo has ended")
    assert window.echo.headline.text() == f"DICOMGUI@127.0.0.1:{listening} answers"
    await reached(lambda: panel.steps.done == {FirstStep.ECHO}, "the step is lit")


# ------------------------------------------------------------------------------------------------------------ practice


async def test_the_practice_pacs_by_one_click(window: MainWindow, panel: HomePanel, press: Press) -> None:
    await press(panel.start_button)
    practice = window.practice
    await reached(lambda: practice.is_running and not practice.is_busy, "it runs", 20)
    node = practice.node
    assert node is not None
    assert node.name == "PRACTICE"
    assert window._place.choice.node == node
    await reached(window.practice_bar.isVisible, "the bar is there")
    assert window.practice_bar.text.text().startswith("Practice: nothing leaves this computer.")
    await reached(panel.stop_button.isVisible, "it can be stopped")
    assert not panel.start_button.isVisible()
    first_step = panel.steps.buttons[FirstStep.ECHO]
    await reached(lambda: QApplication.focusWidget() is first_step, "the focus is where one goes on")
    async with connect(node.address, calling_ae="DICOMGUI") as association:
        assert (await association.echo()).status.is_success
    window.show_panel(window.nodes)
    await press(window.practice_bar.stop_button)
    await reached(lambda: not practice.is_running and not practice.is_busy, "it has stopped")
    assert window.config.nodes.find("PRACTICE") is None
    await reached(lambda: not window.practice_bar.isVisible(), "the bar is gone")
    window.show_panel(panel)
    await reached(panel.start_button.isVisible, "it can be started again")


async def test_the_practice_pacs_ends_with_the_window(window: MainWindow, panel: HomePanel, press: Press) -> None:
    await press(panel.start_button)
    practice = window.practice
    await reached(lambda: practice.is_running, "it runs", 20)
    port = practice.peer.port
    await practice.shut_down()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_node_of_the_user_with_that_name_is_left_alone(
    window: MainWindow, panel: HomePanel, press: Press
) -> None:
    mine = window.config.nodes.add(Node("PRACTICE", PeerAddress.parse("MINE@192.0.2.1:104")))
    window.config.nodes_edited()
    await press(panel.start_button)
    practice = window.practice
    await reached(lambda: practice.is_running and not practice.is_busy, "it runs", 20)
    assert practice.node is not None
    assert practice.node.name != "PRACTICE"
    await practice.shut_down()
    assert window.config.nodes.nodes == (mine,)


# --------------------------------------------------------------------------------------------------------------- files


def drop(panel: HomePanel, paths: list[Path]) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, plain = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = drag_enter(QPointF(5, 5), mime)
    panel.dragEnterEvent(entering)
    assert entering.isAccepted()
    panel.dropEvent(QDropEvent(QPointF(5, 5), copy, mime, left, plain))


async def test_dropped_files_go_to_the_send_panel(window: MainWindow, panel: HomePanel, tmp_path: Path) -> None:
    files = [write_instance(tmp_path / "files", number) for number in range(3)]
    drop(panel, files)
    assert window.panel is window.send
    await reached(lambda: window.send.model.count == 3, "they are there")


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_files_are_chosen_in_a_dialog(
    window: MainWindow, panel: HomePanel, press: Press, answer: Answer, tmp_path: Path
) -> None:
    write_instance(tmp_path / "files", 1)
    await press(panel.folder_button)
    await answer("")
    assert window.panel is panel
    await press(panel.folder_button)
    await answer(str(tmp_path / "files"))
    await reached(lambda: window.send.model.count == 1, "it is there")
    assert window.panel is window.send


# --------------------------------------------------------------------------------------------------------------- steps


async def test_the_steps_lead_to_where_they_are_taken(window: MainWindow, panel: HomePanel, press: Press) -> None:
    wanted = (window.echo, window.query, window.query, window.archive, window.archive)
    for step, expected in zip(FirstStep, wanted, strict=True):
        window.show_panel(panel)
        await press(panel.steps.buttons[step])
        assert window.panel is expected, step


async def test_a_step_that_failed_is_not_lit(window: MainWindow, panel: HomePanel) -> None:
    jobs = window._place.jobs
    jobs.start(JobKind.QUERY, "one").finish(JobState.FAILED)
    jobs.start(JobKind.SEND, "two").finish(JobState.CANCELLED)
    jobs.start(JobKind.RETRIEVE, "three").finish(JobState.WARNING)
    await reached(lambda: panel.steps.done == {FirstStep.RETRIEVE}, "the one that went well is lit")
    assert panel.steps.buttons[FirstStep.RETRIEVE].accessibleName() == "Retrieve, done"
    jobs.clear_finished()
    jobs.start(JobKind.ECHO, "four").finish()
    await reached(lambda: panel.steps.done == {FirstStep.RETRIEVE, FirstStep.ECHO}, "a light stays on")


async def test_the_steps_are_hidden_and_shown_again(window: MainWindow, panel: HomePanel, press: Press) -> None:
    await press(panel.steps.dismiss_button)
    assert not panel.steps.isVisible()
    assert not window.config.settings.show_steps
    await press(panel.steps_button)
    assert panel.steps.isVisible()
    assert not panel.steps_button.isVisible()
    assert window.config.settings.show_steps
