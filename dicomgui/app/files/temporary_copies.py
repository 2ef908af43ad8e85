"""Temporary copies of files, made in a thread: each in a folder of its own, which is gone afterwards."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

__all__ = ["temporary_copy"]

_T = TypeVar("_T")


@asynccontextmanager
async def temporary_copy(
    pool: Executor, purpose: str, make: Callable[[Path, Callable[[], bool]], _T]
) -> AsyncIterator[tuple[Path, _T]]:
    """A file that ``make`` writes in a thread of ``pool``, and what that returned.

    It is in a folder that nobody else can read.

    :param purpose: a word for the name of the folder.
    :param make: gets the path, at which there is nothing yet and beside which it may have files of its own, and a
        function that it asks now and then whether to stop. What it raises is raised.
    """
    stop = threading.Event()
    work = pool.submit(_make, purpose, make, stop.is_set)
    try:
        path, made = await asyncio.wrap_future(work)
    except asyncio.CancelledError:
        stop.set()
        work.add_done_callback(_discard)
        raise
    try:
        yield path, made
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)


def _make(
    purpose: str, make: Callable[[Path, Callable[[], bool]], _T], should_stop: Callable[[], bool]
) -> tuple[Path, _T]:
    path = Path(tempfile.mkdtemp(prefix=f"dicomgui-{purpose}-")) / "instance.dcm"
    try:
        return path, make(path, should_stop)
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise


def _discard(work: Future[tuple[Path, _T]]) -> None:
    """Nobody wants the file any more."""
    if not work.cancelled() and work.exception() is None:
        shutil.rmtree(work.result()[0].parent, ignore_errors=True)
