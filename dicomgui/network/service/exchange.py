"""Requests of ours that wait for their responses, and how many of them there may be at once (PS3.7 7.5, D.3.3.3)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import Response
from dicomgui.network.dimse.memory import MemoryShare
from dicomgui.network.errors import DicomNetworkError, LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu import PduType
from dicomgui.network.service.prompt import PromptFuture

__all__ = ["Exchange", "Exchanges", "OperationsWindow", "SingleExchange", "StreamExchange"]

MAX_QUEUED_RESPONSES = 256
MAX_QUEUED_BYTES = 4 * 2**20
"""At these the peer is not read any further until the responses are taken."""

HARD_FACTOR = 64
"""So many times as many are kept where another request of ours waits for its response meanwhile."""

HARD_BYTES = 32 * 2**20
"""But no more than these."""

MESSAGE_BYTES = 500
"""Memory of a response beside its data set, about."""

MAX_MESSAGE_ID = 65_535


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

    is_full = False
    """Whether so many responses were not taken that no more are wanted."""

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

    def left_behind(self, error: DicomNetworkError) -> None:
        """This is the child of a fork, where no response will come; who waits for one is in the parent."""


class SingleExchange(Exchange):
    """A request that has one response.

    :ivar response: done when that has come, or the association has ended.
    :ivar then: called when the response has come, before who waits for it goes on.
    :ivar is_closed: whether its place among the operations is given back.
    """

    __slots__ = ("is_closed", "response", "then")

    def __init__(
        self,
        context_id: int,
        message_id: int,
        expected: type[Response],
        timeout_s: float | None,
        response: PromptFuture[Message],
        then: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(context_id, message_id, expected, timeout_s)
        self.response = response
        self.then = then
        self.is_closed = False

    @property
    def is_waiting(self) -> bool:
        """Whether the response is expected."""
        return not self.response.done()

    def deliver(self, message: Message, *, is_final: bool) -> None:
        """The response has come; who waits for it goes on before this returns."""
        self.due = None
        self.response.deliver(message)

    def fail(self, error: DicomNetworkError) -> None:
        """The response will not come."""
        if not self.response.done():
            self.response.set_exception(error)
            self.response.exception()  # known to be taken note of: the one who asked may have been cancelled


class StreamExchange(Exchange):
    """A request that has any number of pending responses before its final one (C-FIND, C-MOVE, C-GET).

    :ivar is_full: see :class:`Exchange`.
    :ivar on_end: called when the final response has come, or will not come.
    :param on_full: told when there are too many responses, and again, with ``True``, when there are far too many.
    :param on_relief: told when they were taken, or no more will come.
    :param memory: charged with responses that wait; where it has no room the peer is not read any further.
    """

    __slots__ = (
        "_bytes", "_charged", "_ended", "_error", "_is_discarding", "_memory", "_on_full", "_on_relief", "_queue",
        "_waiter", "is_full", "on_end",
    )  # fmt: skip

    takes_pending = True

    def __init__(
        self,
        context_id: int,
        message_id: int,
        expected: type[Response],
        timeout_s: float | None,
        on_full: Callable[[StreamExchange, bool], None],
        on_relief: Callable[[StreamExchange], None],
        memory: MemoryShare | None = None,
    ) -> None:
        super().__init__(context_id, message_id, expected, timeout_s)
        self.is_full = False
        self._queue: deque[Message] = deque()
        self._bytes = 0
        self._charged = 0
        self._memory = memory
        self._on_full = on_full
        self._on_relief = on_relief
        self._ended = False
        self._is_discarding = False
        self._error: DicomNetworkError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.on_end: Callable[[], None] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether more responses are expected."""
        return not self._ended

    def deliver(self, message: Message, *, is_final: bool) -> None:
        """A response has come."""
        if not is_final:
            self.deliver_run((message,))
            return
        self._ended = True
        self._queue.append(message)
        self._bytes += _bytes_of(message)
        self._relieve()
        self._wake()
        if self.on_end is not None:
            self.on_end()

    def deliver_run(self, messages: Sequence[Message]) -> None:
        """Pending responses have come."""
        if self._is_discarding:
            return
        self._queue.extend(messages)
        self._bytes += sum(map(_bytes_of, messages))
        has_room = self._charge()
        if not has_room or self._holds(1):
            self.is_full = True
            self.due = None  # it is us who are slow
            self._on_full(self, not has_room or self._bytes >= HARD_BYTES or self._holds(HARD_FACTOR))
        self._wake()

    def fail(self, error: DicomNetworkError) -> None:
        """No response will come any more; those that have come can still be taken."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._relieve()
            self._wake()
            if self.on_end is not None:
                self.on_end()

    def left_behind(self, error: DicomNetworkError) -> None:
        """This is the child of a fork: whoever takes what comes next gets ``error``."""
        if not self._ended:
            self._ended, self._error, self.is_full = True, error, False
            self._queue.clear()

    async def next(self, most: int | None = 1) -> list[Message]:
        """The next responses, as many as have come, one at least; none when all were taken.

        Safe to cancel, and for several tasks.

        :param most: not more than these; ``None`` for all.
        :raises DicomNetworkError: the association ended before it came.
        """
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._ended:
                return []
            if self._waiter is None:
                self._waiter = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiter)
        queue = self._queue
        if most is None or most >= len(queue):
            messages = list(queue)
            queue.clear()
            self._bytes = 0
        else:
            messages = [queue.popleft() for _ in range(most)]
            self._bytes -= sum(map(_bytes_of, messages))
        self._charge()
        if not self._holds(0.5):
            self._relieve()
        return messages

    def discard(self) -> None:
        """From now on only the final response is of interest: nobody is woken for what comes before it."""
        self._is_discarding = True
        self.drop_queued()

    def drop_queued(self) -> None:
        """Forget what has come and was not taken, but for the final response."""
        final = self._queue[-1] if self._queue and self._ended and self._error is None else None
        self._queue.clear()
        self._bytes = 0
        if final is not None:
            self._queue.append(final)
            self._bytes = _bytes_of(final)
        self._charge()
        self._relieve()

    def _holds(self, share: float) -> bool:
        """Whether this share of what may be kept is kept."""
        return len(self._queue) >= MAX_QUEUED_RESPONSES * share or self._bytes >= MAX_QUEUED_BYTES * share

    def _charge(self) -> bool:
        """Have the budget charged with what waits now; returns whether it has room for it."""
        memory, count = self._memory, len(self._queue)
        if memory is None:
            return True
        is_only_final = self._ended and count <= 1
        more = (0 if is_only_final else self._bytes + MESSAGE_BYTES * count) - self._charged
        if more > 0 and not memory.take(more):
            return False
        if more < 0:
            memory.give_back(-more)
        self._charged += more
        return True

    def _relieve(self) -> None:
        if self.is_full:
            self.is_full = False
            self._on_relief(self)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _bytes_of(message: Message) -> int:
    return max(message.dataset_length, 0)


def _give_up(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())


class OperationsWindow:
    """How many operations of ours may be outstanding; whoever wants one more waits in line.

    :ivar is_full: whether who wants a place has to wait.
    :param size: 0 for no limit.
    """

    __slots__ = ("_free", "_is_limited", "_waiting", "is_full")

    def __init__(self, size: int) -> None:
        self._is_limited = size > 0
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()  # empty while there is a free place
        self.is_full = False

    def try_enter(self) -> bool:
        """Take a place if that needs no waiting; whether it was taken."""
        if self.is_full:
            return False
        if self._is_limited:
            self._free -= 1
            self.is_full = not self._free
        return True

    async def enter(self, timeout_s: float | None = None) -> None:
        """Take a place; safe to cancel. Raises TimeoutError where there is none within ``timeout_s``."""
        if self.try_enter():
            return
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        timer = None if timeout_s is None else loop.call_later(timeout_s, _give_up, turn)
        try:
            await turn
        except TimeoutError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            raise
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # the place was given to us in the same moment
            elif turn in self._waiting:  # else it was passed over in the same moment
                self._waiting.remove(turn)
            raise
        finally:
            if timer is not None:
                timer.cancel()

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
        self.is_full = False

    def open(self) -> None:
        """The association is over: let everybody in, to learn of it."""
        self._is_limited = self.is_full = False
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)


class Exchanges(dict[int, Exchange]):
    """The requests of ours that one association is at, by their Message IDs."""

    __slots__ = ("_last_id",)

    def __init__(self) -> None:
        super().__init__()
        self._last_id = 0

    def next_message_id(self) -> int:
        """A Message ID (0000,0110) from 1 to 65,535 that no pending request uses.

        :raises LocalProtocolError: all are in use.
        """
        if len(self) >= MAX_MESSAGE_ID:
            raise LocalProtocolError(f"{len(self)} requests are outstanding: no message ID is left")
        while True:
            self._last_id = self._last_id % MAX_MESSAGE_ID + 1
            if self._last_id not in self:
                return self._last_id

    def add(self, exchange: Exchange) -> None:
        """Take note of a request that is about to be sent.

        :raises LocalProtocolError: its Message ID is in use.
        """
        if exchange.message_id in self:
            raise LocalProtocolError(f"message ID {exchange.message_id} is in use")
        self[exchange.message_id] = exchange

    def forget(self, exchange: Exchange) -> bool:
        """Take no more responses for a request; whether that is news."""
        known = self.get(exchange.message_id) is exchange
        if known:
            del self[exchange.message_id]
        return known

    @property
    def are_starving(self) -> bool:
        """Whether one waits for responses, and has room for them."""
        return any(exchange.is_waiting and not exchange.is_full for exchange in self.values())

    def first_due(self) -> Exchange | None:
        """The one whose response is due first; ``None`` where none is ever due."""
        first: Exchange | None = None
        for exchange in self.values():
            if exchange.due is not None and (first is None or first.due is None or exchange.due < first.due):
                first = exchange
        return first

    def find(self, message: Message, command: Response, unsent_id: int) -> Exchange:
        """Whom a response is for.

        :param unsent_id: Message ID of a request whose last fragment is not sent yet.
        :raises RemoteProtocolError: nobody waits for such a response.
        """
        exchange = self.get(command.message_id)
        if exchange is None or not exchange.is_waiting:
            raise _wrong(f"a response to message {command.message_id}, which nobody sent")
        if command.message_id == unsent_id and not command.status.is_failure:
            raise _wrong(f"{command.name} claims to have what is not sent yet")
        if type(command) is not exchange.expected:
            expected = exchange.expected.command_field.text
            raise _wrong(f"{command.name} where {expected} was expected", "Command Field (0000,0100)")
        if not exchange.takes_pending and command.status.is_pending:
            raise _wrong(f"a pending status in {command.name}, which has one response only", "Status (0000,0900)")
        if message.sink_result is None and message.dataset_length >= 0:
            raise _wrong(f"the data set of {command.name} is too large to be kept", "Data set")
        return exchange

    def fail_all(self, error: DicomNetworkError) -> None:
        """The association is over: no response will come."""
        for exchange in tuple(self.values()):
            exchange.fail(error)


def _wrong(text: str, field: str = "Message ID Being Responded To (0000,0120)") -> RemoteProtocolError:
    return RemoteProtocolError(text, pdu_type=PduType.P_DATA_TF, field=field, abort_reason=6)
