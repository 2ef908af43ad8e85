"""What holds for every test: the loop it runs on, what it may not leave behind, and which programs it needs."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import itertools
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import pytest
import pytestqt.plugin
from helpers import programs
from hypothesis import settings

from dicomgui.network import eager_event_loop

if TYPE_CHECKING:
    from dicomgui.app.context import AppContext

_config = tempfile.TemporaryDirectory(prefix="dicomgui-config-")
os.environ["DICOMGUI_CONFIG"] = _config.name  # no test reads or changes the settings of whoever runs it

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # A shell ignores it for a job in the background, and each process that is started inherits that: the tests would
    # wait for the end of what they have told to end.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")  # how long an example takes depends on who else uses the machine

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


# -- options and selection -------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests that are marked long")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for, and off Linux what needs foreign programs; nothing is skipped silently."""
    linux = sys.platform.startswith("linux")

    def wanted(item: pytest.Item) -> bool:
        if item.get_closest_marker("long") and not config.getoption("--long"):
            return False
        return linux or not item.get_closest_marker("interop")

    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    for item in items:
        if _runs_on_qt(item) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(HANGS_S, method="thread"))
    left_out = [item for item in items if not wanted(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if wanted(item)]


HANGS_S = 240
"""A test on Qt's loop that takes so long ends the run, with the stacks of all threads. While nothing happens that loop
runs no Python, so the handler of a signal, which would fail that test alone, does not run either."""


def _runs_on_qt(item: pytest.Item) -> bool:
    return "gui" in item.path.parts or any(item.get_closest_marker(name) for name in ("qt", "any_loop"))


PASSED = pytest.StashKey[set[str]]()
"""The tests that have passed so far, each as ``file.py::name``."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note which tests ran: what claims to be proved by a test is checked against it at the end."""
    report = yield
    if report.when == "call" and report.passed:
        name = item.originalname if isinstance(item, pytest.Function) else item.name
        item.config.stash.setdefault(PASSED, set()).add(f"{item.path.name}::{name}")
    return report


@pytest.fixture
def passed_tests(request: pytest.FixtureRequest) -> set[str]:
    """The tests that have passed so far in this run, each as ``file.py::name``."""
    return request.config.stash.setdefault(PASSED, set())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test with foreign programs fails where one is missing: a green run means that they were talked to."""
    for marker in item.iter_markers("interop"):
        missing = [name for name in marker.args if not programs.is_there(name)]
        if missing:
            pytest.fail(f"missing: {', '.join(missing)} (packaging/bootstrap.py test installs them)", pytrace=False)


@pytest.fixture
def context() -> Iterator[AppContext]:
    """What the use cases share, for one test."""
    from dicomgui.app.context import AppContext

    with AppContext() as made:
        yield made


# -- event loops -----------------------------------------------------------------------------------------------------


class LoopLog:
    """What went wrong in the event loops of one test."""

    def __init__(self) -> None:
        self.loops = 0
        self.errors: list[str] = []

    def watch(self, loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
        self.loops += 1
        loop.set_exception_handler(self._on_error)
        return loop

    def _on_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def leaked(self, tasks: set[asyncio.Task[Any]]) -> None:
        self.errors.extend(f"leaked task {task!r}" for task in tasks)


_log = LoopLog()
_collections = itertools.count()

FREEZE_EACH = 200
"""A full collection walks all that a long run has piled up; what is there after so many is left out from then on."""


def _plain_loop() -> asyncio.AbstractEventLoop:
    """The loop of the command line and of the blocking library."""
    return _log.watch(eager_event_loop())


def _uv_loop() -> asyncio.AbstractEventLoop:
    """A loop that is none of ours, and no subclass of asyncio's: users of the library may have it."""
    import uvloop

    return _log.watch(uvloop.new_event_loop())


def _qt_loop() -> asyncio.AbstractEventLoop:
    """The product's own loop on the application that pytest-qt uses, too."""
    if importlib.util.find_spec("dicomgui.gui.running.loop") is not None:
        from dicomgui.gui.running.loop import new_event_loop

        return _log.watch(new_event_loop())
    from concurrent.futures import ThreadPoolExecutor

    import PySide6.QtWidgets
    import qasync

    app = PySide6.QtWidgets.QApplication.instance() or PySide6.QtWidgets.QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)  # else a window that closes stops the loop under running tasks
    loop = qasync.QEventLoop(app)
    loop.set_default_executor(ThreadPoolExecutor(4))  # qasync's own threads are invisible to coverage
    return _log.watch(loop)


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    if item.get_closest_marker("any_loop"):
        others = {"uvloop": _uv_loop} if item.get_closest_marker("uvloop") and sys.platform != "win32" else {}
        return {"asyncio": _plain_loop, "qt": _qt_loop, **others}
    return {"qt": _qt_loop} if item.get_closest_marker("qt") else {"asyncio": _plain_loop}


@pytest.fixture(scope="session", autouse=True)
def _leave_qt_events_to_the_loop() -> Iterator[None]:
    """pytest-qt processes events between the phases of a test; tasks of a loop that stands still would run and fail."""
    process = pytestqt.plugin._process_events
    pytestqt.plugin._process_events = lambda: None if _log.loops else process()
    yield
    pytestqt.plugin._process_events = process


@pytest.fixture(scope="session", autouse=True)
def _report_tasks_that_a_runner_cancels() -> Iterator[None]:
    """`asyncio.Runner` cancels in silence what still runs when it closes: see those tasks before they are gone."""
    cancel = asyncio.runners._cancel_all_tasks

    def report(loop: asyncio.AbstractEventLoop) -> None:
        _log.leaked(asyncio.all_tasks(loop))
        cancel(loop)

    asyncio.runners._cancel_all_tasks = report
    yield
    asyncio.runners._cancel_all_tasks = cancel


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaks a task, whose loop reported an error, or that leaves a socket or transport open.

    It is set up before the loop of an async test and so looks when that is closed. Open sockets and unawaited results
    make themselves known when they are collected, which is done here, in the test that they belong to.
    """
    _log.__init__()
    yield
    if _log.loops:
        gc.collect()
        if next(_collections) % FREEZE_EACH == 0:
            gc.freeze()  # modules, reports and caches: later collections need not walk them
    if _log.errors:
        pytest.fail("\n".join(_log.errors), pytrace=False)
