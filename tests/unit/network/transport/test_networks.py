"""Ranges of addresses, and what is in them."""

from __future__ import annotations

import pytest

from dicomgui.network import ConfigurationError
from dicomgui.network.transport import is_within, parse_network

NETWORKS = tuple(map(parse_network, ("192.0.2.0/24", " 198.51.100.7 ", "2001:db8::/32")))


@pytest.mark.parametrize(
    "host",
    ["192.0.2.0", "192.0.2.255", "198.51.100.7", "[2001:db8::1]", "2001:db8:ffff::1%eth0", "[::ffff:192.0.2.7]"],
)
def test_an_address_in_a_range(host: str) -> None:
    assert is_within(host, NETWORKS)


@pytest.mark.parametrize("host", ["192.0.3.0", "198.51.100.8", "[2001:db9::1]", "::1", "[::ffff:192.0.3.7]", "host"])
def test_an_address_elsewhere(host: str) -> None:
    assert not is_within(host, NETWORKS)


@pytest.mark.parametrize("text", ["", "host", "192.0.2.7/24", "192.0.2.0/33", "300.0.0.1", "192.0.2.*"])
def test_what_is_no_range_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no range of addresses"):
        parse_network(text)
