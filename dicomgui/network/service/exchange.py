"""Requests of ours that wait for their responses, and how many of them there may be at once (PS3.7 7.5, D.3.3.3)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import Response
from dicomgui.network.errors import DicomNetworkError, LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu import PduType

__all__ = ["Exchange", "Exchanges", "OperationsWindow", "SingleExchange", "StreamExchange"]

MAX_QUEUED_RESPONSES = 256
MAX_QUEUED_BYTES = 4 * 2**20
"""Above these the peer is not read any further until the responses are taken."""


class Exchange:
    """One request of ours.

    :ivar context_id: presentation context of the request.
    :ivar message_id: its Message ID (0000,0110).
    :ivar expected: the class of its responses.
    :ivar timeout_s: how long to wait for the next response; ``None`` for ever.
    :ivar due: when that time is over, as the loop counts; ``None`` while nothing is waited for.
    """

    __slots__ = ("context_id", "due", "expected", "message_id", "timeout_s")

    takes_pending = False
    """Whether there may be responses before the final one."""

    def __init__(self, context_id: int, message_id: int, expected: type[Response], timeout_s: float | None) -> None:
        self.context_id = context_id
        self.message_id = message_id
        self.expected = expected
        self.timeout_s = timeout_s
        self.due: float | None = None

    def wait_from(self, now: float) -> None:
        """The peer's time for its next response begins."""
        self.due = None if self.timeout_s is None else now + self.timeout_s

    @property
    def is_waiting(self) -> bool:
        """Whether more responses are expected."""
        raise NotImplementedError

    def deliver(self, message: Message, *, is_final: bool) -> None:
        """A response has come."""
        raise NotImplementedError

    def fail(self, error: DicomNetworkError) -> None:
        """No response will come any more."""
        raise NotImplementedError


class SingleExchange(Exchange):
    """A request that has one response.

    :ivar response: done when that has come, or the association has ended.
    """

    __slots__ = ("response",)

    def __init__(
        self,
        context_id: int,
        message_id: int,
        expected: type[Response],
        timeout_s: float | None,
        response: asyncio.Future[Message],
    ) -> None:
        super().__init__(context_id, message_id, expected, timeout_s)
        self.response = response

    @property
    def is_waiting(self) -> bool:
        """Whether the response is expected."""
        return not self.response.done()

    def deliver(self, message: Message, *, is_final: bool) -> None:
        """The response has come."""
        self.response.set_result(message)

    def fail(self, error: DicomNetworkError) -> None:
        """The response will not come."""
        if not self.response.done():
            self.response.set_exception(error)
            self.response.exception()  # known to be taken note of: the one who asked may have been cancelled


