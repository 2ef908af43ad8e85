"""Files stored one after the other without a pause between them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dicomgui.network.dimse.commands import CStoreRSP
from dicomgui.network.errors import DicomNetworkError, LocalProtocolError
from dicomgui.network.service.connection import Connection
from dicomgui.network.service.contexts import ContextChooser
from dicomgui.network.service.exchange import SingleExchange
from dicomgui.network.service.results import Response, response_of
from dicomgui.network.service.storing import InstanceFile, Manner, Outgoing, StoreMaker, open_instance

__all__ = ["StoreLane"]


class StoreLane:
    """C-STOREs of one association, one at a time, for one task.

    What is named as ``following`` is read while the peer is at work, and leaves in the same callback in which the
    response to the one before came: so the peer has work while that response is looked at. It must be the next that
    is stored; where the association is left instead, it is aborted, as with any request that is not answered.

    :param on_launch: told of a file right before it leaves so; must not raise.
    """

    def __init__(
        self,
        connection: Connection,
        contexts: ContextChooser,
        manner: Manner,
        timeout_s: float | None,
        on_launch: Callable[[InstanceFile], None],
    ) -> None:
        self._requests = connection.requests
        self._stores = StoreMaker(connection, contexts)
        self._manner = manner
        self._timeout_s = timeout_s
        self._on_launch = on_launch
        self._flight: tuple[Outgoing, SingleExchange] | None = None  # what left before its turn to be waited for

    @property
    def is_under_way(self) -> bool:
        """Whether the next file has left already."""
        return self._flight is not None

    async def store(self, instance: InstanceFile, following: InstanceFile | None = None) -> Response:
        """Send a file and wait for the response; raises as ``ServiceUser.store`` does."""
        meanwhile = then = None
        if following is not None:
            meanwhile = partial(self._stores.prepare, following, self._manner)
            then = partial(self._launch, following)
        flight, self._flight = self._flight, None
        if flight is not None:
            outgoing, exchange = flight
            if outgoing.instance != instance:
                raise LocalProtocolError("another file was named as the following one, and has left", phase="transfer")
            message = await self._requests.land(exchange, meanwhile=meanwhile, then=then)
            return response_of(message, outgoing.context.transfer_syntax)
        prepared = self._stores.take_prepared(instance, self._manner)
        if prepared is not None:
            return await self._send(prepared, meanwhile, then)
        file, head = open_instance(instance)
        with file:
            return await self._send(self._stores.of_file(file, head, self._manner), meanwhile, then)

    async def _send(
        self, outgoing: Outgoing, meanwhile: Callable[[], None] | None, then: Callable[[], None] | None
    ) -> Response:
        message = await self._requests.request(
            outgoing.context.context_id,
            outgoing.command,
            CStoreRSP,
            outgoing.source,
            timeout_s=self._timeout_s,
            is_store=True,
            chunks=outgoing.chunks,
            meanwhile=meanwhile,
            then=then,
        )
        return response_of(message, outgoing.context.transfer_syntax)

    def _launch(self, instance: InstanceFile) -> None:
        """The response has come: send what was read ahead, where that needs no waiting."""
        if not self._requests.may_launch:
            return
        outgoing = self._stores.take_whole(instance, self._manner)
        if outgoing is None or outgoing.chunks is None:
            return
        self._on_launch(instance)
        try:
            exchange = self._requests.launch(
                outgoing.context.context_id,
                outgoing.command,
                CStoreRSP,
                outgoing.chunks[0],
                outgoing.source.size,
                timeout_s=self._timeout_s,
            )
        except DicomNetworkError:
            return  # and the same again, when its turn comes
        self._flight = outgoing, exchange
