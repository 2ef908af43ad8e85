"""Files held against the structure of a data set before they are sent: some ahead of the send, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Sequence
from concurrent.futures import Executor, Future
from itertools import islice
from typing import Final

from dicomgui.app.files.sources import SendItem
from dicomgui.network.file_structure import read_file_structure
from dicomgui.network.part10 import Part10Error
from dicomgui.network.service import InstanceProblem, broken_place

__all__ = ["WholeFiles", "problem_of_file"]

FIRST_BATCH: Final = 4
BATCH: Final = 64


def problem_of_file(item: SendItem) -> InstanceProblem | None:
    """The place at which the data set of a file is broken, ``None`` where it is whole.

    Also ``None`` where the file cannot be read, which the send tells by itself, or is larger than what is walked.
    """
    try:
        return broken_place(read_file_structure(item.path, item.head))
    except (OSError, Part10Error):
        return None


def _problems_of(items: Sequence[SendItem]) -> dict[Hashable, InstanceProblem]:
    found = ((_key_of(item), problem_of_file(item)) for item in items)
    return {key: problem for key, problem in found if problem is not None}


def _key_of(item: SendItem) -> Hashable:
    """The file of a changed item is a template of others as well, and is looked at once."""
    return id(item) if item.change is None else item.path


class WholeFiles:
    """Looks at the files of a send in the order in which they are sent, one batch ahead, in threads of ``pool``.

    Each file is looked at once, however often it is asked for.
    """

    def __init__(self, pool: Executor, items: Iterable[SendItem]) -> None:
        self._pool = pool
        self._batches: list[list[SendItem]] = []
        self._place: dict[Hashable, int] = {}
        self._work: dict[int, Future[dict[Hashable, InstanceProblem]]] = {}
        left = iter({_key_of(item): item for item in items}.values())
        size = FIRST_BATCH
        while batch := list(islice(left, size)):
            number, size = len(self._batches), BATCH
            self._batches.append(batch)
            self._place.update((_key_of(item), number) for item in batch)

    async def problem_of(self, item: SendItem) -> InstanceProblem | None:
        """See :func:`problem_of_file`; waits where the file has not been looked at yet."""
        number = self._place[_key_of(item)]
        work = self._begin(number)
        if number + 1 < len(self._batches):
            self._begin(number + 1)
        if not work.done():
            await asyncio.wait([asyncio.wrap_future(work)])
        return work.result().get(_key_of(item))

    def close(self) -> None:
        """Look at nothing more."""
        for work in self._work.values():
            work.cancel()

    def _begin(self, number: int) -> Future[dict[Hashable, InstanceProblem]]:
        work = self._work.get(number)
        if work is None:
            work = self._work[number] = self._pool.submit(_problems_of, self._batches[number])
        return work
