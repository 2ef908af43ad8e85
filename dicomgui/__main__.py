"""The program: the window without arguments, a command with them."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicomgui.app.selftest import Check

__all__ = ["main", "main_window"]

DRIVE_OPTION = "--drive-offscreen"
"""``--drive-offscreen DIR``: use the window where there is no display, step by step, and leave a picture in DIR."""
WINDOW_OPTION = "--window"
"""``--window [FILE …]``: the window, with these files as if they had been dropped on it."""
SELFTEST_OPTION = "--selftest"
"""``--selftest [--json]``: whether this installation works, as a table; exit code 1 where something does not."""

CANCELLED = 130
"""The exit code of :class:`~dicomgui.cli.exits.Exit`, for what was cancelled before that was loaded."""


def main() -> int:
    """Run what the command line asks for; gives the exit code, 130 where Ctrl+C ended it while it was loading.

    Only what is asked for is imported: the commands work without Qt.
    """
    try:
        return _run(sys.argv[1:])
    except KeyboardInterrupt:
        if sys.stderr is not None:  # there is none in a windowed program on Windows
            sys.stderr.write("cancelled\n")
        return CANCELLED


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] == WINDOW_OPTION:
        return main_window(arguments[1:])
    if arguments[0] == DRIVE_OPTION and len(arguments) == 2:
        from dicomgui.gui.drive.run import run_drive

        return run_drive(Path(arguments[1]))
    if arguments[0] == SELFTEST_OPTION:
        from dicomgui.cli.selftest import run_selftest

        return run_selftest(arguments[1:], _check_window)
    gc.disable()  # as below; the command line switches it on again, too
    from dicomgui.app.collector import keep_what_is_loaded
    from dicomgui.cli.main import main as run_command

    return run_command(arguments, on_loaded=keep_what_is_loaded)


def main_window(files: Sequence[str] | None = None) -> int:
    """Open the window; gives the exit code.

    :param files: what to open in it; the arguments of the process when left out.
    """
    # Nearly all that is made before the window shows stays: to look for what does not takes a tenth of that time. The
    # window switches it on again.
    gc.disable()
    from dicomgui.gui.main import main as open_window

    return open_window([Path(name) for name in (sys.argv[1:] if files is None else files)])


def _check_window(tell: Callable[[Check], None]) -> None:
    """The checks that need Qt, off screen where there is no display; that Qt cannot be loaded is one that failed."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    try:
        from dicomgui.gui.selftest import run_window_checks
    except ImportError as error:
        from dicomgui.app.selftest import Check, Outcome

        tell(Check("Qt", Outcome.FAILED, f"it cannot be loaded: {error}", 0.0))
        return
    run_window_checks(tell)


if __name__ == "__main__":
    sys.exit(main())
