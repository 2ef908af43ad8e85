"""Who to talk to: a saved node, or called AE title, host, port and our own AE title, checked as they are typed.

What names a whole peer (``AET@host:port``, a command line, a line of an e-mail) fills all fields when it is pasted into
one. Every panel shows fields of its own over one :class:`PeerChoice`, so that who was echoed is who is sent to.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from dicomgui.app.configuration.ae_titles import ae_title_findings
from dicomgui.app.configuration.nodes import Node
from dicomgui.app.configuration.paste import Pasted, parse_paste
from dicomgui.app.connection import ConnectionOptions
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.peers.connection_fields import options_text
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import set_invalid
from dicomgui.gui.widgets.text import PlainLabel, tooltip
from dicomgui.network.association.params import DEFAULT_PORT, AETitle, PeerAddress
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import Severity, plain

__all__ = [
    "AETitleEdit",
    "PasteEdit",
    "PeerChoice",
    "PeerFields",
    "PortEdit",
    "parse_host",
    "parse_port",
    "whole_peer",
]

AE_BYTES = 16
"""Longest AE title (PS3.5 6.2, VR AE)."""

_FREE = "type an address"


class PeerChoice(QObject):
    """The peer that the user has typed, as text, or the saved node that was chosen; shared by the panels."""

    changed = Signal()

    def __init__(self, config: Configuration, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.config = config
        self.called_ae = ""
        self.host = ""
        self.port = str(DEFAULT_PORT)
        self._usual_ae = str(config.settings.calling_ae)
        self.calling_ae = self._usual_ae
        self._chosen: Node | None = None
        config.nodes_changed.connect(self._on_nodes_changed)
        config.settings_changed.connect(self._on_settings_changed)

    def set(
        self,
        *,
        called_ae: str | None = None,
        host: str | None = None,
        port: str | None = None,
        calling_ae: str | None = None,
    ) -> None:
        """Change what is given and tell the panels."""
        before = self._fields()
        self.called_ae = self.called_ae if called_ae is None else called_ae
        self.host = self.host if host is None else host
        self.port = self.port if port is None else port
        self.calling_ae = self.calling_ae if calling_ae is None else calling_ae
        if before != self._fields():
            self.changed.emit()

    def choose(self, node: Node | None) -> None:
        """Take the address and the options of a saved node; ``None`` empties the fields for a free address."""
        self._chosen = node
        if node is None:
            self.called_ae, self.host, self.port = "", "", str(DEFAULT_PORT)
        else:
            self.called_ae, self.host, self.port = _fields_of(node)
        self.calling_ae = str((node.calling_ae if node is not None else "") or self._usual_ae)
        self.changed.emit()

    @property
    def node(self) -> Node | None:
        """The node that was chosen, as long as the fields hold its address; its options are those of the peer."""
        chosen = self._chosen
        return chosen if chosen is not None and _fields_of(chosen) == self._fields()[:3] else None

    def peer(self) -> PeerAddress:
        """The peer.

        :raises ConfigurationError: says which field is wrong.
        """
        return PeerAddress(AETitle(self.called_ae), parse_host(self.host), parse_port(self.port))

    def options(self) -> ConnectionOptions:
        """How to connect: as the settings say, or the node that was chosen; an empty field for our own AE title takes
        the usual one.

        :raises ConfigurationError: our own AE title is unusable.
        """
        usual = self.config.settings.connection_options()
        options = self.node.options(usual) if self.node is not None else usual
        typed = self.calling_ae.strip()
        return replace(options, calling_ae=AETitle(typed)) if typed else options

    def saved_node(self) -> Node | None:
        """A saved node with the address of the fields, chosen or not."""
        return next((node for node in self.config.nodes.nodes if _fields_of(node) == self._fields()[:3]), None)

    def save_as_node(self) -> Node:
        """Add what the fields hold to the saved nodes, named after its AE title, and choose it.

        :raises ConfigurationError: the fields hold no peer.
        """
        peer, own = self.peer(), self.calling_ae.strip()
        nodes = self.config.nodes
        node = nodes.add(Node(nodes.unique_name(peer.ae_title), peer, "" if own == self._usual_ae else own))
        self.config.nodes_edited()
        self.choose(node)
        return node

    def _fields(self) -> tuple[str, str, str, str]:
        return (self.called_ae, self.host, self.port, self.calling_ae)

    def _on_nodes_changed(self) -> None:
        """A chosen node that was edited is taken over anew; the picker shows what there is now."""
        if self.node is not None and (known := self.config.nodes.find(self.node.name)) is not None:
            if known != self._chosen:
                self.choose(known)
                return
        elif self._chosen is not None:
            self._chosen = None
        self.changed.emit()

    def _on_settings_changed(self) -> None:
        before, self._usual_ae = self._usual_ae, str(self.config.settings.calling_ae)
        if self.calling_ae == before:
            self.calling_ae = self._usual_ae
        self.changed.emit()


def _fields_of(node: Node) -> tuple[str, str, str]:
    return (str(node.address.ae_title), node.address.host, str(node.address.port))


def parse_host(text: str) -> str:
    """A host from text; :class:`PeerAddress` judges it."""
    return text.strip().removeprefix("[").removesuffix("]")


def parse_port(text: str) -> int:
    """A TCP port from text.

    :raises ConfigurationError: it is none.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535):
        raise ConfigurationError(f"{text!r} is no port", phase="configure", hint="Ports go from 1 to 65535.")
    return int(text)


