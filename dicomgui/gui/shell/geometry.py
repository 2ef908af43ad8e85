"""Where the window was and how large, and whether the trace under the panels was open: kept by Qt's own settings."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QMainWindow

from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.trace.dock import TraceDock

__all__ = ["WindowPlace"]

_KEY = "geometry"
_DOCK_KEY = "trace_dock_open"


class WindowPlace:
    """Keeps it in the platform's place for such things; in the folder of the settings where somebody named one."""

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    @classmethod
    def of(cls, config: Configuration) -> WindowPlace:
        """The place that belongs to these settings."""
        store = config.store
        if store is not None and store.is_portable:
            return cls(QSettings(str(store.folder / "window.ini"), QSettings.Format.IniFormat))
        return cls(QSettings("dicomgui", "window"))

    def restore(self, window: QMainWindow) -> None:
        """Put the window where it was; Qt sees to it that this is on a screen."""
        kept = self._settings.value(_KEY)
        if isinstance(kept, QByteArray):
            window.restoreGeometry(kept)
        dock = window.findChild(TraceDock)
        if dock is not None:
            dock.set_folded(not self._settings.value(_DOCK_KEY, False, bool))

    def save(self, window: QMainWindow) -> None:
        """Remember where it is."""
        self._settings.setValue(_KEY, window.saveGeometry())
        dock = window.findChild(TraceDock)
        if dock is not None:
            self._settings.setValue(_DOCK_KEY, not dock.is_folded)
        self._settings.sync()
