"""`dicomgui listen` in a process of its own, what it tells and what it costs: for attacks and faults."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple, Self

from helpers.bad_peer import Peer, dial, reached
from helpers.command_line import Listening

ENDS = ("refused", "gone", "ended")
"""Events that tell what became of a connection: each has one of them."""


class Usage(NamedTuple):
    """What a process holds; zeros where the system does not say."""

    handles: int
    threads: int
    memory_bytes: int


class Attacked(Listening):
    """Its events are read as they come. It takes any bytes for a data set.

    :ivar events: all of them, in order.

    :param handles: how many files and connections it may have open.
    :param file_blocks: how long its files may be, in blocks as `ulimit` counts them.
    """

    def __init__(
        self, folder: Path, *arguments: object, handles: int | None = None, file_blocks: int | None = None
    ) -> None:
        super().__init__(folder, "--json", "--strictness", "any", *arguments)
        limits = [f"ulimit -{what} {limit};" for what, limit in (("n", handles), ("f", file_blocks)) if limit]
        if limits:
            self._arguments = ["sh", "-c", f'{" ".join(limits)} exec "$@"', "sh", *self._arguments]
        self.events: list[dict[str, Any]] = []
        self.about: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def __enter__(self) -> Self:
        super().__enter__()
        self._reader = threading.Thread(target=self._read, name="events")
        self._reader.start()
        return self

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            self.about[event.get("peer", "")].append(event)
            self.events.append(event)

    async def dial(self) -> Peer:
        """A connection; what was told of an earlier one from the same port is forgotten."""
        peer = await dial(self.port)
        self.about.pop(place_of(peer), None)
        return peer

    async def told_of(self, peer: str) -> list[dict[str, Any]]:
        """What it had to tell of a connection, by the peer's place, when that has ended."""
        about = self.about
        await reached(lambda: any(event["event"] in ENDS for event in about[peer]), f"it tells what became of {peer}")
        return [event for event in about.pop(peer) if event["event"] != "began"]

    @property
    def usage(self) -> Usage:
        if not sys.platform.startswith("linux"):
            return Usage(0, 0, 0)
        process = Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        handles = len(os.listdir(process / "fd"))
        return Usage(handles, int(status["Threads"]), int(status["VmRSS"].split()[0]) * 1024)

    def finish(self) -> tuple[int, bytes]:
        """Stop it as Ctrl+C does; its exit code, and what it wrote to its error output."""
        self.interrupt()
        assert self.process.stderr is not None
        errors = self.process.stderr.read()
        self.process.wait()
        self._reader.join()
        return self.process.returncode, errors

    def __exit__(self, *exc: Any) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


def place_of(peer: Peer) -> str:
    """Where a peer calls from, as the listener names it."""
    host, port = peer.writer.get_extra_info("sockname")
    return f"{host}:{port}"
