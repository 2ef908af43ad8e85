"""One association for several queries, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client import Association
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.tracing import Record, Tracer

__all__ = ["SharedAssociation"]


class SharedAssociation:
    """Opens an association for the first query, and a new one for a query that finds it gone.

    To be entered with ``async with``, whose end releases the association. It is the tracer of the association: each
    query gets the records of the opening and those of its own messages.

    :ivar error: what went wrong when the association was ended.

    :param contexts: what all the queries together need.
    """

    def __init__(
        self, context: AppContext, peer: PeerAddress, options: ConnectionOptions, contexts: Sequence[ProposedContext]
    ) -> None:
        self.error: DicomNetworkError | None = None
        self._context = context
        self._peer = peer
        self._options = options
        self._contexts = tuple(contexts)
        self._stack = AsyncExitStack()
        self._association: Association | None = None
        self._opening: list[Record] = []
        self._is_opening = False
        self._query: Tracer | None = None

    def __call__(self, record: Record) -> None:
        """Take a record of the association."""
        if self._is_opening:
            self._opening.append(record)
        if self._query is not None:
            self._query(record)
        if self._context.tracer is not None:
            self._context.tracer(record)

    @asynccontextmanager
    async def used_by(self, query: Tracer) -> AsyncIterator[Association]:
        """The association, for one query.

        :param query: gets the records that concern it.
        :raises DicomNetworkError: it cannot be opened.
        """
        self._query = query
        try:
            association = self._association
            if association is not None and association.is_connected:
                for record in self._opening:
                    query(record)
            else:
                association = await self._opened()
            yield association
        finally:
            self._query = None

    async def _opened(self) -> Association:
        await self._end()
        self._opening, self._is_opening = [], True
        try:
            opening = self._options.connect(self._peer, self._contexts, self)
            self._association = await self._stack.enter_async_context(opening)
        finally:
            self._is_opening = False
        return self._association

    async def _end(self) -> None:
        self._association = None
        try:
            await self._stack.aclose()
        except DicomNetworkError as error:
            self.error = error

    async def __aenter__(self) -> SharedAssociation:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._association = None
        try:
            await self._stack.__aexit__(kind, error, traceback)
        except DicomNetworkError as fault:
            self.error = fault
