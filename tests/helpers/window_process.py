"""The real window in a process of its own, off screen, worked by its own buttons, to be asked or killed.

``window_process.py FOLDER`` shows the window over the archive in FOLDER. Each line that comes in is a list in JSON, a
verb and its arguments; the answer is one line of JSON. While something is imported or exported, ``at N`` is printed for
each step.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from helpers import peers
from helpers.step_process import DEADLINE_S, StepProcess


class WindowProcess(StepProcess):
    """Such a process, while the block runs; it is closed at the end, or killed if the block fails.

    :param screen: platform of Qt; by default there is none to be seen.
    """

    def __init__(self, folder: Path, *, screen: str = "offscreen") -> None:
        tests = str(Path(__file__).parents[1])
        self._command = (sys.executable, __file__, str(folder))
        self._environment = peers.environment(
            QT_QPA_PLATFORM=screen, QT_LOGGING_RULES="qt.qpa.*=false", PYTHONPATH=tests
        )

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=self._environment
        )
        self.answer()
        return self

    def begin(self, *command: object) -> None:
        """Have something done; :meth:`answer` waits until it is."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([str(part) for part in command]).encode() + b"\n")

    def answer(self) -> Any:
        """Wait until it is done; gives what was answered."""
        assert self.process.stdout is not None
        line = next(line for line in self.process.stdout if not line.startswith(b"at "))
        answer = json.loads(line)
        assert "fault" not in answer, answer
        return answer["answer"]

    def do(self, *command: object) -> Any:
        """Have something done, and wait for it."""
        self.begin(*command)
        return self.answer()


class _Worker:
    """Works the archive and the listener of a window."""

    def __init__(self, window: Any) -> None:
        self._window = window
        self._panel = window.archive
        self.verbs: dict[str, Callable[..., Awaitable[object]]] = {
            "import": self._import, "export": self._export, "delete": self._delete, "undo": self._undo,
            "found": self._found, "said": self._said, "listen": self._listen, "rebuild": self._rebuild,
            "wait": self._wait, "picture": self._picture,
        }  # fmt: skip

    async def _until(self, done: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + DEADLINE_S
        while not done():
            assert loop.time() < end, await self._said()
            await asyncio.sleep(0.002)

    async def _done(self) -> None:
        """Wait until nothing is under way; tell of its steps meanwhile."""
        told = -1
        while self._panel.is_busy:
            progress = self._panel.work.progress
            if progress is not None and progress.total and progress.done != told:
                told = progress.done
                print("at", told, flush=True)
            await asyncio.sleep(0.001)

    async def _import(self, path: str) -> object:
        self._panel.add_paths([Path(path)])
        await self._done()
        return self._panel.status.text()

    async def _select_all(self) -> None:
        panel = self._panel
        await self._until(lambda: not panel.is_busy and panel.model.rowCount())
        await self._until(lambda: panel.model.place_at(panel.model.rowCount() - 1) is not None)
        panel.table.selectAll()

    async def _export(self, target: str, form: str = "folders") -> object:
        from PySide6.QtWidgets import QFileDialog, QLineEdit

        if form != "zip":
            os.makedirs(target, exist_ok=True)  # a dialog for folders takes none that is not there
        await self._select_all()
        forms = self._panel.export_form
        forms.setCurrentIndex(next(at for at in range(forms.count()) if forms.itemData(at).value == form))
        await self._until(self._panel.export_button.isEnabled)
        self._panel.export_button.click()

        def shown() -> list[QFileDialog]:
            return [dialog for dialog in self._window.findChildren(QFileDialog) if dialog.isVisible()]

        await self._until(shown)
        edit = shown()[0].findChild(QLineEdit, "fileNameEdit")
        assert isinstance(edit, QLineEdit)
        edit.setText(target)
        shown()[0].accept()
        await self._until(lambda: not shown())
        await self._done()
        return self._panel.status.text()

    async def _delete(self) -> object:
        await self._select_all()
        self._panel.delete()
        await self._done()
        await self._until(self._panel.undo_bar.isVisible)
        return self._panel.undo_bar.text.text()

    async def _undo(self) -> object:
        self._panel.undo_bar.undo()
        await self._until(self._panel.status.text)
        return self._panel.status.text()

    async def _rebuild(self) -> object:
        await self._until(self._panel.rebuild_button.isEnabled)
        self._panel.rebuild_button.click()
        while not self._panel.rebuild_button.isEnabled():
            progress = self._panel.view.archive.progress
            if progress is not None:
                print("at", progress.folders_done, flush=True)
            await asyncio.sleep(0.001)
        return self._panel.status.text()

    async def _wait(self, count: str) -> object:
        """Wait until it says that so many instances are there."""
        counts = self._panel.counts
        await self._until(lambda: f"{int(count):,} instance" in counts.text() if int(count) else not self._rows())
        return counts.text()

    def _rows(self) -> int:
        return int(self._panel.model.rowCount()) if self._panel.view.is_listed else -1

    async def _found(self, text: str = "") -> object:
        """The SOP Instance UIDs of what the window lists for a search, once it lists what there is now."""
        panel, view = self._panel, self._panel.view
        panel.search.setText(text)
        panel._on_search_entered()
        view.refresh()
        await self._until(lambda: not view._is_stale and view._task is None)
        rows = [panel.model.place_at(row) for row in range(panel.model.rowCount())]
        return sorted(file.sop_instance_uid for file in await view.files([row for row in rows if row is not None]))

    async def _said(self) -> object:
        panel = self._panel
        return {
            "status": panel.status.text(), "counts": panel.counts.text(), "repaired": panel.repaired.text(),
            "banner": self._window.banner.text.text(),
        }  # fmt: skip

    async def _listen(self) -> object:
        listener = self._window.listener
        self._window.show_panel(listener)
        listener.folder.setText(str(self._panel.view.archive.folder))
        listener.start_button.click()
        await self._until(lambda: listener.is_running and listener.stop_button.isEnabled())
        self._window.show_panel(self._panel)
        return int(listener.port.text())

    async def _picture(self, path: str) -> object:
        return self._window.grab().save(path)


async def _serve(folder: str) -> None:
    from dicomgui.app.context import AppContext
    from dicomgui.gui.keeping.configuration import Configuration
    from dicomgui.gui.running.reporter import Reporter
    from dicomgui.gui.shell.main_window import MainWindow

    reporter, config = Reporter(), Configuration()
    reporter.install(asyncio.get_running_loop())
    listener = replace(config.settings.listener, folder=folder, port=peers.free_port())
    config.change(replace(config.settings, listener=listener))
    with AppContext() as context:
        window = MainWindow(context, reporter, config)
        window.resize(1280, 800)
        window.show()
        window.show_panel(window.archive)
        worker = _Worker(window)
        _answer(os.getpid())
        try:
            while line := await asyncio.to_thread(sys.stdin.readline):
                verb, *arguments = json.loads(line)
                try:
                    _answer(await worker.verbs[verb](*arguments))
                except Exception as error:
                    print(json.dumps({"fault": f"{type(error).__name__}: {error}"}), flush=True)
        finally:
            await window.shut_down()
            reporter.uninstall()
    assert not reporter.count, "the program had faults of its own"


def _answer(answer: object) -> None:
    print(json.dumps({"answer": answer}), flush=True)


def main(folder: str) -> None:
    from PySide6.QtWidgets import QApplication

    from dicomgui.gui.main import dress
    from dicomgui.gui.running.loop import new_event_loop

    dress(QApplication([]))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
