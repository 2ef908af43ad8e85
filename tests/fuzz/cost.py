"""Time and memory that an input takes, and what one of its length may take."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class TooSlow(Exception):
    """An input took too long."""


class TooMuch(Exception):
    """An input needed too much memory."""


class Allowance(NamedTuple):
    """Time and memory that are allowed for an input: so much for any, and so much for each byte of it."""

    base_s: float
    per_byte_s: float
    base_bytes: int
    per_byte_bytes: int


PLAIN = Allowance(0.3, 10e-6, 8 * 2**20, 256)
"""About five times what sound inputs and those that are filled up take: 1 s and 24 MiB for 64 KiB."""

INFLATED = Allowance(1.5, 10e-6, 64 * 2**20, 256)
"""For what may hold deflated data: the limit of one data set, inflated and decoded, stands for all of them."""


class Cost(NamedTuple):
    """Seconds of CPU time, and bytes by which the memory rose at its peak."""

    seconds: float
    grown_bytes: int


def cost_of(run: Callable[[bytes], None], data: bytes) -> Cost:
    """The cost of one input."""
    before, began = begin_peak(), time.process_time()
    run(data)
    return Cost(time.process_time() - began, peak_bytes() - before)


def excess_of(cost: Cost, size: int, allowance: Allowance, slower: float = 1.0) -> TooSlow | TooMuch | None:
    """The error where an input of ``size`` bytes cost more than is allowed.

    :param slower: factor for the time, of what is measured or instrumented.
    """
    if cost.seconds > slower * (allowance.base_s + size * allowance.per_byte_s):
        return TooSlow(f"{size} bytes took {cost.seconds:.1f} s")
    if cost.grown_bytes > allowance.base_bytes + size * allowance.per_byte_bytes:
        return TooMuch(f"{size} bytes took {cost.grown_bytes >> 20} MiB")
    return None


def begin_peak() -> int:
    """Count the peak of this process's memory from now on where the system can; returns what it is to be above."""
    if sys.platform.startswith("linux"):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status_bytes("VmRSS")
    return peak_bytes()


def peak_bytes() -> int:
    """The peak of this process's memory; 0 where the system does not say."""
    if sys.platform.startswith("linux"):
        return _status_bytes("VmHWM")
    if importlib.util.find_spec("resource") is None:
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status_bytes(field: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(text.partition(f"{field}:")[2].split(maxsplit=1)[0]) * 1024
