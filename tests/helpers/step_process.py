"""A process that tells of the steps of its work by lines ``at N``, to be watched or killed."""

from __future__ import annotations

import subprocess
from types import TracebackType

DEADLINE_S = 60.0


class StepProcess:
    """Such a process, once ``process`` is started; at the end of the block its input ends, or it is killed if the block
    fails.
    """

    process: subprocess.Popen[bytes]

    def wait_for_step(self, number: int) -> None:
        """Wait until it is that far, or through."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.startswith(b"at ") or int(line[3:]) >= number:
                return

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.process.kill()
        self.process.communicate(timeout=DEADLINE_S)
