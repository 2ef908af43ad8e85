"""Loads what nobody has asked for yet, piece by piece, while the window is in use.

What does without Qt is loaded in a thread. The rest is loaded in the thread of the window, a module at a time: PySide
makes its classes when they are imported for the first time, and two threads that have it do so at once end the program.
"""

from __future__ import annotations

import asyncio
import gc
import pkgutil
import threading
import time
from concurrent.futures import Executor
from importlib import import_module
from typing import Final

__all__ = ["load_the_rest"]

_WITHOUT_QT: Final = ("dicomgui.app", "dicomgui.trace")
_WITH_QT: Final = tuple(
    f"dicomgui.gui.{room}"
    for room in (
        "look", "running", "widgets", "tables", "keeping", "peers", "jobs", "panels", "asking", "trace", "viewer",
        "nodes", "echo", "send", "query", "worklist", "nservices", "archive", "listener", "answers", "help", "shell",
    )
)  # fmt: skip
"""What others are built of comes first, so that one module brings few others along."""

_SLICE_S: Final = 0.006
_PAUSE_S: Final = 0.025


async def load_the_rest(pool: Executor, *, lasts: bool) -> None:
    """Load all modules of the window and of what it uses; to be cancelled when the window ends.

    The window is late by some milliseconds at most meanwhile.

    :param pool: where what does without Qt is loaded.
    :param lasts: whether the window stays until the program ends: the collector need not look at all this again then.
    """
    ended = threading.Event()
    try:
        names = await asyncio.get_running_loop().run_in_executor(pool, _load_without_qt, ended)
    finally:
        ended.set()
    began = time.perf_counter()
    for name in names:
        import_module(name)
        if time.perf_counter() - began > _SLICE_S:
            await asyncio.sleep(_PAUSE_S)
            began = time.perf_counter()
    if lasts:
        gc.freeze()


def _load_without_qt(ended: threading.Event) -> list[str]:
    """Load it, until somebody sets ``ended``; gives the names of what is left, the innermost of each room first."""
    for name in (name for room in _WITHOUT_QT for name in _modules(room)):
        if ended.is_set():
            return []
        import_module(name)
    return [name for room in _WITH_QT for name in sorted(_modules(room), key=lambda name: -name.count("."))]


def _modules(room: str) -> list[str]:
    """The names of all modules below a package, without loading any but the packages between."""
    return [module.name for module in pkgutil.walk_packages(import_module(room).__path__, f"{room}.")]
