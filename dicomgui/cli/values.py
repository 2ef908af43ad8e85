"""The values of options: parsers whose errors argparse shows as they are."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dicomgui.network.association.params import Limits, PeerAddress
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.transport.sockets import SocketOptions

if TYPE_CHECKING:
    from dicomgui.app.configuration.nodes import Node

__all__ = [
    "checked",
    "count",
    "flags",
    "keepalive",
    "max_pdu",
    "operations",
    "peer",
    "port",
    "seconds",
    "transfer_syntax",
    "type_number",
    "whole",
]

_T = TypeVar("_T")


def checked(make: Callable[[str], _T]) -> Callable[[str], _T]:
    """A parser of values whose errors argparse shows as they are."""

    def parse(text: str) -> _T:
        try:
            return make(text)
        except ConfigurationError as error:
            raise argparse.ArgumentTypeError(f"{error}. {error.hint}".rstrip()) from error

    return parse


def peer(text: str) -> PeerAddress | Node:
    """``AET@host:port``, or the name of a saved node."""
    if "@" in text:  # no name of a node has one
        return PeerAddress.parse(text)
    from dicomgui.app.configuration.peers import resolve

    return resolve(text)


def whole(text: str) -> int:
    """A whole number of at most eleven digits."""
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def count(text: str) -> int:
    """A whole number from 1 on."""
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError("give 1 or more")
    return number


def operations(text: str) -> tuple[int, int]:
    """``N`` or ``N,M``: an asynchronous operations window."""
    numbers = [whole(part.strip()) for part in text.split(",")]
    if len(numbers) > 2 or max(numbers) > 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text!r} is no window: write N or N,M, up to 65535")
    return numbers[0], numbers[1] if len(numbers) == 2 else 1


def flags(text: str) -> str:
    """Names of extended negotiation, separated by commas."""
    names = ("relational", "date-time", "fuzzy", "timezone", "enhanced-multi-frame")
    unknown = [name for name in text.split(",") if name not in names]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(names)}")
    return text


def port(text: str) -> int:
    """A TCP port; 0 is one."""
    number = whole(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"port {number} is out of range: ports go up to 65535")
    return number


def seconds(text: str) -> float:
    """A time-out in seconds, up to a day."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds between 0 and 86400")
    return number


def keepalive(text: str) -> int:
    """Seconds until the first probe of TCP keep-alive, 0 for none."""
    number = whole(text)
    if number:
        checked(lambda _: SocketOptions(keepalive_s=number))(text)
    return number


def max_pdu(text: str) -> int:
    """A maximum length of PDUs in bytes, 0 for no limit."""
    return checked(lambda digits: Limits(max_pdu_length=whole(digits)).max_pdu_length)(text)


def transfer_syntax(text: str) -> str:
    """A transfer syntax by its UID or its keyword in PS3.6; to be used with :func:`checked`."""
    from dicomgui.app.configuration.provided import transfer_syntax_of

    return transfer_syntax_of(text)


def storage_class(text: str) -> str:
    """A SOP class of storage by its UID or its keyword in PS3.6; to be used with :func:`checked`."""
    from dicomgui.app.configuration.provided import storage_class_of

    return storage_class_of(text)


def move_rule(text: str) -> tuple[str, str]:
    """A rule about who may move where, as ``CALLER=AET``; to be used with :func:`checked`."""
    from dicomgui.app.configuration.move_rules import parse_move_rule

    return parse_move_rule(text)


def type_number(text: str) -> int:
    """An action or event type id: 16 bits (PS3.7 E.1)."""
    number = whole(text)
    if number > 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text} is out of range: type ids go up to 65535")
    return number
