"""Asking for a passcode, a token or the password of a key."""

from __future__ import annotations

import base64
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLayout, QLineEdit, QVBoxLayout, QWidget

from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.fields import check_box, line_edit
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.finding import plain

__all__ = ["SecretDialog", "secret_from"]

MAX_FILE_BYTES = 65_536
"""No token that fits into an association request is longer."""


def secret_from(path: Path) -> str:
    """A token out of a file; what is no text is taken for a ticket and given in base64.

    :raises OSError: it cannot be read, or is far too long.
    """
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise OSError(f"it has more than {MAX_FILE_BYTES:,} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii")


class SecretDialog(QDialog):
    """Takes one secret; what was typed is never shown.

    :param what: is asked for.
    :param can_keep: whether there is a keyring that could keep it.
    """

    file_wanted = Signal()
    """The user wants to take it out of a file."""

    def __init__(self, what: str, *, can_keep: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("secret_dialog")
        self.setWindowTitle("Passcode or token")
        self.setAccessibleName("Passcode or token")
        self._text = ""
        self.what = PlainLabel(plain(what, 300), wrap=True)
        self.what.setObjectName("secret_what")
        self.edit = line_edit("secret_text", plain(what, 300))
        self.edit.setEchoMode(QLineEdit.EchoMode.Password)
        self.edit.textChanged.connect(self._on_typed)
        self.what.setBuddy(self.edit)
        self.keep = check_box("secret_keep", "Keep it in the system's keyring")
        self.keep.setVisible(can_keep)
        self._problem = PlainLabel(tone="muted", scale=0.9, wrap=True)
        self._problem.setObjectName("secret_problem")
        self._problem.setText("" if can_keep else "This system has no keyring that can be used: it is not kept.")
        self._problem.setVisible(not can_keep)
        self.file_button = push_button("secret_file", "From &file …", "file", tip="A token or ticket that a file holds")
        self.file_button.clicked.connect(self.file_wanted)
        self.ok_button = push_button("secret_ok", "&Use it", "good", primary=True)
        self.ok_button.setDefault(True)
        self.ok_button.setEnabled(False)
        self.ok_button.clicked.connect(self.accept)
        self.cancel_button = push_button("secret_cancel", "Ca&ncel", "cancel")
        self.cancel_button.clicked.connect(self.reject)
        self._place()
        self.edit.setFocus()

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        for widget in (self.what, self.edit, self.keep, self._problem):
            column.addWidget(widget)
        column.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.file_button)
        row.addStretch(1)
        row.addWidget(self.ok_button)
        row.addWidget(self.cancel_button)
        column.addLayout(row)
        self.resize(460, self.sizeHint().height())

    def _on_typed(self, text: str) -> None:
        self._text = text
        self.ok_button.setEnabled(bool(text))

    def take(self, secret: str) -> None:
        """Take what a file held, with its line breaks."""
        self.edit.setText(secret)
        self._text = secret

    def show_problem(self, text: str) -> None:
        """Say why a file could not be used."""
        self._problem.set_tone("error")
        self._problem.setText(plain(text, 300))
        self._problem.show()

    @property
    def secret(self) -> str:
        """What was typed or taken."""
        return self._text

    @property
    def is_kept(self) -> bool:
        """Whether the keyring is to keep it."""
        return self.keep.isChecked()
