"""The sink of a C-STORE together with the check of its data set, which one turn of the loop does only so much of.

What is left of that is copied, charged to the memory of all associations, and walked in a thread; the peer is not read
meanwhile. So a data set that inflates to a thousand times its size costs other associations next to nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from dicomgui.network.dimse.assembler import NullSink, Sink
from dicomgui.network.service.connection import Connection
from dicomgui.network.service.handlers import Reply
from dicomgui.network.service.instance_check import InstanceCheck
from dicomgui.network.service.resources import TurnBudget
from dicomgui.network.status import Status
from dicomgui.network.structure import NOT_TAKEN
from dicomgui.network.transport.tasks import TaskOwner

__all__ = ["GuardedSink", "SinkFailed"]

THREAD_WORK: Final = 1_048_576
"""Work that a thread does before others have their turn in it."""

_NO_ROOM: Final = Reply(Status(0xA700), "the memory for requests is used up, try again later")


class SinkFailed(NamedTuple):
    """The result of a sink that raised, or whose data set is refused."""

    reply: Reply


class GuardedSink:
    """The sink of a C-STORE, with the check of what goes into it.

    An exception of the sink ends nothing but its data set: the rest is dropped, the answer is 0110. Where the data set
    is complete and not all of it is walked, the result is the guarded sink itself: :meth:`walked` waits for that, and
    :meth:`complete` gives the result.

    :param fail: gives the answer to an exception.
    """

    __slots__ = ("_charged", "_check", "_connection", "_fail", "_failed", "_sink", "_tasks", "_walking")

    def __init__(
        self,
        sink: Sink,
        fail: Callable[[Exception], Reply],
        check: InstanceCheck,
        connection: Connection,
        tasks: TaskOwner,
    ) -> None:
        self._sink: Sink = sink
        self._fail = fail
        self._check = check
        self._connection = connection
        self._tasks = tasks
        self._failed: SinkFailed | None = None
        self._walking: asyncio.Task[None] | None = None
        self._charged = 0

    def write(self, data: memoryview) -> None:
        """Walk the next bytes, or have them walked, and hand them on."""
        if self._failed is not None:
            return
        if self._walking is None:
            self._walk_now(data)
        elif self._charge(len(data)):
            self._check.put(bytes(data))
        if self._check.problem is not None:
            self._refuse_if_broken()
        if self._failed is None:
            try:
                self._sink.write(data)
            except Exception as error:
                self._give_up(self._fail(error))

    def finish(self) -> object:
        """The data set is complete; gives the result of the sink, or this one where it is not all walked."""
        if self._walking is not None and self._failed is None:
            return self
        return self.complete()

    async def walked(self) -> None:
        """Wait until all of it is walked."""
        if self._walking is not None:
            await asyncio.wait((self._walking,))

    def complete(self) -> object:
        """All of it is walked, or refused; gives the result of the sink."""
        self._check.finish()
        if self._check.problem is not None:
            self._refuse_if_broken()
        try:
            return self._failed or self._sink.finish()
        except Exception as error:
            return SinkFailed(self._fail(error))

    def abandon(self) -> None:
        """The data set will never be complete."""
        if self._walking is not None:
            self._walking.cancel()
        self._drop()

    def _drop(self) -> None:
        sink, self._sink = self._sink, NullSink()
        try:
            sink.abandon()
        except Exception as error:
            self._fail(error)

    def _give_up(self, reply: Reply) -> None:
        """Drop the data set: this is the answer."""
        if self._failed is None:
            self._failed = SinkFailed(reply)
            self._drop()

    def _refuse_if_broken(self) -> None:
        """Drop an instance that is broken, or another one than its command says."""
        problem = self._check.problem
        if problem is not None and self._check.is_refused:
            self._give_up(problem.reply)

    # the walk

    def _walk_now(self, data: memoryview) -> None:
        """Do what this turn of the loop has left for it, and begin a thread for the rest."""
        turn = self._connection.resources.turn
        work = self._check.take(data, turn.left)
        if work == NOT_TAKEN:
            self._walk_in_portions(data, turn)
        elif work:
            turn.spend(work)

    def _walk_in_portions(self, data: memoryview, turn: TurnBudget) -> None:
        before = self._check.work
        is_done = self._check.walk(data, turn.left)
        turn.spend(self._check.work - before)
        if is_done or not self._charge(self._check.keep()):
            return
        self._connection.requests.brake.press(self, is_hard=True)
        self._walking = self._tasks.spawn(self._walk_on(), name="walk of a data set")
        self._walking.add_done_callback(self._walk_ended)

    def _charge(self, size: int) -> bool:
        if self._connection.memory.take(size):
            self._charged += size
            return True
        self._give_up(_NO_ROOM)
        return False

    async def _walk_on(self) -> None:
        decoding = self._connection.resources.decoding
        while self._check.is_behind and self._failed is None:
            await decoding.run(partial(self._check.advance, THREAD_WORK))
            self._refuse_if_broken()

    def _walk_ended(self, task: asyncio.Task[None]) -> None:
        """Read on; where the walk was cancelled, or failed, there is nothing to be kept."""
        self._walking = None
        self._connection.memory.give_back(self._charged)
        self._charged = 0
        if task.cancelled():
            self._drop()
        elif isinstance(error := task.exception(), Exception):
            self._give_up(self._fail(error))
        self._connection.requests.brake.release(self)
