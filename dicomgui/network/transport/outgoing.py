"""The addresses by which this computer is seen on its networks."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

__all__ = ["own_addresses"]

# Documentation addresses (RFC 5737, RFC 3849): the system chooses by which of its own it would go there, as for any
# place beyond its networks. A datagram socket that is connected sends nothing.
_FAR: Final = ((socket.AF_INET, ("192.0.2.1", 9)), (socket.AF_INET6, ("2001:db8::1", 9)))


def own_addresses() -> tuple[str, ...]:
    """That of IPv4 and that of IPv6, as far as there are any; none without a network. Does not block."""
    found = []
    for family, far in _FAR:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect(far)
            found.append(str(asking.getsockname()[0]))
    return tuple(address for address in found if not address.startswith(("127.", "::1", "fe80:")))
