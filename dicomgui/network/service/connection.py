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
from dicomgui.network.dimse.command_set import encode
from dicomgui.network.dimse.commands import Command, Response
from dicomgui.network.dimse.fragment import Chunk, Source, fragments
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
from dicomgui.network.service.messages import trace_message
from dicomgui.network.tracing import Direction, Scribe
from dicomgui.network.transport.protocol import AssociationTransport

__all__ = ["Connection", "ConnectionOwner", "RequestReceiver"]

SLICE_S = 0.004
"""A sender that never has to wait still lets the loop turn after this long."""

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
        self._pending: dict[int, asyncio.Future[Message]] = {}
        self._sending = asyncio.Lock()
        self._unsent_id = 0  # of the message whose last fragment is not queued yet
        self._last_id = 0
        self._over = False

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
    def is_over(self) -> bool:
        """Whether the association has ended."""
        return self._over

    @property
    def is_idle(self) -> bool:
        """Whether no request of ours waits for its response and nothing is being sent."""
        return not self._pending and not self._sending.locked()

    @property
    def is_receiving(self) -> bool:
        """Whether a message has come in part."""
        return self._assembler is not None and self._assembler.in_message

    def established(self, negotiated: Negotiated) -> None:
        """The association stands: messages may go from now on."""
        self._negotiated = negotiated
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
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self._pending:
                return self._last_id

    def respond(self, context_id: int, command: Command) -> None:
        """Send a small message without data set at once; one write. Aborts where the peer makes that impossible."""
        if self._over or self._transport is None or not self._machine.allows(Event.EVT9):
            return  # nobody waits for it: the association has ended, or we have asked for its release
        try:
            for chunk in self.prepare(context_id, command, None):
                self._transport.send_data(chunk, is_store=False)
        except LocalProtocolError as error:
            self._transport.provider_abort(RemoteProtocolError(f"no answer is possible: {error}", peer=self.peer))
            return
        if self.scribe.tracer is not None:
            trace_message(self.scribe, Direction.SENT, context_id, command, -1)

    async def request(
        self,
        context_id: int,
        command: Command,
        message_id: int,
        source: Source | None = None,
        *,
        is_store: bool = False,
        chunks: Iterable[Chunk] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Message:
        """Send a request and wait for its one response.

        :param chunks: the message as :meth:`prepare` made it ahead of time.
        :param meanwhile: called once the request is on its way, while the peer is at work; must not raise.

        Cancelling it ends the association by A-ABORT: a peer in the middle of a message has no other way out.

        :raises OperationTimeout: no response, or the peer stopped to read, within ``timeouts.response_s``.
        :raises AssociationError: the association ended before the response came.
        """
        if self._over:
            raise LocalProtocolError("the association has ended", peer=self.peer)
        future: asyncio.Future[Message] = self._loop.create_future()
        self._pending[message_id] = future
        try:
            await self._send_or_abort(context_id, command, source, is_store, chunks)
            self.transport.set_deadline("response", self.timeouts.response_s)
            if meanwhile is not None:
                meanwhile()
            return await future
        except asyncio.CancelledError:
            self.scribe.cancel("cancelled while a request was under way; the association was aborted")
            self.abort()
            raise
        finally:
            self._pending.pop(message_id, None)
            if not self._pending and self._transport is not None:
                self._transport.set_deadline("response", None)
            if future.done() and not future.cancelled():
                future.exception()

    def prepare(self, context_id: int, command: Command, source: Source | None) -> Iterable[Chunk]:
        """A message cut into PDUs for this peer, lazily; what it reads from ``source`` is read when it is iterated."""
        return fragments(context_id, encode(command), source, self._negotiated_max_length())

    async def _send_or_abort(
        self,
        context_id: int,
        command: Command,
        source: Source | None,
        is_store: bool,
        chunks: Iterable[Chunk] | None,
    ) -> None:
        """A message that cannot be sent to its end leaves no other way out than A-ABORT."""
        try:
            await self._send(context_id, command, source, is_store, chunks)
        except (OSError, DicomNetworkError) as error:
            self.scribe.cancel(f"a message broke off: {error}")
            self.abort()
            raise

    async def _send(
        self,
        context_id: int,
        command: Command,
        source: Source | None,
        is_store: bool,
        chunks: Iterable[Chunk] | None,
    ) -> None:
        transport = self.transport
        if chunks is None:
            chunks = self.prepare(context_id, command, source)
        if self._sending.locked() or source is not None:
            async with self._sending:
                await self._send_chunks(transport, command.message_id, chunks, is_store)
        else:
            for chunk in chunks:
                transport.send_data(chunk, is_store=is_store)
        if self.scribe.tracer is not None:
            trace_message(self.scribe, Direction.SENT, context_id, command, -1 if source is None else source.size)

    async def _send_chunks(
        self, transport: AssociationTransport, message_id: int, chunks: Iterable[Chunk], is_store: bool
    ) -> None:
        """Fragments of one message go without another message between them (PS3.8 annex E.1)."""
        turn = self._loop.time() + SLICE_S
        self._unsent_id = message_id
        try:
            for chunk in chunks:
                if not transport.is_writable:
                    await transport.drain()
                    turn = self._loop.time() + SLICE_S
                elif self._loop.time() > turn:
                    await asyncio.sleep(0)
                    turn = self._loop.time() + SLICE_S
                if self._over or transport.is_closing:
                    return
                transport.send_data(chunk, is_store=is_store)
        finally:
            self._unsent_id = 0
        await transport.drain()

    def _negotiated_max_length(self) -> int:
        return self.negotiated.peer_max_pdu_length

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
        if not message.command.is_response:
            self._receiver.receive(self._contexts[message.context_id], message)
            return
        command = message.command
        future = self._pending.get(command.message_id)
        if future is None or future.done():
            raise self._wrong_response(f"a response to message {command.message_id}, which nobody sent")
        if command.message_id == self._unsent_id and not _says_failure(command):
            raise self._wrong_response(f"{command.name} claims to have what is not sent yet")
        future.set_result(message)

    def _wrong_response(self, text: str) -> RemoteProtocolError:
        return RemoteProtocolError(
            text,
            pdu_type=PduType.P_DATA_TF,
            field="Message ID Being Responded To (0000,0120)",
            abort_reason=6,
            peer=self.peer,
        )

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
        for future in self._pending.values():
            if not future.done():
                future.set_exception(reason)
        self._owner.association_ended(error)


def _says_failure(command: Command) -> bool:
    """Whether a response refuses. That may come before all of the request is sent; a success can not."""
    return isinstance(command, Response) and command.status.is_failure


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

