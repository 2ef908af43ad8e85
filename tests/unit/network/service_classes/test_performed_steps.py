"""The rules of performed procedure steps as an SCP keeps them (PS3.4 F.7.2)."""

from __future__ import annotations

import pytest
from helpers.asking import ScriptedUser, change, create, read, status_of
from pydicom.dataset import Dataset

from dicomgui.network.service_classes.attributes import dataset_of, in_utf_8
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.service_classes.mpps import (
    NOTIFICATION_SOP_CLASS,
    RETRIEVE_SOP_CLASS,
    SOP_CLASS,
    PerformedSeries,
    completed,
    discontinued,
    in_progress,
)
from dicomgui.network.service_classes.performed_steps import MAY_NO_LONGER_BE_UPDATED, PerformedStep, PerformedSteps

UID = "1.2.3.4"
DONE = completed([PerformedSeries("1.2.3.5", "Thorax")])


def begun(**options: object) -> PerformedSteps:
    steps = PerformedSteps(**options)
    assert status_of(steps.on_n_create(create(SOP_CLASS, UID, new_step()))) == 0
    return steps


def new_step(*without: str, **values: object) -> Dataset:
    step = in_progress(station_ae="CT1", modality="CT")
    for keyword in without:
        del step[keyword]
    step.update(dataset_of(values))
    return step


def test_a_step_without_a_uid_gets_one() -> None:
    steps = PerformedSteps()
    reply = steps.on_n_create(create(SOP_CLASS, "", new_step()))
    assert list(steps.steps) == [reply.sop_instance_uid]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PerformedProcedureStepStartDate", "20241301"),
        ("PerformedProcedureStepStartTime", "25"),
        ("PatientBirthDate", "x"),
    ],
)
def test_a_value_that_cannot_be_is_refused(keyword: str, value: str) -> None:
    reply = PerformedSteps().on_n_create(create(SOP_CLASS, UID, new_step(**{keyword: value})))
    assert (status_of(reply), reply.offending) == (0x0106, (new_step()[keyword].tag,))
    assert (
        status_of(PerformedSteps(is_strict=False).on_n_create(create(SOP_CLASS, UID, new_step(**{keyword: value}))))
        == 0
    )
    ended = dataset_of({"PerformedProcedureStepEndDate": "soon"})
    assert status_of(begun().on_n_set(change(SOP_CLASS, UID, ended))) == 0x0106


def test_a_second_step_with_the_same_uid_is_a_duplicate() -> None:
    assert status_of(begun().on_n_create(create(SOP_CLASS, UID, new_step()))) == 0x0111


def test_there_is_a_limit_of_steps() -> None:
    assert status_of(begun(max_steps=1).on_n_create(create(SOP_CLASS, "1.2.3.9", new_step()))) == 0x0213


def test_beyond_the_limit_those_that_ended_make_room_the_oldest_first() -> None:
    forgotten: list[str] = []
    steps = PerformedSteps(is_strict=False, max_steps=3, on_forget=forgotten.append)
    for number in range(3):
        steps.on_n_create(create(SOP_CLASS, f"1.2.{number}", new_step()))
    for number in (2, 1):
        assert status_of(steps.on_n_set(change(SOP_CLASS, f"1.2.{number}", DONE))) == 0
    answers = [steps.on_n_create(create(SOP_CLASS, f"1.3.{number}", new_step())) for number in range(3)]
    assert [status_of(answer) for answer in answers] == [0, 0, 0x0213]
    assert forgotten == ["1.2.1", "1.2.2"]
    assert list(steps.steps) == ["1.2.0", "1.3.0", "1.3.1"]


