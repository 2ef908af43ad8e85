"""Starting and ending the window."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from dicomgui.app.collector import keep_what_is_loaded
from dicomgui.app.configuration.settings import Theme as Scheme
from dicomgui.app.context import AppContext
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look import icons
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.running.loop import new_event_loop
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.geometry import WindowPlace
from dicomgui.gui.shell.main_window import MainWindow

__all__ = ["SHUTDOWN_S", "main", "run_window"]

_log = logging.getLogger(__name__)

SHUTDOWN_S = 5.0
"""How long the end may take; what has not ended by then is left to the operating system."""


def main(files: Sequence[Path] = ()) -> int:
    """Open the window and stay until it is closed; gives the exit code.

    :param files: taken as if they had been dropped on the window.
    """
    if sys.stderr is not None:  # there is none in a windowed program on Windows
        faulthandler.enable()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(_main(files))
    except KeyboardInterrupt:
        return 130


async def _main(files: Sequence[Path]) -> int:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme = dress(app)
    config = Configuration.load()
    follow_settings(theme, config)
    reporter = Reporter()
    reporter.install(asyncio.get_running_loop())
    try:
        with AppContext() as context:
            window = MainWindow(context, reporter, config)
            where = WindowPlace.of(config)
            where.restore(window)
            window.show()
            if files:
                window.home.take_drop(list(files))
            window.lasts = True
            keep_what_is_loaded()
            try:
                await run_window(window)
            finally:
                where.save(window)
    finally:
        reporter.uninstall()
    return 0


_SCHEMES = {Scheme.SYSTEM: None, Scheme.LIGHT: Qt.ColorScheme.Light, Scheme.DARK: Qt.ColorScheme.Dark}


def follow_settings(theme: Theme, config: Configuration) -> None:
    """Give the application the colours that the settings name, now and whenever they change."""

    def use() -> None:
        theme.use(_SCHEMES[config.settings.theme])

    config.settings_changed.connect(use)
    use()


def dress(app: QApplication) -> Theme:
    """Give the application its name, icon and colours."""
    app.setApplicationName("dicomgui")
    app.setApplicationDisplayName("dicomgui")
    app.setDesktopFileName("org.dicomgui.dicomgui")
    app.setWindowIcon(icons.app_icon())
    return Theme(app)


async def run_window(window: MainWindow) -> None:
    """Wait until the window is to be closed, by the user or by Ctrl+C, then end what it does within 5 seconds."""
    loop = asyncio.get_running_loop()
    signals = [signal.SIGINT, signal.SIGTERM]
    handled = []
    for number in signals:
        # Not on Windows: there asyncio.Runner cancels this task, which ends the same way.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, window.close_requested.set)
            handled.append(number)
    try:
        await window.close_requested.wait()
    finally:
        try:
            async with asyncio.timeout(SHUTDOWN_S):
                await window.shut_down()
        except TimeoutError:
            _log.error("not everything had ended after %g s", SHUTDOWN_S)
        for number in handled:
            loop.remove_signal_handler(number)
