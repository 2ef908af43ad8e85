"""Hosts and addresses of a trace: kept, or replaced by those that exist for documentation alone."""

from __future__ import annotations

import ipaddress

__all__ = ["Places"]

_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")  # RFC 5737
_PER_NETWORK = 254


class Places:
    """Gives each host another, the same one each time.

    :param keep: leave all as they are.
    """

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._hosts: dict[str, str] = {}

    def endpoint(self, text: str) -> str:
        """``host:port`` with another host; the port stays."""
        if self._keep or not text:
            return text
        host, colon, port = text.rpartition(":")
        if not colon:
            return self.host(text)
        bare = host.strip("[]")
        new = self.host(bare)
        return f"[{new}]:{port}" if ":" in new else f"{new}:{port}"

    def host(self, name: str) -> str:
        """Another host; one that is everywhere the same (loopback, all addresses) stays."""
        if self._keep or not name or _is_nowhere(name):
            return name
        known = self._hosts.get(name)
        if known is None:
            known = self._hosts[name] = _numbered(len(self._hosts), is_v6=":" in name)
        return known

    def without(self, text: str) -> str:
        """A text in which the hosts that were met are replaced."""
        for host in sorted(self._hosts, key=len, reverse=True):
            text = text.replace(host, self._hosts[host])
        return text


def _numbered(number: int, *, is_v6: bool) -> str:
    if is_v6 or number >= _PER_NETWORK * len(_NETWORKS):
        return f"2001:db8::{number + 1:x}"  # RFC 3849
    network, host = divmod(number, _PER_NETWORK)
    return f"{_NETWORKS[network]}.{host + 1}"


def _is_nowhere(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    return address.is_loopback or address.is_unspecified
