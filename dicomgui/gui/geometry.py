"""Where the window was and how large: the one thing that is kept by Qt's own settings."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QMainWindow

from dicomgui.gui.configuration import Configuration

__all__ = ["WindowPlace"]

_KEY = "geometry"


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

    def save(self, window: QMainWindow) -> None:
        """Remember where it is."""
        self._settings.setValue(_KEY, window.saveGeometry())
        self._settings.sync()
