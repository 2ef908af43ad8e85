"""Hold a listener under load: `python -m soak.run [--minutes N] [--associations N] [--folder DIR] [--json FILE]`.

`dicomgui listen` runs as a process of its own. Good peers echo, store, query, get, move, and use N-services; beside
them rude ones do what they can. In the end everything that was answered Success has to be on disk byte for byte,
nothing else may be there, memory has to be flat, and handles have to be back. The exit code is 1 where that is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from helpers.bad_peer import dial
from helpers.command_line import COMMAND
from pydicom.dataset import Dataset
from soak.clients import Clients, Sink
from soak.ledger import Ledger, differences
from soak.watch import Watch

from dicomgui.network import Handlers, connect, serve

SETTLE_S = 40.0
"""So long handles may take to come back: a peer that went without a word is found out by a timer of 30 s."""

SAMPLE_S = 2.0
FLAT = 12 * 2**20
"""Bytes by which memory may have grown from the second third of a long run to the last."""

WARM = 96 * 2**20
"""The same for a run of less than twenty minutes: buffers, caches and lists still fill."""


class Listener:
    """`dicomgui listen` and what it prints.

    :ivar events: how often it told of what.
    :ivar errors: what it wrote to standard error.
    """

    def __init__(self, folder: Path, sink_port: int, films: Path) -> None:
        self._arguments = (
            *COMMAND, "listen", "--json", "--port", "0", "--aet", "SOAK", "--dir", str(folder), "--mpps", "--commit",
            "same", "--print", str(films), "--peer", f"SINK=127.0.0.1:{sink_port}",
        )  # fmt: skip
        self.events: dict[str, int] = {}
        self.summary: dict[str, Any] = {}
        self.errors: list[str] = []
        self.port = 0

    async def start(self) -> None:
        pipe, flags = asyncio.subprocess.PIPE, getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        self.process = await asyncio.create_subprocess_exec(
            *self._arguments, stdout=pipe, stderr=pipe, limit=2**24, creationflags=flags
        )
        await self._read_line()

    async def _read_line(self) -> bool:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            return False
        event = json.loads(line)
        name = event["event"]
        self.events[name] = self.events.get(name, 0) + 1
        if name == "ready":
            self.port = event["port"]
        elif name == "summary":
            self.summary = event
        return True

    async def stop(self) -> int:
        """Have it stop; its exit code."""
        with suppress(ProcessLookupError):  # it has ended by itself, which its code will tell
            self.process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGTERM)
        return await self.process.wait()

    async def follow(self) -> None:
        """Read what it prints, to its end."""
        while await self._read_line():
            pass

    async def follow_errors(self) -> None:
        """The same for standard error, of which the beginning is kept."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            if len(self.errors) < 100:
                self.errors.append(line.decode(errors="replace").rstrip())


