"""Somebody clicks and types at random while much is received: no exception, nothing left behind.

What it does comes from a seed, so that a failure can be played again: ``MONKEY_SEED=… MONKEY_S=…``.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMenu,
    QWidget,
)
from pytestqt.qtbot import QtBot

from dicomgui.app.context import AppContext
from dicomgui.gui.drive.sample import write_sample
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import InstanceFile, connect, presets
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.part10 import read_head

# What an off-screen window cannot do is no fault of the program.
pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]

TEXTS = ("", "127.0.0.1", "PACS@127.0.0.1:1", "<b>x</b>", "0", "99999", "A" * 70, "../..", "\u202eabc", "zz")
KEYS = (
    Qt.Key.Key_Tab, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_End, Qt.Key.Key_Home, Qt.Key.Key_F5, Qt.Key.Key_F6,
    Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Delete, Qt.Key.Key_PageDown, Qt.Key.Key_Space,
)  # fmt: skip
CONTROL_KEYS = tuple(Qt.Key(ord(letter)) for letter in "12345678GTJCVNAF,")
SHUTTING = "listener_host"  # the one field left alone: nothing listens on all networks because of a test


class Monkey:
    """Acts on whatever can be seen."""

    def __init__(self, qtbot: QtBot, window: MainWindow, sample: Path, seed: int) -> None:
        self._qtbot = qtbot
        self._window = window
        self._sample = sample
        self._chance = random.Random(seed)
        self.done: list[str] = []
        self._actions: tuple[Callable[[], str], ...] = (
            self._click, self._click, self._type, self._press_key, self._press_key, self._choose, self._point_at_row,
            self._add_files, self._resize,
        )  # fmt: skip

    def act(self) -> None:
        """Do one thing."""
        if self._window.isEnabled():
            self.done.append(self._chance.choice(self._actions)())

    def _visible(self, *kinds: type[QWidget]) -> list[QWidget]:
        """What could be reached with the mouse: below a dialog nothing."""
        dialogs = [dialog for dialog in self._window.findChildren(QDialog) if dialog.isVisible()]
        root: QWidget = dialogs[-1] if dialogs else self._window
        found = [widget for kind in kinds for widget in root.findChildren(kind)]
        return [w for w in found if w.isVisible() and w.isEnabled() and w.objectName() != SHUTTING]

    def _click(self) -> str:
        self._end_dialogs()
        buttons = [button for button in self._visible(QAbstractButton) if not self._belongs_to_dialog(button)]
        if not buttons:
            return "nothing to click"
        button = self._chance.choice(buttons)
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        return f"click {button.objectName()}"

    def _belongs_to_dialog(self, widget: QWidget) -> bool:
        return isinstance(widget.window(), QFileDialog)

    def _end_dialogs(self) -> None:
        """A dialog is left after a while, most often by its cancel button; a menu closes."""
        for menu in self._window.findChildren(QMenu):
            menu.close()
        for dialog in self._window.findChildren(QDialog):
            if dialog.isVisible() and (isinstance(dialog, QFileDialog) or self._chance.random() < 0.3):
                dialog.reject()

    def _type(self) -> str:
        edits = self._visible(QLineEdit)
        if not edits:
            return "nothing to type into"
        edit = self._chance.choice(edits)
        assert isinstance(edit, QLineEdit)
        if "folder" in edit.objectName() or self._belongs_to_dialog(edit):
            return "left a folder alone"
        edit.selectAll()
        text = self._chance.choice(TEXTS)
        if text.isascii():
            self._qtbot.keyClicks(edit, text)
        else:  # QtTest knows no such keys
            edit.insert(text)
        return f"type {text!r} into {edit.objectName()}"

    def _press_key(self) -> str:
        widget = QApplication.focusWidget() or self._window
        if self._belongs_to_dialog(widget):
            return "left a dialog alone"
        if self._chance.random() < 0.4:
            key, with_key = self._chance.choice(CONTROL_KEYS), Qt.KeyboardModifier.ControlModifier
        else:
            key, with_key = self._chance.choice(KEYS), Qt.KeyboardModifier.NoModifier
        self._qtbot.keyClick(widget, key, with_key)
        return f"key {key.name} in {widget.objectName()}"

    def _choose(self) -> str:
        choices = self._visible(QComboBox)
        if not choices:
            return "nothing to choose"
        choice = self._chance.choice(choices)
        assert isinstance(choice, QComboBox)
        if not choice.count() or self._belongs_to_dialog(choice):
            return "an empty choice"
        row = self._chance.randrange(choice.count())
        choice.setCurrentIndex(row)
        choice.activated.emit(row)
        return f"choose {row} in {choice.objectName()}"

    def _point_at_row(self) -> str:
        views = self._visible(QAbstractItemView)
        if not views:
            return "no list"
        view = self._chance.choice(views)
        assert isinstance(view, QAbstractItemView)
        area = view.viewport().rect()
        if area.isEmpty() or self._belongs_to_dialog(view):
            return "an empty list"
        place = QPoint(self._chance.randrange(area.width()), self._chance.randrange(area.height()))
        if self._chance.random() < 0.2:
            view.customContextMenuRequested.emit(place)
            return f"menu of {view.objectName()}"
        self._qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        return f"click into {view.objectName()}"

    def _add_files(self) -> str:
        if self._chance.random() < 0.2:
            self._window.send.add_paths([self._sample.parent])
            return "add files"
        return "add nothing"

    def _resize(self) -> str:
        self._window.resize(self._chance.randrange(720, 1600), self._chance.randrange(440, 1000))
        return "resize"


async def keep_sending(window: MainWindow, sample: Path, until: float) -> int:
    """Send to our own listener again and again, whenever it is on; it may go off at any moment."""
    head, sent = read_head(sample), 0
    contexts = presets.for_instances([(head.sop_class_uid, head.transfer_syntax_uid)])
    while time.monotonic() < until:
        listener = window.listener.listener
        if listener is None or not listener.is_running:
            await reached(lambda: time.monotonic() >= until or window.listener.is_running, "it is on", seconds=3600)
            continue
        try:
            title = listener.options.ae_title
            async with connect(f"{title}@127.0.0.1:{listener.port}", contexts=contexts) as association:
                for _ in range(20):
                    await association.store(InstanceFile(sample, head))
                    sent += 1
        except (DicomNetworkError, OSError):
            pass  # the listener was stopped, or the association aborted by a click
    return sent


def switch_on(window: MainWindow) -> None:
    """Give the listener what it needs, so that there is traffic again."""
    panel = window.listener
    if panel.start_button.isEnabled():
        panel.title_edit.setText("DICOMGUI")
        panel.port.setText(str(peers.free_port()))
        panel.run()


async def play(qtbot: QtBot, tmp_path: Path, seconds: float, seed: int) -> None:
    reporter = Reporter()
    reporter.install(asyncio.get_running_loop())
    folder = tmp_path / "samples"
    folder.mkdir()
    sample = await asyncio.to_thread(write_sample, folder)
    (folder / "no.txt").write_text("no DICOM")
    monkey: Monkey | None = None
    try:
        with AppContext() as context:
            window = MainWindow(context, reporter)
            window.listener.folder.setText(str(tmp_path / "received"))
            window.listener.port.setText(str(peers.free_port()))
            window.show()
            window.show_panel(window.listener)
            window.listener.start_button.click()
            monkey = Monkey(qtbot, window, sample, seed)
            until = time.monotonic() + seconds
            try:
                async with asyncio.TaskGroup() as group:
                    sending = group.create_task(keep_sending(window, sample, until), name="traffic")
                    while time.monotonic() < until:
                        monkey.act()
                        if len(monkey.done) % 200 == 0:
                            switch_on(window)
                        await after(0.01)
            finally:
                for dialog in window.findChildren(QDialog):
                    dialog.reject()
                await window.shut_down()
                window.deleteLater()
            assert sending.result() > 0
    finally:
        reporter.uninstall()
        if reporter.count and monkey is not None:
            print(f"seed {seed}, {len(monkey.done)} actions; the last: {monkey.done[-30:]}")
    assert reporter.drain() == []


async def after(seconds: float) -> None:
    """Give the window its time; nothing is waited for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    handle = loop.call_later(seconds, done.set_result, None)
    try:
        await done
    finally:
        handle.cancel()


def seed_of_today() -> int:
    return int(os.environ.get("MONKEY_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where everything lies; at the end nothing half received is in it."""
    yield tmp_path
    assert not list(tmp_path.rglob("*.part"))


async def test_twenty_seconds(qtbot: QtBot, theme: Theme, folder: Path) -> None:
    await play(qtbot, folder, float(os.environ.get("MONKEY_S", "20")), seed_of_today())


@pytest.mark.long
@pytest.mark.timeout(2400)
async def test_thirty_minutes(qtbot: QtBot, theme: Theme, folder: Path) -> None:
    await play(qtbot, folder, 1800.0, seed_of_today())
