"""What peers report by N-EVENT-REPORT, as it is shown."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dicomgui.network.dimse.memory import DECODED_ELEMENT_BYTES
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.service import NEventReportRequest
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["MAX_EVENT_BYTES", "NEvent", "event_of"]

MAX_EVENT_BYTES: Final = 64 * 2**20
"""Event Information that is longer is not read."""


@dataclass(frozen=True, slots=True)
class NEvent:
    """An N-EVENT-REPORT that a peer sent, on an association of ours or on one of its own.

    :ivar utc: seconds since 1970-01-01 UTC.
    :ivar dataset: Event Information; ``None`` without one, or where it could not be read.
    :ivar status: what we answered.
    :ivar subscription: which subscription of ours brought it, in words; empty for none that is known.
    :ivar memory_bytes: what ``dataset`` takes in memory, about.
    """

    utc: float
    association: int
    sop_class_uid: str
    sop_instance_uid: str
    type_id: int
    dataset: Dataset | None
    status: Status
    subscription: str = ""
    memory_bytes: int = 0


async def event_of(request: NEventReportRequest, pool: Executor, *, subscription: str = "") -> NEvent:
    """The event of a request, answered with Success; its data set is read in a thread."""
    command = request.command
    dataset: Dataset | None = None
    memory_bytes = 0
    if request.data is not None and len(request.data) <= MAX_EVENT_BYTES:
        loop = asyncio.get_running_loop()
        with suppress(RemoteProtocolError):
            dataset, elements = await loop.run_in_executor(pool, lambda: (request.dataset, request.count_elements()))
            memory_bytes = len(request.data) + elements * DECODED_ELEMENT_BYTES
    return NEvent(
        time.time(), request.facts.association, command.affected_sop_class_uid, command.affected_sop_instance_uid,
        command.event_type_id, dataset, Status(0), subscription, memory_bytes,
    )  # fmt: skip
