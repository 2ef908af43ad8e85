"""Test a peer by C-ECHO, step by step."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from dicomgui.app.echo import EchoResult, Step, echo
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card, EmptyState, FindingList, Glyph
from dicomgui.gui.widgets.peer_fields import PeerFields
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel
from dicomgui.network.uids import name_of
from dicomgui.trace.finding import plain

__all__ = ["EchoPanel"]

_STEPS = {
    "resolve": "Name",
    "connect": "Connection",
    "associate": "Association",
    "echo": "C-ECHO",
    "release": "Release",
}
MAX_REPEAT = 10_000


class _Ladder(QWidget):
    """The steps of an echo, each with how it went and how long it took."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("echo_steps")
        self.setAccessibleName("Steps")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnMinimumWidth(1, 110)
        grid.setColumnStretch(2, 1)
        self._rows: dict[str, tuple[Glyph, ElidedLabel, PlainLabel]] = {}
        for number, (name, text) in enumerate(_STEPS.items()):
            glyph, detail, took = Glyph("", "muted", 16), ElidedLabel(), PlainLabel(tone="muted")
            detail.setObjectName(f"echo_step_{name}")
            took.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            took.setMinimumWidth(90)
            for column, widget in enumerate((glyph, PlainLabel(text, bold=True), detail, took)):
                grid.addWidget(widget, number, column)
            self._rows[name] = (glyph, detail, took)
        self._times: dict[str, list[float]] = {}

    def start(self) -> None:
        """Before the first step."""
        self._times = {name: [] for name in _STEPS}
        for glyph, detail, took in self._rows.values():
            glyph.show_state("", "muted")
            detail.set_tone("muted")
            detail.setText("–")
            took.setText("")

    def add(self, step: Step) -> None:
        """A step has ended; repeated ones share a row."""
        times = self._times[step.name]
        times.append(step.ms)
        glyph, detail, took = self._rows[step.name]
        glyph.show_state("good" if step.ok else "error", "good" if step.ok else "error")
        text = plain(step.detail) or ("done" if step.ok else "failed")
        detail.set_tone("" if step.ok else "error")
        detail.setText(f"{len(times)} ×, last: {text}" if len(times) > 1 else text)
        took.setText(f"{step.ms:.1f} ms")

    @property
    def texts(self) -> dict[str, str]:
        """What each step shows."""
        return {name: detail.text() for name, (_, detail, _) in self._rows.items()}


