"""Reading the values of a TOML table one by one: a wrong one costs itself and no other."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Any, Literal, TypeAlias, TypeVar
from urllib.parse import quote

from dicomgui.app.configuration.lines import Lines, Place, unknown_key
from dicomgui.app.configuration.quotas import Quotas
from dicomgui.app.connection import MAX_OPERATIONS
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.association.params import AETitle, Limits
from dicomgui.network.dimse.charset import codec_of
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.transport import Proxy, SocksProxy, TlsConfig, parse_proxy

__all__ = [
    "QUERY_FLAGS",
    "Table",
    "Values",
    "ae_title",
    "associations",
    "charset",
    "flag",
    "limit",
    "max_pdu_length",
    "one_of",
    "operations",
    "overlay",
    "port",
    "proxy",
    "query_flags",
    "seconds",
    "seconds_or_ever",
    "text",
    "tls_ciphers",
    "tls_name",
    "tls_profile",
    "tls_version",
    "whole",
    "written_flags",
    "written_proxy",
    "written_seconds",
    "wrong",
]

MAX_SECONDS = 1e9
MAX_ASSOCIATIONS = 1000
"""Most associations at a time of our listener: each needs a socket, of which the system gives some thousand."""

Table: TypeAlias = dict[str, Any]
"""A TOML table."""

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


def overlay(below: Table, above: Table) -> Table:
    """``below`` with the values of ``above`` in their places, table by table; what only ``below`` knows stays."""
    merged = dict(below)
    for name, value in above.items():
        known = merged.get(name)
        merged[name] = overlay(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


class Values:
    """Reads the values of a table one by one; a wrong one costs itself and no other.

    :ivar faults: what was wrong, one line each; shared with the tables inside.

    :param where: what stands before each fault, such as ``node 2: ``.
    :param lines: the lines of the file, of which ``place`` is this table.
    """

    def __init__(
        self,
        table: Table,
        *,
        where: str = "",
        faults: list[str] | None = None,
        lines: Lines | None = None,
        place: Place = (),
    ) -> None:
        self.faults: list[str] = [] if faults is None else faults
        self._table = table
        self._where = where
        self._lines = lines or Lines()
        self._place = place

    def take(self, name: str, default: _T, check: Callable[[object], _T]) -> _T:
        """The value of this name as ``check`` gives it; the default where it is missing or ``check`` raises a
        ``ValueError``.
        """
        if name not in self._table:
            return default
        try:
            return check(self._table[name])
        except ValueError as error:
            self.fault(f"{name}: {error}", name)
            return default

    def fault(self, reason: object, name: str = "") -> None:
        """Note what is wrong with the table, or with the value of this name."""
        place = (*self._place, name) if name else self._place
        self.faults.append(f"{self._lines.prefix(place)}{self._where}{reason}")

    def unknown(self, known: Collection[str]) -> list[str]:
        """Remarks on the keys of the table that are not among those known, one line each."""
        return [
            f"{self._lines.prefix((*self._place, name))}{self._where}{unknown_key(name, known)}"
            for name in self._table
            if name not in known
        ]

    def inside(self, name: str) -> Values:
        """The table of this name; an empty one where it is missing."""
        table = self._table.get(name, {})
        if not isinstance(table, dict):
            self.fault(f"{name}: it is no table", name)
            table = {}
        place = (*self._place, name)
        return Values(table, where=f"{self._where}{name}.", faults=self.faults, lines=self._lines, place=place)

    def inside_list(self, name: str, number: int, table: Table | None = None) -> Values:
        """The table of this number, from 1 on, in a list of tables; where it is none, only to note that."""
        place = (*self._place, name, number)
        where = f"{self._where}{name} {number}: "
        return Values(table or {}, where=where, faults=self.faults, lines=self._lines, place=place)


# What a value must be: each gives the value, or raises ConfigurationError, which is a ValueError, with the reason.


def wrong(reason: str) -> ConfigurationError:
    """The error for a value that cannot be used."""
    return ConfigurationError(reason, phase="configure")


def text(value: object) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise wrong("it is no text")
    return value


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong("it is neither true nor false")
    return value


def whole(value: object) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong("it is no whole number")
    return value


def port(value: object) -> int:
    """A TCP port, or 0."""
    number = whole(value)
    if not 0 <= number <= 65535:
        raise wrong(f"{number} is no port; ports go up to 65535")
    return number


def seconds(value: object) -> float:
    """A number of seconds above 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MAX_SECONDS:
        raise wrong("it is no number of seconds above 0")
    return float(value)


