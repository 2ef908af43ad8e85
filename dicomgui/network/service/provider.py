"""The service provider (SCP): takes requests from a connection, has handlers perform them, and sends the answers.

Requests of one association are performed one after the other, in the order in which they came. A handler that answers
at once is answered for at once, in the same callback of the loop; only an awaitable costs a task.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.dimse.assembler import MemorySink, Message, NullSink, Sink
from dicomgui.network.dimse.commands import CCancelRQ, CEchoRQ, Command, CStoreRQ, Response, answer
from dicomgui.network.service.connection import Connection
from dicomgui.network.service.handlers import (
    AssociationFacts,
    EchoRequest,
    Handlers,
    Reply,
    StoreRequest,
)
from dicomgui.network.status import Status
from dicomgui.network.transport.tasks import TaskOwner
from dicomgui.network.uids import is_valid_uid

__all__ = ["Provider"]

_log = logging.getLogger(__name__)

MEMORY_DATASET_LIMIT = 256 * 2**20
"""Where no handler chooses a sink, a data set may take this much memory."""

MAX_WAITING = 16
"""Requests received but not performed, above which the connection is not read any further."""

SUCCESS = Status(0x0000)
PROCESSING_FAILURE = Status(0x0110)
DUPLICATE_INVOCATION = Status(0x0210)
INVALID_INSTANCE = Status(0x0117)
SOP_CLASS_NOT_SUPPORTED = Status(0x0122)
UNRECOGNIZED_OPERATION = Status(0x0211)
OUT_OF_RESOURCES = Status(0xA700)
CANNOT_UNDERSTAND = Status(0xC000)

_WRONG_ROLE = Reply(SOP_CLASS_NOT_SUPPORTED, "the SCP role was not negotiated for this side")


class _Job(NamedTuple):
    context: AcceptedContext
    message: Message
    request: StoreRequest | None
    refusal: Reply | None


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

    :ivar on_idle: called whenever the last request at hand has been answered.
    """

    def __init__(self, handlers: Handlers, tasks: TaskOwner) -> None:
        self._handlers = handlers
        self._tasks = tasks
        self._connection: Connection | None = None
        self._facts: AssociationFacts | None = None
        self._request: StoreRequest | None = None
        self._refusal: Reply | None = None
        self._waiting: deque[_Job] = deque()
        self._running: int | None = None
        self._holding = False
        self.on_idle: Callable[[], None] | None = None

    def attach(self, connection: Connection, facts: AssociationFacts) -> None:
        """Say on which association to answer; needed before the first request comes."""
        self._connection = connection
        self._facts = facts

    @property
    def is_busy(self) -> bool:
        """Whether a request is not answered yet."""
        return self._running is not None or bool(self._waiting)

    # RequestReceiver

    def open_sink(self, context: AcceptedContext, command: Command) -> Sink:
        """Choose where the data set of a request goes."""
        self._request = self._refusal = None
        if not isinstance(command, CStoreRQ):
            return NullSink()
        self._refusal = self._judge_store(context, command)
        if self._refusal is not None:
            return NullSink()
        self._request = self._store_request(context, command)
        return self._chosen_sink(self._request)

    def receive(self, context: AcceptedContext, message: Message) -> None:
        """Perform a complete request, now or when those before it are done."""
        job = _Job(context, message, self._request, self._refusal)
        self._request = self._refusal = None
        if isinstance(message.command, CCancelRQ):
            return  # nothing here can be cancelled, and PS3.7 9.3.2.3 has no answer for it
        if self._running is None and not self._waiting:
            self._start(job)
            return
        if self._is_outstanding(message.command.message_id):
            self._answer(job, Reply(DUPLICATE_INVOCATION, "this message ID is still in use"))
            return
        self._waiting.append(job)
        if len(self._waiting) > MAX_WAITING and not self._holding:
            self._holding = True
            self._attached.transport.hold()

    # inner workings

    @property
    def _attached(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def _is_outstanding(self, message_id: int) -> bool:
        return message_id == self._running or any(j.message.command.message_id == message_id for j in self._waiting)

    def _store_request(self, context: AcceptedContext, command: CStoreRQ) -> StoreRequest:
        assert self._facts is not None
        return StoreRequest(command, context.context_id, context.transfer_syntax, self._facts)

    def _judge_store(self, context: AcceptedContext, command: CStoreRQ) -> Reply | None:
        """What the standard refuses whatever the handler thinks (PS3.7 9.1.1.1.9, PS3.4 B.2.3)."""
        if self._handlers.on_store is None:
            return Reply(SOP_CLASS_NOT_SUPPORTED, "storage is not offered here")
        if not context.as_scp:
            return _WRONG_ROLE
        if command.affected_sop_class_uid != context.abstract_syntax:
            return Reply(SOP_CLASS_NOT_SUPPORTED, "not the SOP class of the presentation context", (0x00000002,))
        if not is_valid_uid(command.affected_sop_instance_uid):
            return Reply(INVALID_INSTANCE, "the Affected SOP Instance UID is no UID", (0x00001000,))
        return None

    def _chosen_sink(self, request: StoreRequest) -> Sink:
        if self._handlers.open_sink is None:
            return MemorySink(MEMORY_DATASET_LIMIT)
        try:
            chosen = self._handlers.open_sink(request)
        except Exception as error:
            chosen = self._failed(error)
        if isinstance(chosen, Status):
            chosen = Reply(chosen)
        if isinstance(chosen, Reply):
            self._refusal = chosen
            return NullSink()
        return _GuardedSink(chosen, self._failed)

    def _start(self, job: _Job) -> None:
        try:
            outcome = self._perform(job)
        except Exception as error:
            outcome = self._failed(error)
        if isinstance(outcome, Status | Reply):
            self._answer(job, outcome)
            self._idle()
        else:
            self._running = job.message.command.message_id
            self._tasks.spawn(self._finish(job, outcome), name=f"message {self._running}")

    def _perform(self, job: _Job) -> Status | Reply | Awaitable[Status | Reply]:
        command = job.message.command
        if isinstance(command, CStoreRQ):
            return self._perform_store(job, command)
        if not job.context.as_scp:
            return _WRONG_ROLE
        if isinstance(command, CEchoRQ):
            return self._perform_echo(job, command)
        return Reply(UNRECOGNIZED_OPERATION, "this operation is not offered here")

    def _perform_echo(self, job: _Job, command: CEchoRQ) -> Status | Reply | Awaitable[Status | Reply]:
        if command.affected_sop_class_uid != job.context.abstract_syntax:
            return Reply(SOP_CLASS_NOT_SUPPORTED, "not the SOP class of the presentation context", (0x00000002,))
        if self._handlers.on_echo is None:
            return SUCCESS
        assert self._facts is not None
        return self._handlers.on_echo(EchoRequest(command, job.context.context_id, self._facts))

    def _perform_store(self, job: _Job, command: CStoreRQ) -> Status | Reply | Awaitable[Status | Reply]:
        refusal = job.refusal or self._judge_store(job.context, command)
        if refusal is not None:
            return refusal
        if job.request is None:
            return Reply(CANNOT_UNDERSTAND, "the request came without a data set", (0x00000800,))
        result = job.message.sink_result
        if isinstance(result, _SinkFailed):
            return result.reply
        if result is None and self._handlers.open_sink is None:
            return Reply(OUT_OF_RESOURCES, "the data set is too large")
        assert self._handlers.on_store is not None
        return self._handlers.on_store(job.request, result)

    async def _finish(self, job: _Job, outcome: Awaitable[Status | Reply]) -> None:
        try:
            reply = await outcome
        except Exception as error:
            reply = self._failed(error)
        self._running = None
        self._answer(job, reply)
        while self._waiting and self._running is None:
            self._start(self._waiting.popleft())
        if self._holding and len(self._waiting) < MAX_WAITING:
            self._holding = False
            self._attached.transport.unhold()
        self._idle()

    def _answer(self, job: _Job, outcome: Status | Reply) -> None:
        reply = outcome if isinstance(outcome, Reply) else Reply(outcome)
        command = job.message.command
        assert not isinstance(command, Response)  # those go to whoever asked
        response = answer(
            command, reply.status, error_comment=reply.comment, offending_elements=reply.offending
        )
        self._attached.respond(job.context.context_id, response)

    def _failed(self, error: Exception) -> Reply:
        _log.error("a handler failed", exc_info=error)
        self._attached.scribe.note(logging.ERROR, f"a handler failed: {type(error).__name__}: {error}")
        return Reply(PROCESSING_FAILURE, f"internal fault: {type(error).__name__}")

    def _idle(self) -> None:
        if self.on_idle is not None and not self.is_busy:
            self.on_idle()
