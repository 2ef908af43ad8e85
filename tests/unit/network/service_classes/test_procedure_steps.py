"""The keeper of unified procedure steps: creating, changing, reading, finding, removing."""

from __future__ import annotations

import pytest
from helpers.asking import ScriptedUser, act, change, create, find, read, status_of
from pydicom.dataset import Dataset

from dicomgui.network.service_classes.attributes import Code, dataset_of
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.service_classes.procedure_steps import ProcedureStep, ProcedureSteps
from dicomgui.network.service_classes.ups_attributes import PULL, PUSH, QUERY, cancelation, performed, scheduled
from dicomgui.network.service_classes.ups_watch import ALL_STEPS, GOING_DOWN, RESTARTED, EventType, UpsEvent

UID, KEY = "1.2.3", "1.2.9"
CODE = Code("1", "99X", "x")


def kept(**options: object) -> ProcedureSteps:
    steps = ProcedureSteps(**options)
    assert status_of(steps.on_n_create(create(PUSH, UID, scheduled("Work", worklist_label="W")))) == 0
    return steps


def go(steps: ProcedureSteps, state: str, transaction: str = KEY) -> int:
    wanted = dataset_of({"ProcedureStepState": state, "TransactionUID": transaction})
    return status_of(steps.on_n_action(act(PUSH, UID, 1, wanted, abstract_syntax=PULL)))


def set_(steps: ProcedureSteps, changes: Dataset, transaction: str = KEY) -> int:
    if transaction:
        changes.TransactionUID = transaction
    return status_of(steps.on_n_set(change(PUSH, UID, changes)))


def without(keyword: str) -> Dataset:
    step = scheduled("Work")
    del step[keyword]
    return step


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (scheduled("Work", worklist_label="W"), 0),
        (scheduled("Work"), 0xB300),
        (scheduled(""), 0x0121),
        (without("InputReadinessState"), 0x0120),
        (dataset_of({**{e.keyword: e.value for e in scheduled("x")}, "ProcedureStepState": "IN PROGRESS"}), 0xC309),
    ],
)
def test_a_new_step_is_judged(step: Dataset, status: int) -> None:
    steps = ProcedureSteps(worklist_label="MINE")
    reply = steps.on_n_create(create(PUSH, "", step))
    assert status_of(reply) == status
    assert len(steps.steps) == (status in (0, 0xB300))
    if status == 0xB300:
        assert steps.steps[reply.sop_instance_uid].dataset.WorklistLabel == "MINE"


NOT_ALLOWED = [
    "SOPClassUID",
    "SOPInstanceUID",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ReplacedProcedureStepSequence",
    "IssuerOfPatientIDQualifiersSequence",
]


@pytest.mark.parametrize("keyword", NOT_ALLOWED)
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_an_update_holds_nothing_that_the_table_does_not_allow(keyword: str, state: str) -> None:
    """PS3.4 table CC.2.5-3: "Not Allowed" in the column of N-SET."""
    steps = kept()
    before = steps.steps[UID].dataset
    if state != "SCHEDULED":
        go(steps, state)
    changes = dataset_of({keyword: [] if keyword.endswith("Sequence") else "", "ProcedureStepLabel": "Other"})
    if state != "SCHEDULED":
        changes.TransactionUID = KEY
    reply = steps.on_n_set(change(PUSH, UID, changes))
    assert status_of(reply) == 0x0105
    assert reply.attribute_identifiers == (changes[keyword].tag,)
    assert steps.steps[UID].dataset.ProcedureStepLabel == before.ProcedureStepLabel


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ScheduledProcedureStepPriority", "SOON"),
        ("InputReadinessState", "PERHAPS"),
        ("ScheduledProcedureStepStartDateTime", "tomorrow"),
        ("StudyInstanceUID", "1..2"),
    ],
)
def test_a_value_that_cannot_be_is_refused(keyword: str, value: str) -> None:
    new = scheduled("Work", worklist_label="W")
    new.update(dataset_of({keyword: value}))
    reply = ProcedureSteps().on_n_create(create(PUSH, "1.2.4", new))
    assert (status_of(reply), reply.offending) == (0x0106, (new[keyword].tag,))
    steps = kept()
    assert set_(steps, dataset_of({keyword: value}), "") == 0x0106
    lenient = kept(is_strict=False)
    assert set_(lenient, dataset_of({keyword: value}), "") == 0


