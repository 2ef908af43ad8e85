"""Answering C-FIND: what a handler gives, as a stream of responses that a C-CANCEL can end at any time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import aclosing
from typing import Any, TypeAlias, TypeVar

from dicomgui.network.dimse.commands import CFindRSP, Response
from dicomgui.network.dimse.dataset import encode_dataset, is_dataset
from dicomgui.network.service.handlers import FindHandler, Reply
from dicomgui.network.service.requests import FindRequest, OperationRequest
from dicomgui.network.service.results import Match, Matches
from dicomgui.network.status import Status

__all__ = [
    "CANCELLED",
    "PENDING",
    "SUCCESS",
    "Pressure",
    "Respond",
    "RespondAll",
    "close_unawaited",
    "iterate",
    "perform_find",
]

SUCCESS = Status(0x0000)
CANCELLED = Status(0xFE00)
PENDING = Status(0xFF00)

SLICE_S = 0.004
"""A generator that never has to wait still lets the loop turn after this long."""

Respond: TypeAlias = Callable[[Response, bytes | None], Awaitable[None]]
"""Sends one response of the request at hand, and waits until the peer has taken most of it."""

RespondAll: TypeAlias = Callable[[Response, Sequence[bytes], Callable[[], bool]], Awaitable[None]]
"""Sends the same response with one data set after the other, as long as the function says that they are wanted."""

_T = TypeVar("_T")


def close_unawaited(task: asyncio.Task[Any], awaitable: object) -> None:
    """Where ``task`` is cancelled before its first step, a coroutine that it was to await is closed, without a word."""
    if isinstance(awaitable, Coroutine):
        task.add_done_callback(lambda _: awaitable.close())


class Pressure:
    """Ends what a handler waits for when its request was cancelled and it takes no notice.

    :param is_wanted: whether the association is there, so that a cancel can only come from :meth:`press`.
    """

    def __init__(self, is_wanted: Callable[[], bool]) -> None:
        self._is_wanted = is_wanted
        self._task: asyncio.Task[Any] | None = None
        self._has_cancelled = False

    @property
    def is_wanted(self) -> bool:
        """Whether there is still somebody to answer."""
        return self._is_wanted()

    async def run(self, awaitable: Awaitable[_T]) -> _T | None:
        """Await what a handler does; ``None`` when it was pressed to end."""
        self._task = task = asyncio.current_task()
        assert task is not None
        cancels = task.cancelling()
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self._has_cancelled and self.is_wanted and task.cancelling() == cancels + 1:
                return None
            raise
        finally:
            self._task = None
            if self._has_cancelled:  # whether it took notice or not
                self._has_cancelled = False
                task.uncancel()

    def press(self) -> None:
        """Cancel what the handler waits for."""
        if self._task is not None and not self._has_cancelled:
            self._has_cancelled = True
            self._task.cancel()


async def iterate(source: Iterable[_T] | AsyncIterable[_T]) -> AsyncGenerator[_T, None]:
    """The items of a plain or an asynchronous iterable; a generator is closed when this is.

    A plain one that never waits lets the loop turn.
    """
    try:
        if isinstance(source, AsyncIterable):
            async for item in source:
                yield item
            return
        loop = asyncio.get_running_loop()
        turn = loop.time() + SLICE_S
        for item in source:
            yield item
            if loop.time() > turn:
                await asyncio.sleep(0)
                turn = loop.time() + SLICE_S
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()
        elif isinstance(source, Generator):
            source.close()


async def perform_find(
    request: FindRequest, handler: FindHandler, respond: Respond, respond_all: RespondAll, pressure: Pressure
) -> Status | Reply:
    """Answer a C-FIND with what its handler gives; returns the final reply (PS3.7 9.1.2)."""
    answer: Any = handler(request)
    if isinstance(answer, Awaitable):
        answer = await pressure.run(answer)
        if answer is None and request.is_cancelled:
            return CANCELLED
    if isinstance(answer, Status | Reply):
        return answer
    if isinstance(answer, bytes | Match | Matches) or is_dataset(answer):
        answer = (answer,)

    def is_wanted() -> bool:
        return pressure.is_wanted and not request.is_cancelled

    async with aclosing(iterate(answer)) as items:
        while is_wanted():
            item = await pressure.run(anext(items, _END))
            if item is _END:
                return CANCELLED if request.is_cancelled else SUCCESS
            if isinstance(item, Status | Reply):
                return item
            if isinstance(item, Matches):
                await respond_all(_pending_response(request, item.status), item.data, is_wanted)
            elif item is not None and not request.is_cancelled:
                await respond(*_pending(request, item))
    return CANCELLED


_END: Any = object()


def _pending(request: OperationRequest[Any], item: Any) -> tuple[Response, bytes]:
    match = item if isinstance(item, Match) else Match(item)
    content = match.dataset_or_bytes
    data = content if isinstance(content, bytes) else encode_dataset(content, request.context.transfer_syntax)
    return _pending_response(request, match.status), data


def _pending_response(request: OperationRequest[Any], status: Status) -> Response:
    command = request.command
    return CFindRSP(command.message_id, status, command.sop_class_uid, has_dataset=True)
