"""Where the time went: a waterfall of phases, the throughput below it, and the same as a table."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSplitter, QVBoxLayout, QWidget

from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.tables.text_table import Cell, TextTable
from dicomgui.gui.trace.details.waterfall import ThroughputView, Waterfall, short_time
from dicomgui.gui.widgets.buttons import Choice
from dicomgui.gui.widgets.text import ElidedLabel, count_text
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.phases import Line, Timeline

__all__ = ["ExchangeTimes", "TimingView"]


@dataclass(frozen=True, slots=True)
class ExchangeTimes:
    """The times of one exchange.

    :ivar title: what it is, e.g. ``C-FIND 3``.
    :ivar lines: its phases, a line each, then the exchanges that it caused.
    """

    title: str
    lines: tuple[Line, ...]

    @property
    def span(self) -> tuple[float, float]:
        """From its first moment to its last."""
        phases = [phase for line in self.lines for phase in line.phases]
        if not phases:
            return 0.0, 0.0
        return min(phase.begin_mono for phase in phases), max(phase.end_mono for phase in phases)


class TimingView(QWidget):
    """Shows the times of an exchange or of its whole association, as the user chooses.

    :param name: begins the object names.
    :param compact: for a low place: without the table.
    """

    def __init__(self, name: str, *, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_timing")
        self.setAccessibleName("Timing")
        self._timeline: Timeline | None = None
        self._exchange: ExchangeTimes | None = None
        self._lines: list[Line] = []
        self._rows: list[int] = []
        self.scope = Choice(f"{name}_timing_scope", "What the times are of")
        self.scope.setMinimumWidth(180)
        self.scope.currentIndexChanged.connect(self._fill)
        self.summary = ElidedLabel(tone="muted")
        self.summary.setObjectName(f"{name}_timing_summary")
        self.waterfall = Waterfall(f"{name}_waterfall")
        self.waterfall.line_selected.connect(self._on_line_selected)
        self.throughput = ThroughputView(f"{name}_throughput")
        self.model = TextTable(("Phase", "Begins", "Takes", "Detail"), numbers=(1, 2), parent=self)
        self.table = ListTable(f"{name}_phases", "Phases and their times", self)
        self.table.setModel(self.model)
        self.table.set_widths({0: 170, 1: 80, 2: 80}, stretch=3)
        self.table.selectionModel().currentRowChanged.connect(lambda index: self._on_row_selected(index.row()))
        keys = QShortcut(QKeySequence.StandardKey.Copy, self.table, context=Qt.ShortcutContext.WidgetShortcut)
        keys.activated.connect(self._on_copy)
        self._place(compact)

    def _place(self, compact: bool) -> None:
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self.waterfall)
        pictures = QFrame()
        pictures.setProperty("bytes", True)
        column = QVBoxLayout(pictures)
        column.setContentsMargins(2, 4, 2, 4)
        column.setSpacing(0)
        column.addWidget(self._scroll, 1)
        column.addWidget(self.throughput)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setObjectName(f"{self.objectName()}_split")
        split.setHandleWidth(8)
        split.setChildrenCollapsible(False)
        split.addWidget(pictures)
        split.addWidget(self.table)
        split.setSizes([640, 460])
        self.table.setVisible(not compact)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.scope)
        top.addWidget(self.summary, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(split, 1)

    def show_times(self, timeline: Timeline | None, exchange: ExchangeTimes | None = None) -> None:
        """Show the times of an association, and of an exchange in it, if any."""
        self._timeline, self._exchange = timeline, exchange
        wanted = self.scope.currentData()
        self.scope.blockSignals(True)
        self.scope.clear()
        if exchange is not None:
            self.scope.addItem(plain(exchange.title, 60), "exchange")
        if timeline is not None:
            self.scope.addItem(f"Association #{timeline.association}", "association")
        place = self.scope.findData(wanted)
        self.scope.setCurrentIndex(max(0, place) if self.scope.count() else -1)
        self.scope.blockSignals(False)
        self.scope.setEnabled(self.scope.count() > 1)
        self._fill()

    def _fill(self) -> None:
        timeline = self._timeline
        self._lines = []
        begin = end = 0.0
        if self.scope.currentData() == "exchange" and self._exchange is not None:
            self._lines = list(self._exchange.lines)
            begin, end = self._exchange.span
        elif timeline is not None:
            self._lines = list(timeline.lines)
            begin, end = timeline.begin_mono, timeline.end_mono
        is_whole = self.scope.currentData() == "association"
        self.waterfall.show_lines(self._lines, begin, end)
        self.throughput.show_throughput(timeline.throughput if timeline is not None and is_whole else None)
        self.throughput.setVisible(is_whole)
        self.summary.setText(self._summary(begin, end, is_whole))
        rows: list[tuple[Cell, ...]] = []
        self._rows = []
        for number, line in enumerate(self._lines):
            for phase in line.phases:
                name = phase.name if line.label == phase.name else f"{line.label} · {phase.name}"
                takes = short_time(phase.seconds) + (" …" if phase.is_open else "")
                tone = "error" if line.failed else ""
                rows.append(
                    (
                        Cell(plain(name), tone),
                        Cell(short_time(phase.begin_mono - begin)),
                        Cell(takes),
                        Cell(phase.detail),
                    )
                )
                self._rows.append(number)
        self.model.show_rows(rows)

    def _summary(self, begin: float, end: float, is_whole: bool) -> str:
        if not self._lines:
            return "No times are known"
        parts = [f"{short_time(end - begin)} in all"]
        for kind, words in (("peer thinks", "the peer thought for"), ("we think", "we thought for")):
            seconds = sum(p.seconds for line in self._lines for p in line.phases if p.name == kind)
            if seconds:
                parts.append(f"{words} {short_time(seconds)}")
        if is_whole and self.throughput.text:
            parts.append(self.throughput.text)
        if is_whole and self._timeline is not None and self._timeline.left_out:
            parts.append(f"{count_text(self._timeline.left_out, 'later exchange')} left out")
        return " · ".join(parts)

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_line_selected(self, line: int) -> None:
        height = self.waterfall.height() / max(1, len(self._lines))
        self._scroll.ensureVisible(0, round(height * line + height / 2), 0, round(height))
        if line in self._rows:
            self.table.selectRow(self._rows.index(line))

    def _on_row_selected(self, row: int) -> None:
        if 0 <= row < len(self._rows):
            self.waterfall.select(self._rows[row])

    def _on_copy(self) -> None:
        row = self.table.currentIndex().row()
        if row >= 0:
            QGuiApplication.clipboard().setText(self.model.line_of(row))
