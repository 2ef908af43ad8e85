"""The blocking twin of an operation: C-FIND, C-MOVE and C-GET for code without an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Generic, TypeVar

from dicomgui.network.portal import Portal, shared_portal
from dicomgui.network.service import Operation, Response

__all__ = ["SyncOperation", "on_shared"]

_T = TypeVar("_T")
_R = TypeVar("_R")


def on_shared(function: Callable[[], Awaitable[_R]], own: Portal) -> _R:
    """Run a verb; once the association has ended, and the portal with it, it fails on a new one as it would there.

    :param own: the portal that the association was opened on.
    :raises PortalStopped: that was before a fork, in the parent.
    """
    own.refuse_other_process()
    with shared_portal() as portal:
        return portal.run(function)


class SyncOperation(Generic[_T]):
    """A C-FIND, C-MOVE or C-GET for callers that block. Nothing is sent before it is entered or iterated.

    ::

        with assoc.find(identifier) as op:
            for match in op:        # leaving early cancels
                ...
        response = op.result()

    Errors are those of :class:`~dicomgui.network.Operation`. For one thread at a time.
    """

    def __init__(self, operation: Operation[_T], portal: Portal, association: object = None) -> None:
        self._operation = operation
        self._portal = portal
        self._association = association  # it stands as long as the operation is needed

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer has been sent a C-CANCEL."""
        return self._operation.is_cancelled

    def batch(self) -> list[_T]:
        """All that has come and was not taken, or else what comes next; see :meth:`Operation.batch`.

        Each call goes to the thread of the loop and back, so this is by far the faster way to take many matches.
        """
        return self._run(self._operation.batch)

    def result(self) -> Response:
        """The final response; what is left of the iteration is passed over."""
        return self._run(self._operation.result)

    def each(self, callback: Callable[[_T], bool | None]) -> Response:
        """Call ``callback``, in this thread, with each match or progress; when it returns ``False``, cancel.

        :returns: the final response.
        """
        with self:
            for item in self:
                if callback(item) is False:
                    return self.cancel()
        return self.result()

    def cancel(self) -> Response:
        """Send a C-CANCEL and wait for the final response; see :meth:`Operation.cancel`."""
        return self._run(self._operation.cancel)

    def __enter__(self) -> SyncOperation[_T]:
        self._run(self._operation.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._portal.is_foreign:  # there is nothing to end in the child of a fork
            self._run(partial(self._operation.__aexit__, kind, error, traceback))

    def __iter__(self) -> Iterator[_T]:
        return self

    def __next__(self) -> _T:
        item = self._run(self._next)
        if item is None:
            raise StopIteration
        return item[0]

    async def _next(self) -> tuple[_T] | None:
        try:
            return (await anext(self._operation),)
        except StopAsyncIteration:
            return None

    def _run(self, function: Callable[[], Awaitable[_R]]) -> _R:
        return on_shared(function, self._portal)
