"""Clocks that leap: the loop's, as after the sleep of a computer, and the wall clock, as when somebody sets it."""

from __future__ import annotations

import asyncio
import time

import pytest


class LeapingClock:
    """The clock of the running loop, and the wall's, in the hands of a test; made before what looks at them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._loop_s = self._wall_s = 0.0
        loop, wall = asyncio.get_running_loop(), time.time
        loop_time = loop.time
        patch.setattr(loop, "time", lambda: loop_time() + self._loop_s)
        patch.setattr(time, "time", lambda: wall() + self._wall_s)

    def sleep(self, seconds: float) -> None:
        """The computer slept for so long: both clocks go on from there, and nothing ran meanwhile."""
        self._loop_s += seconds
        self._wall_s += seconds

    def set_wall(self, seconds: float) -> None:
        """The wall's clock is set to another time, so far from the true one."""
        self._wall_s = seconds
