"""The fields of the listener's panel are filled from the settings, and what is typed into them is kept there."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject

from dicomgui.gui.configuration import Configuration
from dicomgui.gui.panels.listener import ListenerPanel
from dicomgui.gui.widgets.peer_fields import parse_port
from dicomgui.network.errors import ConfigurationError

__all__ = ["ListenerSettingsKeeper"]


class ListenerSettingsKeeper(QObject):
    """Keeps the two in step; what is unusable stays in its field and out of the settings."""

    def __init__(self, panel: ListenerPanel, config: Configuration) -> None:
        super().__init__(panel)
        self._panel = panel
        self._config = config
        self._usual_folder = panel.folder.text()
        self._show()
        for signal in (
            panel.title_edit.textChanged, panel.host.currentIndexChanged, panel.port.textChanged,
            panel.folder.textChanged, panel.fsync.toggled,
        ):  # fmt: skip
            signal.connect(self._keep)

    def _show(self) -> None:
        panel, config = self._panel, self._config
        listener = config.settings.listener
        panel.title_edit.setText(str(listener.ae_title))
        panel.port.setText(str(listener.port))
        panel.fsync.setChecked(listener.fsync)
        if panel.host.findData(listener.host) < 0:
            panel.host.addItem(listener.host, listener.host)
        panel.host.setCurrentIndex(panel.host.findData(listener.host))
        if config.store is not None:
            usual = replace(config.settings, listener=replace(listener, folder=""))
            self._usual_folder = str(config.store.archive_folder(usual))
            panel.folder.setText(str(config.store.archive_folder(config.settings)))

    def _keep(self) -> None:
        panel, settings = self._panel, self._config.settings
        folder = panel.folder.text().strip()
        try:
            listener = replace(
                settings.listener,
                folder="" if folder == self._usual_folder else folder,
                host=panel.host.currentData(),
                port=parse_port(panel.port.text()),
                ae_title=panel.title_edit.text(),
                fsync=panel.fsync.isChecked(),
            )
        except ConfigurationError:
            return
        self._config.change(replace(settings, listener=listener))
