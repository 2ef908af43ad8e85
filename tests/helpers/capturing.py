"""Captures of the loopback, taken with dumpcap as Wireshark does it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from helpers import programs
from helpers.peers import DEADLINE_S, wait_until

LOOPBACK_DEVICE = "lo"


@cache
def can_capture() -> bool:
    """Whether this user may capture on the loopback: root may, and who is in the group of dumpcap."""
    try:
        command = [programs.find("dumpcap"), "-i", LOOPBACK_DEVICE, "-L"]
        return subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def capturing(path: Path, ports: Iterable[int], *, device: str = LOOPBACK_DEVICE) -> Iterator[None]:
    """Capture all TCP packets of these ports into a file; at the end it is complete."""
    expression = " or ".join(f"tcp port {port}" for port in ports)
    command = [programs.find("dumpcap"), "-i", device, "-q", "-B", "64", "-f", expression, "-w", str(path)]
    with (path.parent / f"{path.name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        # The file is there once the device is open; dumpcap writes what was captured when it is told to stop.
        wait_until(lambda: path.exists() or process.poll() is not None, "dumpcap captures")
        assert process.poll() is None, (path.parent / f"{path.name}.log").read_text()
        yield
        _wait_until_read(path)
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def _wait_until_read(path: Path) -> None:
    """Until the file has not grown for a few looks: what is under way in the kernel is then in it."""
    sizes: list[int] = []

    def is_quiet() -> bool:
        sizes.append(path.stat().st_size)
        return len(sizes) > 80 and len(set(sizes[-80:])) == 1

    wait_until(is_quiet, "dumpcap has written all packets")
