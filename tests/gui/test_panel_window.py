"""Panels are made when they are asked for, and fit in as if they had been there from the start."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from helpers.bad_peer import reached
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.context import AppContext
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.loading import _load_without_qt
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.shell.panel_window import PANELS

pytestmark = pytest.mark.qt

CODE = """
import asyncio, sys
from dicomgui.gui import main

wait = main.run_window

async def tell_and_end(window):
    print(*window.made, *(name for name in {heavy!r} if name in sys.modules))
    window.close()
    await wait(window)

main.run_window = tell_and_end
sys.exit(main.main())
"""


@pytest.fixture
async def fresh(theme: Theme, context: AppContext) -> MainWindow:
    """A window that nobody has touched; the test ends it."""
    window = MainWindow(context, Reporter())
    window.show()
    return window


async def end(window: MainWindow) -> None:
    await window.shut_down()
    window.deleteLater()


async def test_a_new_window_has_made_what_it_shows(fresh: MainWindow) -> None:
    assert list(fresh.made) == ["home"]
    assert fresh.panel is fresh.home
    await end(fresh)


async def test_each_panel_is_made_once_with_the_title_of_its_button(fresh: MainWindow) -> None:
    made = {key: fresh.panel_of(key) for key in reversed(PANELS)}
    assert {key: panel.title for key, panel in made.items()} == PANELS
    assert fresh.made == made
    assert fresh.panels == tuple(made[key] for key in PANELS)
    with pytest.raises(KeyError):
        fresh.panel_of("nothing")
    await end(fresh)


async def test_the_listener_comes_with_its_answers_and_its_settings(fresh: MainWindow) -> None:
    assert fresh.answers.desk is fresh.listener.desk
    fresh.listener.port.setText("4242")
    assert fresh.config.settings.listener.port == 4242
    await end(fresh)


async def test_a_panel_that_is_looked_at_leaves_the_others_alone(fresh: MainWindow) -> None:
    fresh.show_panel(fresh.echo)
    fresh._place.pump.drain()
    assert list(fresh.made) == ["home", "echo"]
    await end(fresh)


async def test_tab_goes_from_the_rail_through_a_panel_that_was_made_late(fresh: MainWindow, qtbot: QtBot) -> None:
    fresh.show_panel(fresh.echo)
    fresh.activateWindow()
    await reached(fresh.isActiveWindow, "the window is active")
    fresh.rail.help_button.setFocus()
    seen: list[QWidget | None] = []
    for _ in range(60):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        seen.append(QApplication.focusWidget())
    names = [widget.objectName() for widget in seen if widget is not None]
    turn = names[: names.index("rail_home")]
    assert turn[0] == "echo_called_ae"
    panel, below = turn[: turn.index("dock_fold")], turn[turn.index("dock_fold") :]
    assert {name.partition("_")[0] for name in panel} == {"echo"}
    assert below == ["dock_fold", "status_jobs"]
    await end(fresh)


async def test_a_node_that_was_echoed_says_so_in_a_list_that_is_made_later(window: MainWindow, listening: int) -> None:
    window.echo.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    window.echo.run()
    await reached(lambda: not window.echo.is_busy, "the echo has ended")
    assert "nodes" not in window.made
    [peer] = window._place.echoes
    window.config.nodes.add(Node("Ours", peer))
    assert window.nodes.model.status_of("Ours") is not None


def test_what_is_loaded_in_a_thread_is_without_qt() -> None:
    code = """
import sys, threading
from dicomgui.gui.shell import loading
names = loading._load_without_qt(threading.Event())
assert "dicomgui.app.practice.pacs" in sys.modules
assert not [name for name in sys.modules if name.startswith(("PySide6", "shiboken6"))]
print(*names)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    names = done.stdout.split()
    assert {f"dicomgui.gui.{key}.panel" for key in PANELS if key != "home"} <= set(names)
    assert "dicomgui.gui.viewer.keeper" in names


def test_nothing_more_is_loaded_when_the_window_has_ended() -> None:
    ended = threading.Event()
    ended.set()
    assert _load_without_qt(ended) == []


async def test_the_rest_is_loaded_while_the_window_is_in_use(window: MainWindow) -> None:
    await reached(lambda: not len(window.loading), "all is loaded", 60)
    assert "dicomgui.gui.help.window" in sys.modules
    assert "query" not in window.made  # it is loaded, not made


def test_the_window_opens_without_what_it_does_not_show() -> None:
    ours = ("dicomgui.gui.query.panel", "dicomgui.gui.viewer.keeper", "dicomgui.app.practice.pacs")
    heavy = ("pydicom", "numpy", *ours)
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(heavy=heavy)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["home"]


def test_what_judges_a_question_is_loaded_beside_the_window() -> None:
    code = """
import asyncio, sys, threading
from dicomgui.gui import main

wait, threads = main.run_window, []

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "pydicom":
            threads.append(threading.current_thread() is threading.main_thread())

sys.meta_path.insert(0, Finder())

async def show_and_end(window):
    for panel in (window.query, window.worklist):
        window.show_panel(panel)
        while not panel.form._is_judged:
            await asyncio.sleep(0.01)
    print(*threads, bool(window.worklist.form.remark.text()))
    window.close()
    await wait(window)

main.run_window = show_and_end
sys.exit(main.main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False"]


async def test_the_rail_names_its_panels_in_a_new_window_and_not_in_a_low_one(fresh: MainWindow) -> None:
    buttons = [*fresh.rail._buttons.values(), fresh.rail.settings_button, fresh.rail.help_button]
    assert {button.toolButtonStyle() for button in buttons} == {Qt.ToolButtonStyle.ToolButtonTextUnderIcon}
    assert all(button.height() >= button.sizeHint().height() for button in buttons), "no text is cut"
    fresh.resize(900, 500)
    await reached(lambda: fresh.rail.height() < 500, "it is low")
    assert {button.toolButtonStyle() for button in buttons} == {Qt.ToolButtonStyle.ToolButtonIconOnly}
    await end(fresh)
