"""Who dealt with a step, and what a performed step says of what was scheduled."""

from __future__ import annotations

import pytest
from helpers.retrieval import elements

from dicomgui.app.listening.steps_received import StepEntry, procedure_entry, step_status, studies_of
from dicomgui.network.service import AssociationFacts
from dicomgui.network.service_classes.performed_steps import PerformedStep
from dicomgui.network.service_classes.procedure_steps import ProcedureStep

FACTS = AssociationFacts(1, "peer:1", "CT", "US", "", "")


def test_who_pushed_and_who_claimed() -> None:
    pushed = ProcedureStep("2.25.1", elements(ProcedureStepState="SCHEDULED"))
    claimed = ProcedureStep("2.25.1", elements(ProcedureStepState="IN PROGRESS"))
    entry = procedure_entry(None, pushed, "PUSHER")
    entry = procedure_entry(entry, pushed, "SOMEBODY")
    entry = procedure_entry(entry, claimed, "DOER")
    assert procedure_entry(entry, claimed, "ANOTHER") == StepEntry("PUSHER", "DOER")


@pytest.mark.parametrize(
    ("status", "scheduled"),
    [("IN PROGRESS", "STARTED"), ("COMPLETED", "COMPLETED"), ("DISCONTINUED", "DISCONTINUED"), ("", "SCHEDULED")],
)
def test_states(status: str, scheduled: str) -> None:
    items = [elements(StudyInstanceUID="1.2"), elements(StudyInstanceUID=""), elements(StudyInstanceUID="1.3")]
    dataset = elements(PerformedProcedureStepStatus=status, ScheduledStepAttributesSequence=items)
    step = PerformedStep("2.25.1", dataset, FACTS)
    assert step_status(step) == scheduled
    assert studies_of(step) == ("1.2", "1.3")
