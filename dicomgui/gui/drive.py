"""The same window, driven: for a machine without a display, and to see at once whether everything works.

It presses the window's own buttons: start the listener, echo it, send it a sample, look at the trace, stop. Each step
is printed with its result and leaves a picture.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication, QPushButton

from dicomgui.app.context import AppContext
from dicomgui.gui.loop import new_event_loop
from dicomgui.gui.main import dress
from dicomgui.gui.main_window import MainWindow
from dicomgui.gui.models.trace_model import Column
from dicomgui.gui.reporter import Reporter
from dicomgui.gui.sample import write_sample

__all__ = ["StepFailed", "run_drive"]

STEP_S = 20.0
"""How long the window may take to get to where a step wants it."""

_POLL_S = 0.02


class StepFailed(Exception):
    """What a step wanted did not come about; the text says what."""


def run_drive(folder: Path) -> int:
    """Drive the window through its steps; gives 0 when all were done, 1 when one failed.

    :param folder: where the pictures go; made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_drive(folder))


async def _drive(folder: Path) -> int:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    dress(app)
    reporter = Reporter()
    reporter.install(asyncio.get_running_loop())
    with tempfile.TemporaryDirectory(prefix="dicomgui-") as temporary, AppContext() as context:
        window = MainWindow(context, reporter)
        window.resize(1280, 800)
        window.show()
        driver = _Driver(window, folder, Path(temporary))
        try:
            ok = await driver.run_all()
        finally:
            await window.shut_down()
            reporter.uninstall()
    if reporter.count:
        _say(f"FAILED  the program reported {reporter.count} faults of its own; they are in the log")
    _say(f"pictures are in {folder}")
    return 0 if ok and not reporter.count else 1


class _Driver:
    """The steps, in order; each raises :class:`StepFailed` or gives one line about its result."""

    def __init__(self, window: MainWindow, folder: Path, temporary: Path) -> None:
        self._window = window
        self._folder = folder
        self._temporary = temporary
        self._number = 0

    async def run_all(self) -> bool:
        """Run the steps until one fails; whether all were done."""
        steps: tuple[tuple[str, Callable[[], Awaitable[str]]], ...] = (
            ("open the window", self._open),
            ("start the listener", self._start_listener),
            ("echo it", self._echo),
            ("send it a sample", self._send),
            ("look at what was received", self._received),
            ("read the trace", self._trace),
            ("stop the listener", self._stop_listener),
        )
        for name, step in steps:
            started = time.perf_counter()
            try:
                result = await step()
            except Exception as error:
                reason = str(error) if isinstance(error, StepFailed) else f"{type(error).__name__}: {error}"
                await self._picture(f"{name} failed")
                _say(f"FAILED  {name}: {reason}")
                return False
            await self._picture(name)
            _say(f"ok      {name}: {result} ({(time.perf_counter() - started) * 1000:.0f} ms)")
        return True

    # steps

    async def _open(self) -> str:
        window = self._window
        await _until(window.isVisible, "the window did not open")
        return f"{window.width()} × {window.height()}, {len(window.panels)} panels"

    async def _start_listener(self) -> str:
        panel = self._window.listener
        self._window.show_panel(panel)
        panel.port.setText(str(await _free_port()))
        panel.folder.setText(str(self._temporary / "received"))
        _press(panel.start_button)
        await _until(lambda: panel.is_running or bool(panel.findings.cards), "the listener did not start")
        if not panel.is_running:
            raise StepFailed(panel.findings.cards[0].accessibleName())
        return panel.status_text

    async def _echo(self) -> str:
        panel = self._window.echo
        self._window.show_panel(panel)
        panel.peer.host.setText(f"DICOMGUI@127.0.0.1:{self._window.listener.port.text()}")
        _press(panel.run_button)
        await _until(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the echo did not end")
        if panel.findings.cards:
            raise StepFailed(panel.findings.cards[0].accessibleName())
        if not panel.facts.texts["Status"].startswith("0x0000"):
            raise StepFailed(panel.headline.text())
        return f"{panel.headline.text()}, {panel.facts.texts['Round trip']}"

    async def _send(self) -> str:
        panel = self._window.send
        self._window.show_panel(panel)
        loop = asyncio.get_running_loop()
        path = await loop.run_in_executor(None, write_sample, self._temporary)
        await panel.add_paths([path])
        _press(panel.run_button)
        await _until(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the send did not end")
        if panel.model.state_of(0) != "sent":
            raise StepFailed(panel.status.text())
        return panel.status.text()

    async def _received(self) -> str:
        panel = self._window.listener
        self._window.show_panel(panel)
        await _until(lambda: panel.model.rowCount() >= 2, "the listener does not show what came")
        stored = [path for path in (self._temporary / "received").rglob("*.dcm") if path.is_file()]
        if len(stored) != 1:
            raise StepFailed(f"{len(stored)} files are in the folder, not 1")
        return f"{panel.counts.text()}; {stored[0].name}"

    async def _trace(self) -> str:
        panel = self._window.trace
        self._window.show_panel(panel)
        await _until(lambda: panel.model.rowCount() > 0 and not panel.model.is_behind, "the trace is empty")
        kinds = [panel.model.index(row, Column.KIND).data() for row in range(panel.model.rowCount())]
        for wanted in ("A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "P-DATA-TF", "A-RELEASE-RQ", "A-RELEASE-RP"):
            if wanted not in kinds:
                raise StepFailed(f"there is no {wanted} in the trace")
        panel.table.selectRow(kinds.index("P-DATA-TF"))
        root = panel.tree_model.index(0, 0)
        if root.data() != "P-DATA-TF" or not panel.tree_model.rowCount(root):
            raise StepFailed("the selected PDU is not shown as a tree")
        return f"{len(kinds)} rows, {kinds.count('P-DATA-TF')} of them P-DATA-TF"

    async def _stop_listener(self) -> str:
        panel = self._window.listener
        self._window.show_panel(panel)
        _press(panel.stop_button)
        await _until(lambda: not panel.is_running and panel.start_button.isEnabled(), "the listener did not stop")
        return panel.status_text

    async def _picture(self, name: str) -> None:
        self._number += 1
        await asyncio.sleep(_POLL_S * 5)  # two ticks of the pump, so that the picture shows what is there
        path = self._folder / f"{self._number:02d}-{name.replace(' ', '-')}.png"
        if not self._window.grab().save(str(path)):
            raise StepFailed(f"the picture {path} could not be written")


def _press(button: QPushButton) -> None:
    """Press a button as a user could: only one that can be seen and is enabled."""
    if not button.isEnabled() or not button.isVisible():
        raise StepFailed(f"the button {button.accessibleName()} cannot be pressed")
    button.click()


async def _until(done: Callable[[], bool], problem: str) -> None:
    """Wait until ``done``; the window goes on meanwhile."""
    end = time.monotonic() + STEP_S
    while not done():
        if time.monotonic() > end:
            raise StepFailed(problem)
        await asyncio.sleep(_POLL_S)


async def _free_port() -> int:
    """A port that nobody listens on at this moment."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    return port


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
