"""The tests pass where SIGINT is ignored, as a shell has it for a job in the background."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.source import ROOT

IGNORING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *sys.argv[1:]])
"""
NEED_IT = (
    "tests/unit/cli/test_session.py::test_a_signal_cancels_the_work_and_it_can_clean_up",  # the runner's own handler
    "tests/unit/network/client/test_sync.py::test_ctrl_c_during_a_store_aborts_and_ends_the_process[with]",  # a child's
)


@pytest.mark.skipif(sys.platform == "win32", reason="no signal is inherited there")
def test_what_sends_sigint_passes_where_it_is_ignored() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-c", IGNORING, *NEED_IT], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