class StreamExchange(Exchange):
    """A request that has any number of pending responses before its final one (C-FIND, C-MOVE, C-GET).

    Bounded: when the responses are not taken, the peer is not read any further.

    :param hold: stops reading from the peer.
    :param unhold: takes that back.
    """

    __slots__ = ("_bytes", "_ended", "_error", "_hold", "_holding", "_queue", "_unhold", "_waiter")

    takes_pending = True

    def __init__(
        self,
        context_id: int,
        message_id: int,
        expected: type[Response],
        timeout_s: float | None,
        hold: Callable[[], None],
        unhold: Callable[[], None],
    ) -> None:
        super().__init__(context_id, message_id, expected, timeout_s)
        self._queue: deque[Message] = deque()
        self._bytes = 0
        self._hold = hold
        self._unhold = unhold
        self._holding = False
        self._ended = False
        self._error: DicomNetworkError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether more responses are expected."""
        return not self._ended

    @property
    def is_holding(self) -> bool:
        """Whether the peer is not read because its responses are not taken."""
        return self._holding

    def deliver(self, message: Message, *, is_final: bool) -> None:
        """A response has come."""
        self._ended = is_final
        self._queue.append(message)
        self._bytes += max(message.dataset_length, 0)
        full = len(self._queue) >= MAX_QUEUED_RESPONSES or self._bytes > MAX_QUEUED_BYTES
        if full and not self._holding and not is_final:
            self._holding = True
            self.due = None  # it is us who are slow
            self._hold()
        self._wake()

    def fail(self, error: DicomNetworkError) -> None:
        """No response will come any more; those that have come can still be taken."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._wake()

    async def next(self) -> Message:
        """The next response; safe to cancel.

        :raises DicomNetworkError: the association ended before it came.
        """
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._waiter is None:
                self._waiter = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiter)
        message = self._queue.popleft()
        self._bytes -= max(message.dataset_length, 0)
        if self._holding and not self._queue:
            self._holding = False
            self.wait_from(asyncio.get_running_loop().time())
            self._unhold()
        return message

    def drop_queued(self) -> None:
        """Forget what has come and was not taken, but for the final response."""
        while self._queue and not (self._ended and len(self._queue) == 1 and self._error is None):
            self._queue.popleft()
        self._bytes = sum(max(message.dataset_length, 0) for message in self._queue)
        if self._holding:
            self._holding = False
            self._unhold()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class OperationsWindow:
    """How many operations of ours may be outstanding; whoever wants one more waits in line.

    :param size: 0 for no limit.
    """

    __slots__ = ("_free", "_is_limited", "_waiting")

    def __init__(self, size: int) -> None:
        self._is_limited = size > 0
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Take a place; safe to cancel."""
        if not self._is_limited:
            return
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # the place was given to us in the same moment
            else:
                self._waiting.remove(turn)
            raise

    def leave(self) -> None:
        """Give a place back."""
        if not self._is_limited:
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def open(self) -> None:
        """The association is over: let everybody in, to learn of it."""
        self._is_limited = False
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)


class Exchanges:
    """The requests of ours that one association is at, by their Message IDs."""

    __slots__ = ("_last_id", "_pending")

    def __init__(self) -> None:
        self._pending: dict[int, Exchange] = {}
        self._last_id = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pending)

    def next_message_id(self) -> int:
        """A Message ID (0000,0110) from 1 to 65,535 that no pending request uses."""
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self._pending:
                return self._last_id

    def add(self, exchange: Exchange) -> None:
        """Take note of a request that is about to be sent.

        :raises LocalProtocolError: its Message ID is in use.
        """
        if exchange.message_id in self._pending:
            raise LocalProtocolError(f"message ID {exchange.message_id} is in use")
        self._pending[exchange.message_id] = exchange

    def forget(self, exchange: Exchange) -> bool:
        """Take no more responses for a request; whether that is news."""
        known = self._pending.get(exchange.message_id) is exchange
        if known:
            del self._pending[exchange.message_id]
        return known

    def first_due(self) -> Exchange | None:
        """The one whose response is due first; ``None`` where none is ever due."""
        first: Exchange | None = None
        for exchange in self._pending.values():
            if exchange.due is not None and (first is None or first.due is None or exchange.due < first.due):
                first = exchange
        return first

    def receive(self, message: Message, command: Response, unsent_id: int, now: float) -> Exchange:
        """Hand a response to whom it is for.

        :param unsent_id: Message ID of a request whose last fragment is not sent yet.
        :returns: the request that it answers.
        :raises RemoteProtocolError: nobody waits for such a response.
        """
        exchange = self._pending.get(command.message_id)
        if exchange is None or not exchange.is_waiting:
            raise _wrong(f"a response to message {command.message_id}, which nobody sent")
        status = command.status
        if command.message_id == unsent_id and not status.is_failure:
            raise _wrong(f"{command.name} claims to have what is not sent yet")
        if type(command) is not exchange.expected or (status.is_pending and not exchange.takes_pending):
            what = "a pending status" if type(command) is exchange.expected else command.name
            expected = exchange.expected.command_field.text
            raise _wrong(f"{what} where {expected} was expected", "Command Field (0000,0100)")
        if message.dataset_length >= 0 and message.sink_result is None:
            raise _wrong(f"the data set of {command.name} is too large to be kept", "Data set")
        exchange.due = None
        if status.is_pending:
            exchange.wait_from(now)
        exchange.deliver(message, is_final=not status.is_pending)
        return exchange

    def fail_all(self, error: DicomNetworkError) -> None:
        """The association is over: no response will come."""
        for exchange in tuple(self._pending.values()):
            exchange.fail(error)


def _wrong(text: str, field: str = "Message ID Being Responded To (0000,0120)") -> RemoteProtocolError:
    return RemoteProtocolError(text, pdu_type=PduType.P_DATA_TF, field=field, abort_reason=6)
