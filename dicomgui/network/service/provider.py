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
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

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
from dicomgui.network.dimse.dataset import DatasetTooLarge, encode_dataset, is_dataset
from dicomgui.network.dimse.memory import DECODED_ELEMENT_BYTES
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.service.answers import response_to
from dicomgui.network.service.connection import Connection
from dicomgui.network.service.guarded_sink import GuardedSink, SinkFailed
from dicomgui.network.service.handlers import Handlers, Mover, Reply
from dicomgui.network.service.instance_check import InstanceCheck, Strictness
from dicomgui.network.service.judging import judge_request
from dicomgui.network.service.performing import CANCELLED, SUCCESS, Pressure, close_unawaited, perform_find
from dicomgui.network.service.permitted import STANDARD_PERMISSIONS, PermissionTable
from dicomgui.network.service.requests import AssociationFacts, EchoRequest, OperationRequest, StoreRequest
from dicomgui.network.service.spooling import IMAGE_BOXES, Spooled, SpoolSink
from dicomgui.network.service.sub_operations import perform_get, perform_move
from dicomgui.network.status import Status
from dicomgui.network.transport.tasks import FAULTS, TaskOwner, is_own_cancel
from dicomgui.network.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, is_valid_uid

if TYPE_CHECKING:
    from dicomgui.network.service.user import ServiceUser

__all__ = ["Provider"]

_log = logging.getLogger(__name__)

INLINE_DATASET = 4096
"""Bytes of a data set, not deflated, up to which it is decoded in the loop's own thread: a few milliseconds at most."""

LONG_COMMAND = 1024
"""Bytes of a command set above which the request is charged as memory."""

COMMAND_FACTOR = 10
"""A command takes so many times as much memory as its bytes, at most: a list of tags does."""

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
DOES_NOT_MATCH = Status(0xB007)

_NOT_OFFERED = Reply(UNRECOGNIZED_OPERATION, "this operation is not offered here")
_WRONG_ROLE = Reply(SOP_CLASS_NOT_SUPPORTED, "the SCP role was not negotiated for this side")


@dataclass(slots=True, eq=False)
class _Job:
    """A request at hand.

    :ivar request: what a handler gets; ``None`` where none is to be asked.
    :ivar refusal: the answer, where that is clear already.
    :ivar handlers: who takes the data set of a C-STORE.
    :ivar sink: what keeps its data set in memory or on disk.
    :ivar charged_bytes: what is charged for it besides.
    :ivar is_refused: whether it was refused for its data set, before any handler was asked to keep that.
    :ivar is_large: whether its data set is decoded in a thread, and a data set of its answer encoded there.
    """

    context: AcceptedContext
    message: Message
    request: EchoRequest | StoreRequest | OperationRequest[Any] | None = None
    refusal: Reply | None = None
    pressure: Pressure | None = None
    handlers: Handlers | None = None
    sink: MemorySink | SpoolSink | None = None
    charged_bytes: int = 0
    is_large: bool = False
    is_refused: bool = False

    @property
    def command(self) -> Command:
        return self.message.command


