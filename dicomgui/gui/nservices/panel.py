"""A console for normalized services: any of the six operations, with any data set, over an association of its own."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.nservice_events import NEvent
from dicomgui.app.nservices.requests import NRequest, NResult
from dicomgui.app.nservices.session import NSession, SessionState, transaction_of
from dicomgui.app.nservices.templates import TEMPLATES, Draft, Template
from dicomgui.app.nservices.types import sop_class_title
from dicomgui.app.operations import JobKind, JobState
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.gui.nservices.answer import AnswerView
from dicomgui.gui.nservices.form import RequestForm
from dicomgui.gui.nservices.model import STATUS_COLUMN, Exchange, NServiceModel, status_text
from dicomgui.gui.nservices.templates import TemplateButton
from dicomgui.gui.panels.explaining import PeerActions, explain_in
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.peers.fields import PeerFields
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.tables.pills import PillDelegate
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card, EmptyState
from dicomgui.gui.widgets.copy_menu import CopyButton, Recipes
from dicomgui.gui.widgets.fields import check_box
from dicomgui.gui.widgets.flow import FlowRow, Halves, Pages, reveal
from dicomgui.gui.widgets.text import PlainLabel, error_text, tooltip
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError, OperationTimeout
from dicomgui.network.service_classes.commitment import SOP_CLASS as COMMITMENT
from dicomgui.network.service_classes.commitment import SOP_INSTANCE as COMMITMENT_INSTANCE
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.status import Status
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from dicomgui.app.commitment_desk import Delivery

__all__ = ["NServicesPanel"]

NARROW = 940
MIN_HEIGHT = 420
HISTORY_ROWS = 5
COMMITMENT_WAIT_S = 3600.0
"""An answer to storage commitment is waited for so long."""

_EMPTY = (
    "Choose a template, or an operation with its SOP class and instance, fill in the data set, and press Send. "
    "The answer, and what the peer reports later, is shown here."
)


class NServicesPanel(Panel):
    """Peer fields, the request, the answer, and what was sent before."""

    def __init__(self, place: Workplace) -> None:
        text = "N-CREATE, N-SET, N-GET, N-ACTION, N-EVENT-REPORT, N-DELETE: by hand, against any system."
        super().__init__("nservices", "N-services", text, place)
        self._task: asyncio.Task[None] | None = None
        self._session: NSession | None = None
        self.model = NServiceModel(self)
        self._make_widgets()
        self._make_history()
        self._place()
        self._show_state()
        self._is_filled = self._is_begun = False
        self.form.changed.connect(self._on_form_changed)
        place.pump.add(self._drain)
        self._look = QTimer(self)
        self._look.setInterval(500)
        self._look.timeout.connect(self._look_at_session)
        self._look.start()
        place.context.watched.watchers.append(self._on_event)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_widgets(self) -> None:
        self.peer = PeerFields("nservices", self.place.choice)
        self.peer.submitted.connect(self.run)
        self.form = RequestForm("nservices", self.tasks, self.place.context.file_pool)
        self.form.submitted.connect(self.run)
        self.run_button = push_button("nservices_run", "&Send", "play", primary=True, tip="Send the request (F5)")
        self.run_button.clicked.connect(self.run)
        self.cancel_button = push_button(
            "nservices_cancel", "Ca&ncel", "cancel", tip="Stop; aborts the association (Esc)"
        )
        self.cancel_button.clicked.connect(self.cancel)
        self.cancel_button.setEnabled(False)
        self.template_button = TemplateButton(self, self._say)
        self.template_button.chosen.connect(self.use_template)
        tip = "For what needs several requests on one association: print, or an answer that comes later"
        self.keep = check_box("nservices_keep_open", "Keep open for more re&quests", tip=tip)
        self.keep.setAccessibleName("Keep the association open for more requests")
        self.state = PlainLabel(tone="muted")
        self.state.setObjectName("nservices_state")
        self.state.setAccessibleName("State of the association")
        self.release_button = push_button("nservices_release", "&Release", "stop", tip="End the association in order")
        self.release_button.clicked.connect(self._on_release_clicked)
        self.abort_button = push_button(
            "nservices_abort", "A&bort", "cancel", tip="End the association at once (A-ABORT)"
        )
        self.abort_button.clicked.connect(self._on_abort_clicked)
        self.copy_as_button: CopyButton = CopyButton("nservices_copy_as", self._recipes)
        self.trace_button = push_button("nservices_show_trace", "Sho&w in trace", "trace", tip="Every byte of it")
        self.trace_button.clicked.connect(self._on_trace_clicked)
        self.answer = AnswerView(self)
        self._actions = PeerActions(self, self.run, self._association, self._say)
        explain_in(self, self.answer.findings.list, self._actions.offers)

    def _make_history(self) -> None:
        self.history = ListTable("nservices_history", "What was sent and reported")
        self.history.setModel(self.model)
        self.history.set_widths({0: 82, 1: 138, STATUS_COLUMN: 200}, stretch=2)
        self.history.setItemDelegateForColumn(STATUS_COLUMN, PillDelegate(self.history))
        self.history.setMinimumHeight(HISTORY_ROWS * (self.history.fontMetrics().height() + 8))
        self.history.selectionModel().currentRowChanged.connect(self._on_history_row)
        self.history.activated.connect(self.answer.view)
        self.again_button = push_button("nservices_again", "Send a&gain", "play", tip="The selected request as it was")
        self.again_button.clicked.connect(self._on_again_clicked)
        tip = "Put the selected request into the fields, to be changed"
        self.edit_button = push_button("nservices_edit", "&Edit as new", "edit", tip=tip)
        self.edit_button.clicked.connect(self._on_edit_clicked)
        self.forget_button = push_button("nservices_forget", "", "clear", tip="Forget what was sent")
        self.forget_button.setAccessibleName("Forget what was sent")
        self.forget_button.setFixedWidth(34)
        self.forget_button.clicked.connect(self._on_forget_clicked)

    def _place(self) -> None:
        top = Card()
        top.column.addWidget(self.peer)
        row = FlowRow()
        for widget in (self.run_button, self.cancel_button, self.template_button, self.keep):
            row.add(widget)
        row.add(self.state)
        row.add(self.release_button)
        row.add(self.abort_button)
        row.add_stretch()
        row.add(self.copy_as_button)
        row.add(self.trace_button)
        top.column.addLayout(row)
        self.column.addWidget(top)
        self._parts = Halves("nservices_parts", NARROW)
        self._parts.setHandleWidth(16)
        self._parts.addWidget(self.form)
        self._parts.addWidget(self._make_right())
        self._parts.setStretchFactor(0, 1)
        self._parts.setStretchFactor(1, 1)
        self._parts.setMinimumHeight(MIN_HEIGHT)
        self.column.addWidget(self._parts, 1)

    def _make_right(self) -> QWidget:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._pages = Pages("nservices_pages", 160)
        self._pages.addWidget(EmptyState("nservices", "Nothing asked yet", _EMPTY))
        self._pages.addWidget(self.answer)
        column.addWidget(self._pages, 3)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(PlainLabel("Sent and reported", tone="muted"), 1)
        for button in (self.again_button, self.edit_button, self.forget_button):
            row.addWidget(button)
        column.addLayout(row)
        column.addWidget(self.history, 2)
        return right

    # -------------------------------------------------------------------------------------------------------- templates

    def _drain(self) -> None:
        if not self._is_begun:  # the loop runs now
            self._is_begun = True
            self.tasks.spawn(self._show_first_draft(), name="first template")

    async def _show_first_draft(self) -> None:
        """Fill in a request to begin with, unless somebody was faster.

        It is the first that needs pydicom, which takes a quarter of a second to load; the panel is there meanwhile.
        """
        loop, known = asyncio.get_running_loop(), self.template_button.known_now
        draft = await loop.run_in_executor(self.place.context.file_pool, TEMPLATES[0].make, known)
        if not self._is_filled:
            self.form.show_draft(draft)

    def _on_form_changed(self) -> None:
        self._is_filled = True

    def use_template(self, template: Template) -> None:
        """Fill in a request that is made already."""
        self.form.show_draft(self.template_button.draft(template))
        if template.keeps:
            self.keep.setChecked(True)

    def ask_commitment(self, references: tuple[Reference, ...]) -> None:
        """Fill in the request for storage commitment of some instances."""
        self.template_button.take_instances(references)
        self.use_template(next(template for template in TEMPLATES if template.key == "commit"))

    # ---------------------------------------------------------------------------------------------------------- sending

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being waited for."""
        return self._task is not None

    @property
    def session(self) -> NSession | None:
        """The association that is kept open; ``None`` where there was none yet."""
        return self._session

    def take_focus(self) -> None:
        self.form.operation.setFocus()

    def run(self) -> None:
        """Send the request of the fields."""
        if self._task is None:
            try:
                request = self.form.request()
            except ConfigurationError as error:
                self._say(error_text(error), "error")
                return
            self.send(request)

    def send(self, request: NRequest) -> None:
        """Send a request to the peer of the fields; nothing while another one is under way."""
        if self._task is not None:
            return
        if problem := self.peer.problem():
            self._say(problem, "error")
            return
        self._task = self.tasks.spawn(self._send(request, self._actions.options), name="send a request")

    def cancel(self) -> None:
        """Do not wait any longer; the association is aborted."""
        self._actions.cancel()
        if self._task is not None:
            self._task.cancel()

    async def _send(self, request: NRequest, options: ConnectionOptions) -> None:
        self.show_busy(True, self.run_button, self.cancel_button)
        self._say(f"{request.operation.value.upper()} …")
        try:
            session = await self._session_for(options)
            self._show(Exchange(time.time(), result=await self._send_over(session, request)))
        except ConfigurationError as error:
            self._say(error_text(error), "error")
        except asyncio.CancelledError:
            self._say("Cancelled")
            raise
        finally:
            self._task = None
            self.show_busy(False, self.run_button, self.cancel_button)
            self._show_state()

    async def _session_for(self, options: ConnectionOptions) -> NSession:
        """The one that is open, or a new one with the peer of the fields."""
        peer, session = self.place.choice.peer(), self._session
        if session is not None and session.is_open:
            if session.peer == peer:
                return session
            raise ConfigurationError(
                f"the association with {session.peer} is open", phase="configure", hint="Release it first."
            )
        options = await self.place.secrets.complete(options, peer)
        self._session = NSession(
            self.place.context, peer, options, role=self.form.role_wish, on_event=self._on_event,
            on_change=self._show_state,
        )  # fmt: skip
        return self._session

    async def _send_over(self, session: NSession, request: NRequest) -> NResult:
        title = f"{request.operation.value.upper()} {sop_class_title(request.sop_class_uid)}"
        recipe = self._recipe(session.peer, session.options, request)
        retry = partial(self._retry, request)
        with self.place.start_job(
            JobKind.NORMALIZED, title, peer=str(session.peer), cancel=self.cancel, retry=retry, recipe=recipe
        ) as job:
            result = await session.send(request, keep=self.keep.isChecked())
            if result.association:
                job.add_association(result.association)
            text = status_text(Exchange(time.time(), result=result))
            finding = result.findings[0] if result.findings else None
            state = JobState.DONE if result.ok else JobState.FAILED
            if result.ok and result.status is not None and result.status.is_warning:
                state = JobState.WARNING
            job.finish(state, text=plain(text, 300), finding=finding)
        self.template_button.learn(result)
        transaction = transaction_of(request)
        if transaction and result.ok:
            self.tasks.spawn(self._await_commitment(transaction, result.association), name="await commitment")
        return result

    def _retry(self, request: NRequest) -> None:
        self.panel_wanted.emit(self.key)
        self.send(request)

    async def _await_commitment(self, transaction: str, association: int) -> None:
        """The answer on another association; on this one it is an event like any other."""
        desk = self.place.context.commitments
        try:
            delivery = await desk.wait(transaction, COMMITMENT_WAIT_S)
        except OperationTimeout:
            desk.take_late(transaction, lambda late: self._on_event(_event_of(late)))
            return
        except ConfigurationError:
            return
        finally:
            desk.forget(transaction)
        if delivery.association != association:
            self._on_event(_event_of(delivery))

    # ------------------------------------------------------------------------------------------------------ association

    def _association(self) -> int:
        exchange = self.model.exchange_at(self.history.currentIndex().row())
        if exchange is not None:
            return exchange.association
        return self._session.number if self._session is not None else 0

    def _on_release_clicked(self) -> None:
        if self._task is None:
            self._task = self.tasks.spawn(self._end(in_order=True), name="release")

    def _on_abort_clicked(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:
            self._task = self.tasks.spawn(self._end(in_order=False), name="abort")

    async def _end(self, *, in_order: bool) -> None:
        session = self._session
        try:
            if session is not None:
                await (session.release() if in_order else session.abort())
        finally:
            self._task = None
            self._show_state()

    def _look_at_session(self) -> None:
        if self._session is not None:
            self._session.look()

    def _show_state(self) -> None:
        session = self._session
        state = SessionState.CLOSED if session is None else session.state
        is_open = session is not None and session.is_open
        text = state.value
        if session is not None and is_open:
            text = f"{state.value}, association {session.number}"
        self.state.setText(text)
        self.state.setToolTip(tooltip(plain(session.peer)) if session is not None and is_open else "")
        self.state.set_tone("good" if is_open else "muted")
        for button in (self.release_button, self.abort_button):
            button.setVisible(is_open)
            button.setEnabled(is_open and (self._task is None or button is self.abort_button))
        self.trace_button.setEnabled(bool(self._association()))
        self._show_buttons()

    # ---------------------------------------------------------------------------------------------------------- showing

    def _on_event(self, event: NEvent) -> None:
        self._show(Exchange(event.utc, event=event))

    def _show(self, exchange: Exchange) -> None:
        row = self.model.add(exchange)
        self.history.selectRow(row)
        self.history.scrollToBottom()
        self._pages.setCurrentIndex(1)
        self.answer.show_exchange(exchange)
        self._show_state()
        reveal(self.answer)

    def _say(self, text: str, tone: str = "muted") -> None:
        self.answer.say(text, tone, "error" if tone == "error" else "")
        self._pages.setCurrentIndex(1)

    def _selected(self) -> Exchange | None:
        return self.model.exchange_at(self.history.currentIndex().row())

    def _on_history_row(self) -> None:
        exchange = self._selected()
        if exchange is not None:
            self.answer.show_exchange(exchange)
            self._pages.setCurrentIndex(1)
        self._show_buttons()
        self.trace_button.setEnabled(bool(self._association()))

    def _show_buttons(self) -> None:
        exchange = self._selected()
        has_request = exchange is not None and exchange.result is not None
        self.again_button.setEnabled(has_request and self._task is None)
        self.edit_button.setEnabled(has_request)
        self.forget_button.setEnabled(self.model.rowCount() > 0)

    def _on_again_clicked(self) -> None:
        exchange = self._selected()
        if exchange is not None and exchange.result is not None:
            self.send(exchange.result.request)

    def _on_edit_clicked(self) -> None:
        exchange = self._selected()
        if exchange is not None and exchange.result is not None:
            self.form.show_draft(Draft.of(exchange.result.request))
            self.take_focus()

    def _on_forget_clicked(self) -> None:
        self.model.clear()
        self._pages.setCurrentIndex(0)
        self._show_state()

    def _on_trace_clicked(self) -> None:
        self.trace_wanted.emit(self._association())

    # ----------------------------------------------------------------------------------------------------------- others

    def _recipe(self, peer: PeerAddress, options: ConnectionOptions, request: NRequest) -> Recipe:
        return Recipe(Verb.NORMALIZED, peer, options, request=request)

    def _recipes(self) -> Recipes:
        """What Send would do, to be copied as a command."""
        if self.peer.problem():
            return []
        choice = self.place.choice
        with suppress(ConfigurationError):
            return [("", self._recipe(choice.peer(), choice.options(), self.form.request()))]
        return []

    async def shut_down(self) -> None:
        self._is_begun = True  # a tick that is still to come begins nothing
        self._look.stop()
        self.place.context.watched.watchers.remove(self._on_event)
        await super().shut_down()
        if self._session is not None:
            await self._session.abort()


def _event_of(delivery: Delivery) -> NEvent:
    """The answer to storage commitment that came to our listener."""
    result = delivery.result
    return NEvent(
        time.time(), delivery.association, COMMITMENT, COMMITMENT_INSTANCE, result.event_type_id, result.dataset(),
        Status(0),
    )  # fmt: skip
