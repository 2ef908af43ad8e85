"""The associations that a C-MOVE provider opens to the destinations it is given (PS3.4 C.4.2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from dicomgui.network.association.params import AETitle, PeerAddress
from dicomgui.network.client import presets
from dicomgui.network.client.association import open_with
from dicomgui.network.client.options import ConnectOptions
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import MoveRequest, ServiceUser

__all__ = ["Destination", "DestinationMover", "Destinations"]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where instances can be moved to, and how to connect to it (TLS, time-outs, user identity, …).

    Of the options, ``calling_ae``, ``contexts``, ``tracer`` and ``trace_full`` count for nothing: these are the
    server's.

    :ivar prepare: changes the options of each association, which hold the contexts for the instances then; such as by a
        :class:`~dicomgui.network.NegotiationProfile`. May raise ConfigurationError: the instances are not sent then.
    """

    address: PeerAddress
    options: ConnectOptions = field(default=ConnectOptions())
    prepare: Callable[[ConnectOptions], ConnectOptions] | None = None


Destinations: TypeAlias = (
    Mapping[str, PeerAddress | Destination] | Callable[[MoveRequest], PeerAddress | Destination | None]
)
"""By AE title, or a function that says it for a request; who is not found is answered A801."""


class DestinationMover:
    """Opens associations to move destinations; implements :class:`~dicomgui.network.service.Mover`.

    :param calling_ae: our AE title towards them.
    :param usual: how to connect where the destination itself does not say.
    """

    def __init__(self, destinations: Destinations, calling_ae: AETitle, usual: ConnectOptions) -> None:
        self._destinations = destinations
        self._usual = replace(usual, calling_ae=calling_ae)

    def knows(self, request: MoveRequest) -> bool:
        """Whether the move destination of the request is known."""
        return self._find(request) is not None

    def open(
        self, request: MoveRequest, kinds: Collection[tuple[str, str]]
    ) -> AbstractAsyncContextManager[ServiceUser]:
        """An association with the destination, to be entered; see :func:`~dicomgui.network.connect` for its errors."""
        found = self._find(request)
        if found is None:
            raise ConfigurationError("the move destination is not known any more", phase="configure")
        if isinstance(found, PeerAddress):
            found = Destination(found, self._usual)
        options = replace(
            found.options,
            calling_ae=self._usual.calling_ae,
            contexts=presets.for_instances(kinds),
            tracer=self._usual.tracer,
            trace_full=self._usual.trace_full,
        )
        return open_with(found.address, options if found.prepare is None else found.prepare(options))

    def _find(self, request: MoveRequest) -> PeerAddress | Destination | None:
        title = request.command.move_destination.strip(" ")
        if isinstance(self._destinations, Mapping):
            return self._destinations.get(title)
        return self._destinations(request)
