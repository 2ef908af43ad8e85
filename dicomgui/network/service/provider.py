"""The service provider (SCP): takes requests from a connection, has handlers perform them, and sends the answers.

Requests of one association are performed in the order in which they came, one after the other unless an asynchronous
operations window was negotiated. A handler that answers at once is answered for at once, in the same callback of the
loop; only an awaitable costs a task.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.dimse.answer_pdu import PLAIN
from dicomgui.network.dimse.assembler import MemorySink, Message, NullSink, Sink
from dicomgui.network.dimse.commands import (
    CCancelRQ,
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    Command,
    CStoreRQ,
    NActionRQ,
    NCreateRQ,
    NDeleteRQ,
    NEventReportRQ,
    NGetRQ,
    NSetRQ,
    Request,
    Response,
)
from dicomgui.network.dimse.dataset import encode_dataset, is_dataset
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.service.answers import response_to
from dicomgui.network.service.connection import Connection
from dicomgui.network.service.handlers import Handlers, Mover, Reply
from dicomgui.network.service.performing import CANCELLED, SUCCESS, Pressure, close_unawaited, perform_find
from dicomgui.network.service.requests import AssociationFacts, EchoRequest, OperationRequest, StoreRequest
from dicomgui.network.service.sub_operations import perform_get, perform_move
from dicomgui.network.status import Status
from dicomgui.network.transport.tasks import FAULTS, TaskOwner, is_own_cancel
from dicomgui.network.uids import is_valid_uid

if TYPE_CHECKING:
    from dicomgui.network.service.user import ServiceUser

__all__ = ["Provider"]

_log = logging.getLogger(__name__)

MEMORY_DATASET_LIMIT = 256 * 2**20
"""Where no handler chooses a sink, a data set may take this much memory."""

MAX_AT_ONCE = 64
"""Requests of one association that are performed at one time, where the negotiated window sets no limit."""

CANCEL_GRACE_S = 0.15
"""What a handler has to take notice of a C-CANCEL, before what it waits for is cancelled."""

MAX_WAITING = 16
"""Requests received but not performed, above which the connection is not read any further."""

HARD_FACTOR = 4
"""So many times as many are taken where a request of ours waits for its response meanwhile."""

PROCESSING_FAILURE = Status(0x0110)
DUPLICATE_INVOCATION = Status(0x0210)
INVALID_INSTANCE = Status(0x0117)
SOP_CLASS_NOT_SUPPORTED = Status(0x0122)
UNRECOGNIZED_OPERATION = Status(0x0211)
RESOURCE_LIMITATION = Status(0x0213)
OUT_OF_RESOURCES = Status(0xA700)
CANNOT_UNDERSTAND = Status(0xC000)

_NOT_OFFERED = Reply(UNRECOGNIZED_OPERATION, "this operation is not offered here")
_WRONG_ROLE = Reply(SOP_CLASS_NOT_SUPPORTED, "the SCP role was not negotiated for this side")
_WRONG_CLASS = Reply(SOP_CLASS_NOT_SUPPORTED, "not the SOP class of the presentation context", (0x00000002,))


@dataclass(slots=True, eq=False)
class _Job:
    """A request at hand.

    :ivar request: what a handler gets; ``None`` where none is to be asked.
    :ivar refusal: the answer, where that is clear already.
    :ivar handlers: who takes the data set of a C-STORE.
    """

    context: AcceptedContext
    message: Message
    request: EchoRequest | StoreRequest | OperationRequest[Any] | None = None
    refusal: Reply | None = None
    pressure: Pressure | None = None
    handlers: Handlers | None = None

    @property
    def command(self) -> Command:
        return self.message.command


class _SinkFailed(NamedTuple):
    """The result of a sink that raised."""

    reply: Reply


class _GuardedSink:
    """A handler's sink whose exceptions end nothing but its data set: the rest is dropped, the answer is 0110."""

    __slots__ = ("_fail", "_failed", "_sink")

    def __init__(self, sink: Sink, fail: Callable[[Exception], Reply]) -> None:
        self._sink: Sink = sink
        self._fail = fail
        self._failed: _SinkFailed | None = None

    def write(self, data: memoryview) -> None:
        try:
            self._sink.write(data)
        except Exception as error:
            self._failed = _SinkFailed(self._fail(error))
            self.abandon()

    def finish(self) -> object:
        try:
            return self._failed or self._sink.finish()
        except Exception as error:
            return _SinkFailed(self._fail(error))

    def abandon(self) -> None:
        sink, self._sink = self._sink, NullSink()
        try:
            sink.abandon()
        except Exception as error:
            self._fail(error)


