"""The users that the listener lets in, each with a passcode."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLayout, QLineEdit, QListWidget, QVBoxLayout, QWidget

from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.fields import line_edit
from dicomgui.gui.widgets.text import PlainLabel, labelled
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["UsersDialog"]


class UsersDialog(QDialog):
    """Shows the names; what is added and removed counts at once.

    :param users: the names so far.
    """

    added = Signal(object, str, str)
    """All names, and a user with the passcode; a name that is there already gets a new one."""

    removed = Signal(object, str)
    """All names that are left, and the one that is not."""

    def __init__(self, users: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("users_dialog")
        self.setWindowTitle("Users of the listener")
        self.setAccessibleName("Users of the listener")
        self.list = QListWidget()
        self.list.setObjectName("users_list")
        self.list.setAccessibleName("Users who are let in")
        self.list.ensurePolished()  # else its rows have the height of the text alone
        self.list.addItems([plain(name) for name in users])
        self._names = list(users)
        self.name = line_edit("users_name", "User name")
        self.passcode = line_edit("users_passcode", "Passcode")
        self.passcode.setEchoMode(QLineEdit.EchoMode.Password)
        self.add_button = push_button("users_add", "&Add", "add", primary=True, tip="Let this user in (Enter)")
        self.remove_button = push_button("users_remove", "&Remove", "remove", tip="Let this user in no more (Del)")
        self.close_button = push_button("users_close", "&Close", "good")
        self.note = PlainLabel(tone="muted", scale=0.9, wrap=True)
        self.note.setObjectName("users_note")
        self.add_button.clicked.connect(self._on_add)
        self.remove_button.clicked.connect(self._on_remove)
        self.close_button.clicked.connect(self.accept)
        self.name.returnPressed.connect(self.passcode.setFocus)
        self.passcode.returnPressed.connect(self._on_add)
        self.list.currentRowChanged.connect(self._show_buttons)
        QShortcut(QKeySequence.StandardKey.Delete, self.list).activated.connect(self._on_remove)
        self._place()
        self._show_buttons()
        self.name.setFocus()

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(self.list, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        for text, edit in (("&Name", self.name), ("&Passcode", self.passcode)):
            row.addLayout(labelled(text, edit), 1)
        column.addLayout(row)
        column.addWidget(self.note)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.add_button)
        foot.addWidget(self.remove_button)
        foot.addStretch(1)
        foot.addWidget(self.close_button)
        column.addLayout(foot)
        self.resize(440, 340)

    @property
    def users(self) -> tuple[str, ...]:
        """The names now."""
        return tuple(self._names)

    def show_note(self, text: str, tone: str = "muted") -> None:
        """Say what became of it."""
        self.note.set_tone(tone)
        self.note.setText(plain(text, 300))

    def _on_add(self) -> None:
        try:
            name = Identity(IdentityKind.PASSCODE, self.name.text()).name
        except ConfigurationError as error:
            self.show_note(f"{error}. {error.hint}".strip(), "error")
            return
        if not self.passcode.text():
            self.show_note("Type a passcode.", "error")
            self.passcode.setFocus()
            return
        passcode = self.passcode.text()
        if name not in self._names:
            self._names.append(name)
            self.list.addItem(plain(name))
        self.list.setCurrentRow(self._names.index(name))
        self.name.clear()
        self.passcode.clear()
        self.name.setFocus()
        self.show_note("")
        self.added.emit(self.users, name, passcode)

    def _on_remove(self) -> None:
        row = self.list.currentRow()
        if row >= 0:
            name = self._names.pop(row)
            self.list.takeItem(row)
            self.removed.emit(self.users, name)

    def _show_buttons(self) -> None:
        self.remove_button.setEnabled(self.list.currentRow() >= 0)
