"""Unified procedure steps (PS3.4 annex CC): work to be done, claimed by whoever does it, watched by whoever waits.

::

    async with connect("WORK@127.0.0.1:104", contexts=ups.CONTEXTS) as assoc:
        uid = await ups.create(assoc, ups.scheduled("Reconstruct", item.dataset))          # push
        claim = await ups.claim(assoc, uid)                                                # pull
        await ups.progress(assoc, claim, 50)
        await ups.update(assoc, claim, ups.performed(station, workitem, outputs=references))
        await ups.complete(assoc, claim)

All steps are instances of the push SOP class, whatever presentation context is used (PS3.4 CC.3.1). The SCP is
:class:`~dicomgui.network.service_classes.procedure_steps.ProcedureSteps`; watching is in
:mod:`~dicomgui.network.service_classes.ups_watch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.service import Response, ServiceUser
from dicomgui.network.service_classes.attributes import Code, dataset_of, in_utf_8, mark_character_set, new_uid, put
from dicomgui.network.service_classes.ups_attributes import (
    CANCELED,
    COMPLETED,
    EVENT,
    IN_PROGRESS,
    PULL,
    PUSH,
    QUERY,
    SCHEDULED,
    WATCH,
    cancelation,
    final_state_gaps,
    performed,
    scheduled,
)
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "CANCELED",
    "COMPLETED",
    "CONTEXTS",
    "EVENT",
    "IN_PROGRESS",
    "PULL",
    "PUSH",
    "QUERY",
    "SCHEDULED",
    "WATCH",
    "Claim",
    "cancel",
    "cancelation",
    "claim",
    "complete",
    "create",
    "final_state_gaps",
    "get",
    "performed",
    "progress",
    "request_cancel",
    "scheduled",
    "update",
]

CONTEXTS: Final = tuple(ProposedContext(uid, DEFAULT_TRANSFER_SYNTAXES) for uid in (PUSH, PULL, WATCH, QUERY))
"""What to propose to push, pull, watch and query."""

CHANGE_STATE: Final = 1
REQUEST_CANCEL: Final = 2


class Claim(NamedTuple):
    """The right to change a step in progress: its UID, and the transaction UID that only its performer knows."""

    sop_instance_uid: str
    transaction_uid: str


async def create(
    user: ServiceUser, attributes: Dataset, *, sop_instance_uid: str = "", timeout_s: float | None = None
) -> str:
    """Put a step on the peer's worklist; returns its UID.

    :param attributes: see :func:`scheduled`.
    :param sop_instance_uid: by default a new one.
    :raises DimseFailure: the peer refused. That it changed something (B300) is no failure.

    Errors of this and of the functions below are otherwise those of the verbs of :class:`ServiceUser`.
    """
    uid = sop_instance_uid or new_uid()
    response = await user.n_create(PUSH, attributes, sop_instance_uid=uid, timeout_s=timeout_s)
    return response.raise_for_status().sop_instance_uid or uid


async def claim(user: ServiceUser, sop_instance_uid: str, *, transaction_uid: str = "") -> Claim:
    """Take a scheduled step in progress: only who has the claim may change it from now on.

    :param transaction_uid: by default a new one.
    :raises DimseFailure: C301 says that somebody else was faster, C300 that the step is at its end.
    """
    taken = Claim(sop_instance_uid, transaction_uid or new_uid())
    await _change_state(user, taken, IN_PROGRESS)
    return taken


async def complete(user: ServiceUser, taken: Claim) -> Response:
    """Say that a step is done.

    :raises DimseFailure: C304 says that :func:`performed` must be set first, by :func:`update`.
    """
    return await _change_state(user, taken, COMPLETED)


async def cancel(user: ServiceUser, taken: Claim) -> Response:
    """Say that a step of ours is broken off.

    :raises DimseFailure: C304 says that :func:`cancelation` must be set first, by :func:`update`.
    """
    return await _change_state(user, taken, CANCELED)


async def _change_state(user: ServiceUser, taken: Claim, state: str) -> Response:
    information = dataset_of({"ProcedureStepState": state, "TransactionUID": taken.transaction_uid})
    response = await user.n_action(PUSH, taken.sop_instance_uid, CHANGE_STATE, information, context=PULL)
    return response.raise_for_status()


async def update(user: ServiceUser, step: Claim | str, changes: Dataset) -> Response:
    """Change a step: one in progress by its claim, one still scheduled by its UID alone (PS3.4 CC.2.6.2).

    :raises DimseFailure: C301 says that the claim is not ours, C300 that the step is at its end.
    """
    changes = in_utf_8(changes)
    if isinstance(step, Claim):
        put(changes, "TransactionUID", step.transaction_uid)
        step = step.sop_instance_uid
    response = await user.n_set(PUSH, step, changes, context=PULL)
    return response.raise_for_status()


async def progress(user: ServiceUser, taken: Claim, percent: float, text: str = "") -> Response:
    """Say how far a step has come.

    :raises DimseFailure: see :func:`update`.
    """
    values = {"ProcedureStepProgress": f"{percent:g}", "ProcedureStepProgressDescription": text}
    changes = dataset_of({"ProcedureStepProgressInformationSequence": [dataset_of(values)]})
    return await update(user, taken, changes)


async def get(
    user: ServiceUser, sop_instance_uid: str, attributes: Sequence[int] = (), *, context: str = PULL
) -> Dataset:
    """Read a step; without ``attributes`` (tags) all that the peer gives.

    :param context: ``PULL``, ``WATCH`` or ``PUSH``, whichever was negotiated.
    :raises DimseFailure: the peer refused.
    """
    response = await user.n_get(PUSH, sop_instance_uid, attributes, context=context)
    return response.raise_for_status().dataset or dataset_of({})


async def request_cancel(
    user: ServiceUser,
    sop_instance_uid: str,
    reason: str = "",
    *,
    code: Code | None = None,
    contact: str = "",
    context: str = PUSH,
) -> Response:
    """Ask that a step be canceled that somebody else performs, or nobody yet. Success says that it was asked for.

    :param code: why, one of PS3.16 CID 9300.
    :param contact: the name of whom the performer may ask.
    :param context: ``PUSH`` or ``WATCH``.
    :raises DimseFailure: C311 says that it is completed, C312 that its performer cannot be told.
    """
    values: dict[str, object] = {}
    if reason:
        values["ReasonForCancellation"] = reason
    if code is not None:
        values["ProcedureStepDiscontinuationReasonCodeSequence"] = [code.item()]
    if contact:
        values["ContactDisplayName"] = contact
    information = mark_character_set(dataset_of(values)) if values else None
    response = await user.n_action(PUSH, sop_instance_uid, REQUEST_CANCEL, information, context=context)
    return response.raise_for_status()
