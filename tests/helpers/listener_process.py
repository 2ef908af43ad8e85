"""A listener in a process of its own, to be killed: `listener_process.py FOLDER fsync|fast [wait]` prints its port.

With `wait` it is ready to start, and starts when a line comes in.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, ListenerOptions
from dicomgui.network import Strictness


async def main(folder: str, speed: str) -> None:
    with AppContext(keep_trace=False) as context:
        listener = Listener(
            context, ListenerOptions(folder=Path(folder), port=0, fsync=speed == "fsync", strictness=Strictness.ANY)
        )
        await listener.start()
        print(listener.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[3:] == ["wait"]:
        sys.stdin.readline()
    asyncio.run(main(*sys.argv[1:3]))