def whole_peer(text: str) -> Pasted | None:
    """The peer that a pasted text names, if it names AE title and host; a text that is a value of its own is none."""
    try:
        found = parse_paste(text)
        found.address()
    except ConfigurationError:
        return None
    return found


class PasteEdit(QLineEdit):
    """A field that lets others look first at what is pasted, with its line breaks."""

    pasted = Signal(str)
    """Text was pasted that names a whole peer; the field has not taken it."""

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste):
            text = QGuiApplication.clipboard().text()
            if whole_peer(text) is not None:
                self.pasted.emit(text)
                return
        super().keyPressEvent(event)


class AETitleEdit(PasteEdit):
    """A field for an AE title; what is too long or not allowed stays visible and is framed."""

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, parent)
        self.setPlaceholderText("1 to 16 characters")
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance("DICOMGUI") + 30)  # what most of them need
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


class PortEdit(PasteEdit):
    """A field for a TCP port."""

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, parent)
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

    :param prefix: begins the object names: ``echo_node``, ``echo_called_ae``, ``echo_host``, ``echo_port``,
        ``echo_calling_ae``.
    """

    submitted = Signal()
    """Enter was pressed in one of the fields."""

    def __init__(self, prefix: str, choice: PeerChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choice = choice
        self._showing = False
        self._revision = -1
        self.node = Choice(f"{prefix}_node", "Saved node")
        self.node.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.node.setMinimumContentsLength(9)
        self.node.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.node.setToolTip("Fills in the address and the options of a saved node")
        self.called = AETitleEdit(f"{prefix}_called_ae", "Called AE title")
        self.host = PasteEdit(f"{prefix}_host", "Host")
        self.host.setPlaceholderText("name or address, or paste AET@host:port")
        self.port = PortEdit(f"{prefix}_port", "Port")
        self.calling = AETitleEdit(f"{prefix}_calling_ae", "Calling AE title")
        self.save_button = push_button(f"{prefix}_save_node", "&Keep as node", "nodes", tip="Add it to the saved nodes")
        self._hint = PlainLabel("", tone="muted", scale=0.9, wrap=True)
        self._hint.setObjectName(f"{prefix}_peer_hint")
        self._place()
        self._edits: tuple[PasteEdit, ...] = (self.called, self.host, self.port, self.calling)
        for edit in self._edits:
            edit.textChanged.connect(self._on_text_changed)
            edit.returnPressed.connect(self.submitted)
            edit.pasted.connect(self._on_pasted)
        for edit in (self.called, self.host):
            edit.editingFinished.connect(self._on_editing_finished)
        self.node.activated.connect(self._on_node_activated)
        self.save_button.clicked.connect(self._on_save_clicked)
        choice.changed.connect(self._show_choice)
        self._show_choice()

    def _place(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        columns = ((self.node, "Sa&ved node", 3), (self.called, "C&alled AE", 3), (self.host, "&Host", 4),
                   (self.port, "&Port", 0), (self.calling, "&Our AE", 3))  # fmt: skip
        for column, (edit, text, stretch) in enumerate(columns):
            label = PlainLabel(text, tone="muted", scale=0.9)
            label.setBuddy(edit)
            grid.addWidget(label, 0, column)
            grid.addWidget(edit, 1, column)
            grid.setColumnStretch(column, stretch)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self._hint, 1)
        row.addWidget(self.save_button, 0, Qt.AlignmentFlag.AlignTop)
        # The row is as high with the button as without it: nothing jumps while an address is typed.
        policy = self.save_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.save_button.setSizePolicy(policy)
        grid.addLayout(row, 2, 0, 1, len(columns))
        for before, after in pairwise(columns):
            QWidget.setTabOrder(before[0], after[0])
        QWidget.setTabOrder(self.calling, self.save_button)

    def problem(self) -> str:
        """What keeps the fields from being used, or an empty string."""
        try:
            self._choice.peer()
            self._choice.options()
        except ConfigurationError as error:
            return f"{error}. {error.hint}" if error.hint else str(error)
        return ""

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_node_activated(self, index: int) -> None:
        name = self.node.itemData(index)
        self._choice.choose(self._choice.config.nodes.find(name) if name else None)
        if not name:
            self.called.setFocus()

    def _on_save_clicked(self) -> None:
        try:
            self._choice.save_as_node()
        except ConfigurationError as error:
            self._say(f"{error}. {error.hint}", "error")
        else:
            self.node.setFocus()

    def _on_pasted(self, text: str) -> None:
        if (found := whole_peer(text)) is not None:
            self._take(found)

    def _on_text_changed(self, text: str) -> None:
        if self._showing:
            return
        # More than one character at once was pasted by other means than the keyboard, or dropped.
        typed = abs(len(text) - len(self._before(text))) <= 1
        if not typed and (found := whole_peer(text)) is not None:
            self._take(found)
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
            if "@" in edit.text() and (found := whole_peer(edit.text())) is not None:
                self._take(found)

    def _take(self, found: Pasted) -> None:
        calling = found.calling_ae or self._choice.calling_ae
        self._choice.set(called_ae=found.called_ae, host=found.host, port=str(found.port), calling_ae=calling)
        self._show_choice()
        for remark in found.remarks:
            self._say(plain(remark), "muted")

    # ---------------------------------------------------------------------------------------------------------- showing

    def _show_choice(self) -> None:
        self._showing = True
        choice = self._choice
        texts = (choice.called_ae, choice.host, choice.port, choice.calling_ae)
        for edit, text in zip(self._edits, texts, strict=True):
            if edit.text() != text:
                edit.setText(text)
        self._show_nodes()
        self._showing = False
        self.calling.setPlaceholderText(str(choice.config.settings.calling_ae))
        self._show_hint()

    def _show_nodes(self) -> None:
        nodes = self._choice.config.nodes
        if self._revision != nodes.revision:
            self._revision = nodes.revision
            self.node.clear()
            self.node.addItem(_FREE, "")
            for node in nodes.nodes:
                self.node.addItem(node.name, node.name)
                about = f"{node.name}: {node.address}"
                self.node.setItemData(self.node.count() - 1, tooltip(about), Qt.ItemDataRole.ToolTipRole)
        chosen = self._choice.node
        self.node.setCurrentIndex(max(0, self.node.findData(chosen.name)) if chosen is not None else 0)
        self.node.setEnabled(self.node.count() > 1)

    def _show_hint(self) -> None:
        """Say what is wrong with a title that is too long or not allowed; otherwise what will be used."""
        usable = not self.problem()
        self.save_button.setVisible(usable and self._choice.saved_node() is None)
        for edit in (self.called, self.calling):
            for remark in ae_title_findings(edit.text()) if edit.text().strip() else ():
                if remark.severity is Severity.ERROR:
                    self._say(f"{edit.accessibleName()}: {remark.text}", "error")
                    return
        if (node := self._choice.node) is not None and usable:
            self._say(plain(f"{node.name}: {options_text(self._choice.options())}", 300), "muted")
            return
        used = len(self.called.text().strip(" "))
        self._say(
            f"Called AE: {used} of {AE_BYTES} bytes, upper and lower case matter" if used
            else "Choose a saved node, or paste AET@host:port or what was e-mailed to you into any field",
            "muted",
        )  # fmt: skip

    def _say(self, text: str, tone: str) -> None:
        self._hint.set_tone(tone)
        self._hint.setText(text)
