"""One node with all that it says: name, address, our AE title for it, security, association, time-outs, comment.

It is edited in place: what differs from what is saved is marked, and nothing counts before it is applied.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from dicomgui.app.configuration.nodes import MAX_NAME, Node, NodeTimeouts
from dicomgui.app.configuration.paste import Pasted
from dicomgui.app.configuration.settings import Settings
from dicomgui.gui.nodes.identity_fields import IdentityFields
from dicomgui.gui.peers.ae_ruler import AETitleRemarks
from dicomgui.gui.peers.association_fields import AssociationFields
from dicomgui.gui.peers.connection_fields import ConnectionFields
from dicomgui.gui.peers.fields import AETitleEdit, PasteEdit, PortEdit, parse_host, parse_port, whole_peer
from dicomgui.gui.peers.tls_fields import TlsFields
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card, Glyph
from dicomgui.gui.widgets.fields import FieldSet, Section, mark, restyle
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, labelled
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.association.params import DEFAULT_PORT, AETitle, PeerAddress
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["Draft", "NodeEditor"]

Draft = dict[str, str]
"""What the fields hold, by name."""

_LISTENERS_OWN = frozenset(
    ("tls_client_auth", "tls_expected_server_name", "grant_scp_role", "max_associations", "grants_unperformed")
)


def _texts(node: Node | None = None) -> Draft:
    """What the fields of security and association hold, for a node or for one that says nothing of either."""
    if node is None:
        texts = {
            **TlsFields.texts_of(None), **IdentityFields.texts_of(None),
            **AssociationFields.texts_of((1, 1), QueryFlags()),
        }  # fmt: skip
    else:
        texts = {
            **TlsFields.texts_of(node.tls),
            **IdentityFields.texts_of(node.identity, is_required=node.require_identity),
            **AssociationFields.texts_of(
                node.async_ops, node.extended, node.role, max_sent_pdu_length=node.max_sent_pdu_length,
                proxy=node.proxy, negotiation=node.negotiation, charset=node.charset,
                ask_commitment=node.ask_commitment,
            ),
        }  # fmt: skip
    return {name: text for name, text in texts.items() if name not in _LISTENERS_OWN}


EMPTY: Draft = {
    "name": "", "called_ae": "", "host": "", "port": str(DEFAULT_PORT), "calling_ae": "", "comment": "",
    **ConnectionFields.texts_of(NodeTimeouts(), None), **_texts(),
}  # fmt: skip
_ADVANCED = tuple(ConnectionFields.texts_of(NodeTimeouts(), None))


class _Comment(QPlainTextEdit):
    """Several lines of plain text; Tab goes on to the next field."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("node_comment")
        self.setAccessibleName("Comment")
        self.setTabChangesFocus(True)
        self.setFixedHeight(3 * self.fontMetrics().lineSpacing() + 16)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Ctrl+Enter applies, as Enter does in the other fields: the window's shortcut, not a new line.
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and event.modifiers():
            event.ignore()
            return
        super().keyPressEvent(event)


