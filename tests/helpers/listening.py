"""Our listener, started and stopped around a test's own block."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, ListenerOptions
from dicomgui.network import Strictness

Listen: TypeAlias = Callable[..., AbstractAsyncContextManager[Listener]]
"""Takes the keywords of ListenerOptions."""


def listens_in(context: AppContext, folder: Path) -> Listen:
    """For listeners called OURS on a free port, with an archive in ``folder``, that take any bytes for a data set."""

    @contextlib.asynccontextmanager
    async def listening(**options: Any) -> AsyncIterator[Listener]:
        settings = {
            "folder": folder,
            "port": 0,
            "ae_title": "OURS",
            "fsync": False,
            "strictness": Strictness.ANY,
            **options,
        }
        listener = Listener(context, ListenerOptions(**settings))
        await listener.start()
        try:
            yield listener
        finally:
            await listener.stop()

    return listening
