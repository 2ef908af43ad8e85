"""The same window, driven: for a machine without a display, and to see at once whether everything works.

It presses the window's own buttons: start the listener, keep it as a node, echo it, send it a sample, read the trace;
start the practice PACS and take the five first steps with it, ask for its worklist, begin and complete a step, push and
read a unified one, and open an image in a window of its own; then talk to DCMTK's storescp, storescu and echoscu where
they are installed. Each step is printed with its result and leaves a picture.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import QProcess, QProcessEnvironment
from PySide6.QtWidgets import QApplication, QWidget

from dicomgui.app.context import AppContext
from dicomgui.gui.drive.pressing import POLL_S, STEP_S, StepFailed, press, until
from dicomgui.gui.drive.sample import write_sample
from dicomgui.gui.drive.services import ServiceSteps, choose_node
from dicomgui.gui.home.steps_strip import FirstStep
from dicomgui.gui.main import dress
from dicomgui.gui.running.loop import new_event_loop
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.shell.panel_window import PANELS
from dicomgui.gui.trace.listing.columns import Column
from dicomgui.trace.filter import Zoom
from dicomgui.trace.finding import plain

__all__ = ["StepFailed", "run_drive"]


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
    if app.platformName() == "offscreen":
        _say("driving the window off screen")
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
            driver.end_programs()
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
        self._seen: QWidget | None = None
        self._sample = temporary
        self._port = 0
        self._programs: list[QProcess] = []

    async def run_all(self) -> bool:
        """Run the steps until one fails; whether all were done."""
        for name, step in self._steps():
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

    def _steps(self) -> Iterator[tuple[str, Callable[[], Awaitable[str]]]]:
        yield "open the window", self._open
        yield "start the listener", self._start_listener
        yield "keep it as a node", self._add_node
        yield "echo it", self._echo
        yield "send it a sample", self._send
        yield "look at what was received", self._received
        yield "read the trace", self._trace
        yield "start the practice PACS", self._start_practice
        yield "echo the practice PACS", self._echo_practice
        yield "query the practice PACS", self._query_practice
        yield "retrieve a study from it", self._retrieve_practice
        yield "look at an instance", self._look_practice
        yield "send it back", self._send_back_practice
        yield "ask for its worklist", self._worklist_practice
        yield "begin and complete a step", self._step_practice
        yield "push and read a unified step", self._normalized_practice
        yield "open an image", self._view_practice
        if _program("storescp") and _program("storescu") and _program("echoscu"):
            yield "echo DCMTK storescp", self._echo_storescp
            yield "send to DCMTK storescp", self._send_to_storescp
            yield "answer DCMTK echoscu", self._answer_echoscu
            yield "receive from DCMTK storescu", self._receive_from_storescu
        else:
            _say("left    DCMTK is not installed: no foreign peer was talked to")
        yield "stop the listener", self._stop_listener

    def end_programs(self) -> None:
        """End what was started."""
        for process in self._programs:
            if process.state() is not QProcess.ProcessState.NotRunning:
                process.kill()
                process.waitForFinished(5000)

    # steps

    async def _open(self) -> str:
        window = self._window
        await until(window.isVisible, "the window did not open")
        return f"{window.width()} × {window.height()}, {len(PANELS)} panels"

    async def _start_listener(self) -> str:
        panel = self._window.listener
        self._window.show_panel(panel)
        self._port = await _free_port()
        panel.port.setText(str(self._port))
        panel.folder.setText(str(self._temporary / "received"))
        press(panel.start_button)
        await until(lambda: panel.is_running or bool(panel.findings.cards), "the listener did not start")
        if not panel.is_running:
            raise StepFailed(panel.findings.cards[0].accessibleName())
        return panel.status_text

    async def _add_node(self) -> str:
        await self._keep_node("Our listener", "DICOMGUI", self._port)
        return self._window.nodes.count.text()

    async def _keep_node(self, name: str, title: str, port: int) -> None:
        """Type a new node, save it, and echo it from the list."""
        panel = self._window.nodes
        self._window.show_panel(panel)
        press(panel.add_button)
        for edit, text in (
            (panel.editor.name, name), (panel.editor.called, title), (panel.editor.host, "127.0.0.1"),
            (panel.editor.port, str(port)),
        ):  # fmt: skip
            edit.setText(text)
        press(panel.editor.apply_button)
        await until(lambda: panel.node is not None and panel.node.name == name, f"the node {name} was not saved")
        press(panel.echo_button)
        await until(lambda: not panel.is_busy and panel.echo_button.isEnabled(), "the echo of the node did not end")
        status = panel.model.status_of(name)
        if status is None or not status.ok:
            raise StepFailed(f"the node {name} does not answer")

    async def _echo(self) -> str:
        return await self._echo_node("Our listener")

    async def _echo_node(self, name: str) -> str:
        panel = self._window.echo
        self._window.show_panel(panel)
        choose_node(panel.peer, name)
        press(panel.run_button)
        await until(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the echo did not end")
        if panel.findings.cards:
            raise StepFailed(panel.findings.cards[0].accessibleName())
        if not panel.facts.texts["Status"].startswith("0x0000"):
            raise StepFailed(panel.headline.text())
        return f"{panel.headline.text()}, {panel.facts.texts['Round trip']}"

    async def _send(self) -> str:
        loop = asyncio.get_running_loop()
        self._sample = await loop.run_in_executor(None, write_sample, self._temporary)
        return await self._send_to("Our listener")

    async def _send_to(self, name: str) -> str:
        panel = self._window.send
        self._window.show_panel(panel)
        self._window.dock.set_folded(False)
        if panel.clear_button.isEnabled():
            press(panel.clear_button)
        choose_node(panel.peer, name)
        await panel.add_paths([self._sample])
        press(panel.run_button)
        await until(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the send did not end")
        if panel.model.state_of(0) != "sent":
            raise StepFailed(panel.status.text())
        await until(lambda: self._window.dock.model.rowCount() > 0, "the trace under the panel stays empty")
        return panel.status.text()

    async def _received(self) -> str:
        panel = self._window.listener
        self._window.show_panel(panel)
        await until(lambda: panel.model.rowCount() >= 2, "the listener does not show what came")
        stored = [path for path in (self._temporary / "received").rglob("*.dcm") if path.is_file()]
        if len(stored) != 1:
            raise StepFailed(f"{len(stored)} files are in the folder, not 1")
        return f"{panel.counts.text()}; {stored[0].name}"

    async def _trace(self) -> str:
        panel = self._window.trace
        self._window.show_panel(panel)
        panel.show_zoom(Zoom.ROWS)
        await until(lambda: panel.model.rowCount() > 0 and not panel.model.is_behind, "the trace is empty")
        kinds = [panel.model.index(row, Column.KIND).data() for row in range(panel.model.rowCount())]
        for wanted in ("A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "P-DATA-TF", "A-RELEASE-RQ", "A-RELEASE-RP"):
            if wanted not in kinds:
                raise StepFailed(f"there is no {wanted} in the trace")
        panel.table.selectRow(kinds.index("P-DATA-TF"))
        tree = panel.panes.details.tree_model
        root = tree.index(0, 0)
        if root.data() != "P-DATA-TF" or not tree.rowCount(root):
            raise StepFailed("the selected PDU is not shown as a tree")
        return f"{len(kinds)} rows, {kinds.count('P-DATA-TF')} of them P-DATA-TF"

    # with the practice PACS

    async def _start_practice(self) -> str:
        home, practice = self._window.home, self._window.practice
        self._window.show_panel(home)
        await until(lambda: not practice.is_busy and home.start_button.isEnabled(), "it cannot be started")
        press(home.start_button)
        await until(lambda: practice.is_running or bool(practice.problem), "it did not start")
        node = practice.node
        if node is None:
            raise StepFailed(practice.problem or "it is not among the nodes")
        await until(self._window.practice_bar.isVisible, "nobody says that this is practice")
        return f"{practice.peer} has {practice.what}"

    async def _first_step(self, step: FirstStep) -> None:
        """Go where a first step is taken, by its button on Home."""
        self._window.show_panel(self._window.home)
        press(self._window.home.steps.buttons[step])

    async def _echo_practice(self) -> str:
        await self._first_step(FirstStep.ECHO)
        return await self._echo_node(self._practice_name())

    def _practice_name(self) -> str:
        node = self._window.practice.node
        if node is None:
            raise StepFailed("the practice PACS is no node any more")
        return node.name

    async def _query_practice(self) -> str:
        await self._first_step(FirstStep.QUERY)
        panel = self._window.query
        choose_node(panel.peer, self._practice_name())
        press(panel.run_button)
        await until(panel.ask_all_button.isVisible, "it does not warn of a query without keys")
        press(panel.ask_all_button)
        await until(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the query did not end")
        if not panel.results.model.count:
            raise StepFailed(panel.status.text())
        return panel.status.text()

    async def _retrieve_practice(self) -> str:
        await self._first_step(FirstStep.RETRIEVE)
        panel = self._window.query
        table = panel.results.table
        await until(lambda: table.model().rowCount() > 0, "no match is listed")
        table.selectRow(0)
        await until(panel.retrieve.button.isEnabled, "nothing can be retrieved")
        press(panel.retrieve.button)
        await until(lambda: panel.retrievals.last is not None, "the retrieval did not end")
        last = panel.retrievals.last
        if last is None or last.report is None or not last.report.arrived:
            raise StepFailed(panel.retrieve.result.text() or "nothing arrived")
        return f"{last.report.arrived} instances arrived"

    async def _look_practice(self) -> str:
        await self._first_step(FirstStep.LOOK)
        panel = self._window.archive
        await until(lambda: panel.model.patients >= 2, "the archive does not list what was retrieved")
        for level in range(3):  # what came last is the first row; open it down to its first instance
            if panel.model.place_at(level) not in panel.model.opened:
                panel.model.open_row(level)
            await until(partial(self._is_open, level), "a row does not open")
        panel.table.selectRow(3)
        press(panel.look_button)
        await until(lambda: panel.dataset.is_open, "the data set is not shown")
        node = panel.dataset.node
        if node is None or node.error:
            raise StepFailed(node.error if node is not None else "there is no data set")
        return f"{panel.dataset.heading.text()}, {node.children[-1].value}"

    def _is_open(self, row: int) -> bool:
        model = self._window.archive.model
        return model.place_at(row) in model.opened

    async def _send_back_practice(self) -> str:
        await self._first_step(FirstStep.SEND_BACK)
        panel, send = self._window.archive, self._window.send
        panel.send_to.setCurrentIndex(panel.send_to.findData(self._practice_name()))
        panel.table.selectRow(2)
        if send.clear_button.isEnabled():
            self._window.show_panel(send)
            press(send.clear_button)
            self._window.show_panel(panel)
        press(panel.send_button)
        await until(lambda: send.model.count > 0 and not send.is_busy and send.run_button.isEnabled()
                     and not send.model.has_unsent and send.bar.value() == 1000, "it was not sent")  # fmt: skip
        done = self._window.home.steps.done
        await until(lambda: len(self._window.home.steps.done) == len(FirstStep), f"of the steps only {done} are lit")
        return send.status.text()

    async def _worklist_practice(self) -> str:
        return await self._services().worklist()

    async def _step_practice(self) -> str:
        return await self._services().performed_step()

    async def _normalized_practice(self) -> str:
        return await self._services().normalized()

    async def _view_practice(self) -> str:
        text, self._seen = await self._services().viewer()
        return text

    def _services(self) -> ServiceSteps:
        return ServiceSteps(self._window, self._practice_name())

    # with DCMTK

    async def _echo_storescp(self) -> str:
        port = await _free_port()
        folder = self._temporary / "storescp"
        folder.mkdir()
        process = self._start("storescp", "-od", str(folder), str(port))
        await until(lambda: process.state() is QProcess.ProcessState.Running, "storescp did not start")
        await _listens(port)
        await self._keep_node("DCMTK", "STORESCP", port)
        return await self._echo_node("DCMTK")

    async def _send_to_storescp(self) -> str:
        result = await self._send_to("DCMTK")
        count = len(list((self._temporary / "storescp").iterdir()))
        if count != 1:
            raise StepFailed(f"storescp has {count} files, not 1")
        return result

    async def _answer_echoscu(self) -> str:
        return await self._run("echoscu", "-aec", "DICOMGUI", "127.0.0.1", str(self._port))

    async def _receive_from_storescu(self) -> str:
        panel = self._window.listener
        self._window.show_panel(panel)
        assert panel.listener is not None
        before = panel.listener.counts
        known = before.stored + before.duplicates
        result = await self._run("storescu", "-aec", "DICOMGUI", "127.0.0.1", str(self._port), str(self._sample))
        counts = panel.listener.counts
        if counts.stored + counts.duplicates != known + 1:
            raise StepFailed("the listener has not received it")
        await asyncio.sleep(POLL_S * 5)
        return f"{result}; {panel.counts.text()}"

    def _start(self, name: str, *arguments: str) -> QProcess:
        process = QProcess()
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("TCP_NODELAY", "1")
        process.setProcessEnvironment(environment)
        process.setStandardInputFile(QProcess.nullDevice())
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self._programs.append(process)
        process.start(_program(name), list(arguments))
        return process

    async def _run(self, name: str, *arguments: str) -> str:
        """Run a program to its end."""
        process = self._start(name, *arguments)
        await until(lambda: process.state() is QProcess.ProcessState.NotRunning, f"{name} did not end")
        if process.exitStatus() is not QProcess.ExitStatus.NormalExit or process.exitCode():
            said = bytes(process.readAll().data()).decode("utf-8", "replace").strip()
            raise StepFailed(plain(f"{name} ended with {process.exitCode()}: {said}", 300))
        return f"{name} is content"

    async def _stop_listener(self) -> str:
        panel = self._window.listener
        self._window.show_panel(panel)
        press(panel.stop_button)
        await until(lambda: not panel.is_running and panel.start_button.isEnabled(), "the listener did not stop")
        return panel.status_text

    async def _picture(self, name: str) -> None:
        self._number += 1
        await asyncio.sleep(POLL_S * 5)  # two ticks of the pump, so that the picture shows what is there
        path = self._folder / f"{self._number:02d}-{name.replace(' ', '-')}.png"
        seen, self._seen = self._seen or self._window, None
        if not seen.grab().save(str(path)):
            raise StepFailed(f"the picture {path} could not be written")


async def _free_port() -> int:
    """A port that nobody listens on at this moment."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    return port


async def _listens(port: int) -> None:
    """Wait until somebody takes connections on a port."""
    end = time.monotonic() + STEP_S
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if time.monotonic() > end:
                raise StepFailed(f"nobody listens on port {port}") from None
            await asyncio.sleep(POLL_S)
        else:
            writer.close()
            await writer.wait_closed()
            return


def _program(name: str) -> str:
    """The path of a program, or an empty string where it is not installed."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))) or ""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