class NodeEditor(Card):
    """The fields, and the buttons that apply and discard what was typed.

    It changes no node itself: who listens to :attr:`apply_wanted` asks for :meth:`node` and saves it.
    """

    apply_wanted = Signal()
    discard_wanted = Signal()
    changed = Signal()
    """Something was typed."""

    peer_pasted = Signal(str)
    """Text that names a whole peer was pasted while a saved node was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("node_editor")
        self.setAccessibleName("Node")
        self._saved: Draft = dict(EMPTY)
        self._showing = False
        self._is_new = False
        self._is_read_only = False
        self._make_fields()
        self._make_buttons()
        self._place()
        self._connect()
        self.show_usual(Settings())
        self.show_new()

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_fields(self) -> None:
        self.name = PasteEdit("node_name", "Name")
        self.name.setMaxLength(MAX_NAME)
        self.name.setPlaceholderText("what you call it")
        self.called = AETitleEdit("node_called_ae", "Called AE title")
        self.called_remarks = AETitleRemarks("node_called_ae", "called AE title")
        self.host = PasteEdit("node_host", "Host")
        self.host.setPlaceholderText("name or address")
        self.port = PortEdit("node_port", "Port")
        self.calling = AETitleEdit("node_calling_ae", "Our AE title for this node")
        self.calling_remarks = AETitleRemarks("node_calling_ae", "AE title of ours", hides_empty=True)
        self.tls = TlsFields("node")
        self.identity = IdentityFields("node")
        self.association = AssociationFields("node")
        self.sets: tuple[FieldSet, ...] = (self.tls, self.identity, self.association)
        self.options = ConnectionFields("node")
        self.comment = _Comment()
        self.edits: dict[str, QLineEdit] = {
            "name": self.name, "called_ae": self.called, "host": self.host, "port": self.port,
            "calling_ae": self.calling, **self.options.edits,
        }  # fmt: skip

    def _make_buttons(self) -> None:
        self.heading = ElidedLabel()
        self.heading.setObjectName("node_heading")
        font = self.heading.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self.heading.setFont(font)
        self.notice = QWidget()
        self._notice_text = PlainLabel(tone="muted", wrap=True)
        self._notice_text.setObjectName("node_notice")
        secure = QWidget()
        column = QVBoxLayout(secure)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.tls)
        column.addWidget(self.identity)
        self.security = Section("node_security", "Security", secure)
        self.agreement = Section("node_association", "Association", self.association)
        self.more = Section("node_more", "Time-outs and PD&U length", self.options)
        self.more_button = self.more.button
        self.problem_text = PlainLabel(tone="error", wrap=True)
        self.problem_text.setObjectName("node_problem")
        self.apply_button = push_button("node_apply", "Sa&ve", "save", primary=True, tip="Save this node (Enter)")
        self.discard_button = push_button("node_discard", "D&iscard", "undo", tip="Back to what is saved (Esc)")

    def _place(self) -> None:
        self.column.setContentsMargins(0, 14, 0, 14)
        head = QVBoxLayout()
        head.setContentsMargins(16, 0, 16, 0)
        head.addWidget(self.heading)
        self.column.addLayout(head)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 0, 16, 0)
        column.setSpacing(10)
        row = QHBoxLayout(self.notice)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(Glyph("lock", "muted", 16), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._notice_text, 1)
        column.addWidget(self.notice)
        column.addLayout(labelled("&Name", self.name))
        column.addLayout(labelled("C&alled AE", self.called, self.called_remarks))
        place = QGridLayout()
        place.setHorizontalSpacing(12)
        place.setColumnStretch(0, 1)
        place.addLayout(labelled("&Host", self.host), 0, 0)
        place.addLayout(labelled("Por&t", self.port), 0, 1)
        column.addLayout(place)
        column.addLayout(labelled("&Our AE for it", self.calling, self.calling_remarks))
        for section in (self.security, self.agreement, self.more):
            column.addWidget(section)
        column.addLayout(labelled("Co&mment", self.comment))
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setObjectName("node_scroll")
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        # It takes what is there: the page is not to be made higher for it.
        scroll.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        scroll.setMinimumHeight(130)
        self.column.addWidget(scroll, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 0, 16, 0)
        foot.addWidget(self.problem_text)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.apply_button)
        buttons.addWidget(self.discard_button)
        buttons.addStretch(1)
        foot.addLayout(buttons)
        self.column.addLayout(foot)

    def _connect(self) -> None:
        for edit in self.edits.values():
            edit.textChanged.connect(self._on_changed)
            edit.returnPressed.connect(self.apply_wanted)
            if isinstance(edit, PasteEdit):
                edit.pasted.connect(self._on_pasted)
        self.called.textChanged.connect(self.called_remarks.show_title)
        self.calling.textChanged.connect(self.calling_remarks.show_title)
        self.comment.textChanged.connect(self._on_changed)
        for fields in self.sets:
            fields.changed.connect(self._on_changed)
            fields.submitted.connect(self.apply_wanted)
        self.apply_button.clicked.connect(self.apply_wanted)
        self.discard_button.clicked.connect(self.discard_wanted)

    # ---------------------------------------------------------------------------------------------------------- showing

    def show_usual(self, settings: Settings) -> None:
        """What an empty field takes: from the settings."""
        self.calling.setPlaceholderText(f"as usual: {settings.calling_ae}")
        self.options.show_usual(settings.timeouts, settings.max_pdu_length)

    def show_new(self, draft: Draft | None = None) -> None:
        """Begin a node that is not saved yet."""
        self._is_new, self._is_read_only = True, False
        self._saved = dict(EMPTY)
        self.heading.setText("New node")
        self.notice.hide()
        self._fill(draft or self._saved)

    def show_node(self, node: Node, draft: Draft | None = None) -> None:
        """Show a saved node, with what was typed but not applied the last time."""
        self._is_new, self._is_read_only = False, node.is_machine_wide
        self._saved = draft_of(node)
        self.heading.setText(plain(node.name))
        self._notice_text.setText("For everybody on this computer; not changed here. Copy makes one of your own.")
        self.notice.setVisible(node.is_machine_wide)
        self._fill(draft or self._saved)

    def take(self, found: Pasted) -> None:
        """Fill in what a pasted text names."""
        texts = {"name": found.name, "called_ae": found.called_ae, "host": found.host, "port": str(found.port),
                 "calling_ae": found.calling_ae}  # fmt: skip
        for name, text in texts.items():
            if text:
                self.edits[name].setText(text)
        if not self.name.text():
            self.name.setText(found.called_ae)
        self._say(" ".join(plain(remark) for remark in found.remarks), "muted")

    def _fill(self, draft: Draft) -> None:
        self._showing = True
        for name, edit in self.edits.items():
            edit.setText(draft[name])
            edit.setCursorPosition(0)
            if edit.isReadOnly() != self._is_read_only:
                edit.setReadOnly(self._is_read_only)
                restyle(edit)
        self.comment.setPlainText(draft["comment"])
        if self.comment.isReadOnly() != self._is_read_only:
            self.comment.setReadOnly(self._is_read_only)
            restyle(self.comment)
        for fields in self.sets:
            fields.set_texts(draft)
            fields.set_read_only(self._is_read_only)
        self._show_summaries()
        self.security.set_open(bool(self.tls.summary() or self.identity.summary()))
        self.agreement.set_open(bool(self.association.summary()))
        self.more.set_open(any(draft[name] for name in _ADVANCED))
        self._showing = False
        self._on_changed()

    # ------------------------------------------------------------------------------------------------------- what it is

    @property
    def is_new(self) -> bool:
        """Whether what is shown is not saved yet."""
        return self._is_new

    @property
    def is_changed(self) -> bool:
        """Whether something differs from what is saved."""
        return self.draft() != self._saved

    def draft(self) -> Draft:
        """What the fields hold."""
        texts = {name: edit.text() for name, edit in self.edits.items()}
        for fields in self.sets:
            texts |= fields.texts()
        return {**texts, "comment": self.comment.toPlainText()}

    def node(self) -> Node:
        """The node that the fields describe.

        :raises ConfigurationError: says what is wrong.
        """
        return Node(
            name=self.name.text(),
            address=PeerAddress(
                AETitle(self.called.text()), parse_host(self.host.text()), parse_port(self.port.text())
            ),
            calling_ae=self.calling.text().strip(),
            timeouts=self.options.timeouts(),
            max_pdu_length=self.options.max_pdu_length(),
            tls=self.tls.config() if self.tls.is_on else None,
            max_sent_pdu_length=self.association.max_sent_pdu_length(),
            proxy=self.association.proxy(),
            negotiation=self.association.negotiation(),
            identity=self.identity.identity(),
            require_identity=self.identity.is_required(),
            async_ops=self.association.operations(),
            extended=self.association.extended(),
            role=self.association.role(),
            charset=self.association.charset(),
            ask_commitment=self.association.asks_commitment(),
            comment=self.comment.toPlainText(),
        )

    def show_remark(self, text: str) -> None:
        """Say what was done."""
        self._say(plain(text, 400), "muted")

    def show_problem(self, error: ConfigurationError) -> None:
        """Say why it could not be applied."""
        self._say(plain(f"{error}. {error.hint}".strip(), 400), "error")

    # ------------------------------------------------------------------------------------------------------------ slots

    def _show_summaries(self) -> None:
        self.identity.show_tls(self.tls.is_on)
        self.security.show_summary(" · ".join(filter(None, (self.tls.summary(), self.identity.summary()))))
        self.agreement.show_summary(self.association.summary())

    def _on_pasted(self, text: str) -> None:
        found = whole_peer(text)
        if found is None:
            return
        if self._is_new:
            self.take(found)
        else:
            self.peer_pasted.emit(text)

    def _on_changed(self) -> None:
        if self._showing:
            return
        draft = self.draft()
        for name, edit in self.edits.items():
            mark(edit, not self._is_new and draft[name] != self._saved[name])
        for fields in self.sets:
            fields.show_changes(self._saved, not self._is_new)
        mark(self.comment, not self._is_new and draft["comment"] != self._saved["comment"])
        self._show_summaries()
        changed = draft != self._saved
        self._say("", "muted")
        self.apply_button.setVisible(not self._is_read_only)
        self.discard_button.setVisible(not self._is_read_only)
        self.apply_button.setEnabled(changed)
        self.discard_button.setEnabled(changed or self._is_new)
        self.changed.emit()

    def _say(self, text: str, tone: str) -> None:
        self.problem_text.set_tone(tone)
        self.problem_text.setText(text)
        self.problem_text.setVisible(bool(text))


def draft_of(node: Node) -> Draft:
    """What the fields hold for a node."""
    return {
        **EMPTY,
        "name": node.name,
        "called_ae": str(node.address.ae_title),
        "host": node.address.host,
        "port": str(node.address.port),
        "calling_ae": str(node.calling_ae),
        **ConnectionFields.texts_of(node.timeouts, node.max_pdu_length),
        **_texts(node),
        "comment": node.comment,
    }
