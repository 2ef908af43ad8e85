"""Budgets of memory, shared by all associations of a server; each association of a client has its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from dicomgui.network.association.params import Limits
from dicomgui.network.dimse.memory import MemoryBudget

__all__ = ["DecodingSlot", "Resources", "TurnBudget", "associate_charge"]

TURN_WORK = 524_288
"""Work on data sets of C-STOREs that one turn of the loop does, of all associations together: a few milliseconds. A
unit is one inflated byte; an element counts as 64 (:attr:`~dicomgui.network.structure.StructureReader.work`)."""

SPOOLED_IMAGE_BOXES = 4
"""So many of the largest image boxes may wait on disk at a time, of all associations together."""

FREE_ASSOCIATE_BYTES = 16_384
"""An A-ASSOCIATE-RQ of this length is not charged: requests of use are hardly longer."""

ASSOCIATE_FACTOR = 8
"""Bytes of memory for each byte beyond that, of the PDU and its items."""

_T = TypeVar("_T")


def associate_charge(length: int) -> int:
    """Bytes to be charged for an A-ASSOCIATE-RQ of this length."""
    return ASSOCIATE_FACTOR * max(0, length - FREE_ASSOCIATE_BYTES)


class DecodingSlot:
    """Runs work that keeps a processor busy in a thread, one piece after the other.

    More of them at a time would not be faster, and each takes turns with the event loop.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(1)

    async def run(self, work: Callable[[], _T]) -> _T:
        """Await the result of ``work``. Cancelling gives the result up; the slot is free when the thread is done."""
        await self._free.acquire()
        try:
            done = asyncio.get_running_loop().run_in_executor(None, work)
        except BaseException:
            self._free.release()
            raise
        done.add_done_callback(self._release)
        return await asyncio.shield(done)

    def _release(self, done: asyncio.Future[_T]) -> None:
        self._free.release()
        if not done.cancelled():
            done.exception()  # nobody may be left to take it


class TurnBudget:
    """Counts the work done in one turn of the event loop, whoever it is done for.

    :ivar left: the work that may still be done in this turn; not above 0 where it is used up.
    """

    __slots__ = ("_limit", "left")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.left = limit

    def spend(self, work: int) -> None:
        """Count work that was done; the next turn begins anew."""
        if work:
            if self.left == self._limit:
                asyncio.get_running_loop().call_soon(self._renew)
            self.left -= work

    def _renew(self) -> None:
        self.left = self._limit


class Resources:
    """Budgets and threads for what peers send.

    :ivar limits: what one data set may be.
    :ivar memory: for data sets that are decoded, and for waiting requests.
    :ivar instance_memory: for the data sets of C-STOREs that are kept in memory.
    :ivar associate_memory: for large A-ASSOCIATE-RQ PDUs and what is made of them, until their connections end.
    :ivar disk: for the data sets of image boxes, which wait in temporary files.
    :ivar decoding: where large data sets are decoded.
    :ivar turn: for data sets of C-STOREs that are walked in the loop's own thread.
    """

    __slots__ = ("associate_memory", "decoding", "disk", "instance_memory", "limits", "memory", "turn")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.memory = MemoryBudget(limits.max_memory)
        self.instance_memory = MemoryBudget(limits.max_instance_memory)
        self.associate_memory = MemoryBudget(limits.max_memory)
        self.disk = MemoryBudget(SPOOLED_IMAGE_BOXES * limits.max_image_box_length)
        self.decoding = DecodingSlot()
        self.turn = TurnBudget(TURN_WORK)
