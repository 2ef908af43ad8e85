"""The programs that play against each other: ours (see :mod:`bench.ours`) and DCMTK's; others are `bench.guests`.

How time is taken: what counts is the time from the connection attempt to the end of the association. Our processes tell
it themselves. A DCMTK client is timed from outside; what it does before the association (start, and reading every file
once) is measured by running the same command against a port that nobody listens on, and subtracted. That costs the
client nothing, unlike a log line for each instance. The same baseline is used where the client is the same on both
sides.

"Tuned" DCMTK: TCP_NODELAY=1 in its environment, bit preserving (`+B`), PDUs of 128 KiB. "As shipped" has none of them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.ours import peak_kb
from helpers import peers, programs
from helpers.certificates import Authority, Pair

TESTS = Path(__file__).resolve().parents[1]
MAX_PDU = 131_072
DEADLINE_S = 600.0
_BASELINES = 5


class BenchError(Exception):
    """A program did not do its work, so there is nothing to compare."""


@dataclass(frozen=True)
class Run:
    """What one run of a client gave.

    :ivar seconds: of the association.
    :ivar peak_kb: the most memory that it had resident, where that could be seen.
    """

    seconds: float
    peak_kb: int


@dataclass
class Serving:
    """A server that listens.

    :ivar folder: where it keeps what comes.
    :ivar process: its number.
    :ivar peak_kb: the most memory that it had resident; known once it has been stopped.
    :ivar told: what it said at its end, if it is one that does.
    """

    port: int
    folder: Path
    process: int = 0
    peak_kb: int = 0
    told: dict[str, Any] = field(default_factory=dict)


@functools.cache
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    """Where programs find their modules compiled, once one has been started: as it is where they are installed."""
    return tempfile.TemporaryDirectory(prefix="dicomgui-bench-bytecode-")


def compile_modules() -> None:
    """Have the modules of all programs compiled, so that none of them pays for it in time or peak of memory."""
    names = ("ours", "our_queries", "our_archive", "pynetdicom_side", "bare", "limits")
    work = "; ".join(f"import bench.{name}" for name in names)
    subprocess.run([sys.executable, "-c", work], env=environment(tuned=False), cwd=TESTS, check=True)


def environment(*, tuned: bool) -> dict[str, str]:
    """What a program runs with; the source tree of this file is the one that is measured."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS.parent)))}
    if "PYTHONPYCACHEPREFIX" not in env:
        env["PYTHONPYCACHEPREFIX"] = _bytecode().name
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env.pop("TCP_NODELAY", None)
    if tuned:
        env["TCP_NODELAY"] = "1"
    return env


def resident_kb(process: int) -> int:
    """The memory of a process that is in use now, in KiB."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise BenchError(f"process {process} has ended")


@dataclass(frozen=True)
class Secured:
    """What TLS needs: a server with a certificate, and clients that trust its issuer and have none of their own."""

    issuer: Path
    pair: Pair

    @property
    def our_server(self) -> tuple[object, ...]:
        return ("--tls-cert", self.pair.cert, "--tls-key", self.pair.key)

    @property
    def our_client(self) -> tuple[object, ...]:
        return ("--tls-ca", self.issuer)

    @property
    def storescp(self) -> tuple[object, ...]:
        return ("+tls", self.pair.key, self.pair.cert, "-ic")

    @property
    def storescu(self) -> tuple[object, ...]:
        return ("+tla", "+cf", self.issuer)


@dataclass
class Players:
    """Starts programs; keeps the baselines.

    :ivar folder: for what servers receive.
    """

    folder: Path
    baselines: dict[tuple[str, ...], list[float]] = field(default_factory=dict)
    _number: int = 0

    @functools.cached_property
    def secured(self) -> Secured:
        """A certificate for this run."""
        folder = self.folder / "certificates"
        folder.mkdir()
        authority = Authority(folder)
        return Secured(authority.file, authority.issue())

    # servers

    @contextlib.contextmanager
    def our_listener(
        self,
        way: str = "app",
        *more: object,
        max_pdu: int = MAX_PDU,
        expect: int | None = None,
        place: Path | None = None,
        archive: Path | None = None,
    ) -> Iterator[Serving]:
        """Ours, from a fresh process with an empty folder.

        :param expect: how many instances it must have stored.
        :param place: where the folder is made; by default where all the others are.
        :param archive: a folder with something in it, to be used instead.
        """
        with self.empty_folder(place) as folder:
            command = our_program("ours", "listen", archive or folder, "--way", way, "--max-pdu", max_pdu, *more)
            with talking(command, archive or folder) as serving:
                yield serving
            serving.peak_kb = serving.told["peak_kb"]
            if expect is not None and serving.told["count"] != expect:
                raise BenchError(f"our listener stored {serving.told['count']} of {expect} instances")

    @contextlib.contextmanager
    def storescp(
        self,
        *options: object,
        tuned: bool = True,
        expect: int | None = None,
        place: Path | None = None,
        name: str = "storescp",
        env: Mapping[str, str] | None = None,
    ) -> Iterator[Serving]:
        """DCMTK's; or its other one, `dcmrecv`, which has other options for the same."""
        with self.empty_folder(place) as folder:
            port = peers.free_port()
            tuning = ("+B", "-pdu", MAX_PDU) if tuned else ()
            command = [str(programs.find(name)), *map(str, (*tuning, *options, "-od", folder, port))]
            with foreign_server(command, port, env or environment(tuned=tuned)) as process:
                serving = Serving(port, folder, process)
                yield serving
                serving.peak_kb = peak_kb(process)
                stored = sum(1 for _ in folder.iterdir())
                if expect is not None and stored != expect:
                    raise BenchError(f"{name} stored {stored} of {expect} instances")

    @contextlib.contextmanager
    def empty_folder(self, place: Path | None = None) -> Iterator[Path]:
        """A folder of its own, for one run."""
        self._number += 1
        folder = (place or self.folder) / f"received-{self._number}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)  # before the next run, so that the disk is not still busy with it

    # clients

    def our_send(self, port: int, source: Path, way: str = "app", *more: object) -> Run:
        """Ours, as `dicomgui send` does it, or by the network package alone."""
        return telling(our_program("ours", "send", port, source, "--way", way, *more))

    def our_associations(self, port: int, count: int, *more: object) -> Run:
        """Ours, one after the other, each with one C-ECHO."""
        return telling(our_program("ours", "associate", port, count, *more))

    def our_echo(self, port: int, count: int) -> Run:
        """Ours, so many on one association."""
        return telling(our_program("ours", "echo", port, count))

    def dcmsend(self, port: int, source: Path, *, tuned: bool = True, watch: bool = False) -> Run:
        """DCMTK's, one association; ``watch`` its memory."""
        tuning = ("-pdu", MAX_PDU) if tuned else ()
        return self._foreign("dcmsend", tuned, (*tuning, "+sd"), port, source, watch=watch)

    def storescu(self, port: int, source: Path, *more: object) -> Run:
        """DCMTK's, tuned, one association; unlike `dcmsend` it speaks TLS."""
        return self._foreign("storescu", True, (*more, "-pdu", MAX_PDU, "+sd"), port, source)

    def echoscu(self, port: int, count: int) -> Run:
        """DCMTK's, tuned, so many on one association."""
        return self._foreign("echoscu", True, ("--repeat", count), port)

    def findscu(self, port: int, *keys: str) -> Run:
        """DCMTK's, tuned, one query at study level; it says nothing of what it finds."""
        given = [part for key in keys for part in ("-k", key)]
        return self._foreign("findscu", True, ("-q", "-sr", "-S", *given), port)

    def _foreign(
        self, name: str, tuned: bool, options: Sequence[object], port: int, *rest: object, watch: bool = False
    ) -> Run:
        def command(port: int) -> list[str]:
            return [str(programs.find(name)), *map(str, (*options, "127.0.0.1", port, *rest))]

        known = self.baselines.setdefault((name, str(tuned), *map(str, (*options, *rest))), [])
        if len(known) < _BASELINES:
            code, seconds, _ = _timed(command(peers.free_port()), tuned, quiet=True)
            if code == 0:
                raise BenchError(f"{name} found a server where there is none")
            known.append(seconds)
        code, seconds, peak = _timed(command(port), tuned, watch=watch)
        if code:
            raise BenchError(f"{name} ended with {code}")
        return Run(max(seconds - statistics.median(known), 1e-6), peak)


