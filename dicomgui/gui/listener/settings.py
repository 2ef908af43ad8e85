"""The fields of the listener's panel are filled from the settings, and what is typed into them is kept there."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject

from dicomgui.gui.keeping.archive import archive_folder
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.listener.panel import ListenerPanel
from dicomgui.gui.listener.users_dialog import UsersDialog
from dicomgui.gui.peers.fields import parse_port
from dicomgui.gui.widgets.dialogs import choose_file
from dicomgui.network.errors import ConfigurationError

__all__ = ["ListenerSettingsKeeper"]


class ListenerSettingsKeeper(QObject):
    """Keeps the two in step; what is unusable stays in its field and out of the settings.

    Passcodes of users go to the keyring, or last as long as the window.
    """

    def __init__(self, panel: ListenerPanel, config: Configuration) -> None:
        super().__init__(panel)
        self._panel = panel
        self._config = config
        self._usual_folder = panel.folder.text()
        self._dialog: UsersDialog | None = None
        self._show()
        for signal in (
            panel.title_edit.textChanged, panel.host.currentIndexChanged, panel.port.textChanged,
            panel.folder.textChanged, panel.fsync.toggled, panel.more.changed,
        ):  # fmt: skip
            signal.connect(self._keep)
        panel.more.tls.file_wanted.connect(self._on_file_wanted)
        panel.more.association.file_wanted.connect(self._on_profiles_wanted)
        panel.more.admission.users_button.clicked.connect(self.ask_users)

    def _show(self) -> None:
        panel, config = self._panel, self._config
        listener = config.settings.listener
        panel.title_edit.setText(str(listener.ae_title))
        panel.port.setText(str(listener.port))
        panel.fsync.setChecked(listener.fsync)
        panel.more.show_settings(listener)
        if panel.host.findData(listener.host) < 0:
            panel.host.addItem(listener.host, listener.host)
        panel.host.setCurrentIndex(panel.host.findData(listener.host))
        if config.store is not None:
            usual = replace(config.settings, listener=replace(listener, folder=""))
            self._usual_folder = str(config.store.archive_folder(usual))
        panel.folder.setText(str(archive_folder(config)))

    def _keep(self) -> None:
        panel, settings = self._panel, self._config.settings
        folder = panel.folder.text().strip()
        try:
            listener = replace(
                panel.more.over(settings.listener),
                folder="" if folder == self._usual_folder else folder,
                host=panel.host.currentData(),
                port=parse_port(panel.port.text()),
                ae_title=panel.title_edit.text(),
                fsync=panel.fsync.isChecked(),
            )
        except ConfigurationError:
            return
        self._config.change(replace(settings, listener=listener))

    def _on_file_wanted(self, name: str) -> None:
        tls = self._panel.more.tls
        asking = choose_file(self._panel, tls.fields[name], may_be_new=tls.may_be_new(name))
        self._panel.tasks.spawn(asking, name="ask for a file")

    def _on_profiles_wanted(self, name: str) -> None:
        asking = choose_file(self._panel, self._panel.more.association.fields[name])
        self._panel.tasks.spawn(asking, name="ask for a file")

    # users

    def ask_users(self) -> None:
        """Let the user say who is let in."""
        if self._dialog is not None:
            return
        self._dialog = dialog = UsersDialog(self._panel.more.users, self._panel.window())
        dialog.added.connect(self._on_added)
        dialog.removed.connect(self._on_removed)
        dialog.finished.connect(self._on_finished)
        dialog.open()

    def _on_added(self, users: tuple[str, ...], name: str, passcode: str) -> None:
        self._panel.more.set_users(users)
        self._panel.tasks.spawn(self._add(name, passcode), name="keep a passcode")

    def _on_removed(self, users: tuple[str, ...], name: str) -> None:
        self._panel.more.set_users(users)
        self._panel.tasks.spawn(self._panel.place.secrets.forget_caller(name), name="forget a passcode")

    def _on_finished(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = None

    async def _add(self, name: str, passcode: str) -> None:
        reason = await self._panel.place.secrets.set_caller(name, passcode)
        if self._dialog is not None:
            kept = f"{name}: the passcode is kept in the system's keyring."
            self._dialog.show_note(f"{name} is let in until the window is closed: {reason}." if reason else kept)
