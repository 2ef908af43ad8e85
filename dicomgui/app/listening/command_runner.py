"""Runs the operator's commands for received objects and studies: in threads, without a shell, bounded in all ways."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from dicomgui.app.configuration.received_commands import ArgumentRefused, CommandLine, ReceivedCommands
from dicomgui.app.listening.events import CommandEnded, ReceivedInstance
from dicomgui.network.service import AssociationFacts
from dicomgui.storage import Outcome
from dicomgui.storage.attributes import read_values
from dicomgui.storage.placeholders import ElementPath

__all__ = ["CommandRunner"]

AT_A_TIME: Final = 2
"""Commands that run at one time."""
MAX_WAITING: Final = 10_000
"""Objects and studies that wait for their command; of one more it is told that its command is left out."""
MAX_OUTPUT_BYTES: Final = 4_096
"""Bytes of the output of a command that are kept, the first ones."""
MAX_LISTED: Final = 100_000
"""Files of one study that are listed for its command."""
STOP_S: Final = 10.0
"""When the listener stops, what waits is worked off for so long; then it is ended."""

_STUDY: Final = 0x0020000D


@dataclass(slots=True)
class _Study:
    facts: AssociationFacts
    values: dict[ElementPath, str]
    deadline: float
    files: list[str] = field(default_factory=list)


class CommandRunner:
    """Commands of one run of a listener. Belongs to the thread of the event loop.

    :param folder: of the archive, for ``{folder}``.
    :param tell: takes what came of each command, in the loop's thread.
    :raises ConfigurationError: a command is unusable.
    """

    def __init__(self, commands: ReceivedCommands, folder: Path, tell: Callable[[CommandEnded], None]) -> None:
        self._commands = commands
        self._object, self._study = commands.object_line(), commands.study_line()
        self._folder = str(folder.absolute())
        self._tell = tell
        self._wanted = self._object.wanted if self._object else {}
        if self._study:
            self._wanted |= {**self._study.wanted, _STUDY: "UI"}
        self._loop = asyncio.get_running_loop()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="dicomgui-received")
        self._pool = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="dicomgui-command")
        self._studies: dict[str, _Study] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._ending = threading.Event()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def received(self, event: object) -> None:
        """Take an event of the listener; only new instances matter."""
        if not isinstance(event, ReceivedInstance) or event.outcome is Outcome.DUPLICATE:
            return
        if self._waiting >= MAX_WAITING:
            self._tell(CommandEnded(time.time(), event.facts, "", problem="too many commands wait: left out"))
            return
        self._begin()
        self._reader.submit(self._examine, event)

    async def close(self) -> None:
        """End: studies that are open are taken for complete; what then waits or runs has :data:`STOP_S` seconds."""
        until = self._loop.time() + STOP_S
        await self._until_idle(until)
        for uid in tuple(self._studies):
            self._finish_study(uid)
        if self._timer is not None:
            self._timer.cancel()
        await self._until_idle(until)
        self._ending.set()
        with self._lock:
            for process in self._running:
                _kill(process)
        await self._until_idle(self._loop.time() + STOP_S)
        self._reader.shutdown(wait=False)
        self._pool.shutdown(wait=False)

    async def _until_idle(self, until: float) -> None:
        timer = self._loop.call_at(until, self._idle.set)
        try:
            await self._idle.wait()
        finally:
            timer.cancel()
            if self._waiting:
                self._idle.clear()

    def _begin(self) -> None:
        self._waiting += 1
        self._idle.clear()

    def _done(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._idle.set()

    # ---------------------------------------------------------------------------------------------------- in threads

    def _examine(self, event: ReceivedInstance) -> None:
        values: dict[ElementPath, str] = {}
        with suppress(Exception):  # whatever the file of a stranger causes: it has no values
            values = read_values(event.file, self._wanted)
        self._post(self._examined, event, values)

    def _post(self, call: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(partial(call, *arguments))

    def _run(self, line: CommandLine, facts: AssociationFacts, words: list[str], listed: list[str] | None) -> None:
        begun = time.monotonic()
        code, output, problem = None, "", "the listener was stopped before it ran"
        if not self._ending.is_set():
            try:
                code, output, problem = self._execute(words, listed)
            except OSError as error:
                problem = f"the list of files cannot be written: {error}"
        seconds = time.monotonic() - begun
        shown = tuple(word.replace(_LIST, "{file_list}") for word in words)
        self._post(self._ended, CommandEnded(time.time(), facts, line.text, shown, code, seconds, output, problem))

    def _execute(self, words: list[str], listed: list[str] | None) -> tuple[int | None, str, str]:
        """Exit code, output and problem of a command."""
        with tempfile.TemporaryDirectory(prefix="dicomgui-") as folder:
            if listed is not None:
                path = Path(folder, "files.txt")
                path.write_text("".join(f"{file}\n" for file in listed), encoding="utf-8")
                words = [word.replace(_LIST, str(path)) for word in words]
            try:
                process = _start(words)
            except (OSError, ValueError) as error:
                return None, "", f"it cannot be started: {error}"
            with self._lock:
                self._running.add(process)
            if self._ending.is_set():
                _kill(process)
            reader = _Output(process)
            problem = ""
            try:
                process.wait(self._commands.time_limit_s)
            except subprocess.TimeoutExpired:
                _kill(process)
                process.wait()
                problem = f"it took longer than {self._commands.time_limit_s:g} s and was ended"
            with self._lock:
                self._running.discard(process)
            output = reader.text()
        if not problem and process.returncode:
            problem = f"it ended with code {process.returncode}"
        return process.returncode, output, problem

    # ------------------------------------------------------------------------------------------- in the loop's thread

    def _examined(self, event: ReceivedInstance, values: dict[ElementPath, str]) -> None:
        if self._study is not None and (uid := values.get(_STUDY, "")):
            self._note_study(uid, event, values)
        if self._object is None:
            self._done()
            return
        others = {
            **self._caller(event.facts),
            "path": str(event.path.absolute()),
            "SOPInstanceUID": event.sop_instance_uid,
            "SOPClassUID": event.sop_class_uid,
            "TransferSyntaxUID": event.transfer_syntax_uid,
        }
        self._submit(self._object, event.facts, others, values)

    def _caller(self, facts: AssociationFacts) -> dict[str, str]:
        return {
            "calling_ae": facts.calling_ae_title.strip(),
            "called_ae": facts.called_ae_title.strip(),
            "peer": facts.peer,
            "folder": self._folder,
        }

    def _submit(
        self,
        line: CommandLine,
        facts: AssociationFacts,
        others: dict[str, str],
        values: dict[ElementPath, str],
        listed: list[str] | None = None,
    ) -> None:
        """Queue a command that :meth:`_begin` has counted."""
        try:
            words = line.filled(others, values)
        except ArgumentRefused as error:
            self._ended(CommandEnded(time.time(), facts, line.text, problem=f"not run: {error}"))
            return
        self._pool.submit(self._run, line, facts, words, listed)

    def _ended(self, event: CommandEnded) -> None:
        self._done()
        self._tell(event)

    def _note_study(self, uid: str, event: ReceivedInstance, values: dict[ElementPath, str]) -> None:
        study = self._studies.get(uid)
        deadline = self._loop.time() + self._commands.study_timeout_s
        if study is None:
            if len(self._studies) >= MAX_WAITING:
                self._tell(CommandEnded(time.time(), event.facts, "", problem="too many studies wait: left out"))
                return
            study = self._studies[uid] = _Study(event.facts, values, deadline)
        study.facts, study.deadline = event.facts, deadline
        if len(study.files) < MAX_LISTED:
            study.files.append(str(event.path.absolute()))
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        """Finish the studies whose time is over, and look again when the next one's is."""
        self._timer = None
        now = self._loop.time()
        for uid in [uid for uid, study in self._studies.items() if study.deadline <= now]:
            self._finish_study(uid)
        if self._studies:
            self._timer = self._loop.call_at(min(study.deadline for study in self._studies.values()), self._look)

    def _finish_study(self, uid: str) -> None:
        study, line = self._studies.pop(uid), self._study
        assert line is not None
        others = {
            **self._caller(study.facts),
            "StudyInstanceUID": uid,
            "count": str(len(study.files)),
            "file_list": _LIST,
        }
        self._begin()
        self._submit(line, study.facts, others, study.values, study.files)


_LIST: Final = "\0file list\0"
"""Stands for the path of the list until the list is written; no value can hold it."""


class _Output:
    """Reads what a process prints, to its end, and keeps the first bytes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, args=(process,), name="command output", daemon=True)
        self._thread.start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            while data := os.read(stream.fileno(), 65_536):
                self._kept += data[: MAX_OUTPUT_BYTES - len(self._kept)]

    def text(self) -> str:
        """The text that came; a program that the command has left behind may still hold the other end."""
        self._thread.join(0.5)
        text = bytes(self._kept).decode("utf-8", "replace")
        return "".join(character if character.isprintable() or character == "\n" else " " for character in text).strip()


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, without a shell and without input."""
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        creationflags=flags,
        start_new_session=os.name != "nt",
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process, on POSIX with those that it has started."""
    with suppress(OSError):
        if os.name == "nt":
            process.kill()
        elif process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
