"""What is shown of the steps that came: performed ones (MPPS) and unified ones (UPS)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from dicomgui.network.service_classes.attributes import items_of, text_of
from dicomgui.network.service_classes.mpps import COMPLETED, DISCONTINUED, IN_PROGRESS
from dicomgui.network.service_classes.performed_steps import PerformedStep
from dicomgui.network.service_classes.procedure_steps import ProcedureStep

__all__ = ["StepEntry", "procedure_entry", "step_status", "studies_of"]

_STATUS: Final = {IN_PROGRESS: "STARTED", COMPLETED: "COMPLETED", DISCONTINUED: "DISCONTINUED"}


@dataclass(frozen=True, slots=True)
class StepEntry:
    """Who dealt with a unified procedure step, by calling AE title.

    :ivar pushed_by: who made it.
    :ivar claimed_by: who took it in progress; empty until somebody does.
    """

    pushed_by: str = ""
    claimed_by: str = ""


def procedure_entry(known: StepEntry | None, step: ProcedureStep, calling_ae_title: str) -> StepEntry:
    """The entry after a change that ``calling_ae_title`` made."""
    if known is None:
        return StepEntry(calling_ae_title)
    if step.state == IN_PROGRESS and not known.claimed_by:
        return replace(known, claimed_by=calling_ae_title)
    return known


def step_status(step: PerformedStep) -> str:
    """The Scheduled Procedure Step Status (0040,0020) that follows from a performed step."""
    return _STATUS.get(step.status, "SCHEDULED")


def studies_of(step: PerformedStep) -> tuple[str, ...]:
    """The studies that a performed step belongs to, by UID."""
    items = items_of(step.dataset, "ScheduledStepAttributesSequence")
    return tuple(filter(None, (text_of(item, "StudyInstanceUID") for item in items)))