class _Facts(QWidget):
    """What the peer told of itself, and the round trips."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("echo_facts")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, 126)
        self._grid.setColumnStretch(1, 1)
        self._values: dict[str, PlainLabel] = {}
        for row, name in enumerate(("Status", "Implementation", "Maximum PDU", "Transfer syntax", "Round trip")):
            value = PlainLabel(selectable=True, wrap=True)
            self._values[name] = value
            self._grid.addWidget(PlainLabel(name, tone="muted"), row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1)

    def show_result(self, result: EchoResult) -> None:
        """Fill in."""
        names = (plain(result.implementation_version_name), plain(result.implementation_class_uid))
        limit = result.peer_max_pdu_length
        texts = {
            "Status": plain(result.status) if result.status is not None else "",
            "Implementation": " · ".join(filter(None, names)),
            "Maximum PDU": "no limit" if limit == 0 else f"{limit:,} bytes" if limit else "",
            "Transfer syntax": plain(name_of(result.transfer_syntax)) if result.transfer_syntax else "",
            "Round trip": _round_trips(result),
        }
        for name, text in texts.items():
            self._values[name].setText(text or "–")

    @property
    def texts(self) -> dict[str, str]:
        """What is shown, by name."""
        return {name: value.text() for name, value in self._values.items()}


def _round_trips(result: EchoResult) -> str:
    low, middle, high = result.min_ms, result.median_ms, result.p95_ms
    if low is None or middle is None or high is None:
        return ""
    if len(result.round_trips_ms) == 1:
        return f"{low:.1f} ms"
    return f"min {low:.1f} · median {middle:.1f} · p95 {high:.1f} ms, of {len(result.round_trips_ms):,}"


class EchoPanel(Panel):
    """Peer fields, the steps, the result."""

    def __init__(self, place: Workplace) -> None:
        text = "C-ECHO: is the peer there, does it accept us, and how long does each step take?"
        super().__init__("echo", "Echo", text, place)
        self._task: asyncio.Task[None] | None = None
        self._association = 0
        self.peer = PeerFields("echo", place.choice)
        self.peer.submitted.connect(self.run)
        self.run_button = push_button("echo_run", "&Echo", "play", primary=True, tip="Send a C-ECHO (F5)")
        self.run_button.clicked.connect(self.run)
        self.cancel_button = push_button("echo_cancel", "Ca&ncel", "cancel", tip="Stop (Esc)")
        self.cancel_button.clicked.connect(self.cancel)
        self.cancel_button.setEnabled(False)
        self.trace_button = push_button("echo_show_trace", "Show in trace", "trace", tip="Every byte of this echo")
        self.trace_button.clicked.connect(self._on_trace_clicked)
        self.repeat = QLineEdit("1")
        self.repeat.setObjectName("echo_repeat")
        self.repeat.setAccessibleName("Repeat")
        self.repeat.setToolTip(f"How many C-ECHOs over the one association, up to {MAX_REPEAT:,}")
        self.repeat.setValidator(QIntValidator(1, MAX_REPEAT, self.repeat))
        self.repeat.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.repeat.setFixedWidth(72)
        self.repeat.returnPressed.connect(self.run)
        self.headline = PlainLabel(scale=1.15, bold=True, wrap=True)
        self.headline.setObjectName("echo_headline")
        self._headline_glyph = Glyph("", "good", 22)
        self.steps = _Ladder()
        self.facts = _Facts()
        self.findings = FindingList("echo_findings")
        self._place()

    def _place(self) -> None:
        top = Card()
        top.column.addWidget(self.peer)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.run_button)
        row.addWidget(self.cancel_button)
        row.addStretch(1)
        label = PlainLabel("Repea&t", tone="muted")
        label.setBuddy(self.repeat)
        row.addWidget(label)
        row.addWidget(self.repeat)
        top.column.addLayout(row)
        self.column.addWidget(top)
        self._pages = QStackedWidget()
        self._pages.setObjectName("echo_pages")
        self._pages.addWidget(
            EmptyState("echo", "No echo yet", "Type the peer's AE title, host and port above, or paste AET@host:port, "
                       "then press Echo. To try it here, start the listener and echo DICOMGUI@127.0.0.1:11112.")
        )  # fmt: skip
        self._pages.addWidget(self._make_result())
        self.column.addWidget(self._pages, 1)

    def _make_result(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._headline_glyph)
        head.addWidget(self.headline, 1)
        head.addWidget(self.trace_button)
        column.addLayout(head)
        column.addWidget(self.findings)
        card = Card()
        card.column.addWidget(self.steps)
        column.addWidget(card)
        self._facts_card = Card()
        self._facts_card.column.addWidget(self.facts)
        column.addWidget(self._facts_card)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setObjectName("echo_scroll")
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(inside)
        return scroll

    @property
    def is_busy(self) -> bool:
        """Whether an echo is under way."""
        return self._task is not None

    def take_focus(self) -> None:
        self.peer.called.setFocus()

    def run(self) -> None:
        """Echo the peer of the fields."""
        if self._task is None:
            self._task = self.tasks.spawn(self._echo(), name="echo")

    def cancel(self) -> None:
        """End the echo that is under way."""
        if self._task is not None:
            self._task.cancel()

    def _on_trace_clicked(self) -> None:
        self.trace_wanted.emit(self._association)

    async def _echo(self) -> None:
        self._show_start()
        try:
            if problem := self.peer.problem():
                self._show_headline("error", "error", problem)
                return
            choice = self.place.choice
            repeat = max(1, int(self.repeat.text() or 1))
            result = await echo(
                self.place.context, choice.peer(), choice.options(), repeat=repeat, on_step=self.steps.add
            )
            self._show_result(result)
        except asyncio.CancelledError:
            self._show_headline("note", "muted", "Cancelled")
            raise
        finally:
            self._task = None
            self.show_busy(False, self.run_button, self.cancel_button)

    def _show_start(self) -> None:
        self.show_busy(True, self.run_button, self.cancel_button)
        self.steps.start()
        self.findings.show_findings(())
        self._facts_card.hide()
        self.trace_button.hide()
        self._show_headline("", "muted", "Connecting …")
        self._pages.setCurrentIndex(1)

    def _show_headline(self, icon_name: str, tone: str, text: str) -> None:
        self._headline_glyph.setVisible(bool(icon_name))
        self._headline_glyph.show_state(icon_name, tone)
        self.headline.set_tone(tone)
        self.headline.setText(text)

    def _show_result(self, result: EchoResult) -> None:
        if result.ok:
            self._show_headline("good", "good", f"{plain(result.peer)} answers")
        else:
            self._show_headline("error", "error", f"{plain(result.peer)}: the echo failed")
        self.findings.show_findings(result.findings)
        if result.peer_max_pdu_length is not None:
            self.facts.show_result(result)
            self._facts_card.show()
        self._association = result.association
        self.trace_button.setVisible(bool(result.association))
