"""All widgets of the window, one by one: their names, their keys, their text; and its end amid everything."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import Peer, bad_server, open_files, reached
from helpers.instances import write_instance
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.settings import SettingsStore
from dicomgui.app.context import AppContext
from dicomgui.gui import main
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.nodes.model import NodeColumn
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.shell.settings_dialog import SettingsDialog
from dicomgui.gui.trace.details.waterfall import Waterfall
from dicomgui.gui.widgets.confirm import Question
from dicomgui.gui.widgets.hex_view import HexView
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.describe import Node as TreeNode

pytestmark = pytest.mark.qt
INTERACTIVE = (
    QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractItemView, QProgressBar, QTabBar, HexView, Waterfall,
)  # fmt: skip
MARKUP = "<b>bold</b> <img src=x>"


def made_by_us(top: QWidget) -> list[QWidget]:
    """The widgets that we made: not the parts that Qt makes of them."""
    made = []
    for widget in top.findChildren(QWidget):
        inside = [kind for kind in INTERACTIVE if isinstance(widget.parent(), kind)]
        if not inside and not isinstance(widget, QHeaderView | QScrollBar) and widget.window() is top:
            made.append(widget)
    return made


def interactive(top: QWidget) -> list[QWidget]:
    return [widget for widget in made_by_us(top) if isinstance(widget, INTERACTIVE)]


@pytest.fixture
async def full(window: MainWindow) -> MainWindow:
    """The window with everything open that can be."""
    window.config.nodes.add(Node("PACS", PeerAddress.parse("PACS@here:104"), comment=MARKUP))
    window.config.nodes_edited()
    window.nodes.select("PACS")
    editor = window.nodes.editor
    for section in (editor.security, editor.agreement, editor.more, window.listener.more.section):
        section.set_open(True)
    for section in (window.query.form.more, window.query.form.several):
        section.set_open(True)
    editor.tls.switch.setChecked(True)
    editor.identity.set_texts({"identity": "passcode"})
    services = window.listener.more.services
    window.listener.more.services_section.set_open(True)
    services.set_texts(services.texts() | {"classes": "only", "syntaxes": "only"})
    window.archive.dataset.show_node(TreeNode("File", children=(TreeNode(MARKUP, MARKUP),)), MARKUP)
    window.practice_bar.show()
    window.listener.more.tls.switch.setChecked(True)
    window.listener.more.admission.set_texts({"callers": "listed"})
    window.jobs.set_folded(False)
    window.dock.set_folded(False)
    return window


@pytest.fixture
def dialog(full: MainWindow) -> Iterator[SettingsDialog]:
    full.ask_settings()
    [opened] = full.findChildren(SettingsDialog)
    yield opened
    opened.reject()


def names_of(top: QWidget) -> list[str]:
    return [widget.objectName() for widget in interactive(top)]


async def test_each_has_a_name_of_its_own(full: MainWindow, dialog: SettingsDialog) -> None:
    names = [*names_of(full), *names_of(dialog)]
    assert len(names) > 80
    assert "" not in names
    assert sorted(names) == sorted(set(names))


async def test_each_says_what_it_is_to_assistive_technology(full: MainWindow, dialog: SettingsDialog) -> None:
    for panel in full.panels:
        full.show_panel(panel)
        for top in (full, dialog):
            mute = [
                widget.objectName()
                for widget in interactive(top)
                if widget.isVisibleTo(top) and not widget.accessibleName()
            ]
            assert not mute, panel.key
    named = (*full.panels, full.jobs, full.dock)
    assert all(widget.accessibleName() for widget in named)


async def test_each_takes_the_keyboard(full: MainWindow, dialog: SettingsDialog) -> None:
    for widget in (*interactive(full), *interactive(dialog)):
        if not isinstance(widget, QProgressBar):
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, widget.objectName()


async def reachable(full: MainWindow, qtbot: QtBot) -> set[QWidget]:
    """What Tab comes to, from where the panel begins until it is there again."""
    full.activateWindow()
    await reached(full.isActiveWindow, "the window is active")
    full.panel.take_focus()
    seen: list[QWidget] = []
    while (widget := QApplication.focusWidget()) is not None and widget not in seen and len(seen) < 300:
        seen.append(widget)
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    return set(seen)


async def test_tab_comes_to_each(full: MainWindow, qtbot: QtBot) -> None:
    for panel in full.panels:
        full.show_panel(panel)
        seen = await reachable(full, qtbot)
        due = [widget for widget in interactive(full) if widget.isVisible() and widget.isEnabled()]
        missed = [
            widget.objectName()
            for widget in due
            if widget not in seen and not isinstance(widget, QProgressBar) and not is_reached_by_arrows(widget)
        ]
        assert not missed, panel.key


def is_reached_by_arrows(widget: QWidget) -> bool:
    """One of several of which one is chosen: Tab comes to that one, the arrow keys to the others."""
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    return group is not None and group.exclusive() and group.checkedButton() is not widget


async def test_the_arrow_keys_go_along_the_rail(full: MainWindow, qtbot: QtBot) -> None:
    full.show_panel(full.panels[0])
    button = full.findChild(QAbstractButton, f"rail_{full.panels[0].key}")
    assert isinstance(button, QAbstractButton)
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Down)
    focused = QApplication.focusWidget()
    assert isinstance(focused, QAbstractButton)
    assert focused.objectName() == f"rail_{full.panels[1].key}"
    qtbot.keyClick(focused, Qt.Key.Key_Space)
    assert full.panel is full.panels[1]


def inside(panel: Panel, window: MainWindow) -> list[QWidget]:
    """What is in view together with a panel."""
    return [widget for top in (panel, window.jobs, window.dock) for widget in top.findChildren(QWidget)]


async def test_mnemonics_are_unique_on_each_page(full: MainWindow, dialog: SettingsDialog) -> None:
    pages = {panel.key: inside(panel, full) for panel in full.panels}
    pages["settings"] = dialog.findChildren(QWidget)
    for key, widgets in pages.items():
        texts = [widget.text() for widget in widgets if isinstance(widget, QAbstractButton)]
        texts += [widget.text() for widget in widgets if isinstance(widget, QLabel) and widget.buddy() is not None]
        keys = [text[text.index("&") + 1].lower() for text in texts if "&" in text.replace("&&", "")]
        assert len(keys) == len(set(keys)), (key, sorted(keys))


async def test_no_text_is_taken_for_markup(full: MainWindow, dialog: SettingsDialog) -> None:
    """Names, comments, addresses and reasons come from others: nothing of it is rich text, nor in a tool tip."""
    full.config.nodes.add(Node(MARKUP, PeerAddress.parse(f"PACS@127.0.0.1:{peers.free_port()}")))
    full.config.nodes_edited()
    full.nodes.select(MARKUP)
    full.nodes.run()
    await reached(lambda: not full.nodes.is_busy, "the echo has ended")
    full.echo.peer.called.setText(MARKUP)
    full.nodes.editor.called.setText(MARKUP)
    full.nodes.editor.show_problem(_error())
    full.banner.show_problem(MARKUP)
    full.jobs.drain()
    full.jobs.table.selectRow(0)
    for top in (full, dialog):
        assert not top.findChildren(QTextEdit)
        labels = [label for label in top.findChildren(QLabel) if label.pixmap().isNull()]
        rich = [label for label in labels if label.textFormat() is not Qt.TextFormat.PlainText and label.text()]
        assert not rich
        for widget in made_by_us(top):
            assert "<b>" not in widget.toolTip(), widget.objectName()
    model = full.nodes.model
    for row in range(model.rowCount()):
        for column in NodeColumn:
            tip = str(model.index(row, column).data(Qt.ItemDataRole.ToolTipRole))
            document = QTextDocument()
            document.setHtml(tip)
            assert "<b>" not in tip
            assert ("<b>" in document.toPlainText()) == (MARKUP in document.toPlainText())


def _error() -> ConfigurationError:
    return ConfigurationError(MARKUP, phase="configure")


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_closing_in_the_middle_of_everything_leaves_nothing(theme: Theme, tmp_path: Path) -> None:
    """No task, no socket, no file handle, no partial file, no thread, no unsaved change; within five seconds."""
    files = [write_instance(tmp_path / "big", number, pixel_bytes=8_000_000) for number in range(30)]
    config = tmp_path / "config"

    async def silent(peer: Peer) -> None:
        await peer.read_all()

    async with bad_server(silent) as server:
        gc.collect()
        handles, tasks, threads = open_files(), asyncio.all_tasks(), set(threading.enumerate())
        with AppContext() as context:
            reporter = Reporter()
            window = MainWindow(context, reporter, Configuration(SettingsStore(config), NodeStore(config).load()))
            window.show()
            await _start_everything(window, server.address, files, tmp_path)
            store = context.trace
            await reached(lambda: any(one.bytes_sent > 20_000_000 for one in store.associations()), "it sends", 60)
            window.nodes.editor.name.setText("Renamed at the last moment")
            window.nodes.apply()
            start = asyncio.get_running_loop().time()
            window.close()
            question = window.findChild(Question, "window_close")
            assert isinstance(question, Question), "it does not ask, although it sends"
            question.yes.click()
            await main.run_window(window)
            assert asyncio.get_running_loop().time() - start < main.SHUTDOWN_S
        assert not window.isVisible()
        assert reporter.count == 0
        assert not window._place.jobs.active_count
        window.deleteLater()
        assert asyncio.all_tasks() == tasks
        assert not list((tmp_path / "received").rglob("*.part"))
        assert not [t for t in set(threading.enumerate()) - threads if "files" in t.name]
        await reached(lambda: server.open == 0, "the echoes have hung up")
        await reached(lambda: open_files() <= handles, f"file handles back to {handles}")
    assert [node.name for node in NodeStore(config).load().nodes] == ["Renamed at the last moment"]
    assert not list(config.glob("*.tmp*"))


async def _start_everything(window: MainWindow, silent: str, files: list[Path], folder: Path) -> None:
    """A listener that receives what the same window sends, echoes that nobody answers, a scan, a dialog."""
    window.jobs.set_folded(False)
    window.dock.set_folded(False)
    window.listener.folder.setText(str(folder / "received"))
    window.listener.port.setText(str(peers.free_port()))
    window.listener.fsync.setChecked(False)
    window.listener.run()
    await reached(lambda: window.listener.is_running, "it listens")
    window.config.nodes.add(Node("Silent", PeerAddress.parse(silent)))
    window.config.nodes_edited()
    window.nodes.select("Silent")
    window.nodes.echo_all()
    await window.send.add_paths(files)
    window.send.peer.host.insert(f"DICOMGUI@127.0.0.1:{window.listener.port.text()}")
    window.send.run()
    window.echo.run()
    window.send.add_paths([folder])
    window.send.findChild(QPushButton, "send_add_files").click()
    window.ask_settings()
