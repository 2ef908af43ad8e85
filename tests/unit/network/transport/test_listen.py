"""What can go wrong when a port is to be opened, in words."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest

from dicomgui.network import ListenError, serve
from dicomgui.network.transport.listen import is_port_free

WORDS = [
    (OSError(errno.EADDRINUSE, "in use"), "in use by another program", "another port"),
    (PermissionError(errno.EACCES, "denied"), "administrator rights", "above 1023"),
    (OSError(errno.EADDRNOTAVAIL, "not available"), "does not belong to this computer", "127.0.0.1"),
    (socket.gaierror(socket.EAI_NONAME, "unknown"), "the name has no address", "127.0.0.1"),
    (OSError(errno.EMFILE, "Too many open files"), "Too many open files", "127.0.0.1"),
    (OverflowError("port must be 0-65535"), "port must be 0-65535", "127.0.0.1"),
]


@pytest.mark.parametrize(("error", "text", "hint"), WORDS, ids=[row[1] for row in WORDS])
async def test_each_fault_has_its_words(
    error: Exception, text: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: Any, **options: Any) -> Any:
        raise error

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", fail)
    with pytest.raises(ListenError, match=text) as caught:
        await serve("127.0.0.1", 104)
    assert "127.0.0.1:104" in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.__cause__ is error


def test_a_port_is_free_until_somebody_listens_on_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert not is_port_free("127.0.0.1", port)
    assert is_port_free("127.0.0.1", port)
