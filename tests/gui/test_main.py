"""The program from its start to its end, as a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers import peers

from dicomgui.app.assets import resource

# The window says that it is there by calling run_window; from then on it can be ended.
CODE = """
import asyncio, os, signal, sys
from dicomgui.gui import main

wait = main.run_window

async def end_soon(window):
    loop = asyncio.get_running_loop()
    if {signal!r} == "close":
        loop.call_soon(window.close)
    else:
        loop.call_later(0.1, os.kill, os.getpid(), getattr(signal, {signal!r}))
    await wait(window)

main.run_window = end_soon
sys.exit(main.main())
"""

CODE_WITH_FILES = """
import asyncio, sys
from pathlib import Path
from dicomgui.gui import main

wait = main.run_window

async def end_soon(window):
    while not window.send.model.count:
        await asyncio.sleep(0.02)
    print(window.panel.key, window.send.model.count)
    window.close()
    await wait(window)

main.run_window = end_soon
sys.exit(main.main([Path(sys.argv[1])]))
"""


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("close", 0),
        pytest.param("SIGINT", 0, marks=pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")),
        pytest.param("SIGTERM", 0, marks=pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")),
    ],
)
def test_it_ends_in_order(name: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE.format(signal=name)],
        capture_output=True, text=True, timeout=60, check=False, env=peers.environment(QT_QPA_PLATFORM="offscreen"),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, "")


def test_files_that_it_is_started_with_are_taken_as_if_dropped() -> None:
    sample = resource("selftest/1.2.840.10008.1.2.dcm")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE_WITH_FILES, str(sample)],
        capture_output=True, text=True, timeout=60, check=False, env=peers.environment(QT_QPA_PLATFORM="offscreen"),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "send 1\n", "")
