"""How many a second, of things that are counted somewhere else."""

from __future__ import annotations

from collections import deque

__all__ = ["RateMeter"]

WINDOW_S = 3.0
STEP_S = 0.1


class RateMeter:
    """Rates of two running totals over the last seconds; looks at them whenever it is asked to."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int, int]] = deque(maxlen=int(WINDOW_S / STEP_S) + 2)

    def sample(self, now: float, count: int, size_bytes: int) -> tuple[float, float]:
        """The totals stand so at ``now`` (seconds that only go forward); gives things and bytes a second.

        The rates fall to nothing while the totals stand still.
        """
        samples = self._samples
        if samples and (count < samples[-1][1] or now < samples[-1][0]):
            samples.clear()  # counted from the beginning again
        while len(samples) > 1 and now - samples[1][0] >= WINDOW_S:
            samples.popleft()
        if not samples or now - samples[-1][0] >= STEP_S:
            samples.append((now, count, size_bytes))
        start, first_count, first_bytes = samples[0]
        seconds = max(now - start, 1.0)  # no wild numbers in the first moment
        return (count - first_count) / seconds, max(0, size_bytes - first_bytes) / seconds