class Provider:
    """Performs the requests of one association.

    Implements :class:`~dicomgui.network.service.connection.RequestReceiver`.

    :ivar handlers: what performs them.
    :ivar on_idle: called whenever the last request at hand has been answered.
    :ivar permitted: the requests that any handler may be asked for.
    :ivar strictness: the treatment of instances that are broken.
    """

    _attached: Connection
    _facts: AssociationFacts
    _user: ServiceUser

    def __init__(
        self,
        handlers: Handlers,
        tasks: TaskOwner,
        mover: Mover | None = None,
        permitted: PermissionTable = STANDARD_PERMISSIONS,
        strictness: Strictness = Strictness.STRICT,
    ) -> None:
        self.handlers = handlers
        self.strictness = strictness
        self.permitted = permitted
        self.on_idle: Callable[[], None] | None = None
        self._mover = mover
        self._tasks = tasks
        self._receiving: Handlers | None = None
        self._most_at_once = 1
        self._arriving: _Job | None = None
        self._waiting: deque[_Job] = deque()
        self._running: dict[int, _Job] = {}
        self._storable: dict[int, str] = {}  # the SOP class last permitted, by presentation context

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
        if not isinstance(command, Request):
            return NullSink()
        job = self._arriving = _Job(context, _NO_MESSAGE)
        limits = self._attached.resources.limits
        if isinstance(command, NSetRQ) and command.requested_sop_class_uid in IMAGE_BOXES:
            job.sink = SpoolSink(limits.max_image_box_length, self._attached.disk)
        else:
            job.sink = MemorySink(limits.max_attributes_length, self._attached.memory)
        return job.sink

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
        if self._attached.command_length > LONG_COMMAND and not self._charge_command(job):
            job.refusal = _out_of_memory(command)
        if len(self._running) < self._most_at_once and not self._waiting and command.message_id not in self._running:
            self._start(job)
            return
        if self._is_outstanding(command.message_id):
            self._answer(job, Reply(DUPLICATE_INVOCATION, "this message ID is still in use"))
            self._release(job)
            return
        self._waiting.append(job)
        if len(self._waiting) > MAX_WAITING:
            is_hard = len(self._waiting) > MAX_WAITING * HARD_FACTOR
            self._attached.requests.brake.press(self, is_hard=is_hard)

    # C-STORE

    def _store_sink(self, context: AcceptedContext, command: CStoreRQ) -> Sink:
        handlers = self._receiving or self.handlers
        job = self._arriving = _Job(context, _NO_MESSAGE, handlers=handlers)
        job.refusal = self._judge_store(handlers, context, command)
        if job.refusal is not None:
            return NullSink()
        collect = partial(self._collecting_sink, job)
        syntax, inflated = context.transfer_syntax, self._attached.resources.limits.max_instance_inflated
        check = InstanceCheck(command, syntax, self.strictness, inflated)
        job.request = request = StoreRequest(command, context, self._facts, self._user, check, collect)
        opener = handlers.open_sink
        try:
            chosen = collect() if opener is None else opener(request)
        except Exception as error:
            chosen = self._failed(error)
        if isinstance(chosen, Status):
            chosen = Reply(chosen)
        if isinstance(chosen, Reply):
            job.refusal = chosen
            return NullSink()
        return GuardedSink(chosen, self._failed, check, self._attached, self._tasks)

    def _collecting_sink(self, job: _Job) -> Sink:
        limit = self._attached.resources.limits.max_instance_memory
        job.sink = MemorySink(limit, self._attached.instance_memory)
        return job.sink

    def _judge_store(self, handlers: Handlers, context: AcceptedContext, command: CStoreRQ) -> Reply | None:
        """The refusal of a C-STORE that no handler is asked about (PS3.7 9.1.1.1.9, PS3.4 B.2.3)."""
        if handlers.on_store is None:
            return Reply(SOP_CLASS_NOT_SUPPORTED, "storage is not offered here")
        if not context.as_scp:
            return _WRONG_ROLE
        sop_class_uid = command.affected_sop_class_uid
        if self._storable.get(context.context_id) != sop_class_uid:  # of a C-STORE nothing else is judged
            refusal = judge_request(self.permitted, context, command)
            if refusal is not None:
                return refusal
            self._storable[context.context_id] = sop_class_uid
        if not is_valid_uid(command.affected_sop_instance_uid):
            return Reply(INVALID_INSTANCE, "the Affected SOP Instance UID is no UID", (0x00001000,))
        return None

    def _perform_store(self, job: _Job, command: CStoreRQ) -> Status | Reply | Awaitable[Status | Reply]:
        handlers, result = job.handlers, job.message.sink_result
        if handlers is None or not isinstance(job.request, StoreRequest):  # no data set came
            refusal = self._judge_store(self._receiving or self.handlers, job.context, command)
            return refusal or Reply(CANNOT_UNDERSTAND, "the request came without a data set", (0x00000800,))
        check = job.request.check
        if isinstance(result, GuardedSink):
            return self._store_when_walked(job, command, result)
        if isinstance(result, SinkFailed):
            job.is_refused = check is not None and check.is_refused
            return result.reply
        if result is None and handlers.open_sink is None:
            return _refused_length(job, command)
        assert handlers.on_store is not None
        outcome = handlers.on_store(job.request, result)
        return outcome if check is None or check.problem is None or not check.is_warned_of else _warned(outcome, check)

    async def _store_when_walked(self, job: _Job, command: CStoreRQ, sink: GuardedSink) -> Status | Reply:
        """Perform a C-STORE whose data set came faster than it could be walked."""
        await sink.walked()
        job.message = job.message._replace(sink_result=sink.complete())
        outcome = self._perform_store(job, command)
        return await outcome if isinstance(outcome, Awaitable) else outcome

    # all services

    def _perform(self, job: _Job, command: Command) -> Any:
        """What a handler answers, or what is to be awaited for its answer."""
        if isinstance(command, CStoreRQ):
            return self._perform_store(job, command)
        if not (job.context.as_scp or isinstance(command, NEventReportRQ)):
            return _WRONG_ROLE
        if not isinstance(command, Request):
            return _NOT_OFFERED
        refusal = judge_request(self.permitted, job.context, command)
        if refusal is not None:
            return refusal
        if isinstance(command, CEchoRQ):
            return self._perform_echo(job, command)
        if command.has_dataset and job.message.sink_result is None:
            return _refused_length(job, command)
        if isinstance(job.message.sink_result, Spooled):
            return self._perform_spooled(job, command, job.message.sink_result)
        data = job.message.sink_result if isinstance(job.message.sink_result, bytes) else None
        limits = self._attached.resources.limits
        job.request = OperationRequest(command, job.context, self._facts, self._user, data, limits)
        if isinstance(command, CFindRQ | CMoveRQ | CGetRQ):
            return self._perform_stream(job, command)
        handler: Any = getattr(self.handlers, _NORMALIZED.get(type(command), ""), None)
        if handler is None:
            return _NOT_OFFERED
        return self._when_decoded(job, job.request, partial(handler, job.request))

    async def _perform_spooled(self, job: _Job, command: Request, spooled: Spooled) -> Any:
        """Perform an N-SET whose data set waits on disk: it is in memory while the handler has it."""
        resources, share = self._attached.resources, self._attached.instance_memory
        if self.handlers.on_n_set is None:
            return _NOT_OFFERED
        if not share.take(spooled.size):
            return _out_of_memory(command)
        try:
            data = await resources.decoding.run(spooled.read)
            limits = replace(resources.limits, max_attributes_length=resources.limits.max_image_box_length)
            request: Any = OperationRequest(command, job.context, self._facts, self._user, data, limits)
            job.request = request
            return await self._decoded_in_thread(job, request, partial(self.handlers.on_n_set, request))
        finally:
            share.give_back(spooled.size)

    def _perform_echo(self, job: _Job, command: CEchoRQ) -> Status | Reply | Awaitable[Status | Reply]:
        if self.handlers.on_echo is None:
            return SUCCESS
        return self.handlers.on_echo(EchoRequest(command, job.context, self._facts, self._user))

    def _perform_stream(self, job: _Job, command: CFindRQ | CMoveRQ | CGetRQ) -> Any:
        handler: Any = getattr(self.handlers, _STREAMS[type(command)])
        if handler is None:
            return _NOT_OFFERED
        if not command.has_dataset:
            return Reply(CANNOT_UNDERSTAND, "the request came without an identifier", (0x00000800,))
        job.pressure = pressure = Pressure(lambda: not self._attached.is_over)
        request: Any = job.request
        return self._when_decoded(job, request, partial(self._stream, job, command, request, handler, pressure))

    def _stream(
        self, job: _Job, command: CFindRQ | CMoveRQ | CGetRQ, request: Any, handler: Any, pressure: Pressure
    ) -> Awaitable[Status | Reply]:
        respond = partial(self._respond, job.context.context_id)
        if isinstance(command, CFindRQ):
            respond_all = partial(self._attached.respond_with_each, job.context.context_id)
            return perform_find(request, handler, respond, respond_all, pressure)
        if isinstance(command, CMoveRQ):
            return perform_move(request, handler, respond, pressure, self._mover)
        return perform_get(request, handler, respond, pressure)

    # data sets in memory

    def _when_decoded(self, job: _Job, request: OperationRequest[Any], perform: Callable[[], Any]) -> Any:
        """Perform a request whose data set is small at once, and any other when a thread has decoded it."""
        data = request.data
        if not data:
            return perform()
        if len(data) > INLINE_DATASET or request.context.transfer_syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            return self._decoded_in_thread(job, request, perform)
        if not self._charge(job, request.count_elements() * DECODED_ELEMENT_BYTES):
            return _out_of_memory(job.command)
        if not isinstance(job.command, NEventReportRQ):  # whose receiver lists what it cannot read, too
            self._check_structure(job, request)
        return perform()

    @staticmethod
    def _check_structure(job: _Job, request: OperationRequest[Any]) -> None:
        """Take no data set that readers fail on; the answer is 0110, or C000 for an identifier. For any thread."""
        try:
            request.check_structure()
        except RemoteProtocolError:
            job.is_refused = True
            raise

    async def _decoded_in_thread(self, job: _Job, request: OperationRequest[Any], perform: Callable[[], Any]) -> Any:
        decoding = self._attached.resources.decoding
        job.is_large = True
        count = await decoding.run(request.count_elements)
        if not self._charge(job, count * DECODED_ELEMENT_BYTES):
            return _out_of_memory(job.command)
        if not isinstance(job.command, NEventReportRQ):
            await decoding.run(partial(self._check_structure, job, request))
        await decoding.run(request.decode)
        if request.is_cancelled:
            return CANCELLED
        outcome = perform()
        return await outcome if isinstance(outcome, Awaitable) else outcome

    def _charge_command(self, job: _Job) -> bool:
        return self._charge(job, self._attached.command_length * COMMAND_FACTOR)

    def _charge(self, job: _Job, size: int) -> bool:
        """Charge memory for a request; whether there was so much left."""
        is_charged = self._attached.memory.take(size)
        job.charged_bytes += size if is_charged else 0
        return is_charged

    def _release(self, job: _Job) -> None:
        """The request is answered: what it had in memory is not needed any more."""
        if isinstance(job.message.sink_result, Spooled):
            job.message.sink_result.close()
        if job.sink is not None:
            job.sink.give_back()
        if job.charged_bytes:
            self._attached.memory.give_back(job.charged_bytes)
            job.charged_bytes = 0

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
            if job.sink is not None or job.charged_bytes:
                self._release(job)
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
        finally:
            self._release(job)
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
        if isinstance(dataset, bytes):
            data = dataset
        else:
            encode = partial(encode_dataset, dataset, job.context.transfer_syntax)
            data = await self._attached.resources.decoding.run(encode) if job.is_large else encode()
        await self._attached.respond_with(job.context.context_id, response_to(job.command, outcome, True), data)

    def _answer(self, job: _Job, outcome: Status | Reply) -> None:
        command = job.message.command
        if job.request is None or job.is_refused:
            told = (job.handlers and job.handlers.on_refused) or self.handlers.on_refused
            if told is not None:
                self._tell_refused(told, command, outcome)
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
        if isinstance(error, DatasetTooLarge) and job is not None:
            return Reply(_too_much(job.command), str(error))
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


