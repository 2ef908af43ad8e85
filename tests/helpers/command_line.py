"""The real command line in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

COMMAND = (sys.executable, "-m", "dicomgui")
DEADLINE_S = 60.0
"""How long a command may take for what it usually does in milliseconds: the machine may be busy."""


def dicomgui(
    *arguments: object, stdin: bytes = b"", cwd: Path | None = None, deadline_s: float = DEADLINE_S
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], input=stdin, capture_output=True, timeout=deadline_s, check=False, cwd=cwd
    )


def events(output: str | bytes | Iterable[bytes]) -> list[dict[str, Any]]:
    """The objects that ``--json`` printed: every line is one."""
    lines = output.splitlines() if isinstance(output, str | bytes) else output
    return [json.loads(line) for line in lines]


class Providing:
    """A command that listens, running while the block runs.

    :ivar first_line: what it printed when it was ready.
    :ivar port: where it listens.
    """

    def __init__(self, *arguments: object) -> None:
        self._arguments = [*COMMAND, *map(str, arguments)]
        self.first_line = b""
        self.port = 0

    def __enter__(self) -> Self:
        flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        # Without a buffer: what was read ahead of the first line would be lost to who reads the rest.
        self.process = subprocess.Popen(
            self._arguments, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE, creationflags=flags
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        if self.first_line.startswith(b"{"):
            self.port = int(json.loads(self.first_line)["port"])
        else:
            self.port = int(self.first_line.split(b" as ")[0].rpartition(b":")[2])
        return self

    def interrupt(self, kind: int = signal.SIGTERM) -> None:
        """Send a signal that ends it."""
        if os.name == "nt":
            kind = signal.CTRL_BREAK_EVENT
        self.process.send_signal(kind)

    def stop(self, kind: int = signal.SIGTERM) -> tuple[int, bytes, bytes]:
        """Send a signal; exit code, and what was printed after the first line."""
        self.interrupt(kind)
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out, err

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=DEADLINE_S)


class Listening(Providing):
    """``dicomgui listen`` on a free port, running while the block runs."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        super().__init__("listen", "--port", "0", "--dir", folder, *arguments)
