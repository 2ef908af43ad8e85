"""The window as a whole: keys, panels, trace and jobs beside them, schemes, faults, small screens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from helpers.bad_peer import reached
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QApplication,
    QPushButton,
)
from pytestqt.qtbot import QtBot

from dicomgui.app.context import AppContext
from dicomgui.gui import main
from dicomgui.gui.look.theme import DARK, LIGHT, Theme, current_colors
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]


def railed(window: MainWindow) -> list[Panel]:
    """The panels that have a button of their own."""
    return [panel for panel in window.panels if panel.key in window.rail._buttons]


async def test_keys_change_the_panel(window: MainWindow, qtbot: QtBot) -> None:
    await qtbot_active(window)
    for number, panel in enumerate(railed(window), start=1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number % 10}"), Qt.KeyboardModifier.ControlModifier)
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
    for panel in railed(window):
        qtbot.mouseClick(window.rail._buttons[panel.key], Qt.MouseButton.LeftButton)
        assert window.panel is panel


async def test_the_rail_has_its_order(window: MainWindow) -> None:
    assert [panel.title for panel in railed(window)] == [
        "Home", "Nodes", "Echo", "Send", "Query", "Worklist", "N-services", "Listener", "Archive", "Trace",
    ]  # fmt: skip
    assert window.panel is window.home
    tips = [window.rail._buttons[panel.key].toolTip() for panel in railed(window)]
    assert tips[0] == "Home (Ctrl+1)"
    assert tips[-1] == "Trace (Ctrl+0)"


async def test_the_drawer_opens_and_closes_by_key_and_badge(window: MainWindow, qtbot: QtBot, press: Press) -> None:
    await qtbot_active(window)
    assert not window.jobs.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert window.jobs.isVisible()
    assert window.jobs.height() <= window.height() / 2
    await press(window.badge)
    assert not window.jobs.isVisible()


async def test_the_status_bar_says_how_the_listener_stands(window: MainWindow, listening: int) -> None:
    await reached(lambda: "Listening" in window.listener_status.text(), "it is said")
    assert window.listener_status.text() == f"Listening on 127.0.0.1:{listening} as DICOMGUI"
    await reached(lambda: "1 job" in window.badge.text(), "the badge counts it")
    window.listener.stop()
    await reached(lambda: window.listener_status.text() == "Not listening", "its end is said")


async def test_the_trace_docks_and_follows_the_job_of_the_panel(
    window: MainWindow, listening: int, qtbot: QtBot
) -> None:
    window.show_panel(window.echo)
    await qtbot_active(window)
    qtbot.keyClick(window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert not window.dock.is_folded
    window.echo.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    window.echo.run()
    await reached(lambda: not window.echo.is_busy, "the echo has ended")
    wanted = (window.echo._association,)
    await reached(lambda: window.dock.followed == wanted and window.dock.model.rowCount() > 5, "the dock shows it")
    window.show_panel(window.trace)
    assert not window.dock.isVisible()
    window.show_panel(window.nodes)
    assert window.dock.isVisible()
    await reached(lambda: window.dock.followed == wanted, "the last echo is there as well")


async def test_jobs_lead_to_their_trace(window: MainWindow, listening: int, press: Press) -> None:
    window.show_panel(window.echo)
    window.echo.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    window.echo.run()
    await reached(lambda: not window.echo.is_busy, "the echo has ended")
    job = window._place.jobs.all()[-1]
    window.jobs.set_folded(False)
    window.jobs.drain()
    window.jobs.select(job.number)
    await press(window.jobs.trace_button)
    assert window.panel is window.trace
    assert window.trace.chosen == set(job.associations)


@pytest.mark.parametrize("size", [(1280, 800), (960, 540), (720, 440)])
async def test_nothing_overlaps_in_a_small_window(window: MainWindow, size: tuple[int, int]) -> None:
    """960 × 540 points are a screen of 1920 × 1080 pixels at 200 %; what does not fit is scrolled to."""
    window.resize(*size)
    window.dock.set_folded(False)
    for panel in window.panels:
        window.show_panel(panel)
        await reached(panel.isVisible, "the panel is there")
        assert (window.width(), window.height()) == size
        await reached(lambda panel=panel: panel.height() >= panel.minimumSizeHint().height(), panel.key)


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


async def test_closing_asks_for_the_end_of_the_program(window: MainWindow) -> None:
    window.close()
    assert window.close_requested.is_set()
    assert window.isVisible()


def test_the_program_has_its_name(qapp: QApplication) -> None:
    main.dress(qapp)
    assert qapp.applicationName() == "dicomgui"
    assert not qapp.windowIcon().isNull()
