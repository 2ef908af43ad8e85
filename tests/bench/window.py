"""What is measured of the running window: the rows U1, U2, U5 and V7 of the project's budgets.

How late the window is, is compared with the same window while nothing happens: that is what the machine itself does.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.contests import Contest, Measure, Stage
from bench.data import Work
from bench.players import DEADLINE_S, MAX_PDU, TESTS, BenchError, Players, environment
from helpers import programs

SENDERS = 8
TIMES_CT = 4
"""U1 receives so many times the images of the other rows: a percentile needs some hundred ticks of the timer."""
IDLE_S = 2.0

_EMPTY_WINDOW = """
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication([]); window = QMainWindow(); window.show(); window.repaint(); print("{}", flush=True)
"""


@dataclass
class Late:
    """How late a timer of 16 ms was in the window's thread; one run gives several figures, each asked for in turn.

    :ivar run: does the work once; gives what `bench.our_window` tells.
    """

    run: Callable[[], dict[str, float]]
    _waiting: dict[str, deque[float]] = field(default_factory=dict)

    def figure(self, name: str) -> Measure:
        """One of the figures, for a contest."""
        waiting = self._waiting.setdefault(name, deque())

        def measure() -> float:
            if not waiting:
                result = self.run()
                for known, values in self._waiting.items():
                    values.append(result[known])
            return waiting.popleft()

        return measure


# -- programs --------------------------------------------------------------------------------------------------------


def _our_window(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "bench.our_window", *map(str, arguments)]


def _result(command: Sequence[str]) -> dict[str, float]:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment(tuned=False), cwd=TESTS,
        timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchError(f"our window ended with {done.returncode}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


@contextlib.contextmanager
def _listening(players: Players, result: dict[str, float]) -> Iterator[int]:
    """Our window with its listener on; gives the port, and fills in what the window tells at its end."""
    with players._empty_folder() as folder:
        command, pipe = _our_window("listen", folder), subprocess.PIPE
        env = environment(tuned=False)
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env, cwd=TESTS) as process:
            assert process.stdout is not None
            try:
                yield int(json.loads(process.stdout.readline())["port"])
                output, _ = process.communicate(timeout=DEADLINE_S)
            finally:
                process.kill()
        result.update(json.loads(output.splitlines()[-1]))


def _receive(players: Players, sources: Sequence[Path], count: int) -> dict[str, float]:
    """The window receives from one dcmsend for each source, all at once."""
    result: dict[str, float] = {}
    with _listening(players, result) as port, contextlib.ExitStack() as senders:
        running = []
        for source in sources:
            command = [str(programs.find("dcmsend")), "-pdu", str(MAX_PDU), "+sd", "127.0.0.1", str(port), str(source)]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment(tuned=True))
            running.append(senders.enter_context(process))
        codes = [process.wait(DEADLINE_S) for process in running]
    if any(codes) or result["count"] != count:
        raise BenchError(f"the window stored {result['count']} of {count} instances; dcmsend ended with {codes}")
    return result


def _shares(stage: Stage, work: Work) -> list[Path]:
    """The instances of a work in eight folders."""
    files = sorted(stage.source(work).iterdir())
    folders = [stage.folder / f"{work.name}-{number}" for number in range(SENDERS)]
    for number, folder in enumerate(folders):
        if not folder.exists():
            folder.mkdir()
            for path in files[number::SENDERS]:
                (folder / path.name).hardlink_to(path)
    return folders


# -- the rows --------------------------------------------------------------------------------------------------------


def _late(name: str, text: str, busy: Callable[[], dict[str, float]], p99: float, worst: float) -> Iterator[Contest]:
    work, idle = Late(busy), Late(lambda: _result(_our_window("idle", IDLE_S)))
    for figure, goal in (("p99", p99), ("worst", worst)):
        yield Contest(
            name, f"window late by, {figure}, {text}", "the same window, idle", "ms", goal,
            work.figure(figure), idle.figure(figure), True,
        )  # fmt: skip


def _u1(stage: Stage) -> Iterator[Contest]:
    """Large objects on one association, at full speed, the trace in view."""
    ct = stage.scale.ct
    work = Work("window", ct.count * TIMES_CT, ct.size)
    text = f"receiving CT ({work.text})"
    return _late("U1", text, lambda: _receive(stage.players, [stage.source(work)], work.count), 25.0, 50.0)


def _u2(stage: Stage) -> Iterator[Contest]:
    """Tiny objects on eight associations."""
    work = stage.scale.tiny
    text = f"receiving tiny ({work.text}) on {SENDERS} associations"
    return _late("U2", text, lambda: _receive(stage.players, _shares(stage, work), work.count), 30.0, 60.0)


def _u5(stage: Stage) -> Iterator[Contest]:
    """From the start of the process until the window can be used; the whole of one `dicomgui echo`."""
    players = stage.players

    def first_line(command: Sequence[str]) -> Measure:
        def measure() -> float:
            start = time.perf_counter()
            env = {**environment(tuned=False), "QT_QPA_PLATFORM": "offscreen"}
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=TESTS) as process:
                assert process.stdout is not None
                line = process.stdout.readline()
                seconds = time.perf_counter() - start
                process.communicate(timeout=DEADLINE_S)
            if not line or process.returncode:
                raise BenchError(f"the window ended with {process.returncode}")
            return seconds

        return measure

    def echoing(command: Callable[[int], list[str]]) -> Measure:
        def measure() -> float:
            with players.storescp() as server:
                start = time.perf_counter()
                quiet = subprocess.DEVNULL
                subprocess.run(command(server.port), check=True, stdout=quiet, stdin=quiet, timeout=DEADLINE_S)
                return time.perf_counter() - start

        return measure

    yield Contest(
        "U5", "window usable after start", "an empty window of PySide6", "s", 1.2,
        first_line(_our_window("start")), first_line([sys.executable, "-c", _EMPTY_WINDOW]), True,
    )  # fmt: skip
    yield Contest(
        "U5", "`dicomgui echo`, the whole process", "echoscu", "s", 0.5,
        echoing(lambda port: [sys.executable, "-m", "dicomgui", "echo", f"BENCH@127.0.0.1:{port}"]),
        echoing(lambda port: [str(programs.find("echoscu")), "127.0.0.1", str(port)]), True,
    )  # fmt: skip


def _v7(stage: Stage) -> Iterator[Contest]:
    """V1 and V3 in the running window, the trace in view, against the same without a window."""
    players = stage.players

    def rate(work: Work, seconds: float) -> float:
        return work.count / seconds if work.name == "tiny" else work.total_bytes / 2**20 / seconds

    def contest(work: Work, goal: float, *, receives: bool) -> Contest:
        def receive() -> float:
            result: dict[str, float] = {}
            with _listening(players, result) as port:
                seconds = players.dcmsend(port, stage.source(work)).seconds
            return rate(work, seconds)

        def receive_plainly() -> float:
            with players.our_listener(expect=work.count) as server:
                return rate(work, players.dcmsend(server.port, stage.source(work)).seconds)

        def send() -> float:
            with players.storescp(expect=work.count) as server:
                return rate(work, _result(_our_window("send", server.port, stage.source(work)))["seconds"])

        def send_plainly() -> float:
            with players.storescp(expect=work.count) as server:
                return rate(work, players.our_send(server.port, stage.source(work)).seconds)

        unit = "instances/s" if work.name == "tiny" else "MB/s"
        ours, peer = (receive, receive_plainly) if receives else (send, send_plainly)
        text = f"{'receive' if receives else 'send'} {work.name} in the window ({work.text})"
        return Contest("V7", text, "plain asyncio", unit, goal, ours, peer)

    for receives in (False, True):
        for work, goal in ((stage.scale.ct, 0.85), (stage.scale.tiny, 0.7)):
            yield contest(work, goal, receives=receives)


GROUPS: dict[str, Callable[[Stage], Iterator[Contest]]] = {"U1": _u1, "U2": _u2, "U5": _u5, "V7": _v7}
