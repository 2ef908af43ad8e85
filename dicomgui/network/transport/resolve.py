"""Looking up the addresses of a name, without being held up by the system.

The system's resolver cannot be interrupted: it takes as long as it takes, half a minute where no name service answers.
asyncio would run it in a thread that is waited for at the end of the loop and of the process; here that thread is of no
concern any more once nobody wants its answer.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Final

from dicomgui.network.transport.sockets import FAMILIES, IpFamily

__all__ = ["look_up", "usual_literal"]


async def look_up(host: str, port: int, family: IpFamily = "any") -> list[str]:
    """The addresses of a host, in the system's order; those of a literal at once.

    Safe to cancel: the look-up itself goes on in its thread, and is forgotten.

    :raises OSError: there is none, or the name service does not answer.
    :raises UnicodeError: it can be no name.
    """
    try:
        return _addresses(host, port, family, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):  # no literal, then
        pass
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def deliver(found: list[str] | Exception) -> None:
        if answer.done():
            return
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def work() -> None:
        found: list[str] | Exception
        try:
            found = _addresses(host, port, family)
        except Exception as error:
            found = error
        with suppress(RuntimeError):  # the loop is gone, and with it whoever asked
            loop.call_soon_threadsafe(deliver, found)

    threading.Thread(target=work, name="look-up", daemon=True).start()
    return await answer


def usual_literal(host: str, family: IpFamily = "any") -> list[str]:
    """The address that a host is, in a list; an empty one where it is none, or written in an unusual way."""
    for kind, number in _KINDS:
        if family in ("any", kind):
            try:
                return [socket.inet_ntop(number, socket.inet_pton(number, host))]
            except (OSError, ValueError):
                continue
    return []


_KINDS: Final = (("ipv4", socket.AF_INET), ("ipv6", socket.AF_INET6))


def _addresses(host: str, port: int, family: IpFamily, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(host, port, family=FAMILIES[family], type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
