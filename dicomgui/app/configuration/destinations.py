"""Where a C-MOVE of ours may send to: peers that were named, and saved nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.connection import ConnectionOptions
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.server import Destination

__all__ = ["KnownDestination", "destination_of", "destinations_of", "parse_destination"]

KnownDestination: TypeAlias = PeerAddress | Destination


def parse_destination(text: str) -> tuple[str, PeerAddress]:
    """``AET=HOST:PORT`` as AE title and address.

    :raises ConfigurationError: it is none.
    """
    title, sign, place = text.partition("=")
    if not sign or not place:
        raise ConfigurationError(
            f"{text!r} names no move destination", phase="configure", hint="Write it as AET=HOST:PORT."
        )
    address = PeerAddress.parse(f"{title.strip()}@{place.strip()}")
    return str(address.ae_title).strip(), address


def destination_of(node: Node, usual: ConnectionOptions) -> Destination | None:
    """The destination of moves to a node, in the same way as a send to it: through its proxy, by its negotiation
    profile.

    ``None`` if that needs a secret, which nobody can be asked for then.
    """
    options = node.options(usual)
    if options.needs(node.address):
        return None
    return Destination(node.address, options.connect_options(), options.negotiated)


def destinations_of(nodes: Iterable[Node], calling_ae: str) -> dict[str, Destination]:
    """The nodes by AE title, of several with one title the first.

    :param calling_ae: our AE title, where a node has none of its own.
    """
    usual = ConnectionOptions(calling_ae=calling_ae)
    found: dict[str, Destination] = {}
    for node in nodes:
        title = str(node.address.ae_title).strip()
        destination = destination_of(node, usual) if title not in found else None
        if destination is not None:
            found[title] = destination
    return found
