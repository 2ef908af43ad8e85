"""Our own server over real files, with everything that a query or a retrieval may ask of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from helpers.retrieval import Archive, real_files
from pydicom.dataset import Dataset

from dicomgui.network import STANDARD_PERMISSIONS, Handlers, PeerAddress, PermissionTable, Server, ServerOptions, serve
from dicomgui.network.server.offering import policy_for

AE_TITLE = "PACS"


@dataclass
class Answering:
    """A server that answers from an archive.

    :ivar address: to call it by.
    """

    server: Server
    archive: Archive
    address: PeerAddress

    @property
    def peer(self) -> str:
        """The same as a text."""
        return str(self.address)

    def asked(self) -> list[dict[str, str]]:
        """The keys with a value of all queries so far."""
        return [_keys(request.dataset) for request in self.archive.finds]

    def retrieved(self) -> list[dict[str, str]]:
        """The identifiers of all retrievals so far."""
        return [_keys(request.dataset) for request in self.archive.retrieves]


def _keys(dataset: Dataset) -> dict[str, str]:
    return {
        element.keyword: "\\".join(map(str, element.value)) if element.VM > 1 else str(element.value)
        for element in dataset
        if element.value and element.VR != "SQ"
    }


@contextlib.asynccontextmanager
async def answering(
    handlers: Handlers | None = None,
    *,
    sop_classes: frozenset[str] | None = None,
    destinations: Mapping[str, int] = MappingProxyType({}),
    ae_title: str = AE_TITLE,
    permitted: PermissionTable = STANDARD_PERMISSIONS,
) -> AsyncIterator[Answering]:
    """Serve Archibald Doe's files and some more.

    :param handlers: instead of those of the archive.
    :param sop_classes: what is accepted; by default whatever there are handlers for.
    :param ae_title: of the server; it calls itself so when it sends as well.
    :param permitted: the requests that may come on which presentation context.
    :param destinations: ports of the loopback by AE title, for C-MOVE.
    """
    archive = Archive(real_files())
    chosen = handlers or archive.handlers()
    policy = policy_for(chosen, ae_title)
    if sop_classes is not None:
        policy = replace(policy, abstract_syntaxes=sop_classes)
    places = {name: PeerAddress(name, "127.0.0.1", port) for name, port in destinations.items()}
    options = ServerOptions(policy=policy, destinations=places, permitted=permitted)
    async with await serve(port=0, ae_title=ae_title, handlers=chosen, options=options) as server:
        yield Answering(server, archive, PeerAddress(ae_title, "127.0.0.1", server.port))
