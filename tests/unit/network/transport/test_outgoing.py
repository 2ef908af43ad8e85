"""The addresses of this computer."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from dicomgui.network.transport.outgoing import own_addresses


def test_none_of_them_is_good_on_this_computer_alone() -> None:
    for address in own_addresses():
        assert not ip_address(address).is_loopback
        assert not ip_address(address).is_link_local or ip_address(address).version == 4


def test_without_a_network_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(_self: socket.socket, _address: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert own_addresses() == ()