def test_uids_are_unique_and_there_is_a_limit() -> None:
    forgotten: list[str] = []
    steps = kept(max_steps=1, on_forget=forgotten.append)
    assert status_of(steps.on_n_create(create(PUSH, UID, scheduled("Work")))) == 0x0111
    assert status_of(steps.on_n_create(create(PUSH, "1.2.4", scheduled("Work")))) == 0x0213
    go(steps, "IN PROGRESS")
    set_(steps, cancelation())
    assert go(steps, "CANCELED") == 0
    assert status_of(steps.on_n_create(create(PUSH, "1.2.4", scheduled("Work", worklist_label="W")))) == 0
    assert forgotten == [UID]


def test_a_lenient_keeper_looks_at_the_state_only() -> None:
    steps = ProcedureSteps(is_strict=False)
    bare = dataset_of({"ProcedureStepState": "SCHEDULED", "WorklistLabel": "W"})
    assert status_of(steps.on_n_create(create(PUSH, UID, bare))) == 0


def test_a_step_goes_its_way_to_the_end() -> None:
    told: list[ProcedureStep] = []
    steps = kept(on_change=told.append)
    assert set_(steps, keys_of(["ProcedureStepLabel=Other"]), "") == 0
    assert go(steps, "IN PROGRESS") == 0
    assert set_(steps, performed(CODE, CODE), "1.2.8") == 0xC301
    assert go(steps, "COMPLETED") == 0xC304
    assert set_(steps, performed(CODE, CODE)) == 0
    assert go(steps, "COMPLETED") == 0
    assert set_(steps, performed(CODE, CODE)) == 0xC300
    assert [step.state for step in told] == ["SCHEDULED", "SCHEDULED", "IN PROGRESS", "IN PROGRESS", "COMPLETED"]
    final = steps.steps[UID].dataset
    assert final.ProcedureStepLabel == "Other"
    assert "TransactionUID" not in final
    assert final.ScheduledProcedureStepModificationDateTime


def test_what_is_not_there_is_c307() -> None:
    steps = ProcedureSteps()
    assert status_of(steps.on_n_set(change(PUSH, UID, Dataset()))) == 0xC307
    assert status_of(steps.on_n_get(read(PUSH, UID))) == 0xC307
    assert go(steps, "IN PROGRESS") == 0xC307
    assert status_of(steps.on_n_action(act(PUSH, UID, 2))) == 0xC307
    assert status_of(steps.on_n_action(act(PUSH, UID, 9))) == 0x0123


async def test_a_claim_is_never_told() -> None:
    steps = kept()
    go(steps, "IN PROGRESS")
    reply = steps.on_n_get(read(PUSH, UID, 0x00081195, 0x00741000))
    assert (status_of(reply), reply.attribute_identifiers) == (0x0001, (0x00081195,))
    found = await found_by(steps, dataset_of({"TransactionUID": "", "ProcedureStepState": "IN PROGRESS"}))
    assert [one.ProcedureStepState for one in found] == ["IN PROGRESS"]
    assert "TransactionUID" not in found[0]


async def found_by(steps: ProcedureSteps, identifier: Dataset) -> list[Dataset]:
    return [one async for one in steps.on_find(find(QUERY, identifier))]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ([f"SOPInstanceUID={UID}"], True),
        ([f"SOPInstanceUID=1.2.4\\{UID}"], True),
        ([f"SOPInstanceUID={UID}\\{UID}", "SOPClassUID"], True),
        ([f"SOPInstanceUID={UID}", f"SOPClassUID={PUSH}"], True),
        ([f"SOPClassUID={PULL}"], False),
        (["SOPInstanceUID=1.2.4"], False),
        (["ProcedureStepLabel=W*"], True),
        (["ProcedureStepLabel=Other"], False),
        ([f"SOPInstanceUID={UID}", "ProcedureStepLabel=Other"], False),
    ],
)
async def test_steps_are_found_by_what_they_are(keys: list[str], found: bool) -> None:
    steps = kept()
    steps.on_n_create(create(PUSH, "1.2.5", scheduled("Else", worklist_label="W")))
    answers = await found_by(steps, keys_of(keys))
    assert len(answers) == found
    if answers and "SOPInstanceUID" in answers[0]:
        assert UID in {one.SOPInstanceUID for one in answers}
    assert steps.handlers().on_find == steps.on_find


