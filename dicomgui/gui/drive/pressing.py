"""What the steps of a driven window have in common: pressing buttons, waiting, and what they raise."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from PySide6.QtWidgets import QPushButton

__all__ = ["POLL_S", "STEP_S", "StepFailed", "press", "until"]

STEP_S = 20.0
"""How long the window may take to get to where a step wants it."""

POLL_S = 0.02


class StepFailed(Exception):
    """What a step wanted did not come about; the text says what."""


def press(button: QPushButton) -> None:
    """Press a button as a user could: only one that can be seen and is enabled.

    :raises StepFailed: it cannot be pressed.
    """
    if not button.isEnabled() or not button.isVisible():
        raise StepFailed(f"the button {button.accessibleName()} cannot be pressed")
    button.click()


async def until(done: Callable[[], bool], problem: str) -> None:
    """Wait until ``done``; the window goes on meanwhile.

    :raises StepFailed: it takes longer than :data:`STEP_S`.
    """
    end = time.monotonic() + STEP_S
    while not done():
        if time.monotonic() > end:
            raise StepFailed(problem)
        await asyncio.sleep(POLL_S)
