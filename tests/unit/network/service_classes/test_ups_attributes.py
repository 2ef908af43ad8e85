"""The attributes of unified procedure steps (PS3.4 table CC.2.5-3)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydicom.dataset import Dataset

from dicomgui.network.service_classes.attributes import Code, dataset_of, in_utf_8
from dicomgui.network.service_classes.ups_attributes import cancelation, final_state_gaps, performed, scheduled

NOON = datetime(2024, 1, 2, 12, 0, 0, tzinfo=UTC)
WORK, STATION = Code("110001", "DCM", "Image Processing"), Code("CT1", "99X", "CT 1")


def test_a_new_step_is_scheduled_and_has_what_comes_later_without_a_value() -> None:
    step = scheduled("Reconstruct", start=NOON)
    assert step.ProcedureStepState == "SCHEDULED"
    assert step.ScheduledProcedureStepStartDateTime == "20240102120000+0000"
    assert (step.InputReadinessState, step.ScheduledProcedureStepPriority) == ("READY", "MEDIUM")
    for keyword in (
        "TransactionUID",
        "WorklistLabel",
        "PatientName",
        "InputInformationSequence",
        "ScheduledWorkitemCodeSequence",
        "ProcedureStepProgressInformationSequence",
        "UnifiedProcedureStepPerformedProcedureSequence",
    ):
        assert step[keyword].is_empty


def test_a_new_step_says_whose_it_is_and_what_is_to_be_done_with_what() -> None:
    patient = dataset_of({"PatientName": "MÜLLER", "PatientID": "4711", "StudyInstanceUID": "1.2", "Modality": "CT"})
    step = scheduled("Work", patient, workitem=WORK, station=STATION, inputs=[("1.3", "1.3.1")], worklist_label="W")
    assert (step.PatientName, step.PatientID, step.StudyInstanceUID) == ("MÜLLER", "4711", "1.2")
    assert "Modality" not in step
    assert step.SpecificCharacterSet == "ISO_IR 192"
    assert step.ScheduledWorkitemCodeSequence[0].CodeValue == "110001"
    assert step.ScheduledStationNameCodeSequence[0].CodeMeaning == "CT 1"
    information = step.InputInformationSequence[0]
    assert (information.TypeOfInstances, information.StudyInstanceUID) == ("DICOM", "1.2")
    assert information.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.3.1"


def test_what_was_performed_has_its_results() -> None:
    done = performed(STATION, WORK, started=NOON, ended=NOON, study_instance_uid="1.2", outputs=[("1.3", "1.3.1")])
    item = done.UnifiedProcedureStepPerformedProcedureSequence[0]
    assert item.PerformedProcedureStepEndDateTime == "20240102120000+0000"
    assert item.OutputInformationSequence[0].ReferencedSOPSequence[0].ReferencedSOPClassUID == "1.3"


def test_a_cancelation_has_a_time_a_code_and_what_is_said() -> None:
    plain = cancelation(at=NOON).ProcedureStepProgressInformationSequence[0]
    assert plain.ProcedureStepCancellationDateTime == "20240102120000+0000"
    assert plain.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110513"
    assert "ReasonForCancellation" not in plain
    assert "ProcedureStepProgress" not in plain
    full = cancelation("no data", code=WORK, percent=0).ProcedureStepProgressInformationSequence[0]
    assert full.ReasonForCancellation == "no data"
    assert float(full.ProcedureStepProgress) == 0


@pytest.mark.parametrize(
    ("step", "state", "gaps"),
    [
        (Dataset(), "COMPLETED", ("UnifiedProcedureStepPerformedProcedureSequence",)),
        (Dataset(), "CANCELED", ("ProcedureStepProgressInformationSequence",)),
        (performed(STATION, WORK), "COMPLETED", ()),
        (cancelation(), "CANCELED", ()),
        (
            dataset_of({"ProcedureStepProgressInformationSequence": [Dataset()]}),
            "CANCELED",
            ("ProcedureStepCancellationDateTime", "ProcedureStepDiscontinuationReasonCodeSequence"),
        ),
    ],
)
def test_final_states_have_requirements(step: Dataset, state: str, gaps: tuple[str, ...]) -> None:
    assert final_state_gaps(in_utf_8(step), state) == gaps
