"""Who to talk to: called AE title, host, port and our own AE title, checked as they are typed.

``AET@host:port`` pasted into any of the fields fills them all. Every panel shows fields of its own over one
:class:`PeerChoice`, so that who was echoed is who is sent to.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from dicomgui.app.connection import ConnectionOptions
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.association.params import DEFAULT_PORT, AETitle, PeerAddress
from dicomgui.network.errors import ConfigurationError

__all__ = ["AETitleEdit", "PeerChoice", "PeerFields", "PortEdit", "parse_port", "set_invalid"]

AE_BYTES = 16
"""Longest AE title (PS3.5 6.2, VR AE)."""


class PeerChoice(QObject):
    """The peer that the user has typed, as text; shared by the panels."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.called_ae = ""
        self.host = ""
        self.port = str(DEFAULT_PORT)
        self.calling_ae = "DICOMGUI"

    def set(
        self, *, called_ae: str | None = None, host: str | None = None, port: str | None = None,
        calling_ae: str | None = None,
    ) -> None:
        """Change what is given and tell the panels."""
        before = (self.called_ae, self.host, self.port, self.calling_ae)
        self.called_ae = self.called_ae if called_ae is None else called_ae
        self.host = self.host if host is None else host
        self.port = self.port if port is None else port
        self.calling_ae = self.calling_ae if calling_ae is None else calling_ae
        if before != (self.called_ae, self.host, self.port, self.calling_ae):
            self.changed.emit()

    def peer(self) -> PeerAddress:
        """The peer.

        :raises ConfigurationError: says which field is wrong.
        """
        title = AETitle(self.called_ae)
        return PeerAddress(title, self.host.strip().removeprefix("[").removesuffix("]"), parse_port(self.port))

    def options(self) -> ConnectionOptions:
        """How to connect.

        :raises ConfigurationError: our own AE title is unusable.
        """
        return ConnectionOptions(calling_ae=AETitle(self.calling_ae))


def parse_port(text: str) -> int:
    """A TCP port from text.

    :raises ConfigurationError: it is none.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise ConfigurationError(f"{text!r} is no port", phase="configure", hint="Ports go from 1 to 65535.")
    return int(text)


def set_invalid(edit: QLineEdit, invalid: bool) -> None:
    """Frame a field in red, or no longer."""
    if bool(edit.property("invalid")) != invalid:
        edit.setProperty("invalid", invalid)
        edit.style().unpolish(edit)
        edit.style().polish(edit)


class AETitleEdit(QLineEdit):
    """A field for an AE title; what is too long or not allowed stays visible and is framed."""

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setPlaceholderText("1 to 16 characters")
        self.textChanged.connect(self._check)

    def problem(self) -> str:
        """What is wrong with it, or an empty string."""
        try:
            AETitle(self.text())
        except ConfigurationError as error:
            return f"{error}. {error.hint}"
        return ""

    def _check(self, text: str) -> None:
        set_invalid(self, bool(text.strip()) and bool(self.problem()))


class PortEdit(QLineEdit):
    """A field for a TCP port."""

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setFixedWidth(84)
        self.textChanged.connect(self._check)

    def _check(self, text: str) -> None:
        try:
            parse_port(text)
        except ConfigurationError:
            set_invalid(self, bool(text))
        else:
            set_invalid(self, False)


class PeerFields(QWidget):
    """The fields of one panel.

    :param prefix: begins the object names: ``echo_called_ae``, ``echo_host``, ``echo_port``, ``echo_calling_ae``.
    """

    submitted = Signal()
    """Enter was pressed in one of the fields."""

    def __init__(self, prefix: str, choice: PeerChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choice = choice
        self._showing = False
        self.called = AETitleEdit(f"{prefix}_called_ae", "Called AE title")
        self.host = QLineEdit()
        self.host.setObjectName(f"{prefix}_host")
        self.host.setAccessibleName("Host")
        self.host.setPlaceholderText("name or address, or paste AET@host:port")
        self.port = PortEdit(f"{prefix}_port", "Port")
        self.calling = AETitleEdit(f"{prefix}_calling_ae", "Calling AE title")
        self.calling.setPlaceholderText("our own name")
        self._hint = PlainLabel("", tone="muted", scale=0.9)
        self._hint.setObjectName(f"{prefix}_peer_hint")
        self._place()
        self._edits = (self.called, self.host, self.port, self.calling)
        for edit in self._edits:
            edit.textChanged.connect(self._on_text_changed)
            edit.returnPressed.connect(self.submitted)
        for edit in (self.called, self.host):
            edit.editingFinished.connect(self._on_editing_finished)
        choice.changed.connect(self._show_choice)
        self._show_choice()

    def _place(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        columns = ((self.called, "C&alled AE", 3), (self.host, "&Host", 5), (self.port, "&Port", 0),
                   (self.calling, "&Our AE", 3))  # fmt: skip
        for column, (edit, text, stretch) in enumerate(columns):
            label = PlainLabel(text, tone="muted", scale=0.9)
            label.setBuddy(edit)
            grid.addWidget(label, 0, column)
            grid.addWidget(edit, 1, column)
            grid.setColumnStretch(column, stretch)
        grid.addWidget(self._hint, 2, 0, 1, len(columns))
        QWidget.setTabOrder(self.called, self.host)
        QWidget.setTabOrder(self.host, self.port)
        QWidget.setTabOrder(self.port, self.calling)

    def problem(self) -> str:
        """What keeps the fields from being used, or an empty string."""
        try:
            self._choice.peer()
            self._choice.options()
        except ConfigurationError as error:
            return f"{error}. {error.hint}" if error.hint else str(error)
        return ""

    def _on_text_changed(self, text: str) -> None:
        if self._showing:
            return
        typed = abs(len(text) - len(self._before(text))) <= 1
        if "@" in text and not typed and self._split(text):
            return
        self._choice.set(
            called_ae=self.called.text(), host=self.host.text(), port=self.port.text(), calling_ae=self.calling.text()
        )

    def _before(self, text: str) -> str:
        """What the field that now holds ``text`` held before."""
        known = (self._choice.called_ae, self._choice.host, self._choice.port, self._choice.calling_ae)
        for edit, before in zip(self._edits, known, strict=True):
            if edit.text() == text and before != text:
                return before
        return text

    def _on_editing_finished(self) -> None:
        """An address that was typed into one field is spread over all when the field is left."""
        for edit in (self.called, self.host):
            if "@" in edit.text():
                self._split(edit.text())

    def _split(self, text: str) -> bool:
        try:
            peer = PeerAddress.parse(text)
        except ConfigurationError:
            return False
        self._choice.set(called_ae=peer.ae_title, host=peer.host, port=str(peer.port))
        self._show_choice()
        return True

    def _show_choice(self) -> None:
        self._showing = True
        choice = self._choice
        texts = (choice.called_ae, choice.host, choice.port, choice.calling_ae)
        for edit, text in zip(self._edits, texts, strict=True):
            if edit.text() != text:
                edit.setText(text)
        self._showing = False
        self._show_hint()

    def _show_hint(self) -> None:
        """Say what is wrong with a title that is too long or not allowed; otherwise how long the called one is."""
        for edit in (self.called, self.calling):
            if edit.text().strip() and (problem := edit.problem()):
                self._hint.setText(problem)
                self._hint.set_tone("error")
                return
        self._hint.set_tone("muted")
        used = len(self.called.text().strip(" "))
        self._hint.setText(
            f"Called AE: {used} of {AE_BYTES} bytes, upper and lower case matter" if used
            else "Paste AET@host:port into any field to fill them all"
        )  # fmt: skip
