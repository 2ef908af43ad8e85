"""The DIMSE traffic of one association: messages out, messages in, and the matching of requests with responses.

Both sides of an association use the same class: what makes a requestor or an acceptor of it is the
:class:`ConnectionOwner` that is told of the association's life, and the provider that answers requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
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
from dicomgui.network.association.states import Event
from dicomgui.network.dimse.assembler import Assembler, MemorySink, Message, Sink
from dicomgui.network.dimse.commands import CCancelRQ, Command, Response
from dicomgui.network.dimse.fragment import BytesSource, Chunk, Source
from dicomgui.network.errors import (
    AssociationAborted,
    ConnectError,
    ConnectionLost,
    DicomNetworkError,
    LocalProtocolError,
    OperationTimeout,
    RemoteProtocolError,
)
from dicomgui.network.pdu import PduType, PdvPiece, describe_abort
from dicomgui.network.service.exchange import Exchange, Exchanges, OperationsWindow, SingleExchange, StreamExchange
from dicomgui.network.service.messages import trace_message
from dicomgui.network.service.sender import Sender
from dicomgui.network.tracing import Direction, Scribe
from dicomgui.network.transport.protocol import AssociationTransport

__all__ = ["Connection", "ConnectionOwner", "RequestReceiver"]

TIMER_SLACK_S = 0.01
"""Timers fire a little early."""

RESPONSE_DATASET_LIMIT = 64 * 2**20
"""A response's data set is kept in memory; no identifier comes near this."""


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

    Implements :class:`~dicomgui.network.transport.protocol.TransportUser`.
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
    ) -> None:
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
        self._exchanges = Exchanges()
        self._sender: Sender | None = None
        self._window: OperationsWindow | None = None
        self._over = False
        self._error: DicomNetworkError | None = None

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
        return not self._exchanges and not (self._sender is not None and self._sender.is_sending)

    @property
    def is_receiving(self) -> bool:
        """Whether a message has come in part."""
        return self._assembler is not None and self._assembler.in_message

    def established(self, negotiated: Negotiated) -> None:
        """The association stands: messages may go from now on."""
        self._negotiated = negotiated
        self._sender = Sender(self.transport, self.scribe, negotiated.peer_max_pdu_length)
        self._window = OperationsWindow(negotiated.max_invoked)
        self._contexts = {context.context_id: context for context in negotiated.accepted}
        self._assembler = Assembler(
            self._choose_sink,
            self._contexts,
            max_command_length=self._limits.max_command_length,
            max_dataset_length=self._limits.max_dataset_length,
        )

    def abort(self, source: int = 0, reason: int = 0, error: DicomNetworkError | None = None) -> None:
        """Send an A-ABORT and end the association with ``error`` for everyone who waits."""
        if self._transport is not None and self._machine.allows(Event.EVT15):
            self._machine.abort(self._loop.time(), source=source, reason=reason)
            self._transport.flush()
        self._end(
            error or AssociationAborted("we aborted the association", source=source, reason=reason, by_peer=False)
        )

    # messages out

    def next_message_id(self) -> int:
        """A Message ID (0000,0110) from 1 to 65,535 that no pending request uses."""
        return self._exchanges.next_message_id()

    def prepare(self, context_id: int, command: Command, source: Source | None) -> Iterable[Chunk]:
        """A message cut into PDUs for this peer, lazily; what it reads from ``source`` is read when it is iterated."""
        return self._sending.prepare(context_id, command, source)

    def respond(self, context_id: int, command: Command) -> None:
        """Send a response without data set: at once, or right after the message that is being sent.

        Aborts where the peer makes that impossible.
        """
        if not self._can_send:
            return  # nobody waits for it: the association has ended, or we have asked for its release
        try:
            self._sending.post(context_id, command)
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

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was sent."""
        if self._transport is not None:
            await self._transport.drain()

    def cancel(self, exchange: StreamExchange, within_s: float) -> None:
        """Ask the peer by C-CANCEL to end an operation; it has ``within_s`` for the final response."""
        self.respond(exchange.context_id, CCancelRQ(exchange.message_id))
        exchange.timeout_s = within_s
        exchange.wait_from(self._loop.time())
        self._arm()

    async def request(
        self,
        context_id: int,
        command: Command,
        expected: type[Response],
        source: Source | None = None,
        *,
        timeout_s: float | None,
        is_store: bool = False,
        chunks: Iterable[Chunk] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Message:
        """Send a request and wait for its one response, an ``expected``.

        Waits before it sends while as many operations are outstanding as were negotiated (PS3.7 D.3.3.3).

        :param timeout_s: for the response.
        :param chunks: the message as :meth:`prepare` made it ahead of time.
        :param meanwhile: called once the request is on its way, while the peer is at work; must not raise.

        Cancelling it ends the association by A-ABORT: a peer in the middle of a message has no other way out.

        :raises OperationTimeout: no response, or the peer stopped to read, within ``timeout_s``.
        :raises AssociationError: the association ended before the response came.
        """
        window = await self._enter_window()
        future: asyncio.Future[Message] = self._loop.create_future()
        exchange = SingleExchange(context_id, command.message_id, expected, timeout_s, future)
        try:
            await self._begin(exchange, command, source, is_store=is_store, chunks=chunks)
            if meanwhile is not None:
                meanwhile()
            return await future
        except asyncio.CancelledError:
            self.scribe.cancel("cancelled while a request was under way; the association was aborted")
            self.abort()
            raise
        finally:
            self._forget(exchange)
            window.leave()

    async def open_stream(
        self, context_id: int, command: Command, expected: type[Response], data: bytes, *, timeout_s: float | None
    ) -> StreamExchange:
        """Send a request that has many responses; they are to be taken from what is returned.

        :param timeout_s: for each response, counted from the one before it.

        :meth:`end_stream` must follow in any case. Cancelling this one ends the association by A-ABORT, unless nothing
        was sent yet.
        """
        window = await self._enter_window()
        transport = self.transport
        exchange = StreamExchange(
            context_id, command.message_id, expected, timeout_s, transport.hold, transport.unhold
        )
        try:
            await self._begin(exchange, command, BytesSource(data))
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                self.abort()
            self._forget(exchange)
            window.leave()
            raise
        return exchange

    def end_stream(self, exchange: StreamExchange) -> None:
        """The responses are taken, or nobody wants them any more; the association is aborted if some are missing."""
        if exchange.is_waiting:
            self.abort()
        exchange.drop_queued()
        self._forget(exchange)
        if self._window is not None:
            self._window.leave()

    async def _enter_window(self) -> OperationsWindow:
        window = self._window
        if window is None:
            raise LocalProtocolError("there is no association", peer=self.peer)
        if self._over:
            raise LocalProtocolError("the association has ended", peer=self.peer)
        await window.enter()
        if self._error is not None:
            window.leave()
            raise self._error
        return window

    async def _begin(
        self,
        exchange: Exchange,
        command: Command,
        source: Source | None,
        *,
        is_store: bool = False,
        chunks: Iterable[Chunk] | None = None,
    ) -> None:
        """Send a request; a message that cannot be sent to its end leaves no other way out than A-ABORT."""
        self._exchanges.add(exchange)
        try:
            await self._sending.send(exchange.context_id, command, source, is_store=is_store, chunks=chunks)
        except (OSError, DicomNetworkError) as error:
            self.scribe.cancel(f"a message broke off: {error}")
            self.abort()
            raise
        if exchange.is_waiting:
            exchange.wait_from(self._loop.time())
            self._arm()

    def _forget(self, exchange: Exchange) -> None:
        if self._exchanges.forget(exchange):
            self._arm()

    def _arm(self) -> None:
        """Watch over the response that is due first."""
        if self._transport is None:
            return
        first = self._exchanges.first_due()
        if first is None or first.due is None:
            self._transport.set_deadline("response", None)
        else:
            self._transport.set_deadline("response", first.due - self._loop.time(), named_s=first.timeout_s)

    def _is_overdue(self) -> bool:
        first = self._exchanges.first_due()
        return first is not None and first.due is not None and first.due <= self._loop.time() + TIMER_SLACK_S

    @property
    def _can_send(self) -> bool:
        return not self._over and self._transport is not None and self._machine.allows(Event.EVT9)

    @property
    def _sending(self) -> Sender:
        if self._sender is None:
            raise LocalProtocolError("there is no association", peer=self.peer)
        return self._sender

    def _no_answer(self, error: LocalProtocolError) -> None:
        self.transport.provider_abort(RemoteProtocolError(f"no answer is possible: {error}", peer=self.peer))

    # messages in (TransportUser)

    def transport_ready(self, transport: AssociationTransport) -> None:
        """The connection is open."""
        self._transport = transport
        self._owner.connection_ready()

    def handle_event(self, event: Indication) -> None:
        """Take what the state machine tells."""
        if type(event) is PdvPiece:
            if self._assembler is not None:
                message = self._assembler.feed(event)
                if message is not None:
                    self._receive(message)
        elif isinstance(event, Aborted):
            self._end(_abort_error(event, self.peer))
        elif isinstance(event, TransportClosed):
            self._end(ConnectionLost("the connection was closed without a release", peer=self.peer, phase="transfer"))
        else:
            assert not isinstance(event, PdvPiece)
            self._owner.association_event(event)

    def timed_out(self, name: str, seconds: float) -> None:
        """A deadline has passed: whatever waits for the peer gets an error that names it, and the association ends."""
        if name == "idle" and (self._receiver.is_busy or not self.is_idle):
            self.transport.set_idle_timeout(seconds)  # it is us who are slow
            return
        if name == "response" and not self._is_overdue():
            self._arm()
            return
        error = OperationTimeout(_TIMEOUT_TEXTS[name].format(seconds=seconds), peer=self.peer, phase=_PHASES[name])
        self.abort(error=error)
        if name in ("send", "associate"):
            self.transport.cut()

    def transport_failed(self, error: ConnectError) -> None:
        """TLS broke: that is why the connection ends."""
        error.peer = error.peer or self.peer
        self._end(error)

    def transport_closed(self, error: OSError | None) -> None:
        """The connection is gone."""
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
            return MemorySink(RESPONSE_DATASET_LIMIT)
        return self._receiver.open_sink(self._contexts[context_id], command)

    def _receive(self, message: Message) -> None:
        if self.scribe.tracer is not None:
            trace_message(
                self.scribe, Direction.RECEIVED, message.context_id, message.command, message.dataset_length
            )
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
            return
        try:
            exchange = self._exchanges.receive(message, command, self._sending.unsent_id, self._loop.time())
        except RemoteProtocolError as error:
            error.peer = self.peer
            raise
        if exchange.takes_pending:
            self._arm()

    def _end(self, error: DicomNetworkError | None) -> None:
        if self._over:
            return
        self._over = True
        if self._assembler is not None:
            self._assembler.abandon()
        if self._transport is not None:
            self._transport.set_idle_timeout(None)
            for name in ("response", "release", "associate"):
                self._transport.set_deadline(name, None)
            self._transport.give_up()
        reason = error or ConnectionLost("the association was released", peer=self.peer, phase="transfer")
        self._error = reason
        self._exchanges.fail_all(reason)
        if self._window is not None:
            self._window.open()
        self._owner.association_ended(error)


def _abort_error(event: Aborted, peer: str) -> DicomNetworkError:
    if event.error is not None:
        event.error.peer = event.error.peer or peer
        return event.error
    who = "the peer" if event.by_peer else "our side"
    text = f"{who} aborted the association: {describe_abort(event.source, event.reason)}"
    return AssociationAborted(
        text, source=event.source, reason=event.reason, by_peer=event.by_peer, peer=peer, phase="transfer"
    )


_TIMEOUT_TEXTS = {
    "associate": "no answer to the association request within {seconds:g} s",
    "response": "no response within {seconds:g} s",
    "release": "no answer to the release request within {seconds:g} s",
    "send": "the peer read nothing of what we sent for {seconds:g} s",
    "idle": "nothing came for {seconds:g} s",
}
_PHASES = {"associate": "associate", "response": "response", "release": "release", "send": "response", "idle": "idle"}

