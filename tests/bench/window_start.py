"""The program itself from its start until its window has been painted and takes a click; then it ends.

`python -m bench.window_start`: one line when the window can be used. Nothing is imported here but what the program
imports, for that is a good part of the time that is measured.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from dicomgui import __main__ as program

if TYPE_CHECKING:
    from dicomgui.gui.shell.main_window import MainWindow


def main() -> int:
    gc.disable()  # as the program does before it imports its window
    from dicomgui.gui import main as window_main

    wait = window_main.run_window

    async def say_and_end(window: MainWindow) -> None:
        window.repaint()
        print("usable", flush=True)
        window.close()
        await wait(window)

    window_main.run_window = say_and_end
    return program.main_window([])


if __name__ == "__main__":
    sys.exit(main())
