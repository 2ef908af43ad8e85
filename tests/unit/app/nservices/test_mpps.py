"""Performed steps by hand: what is sent, and how a step stands by what the peer has confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from helpers.answering import answering
from helpers.worklist import item, ris
from pydicom.dataset import Dataset

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservices import mpps
from dicomgui.app.nservices.mpps import (
    MAX_STEPS,
    REASONS,
    PerformedSteps,
    StepState,
    begin_remarks,
    begin_texts,
    begun,
    end_remarks,
    end_texts,
    ended,
    first_series,
    study_of,
)
from dicomgui.app.nservices.performed_series import fresh_row
from dicomgui.network import Handlers, PeerAddress, Reply, Status

ITEM = item(1, "Wang^XiaoDong=王^小东=", "CT", "CT1")
NOW = datetime(2024, 2, 29, 8, 31, 5)  # noqa: DTZ001 - local time
OPTIONS = ConnectionOptions()


def dataset(**texts: str) -> Dataset:
    return begun(ITEM, {**begin_texts(ITEM, station_ae="ME", now=NOW), **texts})


def test_a_step_begins_with_what_the_worklist_has() -> None:
    sent = dataset()
    [planned] = sent.ScheduledStepAttributesSequence
    assert (planned.StudyInstanceUID, planned.AccessionNumber, planned.RequestedProcedureID) == ("1.2.3.1", "A1", "R1")
    assert (planned.ScheduledProcedureStepID, planned.ScheduledProtocolCodeSequence[0].CodeValue) == ("S1", "P1")
    assert planned.ReferencedStudySequence[0].ReferencedSOPInstanceUID == "1.2.4.1"
    assert sent.ProcedureCodeSequence[0].CodeValue == "C1"
    assert (str(sent.PatientName), sent.PatientID, sent.PatientSex) == ("Wang^XiaoDong=王^小东", "ID1", "F")
    assert (sent.PerformedStationAETitle, sent.PerformedStationName, sent.PerformedProcedureStepID) == (
        "ME", "CT1N", "S1",
    )  # fmt: skip
    assert (sent.PerformedProcedureStepStartDate, sent.PerformedProcedureStepStartTime) == ("20240229", "083105")
    assert (sent.PerformedProcedureStepStatus, sent.Modality) == ("IN PROGRESS", "CT")
    assert not begin_remarks(sent)


def test_what_was_changed_is_sent_and_what_is_missing_is_said() -> None:
    sent = dataset(PerformedStationAETitle="", PerformedLocation="手术室", Modality="")
    assert sent.PerformedLocation == "手术室"
    assert sent.SpecificCharacterSet == "ISO_IR 192"
    assert begin_remarks(sent) == (
        "PerformedStationAETitle, Modality must have a value (PS3.4 table F.7.2-1); the peer may refuse the step.",
    )


def test_an_item_without_a_step_can_be_begun_as_well() -> None:
    assert begin_texts(Dataset(), station_ae="ME", now=NOW)["PerformedProcedureStepID"] == "240229083105"


def test_the_end_names_one_series_and_a_reason() -> None:
    step = mpps.Step("1.2", PeerAddress("A", "h", 1), OPTIONS, dataset())
    texts, row = end_texts(NOW), first_series(step)
    done = ended(texts, [row])
    assert (done.PerformedProcedureStepStatus, done.PerformedProcedureStepEndTime) == ("COMPLETED", "083105")
    assert done.PerformedSeriesSequence[0].ProtocolName == "CT of number 1"
    assert not end_remarks(done)
    broken = ended({**texts, "PerformedProcedureStepEndDate": ""}, [{**row, "ProtocolName": ""}], REASONS[4])
    [reason] = broken.PerformedProcedureStepDiscontinuationReasonCodeSequence
    assert (broken.PerformedProcedureStepStatus, reason.CodeValue) == ("DISCONTINUED", REASONS[4].value)
    assert end_remarks(broken)[0].startswith("PerformedProcedureStepEndDate, ProtocolName must have a value")


def test_the_end_names_each_series_with_its_images() -> None:
    rows = [fresh_row("Scout"), {**fresh_row("Thorax"), "images": "1.2.7; 1.2.840.10008.5.1.4.1.1.88.11/1.2.8"}]
    done = ended({**end_texts(NOW), "OperatorsName": "Li^Wei=李^伟"}, rows, modality="CT")
    scout, thorax = done.PerformedSeriesSequence
    assert (scout.ProtocolName, len(scout.ReferencedImageSequence)) == ("Scout", 0)
    [image] = thorax.ReferencedImageSequence
    assert (image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.7")
    [report] = thorax.ReferencedNonImageCompositeSOPInstanceSequence
    assert report.ReferencedSOPInstanceUID == "1.2.8"
    assert str(thorax.OperatorsName) == "Li^Wei=李^伟"
    assert study_of(mpps.Step("1.2", PeerAddress("A", "h", 1), OPTIONS, dataset())) == "1.2.3.1"


def test_the_reasons_are_those_of_the_standard() -> None:
    from pydicom.sr._cid_dict import cid_concepts
    from pydicom.sr._concepts_dict import concepts

    known = {
        code: meaning for name in cid_concepts[9300]["DCM"] for code, (meaning, _) in concepts["DCM"][name].items()
    }
    assert all(known[code.value] == code.meaning for code in REASONS)


async def test_a_step_is_begun_and_completed_once() -> None:
    with AppContext() as context:
        async with ris() as scp:
            steps = PerformedSteps(context)
            uid = steps.plan(scp.address, OPTIONS, dataset())
            assert steps.steps[uid].state is StepState.NOT_BEGUN
            assert (await steps.send(uid, steps.begin_request(uid), OPTIONS)).ok
            assert (steps.steps[uid].state, scp.steps.steps[uid].status) == (StepState.IN_PROGRESS, "IN PROGRESS")
            end = steps.end_request(uid, ended(end_texts(), [first_series(steps.steps[uid])]))
            assert (await steps.send(uid, end, OPTIONS)).ok
            assert (steps.steps[uid].state, scp.steps.steps[uid].status) == (StepState.COMPLETED, "COMPLETED")
            again = await steps.send(uid, end, OPTIONS)
            assert (int(again.status or 0), steps.steps[uid].state) == (0x0110, StepState.COMPLETED)
            assert [result.ok for result in steps.steps[uid].results] == [True, True, False]
            await steps.send(uid, steps.begin_request(uid), OPTIONS)
            assert steps.steps[uid].state is StepState.COMPLETED, "a doubled N-CREATE does not begin it anew"


async def test_a_step_that_was_refused_is_not_begun_and_can_be_sent_again() -> None:
    answers = [Reply(Status(0x0110), "no"), Reply(Status(0x0111), "there is one")]
    with AppContext() as context:
        handlers = Handlers(on_n_create=lambda _request: answers.pop(0))
        async with answering(handlers, sop_classes=frozenset({"1.2.840.10008.3.1.2.3.3"})) as scp:
            steps = PerformedSteps(context)
            uid = steps.plan(scp.address, OPTIONS, dataset())
            refused = await steps.send(uid, steps.begin_request(uid), OPTIONS)
            assert (refused.ok, refused.comment, steps.steps[uid].state) == (False, "no", StepState.NOT_BEGUN)
            await steps.send(uid, steps.begin_request(uid), OPTIONS)
            assert steps.steps[uid].state is StepState.IN_PROGRESS


async def test_the_peer_may_give_the_step_a_uid_of_its_own() -> None:
    with AppContext() as context:
        handlers = Handlers(on_n_create=lambda _request: Reply(Status(0), sop_instance_uid="1.2.99"))
        async with answering(handlers, sop_classes=frozenset({"1.2.840.10008.3.1.2.3.3"})) as scp:
            steps = PerformedSteps(context)
            uid = steps.plan(scp.address, OPTIONS, dataset())
            await steps.send(uid, steps.begin_request(uid), OPTIONS)
            assert steps.steps[uid].sop_instance_uid == "1.2.99"
            assert steps.end_request(uid, Dataset()).sop_instance_uid == "1.2.99"


def test_steps_that_are_over_are_forgotten_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_STEPS >= 100
    monkeypatch.setattr(mpps, "MAX_STEPS", 3)
    with AppContext() as context:
        steps = PerformedSteps(context)
        peer = PeerAddress("A", "h", 1)
        first = steps.plan(peer, OPTIONS, dataset())
        steps._steps[first] = replace(steps._steps[first], state=StepState.IN_PROGRESS)
        others = [steps.plan(peer, OPTIONS, dataset()) for _ in range(4)]
        assert list(steps.steps) == [first, *others[-2:]]
        steps.forget(first)
        assert list(steps.steps) == others[-2:]