class Provider:
    """Performs the requests of one association.

    Implements :class:`~dicomgui.network.service.connection.RequestReceiver`.

    :ivar handlers: what performs them.
    :ivar on_idle: called whenever the last request at hand has been answered.
    """

    _attached: Connection
    _facts: AssociationFacts
    _user: ServiceUser

    def __init__(self, handlers: Handlers, tasks: TaskOwner, mover: Mover | None = None) -> None:
        self.handlers = handlers
        self.on_idle: Callable[[], None] | None = None
        self._mover = mover
        self._tasks = tasks
        self._receiving: Handlers | None = None
        self._most_at_once = 1
        self._arriving: _Job | None = None
        self._waiting: deque[_Job] = deque()
        self._running: dict[int, _Job] = {}

    def attach(self, connection: Connection, facts: AssociationFacts, user: ServiceUser) -> None:
        """Say on which association to answer; needed before the first request comes."""
        self._attached = connection
        self._facts = facts
        self._user = user
        window = connection.negotiated.max_performed
        self._most_at_once = min(window, MAX_AT_ONCE) if window else MAX_AT_ONCE

    def receive_by(self, handlers: Handlers | None) -> None:
        """Have these handlers take the C-STOREs of a C-GET of ours; ``None`` ends that."""
        self._receiving = handlers

    @property
    def is_busy(self) -> bool:
        """Whether a request is not answered yet."""
        return bool(self._running) or bool(self._waiting)

    # RequestReceiver

    def open_sink(self, context: AcceptedContext, command: Command) -> Sink:
        """Choose where the data set of a request goes."""
        self._arriving = None
        if isinstance(command, CStoreRQ):
            return self._store_sink(context, command)
        return MemorySink(MEMORY_DATASET_LIMIT) if isinstance(command, Request) else NullSink()

    def receive(self, context: AcceptedContext, message: Message) -> None:
        """Perform a complete request, now or when those before it are done."""
        job, self._arriving = self._arriving, None
        command = message.command
        if isinstance(command, CCancelRQ):
            self._cancel(command.message_id)
            return
        if job is None:
            job = _Job(context, message)
        else:
            job.message = message
        if len(self._running) < self._most_at_once and not self._waiting and command.message_id not in self._running:
            self._start(job)
            return
        if self._is_outstanding(command.message_id):
            self._answer(job, Reply(DUPLICATE_INVOCATION, "this message ID is still in use"))
            return
        self._waiting.append(job)
        if len(self._waiting) > MAX_WAITING:
            is_hard = len(self._waiting) > MAX_WAITING * HARD_FACTOR
            self._attached.requests.brake.press(self, is_hard=is_hard)

    # C-STORE

    def _store_sink(self, context: AcceptedContext, command: CStoreRQ) -> Sink:
        handlers = self._receiving or self.handlers
        job = self._arriving = _Job(context, _NO_MESSAGE, handlers=handlers)
        job.refusal = _judge_store(handlers, context, command)
        if job.refusal is not None:
            return NullSink()
        job.request = request = StoreRequest(command, context, self._facts, self._user)
        opener = handlers.open_sink
        if opener is None:
            return MemorySink(MEMORY_DATASET_LIMIT)
        try:
            chosen = opener(request)
        except Exception as error:
            chosen = self._failed(error)
        if isinstance(chosen, Status):
            chosen = Reply(chosen)
        if isinstance(chosen, Reply):
            job.refusal = chosen
            return NullSink()
        return _GuardedSink(chosen, self._failed)

    def _perform_store(self, job: _Job, command: CStoreRQ) -> Status | Reply | Awaitable[Status | Reply]:
        handlers, result = job.handlers, job.message.sink_result
        if handlers is None or not isinstance(job.request, StoreRequest):  # no data set came
            refusal = _judge_store(self._receiving or self.handlers, job.context, command)
            return refusal or Reply(CANNOT_UNDERSTAND, "the request came without a data set", (0x00000800,))
        if isinstance(result, _SinkFailed):
            return result.reply
        if result is None and handlers.open_sink is None:
            return Reply(OUT_OF_RESOURCES, "the data set is too large")
        assert handlers.on_store is not None
        return handlers.on_store(job.request, result)

    # all services

    def _perform(self, job: _Job, command: Command) -> Any:
        """What a handler answers, or what is to be awaited for its answer."""
        if isinstance(command, CStoreRQ):
            return self._perform_store(job, command)
        if not (job.context.as_scp or isinstance(command, NEventReportRQ)):
            return _WRONG_ROLE
        if isinstance(command, CEchoRQ):
            return self._perform_echo(job, command)
        if not isinstance(command, Request):
            return _NOT_OFFERED
        if command.has_dataset and job.message.sink_result is None:
            return Reply(RESOURCE_LIMITATION, "the data set is too large")
        data = job.message.sink_result if isinstance(job.message.sink_result, bytes) else None
        job.request = OperationRequest(command, job.context, self._facts, self._user, data)
        if isinstance(command, CFindRQ | CMoveRQ | CGetRQ):
            return self._perform_stream(job, command)
        handler: Any = getattr(self.handlers, _NORMALIZED.get(type(command), ""), None)
        if handler is None:
            return _NOT_OFFERED
        return handler(job.request)

    def _perform_echo(self, job: _Job, command: CEchoRQ) -> Status | Reply | Awaitable[Status | Reply]:
        if command.affected_sop_class_uid != job.context.abstract_syntax:
            return _WRONG_CLASS
        if self.handlers.on_echo is None:
            return SUCCESS
        return self.handlers.on_echo(EchoRequest(command, job.context, self._facts, self._user))

    def _perform_stream(self, job: _Job, command: CFindRQ | CMoveRQ | CGetRQ) -> Any:
        handler: Any = getattr(self.handlers, _STREAMS[type(command)])
        if handler is None:
            return _NOT_OFFERED
        if command.affected_sop_class_uid != job.context.abstract_syntax:
            return _WRONG_CLASS
        if not command.has_dataset:
            return Reply(CANNOT_UNDERSTAND, "the request came without an identifier", (0x00000800,))
        respond = partial(self._respond, job.context.context_id)
        job.pressure = pressure = Pressure(lambda: not self._attached.is_over)
        request: Any = job.request
        if isinstance(command, CFindRQ):
            respond_all = partial(self._attached.respond_with_each, job.context.context_id)
            return perform_find(request, handler, respond, respond_all, pressure)
        if isinstance(command, CMoveRQ):
            return perform_move(request, handler, respond, pressure, self._mover)
        return perform_get(request, handler, respond, pressure)

    def _cancel(self, message_id: int) -> None:
        """Take note of a C-CANCEL; one that names nothing under way has no answer (PS3.7 9.3.2.3)."""
        for job in (*self._running.values(), *self._waiting):
            if job.command.message_id == message_id and isinstance(job.command, CFindRQ | CMoveRQ | CGetRQ):
                if not isinstance(job.request, OperationRequest):
                    job.refusal = Reply(CANCELLED)
                elif job.pressure is not None and not job.request.is_cancelled:
                    job.request.cancel()
                    asyncio.get_running_loop().call_later(CANCEL_GRACE_S, job.pressure.press)
                return

    # the course of a job

    def _is_outstanding(self, message_id: int) -> bool:
        return message_id in self._running or any(job.command.message_id == message_id for job in self._waiting)

    def _start(self, job: _Job) -> None:
        try:
            outcome = job.refusal or self._perform(job, job.message.command)
        except FAULTS as error:
            outcome = self._failed(error, job)
        if isinstance(outcome, Status) or (isinstance(outcome, Reply) and outcome.dataset is None):
            self._answer(job, outcome)
            self._idle()
        else:
            message_id = job.command.message_id
            self._running[message_id] = job
            task = self._tasks.spawn(self._finish(job, outcome), name=f"message {message_id}")
            close_unawaited(task, outcome)

    async def _finish(self, job: _Job, outcome: Any) -> None:
        try:
            if isinstance(outcome, Awaitable):
                outcome = await outcome
            reply = outcome if isinstance(outcome, Status | Reply) else _reply_with(outcome)
            await self._answer_with_dataset(job, reply)
        except FAULTS as error:
            if is_own_cancel(error):
                raise
            self._answer(job, self._failed(error, job))
        del self._running[job.command.message_id]
        while self._waiting and len(self._running) < self._most_at_once:
            self._start(self._waiting.popleft())
        if len(self._waiting) < MAX_WAITING:
            self._attached.requests.brake.release(self)
        self._idle()

    async def _answer_with_dataset(self, job: _Job, outcome: Status | Reply) -> None:
        dataset = outcome.dataset if isinstance(outcome, Reply) else None
        if dataset is None:
            self._answer(job, outcome)
            return
        data = dataset if isinstance(dataset, bytes) else encode_dataset(dataset, job.context.transfer_syntax)
        await self._attached.respond_with(job.context.context_id, response_to(job.command, outcome, True), data)

    def _answer(self, job: _Job, outcome: Status | Reply) -> None:
        command = job.message.command
        if job.request is None and self.handlers.on_refused is not None:
            self._tell_refused(self.handlers.on_refused, command, outcome)
        if isinstance(outcome, Status) and isinstance(command, PLAIN):
            self._attached.answer(job.context.context_id, command, outcome)
            return
        self._attached.respond(job.context.context_id, response_to(job.command, outcome, False))

    def _tell_refused(
        self, told: Callable[[AssociationFacts, Command, Reply], None], command: Command, outcome: Status | Reply
    ) -> None:
        status = outcome.status if isinstance(outcome, Reply) else outcome
        if status.is_failure:
            try:
                told(self._facts, command, outcome if isinstance(outcome, Reply) else Reply(outcome))
            except Exception as error:
                self._failed(error)

    async def _respond(self, context_id: int, response: Response, data: bytes | None) -> None:
        """Send a pending response."""
        if data is None:
            self._attached.respond(context_id, response)
            await self._attached.drain()
        else:
            await self._attached.respond_with(context_id, response, data)

    def _failed(self, error: BaseException, job: _Job | None = None) -> Reply:
        if isinstance(error, RemoteProtocolError) and job is not None:  # a data set that cannot be decoded
            is_stream = isinstance(job.command, CFindRQ | CMoveRQ | CGetRQ)
            return Reply(CANNOT_UNDERSTAND if is_stream else PROCESSING_FAILURE, str(error))
        _log.error("a handler failed", exc_info=error)
        self._attached.scribe.note(logging.ERROR, f"a handler failed: {type(error).__name__}: {error}")
        return Reply(PROCESSING_FAILURE, f"internal fault: {type(error).__name__}")

    def _idle(self) -> None:
        if self.on_idle is not None and not self._running and not self._waiting:
            self.on_idle()


