"""The requests of ours on one association: on their way, waiting for their responses, and waiting for their turn."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence

from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import CCancelRQ, Command, Response
from dicomgui.network.dimse.fragment import BytesSource, Chunk, Source
from dicomgui.network.dimse.memory import MemoryShare
from dicomgui.network.errors import ConnectionLost, DicomNetworkError, LocalProtocolError, OperationTimeout
from dicomgui.network.service.brake import Brake
from dicomgui.network.service.exchange import Exchange, Exchanges, OperationsWindow, SingleExchange, StreamExchange
from dicomgui.network.service.prompt import PromptFuture
from dicomgui.network.service.sender import Sender
from dicomgui.network.tracing import Scribe
from dicomgui.network.transport.clock import clock_of
from dicomgui.network.transport.protocol import AssociationTransport

__all__ = ["Requester"]

TIMER_SLACK_S = 0.01
"""Timers fire a little early."""


class Requester:
    """Sends requests and matches the responses; made when the association is established.

    One timer watches over all responses. It is not taken back when a response comes, since the next request is mostly
    on its way then: when it fires it looks at what is due.

    :ivar next_message_id: gives a Message ID (0000,0110) from 1 to 65,535 that no pending request uses.
    :ivar brake: stops reading from the peer while what it sent is not taken.
    :param window: how many operations of ours may be outstanding; 0 for no limit.
    :param abort: ends the association by A-ABORT.
    :param on_overdue: told that a response is not there after so many seconds.
    :param memory: charged with pending responses that wait until they are taken.
    """

    def __init__(
        self,
        transport: AssociationTransport,
        sender: Sender,
        scribe: Scribe,
        *,
        peer: str,
        window: int,
        abort: Callable[[], None],
        on_overdue: Callable[[float], None],
        memory: MemoryShare | None = None,
    ) -> None:
        self._transport = transport
        self._sender = sender
        self._scribe = scribe
        self._peer = peer
        self._abort = abort
        self._on_overdue = on_overdue
        self._memory = memory
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._loop = asyncio.get_running_loop()
        self._clock = clock_of(self._loop)
        self._window = OperationsWindow(window)
        self._exchanges = Exchanges()
        self.next_message_id = self._exchanges.next_message_id
        self.brake = Brake(transport.hold, transport.unhold, lambda: self._exchanges.are_starving)
        self._is_over = False
        self._error: DicomNetworkError | None = None
        self._is_left_behind = False

    @property
    def is_idle(self) -> bool:
        """Whether no request waits for its response."""
        return not self._exchanges

    @property
    def first_due(self) -> Exchange | None:
        """The request whose response is due first; ``None`` where none is ever due."""
        return self._exchanges.first_due()

    def prepare(self, context_id: int, command: Command, source: Source | None) -> Iterable[Chunk]:
        """A message cut into PDUs for this peer, lazily; what it reads from ``source`` is read when it is iterated."""
        return self._sender.prepare(context_id, command, source)

    # requests

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
        then: Callable[[], None] | None = None,
    ) -> Message:
        """Send a request and wait for its one response, an ``expected``.

        Waits before it sends while as many operations are outstanding as were negotiated (PS3.7 D.3.3.3).

        :param timeout_s: for the response.
        :param chunks: the message as :meth:`prepare` made it ahead of time.
        :param meanwhile: called once the request is on its way, while the peer is at work; must not raise.
        :param then: called as soon as the response has come, before this returns; may :meth:`launch` the next request.

        Cancelling it ends the association by A-ABORT, unless it still waited for its turn: a peer in the middle of a
        message has no other way out.

        :raises OperationTimeout: no turn, no response, or the peer stopped to read, within ``timeout_s``.
        :raises AssociationError: the association ended before the response came.
        """
        if self._is_over or not self._window.try_enter():
            await self._wait_turn(timeout_s)
        future: PromptFuture[Message] = PromptFuture(loop=self._loop)
        exchange = SingleExchange(context_id, command.message_id, expected, timeout_s, future, then)
        try:
            self._exchanges.add(exchange)
            if source is not None or self._sender.is_sending:
                await self._send(exchange, command, source, is_store=is_store, chunks=chunks, meanwhile=meanwhile)
                self._expect(exchange)
            else:
                self._sender.post(context_id, command)
                self._expect(exchange)
                if meanwhile is not None:
                    meanwhile()
            return await future
        except asyncio.CancelledError:
            self._cancelled()
            raise
        finally:
            self._close(exchange)

    @property
    def may_launch(self) -> bool:
        """Whether a request can be sent now, and nothing is in its way."""
        transport = self._transport
        is_free = not self._sender.is_sending and not self._window.is_full
        return not self._is_over and is_free and transport.is_writable and not transport.is_over

    def launch(
        self,
        context_id: int,
        command: Command,
        expected: type[Response],
        chunk: Chunk,
        dataset_length: int,
        *,
        timeout_s: float | None,
    ) -> SingleExchange:
        """Send a C-STORE-RQ that is one piece, where :attr:`may_launch` says so; :meth:`land` must follow.

        :raises LocalProtocolError: it cannot be sent.
        """
        self._window.try_enter()
        future: PromptFuture[Message] = PromptFuture(loop=self._loop)
        exchange = SingleExchange(context_id, command.message_id, expected, timeout_s, future)
        try:
            self._exchanges.add(exchange)
            self._sender.send_at_once(context_id, command, chunk, dataset_length)
        except DicomNetworkError:
            self._close(exchange)
            raise
        self._expect(exchange)
        return exchange

    async def land(
        self, exchange: SingleExchange, *, meanwhile: Callable[[], None] | None, then: Callable[[], None] | None
    ) -> Message:
        """Wait for the response to what was launched, as :meth:`request` does."""
        try:
            exchange.then = then
            if meanwhile is not None:
                meanwhile()
            return await exchange.response
        except asyncio.CancelledError:
            self._cancelled()
            raise
        finally:
            self._close(exchange)

    async def open_stream(
        self, context_id: int, command: Command, expected: type[Response], data: bytes, *, timeout_s: float | None
    ) -> StreamExchange:
        """Send a request that has many responses; they are to be taken from what is returned.

        :param timeout_s: for each response, counted from the one before it.

        :meth:`end_stream` must follow in any case. Cancelling this one ends the association by A-ABORT, unless it
        still waited for its turn.
        """
        if self._is_over or not self._window.try_enter():
            await self._wait_turn(timeout_s)
        exchange = StreamExchange(
            context_id, command.message_id, expected, timeout_s, self._on_full, self._on_relief, self._memory
        )
        try:
            self._exchanges.add(exchange)
            await self._send(exchange, command, BytesSource(data))
            self._expect(exchange)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                self._cancelled()
            self._forget(exchange)
            self._window.leave()
            raise
        return exchange

    def end_stream(self, exchange: StreamExchange) -> None:
        """The responses are taken, or nobody wants them any more; the association is aborted if some are missing."""
        if exchange.is_waiting:
            self._scribe.cancel("an operation was left in its middle; the association was aborted")
            self._abort()
        exchange.drop_queued()
        self._forget(exchange)
        self._window.leave()

    def drop_stream(self, exchange: StreamExchange, within_s: float | None, on_end: Callable[[], None] | None) -> None:
        """Cancel an operation whose responses nobody will take; it keeps its place until the final one has come.

        :param within_s: what the peer has for that; the association is aborted then.
        :param on_end: called when it has come, or will not come.
        """

        def end() -> None:
            if limit is not None:
                limit.cancel()
            exchange.on_end = None
            self.end_stream(exchange)
            if on_end is not None:
                on_end()

        limit = None if within_s is None else self._loop.call_later(within_s, end)
        exchange.discard()
        if exchange.is_waiting and not self._is_over:
            exchange.on_end = end
            self.cancel(exchange, within_s)
        else:
            end()

    def cancel(self, exchange: StreamExchange, within_s: float | None) -> None:
        """Ask the peer by C-CANCEL to end an operation; it has ``within_s`` for each response that still comes."""
        if self._transport.is_over:
            return
        self._sender.post(exchange.context_id, CCancelRQ(exchange.message_id))
        exchange.timeout_s = within_s
        exchange.wait_from(self._loop.time())
        self._watch(exchange)

    # what comes

    def receive(self, message: Message, command: Response) -> None:
        """Hand a response to whom it is for.

        :raises RemoteProtocolError: nobody waits for such a response.
        """
        exchange = self._exchanges.find(message, command, self._sender.unsent_id)
        if isinstance(exchange, SingleExchange):
            if exchange.then is not None:
                self._close(exchange)  # the next one takes its place
                exchange.then()
            exchange.deliver(message, is_final=True)
            return
        is_pending = command.status.is_pending
        exchange.due = None
        if is_pending:
            exchange.wait_from(self._loop.time())
        exchange.deliver(message, is_final=not is_pending)
        self._watch(exchange)

    def receive_run(self, messages: Sequence[Message]) -> None:
        """Hand pending responses of one request to whom they are for.

        :raises RemoteProtocolError: nobody waits for such responses.
        """
        command = messages[0].command
        assert isinstance(command, Response)
        exchange = self._exchanges.find(messages[0], command, self._sender.unsent_id)
        assert isinstance(exchange, StreamExchange)  # no other takes a pending one
        exchange.wait_from(self._clock())
        exchange.deliver_run(messages)
        self._watch(exchange)

    def end(self, error: DicomNetworkError | None) -> None:
        """The association is over, ``None`` after its release: no response will come, and nothing can be asked."""
        self._is_over = True
        self._error = error
        self._stop_timer()
        if self._exchanges:
            self._exchanges.fail_all(self._why_over())
        self._window.open()
        self.brake.lift()

    def left_behind(self, error: DicomNetworkError) -> None:
        """This is the child of a fork: whoever asks for something, or goes on with an operation, gets ``error``."""
        self._is_over = self._is_left_behind = True
        self._error = error
        for exchange in self._exchanges.values():
            exchange.left_behind(error)

    # inner workings

    async def _wait_turn(self, timeout_s: float | None) -> None:
        if self._is_left_behind:
            raise self._why_over()
        if self._is_over:
            raise LocalProtocolError("the association has ended", peer=self._peer) from self._why_over()
        try:
            await self._window.enter(timeout_s)
        except TimeoutError:
            raise OperationTimeout(
                f"another operation on this association did not end within {timeout_s:g} s; nothing was sent",
                peer=self._peer,
                phase="response",
                hint="Take its results to the end, cancel it, or use another association.",
            ) from None
        if self._is_over:
            raise self._why_over()

    def _why_over(self) -> DicomNetworkError:
        if self._error is None:
            self._error = ConnectionLost("the association was released", peer=self._peer, phase="transfer")
        return self._error

    async def _send(
        self,
        exchange: Exchange,
        command: Command,
        source: Source | None,
        *,
        is_store: bool = False,
        chunks: Iterable[Chunk] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """Send a request; one that is begun and cannot be sent to its end leaves no other way out than A-ABORT."""
        try:
            await self._sender.send(
                exchange.context_id, command, source, is_store=is_store, chunks=chunks, meanwhile=meanwhile
            )
        except (OSError, DicomNetworkError) as error:
            if self._sender.is_broken:
                self._scribe.cancel(f"a message broke off: {error}")
                self._abort()
            raise

    def _expect(self, exchange: Exchange) -> None:
        """The request is sent: the peer's time runs, unless it has answered already."""
        if self.brake.is_pressed:
            self.brake.balance()  # it may be starving now
        if exchange.due is None and exchange.is_waiting:
            exchange.wait_from(self._clock())
            self._watch(exchange)

    def _watch(self, exchange: Exchange) -> None:
        """Have the timer fire when the response is due, if it does not fire before anyway."""
        due = exchange.due
        if due is not None and due < self._timer_at and not self._is_over:
            self._stop_timer()
            self._timer_at = due
            self._timer = self._loop.call_at(due, self._on_timer)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._timer_at = math.inf

    def _on_timer(self) -> None:
        self._timer = None
        self._timer_at = math.inf
        first = self._exchanges.first_due()
        if first is None or first.due is None or first.timeout_s is None:
            return
        if first.due > self._loop.time() + TIMER_SLACK_S:
            self._watch(first)
            return
        self._scribe.timer("response", first.timeout_s)
        self._on_overdue(first.timeout_s)

    def _cancelled(self) -> None:
        self._scribe.cancel("cancelled while a request was under way; the association was aborted")
        self._abort()

    def _forget(self, exchange: Exchange) -> None:
        if self._exchanges.forget(exchange) and self.brake.is_pressed:
            self.brake.balance()

    def _close(self, exchange: SingleExchange) -> None:
        """A request has its response, or waits for none: give its place back."""
        if not exchange.is_closed:
            exchange.is_closed = True
            self._exchanges.forget(exchange)
            if self.brake.is_pressed:
                self.brake.balance()
            self._window.leave()

    def _on_full(self, exchange: StreamExchange, is_hard: bool) -> None:
        self.brake.press(exchange, is_hard=is_hard)

    def _on_relief(self, exchange: StreamExchange) -> None:
        self.brake.release(exchange)
        if exchange.is_waiting:  # its time stood still
            exchange.wait_from(self._loop.time())
            self._watch(exchange)
