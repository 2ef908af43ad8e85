"""The address book by clicks: added, pasted, edited, deleted, undone, and echoed against DCMTK and against nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import Peer, bad_server, reached
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.settings import SettingsStore
from dicomgui.app.context import AppContext
from dicomgui.app.operations import JobState
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.nodes.model import NodeColumn
from dicomgui.gui.nodes.panel import NodesPanel
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network.association.params import PeerAddress

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
CHINESE = "放射科工作站 三号楼"


@pytest.fixture
def panel(window: MainWindow) -> NodesPanel:
    window.show_panel(window.nodes)
    return window.nodes


@pytest.fixture
def closed_port() -> int:
    return peers.free_port()


def names(panel: NodesPanel) -> list[str]:
    return [node.name for node in panel.model.nodes]


def save(panel: NodesPanel, name: str, address: str) -> Node:
    """A node that is there already."""
    node = panel.place.config.nodes.add(Node(name, PeerAddress.parse(address)))
    panel.place.config.nodes_edited()
    return node


async def echoed(panel: NodesPanel) -> None:
    await reached(lambda: not panel.is_busy, "the echoes have ended")


def status(panel: NodesPanel, name: str) -> str:
    return str(panel.model.index(panel.model.row_of(name), NodeColumn.STATUS).data())


# ----------------------------------------------------------------------------------------------------- the address book


async def test_an_empty_book_says_what_to_do(panel: NodesPanel) -> None:
    assert panel._pages.currentIndex() == 0
    assert not panel.editor.isVisible()
    assert panel.add_button.isEnabled()
    assert panel.paste_button.isEnabled()
    assert not panel.echo_all_button.isEnabled()
    assert not panel.delete_button.isEnabled()


async def test_a_node_is_typed_and_saved_by_enter(panel: NodesPanel, press: Press, qtbot: QtBot) -> None:
    await press(panel.add_button)
    editor = panel.editor
    assert editor.name.hasFocus()
    for field, text in ((editor.name, CHINESE), (editor.called, "PACS1"), (editor.host, "10.0.0.5")):
        field.insert(text)
    editor.port.setText("11112")
    assert editor.called_remarks.count.text() == "5 / 16"
    qtbot.keyClick(editor.host, Qt.Key.Key_Return)
    [node] = panel.place.config.nodes.nodes
    assert (node.name, str(node.address)) == (CHINESE, "PACS1@10.0.0.5:11112")
    assert names(panel) == [CHINESE]
    assert panel.node == node
    assert panel.undo_bar.text.text() == f"Added {CHINESE}"


async def test_a_comment_keeps_its_three_lines(panel: NodesPanel) -> None:
    """A style sheet with a least height of its own made it one line where room was short."""
    comment = panel.editor.comment
    assert comment.minimumHeight() > 3 * comment.fontMetrics().lineSpacing()


async def test_all_options_are_in_one_place(panel: NodesPanel, press: Press) -> None:
    save(panel, "PACS", "PACS@here:104")
    panel.select("PACS")
    editor = panel.editor
    assert editor.options.isHidden()
    editor.more_button.click()
    assert editor.options.isVisible()
    editor.calling.setText("OURS")
    for name, text in {"connect_s": "2.5", "response_s": "never", "max_pdu": "16384"}.items():
        editor.options.edits[name].setText(text)
    editor.comment.setPlainText("Building 3\nsecond floor")
    assert [name for name, edit in editor.edits.items() if edit.property("changed")] == [
        "calling_ae", "connect_s", "response_s", "max_pdu",
    ]  # fmt: skip
    await press(editor.apply_button)
    node = panel.node
    assert node is not None
    options = node.options()
    assert (options.calling_ae, options.max_pdu_length) == ("OURS", 16_384)
    assert (options.timeouts.connect_s, options.timeouts.response_s) == (2.5, None)
    assert node.comment == "Building 3\nsecond floor"
    assert not any(edit.property("changed") for edit in editor.edits.values())
    assert editor.options.isVisible()


WRONG = (
    ("name", "two@names", "makes an address"),
    ("name", "other", "called 'Other' already"),
    ("called_ae", "SEVENTEEN_LETTERS", "16 are allowed"),
    ("host", "", "no host"),
    ("port", "0", "no port"),
    ("connect_s", "soon", "no time-out"),
    ("max_pdu", "12", "out of range"),
)


async def test_what_is_wrong_is_said_and_not_saved(panel: NodesPanel, press: Press) -> None:
    save(panel, "Other", "OTHER@there:104")
    node = save(panel, "PACS", "PACS@here:104")
    panel.select("PACS")
    for field, text, problem in WRONG:  # in one window: to make one takes most of the time of a test
        panel.editor.edits[field].setText(text)
        await press(panel.editor.apply_button)
        assert problem in panel.editor.problem_text.text(), field
        assert panel.editor.problem_text.isVisible()
        assert panel.node == node
        await press(panel.editor.discard_button)
        assert not panel.editor.problem_text.isVisible()


async def test_the_sixteen_bytes_are_shown_with_what_is_remarkable(panel: NodesPanel) -> None:
    panel.add()
    panel.editor.called.setText("pacs € ")
    remarks = panel.editor.called_remarks
    assert remarks.ruler.cells == ("p", "a", "c", "s", "␣", "E2", "82", "AC", "␣")
    assert remarks.count.text() == "9 / 16"
    assert [text.split(";")[0] for text in remarks.remarks] == [
        "Only characters of ASCII are allowed",
        "It ends in 1 space, which does not count.",
        remarks.remarks[2],
    ]
    assert remarks.ruler.accessibleDescription() == "9 of 16 bytes used"
    panel.discard()


PASTED = (
    "PACS1@10.0.0.5:11112",
    "echoscu -v -aet ME -aec PACS1 10.0.0.5 11112",
    "Dear all,\nAE title: PACS1\nIP address: 10.0.0.5\nport 11112\n",
    '"sample" : [ "PACS1", "10.0.0.5", 11112 ]',
)


async def test_anything_is_pasted(panel: NodesPanel, press: Press) -> None:
    for number, text in enumerate(PASTED, start=1):
        QGuiApplication.clipboard().setText(text)
        await press(panel.paste_button)
        await press(panel.editor.apply_button)
        nodes = panel.place.config.nodes.nodes
        assert [str(node.address) for node in nodes] == ["PACS1@10.0.0.5:11112"], text
        await press(panel.delete_button)
        assert panel.place.config.nodes.nodes == (), number


async def test_what_names_nobody_is_said(panel: NodesPanel, qtbot: QtBot) -> None:
    save(panel, "PACS", "PACS@here:104")
    QGuiApplication.clipboard().setText("<b>nothing</b> here!")
    panel.take_focus()
    qtbot.keyClick(panel.table, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert "no peer was found" in panel.editor.problem_text.text()
    panel.cancel()
    assert names(panel) == ["PACS"]
    assert panel.node is not None


async def test_an_address_pasted_over_a_saved_node_makes_a_new_one(panel: NodesPanel, qtbot: QtBot) -> None:
    save(panel, "PACS", "PACS@here:104")
    panel.select("PACS")
    QGuiApplication.clipboard().setText("OTHER@there:4242")
    qtbot.keyClick(panel.editor.host, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert panel.editor.is_new
    assert (panel.editor.called.text(), panel.editor.host.text()) == ("OTHER", "there")


async def test_deleting_asks_nobody_and_is_undone(panel: NodesPanel, press: Press, qtbot: QtBot) -> None:
    for name in ("First", "Second", "Third"):
        save(panel, name, f"{name}@here:104")
    panel.select("Second")
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_Delete)
    assert names(panel) == ["First", "Third"]
    assert panel.node is not None
    assert panel.node.name == "Third"
    await press(panel.undo_bar.undo_button)
    assert names(panel) == ["First", "Second", "Third"]
    assert not panel.undo_bar.isVisible()


async def test_every_change_is_undone_in_turn(panel: NodesPanel, press: Press, qtbot: QtBot) -> None:
    save(panel, "PACS", "PACS@here:104")
    panel.select("PACS")
    panel.editor.name.setText("Renamed")
    await press(panel.editor.apply_button)
    panel.duplicate()
    await press(panel.editor.apply_button)
    assert names(panel) == ["Renamed", "Renamed 2"]
    panel.delete()
    panel.take_focus()
    for expected in (["Renamed", "Renamed 2"], ["Renamed"], ["PACS"]):
        qtbot.keyClick(panel.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert names(panel) == expected


async def test_what_cannot_be_undone_is_said(panel: NodesPanel, press: Press) -> None:
    save(panel, "PACS", "PACS@here:104")
    panel.select("PACS")
    panel.editor.name.setText("Renamed")
    await press(panel.editor.apply_button)
    panel.place.config.nodes.delete("Renamed")
    panel.place.config.nodes_edited()
    await press(panel.undo_bar.undo_button)
    assert "cannot be taken back" in panel.undo_bar.text.text()
    await press(panel.undo_bar.dismiss_button)
    assert not panel.undo_bar.isVisible()


async def test_what_was_typed_comes_back_with_its_node(panel: NodesPanel, qtbot: QtBot, press: Press) -> None:
    save(panel, "First", "FIRST@here:104")
    save(panel, "Second", "SECOND@here:104")
    panel.select("First")
    panel.editor.host.setText("elsewhere")
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    assert panel.editor.host.text() == "here"
    assert panel.model.index(0, NodeColumn.NAME).data() == "First (edited)"
    qtbot.keyClick(panel.table, Qt.Key.Key_Up)
    assert panel.editor.host.text() == "elsewhere"
    await press(panel.editor.discard_button)
    assert panel.editor.host.text() == "here"
    assert panel.model.index(0, NodeColumn.NAME).data() == "First"


async def test_an_address_is_copied_and_a_node_is_edited_by_the_keyboard(panel: NodesPanel, qtbot: QtBot) -> None:
    save(panel, "PACS", "PACS@here:104")
    panel.select("PACS")
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "PACS@here:104"
    qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert panel.editor.name.hasFocus()
    qtbot.keyClick(panel, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert panel.editor.is_new


async def test_files_are_kept_and_machine_wide_nodes_are_read_only(
    context: AppContext, theme: Theme, tmp_path: Path, press: Press
) -> None:
    everybody = tmp_path / "machine.toml"
    everybody.write_text('version = 1\n[[node]]\nname = "Archive"\nae_title = "ARCHIVE"\nhost = "10.0.0.1"\n', "utf-8")
    folder = tmp_path / "config"

    def load() -> Configuration:
        return Configuration(SettingsStore(folder), NodeStore(folder, machine_path=everybody).load())

    window = MainWindow(context, Reporter(), load())
    window.show()
    panel = window.nodes
    window.show_panel(panel)
    panel.select("Archive")
    assert panel.editor.notice.isVisible()
    assert panel.editor.host.isReadOnly()
    assert not panel.delete_button.isEnabled()
    assert not panel.editor.apply_button.isVisible()
    await press(panel.copy_button)
    assert not panel.editor.host.isReadOnly()
    await press(panel.editor.apply_button)
    await window.shut_down()
    window.deleteLater()
    kept = load().nodes.nodes
    assert [(node.name, node.is_machine_wide) for node in kept] == [("Archive", True), ("Archive 2", False)]


# ----------------------------------------------------------------------------------------------------------------- echo


@pytest.mark.interop("storescp")
async def test_echo_all_says_who_answers_and_why_not(
    panel: NodesPanel, press: Press, tmp_path: Path, closed_port: int, window: MainWindow
) -> None:
    with peers.storescp(tmp_path / "dcmtk") as peer:
        save(panel, "DCMTK", peer.address)
        save(panel, CHINESE, f"PACS@127.0.0.1:{closed_port}")
        await press(panel.echo_all_button)
        assert panel.is_busy
        await echoed(panel)
    assert status(panel, "DCMTK").startswith("answers in ")
    assert status(panel, "DCMTK").endswith(" ago") or status(panel, "DCMTK").endswith("just now")
    assert f"nothing listens on port {closed_port}" in status(panel, CHINESE)
    panel.select("DCMTK")
    assert "OFFIS_DCMTK" in panel.status.peer.text()
    panel.select(CHINESE)
    assert panel.status.text.text().startswith("Failed: ")
    assert panel.status.advice.text().startswith("Try: ")
    jobs = {job.title: job for job in panel.place.jobs.all()}
    assert jobs["Echo DCMTK"].state is JobState.DONE
    assert jobs["Echo DCMTK"].associations
    assert jobs[f"Echo {CHINESE}"].state is JobState.FAILED
    panel.select("DCMTK")
    await press(panel.status.trace_button)
    assert window.panel is window.trace


@pytest.mark.interop("dcmqrscp")
async def test_an_echo_of_another_panel_is_one_of_the_node_with_that_address(
    window: MainWindow, press: Press, listening: int
) -> None:
    panel, echo = window.nodes, window.echo
    window.show_panel(panel)
    save(panel, "Ours", f"DICOMGUI@127.0.0.1:{listening}")
    save(panel, "Other", f"OTHER@127.0.0.1:{listening}")
    window.show_panel(echo)
    panel.place.choice.set(called_ae="DICOMGUI", host="127.0.0.1", port=str(listening))
    await press(echo.run_button)
    await reached(lambda: not echo.is_busy, "it has ended")
    assert status(panel, "Ours").startswith("answers in ")
    assert status(panel, "Other") == "not tried yet"


async def test_a_rejection_is_explained(panel: NodesPanel, press: Press, tmp_path: Path) -> None:
    with peers.dcmqrscp(tmp_path / "dcmtk") as peer:
        save(panel, "Wrong title", f"NOBODY@127.0.0.1:{peer.port}")
        panel.select("Wrong title")
        await press(panel.echo_button)
        await echoed(panel)
    assert "NOBODY" in status(panel, "Wrong title")
    assert panel.status.text.text().startswith("Failed: ")


async def test_f5_echoes_the_selected_node_with_its_options(
    panel: NodesPanel, listening: int, window: MainWindow, qtbot: QtBot
) -> None:
    node = Node("Ours", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{listening}"), calling_ae="SPECIAL")
    panel.place.config.nodes.add(node)
    panel.place.config.nodes_edited()
    window.show_panel(panel)
    panel.select("Ours")
    panel.run()
    panel.run()
    await echoed(panel)
    assert status(panel, "Ours").startswith("answers")
    [association] = [one for one in panel.place.context.trace.associations() if one.calling_ae == "SPECIAL"][:1]
    assert association.called_ae == "DICOMGUI"


async def test_cancel_ends_all_within_a_second(panel: NodesPanel, press: Press) -> None:
    async def silent(peer: Peer) -> None:
        await peer.read_all()

    async with bad_server(silent) as server:
        for number in range(12):
            save(panel, f"Silent {number}", server.address)
        await press(panel.echo_all_button)
        await reached(lambda: server.open >= 8, "eight are connected")
        assert status(panel, "Silent 0") == "echo under way …"
        start = asyncio.get_running_loop().time()
        await press(panel.cancel_button)
        await echoed(panel)
        assert asyncio.get_running_loop().time() - start < 2
    assert {status(panel, name) for name in names(panel)} == {"not tried yet"}
    assert {job.state for job in panel.place.jobs.all()} == {JobState.CANCELLED}
    assert not panel.cancel_button.isEnabled()


async def test_one_of_many_is_stopped_in_the_drawer(panel: NodesPanel, press: Press) -> None:
    async def silent(peer: Peer) -> None:
        await peer.read_all()

    async with bad_server(silent) as server:
        save(panel, "First", server.address)
        save(panel, "Second", server.address)
        await press(panel.echo_all_button)
        await reached(lambda: server.open == 2, "both are connected")
        first, second = panel.place.jobs.all()
        panel.place.jobs.cancel(first.number)
        await reached(lambda: not panel.model.is_busy("First"), "the first has ended")
        assert panel.model.is_busy("Second")
        panel.cancel()
        await echoed(panel)
    retry = panel.place.retries[second.number]
    retry()
    await echoed(panel)
    assert "nothing listens" in status(panel, "Second")


async def test_a_node_is_sent_to(panel: NodesPanel, press: Press, window: MainWindow) -> None:
    save(panel, "PACS", "PACS@here:11112")
    panel.select("PACS")
    await press(panel.status.send_button)
    assert window.panel is window.send
    assert window.send.peer.host.text() == "here"
    assert window.send.peer.node.currentText() == "PACS"
