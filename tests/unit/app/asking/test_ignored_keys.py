"""Which keys the answers contradict."""

from __future__ import annotations

from helpers.retrieval import elements

from dicomgui.app.asking.ignored_keys import LOOKED_AT, ignored_keys
from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.values import Answer
from dicomgui.network.dimse.dataset import encode_dataset

BROKEN = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff" + bytes(8)


def answer(**values: object) -> Answer:
    return Answer(encode_dataset(elements(**values), "1.2.840.10008.1.2.1"))


def keys(*texts: str) -> tuple[object, ...]:
    return tuple(map(parse_key, texts))


def test_a_key_that_an_answer_contradicts_was_ignored() -> None:
    answers = [answer(PatientName="Doe^A", Modality="CT"), answer(PatientName="Roe^B", Modality="CT")]
    assert ignored_keys(map(parse_key, ["PatientName=Doe*", "Modality=CT"]), answers) == ("PatientName",)


def test_what_is_not_returned_contradicts_nothing() -> None:
    answers = [answer(PatientID="1"), answer(PatientID="1", PatientName="")]
    assert ignored_keys(map(parse_key, ["PatientName=Doe*", "PatientID=1"]), answers) == ()


def test_ranges_wildcards_and_cases_of_names_are_understood() -> None:
    answers = [answer(StudyDate="20240131", PatientName="doe^jane", StudyDescription="CT chest")]
    written = ["StudyDate=20240101-20240201", "PatientName=DOE^J*", "StudyDescription=*chest"]
    assert ignored_keys(map(parse_key, written), answers) == ()
    assert ignored_keys(map(parse_key, ["StudyDate=20240201-"]), answers) == ("StudyDate",)


def test_keys_inside_of_sequences_and_the_character_set() -> None:
    answers = [answer(RequestAttributesSequence=[elements(RequestedProcedureID="8")])]
    inside = "RequestAttributesSequence[0].RequestedProcedureID"
    assert ignored_keys([parse_key(f"{inside}=7")], answers) == (inside,)
    assert ignored_keys([parse_key(f"{inside}=8"), parse_key("SpecificCharacterSet=ISO_IR 192")], answers) == ()


def test_unreadable_answers_and_very_many_are_passed_over() -> None:
    many = [answer(PatientID="1")] * LOOKED_AT + [answer(PatientID="2")]
    assert ignored_keys([parse_key("PatientID=1")], [Answer(BROKEN), *many[:-2]]) == ()
    assert ignored_keys([parse_key("PatientID=1")], many) == ()
    assert ignored_keys([parse_key("PatientID=1")], many[1:]) == ("PatientID",)


def test_a_time_inside_of_the_period_of_a_worklist_contradicts_nothing() -> None:
    """A night shift: six in the morning is neither after ten nor before, but it is in the period (PS3.4 K.6.1.2.2)."""
    step = elements(ScheduledProcedureStepStartDate="20240706", ScheduledProcedureStepStartTime="060000")
    start = "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStart"
    answers = [answer(ScheduledProcedureStepSequence=[step])]
    assert ignored_keys(keys(f"{start}Date=20240705-20240706", f"{start}Time=2200-0700"), answers) == ()
    outside = keys(f"{start}Date=20240705-20240706", f"{start}Time=2200-0500")
    assert ignored_keys(outside, answers) == (f"{start}Time",)
    assert ignored_keys(keys(f"{start}Date=20240706", f"{start}Time=2200-0700"), answers) == (f"{start}Time",)
