"""The program: the window without arguments, a command with them."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["main", "main_window"]

DRIVE_OPTION = "--drive-offscreen"
"""``--drive-offscreen DIR``: use the window where there is no display, step by step, and leave a picture in DIR."""


def main() -> int:
    """Run what the command line asks for; gives the exit code.

    Only what is asked for is imported: the commands work without Qt.
    """
    arguments = sys.argv[1:]
    if not arguments:
        return main_window()
    if arguments[0] == DRIVE_OPTION and len(arguments) == 2:
        from dicomgui.gui.drive import run_drive

        return run_drive(Path(arguments[1]))
    from dicomgui.cli.main import main as run_command

    return run_command(arguments)


def main_window() -> int:
    """Open the window; gives the exit code."""
    from dicomgui.gui.main import main as open_window

    return open_window()


if __name__ == "__main__":
    sys.exit(main())
