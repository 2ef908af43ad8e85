"""The DIMSE traffic of one association: messages out, messages in, and the matching of requests with responses.

Both sides of an association use the same class: what makes a requestor or an acceptor of it is the
:class:`ConnectionOwner` that is told of the association's life, and the provider that answers requests.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from dicomgui.network.association.contexts import AcceptedContext, Negotiated
from dicomgui.network.association.events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Indication,
    Released,
    ReleaseRequested,
    TransportClosed,
)
from dicomgui.network.association.machine import UpperLayer
from dicomgui.network.association.params import Limits, Timeouts
from dicomgui.network.association.states import Event, State
from dicomgui.network.dimse.answer_pdu import Plain
from dicomgui.network.dimse.assembler import Assembler, MemorySink, Message, Sink
from dicomgui.network.dimse.command_set import APPENDED
from dicomgui.network.dimse.commands import Command, Response
from dicomgui.network.dimse.fragment import BytesSource
from dicomgui.network.dimse.memory import MemoryShare
from dicomgui.network.errors import (
    AssociationAborted,
    ConnectError,
    ConnectionLost,
    DicomNetworkError,
    LocalProtocolError,
    RemoteProtocolError,
)
from dicomgui.network.pdu import PduType, PdvPiece, PdvRun
from dicomgui.network.service.endings import abort_error, timeout_error
from dicomgui.network.service.messages import trace_message, trace_run
from dicomgui.network.service.requester import Requester
from dicomgui.network.service.resources import Resources
from dicomgui.network.service.sender import Sender
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, Scribe, broken_rule
from dicomgui.network.transport.forking import stay_with_parent
from dicomgui.network.transport.protocol import AssociationTransport
from dicomgui.network.uids import IMPLICIT_VR_LITTLE_ENDIAN

__all__ = ["Connection", "ConnectionOwner", "RequestReceiver"]


class ConnectionOwner(Protocol):
    """Told of the life of the association; all in the loop's thread."""

    def connection_ready(self) -> None:
        """The transport connection is open."""

    def association_event(
        self, event: AssociateRequested | AssociateAccepted | AssociateRejected | ReleaseRequested | Released
    ) -> None:
        """One of the association's own events came."""

    def association_ended(self, error: DicomNetworkError | None) -> None:
        """The association is over; ``None`` after an orderly release. Called once."""


class RequestReceiver(Protocol):
    """Takes the requests that the peer sends."""

    @property
    def is_busy(self) -> bool:
        """Whether a request is not answered yet."""

    def open_sink(self, context: AcceptedContext, command: Command) -> Sink:
        """Say where the data set of this request goes; must not raise."""

    def receive(self, context: AcceptedContext, message: Message) -> None:
        """Perform the request and answer it; must not raise."""


