"""SOCKS proxies, versions 4 and 5 (RFC 1928, RFC 1929): a connection to the peer by way of one."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import SplitResult, unquote

from dicomgui.network.errors import ConfigurationError, ConnectError

__all__ = ["SOCKS_SCHEMES", "SocksProxy", "SocksScheme", "open_socks_tunnel"]

SocksScheme: TypeAlias = Literal["socks5", "socks5h", "socks4", "socks4a"]

SOCKS_SCHEMES: Final[tuple[SocksScheme, ...]] = ("socks5", "socks5h", "socks4", "socks4a")

USUAL_PORT: Final = 1080

_MAX_SECRET = 255  # RFC 1929 2: its length is one byte
_LONGEST_S = 3600.0  # the library's own limit would be a minute; who calls has one of its own

# RFC 1928 6, and the memo on SOCKS 4: the reply, and whether the proxy was willing but could not.
_REPLIES: Final = {
    0x01: ("general failure", True),
    0x02: ("its rules do not allow this connection", False),
    0x03: ("network unreachable", True),
    0x04: ("host unreachable", True),
    0x05: ("connection refused by the peer", True),
    0x06: ("time to live expired", True),
    0x07: ("command not supported", False),
    0x08: ("address type not supported", False),
    0x5B: ("request rejected or failed", True),
}
_IDENTITY_REPLIES: Final = (0x5C, 0x5D)  # it asked this computer who the user is


@dataclass(frozen=True, slots=True)
class SocksProxy:
    """A SOCKS proxy that opens connections to peers.

    :ivar scheme: the version, and who looks the peer's name up: ``socks5`` and ``socks4`` have it done here,
        ``socks5h`` (the default) and ``socks4a`` by the proxy.
    :ivar user: for proxies that want to know who asks; version 4 sends the name alone. Anybody on the way to the proxy
        can read name and password.
    :raises ConfigurationError: a value is unusable.
    """

    host: str
    port: int = USUAL_PORT
    user: str = ""
    password: str = field(default="", repr=False)
    scheme: SocksScheme = "socks5h"

    def __post_init__(self) -> None:
        if not self.host or not self.host.isprintable() or " " in self.host:
            raise _unusable(f"{self.host!r} is no host of a proxy")
        if not 1 <= self.port <= 65535:
            raise _unusable(f"port {self.port} is out of range")
        if self.scheme not in SOCKS_SCHEMES:
            raise _unusable(f"{self.scheme!r} is no kind of SOCKS")
        for secret, what in ((self.user, "user"), (self.password, "password")):
            if not secret.isascii() or len(secret) > _MAX_SECRET or "\0" in secret:
                raise _unusable(f"a SOCKS proxy takes a {what} of ASCII characters only, {_MAX_SECRET} at most")
        if self.password and not self.user:
            raise _unusable("there is a password for the proxy without a user")
        if self.password and not self.takes_password:
            raise _unusable("SOCKS 4 has no passwords")

    @classmethod
    def from_url(cls, parts: SplitResult, scheme: SocksScheme, port: int | None) -> SocksProxy:
        """Take one from the parts of ``socks5://user:password@host:port``; all but the host may be left out."""
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname or "", USUAL_PORT if port is None else port, user, password, scheme)

    @property
    def takes_password(self) -> bool:
        """True where the version has passwords."""
        return self.scheme.startswith("socks5")

    @property
    def looks_names_up(self) -> bool:
        """True where the proxy, not this computer, looks the peer's name up."""
        return self.scheme in ("socks5h", "socks4a")


async def open_socks_tunnel(
    address: str, proxy: SocksProxy, host: str, port: int, local_host: str | None = None
) -> socket.socket:
    """Open a connection to ``host:port`` through a SOCKS proxy that is at ``address``; safe to cancel.

    :raises OSError: the proxy cannot be reached.
    :raises ConnectError: it does not let us through, does not reach the peer, or is no such proxy.
    """
    # Loaded late: hardly anybody needs it.
    from python_socks import ProxyConnectionError, ProxyError, ProxyType
    from python_socks.async_.asyncio import Proxy

    if not proxy.takes_password and ":" in host:
        raise ConnectError("SOCKS 4 knows no IPv6 addresses", phase="connect", hint="Use SOCKS 5.")
    kind, loop = ProxyType.SOCKS5 if proxy.takes_password else ProxyType.SOCKS4, asyncio.get_running_loop()
    way = Proxy(kind, address, proxy.port, proxy.user, proxy.password, rdns=True, loop=loop)
    local = None if local_host is None else (local_host, 0)
    try:
        return await way.connect(host, port, timeout=_LONGEST_S, local_addr=local)
    except ProxyConnectionError as error:  # an OSError; the one that it stands for has its class and words
        raise error.__cause__ or error from None
    except ProxyError as error:
        raise _failure(proxy, error.error_code, str(error)) from error
    except UnicodeError as error:
        raise ConnectError(f"{host!r} is no name that a proxy can be asked for", phase="connect") from error


def _failure(proxy: SocksProxy, code: int | None, words: str) -> ConnectError:
    """The refusal of a proxy as its reply says it; without a reply, as the library says it."""
    place = f"[{proxy.host}]:{proxy.port}" if ":" in proxy.host else f"{proxy.host}:{proxy.port}"
    if code in _IDENTITY_REPLIES or (code is None and "authentication" in words.lower()):
        hint = "Give the user and the password that the proxy knows."
        return _error(f"the proxy {place} wants another user or password", code, hint)
    if code is None:
        hint = f"Check host and port of the proxy, and that it is one for {proxy.scheme.upper()}."
        return _error(f"{place} does not answer as a proxy does", None, hint)
    text, is_willing = _REPLIES.get(code, ("unknown reply", False))
    if is_willing:
        hint = "The proxy connects to the peer, not this computer: check host and port of the peer as seen from there."
        return _error(f"the proxy {place} does not reach the peer: {text}", code, hint)
    hint = "Have it let connections to this peer and port through."
    return _error(f"the proxy {place} does not let us through: {text}", code, hint)


def _error(text: str, code: int | None, hint: str) -> ConnectError:
    return ConnectError(text if code is None else f"{text} (SOCKS reply {code})", phase="connect", hint=hint)


def _unusable(text: str) -> ConfigurationError:
    return ConfigurationError(text, phase="configure", hint="Write it as socks5h://host:port.")
