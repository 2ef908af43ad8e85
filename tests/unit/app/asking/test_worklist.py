"""Queries of modality worklists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from helpers.answering import answering
from helpers.retrieval import elements

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.worklist import STEP, Found, find, step_keys, worklist_query, worklist_remarks
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.network import Handlers


async def test_a_worklist_is_asked_without_a_level() -> None:
    asked: list[Any] = []
    found: list[Found] = []

    def answer(request: Any) -> Iterator[Any]:
        asked.append(request)
        yield elements(PatientName="A^B", ScheduledProcedureStepSequence=[elements(Modality="CT")])

    keys = step_keys(date="20240229", modality="CT", station_ae="CT1")
    with AppContext() as context:
        async with answering(Handlers(on_find=answer)) as scp:
            result = await find(
                context, scp.address, ConnectionOptions(), worklist_query(keys, limit=3), on_match=found.append
            )
    assert (result.ok, result.count, result.root, result.level, result.notes) == (True, 1, "worklist", None, ())
    identifier = asked[0].dataset
    assert asked[0].command.affected_sop_class_uid == "1.2.840.10008.5.1.4.31"
    assert "QueryRetrieveLevel" not in identifier
    [step] = identifier.ScheduledProcedureStepSequence
    assert (step.ScheduledProcedureStepStartDate, step.Modality, step.ScheduledStationAETitle) == (
        "20240229", "CT", "CT1",
    )  # fmt: skip
    assert "ScheduledProcedureStepID" in step
    assert "RequestedProcedureID" in identifier
    assert found[0].dataset.ScheduledProcedureStepSequence[0].Modality == "CT"


def test_only_what_is_given_becomes_a_key() -> None:
    assert [str(key) for key in step_keys(modality="MR")] == [f"{STEP}[0].Modality=MR"]
    assert step_keys() == ()


def test_keys_of_the_step_outside_of_it_are_remarked_on() -> None:
    keys = tuple(map(parse_key, ("Modality=CT", "PatientID=1", f"{STEP}[0].Modality=CT")))
    assert worklist_remarks(keys) == (f"Modality is an attribute of the scheduled step: write {STEP}[0].Modality.",)


def test_return_keys_can_be_chosen() -> None:
    query = worklist_query((), (parse_key("PatientID"),), None)
    assert [element.keyword for element in query.identifier().dataset] == ["SpecificCharacterSet", "PatientID"]
    assert query.limit is None
