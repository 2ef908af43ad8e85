"""Settings and nodes: read at the start, in force at once, written in a worker thread, all of it before the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QMainWindow, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.configuration.settings import Settings, SettingsError, Theme
from dicomgui.app.context import AppContext
from dicomgui.gui import main
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look import theme
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.geometry import WindowPlace
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.shell.settings_dialog import SettingsDialog
from dicomgui.network.association.params import AETitle, PeerAddress

pytestmark = pytest.mark.qt
Make = Callable[[], MainWindow]


@pytest.fixture
def make(theme: theme.Theme, context: AppContext, tmp_path: Path) -> Make:
    """A window over files in a folder of their own."""

    def do() -> MainWindow:
        window = MainWindow(context, Reporter(), Configuration.load(tmp_path / "config"))
        window.show()
        return window

    return do


async def end(window: MainWindow) -> None:
    await window.shut_down()
    window.deleteLater()


async def test_what_is_set_is_there_the_next_time(make: Make, tmp_path: Path) -> None:
    window = make()
    assert window.listener.folder.text() == str(tmp_path / "config" / "received")
    window.listener.port.setText("4242")
    window.listener.title_edit.setText("MYARCHIVE")
    window.listener.folder.setText(str(tmp_path / "elsewhere"))
    window.listener.fsync.setChecked(False)
    window.listener.host.setCurrentIndex(1)
    window.config.nodes.add(Node("放射科", PeerAddress(AETitle("PACS"), "here")))
    window.config.nodes_edited()
    await end(window)
    window = make()
    listener = window.listener
    assert (listener.port.text(), listener.title_edit.text()) == ("4242", "MYARCHIVE")
    assert listener.folder.text() == str(tmp_path / "elsewhere")
    assert not listener.fsync.isChecked()
    assert listener.host.currentIndex() == 1
    assert [node.name for node in window.nodes.model.nodes] == ["放射科"]
    await end(window)


async def test_what_is_unusable_is_not_kept(make: Make) -> None:
    window = make()
    window.listener.port.setText("4242")
    window.listener.port.setText("x")
    window.listener.title_edit.setText("MUCH_TOO_LONG_FOR_IT")
    assert window.config.settings.listener.port == 4242
    assert window.config.settings.listener.ae_title == "DICOMGUI"
    await end(window)


async def test_a_change_is_written_soon_and_not_only_at_the_end(make: Make, tmp_path: Path) -> None:
    window = make()
    window.listener.port.setText("4242")
    path = tmp_path / "config" / "settings.toml"
    await reached(lambda: path.is_file() and "4242" in path.read_text("utf-8"), "it is written")
    await end(window)


async def test_a_file_that_is_broken_is_said_in_the_banner(make: Make, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.toml").write_text("<b>no toml", "utf-8")
    window = make()
    await reached(window.banner.isVisible, "the banner is there")
    assert "settings.toml" in window.banner.text.text()
    assert "fault of this program" not in window.banner.text.text()
    await end(window)


async def test_what_cannot_be_written_is_said_and_the_window_goes_on(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make()
    assert window.config.store is not None

    def fail(settings: Settings) -> None:
        raise SettingsError("the disk is full", hint="Make room.")

    monkeypatch.setattr(window.config.store, "save", fail)
    window.listener.port.setText("4242")
    await reached(window.banner.isVisible, "the banner is there")
    assert window.banner.text.text() == "the disk is full. Make room."
    assert window.config.settings.listener.port == 4242
    await end(window)


async def ask(window: MainWindow) -> SettingsDialog:
    window.rail.settings_button.click()
    window.ask_settings()
    [dialog] = window.findChildren(SettingsDialog)
    await reached(dialog.isVisible, "the settings are open")
    return dialog


async def test_settings_are_changed_in_their_dialog(make: Make, qtbot: QtBot) -> None:
    window = make()
    dialog = await ask(window)
    assert dialog.path.text().endswith("settings.toml")
    dialog.calling.setText("MYSELF")
    dialog.theme.setCurrentIndex(dialog.theme.findData(Theme.DARK))
    dialog.options.edits["connect_s"].setText("2")
    dialog.options.edits["response_s"].setText("never")
    dialog.options.edits["cancel_s"].setText("60")
    dialog.options.edits["max_pdu"].setText("0")
    dialog.trace_full.setChecked(True)
    qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    settings = window.config.settings
    assert (settings.calling_ae, settings.theme, settings.max_pdu_length) == ("MYSELF", Theme.DARK, 0)
    times = settings.timeouts
    assert (times.connect_s, times.response_s, times.cancel_s) == (2.0, None, 60.0)
    assert settings.trace_full
    assert window.echo.peer.calling.text() == "MYSELF"
    assert window.nodes.editor.calling.placeholderText() == "as usual: MYSELF"
    await reached(lambda: not window.findChildren(SettingsDialog), "the dialog is gone")
    await end(window)
    window = make()
    dialog = await ask(window)
    assert dialog.settings() == settings
    dialog.reject()
    await end(window)


async def test_wrong_settings_are_said_and_not_kept(make: Make, qtbot: QtBot) -> None:
    window = make()
    dialog = await ask(window)
    dialog.calling.setText("")
    qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    assert "empty" in dialog.problem_text.text()
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert window.config.settings.calling_ae == "DICOMGUI"
    await end(window)


async def test_without_files_nothing_is_written(window: MainWindow, tmp_path: Path) -> None:
    config = window.config
    assert config.store is None
    config.change(replace(config.settings, trace_full=True))
    config.nodes.add(Node("PACS", PeerAddress(AETitle("PACS"), "here")))
    config.nodes_edited()
    await config.shut_down()
    assert not config.nodes.path.exists()
    window.ask_settings()
    [dialog] = window.findChildren(SettingsDialog)
    assert dialog.findChild(QPushButton, "settings_save") is dialog.save_button
    dialog.reject()


async def test_the_colours_follow_the_settings(theme: theme.Theme, window: MainWindow) -> None:
    from dicomgui.gui.look.theme import DARK, LIGHT, current_colors

    main.follow_settings(theme, window.config)
    try:
        for scheme, colors in ((Theme.DARK, DARK), (Theme.LIGHT, LIGHT)):
            window.config.change(replace(window.config.settings, theme=scheme))
            assert current_colors() is colors
    finally:
        theme.use(None)


def test_the_place_of_the_window_is_kept_apart(qtbot: QtBot, tmp_path: Path) -> None:
    config = Configuration.load(tmp_path)
    for size in (None, (701, 501)):
        window = QMainWindow()
        qtbot.addWidget(window)
        window.resize(600, 400)
        WindowPlace.of(config).restore(window)
        if size is not None:
            assert (window.width(), window.height()) == size
        window.resize(701, 501)
        WindowPlace.of(config).save(window)
    assert QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat).allKeys() == ["geometry"]
    assert WindowPlace.of(Configuration())._settings.organizationName() == "dicomgui"
