from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from dicomgui.gui.running.reporter import Reporter


def test_a_report_is_one_line() -> None:
    reporter = Reporter()
    reporter.report("it\nfailed", ValueError("a\n\tb"))
    assert reporter.drain() == ["it failed: ValueError: a b"]
    assert reporter.drain() == []


@pytest.mark.qt
async def test_loop_interpreter_and_threads_end_in_it() -> None:
    reporter = Reporter()
    loop = asyncio.get_running_loop()
    before = sys.excepthook, threading.excepthook
    reporter.install(loop)
    try:
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        loop.call_exception_handler({})
        sys.excepthook(ValueError, ValueError("slot"), None)
        thread = threading.Thread(target=lambda: [][1])
        thread.start()
        thread.join()
    finally:
        reporter.uninstall()
        sys.excepthook, threading.excepthook = before
    lines = reporter.drain()
    assert len(lines) == 4
    assert "ZeroDivisionError" in lines[0]
    assert "the event loop failed" in lines[1]
    assert "slot" in lines[2]
    assert "IndexError" in lines[3]


def test_ctrl_c_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    reporter._on_exception(KeyboardInterrupt, KeyboardInterrupt(), None)
    reporter._on_thread_exception(threading.ExceptHookArgs((SystemExit, SystemExit(), None, None)))
    assert reporter.count == 0
    assert "KeyboardInterrupt" in capsys.readouterr().err