_NO_MESSAGE = Message(0, CCancelRQ(0), None, -1)
"""Stands in while the data set of a C-STORE arrives."""

_STREAMS: dict[type[Request], str] = {CFindRQ: "on_find", CMoveRQ: "on_move", CGetRQ: "on_get"}
_NORMALIZED = {
    NGetRQ: "on_n_get",
    NSetRQ: "on_n_set",
    NActionRQ: "on_n_action",
    NCreateRQ: "on_n_create",
    NDeleteRQ: "on_n_delete",
    NEventReportRQ: "on_n_event_report",
}


def _judge_store(handlers: Handlers, context: AcceptedContext, command: CStoreRQ) -> Reply | None:
    """What the standard refuses whatever the handler thinks (PS3.7 9.1.1.1.9, PS3.4 B.2.3)."""
    if handlers.on_store is None:
        return Reply(SOP_CLASS_NOT_SUPPORTED, "storage is not offered here")
    if not context.as_scp:
        return _WRONG_ROLE
    if command.affected_sop_class_uid != context.abstract_syntax:
        return _WRONG_CLASS
    if not is_valid_uid(command.affected_sop_instance_uid):
        return Reply(INVALID_INSTANCE, "the Affected SOP Instance UID is no UID", (0x00001000,))
    return None


def _reply_with(outcome: Any) -> Reply:
    """The reply of a handler that gave a data set alone."""
    if not is_dataset(outcome):
        raise TypeError(f"a handler answered with {type(outcome).__name__} instead of a status, a reply or a data set")
    return Reply(SUCCESS, dataset=outcome)
