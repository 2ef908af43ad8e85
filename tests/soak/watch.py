"""What a process holds, now and over time."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import NamedTuple


class Sample(NamedTuple):
    """What a process held at a moment.

    :ivar seconds: since the beginning.
    :ivar memory: resident, in bytes.
    """

    seconds: float
    memory: int
    handles: int
    threads: int


class Watch:
    """Looks at a process through `/proc`; where there is none, it sees nothing.

    :ivar samples: the oldest first.
    """

    def __init__(self, pid: int) -> None:
        self._place = Path(f"/proc/{pid}")
        self._began = time.monotonic()
        self.samples: list[Sample] = []

    def look(self) -> Sample | None:
        """Take a sample."""
        try:
            lines = (self._place / "status").read_text("ascii", "replace").splitlines()
            handles = len(os.listdir(self._place / "fd"))
        except OSError:
            return None
        facts = dict(line.split(":", 1) for line in lines if ":" in line)
        memory = int(facts["VmRSS"].split()[0]) * 1024
        sample = Sample(time.monotonic() - self._began, memory, handles, int(facts["Threads"]))
        self.samples.append(sample)
        return sample

    def growth(self) -> int:
        """By how many bytes the memory of the last third is above that of the third before it; medians."""
        third = len(self.samples) // 3
        if third == 0:
            return 0
        before, after = self.samples[third : 2 * third], self.samples[2 * third :]
        return round(statistics.median(s.memory for s in after) - statistics.median(s.memory for s in before))
