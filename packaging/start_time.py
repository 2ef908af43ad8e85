"""How long the window takes from the start of the program until it is on the screen.

    xvfb-run -a python3 packaging/start_time.py [--runs 5] [PROGRAM [ARGUMENT ...]]

PROGRAM is that of a bundle or an installed one; without it this source tree is started, by the Python that runs this.
Its modules are compiled once before. `xdotool` sees the window; each start has a home of its own, so that there are no
settings. Prints each time, the processor's time until then and the memory, and their medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

POLL_S = 0.01
DEADLINE_S = 60.0


class Start(NamedTuple):
    """Seconds until the window was seen, of the processor until then, and megabytes (10^6 bytes) in memory."""

    seconds: float
    processor_s: float
    megabytes: float


def is_seen() -> bool:
    """Whether the window is on the screen."""
    search = ["xdotool", "search", "--onlyvisible", "--name", "^dicomgui$"]
    return subprocess.run(search, capture_output=True, check=False).returncode == 0


def used(process: int) -> tuple[float, float]:
    """Seconds of the processor, and megabytes, of a process on Linux."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def start(command: list[str], environment: dict[str, str]) -> Start:
    """One start.

    :raises SystemExit: there is no window after a minute, or the program ended.
    """
    with tempfile.TemporaryDirectory(prefix="dicomgui-start-") as home:
        began = time.perf_counter()
        with subprocess.Popen(command, env={**environment, "HOME": home}) as program:
            try:
                while not is_seen():
                    if program.poll() is not None or time.perf_counter() - began > DEADLINE_S:
                        raise SystemExit("start_time: no window came")
                    time.sleep(POLL_S)
                return Start(time.perf_counter() - began, *used(program.pid))
            finally:
                program.terminate()
                program.wait(DEADLINE_S)


def main() -> int:
    parser = argparse.ArgumentParser(description="How long the window takes until it is on the screen.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("command", nargs="*")
    options = parser.parse_args()
    if shutil.which("xdotool") is None or not os.environ.get("DISPLAY"):
        raise SystemExit("start_time: it needs xdotool, and a display: start it by xvfb-run -a")
    command = options.command or [sys.executable, "-m", "dicomgui"]
    with tempfile.TemporaryDirectory(prefix="dicomgui-bytecode-") as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        start(command, environment)  # files come from the disk, and modules are compiled
        starts = [start(command, environment) for _ in range(options.runs)]
    for one in starts:
        print(f"{one.seconds:.2f} s, of the processor {one.processor_s:.2f} s, {one.megabytes:.0f} MB")
    median = Start(*map(statistics.median, zip(*starts, strict=True)))
    print(
        f"median of {len(starts)}: {median.seconds:.2f} s, of the processor {median.processor_s:.2f} s, "
        f"{median.megabytes:.0f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
