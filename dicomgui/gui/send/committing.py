"""Storage commitment after a send: whether it is asked for, the waiting with its clock, and what the peer answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.operations import JobHandle, JobKind, JobState
from dicomgui.app.transfers.commitment import CommitmentJob, CommitmentOrder, CommitmentOutcome, CommitmentState
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.tables.list_table import uid_table
from dicomgui.gui.tables.text_table import Cell, TextTable
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Glyph
from dicomgui.gui.widgets.fields import check_box
from dicomgui.gui.widgets.finding_area import FindingArea
from dicomgui.gui.widgets.flow import FlowRow, together
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.uids import name_of
from dicomgui.trace.finding import plain

__all__ = ["Committing"]

WAIT_S = 3600.0
"""An answer is waited for so long; archives that write to tape take their time."""

ROWS_SEEN = 4
MAX_ROWS = 10_000
_STATES = {
    CommitmentState.ASKING: ("busy", "muted"), CommitmentState.WAITING: ("busy", "accent"),
    CommitmentState.ANSWERED: ("good", "good"), CommitmentState.CANCELLED: ("cancel", "muted"),
}  # fmt: skip
_HAS_TROUBLE = ("error", "error")


class Committing(QWidget):
    """Asks for commitment and shows how it stands; hidden but for its check box until there is something.

    :ivar check: whether it is asked for after a send.

    :param panel: its tasks do the work; begins the object names: ``send_commit``, ``send_commit_state``.
    """

    instance_wanted = Signal(str)
    """The user wants to see what the peer does not answer for, by its SOP Instance UID."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        prefix = panel.key
        self._panel = panel
        self._task: asyncio.Task[None] | None = None
        self._job: CommitmentJob | None = None
        self._began = 0.0
        self._missed: list[tuple[Reference, Cell]] = []
        tip = "After a send: will the peer answer for what it has taken? (storage commitment, PS3.4 annex J)"
        self.check = check_box(f"{prefix}_commit", "Ask for storage co&mmitment", tip=tip)
        self.check.setAccessibleName("Ask for storage commitment")
        self._glyph = Glyph("", "muted", 18)
        self.state = PlainLabel(wrap=True)
        self.state.setObjectName(f"{prefix}_commit_state")
        self.state.setAccessibleName("State of the storage commitment")
        self.stop_button = push_button(f"{prefix}_commit_stop", "Wait no longer", "cancel")
        self.stop_button.clicked.connect(self.cancel)
        self.trace_button = push_button(f"{prefix}_commit_trace", "Answer in trace", "trace")
        self.trace_button.clicked.connect(self._on_trace_clicked)
        self.model = TextTable(("SOP instance UID", "Reason", "SOP class"), parent=self)
        self.table = uid_table(f"{prefix}_commit_failed", "Instances that the peer does not answer for", self.model)
        self.table.set_widths({1: 260, 2: 180}, stretch=0)
        self.table.activated.connect(self._on_activated)
        self.table.setFixedHeight((ROWS_SEEN + 1) * (self.table.fontMetrics().height() + 9))
        self.findings = FindingArea(f"{prefix}_commit_findings")
        self._place()
        self._node: str | None = None
        panel.place.choice.changed.connect(self._on_peer_changed)
        panel.place.config.nodes_changed.connect(self._on_nodes_changed)
        panel.place.pump.add(self._drain)

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = FlowRow()
        self._line = together(self._glyph, self.state)
        row.add(self._line, 1, width=280)
        row.add(self.stop_button)
        row.add(self.trace_button)
        column.addLayout(row)
        column.addWidget(self.table)
        column.addWidget(self.findings)
        for widget in (self._line, self.stop_button, self.trace_button, self.table):
            widget.hide()
        self.hide()

    @property
    def outcome(self) -> CommitmentOutcome | None:
        """How the last request stands; ``None`` before there was one."""
        return None if self._job is None else self._job.outcome

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is being waited for."""
        return self._task is not None

    def start(self, peer: PeerAddress, options: ConnectionOptions, references: Iterable[tuple[str, str]]) -> None:
        """Ask a peer to answer for instances; what was being waited for before is given up."""
        wanted = tuple(references)
        if wanted:
            self.cancel()
            order = CommitmentOrder.of(wanted, wait_s=WAIT_S)
            self._task = self._panel.tasks.spawn(self._run(peer, options, order), name="storage commitment")

    def cancel(self) -> None:
        """Wait no longer."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, peer: PeerAddress, options: ConnectionOptions, order: CommitmentOrder) -> None:
        place, task = self._panel.place, asyncio.current_task()
        assert task is not None
        title = f"Commitment of {count_text(len(order.references), 'instance')}"
        with place.start_job(JobKind.COMMIT, title, peer=str(peer), cancel=task.cancel) as handle:
            handle.update(files_done=0, files_total=len(order.references))
            options = await place.secrets.complete(options, peer)
            job = self._job = CommitmentJob(
                place.context, peer, options, order, has_listener=bool(place.context.facts.listeners),
                on_association=handle.add_association, on_change=self._on_changed,
            )  # fmt: skip
            self._began = time.monotonic()
            try:
                outcome = await job.run()
            finally:
                if self._job is job:
                    if self._task is task:
                        self._task = None
                    self._show(job.outcome)
            _finish(handle, outcome)

    def _on_changed(self, outcome: CommitmentOutcome) -> None:
        """An answer that comes late, when nobody waits any more, is shown unless something else is by now."""
        if outcome.is_late and self._task is None and outcome.transaction_uid == self._transaction:
            self._show(outcome)

    @property
    def _transaction(self) -> str:
        return "" if self._job is None else self._job.outcome.transaction_uid

    def _on_peer_changed(self) -> None:
        """Another node says anew whether it is to be asked; without a node it stays as it is."""
        node = self._panel.place.choice.node
        name = None if node is None else node.name
        if node is not None and name != self._node:
            self.check.setChecked(node.ask_commitment)
        self._node = name

    def _on_nodes_changed(self) -> None:
        self._node = None
        self._on_peer_changed()

    def _drain(self) -> None:
        """The clock, while something is waited for."""
        if self._task is not None and self._job is not None and not self._job.outcome.state.is_over:
            self._show(self._job.outcome)

    def _show(self, outcome: CommitmentOutcome) -> None:
        icon, tone = _STATES.get(outcome.state, _HAS_TROUBLE)
        if outcome.result is not None and not outcome.ok:
            icon, tone = "warning", "warning"
        text = outcome.text
        if not outcome.state.is_over:
            seconds = int(time.monotonic() - self._began)
            text = f"Storage commitment: {outcome.text}, {seconds // 60}:{seconds % 60:02d}"
            if outcome.state is CommitmentState.WAITING and not self._panel.place.context.facts.listeners:
                text += ". No listener runs: the peer can only answer on the same association."
        else:
            text = f"Storage commitment: {text}"
        self._glyph.show_state(icon, tone)
        self.state.set_tone(tone)
        self.state.setText(plain(text, 500))
        self._line.show()
        self.stop_button.setVisible(not outcome.state.is_over)
        self.trace_button.setVisible(outcome.state.is_over and bool(outcome.associations))
        self._missed = _missed(outcome)
        self.model.show_rows([_cells(reference, reason) for reference, reason in self._missed])
        self.table.setVisible(bool(self._missed))
        self.findings.show_findings(outcome.findings)
        self.show()

    def _on_activated(self, index: QModelIndex) -> None:
        self.instance_wanted.emit(self._missed[index.row()][0].sop_instance_uid)

    def _on_trace_clicked(self) -> None:
        outcome = self.outcome
        if outcome is not None and outcome.associations:
            self._panel.trace_wanted.emit(outcome.associations[-1])


def _missed(outcome: CommitmentOutcome) -> list[tuple[Reference, Cell]]:
    """What the peer does not answer for, with its reason."""
    result = outcome.result
    if result is None:
        return []
    failed = [(one.reference, Cell(f"0x{int(one.reason):04X} {one.text}", "error")) for one in result.failed[:MAX_ROWS]]
    silent = [(one, Cell("the answer does not name it", "warning")) for one in outcome.unanswered[:MAX_ROWS]]
    return failed + silent


def _cells(reference: Reference, reason: Cell) -> tuple[Cell, ...]:
    return Cell(plain(reference.sop_instance_uid)), reason, Cell(plain(name_of(reference.sop_class_uid)))


def _finish(handle: JobHandle, outcome: CommitmentOutcome) -> None:
    finding = outcome.findings[0] if outcome.findings else None
    state = JobState.DONE if outcome.ok else JobState.WARNING if outcome.result is not None else JobState.FAILED
    committed = 0 if outcome.result is None else len(outcome.result.committed)
    handle.update(files_done=committed)
    handle.finish(state, text=plain(outcome.text, 300), finding=finding)