# -- programs that tell by themselves ----------------------------------------------------------------------------------


def our_program(module: str, *arguments: object) -> list[str]:
    """The command for a program of this package."""
    return [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]


def told_by(command: Sequence[str], env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a program to its end; gives the JSON of its last line.

    :raises BenchError: it failed.
    """
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=env or environment(tuned=False),
        cwd=TESTS, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchError(f"{_name_of(command)} ended with {done.returncode}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def telling(command: Sequence[str], env: Mapping[str, str] | None = None) -> Run:
    """The same for a client, which tells its seconds and perhaps its memory."""
    told = told_by(command, env)
    return Run(told["seconds"], told.get("peak_kb", 0))


@contextlib.contextmanager
def talking(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """A program that says its port, works until its standard input is closed, and then tells what it did."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, env=env or environment(tuned=False), cwd=TESTS
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise BenchError(f"{_name_of(command)} ended with {process.wait(DEADLINE_S)}")
            serving = Serving(json.loads(line)["port"], folder, process.pid)
            yield serving
            output, _ = process.communicate(timeout=DEADLINE_S)
        finally:
            process.kill()
    if process.returncode:
        raise BenchError(f"{_name_of(command)} ended with {process.returncode}")
    serving.told = json.loads(output.splitlines()[-1])


@contextlib.contextmanager
def foreign_server(command: Sequence[str], port: int, env: Mapping[str, str], *, quiet: bool = False) -> Iterator[int]:
    """A program that listens on a port until it is stopped; gives its number."""
    null = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null if quiet else None, env=env)
    try:
        name = _name_of(command)
        peers.wait_until(lambda: peers.is_listening(port) or process.poll() is not None, f"{name} listens")
        if process.poll() is not None:
            raise BenchError(f"{name} ended with {process.returncode}")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _name_of(command: Sequence[str]) -> str:
    """How a program is called in an error."""
    words = [word for word in command if not word.startswith(("-", "/"))]
    return " ".join(words[:2]) if command[0] == sys.executable else Path(command[0]).name


# -- programs that are timed from outside ------------------------------------------------------------------------------


def _timed(command: Sequence[str], tuned: bool, *, quiet: bool = False, watch: bool = False) -> tuple[int, float, int]:
    """Exit code, seconds and (if it is watched) peak memory in KiB of a program."""
    null = subprocess.DEVNULL
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdin=null, stdout=null, stderr=null if quiet else None, env=environment(tuned=tuned)
    ) as process:
        guard = threading.Timer(DEADLINE_S, process.kill)
        guard.start()
        peak = _peak_until_end(process) if watch else 0
        # Without a time limit of its own, with which it would look only now and then.
        code = process.wait()
        seconds = time.perf_counter() - start
        guard.cancel()
        return code, seconds, peak


def _peak_until_end(process: subprocess.Popen[bytes]) -> int:
    """Looks at it while it runs: a high-water mark only grows, and ends with the process."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_kb(process.pid))
        time.sleep(0.002)
    return peak
