"""A process of its own that works on an archive as the window does, to be watched or killed.

``archive_process.py FOLDER import PATH | export TARGET [FORM] | delete [STUDY] | rebuild`` prints ``ready``, begins
when a line comes in, prints ``at N`` for each step, and at the end its report as JSON. It has the archive open until
its input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

from helpers.step_process import StepProcess

from dicomgui.app.archive.files import ExportForm, FileProgress, export, import_paths
from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.context import AppContext
from dicomgui.storage import Selection


class Working(StepProcess):
    """Such a process, while the block runs; it is killed at the end if it is still there."""

    def __init__(self, folder: Path, *work: object) -> None:
        self._command = (sys.executable, __file__, str(folder), *map(str, work))
        self._environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=self._environment
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        return self

    def begin(self) -> None:
        """Let it work."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")

    def report(self) -> dict[str, Any]:
        """Wait until it is through."""
        assert self.process.stdout is not None
        return next(json.loads(line) for line in self.process.stdout if line.startswith(b"{"))


def _tell(progress: FileProgress) -> None:
    if progress.total:
        print("at", progress.done, flush=True)


def _works(archive: LocalArchive, arguments: list[str]) -> dict[str, Callable[[], Awaitable[object]]]:
    pool = archive._context.file_pool
    path = Path(*arguments[:1])

    async def bring_in() -> object:
        report = await import_paths(archive, [path], pool, on_progress=_tell)
        skipped = [(one.name, one.reason) for one in report.skipped]
        return {
            "stored": report.stored, "duplicates": report.duplicates, "failed": report.failed,
            "second": report.kept_second, "skipped": skipped, "broken": report.broken,
        }  # fmt: skip

    async def take_out() -> object:
        report = await export(
            archive, Selection(), path, pool, form=ExportForm(*(arguments[1:] or ["folders"])), on_progress=_tell
        )
        return {"files": report.files, "failed": report.failed}

    async def delete() -> object:
        discarded = await archive.delete(Selection(study_uids=tuple(arguments)) if arguments else Selection())
        return {"files": discarded.files, "token": discarded.token}

    async def rebuild() -> object:
        asyncio.get_running_loop().create_task(_steps(archive))
        report = await archive.rebuild()
        return {"files": report.files if report is not None else -1}

    return {"import": bring_in, "export": take_out, "delete": delete, "rebuild": rebuild}


async def _steps(archive: LocalArchive) -> None:
    while True:
        if archive.progress is not None:
            print("at", archive.progress.folders_done, flush=True)
        await asyncio.sleep(0.001)


async def main(folder: str, work: str, *arguments: str) -> None:
    with AppContext(keep_trace=False) as context:
        async with LocalArchive(context, Path(folder)).opened() as archive:
            await archive.repaired()
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            print(json.dumps(await _works(archive, list(arguments))[work]()), flush=True)
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
