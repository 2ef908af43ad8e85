"""Who is subscribed to which unified procedure steps (PS3.4 table CC.2.3-2), and bringing them their events."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dicomgui.network.service import Response, ServiceUser
from dicomgui.network.service_classes.matching import matches
from dicomgui.network.service_classes.ups_attributes import EVENT, PUSH
from dicomgui.network.service_classes.ups_watch import UpsEvent
from dicomgui.network.transport.tasks import TaskOwner

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["EventCourier", "EventOpener", "EventReport", "Subscriptions"]

_log = logging.getLogger(__name__)

MAX_WAITING: Final = 1000
"""Events that wait for one AE; beyond this the oldest are dropped."""

EventOpener: TypeAlias = Callable[[str], AbstractAsyncContextManager[ServiceUser] | None]
"""Opens, once it is entered, an association with the AE of this title, as ``connect()`` does, proposing
``ups_watch.REPORT_CONTEXTS``; ``None`` for an AE that is not known."""

EventReport: TypeAlias = Callable[[ServiceUser], Awaitable[Response]]
"""Sends one event over an association that is open."""


class _Global(NamedTuple):
    has_lock: bool
    keys: Dataset | None


class Subscriptions:
    """The subscriptions of AEs, to single steps and to all that come."""

    def __init__(self) -> None:
        self._single: dict[str, dict[str, bool]] = {}
        self._all: dict[tuple[str, bool], _Global] = {}

    @property
    def receivers(self) -> tuple[str, ...]:
        """AE titles of all subscribers, sorted."""
        single = (title for watchers in self._single.values() for title in watchers)
        return tuple(sorted({*single, *(title for title, _ in self._all)}))

    def subscribers(self, uid: str) -> tuple[str, ...]:
        """Who is told of the events of a step."""
        return tuple(self._single.get(uid, ()))

    def is_locked(self, uid: str) -> bool:
        """Whether a subscriber wants the step to be kept."""
        return any(self._single.get(uid, {}).values())

    def subscribe(self, ae_title: str, uid: str, *, lock: bool) -> None:
        """Subscribe to a step, or change the lock of such a subscription."""
        self._single.setdefault(uid, {})[ae_title] = lock

    def unsubscribe(self, ae_title: str, uid: str) -> None:
        """End the subscription to a step."""
        self._single.get(uid, {}).pop(ae_title, None)

    def subscribe_to_all(
        self, ae_title: str, steps: Iterable[tuple[str, Dataset]], *, lock: bool, keys: Dataset | None
    ) -> tuple[str, ...]:
        """Subscribe to all steps that there are and will be, or to those that match ``keys``.

        A subscription to a single step, having been asked for by itself, keeps its lock.

        :returns: the steps that it was not subscribed to before.
        """
        self._all[ae_title, keys is not None] = _Global(lock, keys)
        fresh = []
        for uid, step in steps:
            watchers = self._single.setdefault(uid, {})
            if ae_title not in watchers and (keys is None or matches(keys, step)):
                watchers[ae_title] = lock
                fresh.append(uid)
        return tuple(fresh)

    def unsubscribe_from_all(self, ae_title: str) -> None:
        """End all subscriptions of an AE, those to single steps too."""
        self.suspend(ae_title, filtered=False)
        self.suspend(ae_title, filtered=True)
        for watchers in self._single.values():
            watchers.pop(ae_title, None)

    def suspend(self, ae_title: str, *, filtered: bool) -> None:
        """Subscribe an AE to no more new steps."""
        self._all.pop((ae_title, filtered), None)

    def add_step(self, uid: str, step: Dataset) -> None:
        """Subscribe to a new step whoever wants all of its kind."""
        for (ae_title, _), wanted in self._all.items():
            if wanted.keys is None or matches(wanted.keys, step):
                watchers = self._single.setdefault(uid, {})
                watchers[ae_title] = wanted.has_lock or watchers.get(ae_title, False)

    def remove_step(self, uid: str) -> None:
        """Forget who was subscribed to a step that is no more."""
        self._single.pop(uid, None)


class EventCourier:
    """Brings events to AEs, to each one after the other; several that wait go over one association."""

    def __init__(self, open_association: EventOpener) -> None:
        self._open = open_association
        self._waiting: dict[str, deque[EventReport]] = {}
        self._deliveries: dict[str, asyncio.Task[None]] = {}
        self._tasks = TaskOwner("procedure step events")

    def knows(self, ae_title: str) -> bool:
        """Whether there is a way to this AE."""
        return self._open(ae_title) is not None

    def bring(self, ae_title: str, event: UpsEvent) -> None:
        """Send an event of a unified procedure step as soon as those before it are through, see :meth:`bring_by`."""

        def report(user: ServiceUser) -> Awaitable[Response]:
            return user.n_event_report(PUSH, event.sop_instance_uid, event.event_type, event.dataset, context=EVENT)

        self.bring_by(ae_title, report)

    def bring_by(self, ae_title: str, report: EventReport) -> None:
        """Send an event as soon as those before it are through; must be called in the loop's thread."""
        if ae_title in self._waiting:
            self._waiting[ae_title].append(report)
            return
        self._waiting[ae_title] = deque([report], MAX_WAITING)
        self._deliveries[ae_title] = self._tasks.spawn(self._deliver(ae_title), name=ae_title)

    async def flush(self) -> None:
        """Wait until all events have been brought, or been given up."""
        while under_way := [task for task in self._deliveries.values() if not task.done()]:
            await asyncio.wait(under_way)

    async def close(self) -> None:
        """End the deliveries; what waits is lost. A later event is brought again."""
        await self._tasks.close()
        self._waiting.clear()  # of a delivery that had not begun, too
        self._deliveries.clear()

    async def _deliver(self, ae_title: str) -> None:
        waiting = self._waiting[ae_title]
        try:
            while waiting:
                await self._deliver_waiting(ae_title, waiting)
        except Exception as error:  # of the opener, too
            _log.warning("events could not be brought to a subscriber: %s", error)
        finally:
            del self._waiting[ae_title], self._deliveries[ae_title]

    async def _deliver_waiting(self, ae_title: str, waiting: deque[EventReport]) -> None:
        opening = self._open(ae_title)
        if opening is None:
            waiting.clear()
            return
        async with opening as user:
            while waiting:
                response = await waiting.popleft()(user)
                if response.status.is_failure:
                    _log.warning("a subscriber answered an event with %s", response.status)
