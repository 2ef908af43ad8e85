"""How the last echo of a node went: what, why, what to try, how long ago."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from dicomgui.app.configuration.nodes import NodeStatus
from dicomgui.app.echo import EchoResult
from dicomgui.gui.nodes.model import status_text
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card, Glyph
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.finding import plain

__all__ = ["NodeStatusCard"]


class NodeStatusCard(Card):
    """Icon, words, and where to go from here."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setObjectName("node_status")
        self.setAccessibleName("Last echo")
        self._glyph = Glyph("question", "muted", 18)
        self.text = PlainLabel(wrap=True, selectable=True)
        self.text.setObjectName("node_status_text")
        self.peer = PlainLabel(tone="muted", wrap=True, scale=0.9, selectable=True)
        self.peer.setObjectName("node_status_peer")
        self.advice = PlainLabel(tone="muted", wrap=True, scale=0.9)
        self.advice.setObjectName("node_status_advice")
        self.trace_button = push_button("node_show_trace", "Sho&w in trace", "trace", tip="Every byte of its last echo")
        self.send_button = push_button("node_send", "Send &files", "send", tip="Go to Send with this node")
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.text, 1)
        self.column.addLayout(head)
        self.column.addWidget(self.peer)
        self.column.addWidget(self.advice)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.trace_button)
        row.addWidget(self.send_button)
        row.addStretch(1)
        self.column.addLayout(row)

    def show_status(
        self, status: NodeStatus | None, result: EchoResult | None, now: float, *, is_busy: bool = False
    ) -> None:
        """Show a status, and what else the echo found out."""
        icon, tone = _look(status, is_busy=is_busy)
        self._glyph.show_state(icon, tone)
        self.text.set_tone(tone)
        text = status_text(status, now, is_busy=is_busy)
        text = text[:1].upper() + text[1:]
        if self.text.text() != text and not self.text.hasSelectedText():  # a new text would undo the selection
            self.text.setText(text)
        self.trace_button.setEnabled(status is not None and bool(status.association))
        peer, advice = ("", "") if result is None or is_busy else (_peer_text(result), _advice(result))
        for label, shown in ((self.peer, peer), (self.advice, advice)):
            if label.text() != shown:
                label.setText(shown)
            label.setVisible(bool(shown))


def _look(status: NodeStatus | None, *, is_busy: bool) -> tuple[str, str]:
    if is_busy:
        return "busy", "accent"
    if status is None:
        return "question", "muted"
    if not status.ok:
        return "error", "error"
    return ("warning", "warning") if status.reason else ("good", "good")


def _peer_text(result: EchoResult) -> str:
    if result.peer_max_pdu_length is None:
        return ""
    name = plain(result.implementation_version_name or result.implementation_class_uid)
    limit = f"maximum PDU {result.peer_max_pdu_length:,}" if result.peer_max_pdu_length else "no PDU limit"
    return f"{name} · {limit}" if name else limit


def _advice(result: EchoResult) -> str:
    tries = result.findings[0].tries if result.findings else ()
    return f"Try: {plain(tries[0], 300)}" if tries else ""
