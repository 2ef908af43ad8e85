"""Telling the watchers of unified procedure steps that the listener was restarted or goes down (PS3.4 CC.2.4.3).

The steps and subscriptions are kept from one run of the listener to the next, but not by the disk. Their AE titles are:
after a start of the program they are the fallback list, and are told that it was a cold start.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from dicomgui.network.service import NActionRequest
from dicomgui.network.service_classes.attributes import text_of
from dicomgui.network.service_classes.procedure_steps import ProcedureSteps
from dicomgui.network.service_classes.ups_watch import GOING_DOWN, RESTARTED
from dicomgui.storage.disk import replace_file

__all__ = ["StepWatchers", "read_watchers"]

_log = logging.getLogger(__name__)

FILE_NAME: Final = "ups-watchers.json"
MAX_WATCHERS: Final = 1_000
MAX_FILE_BYTES: Final = 2**20
GOODBYE_S: Final = 2.0
"""The longest wait for watchers who are told that the listener goes down."""


def read_watchers(path: Path) -> tuple[str, ...]:
    """AE titles of a file; none where it is missing or damaged. Waits for the disk."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_FILE_BYTES))["ae_titles"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()
    titles = found if isinstance(found, list) else []
    return tuple(title for title in titles if isinstance(title, str) and 0 < len(title) <= 16)[:MAX_WATCHERS]


class StepWatchers:
    """The AE titles of the watchers, in a file of the archive's folder, and what they are told of the listener.

    :param in_thread: runs what waits for the disk.
    """

    def __init__(
        self, procedures: ProcedureSteps, in_thread: Callable[[Callable[[], Any]], Awaitable[Any]] = asyncio.to_thread
    ) -> None:
        self._procedures = procedures
        self._in_thread = in_thread
        self._known: frozenset[str] = frozenset()
        self._path: Path | None = None
        self._has_run = self._is_announced = False
        self._saving = asyncio.Lock()

    async def prepare(self, folder: Path | None) -> None:
        """Read the file before the listener takes requests; its watchers are those of a former run of the program.

        :param folder: where the file lies; ``None`` keeps the watchers in memory alone.
        """
        self._path = None if folder is None else folder / FILE_NAME
        if self._path is not None and not self._has_run:
            self._known = frozenset(await self._in_thread(partial(read_watchers, self._path)))

    def begin(self) -> None:
        """The listener takes requests from now on: tell the watchers."""
        is_warm, self._has_run = self._has_run, True
        self._is_announced = True
        self._procedures.announce(
            RESTARTED, keeps_subscriptions=is_warm, keeps_steps=is_warm, fallback=() if is_warm else self._known
        )

    async def end(self) -> None:
        """Tell the watchers that the listener goes down, for at most :data:`GOODBYE_S`; the other events are lost."""
        was_announced, self._is_announced = self._is_announced, False
        if was_announced and self._procedures.announce(GOING_DOWN):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._procedures.flush(), GOODBYE_S)
        self._path = None
        await self._procedures.close()

    async def keep(self, request: NActionRequest) -> None:
        """Write who watches, after an action; does nothing where that is the same as before."""
        if self._path is None:
            return
        async with self._saving:
            receivers = frozenset(self._procedures.receivers)
            left = {text_of(request.dataset, "ReceivingAE")} - receivers if request.data is not None else set()
            known = frozenset(sorted((self._known | receivers) - left)[:MAX_WATCHERS])
            if known == self._known:
                return
            data = json.dumps({"version": 1, "ae_titles": sorted(known)}).encode()
            try:
                await self._in_thread(partial(replace_file, self._path, data))
            except OSError as error:
                _log.error("the watchers of steps cannot be kept: %s", error)
                return
            self._known = known