def _too_much(command: Command) -> Status:
    """The status that says that a request takes more than there is (PS3.7 annex C, PS3.4 B.2.3, C.4)."""
    return OUT_OF_RESOURCES if isinstance(command, CStoreRQ | CFindRQ | CMoveRQ | CGetRQ) else RESOURCE_LIMITATION


def _out_of_memory(command: Command) -> Reply:
    return Reply(_too_much(command), "the memory for requests is used up, try again later")


def _refused_length(job: _Job, command: Command) -> Reply:
    """Why the data set of a request was not kept."""
    if job.sink is None or job.sink.is_out_of_room:
        return _out_of_memory(command)
    return Reply(_too_much(command), f"the data set has more than {job.sink.limit:,} bytes")


def _warned(
    outcome: Status | Reply | Awaitable[Status | Reply], check: InstanceCheck
) -> Status | Reply | Awaitable[Status | Reply]:
    """The answer for an instance that was kept though something is wrong with it: B007 instead of Success."""
    if isinstance(outcome, Awaitable):
        return _warned_later(outcome, check)
    status = outcome.status if isinstance(outcome, Reply) else outcome
    if status != SUCCESS or check.problem is None:
        return outcome
    return replace(check.problem.reply, status=DOES_NOT_MATCH)


async def _warned_later(outcome: Awaitable[Status | Reply], check: InstanceCheck) -> Status | Reply:
    warned = _warned(await outcome, check)
    assert isinstance(warned, Status | Reply)
    return warned


def _reply_with(outcome: Any) -> Reply:
    """The reply of a handler that gave a data set alone."""
    if not is_dataset(outcome):
        raise TypeError(f"a handler answered with {type(outcome).__name__} instead of a status, a reply or a data set")
    return Reply(SUCCESS, dataset=outcome)
