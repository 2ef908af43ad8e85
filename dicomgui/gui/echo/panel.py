"""Test a peer by C-ECHO, step by step."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QIntValidator
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.echo import EchoResult, Step
from dicomgui.app.operations import JobKind
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.gui.echo.certificate_card import CertificateCard
from dicomgui.gui.echo.sparkline import Sparkline
from dicomgui.gui.panels.echoing import echo_as_job
from dicomgui.gui.panels.explaining import PeerActions, explain_in
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.peers.association_fields import operations_text
from dicomgui.gui.peers.fields import PeerFields
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card, EmptyState, FindingList, Glyph
from dicomgui.gui.widgets.copy_menu import CopyButton, Recipes
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, duration_text
from dicomgui.network.association.contexts import Negotiated
from dicomgui.network.association.identity import claimed_name
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.uids import name_of
from dicomgui.trace.finding import plain

__all__ = ["EchoPanel"]

_STEPS = {
    "resolve": "Name",
    "connect": "TCP connection",
    "tls": "TLS",
    "associate": "Association",
    "echo": "C-ECHO",
    "release": "Release",
}
_FACTS = ("Status", "Implementation", "Maximum PDU", "Transfer syntax", "User", "At once", "Round trip", "Altogether")
_OPTIONAL_FACTS = ("User", "At once")
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
        grid.setColumnMinimumWidth(1, 126)
        grid.setColumnStretch(2, 1)
        self._rows: dict[str, tuple[Glyph, ElidedLabel, PlainLabel]] = {}
        self._tls: list[QWidget] = []
        self._has_tls = False
        for number, (name, text) in enumerate(_STEPS.items()):
            glyph, detail, took = Glyph("", "muted", 16), ElidedLabel(), PlainLabel(tone="muted")
            detail.setObjectName(f"echo_step_{name}")
            took.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            took.setMinimumWidth(90)
            cells = (glyph, PlainLabel(text, bold=True), detail, took)
            for column, widget in enumerate(cells):
                grid.addWidget(widget, number, column)
                if name == "tls":
                    self._tls.append(widget)
            self._rows[name] = (glyph, detail, took)
        self._times: dict[str, list[float]] = {}

    def start(self, *, has_tls: bool = False) -> None:
        """Before the first step."""
        self._times = {name: [] for name in _STEPS}
        self._has_tls = has_tls
        for widget in self._tls:
            widget.setVisible(has_tls)
        for glyph, detail, took in self._rows.values():
            glyph.show_state("", "muted")
            detail.set_tone("muted")
            detail.setText("–")
            took.setText("")

    def add(self, steps: Iterable[Step]) -> None:
        """Steps have ended; repeated ones share a row, which shows the last one."""
        last: dict[str, Step] = {}
        for step in steps:
            self._times[step.name].append(step.ms)
            last[step.name] = step
        for step in last.values():
            self._show(step)

    def _show(self, step: Step) -> None:
        times = self._times[step.name]
        glyph, detail, took = self._rows[step.name]
        glyph.show_state("good" if step.ok else "error", "good" if step.ok else "error")
        text = plain(step.detail) or ("done" if step.ok else "failed")
        detail.set_tone("" if step.ok else "error")
        detail.setText(f"{len(times)} ×, last: {text}" if len(times) > 1 else text)
        took.setText(duration_text(step.ms / 1000))

    @property
    def echo_times(self) -> list[float]:
        """The round trips so far, in milliseconds."""
        return self._times.get("echo", [])

    @property
    def texts(self) -> dict[str, str]:
        """What each step shows."""
        rows = {name: detail.text() for name, (_, detail, _) in self._rows.items()}
        return {name: text for name, text in rows.items() if self._has_tls or name != "tls"}

    @property
    def times(self) -> dict[str, str]:
        """How long each step took, as it is shown."""
        return {name: took.text() for name, (_, _, took) in self._rows.items() if self._has_tls or name != "tls"}


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
        self._labels: dict[str, PlainLabel] = {}
        for row, name in enumerate(_FACTS):
            value = PlainLabel(selectable=True, wrap=True)
            self._values[name] = value
            self._labels[name] = label = PlainLabel(name, tone="muted")
            self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
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
            "User": _user_text(result.agreed),
            "At once": _window_text(result.agreed),
            "Round trip": _round_trips(result),
            "Altogether": duration_text(sum(step.ms for step in result.steps) / 1000),
        }
        for name, text in texts.items():
            self._values[name].setText(text or "–")
            for widget in (self._labels[name], self._values[name]):
                widget.setVisible(bool(text) or name not in _OPTIONAL_FACTS)

    @property
    def texts(self) -> dict[str, str]:
        """What is shown, by name."""
        return {name: value.text() for name, value in self._values.items() if not value.isHidden()}


def _user_text(agreed: Negotiated | None) -> str:
    """Who we said we are, and whether the peer says that it has checked it."""
    if agreed is None or agreed.user_identity is None:
        return ""
    identity = agreed.user_identity
    who = plain(claimed_name(identity)) or "identified by a token"
    if agreed.identity_response is not None:
        return f"{who}, confirmed by the peer"
    return f"{who}, not confirmed by the peer" if identity.positive_response else f"{who}, no confirmation asked"


def _window_text(agreed: Negotiated | None) -> str:
    """The window of asynchronous operations, where it is not the usual one."""
    if agreed is None or (agreed.max_invoked, agreed.max_performed) == (1, 1):
        return ""
    ours, theirs = operations_text(agreed.max_invoked), operations_text(agreed.max_performed)
    return f"{ours} requests of ours, {theirs} of the peer's"


def _round_trips(result: EchoResult) -> str:
    low, middle, high = result.min_ms, result.median_ms, result.p95_ms
    if low is None or middle is None or high is None:
        return ""
    if len(result.round_trips_ms) == 1:
        return f"{low:.2f} ms"
    return f"min {low:.2f} · median {middle:.2f} · p95 {high:.2f} ms, of {len(result.round_trips_ms):,}"


class EchoPanel(Panel):
    """Peer fields, the steps, the result."""

    def __init__(self, place: Workplace) -> None:
        text = "C-ECHO: is the peer there, does it accept us, and how long does each step take?"
        super().__init__("echo", "Echo", text, place)
        self._task: asyncio.Task[None] | None = None
        self._association = 0
        self._profile = ""
        self._ended: deque[Step] = deque()
        self.peer = PeerFields("echo", place.choice)
        self.peer.submitted.connect(self.run)
        self.run_button = push_button("echo_run", "&Echo", "play", primary=True, tip="Send a C-ECHO (F5)")
        self.run_button.clicked.connect(self.run)
        self.cancel_button = push_button("echo_cancel", "Ca&ncel", "cancel", tip="Stop (Esc)")
        self.cancel_button.clicked.connect(self.cancel)
        self.cancel_button.setEnabled(False)
        self.trace_button = push_button("echo_show_trace", "Sho&w in trace", "trace", tip="Every byte of this echo")
        self.trace_button.clicked.connect(self._on_trace_clicked)
        self.copy_button = push_button("echo_copy", "Cop&y result", "copy", tip="The result as text; no patient data")
        self.copy_button.clicked.connect(self._on_copy_clicked)
        self.copy_as_button: CopyButton = CopyButton("echo_copy_as", self._recipes)
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
        self.certificate = CertificateCard("echo_certificate")
        self.chart = Sparkline("echo_chart", "Round trips")
        self.findings = FindingList("echo_findings")
        self._actions = PeerActions(self, self.run, lambda: self._association, self._say)
        explain_in(self, self.findings, self._actions.offers)
        self._place()
        place.pump.add(self._drain)

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
        row.addWidget(self.copy_as_button)
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
        head.addWidget(self.copy_button)
        head.addWidget(self.trace_button)
        column.addLayout(head)
        column.addWidget(self.findings)
        card = Card()
        card.column.addWidget(self.steps)
        column.addWidget(card)
        self._facts_card = Card()
        self._facts_card.column.addWidget(self.facts)
        self._facts_card.column.addWidget(self.chart)
        column.addWidget(self._facts_card)
        column.addWidget(self.certificate)
        column.addStretch(1)
        return inside

    @property
    def is_busy(self) -> bool:
        """Whether an echo is under way."""
        return self._task is not None

    def take_focus(self) -> None:
        self.peer.called.setFocus()

    def run(self) -> None:
        """Echo the peer of the fields."""
        if self._task is not None:
            return
        self._show_start()
        if problem := self.peer.problem():
            self._show_headline("error", "error", problem)
            return
        self._task = self.tasks.spawn(self._echo(self._actions.options), name="echo")
        self.show_busy(True, self.run_button, self.cancel_button)

    def cancel(self) -> None:
        """End the echo that is under way, or the waiting for the next attempt."""
        self._actions.cancel()
        if self._task is not None:
            self._task.cancel()

    def _say(self, text: str) -> None:
        self._show_headline("note", "muted", text)

    def report(self) -> str:
        """The result as text, to be handed on: what is shown, in the same order."""
        lines = [self.headline.text()]
        for card in self.findings.cards:
            lines += ["", *card.lines]
        took = self.steps.times
        lines += ["", *(f"{_STEPS[name]}: {text} {took[name]}".rstrip() for name, text in self.steps.texts.items())]
        blocks = [] if self._facts_card.isHidden() else [self.facts.texts]
        blocks += [] if self.certificate.isHidden() else [self.certificate.texts, *self.certificate.issuer_texts]
        for texts in blocks:
            lines += ["", *(f"{name}: {text}" for name, text in texts.items())]
        return "\n".join(lines) + "\n"

    def _recipes(self) -> Recipes:
        """What Echo would do, to be copied as a command."""
        if self.peer.problem():
            return []
        choice = self.place.choice
        return [("", Recipe(Verb.ECHO, choice.peer(), choice.options(), max(1, int(self.repeat.text() or 1))))]

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self.report())

    def _on_trace_clicked(self) -> None:
        self.trace_wanted.emit(self._association)

    async def _echo(self, options: ConnectionOptions) -> None:
        try:
            self._show_result(await self._echo_peer(options))
        except asyncio.CancelledError:
            self._show_headline("note", "muted", "Cancelled")
            raise
        finally:
            self._task = None
            self.show_busy(False, self.run_button, self.cancel_button)

    async def _echo_peer(self, options: ConnectionOptions) -> EchoResult:
        choice = self.place.choice
        peer = choice.peer()
        repeat = max(1, int(self.repeat.text() or 1))
        name = choice.node.name if choice.node is not None else str(peer.ae_title)
        times = f", {repeat:,} times" if repeat > 1 else ""
        self.steps.start(has_tls=options.tls is not None)
        self._profile = "" if options.tls is None else options.tls.profile
        job = self.place.start_job(
            JobKind.ECHO, f"Echo {name}{times}", peer=str(peer), cancel=self.cancel,
            retry=partial(self._echo_again, choice.node, peer, options.calling_ae, repeat),
            recipe=Recipe(Verb.ECHO, peer, options, repeat),
        )  # fmt: skip
        result = await echo_as_job(self.place, peer, options, job, repeat=repeat, on_step=self._ended.append)
        self._drain()
        return result

    def _echo_again(self, node: Node | None, peer: PeerAddress, calling_ae: str, repeat: int) -> None:
        """The same as then, unless something else is under way."""
        if self._task is not None:
            return
        choice = self.place.choice
        if node is not None:
            choice.choose(self.place.config.nodes.find(node.name) or node)
        choice.set(called_ae=peer.ae_title, host=peer.host, port=str(peer.port), calling_ae=calling_ae)
        self.repeat.setText(str(repeat))
        self.panel_wanted.emit(self.key)
        self.run()

    def _drain(self) -> None:
        """The steps that have ended since the last tick."""
        if self._ended:
            self.steps.add([self._ended.popleft() for _ in range(len(self._ended))])
            if len(self.steps.echo_times) > 1:
                self.chart.show_values(self.steps.echo_times)

    def _show_start(self) -> None:
        self._ended.clear()
        self.steps.start()
        self.findings.show_findings(())
        self._facts_card.hide()
        self.certificate.show_facts(None)
        self.trace_button.hide()
        self.copy_button.hide()
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
            self.chart.setVisible(len(result.round_trips_ms) > 1)
            self._facts_card.show()
        self.certificate.show_facts(result.tls, self._profile)
        self.copy_button.show()
        self._association = result.association
        self.trace_button.setVisible(bool(result.association))