class Connection:
    """Sends and receives DIMSE messages on one association.

    Implements :class:`~dicomgui.network.transport.user.TransportUser`.

    :ivar memory: what the association has taken of the memory for data sets and requests.
    :ivar instance_memory: the same of that for instances.
    :ivar disk: the same of temporary files for the image boxes of print management.
    :param resources: what the association shares with others; by default it has its own.
    """

    def __init__(
        self,
        machine: UpperLayer,
        scribe: Scribe,
        owner: ConnectionOwner,
        receiver: RequestReceiver,
        *,
        timeouts: Timeouts,
        limits: Limits,
        resources: Resources | None = None,
    ) -> None:
        self.resources = resources or Resources(limits)
        self.memory = MemoryShare(self.resources.memory)
        self.instance_memory = MemoryShare(self.resources.instance_memory)
        self.disk = MemoryShare(self.resources.disk)
        self.scribe = scribe
        self.timeouts = timeouts
        self.peer = ""
        self._machine = machine
        self._owner = owner
        self._receiver = receiver
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._transport: AssociationTransport | None = None
        self._contexts: Mapping[int, AcceptedContext] = {}
        self._assembler: Assembler | None = None
        self._negotiated: Negotiated | None = None
        self._sender: Sender | None = None
        self._requester: Requester | None = None
        self._response_sink: MemorySink | None = None
        self._over = False
        self._error: DicomNetworkError | None = None
        self._left: LocalProtocolError | None = None

    # the association

    @property
    def transport(self) -> AssociationTransport:
        """The connection's driver; there is none before the connection is open."""
        if self._transport is None:
            raise LocalProtocolError("the connection is not open", peer=self.peer)
        return self._transport

    @property
    def is_open(self) -> bool:
        """Whether there has been a transport connection."""
        return self._transport is not None

    @property
    def negotiated(self) -> Negotiated:
        """What both sides agreed on."""
        if self._negotiated is None:
            raise LocalProtocolError("there is no association", peer=self.peer)
        return self._negotiated

    @property
    def is_established(self) -> bool:
        """Whether there is or was an association."""
        return self._negotiated is not None

    @property
    def is_over(self) -> bool:
        """Whether the association has ended."""
        return self._over

    @property
    def is_idle(self) -> bool:
        """Whether no request of ours waits for its response and nothing is being sent."""
        has_asked = self._requester is not None and not self._requester.is_idle
        return not has_asked and (self._sender is None or not self._sender.is_sending)

    @property
    def command_length(self) -> int:
        """Bytes of the last command set that came."""
        return 0 if self._assembler is None else self._assembler.command_length

    @property
    def is_receiving(self) -> bool:
        """Whether a message has come in part."""
        return self._assembler is not None and self._assembler.in_message

    def established(self, negotiated: Negotiated) -> None:
        """The association stands: messages may go from now on."""
        self._negotiated = negotiated
        transport = self.transport
        self._sender = Sender(transport, self.scribe, self._most_sent(negotiated.peer_max_pdu_length))
        self._contexts = {context.context_id: context for context in negotiated.accepted}
        self._assembler = Assembler(
            self._choose_sink,
            self._contexts,
            max_command_length=self._limits.max_command_length,
            max_dataset_length=self._limits.max_dataset_length,
        )

    def _most_sent(self, taken: int) -> int:
        """The longest P-DATA-TF to send: what the peer takes, or less where we want that; 0 is no limit for either."""
        wanted = self._limits.max_sent_pdu_length
        return min(taken or wanted, wanted or taken)

    def abort(self, source: int = 0, reason: int = 0, error: DicomNetworkError | None = None) -> None:
        """Send an A-ABORT and end the association with ``error`` for everyone who waits."""
        if self._transport is not None and self._machine.allows(Event.EVT15):
            self._machine.abort(self._loop.time(), source=source, reason=reason)
            self._transport.flush()
        self._end(
            error or AssociationAborted("we aborted the association", source=source, reason=reason, by_peer=False)
        )

    # messages out

    @property
    def requests(self) -> Requester:
        """What sends requests of ours.

        :raises LocalProtocolError: there is no association yet.
        """
        if self._requester is None:  # made for the first, since most acceptors have none
            self._requester = self._make_requester()
        return self._requester

    def _make_requester(self) -> Requester:
        requester = Requester(
            self.transport,
            self._sending,
            self.scribe,
            peer=self.peer,
            window=self.negotiated.max_invoked,
            abort=self.abort,
            on_overdue=self._overdue,
            memory=self.memory,
        )
        if self._left is not None:
            requester.left_behind(self._left)
        elif self._over:
            requester.end(self._error)
        return requester

    def respond(self, context_id: int, command: Command) -> None:
        """Send a response without data set: at once, or right after the message that is being sent.

        Aborts where the peer makes that impossible.
        """
        sender = self._sender
        if sender is None or not self._can_send:
            return  # nobody waits for it: the association has ended, or we have asked for its release
        try:
            sender.post(context_id, command)
        except LocalProtocolError as error:
            self._no_answer(error)

    def answer(self, context_id: int, request: Plain, status: Status) -> None:
        """Send the response to a C-STORE or C-ECHO that has a status and nothing else; otherwise as :meth:`respond`."""
        sender = self._sender
        if sender is None or not self._can_send:
            return
        try:
            sender.answer(context_id, request, status)
        except LocalProtocolError as error:
            self._no_answer(error)

    async def respond_with(self, context_id: int, command: Command, data: bytes) -> None:
        """Send a response with a data set, and wait until the peer has taken most of it.

        Cancelling it ends the association by A-ABORT, since a message has no end before its last fragment.
        """
        if not self._can_send:
            return
        try:
            await self._sending.send(context_id, command, BytesSource(data))
        except asyncio.CancelledError:
            self.abort()
            raise
        except LocalProtocolError as error:
            if not self._over:
                self._no_answer(error)

    async def respond_with_each(
        self, context_id: int, command: Command, data: Sequence[bytes], is_wanted: Callable[[], bool]
    ) -> None:
        """The same response with one data set after the other; many small ones go in one piece.

        :param is_wanted: asked before each piece whether there is to be one more.
        """
        sender = self._sender
        if sender is None or not self._can_send:
            return
        if not data or max(map(len, data)) > sender.most_together:
            for one in data:
                if is_wanted():
                    await self.respond_with(context_id, command, one)
            return
        try:
            await sender.send_answers(context_id, command, data, is_wanted)
        except asyncio.CancelledError:
            self.abort()
            raise
        except LocalProtocolError as error:
            if not self._over:
                self._no_answer(error)

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was sent."""
        if self._transport is not None:
            await self._transport.drain()

    @property
    def _can_send(self) -> bool:
        if self._over or self._transport is None:
            return False
        return self._machine.state is State.STA6 or self._machine.allows(Event.EVT9)

    @property
    def _sending(self) -> Sender:
        if self._sender is None:
            raise LocalProtocolError("there is no association", peer=self.peer)
        return self._sender

    def _no_answer(self, error: LocalProtocolError) -> None:
        self.scribe.note(logging.WARNING, broken_rule(f"no answer is possible: {error}"))
        self.transport.provider_abort(RemoteProtocolError(f"no answer is possible: {error}", peer=self.peer))

    def left_behind(self) -> tuple[()]:
        """This is the child of a fork: the association is the parent's."""
        self._over = True
        self._error = self._left = LocalProtocolError(
            "the association belongs to the process that has forked this one",
            peer=self.peer,
            hint="Connect anew after the fork.",
        )
        if self._requester is not None:
            self._requester.left_behind(self._left)
        return ()

    def refuse_other_process(self) -> None:
        """Do nothing, unless this process is the child of a fork, and the association its parent's.

        :raises LocalProtocolError: it is.
        """
        if self._left is not None:
            raise self._left

    # messages in (TransportUser)

    def transport_ready(self, transport: AssociationTransport) -> None:
        """The connection is open."""
        self._transport = transport
        stay_with_parent(self)
        self._owner.connection_ready()

    def handle_event(self, event: Indication) -> bytes | None:
        """Take what the state machine tells."""
        if type(event) is PdvPiece:
            if self._assembler is not None:
                message = self._assembler.feed(event)
                if message is not None:
                    return self._receive(message)
        elif type(event) is PdvRun:
            return self._receive_run(event)
        elif isinstance(event, Aborted):
            self._end(abort_error(event, self.peer))
        elif isinstance(event, TransportClosed):
            self._end(ConnectionLost("the connection was closed without a release", peer=self.peer, phase="transfer"))
        else:
            assert not isinstance(event, PdvPiece | PdvRun)
            self._owner.association_event(event)
        return None

    def timed_out(self, name: str, seconds: float) -> None:
        """A deadline has passed: whatever waits for the peer gets an error that names it, and the association ends."""
        if name == "idle" and (self._receiver.is_busy or not self.is_idle):
            self.transport.set_idle_timeout(seconds)  # it is us who are slow
            return
        self.abort(error=timeout_error(name, seconds, self.peer))
        if name in ("send", "associate"):
            self.transport.cut()

    def _overdue(self, seconds: float) -> None:
        """A response of the peer has not come in time."""
        self.abort(error=timeout_error("response", seconds, self.peer))

    def transport_failed(self, error: ConnectError) -> None:
        """TLS broke: that is why the connection ends."""
        error.peer = error.peer or self.peer
        self._end(error)

    def transport_closed(self, error: OSError | None) -> None:
        """The connection is gone."""
        if self._over:
            return
        text = "the connection was lost" if error is None else f"the connection was lost: {error}"
        lost = ConnectionLost(text, peer=self.peer, phase="transfer")
        lost.__cause__ = error
        self._end(lost)

    def fail(self, error: DicomNetworkError) -> None:
        """The association ended with ``error``, and the state machine knows it already."""
        self._end(error)

    def finish(self) -> None:
        """The association was released: nothing more will come."""
        self._end(None)

    def _choose_sink(self, context_id: int, command: Command) -> Sink:
        if command.is_response:
            self._response_sink = sink = MemorySink(self._limits.max_attributes_length, self.memory)
            return sink
        return self._receiver.open_sink(self._contexts[context_id], command)

    def _receive(self, message: Message) -> bytes | None:
        """Take a message; gives how one begins that may follow with another data set."""
        if self.scribe.tracer is not None:
            trace_message(self.scribe, Direction.RECEIVED, message.context_id, message.command, message.dataset_length)
        command = message.command
        if not isinstance(command, Response):
            if command.is_response:
                raise RemoteProtocolError(
                    f"{command.name} is no response that there is",
                    pdu_type=PduType.P_DATA_TF,
                    field="Command Field (0000,0100)",
                    abort_reason=6,
                    peer=self.peer,
                )
            self._receiver.receive(self._contexts[message.context_id], message)
            return None
        sink, self._response_sink = self._response_sink, None
        if sink is not None:
            sink.give_back()  # whoever takes the response keeps it in bounds from here on
        if command.anomalies and APPENDED in command.anomalies:
            message = self._in_agreed_syntax(message)
        try:
            self.requests.receive(message, command)
        except RemoteProtocolError as error:
            error.peer = self.peer
            raise
        if message.dataset_length >= 0 and command.status.is_pending and self._assembler is not None:
            return self._assembler.repeated(message)
        return None

    def _in_agreed_syntax(self, message: Message) -> Message:
        """A response whose data set came in the encoding of its command set, with the data set as negotiated."""
        from dicomgui.network.dimse.convert import ConversionError, convert_dataset

        data, syntax = message.sink_result, self._contexts[message.context_id].transfer_syntax
        if not isinstance(data, bytes):
            return message
        with suppress(ConversionError):  # who reads it is told
            data = convert_dataset(data, IMPLICIT_VR_LITTLE_ENDIAN, syntax)
        return message._replace(sink_result=data)

    def _receive_run(self, run: PdvRun) -> bytes | None:
        """Take many matches at once."""
        assert self._assembler is not None  # it has said that they may come
        messages = self._assembler.feed_run(run)
        trace_run(self.scribe, run, messages)
        try:
            self.requests.receive_run(messages)
        except RemoteProtocolError as error:
            error.peer = self.peer
            raise
        return run.command

    def _end(self, error: DicomNetworkError | None) -> None:
        if self._over:
            return
        self._over = True
        self._error = error
        if self._assembler is not None:
            self._assembler.abandon()
        self.memory.close()
        self.instance_memory.close()
        self.disk.close()
        if self._transport is not None:
            self._transport.give_up()
        if self._requester is not None:
            self._requester.end(error)
        self._owner.association_ended(error)
