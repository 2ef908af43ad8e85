"""Why is a worklist empty? Asked again and again, each time with one key left out: which one kept the steps away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET, Key
from dicomgui.app.asking.query import FindJob, Query, relaxed
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.network.association.params import PeerAddress

__all__ = ["COUNTED", "MAX_KEYS", "Relaxed", "relaxations", "relaxing_order"]

COUNTED: Final = 100
"""Of the matches without a key, no more are counted."""

MAX_KEYS: Final = 12
"""So many keys are left out, one at a time; more are rare, and each costs a query."""

_SUSPECTS: Final = (
    "ScheduledStationAETitle", "Modality", "ScheduledProcedureStepStartTime", "ScheduledProcedureStepStartDate",
    "ScheduledStationName", "ScheduledPerformingPhysicianName", "RequestedProcedureID", "ScheduledProcedureStepID",
    "AccessionNumber", "PatientName", "PatientID",
)  # fmt: skip
"""Keys by how often it is they: how a station is called is set up at both ends, a patient was typed or scanned."""


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What there is without a key.

    :ivar key: what was left out; ``None`` where no key was left.
    :ivar query: what was asked; its limit is :data:`COUNTED`.
    :ivar count: matches, at least so many where ``has_more``.
    :ivar failure: why the answer is not complete; empty where it is.
    :ivar associations: their numbers in the trace, one for each peer.
    """

    key: Key | None
    query: Query
    count: int
    has_more: bool
    failure: str
    associations: tuple[int, ...]

    @property
    def text(self) -> str:
        """In one line, without a full stop: ``Without Modality = CT there are 4``."""
        name = "any key" if self.key is None else f"{self.key.attribute.label} = {self.key.value}"
        if self.failure:
            return f"Without {name}: {self.failure}"
        if not self.count:
            return f"Without {name} there is nothing either"
        more = "more than " if self.has_more else ""
        return f"Without {name} there {'is' if self.count == 1 else 'are'} {more}{self.count:,}"


def relaxing_order(keys: Iterable[Key]) -> tuple[Key, ...]:
    """The keys that can be left out, the usual suspects first, :data:`MAX_KEYS` at most."""

    def place(key: Key) -> int:
        label = key.attribute.label
        return _SUSPECTS.index(label) if label in _SUSPECTS else len(_SUSPECTS)

    matching = [key for key in keys if key.is_matching and key.attribute.tag != SPECIFIC_CHARACTER_SET]
    return tuple(sorted(matching, key=place)[:MAX_KEYS])


async def relaxations(
    context: AppContext,
    query: Query,
    peers: Sequence[tuple[PeerAddress, ConnectionOptions]],
    *,
    on_ask: Callable[[Key | None], object] | None = None,
) -> AsyncGenerator[Relaxed, None]:
    """Leave out each key, and at last all of them; each answer as it comes.

    Ends early where a peer cannot be asked. Whoever stops before the end closes the generator (``aclosing``).

    :param peers: who is asked; their answers are added up.
    :param on_ask: told what is left out, before that is asked.
    :raises ConfigurationError: the query makes no identifier.
    """
    others = dict(relaxed(query))
    order = relaxing_order(query.keys)
    for key in order:
        if on_ask is not None:
            on_ask(key)
        answer = await _ask(context, key, replace(others[key], limit=COUNTED), peers)
        yield answer
        if answer.failure:
            return
    if len(order) > 1:
        if on_ask is not None:
            on_ask(None)
        bare = tuple(key if key not in order else Key(key.path) for key in query.keys)
        yield await _ask(context, None, replace(query, keys=bare, limit=COUNTED), peers)


async def _ask(
    context: AppContext, key: Key | None, query: Query, peers: Sequence[tuple[PeerAddress, ConnectionOptions]]
) -> Relaxed:
    count, has_more, failure, associations = 0, False, "", []
    for peer, options in peers:
        result = await FindJob(context, peer, options, query).run_undecoded()
        count += result.count
        has_more = has_more or result.has_more
        associations.append(result.association)
        if not result.ok:
            status = f"it answered 0x{int(result.status):04X}" if result.status is not None else "it did not answer"
            failure = str(result.error or status)
    return Relaxed(key, query, count, has_more, failure, tuple(associations))
