"""How much callers of our listener may take: each of them, and all of them together."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from dicomgui.network.errors import ConfigurationError

if TYPE_CHECKING:
    from dicomgui.storage import Ceiling

__all__ = ["USUAL_QUOTAS", "Quotas", "parse_size", "written_size"]

MAX_QUOTA: Final = 10**18

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,3}))?\s*([KMGT]?)(I?)B?(?:YTES?)?")


def _wrong(reason: str) -> ConfigurationError:
    return ConfigurationError(reason, phase="configure", hint="Give a number, like 500 MB or 20 GB; 0 for no limit.")


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of the listener; 0 is no limit.

    The first three hold for each address and for each calling AE title; see :mod:`dicomgui.network.server.quotas`.

    :ivar associations: at one time; one more is rejected for the moment (2/3/2).
    :ivar instances_per_hour: one more is answered A700 (out of resources).
    :ivar bytes_per_hour: of data sets; the one that goes over it is answered A700 and not kept.
    :ivar max_bytes: of the whole archive; see :class:`~dicomgui.storage.Ceiling`.
    :ivar min_free_bytes: that stay free on its disk.
    :raises ConfigurationError: one is negative or beyond all measure.
    """

    associations: int = 0
    instances_per_hour: int = 0
    bytes_per_hour: int = 0
    max_bytes: int = 0
    min_free_bytes: int = 0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not 0 <= value <= MAX_QUOTA:
                raise _wrong(f"{value} is no limit")

    @property
    def ceiling(self) -> Ceiling:
        """That of the archive."""
        from dicomgui.storage import Ceiling  # settings and commands are read without an archive

        return Ceiling(self.max_bytes, self.min_free_bytes)


USUAL_QUOTAS: Final = Quotas(min_free_bytes=500 * 10**6)
"""Where nobody says otherwise: peers do not fill the disk, and are not limited for the rest."""


def parse_size(text: str) -> int:
    """A number of bytes: ``500 MB``, ``1.5G``, ``2 GiB``, ``1000``; powers of 1000, with an ``i`` of 1024.

    :raises ConfigurationError: it is none.
    """
    match = _SIZE.fullmatch(text.strip().upper())
    if match is None or (match[4] and not match[3]):
        raise _wrong(f"{text.strip()[:40]!r} is no size")
    unit = 1024 << 10 * "KMGT".index(match[3]) if match[4] else _UNITS[match[3]]
    fraction = match[2] or ""
    size: int = int(match[1]) * unit + int(fraction or 0) * unit // 10 ** len(fraction)
    if size > MAX_QUOTA:
        raise _wrong(f"{text.strip()[:40]!r} is more than any disk has")
    return size


def written_size(size_bytes: int) -> str:
    """The same number for people; :func:`parse_size` reads it back exactly."""
    for name, unit in reversed(_UNITS.items()):
        if name and size_bytes >= unit and size_bytes * 1000 % unit == 0:
            whole, rest = divmod(size_bytes, unit)
            decimals = f"{rest * 1000 // unit:03}".rstrip("0")
            return f"{whole}{'.' if decimals else ''}{decimals} {name}B"
    return str(size_bytes)
