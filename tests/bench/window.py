"""What is measured of the running window: the rows U1 to U5, V7 and V13 of the project's budgets.

How late the window is, is compared with the same window while nothing happens: that is what the machine itself does.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.contests import Contest, Figures, Measure, Rows, Stage, rate, unit
from bench.data import Work
from bench.players import (
    DEADLINE_S,
    MAX_PDU,
    TESTS,
    BenchError,
    Players,
    Run,
    environment,
    our_program,
    talking,
    told_by,
)
from helpers import programs

SENDERS = 8

_EMPTY_WINDOW = """
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication([]); window = QMainWindow(); window.show(); window.repaint(); print("{}", flush=True)
"""

_MODULES = "import dicomgui.cli.main, dicomgui.cli.commands, dicomgui.app.echo, dicomgui.gui.main, bench.window_start"


# -- programs --------------------------------------------------------------------------------------------------------


def _our_window(*arguments: object) -> list[str]:
    return our_program("our_window", *arguments)


@contextlib.contextmanager
def _listening(players: Players, result: dict[str, float]) -> Iterator[int]:
    """Our window with its listener on; gives the port, and fills in what the window tells at its end."""
    with players.empty_folder() as folder:
        with talking(_our_window("listen", folder), folder) as serving:
            yield serving.port
        result.update(serving.told)


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


def _late(stage: Stage, name: str, text: str, work: Figures, goals: tuple[float, float]) -> Iterator[Contest]:
    """How late a timer of 16 ms was in the window's thread, beside the same window while nothing happens."""
    seconds = stage.scale.idle_s
    idle = stage.figures("idle", lambda: told_by(_our_window("idle", seconds)))
    for figure, goal in zip(("p99", "worst"), goals, strict=True):
        yield Contest(
            name, f"window late by, {figure}, {text}", "the same window, idle", "ms", goal,
            work.figure(figure), idle.figure(figure), True,
        )  # fmt: skip


def _u1(stage: Stage) -> Iterator[Contest]:
    """Large objects on one association, at full speed, the trace in view."""
    ct = stage.scale.ct
    work = Work("window", ct.count * stage.scale.repeated, ct.size)
    busy = stage.figures("U1", lambda: _receive(stage.players, [stage.source(work)], work.count))
    return _late(stage, "U1", f"receiving CT ({work.text})", busy, (25.0, 50.0))


def _u2(stage: Stage) -> Iterator[Contest]:
    """Tiny objects on eight associations."""
    work = stage.scale.tiny
    text = f"receiving tiny ({work.text}) on {SENDERS} associations"
    busy = stage.figures("U2", lambda: _receive(stage.players, _shares(stage, work), work.count))
    return _late(stage, "U2", text, busy, (30.0, 60.0))


def _found(stage: Stage, count: int) -> Figures:
    """The window asks for so many matches."""

    def run() -> dict[str, float]:
        with talking(our_program("our_queries", "provide"), stage.folder) as server:
            return told_by(_our_window("find", server.port, count))

    return stage.figures(f"find {count}", run)


def _u3(stage: Stage) -> Iterator[Contest]:
    """Matches stream into the table."""
    count = stage.scale.streamed
    text = f"{count:,} matches streaming into the table"
    found = _found(stage, count)
    seconds = found.figure("seconds")
    yield from _late(stage, "U3", text, found, (33.0, 80.0))
    work = f"C-FIND of {count:,} matches into the table"
    yield Contest("U3", work, "–", "matches/s", None, lambda: count / seconds(), None)


def _u4(stage: Stage) -> Iterator[Contest]:
    """Cancel of each kind of work."""
    guests = stage.guests

    def cancelled() -> dict[str, float]:
        with (
            talking(our_program("our_queries", "provide"), stage.folder) as provider,
            guests.staller() as staller,
            stage.players.empty_folder() as folder,
        ):
            source = stage.source(stage.scale.ct)
            return told_by(_our_window("cancel", provider.port, staller.port, source, folder))

    figures = stage.figures("U4", cancelled)
    for name, what in (
        ("query", "a query with matches without end"),
        ("send", "a send to a peer that has stopped reading"),
        ("echo", "an echo that is not answered"),
        ("import", "an import"),
    ):
        yield Contest("U4", f"idle after cancel of {what}", "–", "s", 1.0, figures.figure(name), None, True)