class Soak:
    """One run, and its verdict."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.archive = folder / "archive"
        self.files = folder / "files"
        self.films = folder / "films"
        self.files.mkdir()
        self.ledger = Ledger(random.Random(options.seed))
        self.wrong: list[str] = []
        self.stopped = asyncio.Event()

    async def run(self) -> None:
        """All of it."""
        sink = Sink()
        async with await serve(port=0, ae_title="SINK", handlers=Handlers(on_store=sink.on_store)) as server:
            self.listener = Listener(self.archive, server.port, self.films)
            await self.listener.start()
            self.watch = Watch(self.listener.process.pid)
            async with asyncio.TaskGroup() as group:
                group.create_task(self.listener.follow())
                group.create_task(self.listener.follow_errors())
                try:
                    await self._load(sink)
                    await self._ask_for_all()
                    await self._settle()
                finally:
                    code = await self.listener.stop()
        self.wrong += [] if code == 0 else [f"the listener ended with {code}"]
        self._judge()

    async def _load(self, sink: Sink) -> None:
        clients = Clients(self.listener.port, self.ledger, self.files, sink, self.stopped)
        rude = self.options.associations // 8
        async with asyncio.TaskGroup() as group:
            for number in range(self.options.associations):
                group.create_task(clients.rude(number) if number < rude else clients.good(number))
            await self._watch_for(60 * self.options.minutes)
            self.stopped.set()

    async def _watch_for(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until, told = loop.time() + seconds, 0.0
        never = asyncio.Event()
        while (left := until - loop.time()) > 0 and self.listener.process.returncode is None:
            sample = self.watch.look()
            if sample is not None and sample.seconds - told >= 60:
                told = sample.seconds
                done = sum(map(len, self.ledger.times.values()))
                print(
                    f"{told / 60:4.0f} min  {sample.memory / 2**20:6.1f} MiB  {sample.handles} handles  "
                    f"{sample.threads} threads  {done:,} requests  {len(self.ledger.faults)} faults",
                    *self.ledger.faults[-1:],
                    flush=True,
                )
            with suppress(TimeoutError):
                async with asyncio.timeout(min(SAMPLE_S, left)):
                    await never.wait()

    async def _ask_for_all(self) -> None:
        """The index knows every study with an acknowledged instance."""
        keys = Dataset()
        keys.StudyInstanceUID = ""
        async with connect(f"SOAK@127.0.0.1:{self.listener.port}") as assoc, assoc.find(keys, level="STUDY") as op:
            found = {match.dataset.StudyInstanceUID async for match in op}
        missing = {*self.ledger.studies, *self.ledger.open_studies} - {*map(str, found)}
        self.wrong += [f"the index does not know {len(missing)} studies"] if missing else []

    async def _settle(self) -> None:
        """Handles come back; a new peer is served meanwhile."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE_S
        never = asyncio.Event()
        async with await dial(self.listener.port):
            pass
        while (last := self.watch.look()) is not None and last.handles > self._base() and loop.time() < until:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await never.wait()
        if last is not None and last.handles > self._base():
            self.wrong.append(f"{last.handles} handles are open, {self._base()} are without peers")

    def _base(self) -> int:
        """Handles without any peer: those of the first sample, the index and the lock, which came later, and a few."""
        return self.watch.samples[0].handles + 8

    def _judge(self) -> None:
        growth, limit = self.watch.growth(), FLAT if self.options.minutes >= 20 else WARM
        if growth > limit:
            self.wrong.append(f"memory grew by {growth / 2**20:.1f} MiB from the second third to the last")
        self.wrong += differences(self.ledger, self.archive)
        self.wrong += self.ledger.faults[:20]
        acknowledged = len(self.ledger.must_be_there)
        if self.listener.summary.get("stored", 0) < acknowledged:
            self.wrong.append(f"{acknowledged} were acknowledged; the listener says {self.listener.summary}")
        self.wrong += [f"standard error: {line}" for line in self.listener.errors[:20]]

    def report(self) -> dict[str, Any]:
        """What is printed, as plain values."""
        ledger, samples = self.ledger, self.watch.samples
        services = {
            name: {
                "count": len(times),
                "median_ms": round(1000 * statistics.median(times), 1),
                "p99_ms": round(1000 * sorted(times)[int(0.99 * (len(times) - 1))], 1),
                "longest_ms": round(1000 * max(times), 1),
            }
            for name, times in sorted(ledger.times.items())
        }
        return {
            "minutes": self.options.minutes,
            "associations": self.options.associations,
            "services": services,
            "rude": dict(sorted(ledger.counts.items())),
            "acknowledged": len(ledger.must_be_there),
            "megabytes": round(ledger.sent_bytes / 1e6, 1),
            "unanswered": len(ledger.unanswered),
            "cut_off": len(ledger.broken),
            "memory_mib": [round(sample.memory / 2**20, 1) for sample in samples[:: max(1, len(samples) // 12)]],
            "growth_mib": round(self.watch.growth() / 2**20, 1),
            "handles": [samples[0].handles, max(s.handles for s in samples), samples[-1].handles] if samples else [],
            "threads": [samples[0].threads, max(s.threads for s in samples), samples[-1].threads] if samples else [],
            "events": dict(sorted(self.listener.events.items())),
            "wrong": self.wrong,
        }


def _print(report: dict[str, Any]) -> None:
    print(f"{report['associations']} peers for {report['minutes']:g} minutes")
    for name, row in report["services"].items():
        print(f"  {name:<9}{row['count']:>8,}  median {row['median_ms']:>7} ms  99% {row['p99_ms']:>8} ms  "
              f"longest {row['longest_ms']:>8} ms")  # fmt: skip
    for name in ("rude", "acknowledged", "megabytes", "unanswered", "cut_off", "memory_mib", "growth_mib", "handles",
                 "threads", "events"):  # fmt: skip
        print(f"  {name.replace('_', ' ')}: {report[name]}")
    for line in report["wrong"]:
        print(f"  WRONG: {line}")
    print("nothing lost" if not report["wrong"] else f"{len(report['wrong'])} things are wrong", flush=True)


def parser_of() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="soak", description="Hold a listener under load of mixed and rude peers.")
    parser.add_argument("--minutes", type=float, default=30.0, help="default: %(default)g")
    parser.add_argument("--associations", type=int, default=50, help="peers at a time (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the data go for the time being")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser


def main(argv: Sequence[str]) -> int:
    options = parser_of().parse_args(argv)

    async def play() -> dict[str, Any]:
        soak = Soak(options, Path(folder))
        await soak.run()
        return soak.report()

    with tempfile.TemporaryDirectory(prefix="dicomgui-soak-", dir=options.folder) as folder:
        report = asyncio.run(play())
        _print(report)  # now: to remove so many files takes its time
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 1 if report["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