def seconds_or_ever(value: object) -> float | None:
    """A number of seconds above 0, or ``None`` for ever, which the file calls ``inf``."""
    return None if value == math.inf else seconds(value)


def written_seconds(value: float | None) -> float:
    """What the file says for a time-out: TOML knows no null, but it knows ``inf``."""
    return math.inf if value is None else value


def ae_title(value: object) -> AETitle:
    """An AE title."""
    return AETitle(text(value))


def max_pdu_length(value: object) -> int:
    """A maximum PDU length, or 0."""
    return Limits(max_pdu_length=whole(value)).max_pdu_length


def associations(value: object) -> int:
    """How many associations at a time."""
    number = whole(value)
    if not 1 <= number <= MAX_ASSOCIATIONS:
        raise wrong(f"it is no number of associations from 1 to {MAX_ASSOCIATIONS:,}")
    return number


def limit(value: object) -> int:
    """A limit of the listener; 0 for none."""
    number = whole(value)
    Quotas(max_bytes=number)
    return number


def proxy(value: object) -> Proxy:
    """The address of an HTTP or SOCKS proxy."""
    return parse_proxy(text(value))


def written_proxy(proxy: Proxy | None) -> str:
    """What the file says for a proxy: its password is nobody's to read there. Empty for none."""
    if proxy is None:
        return ""
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    user = f"{quote(proxy.user, safe='')}@" if proxy.user else ""
    scheme = proxy.scheme if isinstance(proxy, SocksProxy) else "http"
    return f"{scheme}://{user}{host}:{proxy.port}"


def charset(value: object) -> str:
    """A term of (0008,0005) that is known, or nothing."""
    term = text(value).strip()
    if term and codec_of(term) == "ascii" and term not in ("ISO_IR 6", "ISO 2022 IR 6"):
        raise wrong(f"{term[:40]!r} is no character set")
    return term


def one_of(kind: type[_E]) -> Callable[[object], _E]:
    """A member of ``kind``, by its value."""

    def check(value: object) -> _E:
        name = text(value)
        if name not in set(kind):
            raise wrong(f"it is none of {', '.join(kind)}")
        return kind(name)

    return check


def operations(value: object) -> int:
    """How many operations at a time; 0 for no limit."""
    number = whole(value)
    if not 0 <= number <= MAX_OPERATIONS:
        raise wrong(f"it is no number of operations up to {MAX_OPERATIONS}")
    return number


def tls_ciphers(value: object) -> str:
    """A list of cipher suites, or nothing."""
    return TlsConfig(ciphers=text(value).strip()).ciphers


def tls_name(value: object) -> str:
    """The name of a server, or nothing."""
    return TlsConfig(expected_server_name=text(value).strip() or None).expected_server_name or ""


def tls_profile(value: object) -> str:
    """The name of a TLS profile."""
    return TlsConfig(profile=text(value)).profile


def tls_version(value: object) -> Literal["1.2", "1.3"] | None:
    """The least version of TLS."""
    name = text(value)
    if name == "1.2":
        return "1.2"
    if name == "1.3":
        return "1.3"
    raise wrong("it is neither 1.2 nor 1.3")


QUERY_FLAGS = {
    "relational": "relational", "date-time": "date_time", "fuzzy": "fuzzy", "timezone": "timezone",
    "enhanced-multi-frame": "enhanced_multi_frame",
}  # fmt: skip
"""Names of what can be asked for by extended negotiation, in files and on the command line, with their fields."""


def query_flags(value: object) -> QueryFlags:
    """A list of names of :data:`QUERY_FLAGS`."""
    if not isinstance(value, list | tuple):
        raise wrong("it is no list")
    unknown = [name for name in value if not isinstance(name, str) or name not in QUERY_FLAGS]
    if unknown:
        raise wrong(f"{unknown[0]!r} is none of {', '.join(QUERY_FLAGS)}")
    return QueryFlags(**{QUERY_FLAGS[name]: True for name in value})


def written_flags(flags: QueryFlags) -> list[str]:
    """What the file says for these flags."""
    return [name for name, entry in QUERY_FLAGS.items() if getattr(flags, entry)]
