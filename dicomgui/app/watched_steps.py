"""Our subscriptions to the unified procedure steps of peers, and the one place where the events of these arrive.

A peer reports on an association of its own (PS3.4 CC.2.4), which comes to our listener: it takes such reports while
there is a subscription, and each is told of with the subscription that it belongs to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dicomgui.app.nservice_events import NEvent, event_of
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.service import NEventReportRequest
from dicomgui.network.service_classes.ups_attributes import EVENT, PULL, PUSH, QUERY, WATCH
from dicomgui.network.service_classes.ups_watch import ALL_STEPS, FILTERED_STEPS, SUBSCRIBE, SUSPEND, UNSUBSCRIBE

__all__ = ["STEP_CLASSES", "Subscription", "WatchedSteps"]

STEP_CLASSES: Final = frozenset({PUSH, WATCH, PULL, EVENT, QUERY})
"""The SOP classes of unified procedure steps: any of them may name what an event is about."""

MAX_SUBSCRIPTIONS: Final = 1_000
"""That are remembered; the oldest go first."""

_GLOBAL: Final = {ALL_STEPS: "all steps", FILTERED_STEPS: "the steps that match"}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription that a peer has granted.

    :ivar sop_instance_uid: the step, or one of the well-known instances of a global subscription.
    :ivar receiving_ae: who is told, by AE title.
    :ivar association: over which we subscribed, by its number in the trace.
    :ivar utc: when; seconds since 1970-01-01 UTC.
    """

    peer: PeerAddress
    sop_instance_uid: str
    receiving_ae: str
    association: int
    utc: float

    @property
    def is_global(self) -> bool:
        """Whether it is to more than one step."""
        return self.sop_instance_uid in _GLOBAL

    def __str__(self) -> str:
        what = _GLOBAL.get(self.sop_instance_uid, "this step")
        since = datetime.fromtimestamp(self.utc).astimezone()
        return f"{what} of {self.peer}, since {since:%H:%M:%S} (association {self.association})"


class WatchedSteps:
    """The subscriptions that stand. Belongs to the loop's thread.

    :ivar watchers: called with each event that came to our listener; who appends one removes it.

    :param pool: a thread of it reads the data sets.
    """

    def __init__(self, pool: Callable[[], Executor]) -> None:
        self.watchers: list[Callable[[NEvent], object]] = []
        self._pool = pool
        self._subscriptions: dict[tuple[str, str, str], Subscription] = {}

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """The subscriptions that stand, the oldest first."""
        return tuple(self._subscriptions.values())

    def granted(
        self, peer: PeerAddress, association: int, type_id: int | None, sop_instance_uid: str, receiving_ae: str
    ) -> None:
        """A peer has done an action of unified procedure steps; does nothing for one that is about no subscription.

        :param association: over which it was asked, by its number in the trace.
        :param type_id: of the action.
        """
        key = (str(peer), sop_instance_uid, receiving_ae)
        if type_id == SUBSCRIBE:
            self._subscriptions.pop(key, None)
            self._subscriptions[key] = Subscription(peer, sop_instance_uid, receiving_ae, association, time.time())
            while len(self._subscriptions) > MAX_SUBSCRIPTIONS:
                del self._subscriptions[next(iter(self._subscriptions))]
        elif type_id in (UNSUBSCRIBE, SUSPEND):
            # Who unsubscribes from all steps is told of none any more (PS3.4 CC.2.3.3).
            takes_all = type_id == UNSUBSCRIBE and sop_instance_uid in _GLOBAL
            for known in tuple(self._subscriptions):
                if known == key or (takes_all and (known[0], known[2]) == (key[0], key[2])):
                    del self._subscriptions[known]

    def subscription_of(self, request: NEventReportRequest) -> Subscription | None:
        """Which subscription an event belongs to: to its step before all steps, at its sender before other peers."""
        command, calling = request.command, request.facts.calling_ae_title.strip()
        if command.affected_sop_class_uid not in STEP_CLASSES:
            return None
        fitting = [
            one for one in self.subscriptions
            if one.is_global or one.sop_instance_uid == command.affected_sop_instance_uid
        ]  # fmt: skip
        called = str(request.facts.called_ae_title).strip()  # the peer, where the association is one of ours
        here = [one for one in fitting if str(one.peer.ae_title).strip() in (calling, called)]
        return min(here or fitting, key=lambda one: (one.is_global, -one.utc), default=None)

    def expects(self, request: NEventReportRequest) -> bool:
        """Whether an event is taken: while there is a subscription, those of other steps, too."""
        return bool(self._subscriptions) and request.command.affected_sop_class_uid in STEP_CLASSES

    async def take(self, request: NEventReportRequest) -> NEvent:
        """Tell of an event that came to our listener."""
        found = self.subscription_of(request)
        event = await event_of(request, self._pool(), subscription="" if found is None else str(found))
        for watcher in tuple(self.watchers):
            watcher(event)
        return event
