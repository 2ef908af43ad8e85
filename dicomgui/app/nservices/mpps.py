"""Performed procedure steps by hand (PS3.4 F.7): begun from an item of a worklist, completed, or broken off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservices.performed_series import NOTHING_TAKEN, SeriesRow, Taken, fresh_row, series_of
from dicomgui.app.nservices.requests import NOperation, NRequest, NResult, transact
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.service_classes import mpps
from dicomgui.network.service_classes.attributes import (
    Code,
    da,
    items_of,
    mark_character_set,
    new_uid,
    put,
    text_of,
    tm,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "MAX_STEPS",
    "REASONS",
    "PerformedSteps",
    "Step",
    "StepState",
    "begin_remarks",
    "begin_texts",
    "begun",
    "end_remarks",
    "end_texts",
    "ended",
    "first_series",
    "study_of",
]

MAX_STEPS: Final = 500
"""Steps that are remembered; of more, the oldest that are over are forgotten."""

DUPLICATE: Final = 0x0111

REASONS: Final = (
    mpps.UNSPECIFIED_REASON,
    Code("110500", "DCM", "Doctor canceled procedure"),
    Code("110501", "DCM", "Equipment failure"),
    Code("110502", "DCM", "Incorrect procedure ordered"),
    Code("110503", "DCM", "Patient allergic to media/contrast"),
    Code("110504", "DCM", "Patient died"),
    Code("110505", "DCM", "Patient refused to continue procedure"),
    Code("110506", "DCM", "Patient taken for treatment or surgery"),
    Code("110507", "DCM", "Patient did not arrive"),
    Code("110508", "DCM", "Patient pregnant"),
    Code("110509", "DCM", "Change of procedure for correct charging"),
    Code("110510", "DCM", "Duplicate order"),
    Code("110511", "DCM", "Nursing unit cancel"),
    Code("110512", "DCM", "Incorrect side ordered"),
    Code("110514", "DCM", "Incorrect worklist entry selected"),
    Code("110515", "DCM", "Patient condition prevented continuing"),
    Code("110516", "DCM", "Equipment change"),
)
"""Why a step is broken off (PS3.16 CID 9300)."""

_PLANNED: Final = "ScheduledStepAttributesSequence"
_NEEDED_AT_BEGIN: Final = (
    "PerformedProcedureStepID", "PerformedStationAETitle", "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime", "Modality",
)  # fmt: skip
_NEEDED_AT_END: Final = ("PerformedProcedureStepEndDate", "PerformedProcedureStepEndTime")
_NEEDED_OF_SERIES: Final = ("SeriesInstanceUID", "ProtocolName")


class StepState(StrEnum):
    """How a step stands, as far as we know: by what the peer has confirmed."""

    NOT_BEGUN = "not begun"
    """The peer has not confirmed its N-CREATE."""
    IN_PROGRESS = "in progress"
    COMPLETED = "completed"
    DISCONTINUED = "discontinued"

    @property
    def is_final(self) -> bool:
        """Whether it may no longer be changed (PS3.4 F.7.2.2.2)."""
        return self in (StepState.COMPLETED, StepState.DISCONTINUED)


@dataclass(frozen=True, slots=True)
class Step:
    """A performed step.

    :ivar sop_instance_uid: of the step; the peer may have given it another one than we asked for.
    :ivar dataset: what was sent when it began.
    :ivar options: how the peer is called, without secrets.
    :ivar results: what became of each request, the oldest first.
    """

    sop_instance_uid: str
    peer: PeerAddress
    options: ConnectionOptions
    dataset: Dataset
    state: StepState = StepState.NOT_BEGUN
    results: tuple[NResult, ...] = ()

    @property
    def last(self) -> NResult | None:
        """What became of the latest request."""
        return self.results[-1] if self.results else None


# ------------------------------------------------------------------------------------------------------- the data sets


def begin_texts(item: Dataset, *, station_ae: str, now: datetime | None = None) -> dict[str, str]:
    """What can be changed about a step before it begins, by keyword, as the worklist item has it.

    :param station_ae: who performs it.
    :param now: in local time; by default it is.
    """
    scheduled = next(iter(items_of(item, "ScheduledProcedureStepSequence")), None)
    made = mpps.in_progress(
        item, station_ae=station_ae, started=now, modality="" if _has(scheduled, "Modality") else "OT"
    )
    keywords = (*_NEEDED_AT_BEGIN, "PerformedStationName", "PerformedLocation", "PerformedProcedureStepDescription",
                "StudyID")  # fmt: skip
    return {keyword: text_of(made, keyword) for keyword in keywords}


def _has(dataset: Dataset | None, keyword: str) -> bool:
    return dataset is not None and bool(text_of(dataset, keyword))


def begun(item: Dataset, texts: Mapping[str, str]) -> Dataset:
    """What the N-CREATE of a step sends (PS3.4 table F.7.2-1).

    :param item: of the worklist.
    :param texts: see :func:`begin_texts`; sent as they are, be they wrong.
    """
    made = mpps.in_progress(item, station_ae="", modality=texts.get("Modality") or "OT")
    for keyword, text in texts.items():
        put(made, keyword, text)
    return mark_character_set(made)


def begin_remarks(dataset: Dataset) -> tuple[str, ...]:
    """What table F.7.2-1 of PS3.4 wants and is not in it: a peer may refuse the step for it."""
    missing = [keyword for keyword in _NEEDED_AT_BEGIN if not text_of(dataset, keyword)]
    if not all(text_of(planned, "StudyInstanceUID") for planned in items_of(dataset, _PLANNED)):
        missing.append("StudyInstanceUID")
    return _remarks(missing)


def end_texts(now: datetime | None = None) -> dict[str, str]:
    """What can be changed about the end of a step, by keyword: when it ended, and what holds for all its series."""
    moment = now or datetime.now().astimezone()
    return {
        "PerformedProcedureStepEndDate": da(moment),
        "PerformedProcedureStepEndTime": tm(moment),
        "PerformingPhysicianName": "",
        "OperatorsName": "",
        "RetrieveAETitle": "",
    }


def first_series(step: Step) -> SeriesRow:
    """The series that the end of a step names unless somebody says otherwise: one without images."""
    description = text_of(step.dataset, "PerformedProcedureStepDescription")
    return fresh_row(description or text_of(step.dataset, "Modality"), description)


def study_of(step: Step) -> str:
    """The Study Instance UID of a step."""
    planned = items_of(step.dataset, _PLANNED)
    return next(filter(None, (text_of(one, "StudyInstanceUID") for one in planned)), "")


def ended(
    texts: Mapping[str, str], rows: Sequence[SeriesRow], reason: Code | None = None, *, taken: Taken = NOTHING_TAKEN,
    modality: str = "", most: int | None = None,
) -> Dataset:  # fmt: skip
    """What the N-SET sends that ends a step.

    :param texts: see :func:`end_texts`.
    :param rows: the series, as they were typed.
    :param reason: why it is broken off; without one it is completed.
    :param taken: what of the rows stands for instances of the archive.
    :param modality: of the step.
    :param most: instances of each series, to be looked at; by default all.
    :raises ConfigurationError: a row cannot be used, or there is none.
    """
    series = series_of(
        rows, taken, modality=modality, most=most, retrieve_ae=texts.get("RetrieveAETitle", ""),
        performing_physician=texts.get("PerformingPhysicianName", ""), operator=texts.get("OperatorsName", ""),
    )  # fmt: skip
    made = mpps.completed(series) if reason is None else mpps.discontinued(series, reason=reason)
    for keyword in _NEEDED_AT_END:
        put(made, keyword, texts.get(keyword, ""))
    return made


def end_remarks(dataset: Dataset) -> tuple[str, ...]:
    """What table F.7.2-1 of PS3.4 wants at the end of a step, and is not in it."""
    missing = [keyword for keyword in _NEEDED_AT_END if not text_of(dataset, keyword)]
    for series in items_of(dataset, "PerformedSeriesSequence"):
        missing += [keyword for keyword in _NEEDED_OF_SERIES if not text_of(series, keyword)]
    return _remarks(missing)


def _remarks(missing: list[str]) -> tuple[str, ...]:
    if not missing:
        return ()
    return (f"{', '.join(missing)} must have a value (PS3.4 table F.7.2-1); the peer may refuse the step.",)


# ------------------------------------------------------------------------------------------------------------ the steps


class PerformedSteps:
    """The steps that were begun from here, and how they stand. Belongs to the thread of the event loop."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._steps: dict[str, Step] = {}

    @property
    def steps(self) -> Mapping[str, Step]:
        """All by the UID that we gave them, the oldest first."""
        return MappingProxyType(self._steps)

    def plan(self, peer: PeerAddress, options: ConnectionOptions, dataset: Dataset) -> str:
        """Enter a step that is about to begin; gives its UID.

        :param dataset: see :func:`begun`.
        """
        uid = new_uid()
        self._steps[uid] = Step(uid, peer, options, dataset)
        over = [key for key, step in self._steps.items() if step.state is not StepState.IN_PROGRESS and key != uid]
        for key in over[: max(0, len(self._steps) - MAX_STEPS)]:
            del self._steps[key]
        return uid

    def forget(self, uid: str) -> None:
        """Take a step out of the list; the peer is told nothing."""
        self._steps.pop(uid, None)

    def begin_request(self, uid: str) -> NRequest:
        """What begins a step.

        :raises KeyError: there is no such step.
        """
        step = self._steps[uid]
        return NRequest(NOperation.CREATE, mpps.SOP_CLASS, step.sop_instance_uid, step.dataset)

    def end_request(self, uid: str, dataset: Dataset) -> NRequest:
        """What ends a step; see :func:`ended`.

        :raises KeyError: there is no such step.
        """
        return NRequest(NOperation.SET, mpps.SOP_CLASS, self._steps[uid].sop_instance_uid, dataset)

    async def send(
        self,
        uid: str,
        request: NRequest,
        options: ConnectionOptions,
        *,
        on_association: Callable[[int], None] | None = None,
    ) -> NResult:
        """Send one of the two, and note what became of the step. Raises what :func:`transact` does.

        :param options: those of the step, with their secrets.
        """
        known = self._steps[uid]
        result = await transact(self._context, known.peer, options, request, on_association=on_association)
        step = self._steps.get(uid)
        if step is not None:
            self._steps[uid] = _after(step, request, result)
        return result


def _after(step: Step, request: NRequest, result: NResult) -> Step:
    """The step as it stands after an answer."""
    results = (*step.results, result)
    if step.state.is_final:  # whatever was sent once more: that it is over has been confirmed
        return replace(step, results=results)
    if request.operation is NOperation.CREATE:
        # Asked again after an answer got lost: that there is such a step already means that it has begun.
        is_known = result.status is not None and int(result.status) == DUPLICATE and bool(step.results)
        if result.ok or is_known:
            uid = result.sop_instance_uid
            return replace(step, state=StepState.IN_PROGRESS, sop_instance_uid=uid, results=results)
    elif result.ok and request.dataset is not None:
        told = text_of(request.dataset, "PerformedProcedureStepStatus")
        state = StepState.COMPLETED if told == mpps.COMPLETED else StepState.DISCONTINUED
        return replace(step, state=state, results=results)
    return replace(step, results=results)