def test_a_scheduled_step_is_canceled_with_the_reasons_that_are_given() -> None:
    steps = kept()
    wish = dataset_of(
        {
            "ReasonForCancellation": "no time",
            "ProcedureStepDiscontinuationReasonCodeSequence": [CODE.item()],
        }
    )
    assert status_of(steps.on_n_action(act(PUSH, UID, 2, wish))) == 0
    item = steps.steps[UID].dataset.ProcedureStepProgressInformationSequence[0]
    assert item.ReasonForCancellation == "no time"
    assert item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "1"
    assert status_of(steps.on_n_action(act(PUSH, UID, 2, wish))) == 0xB304


def test_a_performer_that_nobody_can_reach_is_c312() -> None:
    steps = kept()
    go(steps, "IN PROGRESS")
    assert status_of(steps.on_n_action(act(PUSH, UID, 2))) == 0xC312


async def test_a_performer_is_told_what_was_asked_and_no_more() -> None:
    user = ScriptedUser()
    steps = kept(open_association=lambda ae: user)
    steps.on_n_action(act(PUSH, ALL_STEPS, 3, dataset_of({"ReceivingAE": "A", "DeletionLock": "TRUE"})))
    assert steps.subscribers(UID) == ("A",)
    go(steps, "IN PROGRESS")
    wish = dataset_of({"ContactDisplayName": "DOE", "PatientID": "4711"})
    assert status_of(steps.on_n_action(act(PUSH, UID, 2, wish))) == 0
    set_(steps, keys_of(["InputReadinessState=INCOMPLETE"]))
    set_(steps, keys_of(["ProcedureStepLabel=silent"]))
    set_(steps, cancelation("no"))
    await steps.flush()
    await steps.close()
    assert [arguments[2] for _, arguments, _ in user.asked] == [
        EventType.STATE_REPORT,
        EventType.STATE_REPORT,
        EventType.CANCEL_REQUESTED,
        EventType.STATE_REPORT,
        EventType.PROGRESS_REPORT,
    ]
    asked = user.asked[2][1][3]
    assert (asked.RequestingAE, asked.ContactDisplayName) == ("PEER", "DOE")
    assert "PatientID" not in asked


async def test_finished_steps_are_removed_unless_they_are_locked() -> None:
    user = ScriptedUser()
    steps = kept(open_association=lambda ae: user)
    steps.on_n_action(act(PUSH, UID, 3, dataset_of({"ReceivingAE": "A", "DeletionLock": "TRUE"})))
    assert steps.remove_finished() == ()
    go(steps, "IN PROGRESS")
    set_(steps, cancelation())
    assert go(steps, "CANCELED") == 0
    assert steps.remove_finished() == ()
    steps.on_n_action(act(PUSH, UID, 4, dataset_of({"ReceivingAE": "A"})))
    assert steps.remove_finished() == (UID,)
    assert not steps.steps
    await steps.close()


# -- assigned --------------------------------------------------------------------------------------------------------


def performer(code: str, organization: str = "") -> Dataset:
    values = {"HumanPerformerCodeSequence": [Code(code, "99X", "x").item()]}
    return dataset_of(values | ({"HumanPerformerOrganization": organization} if organization else {}))


