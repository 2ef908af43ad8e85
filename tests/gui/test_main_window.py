"""The window as a whole: keys, names, schemes, faults, and its end in the middle of everything."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import open_files, reached
from helpers.instances import write_instance
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollBar,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from dicomgui.app.context import AppContext
from dicomgui.gui import main
from dicomgui.gui.main_window import MainWindow
from dicomgui.gui.reporter import Reporter
from dicomgui.gui.theme import DARK, LIGHT, Theme, current_colors
from dicomgui.gui.widgets.hex_view import HexView

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
INTERACTIVE = (QAbstractButton, QLineEdit, QComboBox, QAbstractItemView, QProgressBar, HexView)


def ours(window: MainWindow) -> list[QWidget]:
    """The widgets that we made: not the parts that Qt makes of them."""
    made = []
    for widget in window.findChildren(QWidget):
        inside = [parent for parent in INTERACTIVE if isinstance(widget.parent(), parent)]
        if not inside and not isinstance(widget, QHeaderView | QScrollBar) and widget.window() is window:
            made.append(widget)
    return made


async def test_keys_change_the_panel(window: MainWindow, qtbot: QtBot) -> None:
    await qtbot_active(window)
    for number, panel in enumerate(window.panels, start=1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        assert window.panel is panel
        assert window.rail._buttons[panel.key].isChecked()


async def qtbot_active(window: MainWindow) -> None:
    window.activateWindow()
    await reached(window.isActiveWindow, "the window is active")


async def test_f5_runs_and_esc_cancels(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    for panel in window.panels:
        monkeypatch.setattr(panel, "run", lambda key=panel.key: called.append(f"run {key}"))
        monkeypatch.setattr(panel, "cancel", lambda key=panel.key: called.append(f"cancel {key}"))
    await qtbot_active(window)
    window.show_panel(window.send)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert called == ["run send", "cancel send"]


async def test_the_rail_changes_the_panel(window: MainWindow, qtbot: QtBot) -> None:
    for panel in window.panels:
        qtbot.mouseClick(window.rail._buttons[panel.key], Qt.MouseButton.LeftButton)
        assert window.panel is panel


async def test_all_interactive_widgets_have_names(window: MainWindow) -> None:
    widgets = [widget for widget in ours(window) if isinstance(widget, INTERACTIVE)]
    assert len(widgets) > 40
    nameless = [repr(widget) for widget in widgets if not widget.objectName()]
    mute = [widget.objectName() for widget in widgets if not widget.accessibleName() and widget.isVisibleTo(window)]
    assert not nameless
    assert set(mute) <= {"trace_new_rows"}
    names = [widget.objectName() for widget in widgets]
    assert len(names) == len(set(names))


async def test_all_interactive_widgets_take_the_keyboard(window: MainWindow) -> None:
    for widget in ours(window):
        if isinstance(widget, INTERACTIVE) and not isinstance(widget, QProgressBar):
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, widget.objectName()


async def test_mnemonics_are_unique_within_a_panel(window: MainWindow) -> None:
    for panel in window.panels:
        texts = [w.text() for w in panel.findChildren(QAbstractButton) if "&" in w.text()]
        texts += [label.text() for label in panel.findChildren(QLabel) if label.buddy() is not None]
        keys = [text[text.index("&") + 1].lower() for text in texts]
        assert len(keys) == len(set(keys)), (panel.key, sorted(keys))


async def test_no_label_takes_markup(window: MainWindow) -> None:
    assert not window.findChildren(QTextEdit)
    rich = [label for label in window.findChildren(QLabel)
            if label.pixmap().isNull() and label.textFormat() is not Qt.TextFormat.PlainText]  # fmt: skip
    assert not [label for label in rich if label.text()]


async def test_light_and_dark_at_run_time(window: MainWindow, theme: Theme) -> None:
    try:
        pictures = []
        for scheme, colors in ((Qt.ColorScheme.Dark, DARK), (Qt.ColorScheme.Light, LIGHT)):
            theme.use(scheme)
            assert current_colors() is colors
            pictures.append(window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32))
        dark, light = (picture.pixelColor(picture.width() // 2, picture.height() // 2) for picture in pictures)
        assert dark.lightness() < 60 < 200 < light.lightness()
    finally:
        theme.use(None)


async def test_a_fault_of_the_program_is_a_banner_that_stops_nobody(
    context: AppContext, theme: Theme, press: Press
) -> None:
    reporter = Reporter()
    window = MainWindow(context, reporter)
    window.show()
    for number in range(2):
        reporter.report("painting failed", ValueError(f"<b>{number}</b>"))
    await reached(window.banner.isVisible, "the banner is there")
    assert "<b>1</b>" in window.banner.text.text()
    assert "2 faults" in window.banner.text.text()
    await press(window.banner.dismiss)
    assert not window.banner.isVisible()
    await window.shut_down()
    window.deleteLater()


async def test_closing_asks_first(window: MainWindow) -> None:
    window.close()
    assert window.close_requested.is_set()
    assert window.isVisible()


async def test_closing_in_the_middle_of_a_transfer_leaves_nothing(
    theme: Theme, tmp_path: Path, listening_window: Callable[[AppContext], Awaitable[MainWindow]]
) -> None:
    """No task, no socket, no file handle, no partial file, no thread; within five seconds."""
    files = [write_instance(tmp_path / "big", number, pixel_bytes=8_000_000) for number in range(30)]
    gc.collect()
    handles, tasks, threads = open_files(), asyncio.all_tasks(), set(threading.enumerate())
    with AppContext() as context:
        window = await listening_window(context)
        await window.send.add_paths(files)
        window.send.peer.host.insert(f"DICOMGUI@127.0.0.1:{window.listener.port.text()}")
        window.send.run()
        window.echo.run()
        store = context.trace
        await reached(lambda: any(one.bytes_sent > 20_000_000 for one in store.associations()), "it is under way", 60)
        start = asyncio.get_running_loop().time()
        window.close()
        await main.run_window(window)
        assert asyncio.get_running_loop().time() - start < main.SHUTDOWN_S
    assert not window.isVisible()
    window.deleteLater()
    assert asyncio.all_tasks() == tasks
    assert not list((tmp_path / "received").rglob("*.part"))
    assert not [t for t in set(threading.enumerate()) - threads if "files" in t.name]
    await reached(lambda: open_files() <= handles, f"file handles back to {handles}")


@pytest.fixture
def listening_window(tmp_path: Path) -> Callable[[AppContext], Awaitable[MainWindow]]:
    async def make(context: AppContext) -> MainWindow:
        window = MainWindow(context, Reporter())
        window.show()
        window.listener.folder.setText(str(tmp_path / "received"))
        window.listener.port.setText(str(peers.free_port()))
        window.listener.fsync.setChecked(False)
        window.listener.run()
        await reached(lambda: window.listener.is_running, "it listens")
        return window

    return make


def test_the_program_has_its_name(qapp: QApplication) -> None:
    main.dress(qapp)
    assert qapp.applicationName() == "dicomgui"
    assert not qapp.windowIcon().isNull()
