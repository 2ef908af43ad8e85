"""The answer to a request for a normalized service, or a report of the peer: status, what it complains of, data set."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from dicomgui.app.asking.keys import attribute_of
from dicomgui.app.viewing.dataset_tree import dataset_node
from dicomgui.app.viewing.viewed import view_of
from dicomgui.gui.nservices.model import Exchange, status_text
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.tables.dataset_tree import DatasetTree
from dicomgui.gui.widgets.cards import Glyph
from dicomgui.gui.widgets.finding_area import FindingArea
from dicomgui.gui.widgets.text import PlainLabel, duration_text
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["AnswerView"]


class AnswerView(QWidget):
    """Shows one exchange.

    :ivar findings: what the diagnosis says of it.
    """

    def __init__(self, panel: Panel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        prefix = panel.key
        self._panel = panel
        self._shown: Exchange | None = None
        self._glyph = Glyph("", "muted", 20)
        self.headline = PlainLabel(scale=1.1, bold=True, wrap=True)
        self.headline.setObjectName(f"{prefix}_headline")
        self.facts = PlainLabel(tone="muted", wrap=True, selectable=True)
        self.facts.setObjectName(f"{prefix}_facts")
        self.facts.setAccessibleName("What the answer says")
        self.findings = FindingArea(f"{prefix}_findings")
        self.tree = DatasetTree(f"{prefix}_answer")
        self.tree.close_button.hide()
        self.tree.window_button.show()
        self.tree.window_wanted.connect(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.headline, 1)
        column.addLayout(row)
        column.addWidget(self.facts)
        column.addWidget(self.findings)
        column.addWidget(self.tree, 1)
        column.addStretch(0)

    def say(self, text: str, tone: str = "muted", icon: str = "") -> None:
        """Show a line instead of an answer."""
        self._shown = None
        self._glyph.setVisible(bool(icon))
        self._glyph.show_state(icon, tone)
        self.headline.set_tone(tone)
        self.headline.setText(plain(text, 400))
        self.facts.hide()
        self.findings.show_findings(())
        self.tree.close_tree()

    def show_exchange(self, exchange: Exchange) -> None:
        """Show this one; its data set is written out in a thread."""
        self.say(status_text(exchange), exchange.tone, exchange.tone)
        self._shown = exchange
        facts = _facts(exchange)
        self.facts.setText("\n".join(facts))
        self.facts.setVisible(bool(facts))
        if exchange.result is not None:
            self.findings.show_findings(exchange.result.findings)
        dataset = exchange.dataset
        if dataset is not None and len(dataset):
            self._panel.tasks.spawn(self._show_dataset(exchange, dataset), name="show the answer")

    def view(self) -> None:
        """Show the data set in a window of its own; does nothing where there is none."""
        exchange = self._shown
        dataset = None if exchange is None else exchange.dataset
        if exchange is not None and dataset is not None and len(dataset):
            title = exchange.what
            self._panel.view_wanted.emit(lambda: view_of(dataset, title))

    async def _show_dataset(self, exchange: Exchange, dataset: Dataset) -> None:
        title = "Event information" if exchange.event is not None else "Answer"
        pool = self._panel.place.context.file_pool
        node = await asyncio.get_running_loop().run_in_executor(pool, dataset_node, dataset, title)
        if self._shown is exchange:
            self.tree.show_node(node, title)


def _facts(exchange: Exchange) -> list[str]:
    """What is told beside the data set, a line each."""
    lines = []
    result = exchange.result
    if result is None:
        lines.append(f"{exchange.what}. The status is what we answered.")
        if exchange.event is not None and exchange.event.subscription:
            lines.append(f"Subscription: {plain(exchange.event.subscription, 300)}")
    else:
        if result.comment:
            lines.append(f"Comment: “{plain(result.comment)}”")
        for word, tags in (("Offending", result.offending), ("Attributes", result.attribute_identifiers)):
            if tags:
                lines.append(f"{word}: {', '.join(map(_label, tags))}")
        lines += [plain(note, 300) for note in result.notes]
    if exchange.sop_instance_uid:
        lines.append(f"Instance: {plain(exchange.sop_instance_uid)}")
    if result is None:
        lines.append(f"Came over association {exchange.association}")
    else:
        lines.append(f"Took {duration_text(result.seconds)}, association {result.association}")
    return lines


def _label(tag: int) -> str:
    number = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    try:
        keyword = attribute_of(number).keyword
    except ConfigurationError:
        keyword = ""
    return f"{keyword} {number}".strip()
