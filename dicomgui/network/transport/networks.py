"""Ranges of addresses (CIDR, RFC 4632 and 4291), and the question whether an address is in one of them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from dicomgui.network.errors import ConfigurationError

__all__ = ["IPNetwork", "is_within", "parse_network"]

IPNetwork: TypeAlias = IPv4Network | IPv6Network


def parse_network(text: str) -> IPNetwork:
    """A range of addresses: ``192.0.2.0/24``, ``2001:db8::/32``, or one address.

    :raises ConfigurationError: it is none, or an address in the middle of its range.
    """
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise ConfigurationError(
            f"{text.strip()[:80]!r} is no range of addresses",
            phase="configure",
            hint="Give an address, or the first of a range and its prefix length, such as 192.0.2.0/24.",
        ) from error


def is_within(host: str, networks: Iterable[IPNetwork]) -> bool:
    """True where an address, in brackets or with a zone or not, is in one of the ranges.

    An IPv4 address is the same where a socket for both families tells it as an IPv6 address (``::ffff:192.0.2.7``).
    """
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