def _v13(stage: Stage) -> Iterator[Contest]:
    """Our provider answers both; our matches become rows of a table, pynetdicom's are decoded."""
    count = stage.scale.matches
    seconds = _found(stage, count).figure("seconds")

    def pynetdicom() -> float:
        with talking(our_program("our_queries", "provide"), stage.folder) as server:
            return count / stage.guests.pynetdicom_user("find", server.port, count).seconds

    yield Contest(
        "V13", f"C-FIND of {count:,} matches into the table", "pynetdicom", "matches/s", 20.0,
        lambda: count / seconds(), pynetdicom,
    )  # fmt: skip


def _as_installed(stage: Stage) -> dict[str, str]:
    """The environment of a program whose modules have been compiled, as an installer or the first start does it."""
    env = {**environment(tuned=False), "PYTHONPYCACHEPREFIX": str(stage.folder / "bytecode")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-c", _MODULES], env=env, cwd=TESTS, check=True, timeout=DEADLINE_S)
    return env


def _u5(stage: Stage) -> Iterator[Contest]:
    """From the start of the process until the window can be used; the whole of one `dicomgui echo`."""
    players, installed = stage.players, _as_installed(stage)

    def first_line(command: Sequence[str]) -> Measure:
        def measure() -> float:
            start = time.perf_counter()
            env = {**installed, "QT_QPA_PLATFORM": "offscreen", "DICOMGUI_CONFIG": str(stage.folder / "settings")}
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
                subprocess.run(
                    command(server.port), env=installed, check=True, stdout=quiet, stdin=quiet, timeout=DEADLINE_S
                )
                return time.perf_counter() - start

        return measure

    yield Contest(
        "U5", "window usable after start", "an empty window of PySide6", "s", 1.2,
        first_line(our_program("window_start")), first_line([sys.executable, "-c", _EMPTY_WINDOW]), True,
    )  # fmt: skip
    yield Contest(
        "U5", "`dicomgui echo`, the whole process", "echoscu", "s", 0.5,
        echoing(lambda port: [sys.executable, "-m", "dicomgui", "echo", f"BENCH@127.0.0.1:{port}"]),
        echoing(lambda port: [str(programs.find("echoscu")), "127.0.0.1", str(port)]), True,
    )  # fmt: skip


def _v7(stage: Stage) -> Iterator[Contest]:
    """V1 and V3 in the running window, the trace in view, against the same without a window."""
    players = stage.players

    def contest(work: Work, goal: float, *, receives: bool, is_variant: bool) -> Contest:
        def receive() -> float:
            result: dict[str, float] = {}
            with _listening(players, result) as port:
                seconds = players.dcmsend(port, stage.source(work)).seconds
            return rate(Run(seconds, 0), work)

        def send() -> float:
            with players.storescp(expect=work.count) as server:
                seconds = told_by(_our_window("send", server.port, stage.source(work)))["seconds"]
                return rate(Run(seconds, 0), work)

        ours, peer = (receive, stage.our_receive(work)) if receives else (send, stage.our_send(work))
        text = f"{'receive' if receives else 'send'} {work.name} in the window ({work.text})"
        return Contest("V7", text, "plain asyncio", unit(work), goal, ours, peer, is_variant=is_variant)

    for receives in (False, True):
        for work, goal in ((stage.scale.ct, 0.85), (stage.scale.tiny, 0.7)):
            yield contest(work, goal, receives=receives, is_variant=receives or work is stage.scale.ct)


GROUPS: dict[str, Rows] = {
    "V7": _v7, "V13": _v13, "U1": _u1, "U2": _u2, "U3": _u3, "U4": _u4, "U5": _u5,
}  # fmt: skip
