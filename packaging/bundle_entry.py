"""Where the bundle starts; the same as ``python -m dicomgui``."""

import sys

from dicomgui.__main__ import main, main_window

# The windowed program of Windows has another name and no console; it opens the window and takes no arguments.
sys.exit(main_window() if getattr(sys, "frozen", False) and sys.executable.endswith("dicomgui-gui.exe") else main())
