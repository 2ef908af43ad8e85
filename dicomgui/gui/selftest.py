"""The checks of an installation that need Qt: the platform, a window, fonts, icons, its translations and its TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator, qVersion
from PySide6.QtGui import QFontDatabase, QFontMetrics, QImage
from PySide6.QtWidgets import QApplication

from dicomgui.app.context import AppContext
from dicomgui.app.selftest import Check, CheckFailed, check
from dicomgui.gui.look import icons
from dicomgui.gui.main import dress
from dicomgui.gui.running.loop import new_event_loop
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow

__all__ = ["run_window_checks"]


def run_window_checks(tell: Callable[[Check], None]) -> None:
    """Do the checks on Qt's event loop, and tell each."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_checks(tell))


async def _checks(tell: Callable[[Check], None]) -> None:
    for name, work in (
        ("Qt", _platform),
        ("fonts", _fonts),
        ("icons", _icons),
        ("translations of Qt", _translations),
        ("window", _window),
    ):
        tell(await check(name, work))


async def _platform() -> str:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    dress(app)
    screen = app.primaryScreen()
    size = f"{screen.size().width()} × {screen.size().height()}" if screen is not None else "no screen"
    return f"Qt {qVersion()}, platform {app.platformName()}, {size}"


async def _fonts() -> str:
    families = QFontDatabase.families()
    if not families:
        raise CheckFailed("there is no font at all: install one, such as DejaVu Sans")
    metrics = QFontMetrics(QApplication.font())
    if not metrics.horizontalAdvance("Patient"):
        raise CheckFailed("text has no width")
    chinese = QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese)
    return f"{len(families)} families, {'some' if chinese else 'none'} for Chinese"


async def _icons() -> str:
    icon = icons.app_icon()
    image = icon.pixmap(64, 64).toImage().convertToFormat(QImage.Format.Format_ARGB32)
    colors = {image.pixel(x, y) for x in range(0, image.width(), 4) for y in range(0, image.height(), 4)}
    if len(colors) < 2:
        raise CheckFailed("the icon of the program is not drawn: Qt's SVG is missing")
    return f"drawn, {image.width()} × {image.height()}"


async def _translations() -> str:
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    lacking = [name for name in ("en", "zh_CN") if not QTranslator().load(QLocale(name), "qtbase", "_", folder)]
    if lacking:
        raise CheckFailed(f"those of Qt for {', '.join(lacking)} are missing")
    return "English and Chinese"


async def _window() -> str:
    reporter = Reporter()
    reporter.install(asyncio.get_running_loop())
    try:
        with AppContext() as context:
            window = MainWindow(context, reporter)
            try:
                window.show()
                for panel in window.panels:
                    window.show_panel(panel)
                    await asyncio.sleep(0)
                image = window.grab().toImage()
                if image.isNull():
                    raise CheckFailed("it cannot be drawn")
                panels = len(window.panels)
            finally:
                await window.shut_down()
    finally:
        reporter.uninstall()
    if reporter.count:
        raise CheckFailed(f"the program reported {reporter.count} faults of its own")
    return f"{panels} panels drawn"
