"""Requests with many responses as objects that are iterated: C-FIND, C-MOVE and C-GET under way."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Generator, Sequence
from types import TracebackType
from typing import Generic, TypeVar

from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import Response as ResponseCommand
from dicomgui.network.errors import DicomNetworkError, LocalProtocolError, OperationTimeout
from dicomgui.network.service.connection import Connection
from dicomgui.network.service.exchange import StreamExchange
from dicomgui.network.service.results import Response, response_of
from dicomgui.network.transport import fork_count

__all__ = ["Operation"]

_T = TypeVar("_T")


class Operation(Generic[_T]):
    """A C-FIND, C-MOVE or C-GET. Nothing is sent before it is entered, iterated or awaited.

    ::

        async with assoc.find(identifier) as op:
            async for match in op:      # leaving early cancels
                ...
        response = await op.result()

        response = await assoc.move(identifier, destination="ME")   # without looking at the progress

        async with assoc.find(identifier) as op:
            while batch := await op.batch():    # many matches in much less time
                ...

    Leaving the block early sends a C-CANCEL and waits for the final response, up to ``Timeouts.cancel_s``; the
    association can be used afterwards. A second cancelling of the task meanwhile aborts the association at once.

    Iterated without ``async with``, it should be iterated to its end or cancelled by :meth:`cancel`. One that is
    dropped in its middle warns (ResourceWarning) and is cancelled; until its final response has come it keeps its place
    on the association. For one task, but for :meth:`cancel`, which any task may call: the iteration then ends as if
    there were no more.

    Errors of sending and of waiting are raised where that is done: OperationTimeout, AssociationError,
    NoAcceptedContext, LocalProtocolError.
    """

    def __init__(
        self,
        connection: Connection,
        start: Callable[[], Awaitable[tuple[StreamExchange, str]]],
        convert: Callable[[Message, str], _T],
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._connection = connection
        self._start = start
        self._convert = convert
        self._on_end = on_end
        self._begun: asyncio.Future[None] | None = None
        self._exchange: StreamExchange | None = None
        self._transfer_syntax = ""
        self._response: Response | None = None
        self._error: DicomNetworkError | None = None
        self._has_ended = False
        self._forks = fork_count()
        self._is_entered = False
        self._is_cancelled = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def __del__(self) -> None:
        exchange, loop = self._exchange, self._loop
        if exchange is None or loop is None or loop.is_closed() or self._forks != fork_count():
            return
        what = exchange.expected.__name__.removesuffix("RSP")
        warnings.warn(
            f"an operation of {what} with {self._connection.peer} was dropped before its end",
            ResourceWarning,
            stacklevel=2,
        )
        loop.call_soon_threadsafe(
            self._connection.requests.drop_stream, exchange, self._connection.timeouts.cancel_s, self._on_end
        )

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer has been sent a C-CANCEL."""
        return self._is_cancelled

    async def result(self) -> Response:
        """The final response; what is left of the iteration is passed over.

        Where this is cancelled, so is the operation, as by leaving its ``async with`` block.
        """
        if self._is_entered or self._has_ended:
            await self._pass_over()
        else:
            async with self:
                await self._pass_over()
        return self._final()

    async def _pass_over(self) -> None:
        async for _ in self:
            pass

    def _final(self) -> Response:
        if self._response is not None:
            return self._response
        if self._error is not None:
            raise self._error
        raise LocalProtocolError("the operation has ended without a final response", peer=self._connection.peer)

    async def each(self, callback: Callable[[_T], bool | Awaitable[bool | None] | None]) -> Response:
        """Call ``callback`` with each match or progress; when it returns ``False``, the operation is cancelled.

        :param callback: a plain or a coroutine function. What it raises cancels the operation and is raised here.
        :returns: the final response.
        """
        async with self:
            async for item in self:
                verdict = callback(item)
                if isinstance(verdict, Awaitable):
                    verdict = await verdict
                if verdict is False:
                    return await self.cancel()
        return self._final()

    async def cancel(self, *, within_s: float | None = None) -> Response:
        """Send a C-CANCEL and wait for the final response; what comes before that is passed over.

        Does no more than return the response when that has come already. Where the operation still waits for its turn
        on the association, this waits for that first.

        :param within_s: what the peer has for its final response; ``Timeouts.cancel_s`` of the association by default.
        :returns: with status FE00, or with that of an operation that was done before the peer knew.
        :raises OperationTimeout: no final response within that time; the association was aborted.
        :raises AssociationError: the association ended before it.
        :raises LocalProtocolError: the operation was never begun, and cannot be any more.
        """
        if self._begun is None:
            self._has_ended = True
        elif not self._has_ended:
            try:
                await asyncio.shield(self._begun)
                await self._end_by_cancel(self._connection.timeouts.cancel_s if within_s is None else within_s)
            except DicomNetworkError as error:
                self._fail(error)
                raise
            except BaseException:
                self._end()
                raise
        return self._final()

    async def _end_by_cancel(self, within_s: float | None) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        if exchange.is_waiting and not self._is_cancelled:
            self._is_cancelled = True
            self._connection.requests.cancel(exchange, within_s)
        exchange.discard()
        try:
            async with asyncio.timeout(within_s) as patience:
                await self._take(exchange)
        except TimeoutError as error:
            if isinstance(error, OperationTimeout) or not patience.expired():
                raise
            if not exchange.is_waiting:  # the end came in the same moment, and the association stands
                await self._take(exchange)
                return
            raise OperationTimeout(
                f"no end of the operation within {within_s:g} s of its cancelling; the association was aborted",
                peer=self._connection.peer,
                phase="response",
            ) from None

    async def __aenter__(self) -> Operation[_T]:
        self._is_entered = True
        await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if not self._has_ended:
                await self.cancel()
        except DicomNetworkError as fault:
            self._connection.scribe.cancel(f"left in the middle of an operation: {fault}")
        finally:
            self._end()

    def __aiter__(self) -> Operation[_T]:
        return self

    async def __anext__(self) -> _T:
        messages = await self._next(1)
        if not messages:
            raise StopAsyncIteration
        return self._convert(messages[0], self._transfer_syntax)

    async def batch(self) -> list[_T]:
        """All that has come and was not taken, or else what comes next; empty where the iteration would end.

        May take the place of any step of the iteration, and raises what that does.
        """
        messages = await self._next(None)
        return [self._convert(message, self._transfer_syntax) for message in messages]

    async def _next(self, most: int | None) -> Sequence[Message]:
        """The pending responses that are next; none when there are no more."""
        if self._has_ended:
            return ()
        try:
            exchange = await self._begin()
            messages = () if exchange is None else await self._take(exchange, most)
            while messages and exchange is not None and self._is_cancelled:  # by another task
                messages = await self._take(exchange, most)
        except asyncio.CancelledError:
            if not self._is_entered:  # nobody else will clean up
                self._end()
            raise
        except DicomNetworkError as error:
            self._fail(error)
            raise
        except BaseException:
            self._end()
            raise
        return messages

    def __await__(self) -> Generator[object, None, Response]:
        return self.result().__await__()

    async def _begin(self) -> StreamExchange | None:
        if self._begun is None:
            self._loop = asyncio.get_running_loop()
            self._begun = self._loop.create_future()
            try:
                self._exchange, self._transfer_syntax = await self._start()
            except BaseException as error:
                self._has_ended = True
                self._error = error if isinstance(error, DicomNetworkError) else None
                raise
            finally:
                self._begun.set_result(None)
        return self._exchange

    async def _take(self, exchange: StreamExchange, most: int | None = None) -> Sequence[Message]:
        """The next pending responses; none when the final one was taken, here or in another task."""
        messages = await exchange.next(most)
        if not messages:
            return messages
        command = messages[-1].command
        assert isinstance(command, ResponseCommand)
        if not command.status.is_pending:
            self._response = response_of(messages.pop(), self._transfer_syntax)
            self._end()
        return messages

    def _fail(self, error: DicomNetworkError) -> None:
        self._error = self._error or error
        self._end()

    def _end(self) -> None:
        """No more is to be taken; aborts the association if the peer has not answered finally."""
        self._has_ended = True
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self._connection.requests.end_stream(exchange)
            if self._on_end is not None:
                self._on_end()
