"""What the diagnosis is told beside the trace, by those who know it: saved names, our listeners, who holds a port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["NO_FACTS", "Facts", "OwnListener"]


class OwnListener(NamedTuple):
    """A listener of this program.

    :ivar host: the address that it is bound to, such as ``127.0.0.1`` or ``0.0.0.0``.
    """

    ae_title: str
    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this computer can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


@dataclass(frozen=True, slots=True)
class Facts:
    """Each one is left out where it is not known.

    :ivar titles: AE titles that peers go by, by their ``host:port``.
    :ivar listeners: what listens here now; the trace tells of those that it saw start.
    :ivar port_owners: who holds a port of this computer, in words, by its number.
    :ivar arrived: how many instances have come here by the retrieval that is diagnosed, by who counted them.
    :ivar is_partial: records were left out of what is diagnosed, so that counting them says nothing.
    """

    titles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listeners: tuple[OwnListener, ...] = ()
    port_owners: Mapping[int, str] = field(default_factory=dict)
    arrived: int | None = None
    is_partial: bool = False


NO_FACTS = Facts()
"""Nothing is known but the trace."""