async def test_watchers_are_told_to_whom_a_step_is_assigned() -> None:
    """PS3.4 CC.2.4.3: at its creation where it is populated, and each time that one of the sequences is updated."""
    user = ScriptedUser()
    steps = ProcedureSteps(open_association=lambda ae: user)
    steps.on_n_action(act(PUSH, ALL_STEPS, 3, dataset_of({"ReceivingAE": "A", "DeletionLock": "FALSE"})))
    assert steps.receivers == ("A",)
    steps.on_n_create(create(PUSH, "1.1", scheduled("Nobody's", worklist_label="W")))
    steps.on_n_create(create(PUSH, UID, scheduled("Work", worklist_label="W", station=CODE)))
    people = [performer("7"), performer("8", "Ward 9")]
    set_(steps, dataset_of({"ScheduledHumanPerformersSequence": people}), "")
    set_(steps, dataset_of({"ScheduledHumanPerformersSequence": people, "ProcedureStepLabel": "Same"}), "")
    set_(steps, dataset_of({"ScheduledHumanPerformersSequence": [], "ScheduledStationNameCodeSequence": []}), "")
    await steps.flush()
    kinds = [(arguments[1], arguments[2]) for _, arguments, _ in user.asked]
    assert kinds == [("1.1", 1), (UID, 1), (UID, 5), (UID, 5), (UID, 5)]
    events = [UpsEvent(arguments[2], arguments[1], arguments[3]) for _, arguments, _ in user.asked]
    first, second, third = events[2:]
    assert [element.keyword for element in first.dataset] == ["ScheduledStationNameCodeSequence"]
    assert first.stations == ("1",)
    assert [item.CodeValue for item in second.dataset.HumanPerformerCodeSequence] == ["7", "8"]
    assert second.dataset.HumanPerformerOrganization == "Ward 9"
    assert second.stations == ("1",)
    assert (len(third.dataset), third.stations) == (0, ())


# -- the status of the SCP -------------------------------------------------------------------------------------------


async def test_all_subscribers_and_the_fallback_list_are_told_of_a_restart_once() -> None:
    """PS3.4 CC.2.4.3: the fallback list, who is subscribed globally, and who is to any step."""
    users = {"A": ScriptedUser(), "B": ScriptedUser(), "C": ScriptedUser()}
    steps = kept(open_association=users.get)
    steps.on_n_action(act(PUSH, ALL_STEPS, 3, dataset_of({"ReceivingAE": "A", "DeletionLock": "FALSE"})))
    steps.on_n_action(act(PUSH, UID, 3, dataset_of({"ReceivingAE": "B", "DeletionLock": "FALSE"})))
    await steps.flush()
    for user in users.values():
        user.asked.clear()
    assert steps.announce(GOING_DOWN) == ("A", "B")
    assert steps.announce(RESTARTED, keeps_subscriptions=False, keeps_steps=False, fallback=["A", "C"]) == (*"ABC",)
    await steps.flush()
    told = {
        title: [(arguments[0], arguments[1], int(arguments[2])) for _, arguments, _ in user.asked]
        for title, user in users.items()
    }
    once = (PUSH, ALL_STEPS, 4)
    assert told == {"A": [once, once], "B": [once, once], "C": [once]}
    reports = [UpsEvent(arguments[2], arguments[1], arguments[3]) for _, arguments, _ in users["A"].asked]
    assert [event.scp_status for event in reports] == ["GOING DOWN", "RESTARTED"]
    lists = [(one.dataset.SubscriptionListStatus, one.dataset.UnifiedProcedureStepListStatus) for one in reports]
    assert lists == [("WARM START", "WARM START"), ("COLD START", "COLD START")]


def test_who_sends_no_events_announces_nothing() -> None:
    assert ProcedureSteps().announce(RESTARTED, fallback=["A"]) == ()


# -- relaxed ---------------------------------------------------------------------------------------------------------


def test_what_an_update_repeats_is_passed_over_where_that_is_set() -> None:
    steps = kept(is_strict=False)
    same = dataset_of({"PatientID": "", "IssuerOfAdmissionIDSequence": [], "ProcedureStepLabel": "Other"})
    assert set_(steps, same, "") == 0
    other = dataset_of({"PatientID": "4711", "AdmissionID": "", "ProcedureStepLabel": "Third"})
    reply = steps.on_n_set(change(PUSH, UID, other))
    assert (status_of(reply), reply.attribute_identifiers) == (0x0107, (0x00100020,))
    step = steps.steps[UID].dataset
    assert (step.ProcedureStepLabel, step.PatientID) == ("Third", "")
    steps.is_strict = True
    assert set_(steps, same, "") == 0x0105
