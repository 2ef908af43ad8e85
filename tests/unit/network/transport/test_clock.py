"""The clock of the loop."""

from __future__ import annotations

import asyncio
import time

from dicomgui.network.transport.clock import clock_of


class Slow(asyncio.SelectorEventLoop):
    """A loop with a time of its own."""

    def time(self) -> float:
        return 5.0


def test_a_plain_loop_has_the_time_of_the_system() -> None:
    loop = asyncio.new_event_loop()
    assert clock_of(loop) is time.monotonic
    before = loop.time()
    assert before <= clock_of(loop)() <= loop.time()
    loop.close()


def test_a_loop_that_counts_by_itself_is_asked() -> None:
    loop = Slow()
    try:
        assert clock_of(loop)() == 5.0
        other = asyncio.SelectorEventLoop()
        setattr(other, "time", lambda: 7.0)  # noqa: B010
        assert clock_of(other)() == 7.0
        del other.time
        other.close()
    finally:
        loop.close()