@pytest.mark.parametrize(
    ("step", "status", "offending"),
    [
        (new_step("Modality"), 0x0120, 0x00080060),
        (new_step("StudyID"), 0x0120, 0x00200010),
        (new_step(PerformedStationAETitle=""), 0x0121, 0x00400241),
        (new_step(ScheduledStepAttributesSequence=[]), 0x0121, 0x00400270),
        (new_step(ScheduledStepAttributesSequence=[Dataset()]), 0x0106, 0x00400270),
        (new_step(PerformedProcedureStepStatus="COMPLETED"), 0x0106, 0x00400252),
    ],
)
def test_a_step_that_lacks_something_is_refused(step: Dataset, status: int, offending: int) -> None:
    steps = PerformedSteps()
    reply = steps.on_n_create(create(SOP_CLASS, UID, step))
    assert (status_of(reply), reply.offending) == (status, (offending,))
    assert not steps.steps


def test_a_lenient_keeper_looks_at_the_status_only() -> None:
    steps = PerformedSteps(is_strict=False)
    assert status_of(steps.on_n_create(create(SOP_CLASS, UID, Dataset()))) == 0x0106
    bare = dataset_of({"PerformedProcedureStepStatus": "IN PROGRESS"})
    assert status_of(steps.on_n_create(create(SOP_CLASS, UID, bare))) == 0
    end = dataset_of({"PerformedProcedureStepStatus": "COMPLETED"})
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, end))) == 0
    assert steps.on_n_set(change(SOP_CLASS, UID, end)) is MAY_NO_LONGER_BE_UPDATED


def test_a_step_is_changed_on_its_way_and_ended_once() -> None:
    told: list[PerformedStep] = []
    steps = begun(on_change=told.append)
    first = steps.steps[UID].dataset
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, keys_of(["PerformedProcedureStepDescription=Später"])))) == 0
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, DONE))) == 0
    late = steps.on_n_set(change(SOP_CLASS, UID, DONE))
    assert (status_of(late), late.error_id, late.comment) == (
        0x0110,
        0xA710,
        "Performed Procedure Step Object may no longer be updated",
    )
    assert [(step.status, step.is_final) for step in told] == [
        ("IN PROGRESS", False),
        ("IN PROGRESS", False),
        ("COMPLETED", True),
    ]
    assert steps.steps[UID].dataset.PerformedProcedureStepDescription == "Später"
    assert first["PerformedProcedureStepDescription"].is_empty


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        (dataset_of({"PerformedProcedureStepStatus": "PAUSED"}), 0x0106),
        (dataset_of({"PerformedProcedureStepStatus": ""}), 0x0106),
        (dataset_of({"PatientID": "other"}), 0x0105),
        (dataset_of({"PerformedProcedureStepStatus": "COMPLETED"}), 0x0121),
        (discontinued([PerformedSeries("1.2", "x")]), 0),
    ],
)
def test_a_change_must_be_allowed(changes: Dataset, status: int) -> None:
    steps = begun()
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, changes))) == status
    assert steps.steps[UID].is_final is (status == 0)


def test_what_is_not_there_cannot_be_changed_or_read() -> None:
    steps = PerformedSteps()
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, DONE))) == 0x0112
    assert status_of(steps.on_n_get(read(RETRIEVE_SOP_CLASS, UID))) == 0x0112


def test_a_step_is_read() -> None:
    steps = begun()
    reply = steps.on_n_get(read(RETRIEVE_SOP_CLASS, UID, 0x00080060, 0x00081030))
    assert (reply.status, reply.dataset.Modality, reply.attribute_identifiers) == (0x0001, "CT", (0x00081030,))


def test_texts_of_two_character_sets_are_kept_together() -> None:
    steps = PerformedSteps()
    latin = new_step(SpecificCharacterSet="ISO_IR 100", PatientName="MÜLLER")
    steps.on_n_create(create(SOP_CLASS, UID, latin))
    greek = dataset_of({"SpecificCharacterSet": "ISO_IR 126", "PerformedProcedureStepDescription": "ΘΩΡΑΞ"})
    steps.on_n_set(change(SOP_CLASS, UID, greek))
    kept = steps.steps[UID].dataset
    assert (kept.PatientName, kept.PerformedProcedureStepDescription) == ("MÜLLER", "ΘΩΡΑΞ")
    assert kept == in_utf_8(kept)
    assert kept.SpecificCharacterSet == "ISO_IR 192"


