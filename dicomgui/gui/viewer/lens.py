"""The bytes of one value, and for text how they read in other character sets."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from dicomgui.app.viewing.charset_lens import Reading, doubt_about, is_text, readings
from dicomgui.app.viewing.viewed import MAX_VALUE_BYTES, Viewed
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.tables.text_table import Cell, TextTable
from dicomgui.gui.widgets.hex_view import HexView
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.network.tracing import Segment
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.dataset_nodes import DataNode

__all__ = ["CharsetLens"]


class CharsetLens(QWidget):
    """Shows the value of one element.

    :param name: begins the object names.
    """

    charset_wanted = Signal(str)
    """The user wants all texts to be read in this character set."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_lens")
        self.setAccessibleName("Bytes and character sets")
        self._readings: list[Reading] = []
        self.usual = ""
        self.said = PlainLabel(tone="muted", wrap=True)
        self.said.setObjectName(f"{name}_lens_said")
        self.hex = HexView(f"{name}_hex")
        self.hex.setAccessibleName("Bytes of the selected value")
        self.hex.setMinimumWidth(260)
        self.table_model = TextTable(("Character set", "Reads as", "What it is", "Remark"), parent=self)
        self.table = ListTable(f"{name}_readings", "The value in other character sets")
        self.table.setModel(self.table_model)
        self.table.set_widths({0: 112, 2: 118, 3: 96}, stretch=1)
        self.table.setToolTip("Enter or double click: show all texts in this character set")
        self.table.activated.connect(lambda index: self._on_chosen(index.row()))
        self.table.doubleClicked.connect(lambda index: self._on_chosen(index.row()))
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.setObjectName(f"{name}_lens_parts")
        parts.setChildrenCollapsible(False)
        parts.setHandleWidth(8)
        parts.addWidget(self.hex)
        parts.addWidget(self.table)
        parts.setSizes([545, 515])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.said)
        column.addWidget(parts, 1)
        self.show_element(None, None)

    def show_element(self, viewed: Viewed | None, node: DataNode | None) -> None:
        """Show another value, or none."""
        self._readings = []
        if viewed is None or node is None or node.begin < 0:
            self.hex.show_segments((), 0)
            self.table.hide()
            self._say("Select an element with a value to see its bytes.", "muted")
            return
        raw = viewed.value_of(node)
        length = node.offset + node.length - node.begin
        self.hex.show_segments((Segment(0, raw),) if raw else (), len(raw))
        more = f", of which the first {MAX_VALUE_BYTES:,} are shown" if length > len(raw) else ""
        said, tone = f"{node.label}: {count_text(length, 'byte')}{more}", "muted"
        if is_text(node):
            doubt = doubt_about(node, raw)
            said, tone = (f"{node.label}: {doubt}.", "warning") if doubt else (f"{said}, read {_as(node)}", "muted")
            self._readings = readings(raw, node.charset, self.usual)
            self.table_model.show_rows([_row(one, number == 0) for number, one in enumerate(self._readings)])
        self.table.setVisible(is_text(node))
        self._say(said, tone)

    def _say(self, text: str, tone: str) -> None:
        self.said.setText(plain(text, 500))
        self.said.set_tone(tone)

    def _on_chosen(self, row: int) -> None:
        if 0 <= row < len(self._readings):
            self.charset_wanted.emit(self._readings[row].term)


def _as(node: DataNode) -> str:
    return f"as {plain(node.charset)}" if node.charset else "as ASCII, since there is no Specific Character Set"


def _row(one: Reading, is_first: bool) -> tuple[Cell, ...]:
    tone = "muted" if one.fault else ""
    title = "what is in force" if is_first else one.title
    remark = one.fault or "fits"
    return (
        Cell(plain(one.term) or "ASCII", tone), Cell(one.text, tone), Cell(title, "muted"),
        Cell(remark, "muted" if one.fault else "good"),
    )  # fmt: skip
