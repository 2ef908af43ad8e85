"""How sockets are set up, and what cannot be asked for."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from helpers.peers import free_port

from dicomgui.network import ConfigurationError, SocketOptions
from dicomgui.network.transport import sockets
from dicomgui.network.transport.sockets import connect_at_once, tune


@pytest.fixture
def connection() -> Any:
    with socket.socket() as made:
        yield made


def test_usually_probes_and_no_delay_and_the_buffers_of_the_system(connection: socket.socket) -> None:
    before = connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    tune(connection, SocketOptions())
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == before


def test_the_first_probe_comes_after_what_was_asked_for(connection: socket.socket) -> None:
    tune(connection, SocketOptions(keepalive_s=20))
    idle = getattr(socket, "TCP_KEEPIDLE", None) or socket.TCP_KEEPALIVE  # as macOS calls it
    assert connection.getsockopt(socket.IPPROTO_TCP, idle) == 20
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 5


def test_without_probes(connection: socket.socket) -> None:
    tune(connection, SocketOptions(keepalive_s=None))
    assert not connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_buffers_of_a_size(connection: socket.socket) -> None:
    tune(connection, SocketOptions(send_buffer_bytes=50_000, receive_buffer_bytes=40_000))
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= 50_000
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 40_000


def test_a_socket_that_cannot_be_set_up_is_left_as_it_is() -> None:
    closed = socket.socket()
    closed.close()
    tune(closed, SocketOptions(send_buffer_bytes=50_000))


def test_a_system_that_does_not_know_an_option_goes_without(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(sockets.socket, "TCP_KEEPCNT", raising=False)
    monkeypatch.delattr(sockets.socket, "TCP_KEEPIDLE", raising=False)
    sockets._settings.cache_clear()
    tune(connection, SocketOptions())
    sockets._settings.cache_clear()
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_server_on_this_computer_is_connected_to_at_once(family: int, address: str) -> None:
    with socket.create_server((address, 0), family=family) as server:
        made = connect_at_once(address, server.getsockname()[1])
        assert made is not None
        with made, server.accept()[0] as theirs:
            assert made.getpeername() == theirs.getsockname()
            assert not made.getblocking()


def test_where_nothing_listens_the_refusal_is_known_at_once() -> None:
    with pytest.raises(ConnectionRefusedError):
        connect_at_once("127.0.0.1", free_port())


def test_other_computers_take_their_time() -> None:
    assert connect_at_once("192.0.2.1", 104) is None


def test_a_connection_that_is_not_there_at_once_is_left_to_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(socket.socket):
        def connect_ex(self, address: object) -> int:
            return errno.EALREADY

    monkeypatch.setattr(sockets.socket, "socket", Slow)
    assert connect_at_once("127.0.0.1", 104) is None


@pytest.mark.parametrize(
    "values",
    [{"keepalive_s": 0}, {"keepalive_s": 40_000}, {"send_buffer_bytes": 100}, {"receive_buffer_bytes": 2**31},
     {"family": "ipv5"}],
)  # fmt: skip
def test_what_cannot_be(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        SocketOptions(**values)
