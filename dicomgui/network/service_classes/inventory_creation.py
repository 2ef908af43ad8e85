"""The SCP of inventory creation (PS3.4 KK.2): has inventories of an archive produced, and reports how far they are.

::

    inventories = InventoryCreation(produce)   # async def produce(production): ...; return InventoryResult(...)
    server = await serve(handlers=inventories.handlers())   # and at the end: await inventories.close()
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.dimse.charset import codec_of
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import AssociationFacts, Handlers, NActionRequest, NormalizedAnswer, Reply, ServiceUser
from dicomgui.network.service_classes.attributes import (
    NO_KEYS,
    SUCCESS,
    dataset_of,
    items_of,
    mark_character_set,
    tag_of,
    text_of,
)
from dicomgui.network.service_classes.subscriptions import EventCourier
from dicomgui.network.status import Status
from dicomgui.network.transport.tasks import FAULTS, TaskOwner, is_own_cancel
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES, is_valid_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "CANCEL",
    "INITIATE",
    "PAUSE",
    "REPORT_CONTEXTS",
    "REQUEST_STATUS",
    "RESUME",
    "SOP_CLASS",
    "SOP_INSTANCE",
    "STATUS",
    "TERMINATED_WITHOUT_INSTANCES",
    "TERMINATED_WITH_INSTANCES",
    "InventoryCreation",
    "InventoryOpener",
    "InventoryProducer",
    "InventoryProduction",
    "InventoryRequest",
    "InventoryResult",
    "ProductionStatus",
]

_log = logging.getLogger(__name__)

SOP_CLASS: Final = "1.2.840.10008.5.1.4.1.1.201.5"
"""Inventory Creation."""

SOP_INSTANCE: Final = "1.2.840.10008.5.1.4.1.1.201.1.1"
"""The well-known instance of storage management (PS3.4 KK.1.3.2)."""

INVENTORY_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.201.1"

INITIATE: Final = 11
REQUEST_STATUS: Final = 12
CANCEL: Final = 13
PAUSE: Final = 14
RESUME: Final = 15
"""The action types (PS3.4 table KK.2-1)."""

TERMINATED_WITH_INSTANCES: Final = 11
STATUS: Final = 12
TERMINATED_WITHOUT_INSTANCES: Final = 13
"""The event types (PS3.4 table KK.2-2)."""

REPORT_CONTEXTS: Final = (ProposedContext(SOP_CLASS, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True),)
"""Proposed to report over an association of its own: with the SCP role."""

_ASCII: Final = ("", "ISO_IR 6", "ISO 2022 IR 6")

LEVELS: Final = frozenset({"STUDY", "SERIES", "INSTANCE"})
"""Inventory Level (0008,0403) of PS3.3 C.38.3."""

PROCESSING_FAILURE: Final = Status(0x0110)
NO_SUCH_INSTANCE: Final = Status(0x0112)
INVALID_ARGUMENT: Final = Status(0x0115)
NO_SUCH_ACTION: Final = Status(0x0123)
MISTYPED_ARGUMENT: Final = Status(0x0212)
RESOURCE_LIMITATION: Final = Status(0x0213)
KEYS_NOT_SUPPORTED: Final = Status(0xB010)

_MATCHINGS: Final = (
    "RangeMatchingSequence",
    "ListOfUIDMatchingSequence",
    "EmptyValueMatchingSequence",
    "GeneralMatchingSequence",
)
"""The sequences of a scope whose items hold keys (PS3.4 table KK.2-1)."""


class ProductionStatus(StrEnum):
    """Transaction Status (0008,0417) of a production (PS3.3 C.38.3, PS3.4 KK.2)."""

    PROCESSING = "PROCESSING"
    PAUSED = "PAUSED"
    COMPLETE = "COMPLETE"
    FAILURE = "FAILURE"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class InventoryResult:
    """The inventory that was produced.

    :ivar sop_instance_uid: the Inventory instance at the root of the tree.
    :ivar studies: Total Number of Study Records (0008,0428).
    :ivar retrieve_ae: AE title that it can be retrieved from.
    :ivar retrieve_url: URL that it can be retrieved from; this or ``retrieve_ae`` is needed (KK.2.3.1.1).
    :ivar expires: Expiration DateTime (0008,0416) as DT; empty where none is known.
    :raises ConfigurationError: neither way to retrieve it is given, or the UID is none.
    """

    sop_instance_uid: str
    studies: int
    retrieve_ae: str = ""
    retrieve_url: str = ""
    expires: str = ""

    def __post_init__(self) -> None:
        if not is_valid_uid(self.sop_instance_uid):
            raise ConfigurationError(f"{self.sop_instance_uid!r} is no UID of an inventory", phase="configure")
        if not self.retrieve_ae and not self.retrieve_url:
            raise ConfigurationError("an inventory needs an AE title or a URL to be retrieved from", phase="configure")

    def attributes(self) -> dict[str, object]:
        """Values by keyword of the event that tells of it."""
        told = {
            "RetrieveAETitle": self.retrieve_ae,
            "RetrieveURL": self.retrieve_url,
            "ExpirationDateTime": self.expires,
        }
        return {
            "ReferencedSOPClassUID": INVENTORY_STORAGE,
            "ReferencedSOPInstanceUID": self.sop_instance_uid,
            "TotalNumberOfStudyRecords": self.studies,
            **{keyword: value for keyword, value in told.items() if value},
        }


@dataclass(frozen=True, slots=True)
class InventoryRequest:
    """The request for an inventory.

    :ivar scope: the item of Scope of Inventory Sequence (0008,0400), its keys in four matching sequences (PS3.3
        C.38.2.1); empty for all studies.
    :ivar level: ``STUDY``, ``SERIES`` or ``INSTANCE``.
    :ivar facts: who asks.
    """

    transaction_uid: str
    scope: Dataset
    level: str
    purpose: str
    facts: AssociationFacts


class InventoryProduction:
    """A production as it is now, for its producer.

    :ivar request: what is asked for.
    :ivar status: its state; terminal ones are set by the service alone.
    :ivar studies: study records so far.
    :ivar comment: Transaction Status Comment (0008,0418) of its reports.
    :ivar partial: set by the producer: the inventory that is there if it fails, or is cancelled and retained.
    :ivar is_retained: where it is cancelled: the instances so far are to be kept (Retain Instances); else the producer
        removes them.
    """

    def __init__(self, request: InventoryRequest, on_status: Callable[[InventoryProduction], object]) -> None:
        self.request = request
        self.status = ProductionStatus.PROCESSING
        self.studies = 0
        self.comment = ""
        self.partial: InventoryResult | None = None
        self.is_retained = False
        self._on_status = on_status
        self._may_go_on = asyncio.Event()
        self._may_go_on.set()

    @property
    def is_final(self) -> bool:
        """True where it is complete, has failed, or was cancelled."""
        return self.status not in (ProductionStatus.PROCESSING, ProductionStatus.PAUSED)

    async def proceed(self, studies: int) -> None:
        """Say how many study records there are, and wait while the production is paused."""
        self.studies = studies
        await self._may_go_on.wait()

    def pause(self, comment: str = "") -> None:
        """Pause it, for a shortage of resources for example; does nothing unless it is under way."""
        if self.status is ProductionStatus.PROCESSING:
            self._may_go_on.clear()
            self._change(ProductionStatus.PAUSED, comment)

    def resume(self, comment: str = "") -> None:
        """Go on; does nothing unless it is paused."""
        if self.status is ProductionStatus.PAUSED:
            self._may_go_on.set()
            self._change(ProductionStatus.PROCESSING, comment)

    def _change(self, status: ProductionStatus, comment: str) -> None:
        self.status, self.comment = status, comment
        self._on_status(self)

    def report(self) -> tuple[int, Dataset]:
        """The event type and information that tell its state (PS3.4 table KK.2-2)."""
        told = {"TransactionUID": self.request.transaction_uid, "TransactionStatus": self.status.value}
        if self.comment:
            told["TransactionStatusComment"] = self.comment
        if not self.is_final:
            return STATUS, mark_character_set(dataset_of({**told, "TotalNumberOfStudyRecords": self.studies}))
        if self.partial is None:
            return TERMINATED_WITHOUT_INSTANCES, mark_character_set(dataset_of(told))
        return TERMINATED_WITH_INSTANCES, mark_character_set(dataset_of({**told, **self.partial.attributes()}))


InventoryProducer: TypeAlias = Callable[[InventoryProduction], Awaitable[InventoryResult]]
"""Produces an inventory and stores its instances; calls :meth:`InventoryProduction.proceed` as it goes. It is cancelled
where the peer cancels it (see :attr:`InventoryProduction.is_retained`); what it raises is reported as ``FAILURE``."""

InventoryOpener: TypeAlias = Callable[[InventoryRequest], AbstractAsyncContextManager[ServiceUser]]
"""Opens an association with whoever asked, as ``connect()`` does, proposing :data:`REPORT_CONTEXTS`."""


@dataclass(slots=True)
class _Work:
    """A production with what runs for it.

    :ivar user: the association of the last request about it.
    :ivar is_cancelled: the peer has cancelled it.
    """

    production: InventoryProduction
    user: ServiceUser
    task: asyncio.Task[None] | None = None
    timer: asyncio.Task[None] | None = None
    is_cancelled: bool = False

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class InventoryCreation:
    """Productions of inventories in memory, each reported to who asked for it (PS3.4 KK.2).

    :param producer: see :data:`InventoryProducer`.
    :param open_association: see :data:`InventoryOpener`. Without it reports go over the association on which the last
        request about the inventory came, and are lost if that has ended.
    :param levels: the Inventory Levels that the producer knows; another is answered 0212.
    :param mechanisms: the Extended Matching Mechanisms (0008,040F) that it knows; another is answered 0212.
    :param keys: tags of the attributes that it matches by; others are answered B010 and named. ``None``: it knows all.
    :param interval_unit_s: seconds of one unit of Requested Status Interval (0008,0414).
    :param max_productions: for one more, the oldest that has ended is forgotten; where none has, it is answered 0213.
    """

    sop_classes: Final = (SOP_CLASS,)
    report_contexts: Final[tuple[ProposedContext, ...]] = REPORT_CONTEXTS

    def __init__(
        self,
        producer: InventoryProducer,
        *,
        open_association: InventoryOpener | None = None,
        levels: Container[str] = LEVELS,
        mechanisms: Container[str] = frozenset(),
        keys: Container[int] | None = None,
        interval_unit_s: float = 60.0,
        max_productions: int = 100,
    ) -> None:
        self._producer = producer
        self._open = open_association
        self._levels = levels
        self._mechanisms = mechanisms
        self._known_keys = keys
        self._unit_s = interval_unit_s
        self._max_productions = max_productions
        self._works: dict[str, _Work] = {}
        self._is_closing = False
        self._tasks = TaskOwner("inventory creation")
        self._events = EventCourier(self._opening)

    @property
    def productions(self) -> Mapping[str, InventoryProduction]:
        """All productions by transaction UID, the oldest first."""
        return {uid: work.production for uid, work in self._works.items()}

    def handlers(self) -> Handlers:
        """What a server takes."""
        return Handlers(on_n_action=self.on_n_action)

    async def close(self) -> None:
        """Produce and report no more; what is under way is broken off."""
        self._is_closing = True
        await self._tasks.close()
        await self._events.close()

    def on_n_action(self, request: NActionRequest) -> NormalizedAnswer:
        """Take a request about an inventory (PS3.4 KK.2.2)."""
        command = request.command
        if command.requested_sop_instance_uid != SOP_INSTANCE:
            return Reply(NO_SUCH_INSTANCE, "not the well-known instance of storage management", (0x00001001,))
        if not INITIATE <= command.action_type_id <= RESUME:
            return Reply(NO_SUCH_ACTION, "inventory creation has the action types 11 to 15")
        uid = text_of(request.dataset, "TransactionUID")
        if not is_valid_uid(uid):
            return _refused(INVALID_ARGUMENT, "TransactionUID", "is no UID" if uid else "is missing")
        work = self._works.get(uid)
        if command.action_type_id == INITIATE:
            if work is not None:
                return _refused(INVALID_ARGUMENT, "TransactionUID", "is in use")
            return self._judge(request.dataset) or self._initiate(uid, request)
        if work is None:
            return _refused(INVALID_ARGUMENT, "TransactionUID", "is not known")
        work.user = request.user
        if command.action_type_id == REQUEST_STATUS:
            self._repeat(work, request.dataset)
            self._tell(work.production)
            return SUCCESS
        return _control(work, command.action_type_id, request.dataset)

    def _judge(self, information: Dataset) -> Reply | None:
        """Refuse what is not supported (KK.2.2.3), and a scope of several items (PS3.3 C.38.2.1)."""
        items = items_of(information, "ScopeOfInventorySequence")
        if "ScopeOfInventorySequence" not in information or len(items) > 1:
            return _refused(INVALID_ARGUMENT, "ScopeOfInventorySequence", "has not one item or none")
        if text_of(information, "InventoryLevel") not in self._levels:
            return _refused(MISTYPED_ARGUMENT, "InventoryLevel", "is not supported")
        for scope in items:
            mechanisms = text_of(scope, "ExtendedMatchingMechanisms").split("\\")
            if not all(one in self._mechanisms for one in filter(None, mechanisms)):
                return _refused(MISTYPED_ARGUMENT, "ExtendedMatchingMechanisms", "are not supported")
            terms = text_of(scope, "SpecificCharacterSet").split("\\")
            if not all(term in _ASCII or codec_of(term) != "ascii" for term in terms):
                return _refused(MISTYPED_ARGUMENT, "SpecificCharacterSet", "is not supported")
        return None

    def _initiate(self, uid: str, request: NActionRequest) -> NormalizedAnswer:
        from pydicom import Dataset

        information = request.dataset
        scope = next(iter(items_of(information, "ScopeOfInventorySequence")), Dataset())
        if len(self._works) >= self._max_productions and not self._forget_ended():
            return Reply(RESOURCE_LIMITATION, f"{self._max_productions} inventories are being produced")
        level, purpose = text_of(information, "InventoryLevel"), text_of(information, "InventoryPurpose")
        known = InventoryProduction(InventoryRequest(uid, scope, level, purpose, request.facts), self._tell)
        work = self._works[uid] = _Work(known, request.user)
        work.task = self._tasks.spawn(self._produce(known), name=uid)
        work.task.add_done_callback(lambda _: self._end(work))
        self._repeat(work, information)
        unknown = self._unknown_keys(scope)
        if unknown:
            return Reply(KEYS_NOT_SUPPORTED, "some keys are not matched", attribute_identifiers=unknown)
        return SUCCESS

    def _unknown_keys(self, scope: Dataset) -> tuple[int, ...]:
        if self._known_keys is None:
            return ()
        asked = {int(one.tag) for name in _MATCHINGS for item in items_of(scope, name) for one in item}
        return tuple(sorted(tag for tag in asked - NO_KEYS if tag not in self._known_keys))

    async def _produce(self, known: InventoryProduction) -> None:
        try:
            known.partial = await self._producer(known)
            known.status, known.comment = ProductionStatus.COMPLETE, ""
        except FAULTS as error:
            if is_own_cancel(error):
                raise
            _log.error("an inventory could not be produced", exc_info=error)
            known.status, known.comment = ProductionStatus.FAILURE, "the inventory could not be produced"

    def _end(self, work: _Work) -> None:
        """Report a production that has ended, with instances or without (KK.2.3.2)."""
        known = work.production
        work.task = None
        work.stop_timer()
        if work.is_cancelled:  # whatever its producer has made of that
            known.status, known.comment = ProductionStatus.CANCELED, ""
            known.partial = known.partial if known.is_retained else None
        if not self._is_closing:
            self._tell(known)

    def _tell(self, known: InventoryProduction) -> None:
        event, information = known.report()
        self._events.bring_by(
            known.request.transaction_uid,
            lambda user: user.n_event_report(SOP_CLASS, SOP_INSTANCE, event, information),
        )

    def _repeat(self, work: _Work, information: Dataset) -> None:
        """Report as often as the peer wishes, from now on; an interval of 0 ends it."""
        wish = text_of(information, "RequestedStatusInterval")
        if wish.isdecimal() and not work.production.is_final:
            work.stop_timer()
            if int(wish):
                uid = work.production.request.transaction_uid
                work.timer = self._tasks.spawn(self._tell_regularly(work.production, int(wish)), name=f"status {uid}")

    async def _tell_regularly(self, known: InventoryProduction, units: int) -> None:
        while True:
            await asyncio.sleep(units * self._unit_s)
            self._tell(known)

    def _opening(self, uid: str) -> AbstractAsyncContextManager[ServiceUser] | None:
        work = self._works.get(uid)
        if work is None:
            return None
        return nullcontext(work.user) if self._open is None else self._open(work.production.request)

    def _forget_ended(self) -> bool:
        uid = next((uid for uid, work in self._works.items() if work.production.is_final), None)
        if uid is not None:
            del self._works[uid]
        return uid is not None


def _control(work: _Work, action: int, information: Dataset) -> NormalizedAnswer:
    """Pause, resume or cancel a production."""
    known = work.production
    if work.task is None or work.is_cancelled:
        return Reply(PROCESSING_FAILURE, f"the inventory is {known.status if known.is_final else 'being cancelled'}")
    if action == PAUSE:
        known.pause()
    elif action == RESUME:
        known.resume()
    else:
        retained = text_of(information, "RetainInstances")
        if retained not in ("YES", "NO"):
            return _refused(INVALID_ARGUMENT, "RetainInstances", "is neither YES nor NO")
        known.is_retained = retained == "YES"
        work.is_cancelled = True
        work.task.cancel()
    return SUCCESS


def _refused(status: Status, keyword: str, problem: str) -> Reply:
    return Reply(status, f"{keyword} {problem}", (tag_of(keyword),))