def test_a_step_can_be_removed() -> None:
    steps = begun()
    steps.remove(UID)
    assert not steps.steps
    with pytest.raises(KeyError):
        steps.remove(UID)
    assert steps.handlers().on_n_set == steps.on_n_set


def test_what_an_update_repeats_is_passed_over_where_that_is_set() -> None:
    """Some modalities send the whole step again with its end."""
    steps = PerformedSteps(is_strict=False)
    steps.on_n_create(create(SOP_CLASS, UID, new_step()))
    before = steps.steps[UID].dataset
    same = before[:]
    same.update(dataset_of({"PerformedProcedureStepDescription": "again"}))
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, same))) == 0
    other = dataset_of({"PatientID": "changed", "StudyID": before.get("StudyID"), "ReferencedPatientSequence": [same]})
    reply = steps.on_n_set(change(SOP_CLASS, UID, other))
    assert (status_of(reply), set(reply.attribute_identifiers)) == (0x0107, {0x00100020, 0x00081120})
    after = steps.steps[UID].dataset
    assert after.PatientID == before.PatientID
    assert after.ReferencedPatientSequence == before.ReferencedPatientSequence
    assert after.PerformedProcedureStepDescription == "again"
    steps.is_strict = True
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, same))) == 0x0105


# ------------------------------------------------------------------------------------------------------ notification


async def test_every_change_is_told_to_those_who_want_to_know() -> None:
    """The event types of PS3.4 table F.9.2-1, without any attributes."""
    told = {"A": ScriptedUser(), "B": ScriptedUser()}
    steps = PerformedSteps(open_association=lambda ae_title: told[ae_title], notified=("A", "B", "A"))
    assert status_of(steps.on_n_create(create(SOP_CLASS, UID, new_step()))) == 0
    assert status_of(steps.on_n_create(create(SOP_CLASS, UID, new_step()))) == 0x0111
    note = dataset_of({"CommentsOnThePerformedProcedureStep": "slow"})
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, note))) == 0
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, DONE))) == 0
    assert status_of(steps.on_n_set(change(SOP_CLASS, UID, DONE))) == 0x0110
    steps.remove(UID)
    assert status_of(steps.on_n_create(create(SOP_CLASS, "1.2.9", new_step()))) == 0
    assert (
        status_of(steps.on_n_set(change(SOP_CLASS, "1.2.9", discontinued([PerformedSeries("1.2.3.6", "Thorax")])))) == 0
    )
    await steps.flush()
    expected = [(UID, 1), (UID, 4), (UID, 2), (UID, 5), ("1.2.9", 1), ("1.2.9", 3)]
    for user in told.values():
        assert [arguments[1:] for _, arguments, _ in user.asked] == expected
        assert {arguments[0] for _, arguments, _ in user.asked} == {NOTIFICATION_SOP_CLASS}
    await steps.close()


async def test_a_step_that_makes_room_is_told_as_deleted() -> None:
    user = ScriptedUser()
    steps = PerformedSteps(max_steps=1, open_association=lambda ae_title: user, notified=("A",))
    steps.on_n_create(create(SOP_CLASS, UID, new_step()))
    steps.on_n_set(change(SOP_CLASS, UID, DONE))
    assert status_of(steps.on_n_create(create(SOP_CLASS, "1.2.9", new_step()))) == 0
    await steps.flush()
    assert [arguments[1:] for _, arguments, _ in user.asked] == [(UID, 1), (UID, 2), (UID, 5), ("1.2.9", 1)]


async def test_without_a_way_to_them_nobody_is_told() -> None:
    steps = begun(notified=("A",))
    await steps.flush()
    await steps.close()
    assert list(steps.steps) == [UID]
