"""The attributes of performed procedure steps (PS3.4 table F.7.2-1), and the two verbs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from helpers.asking import ScriptedUser
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError, DimseFailure, Response, Status
from dicomgui.network.service_classes.attributes import Code
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.service_classes.mpps import (
    SOP_CLASS,
    PerformedSeries,
    completed,
    discontinued,
    finish,
    in_progress,
    start,
)
from dicomgui.network.service_classes.performed_steps import PerformedSteps
from dicomgui.network.uids import is_valid_uid

NOON = datetime(2024, 1, 2, 12, 0, 0, tzinfo=UTC)
SERIES = PerformedSeries("1.2.3.5", "Thorax", (("1.2", "1.2.3.6"),), (("1.3", "1.2.3.7"),), operator="DOE")


def test_an_unscheduled_step_has_all_attributes_that_are_set_later() -> None:
    step = in_progress(station_ae="CT1", modality="CT", started=NOON)
    assert step.PerformedProcedureStepStatus == "IN PROGRESS"
    assert (step.PerformedProcedureStepStartDate, step.PerformedProcedureStepStartTime) == ("20240102", "120000")
    assert step.PerformedProcedureStepID == "240102120000"
    assert is_valid_uid(step.ScheduledStepAttributesSequence[0].StudyInstanceUID)
    for keyword in ("PerformedSeriesSequence", "PerformedProcedureStepDiscontinuationReasonCodeSequence"):
        assert len(step[keyword].value) == 0
    assert step["PatientName"].is_empty
    assert "SpecificCharacterSet" not in step


def test_a_step_needs_a_modality() -> None:
    with pytest.raises(ConfigurationError, match="modality"):
        in_progress(station_ae="CT1")


def test_a_scheduled_step_takes_over_what_was_scheduled() -> None:
    item = keys_of(
        [
            "PatientName=MÜLLER",
            "StudyInstanceUID=1.2.3",
            "AccessionNumber=A1",
            "RequestedProcedureID=RP1",
            "RequestedProcedureCodeSequence[0].CodeValue=X",
            "ScheduledProcedureStepSequence[0].Modality=CT",
            "ScheduledProcedureStepSequence[0].ScheduledProcedureStepID=SPS1",
            "ScheduledProcedureStepSequence[0].ScheduledProcedureStepDescription=Thorax",
            "ScheduledProcedureStepSequence[0].ScheduledStationName=ROOM 1",
        ]
    )
    step = in_progress(item, station_ae="CT1")
    planned = step.ScheduledStepAttributesSequence[0]
    assert (step.Modality, step.PatientName, step.SpecificCharacterSet) == ("CT", "MÜLLER", "ISO_IR 192")
    assert (planned.StudyInstanceUID, planned.AccessionNumber, planned.ScheduledProcedureStepID) == (
        "1.2.3",
        "A1",
        "SPS1",
    )
    assert (step.PerformedProcedureStepID, step.PerformedStationName) == ("SPS1", "ROOM 1")
    assert step.PerformedProcedureStepDescription == "Thorax"
    assert step.ProcedureCodeSequence[0].CodeValue == "X"
    assert step["ReferencedPatientSequence"].value == []
    other = in_progress(item, station_ae="CT1", study_instance_uid="1.9", step_id="P2", modality="PT", study_id="7")
    assert other.ScheduledStepAttributesSequence[0].StudyInstanceUID == "1.9"
    assert (other.PerformedProcedureStepID, other.Modality, other.StudyID) == ("P2", "PT", "7")


def test_a_step_is_completed_with_its_series() -> None:
    end = completed([SERIES], ended=NOON, protocols=[Code("P", "99X", "Protocol")])
    assert (end.PerformedProcedureStepStatus, end.PerformedProcedureStepEndTime) == ("COMPLETED", "120000")
    made = end.PerformedSeriesSequence[0]
    assert (made.SeriesInstanceUID, made.ProtocolName, made.OperatorsName) == ("1.2.3.5", "Thorax", "DOE")
    assert made.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.6"
    assert made.ReferencedNonImageCompositeSOPInstanceSequence[0].ReferencedSOPClassUID == "1.3"
    assert end.PerformedProtocolCodeSequence[0].CodeMeaning == "Protocol"
    assert "PerformedProcedureStepDiscontinuationReasonCodeSequence" not in end


def test_a_step_is_discontinued_for_a_reason() -> None:
    end = discontinued([SERIES])
    assert end.PerformedProcedureStepStatus == "DISCONTINUED"
    assert end.PerformedProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110513"


def test_no_step_ends_without_a_series() -> None:
    for end in (completed, discontinued):
        with pytest.raises(ConfigurationError):
            end([])


async def test_the_peer_may_choose_the_uid() -> None:
    user = ScriptedUser(Response(Status(0), sop_instance_uid="1.2.3.9"), Response(Status(0)))
    assert await start(user, Dataset()) == "1.2.3.9"
    assert await start(user, Dataset(), sop_instance_uid="1.2.3.8") == "1.2.3.8"
    assert user.asked[1][1][0] == SOP_CLASS


async def test_a_refusal_is_raised() -> None:
    user = ScriptedUser(Response(Status(0x0111)), Response(Status(0x0110), error_id=0xA710))
    with pytest.raises(DimseFailure):
        await start(user, Dataset())
    with pytest.raises(DimseFailure):
        await finish(user, "1.2.3", Dataset())


def test_the_keeper_has_the_classes_of_the_module() -> None:
    assert SOP_CLASS in PerformedSteps().sop_classes
