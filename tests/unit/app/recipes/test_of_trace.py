"""What was asked in a trace, made into an operation that can be asked again."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.instances import CT, elements

from dicomgui.app.asking.levels import Level
from dicomgui.app.nservices.requests import NOperation
from dicomgui.app.recipes.commands import Tool, command_of
from dicomgui.app.recipes.of_trace import recipe_of
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.network import ConfigurationError
from dicomgui.network.dimse.commands import (
    CCancelRQ,
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    Command,
    CStoreRQ,
    NActionRQ,
    NDeleteRQ,
    NGetRQ,
    NSetRQ,
)
from dicomgui.network.service import query_class
from dicomgui.network.tracing import Role
from dicomgui.trace.summary import AssociationSummary, Outcome

UID, PRINTER = "1.2.3", "1.2.840.10008.5.1.1.16"


def summary(**more: Any) -> AssociationSummary:
    values: dict[str, Any] = {
        "association": 1, "role": Role.REQUESTOR, "calling_ae": "ME", "called_ae": "PACS", "local": "192.0.2.1:50000",
        "peer": "192.0.2.7:104", "started_utc": 0.0, "ended_utc": None, "duration_s": 0.0, "state": 6,
        "outcome": Outcome.OPEN, "tls": False, "pdus_sent": 0, "pdus_received": 0, "bytes_sent": 0,
        "bytes_received": 0, "requests": (), "failures": 0, "warnings": 0, "rows": 0,
    }  # fmt: skip
    return AssociationSummary(**values | more)


def of(command: Command, dataset: Any = None, **more: Any) -> Recipe:
    return recipe_of(summary(), command, dataset, **more)


def test_the_called_end_is_called_again_with_the_same_titles() -> None:
    recipe = of(CEchoRQ(1))
    assert (str(recipe.peer), recipe.options.calling_ae, recipe.verb) == ("PACS@192.0.2.7:104", "ME", Verb.ECHO)


def test_what_a_peer_asked_of_us_is_asked_of_our_own_end() -> None:
    recipe = recipe_of(summary(role=Role.ACCEPTOR, local="[::1]:11112"), CEchoRQ(1))
    assert str(recipe.peer) == "PACS@[::1]:11112"
    assert "asked of us" in recipe.notes[0]


def test_tls_is_kept_and_its_files_are_said_to_be_unknown() -> None:
    recipe = recipe_of(summary(tls=True), CEchoRQ(1))
    assert recipe.options.tls is not None
    assert "TLS" in recipe.notes[0]


def test_a_query_has_level_root_keys_and_return_keys() -> None:
    dataset = elements(QueryRetrieveLevel="SERIES", PatientID="17", StudyDate="", SpecificCharacterSet="ISO_IR 100")
    recipe = of(CFindRQ(1, query_class("patient", "find")), dataset)
    assert (recipe.verb, recipe.level, recipe.root) == (Verb.FIND, Level.SERIES, "patient")
    assert [str(key) for key in recipe.keys] == ["SpecificCharacterSet=ISO_IR 100", "PatientID=17"]
    assert [str(key) for key in recipe.returned or ()] == ["StudyDate"]


def test_a_worklist_query_keeps_the_keys_of_the_step() -> None:
    dataset = elements(PatientName="", ScheduledProcedureStepSequence=[elements(Modality="CT", StationName="")])
    recipe = of(CFindRQ(1, query_class("worklist", "find")), dataset)
    assert recipe.verb is Verb.WORKLIST
    assert [str(key) for key in recipe.keys] == ["ScheduledProcedureStepSequence[0].Modality=CT"]


def test_retrievals_have_their_unique_keys_and_destination() -> None:
    dataset = elements(QueryRetrieveLevel="STUDY", StudyInstanceUID=UID)
    moved = of(CMoveRQ(1, query_class("study", "move"), "THIRD"), dataset)
    got = of(CGetRQ(1, query_class("study", "get")), dataset)
    assert (moved.verb, moved.destination, got.verb) == (Verb.MOVE, "THIRD", Verb.GET)
    assert [str(key) for key in got.keys] == [f"StudyInstanceUID={UID}"]


def test_a_file_that_was_sent_is_named_where_it_is_known() -> None:
    assert of(CStoreRQ(1, CT, UID), path="/a/b.dcm").paths == ("/a/b.dcm",)
    assert of(CStoreRQ(1, CT, UID)).paths == ("FILE.dcm",)


@pytest.mark.parametrize(
    ("command", "operation", "number", "tags"),
    [
        (NSetRQ(1, PRINTER, UID), NOperation.SET, None, ()),
        (NGetRQ(1, PRINTER, UID, (0x21100010,)), NOperation.GET, None, (0x21100010,)),
        (NActionRQ(1, PRINTER, UID, 3, has_dataset=True), NOperation.ACTION, 3, ()),
        (NDeleteRQ(1, PRINTER, UID), NOperation.DELETE, None, ()),
    ],
)
def test_normalized_requests_keep_all_they_had(
    command: Command, operation: NOperation, number: int | None, tags: tuple[int, ...]
) -> None:
    request = of(command, elements(PatientID="1") if command.has_dataset else None).request
    assert request is not None
    assert (request.operation, request.sop_class_uid, request.sop_instance_uid) == (operation, PRINTER, UID)
    assert (request.type_id, request.attributes, request.dataset is not None) == (number, tags, command.has_dataset)


@pytest.mark.parametrize(
    "command", [CCancelRQ(1), CFindRQ(1, "1.2.3"), CFindRQ(1, query_class("study", "find")), NSetRQ(1, PRINTER, UID)]
)
def test_what_cannot_be_asked_again_is_refused(command: Command) -> None:
    with pytest.raises(ConfigurationError):
        of(command)


def test_a_trace_without_an_address_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="where the peer was"):
        recipe_of(summary(peer=""), CEchoRQ(1))


def test_hostile_text_of_a_trace_makes_no_command_line() -> None:
    dataset = elements(QueryRetrieveLevel="STUDY", PatientID="1\nrm -rf ~")
    recipe = of(CFindRQ(1, query_class("study", "find")), dataset)
    assert command_of(recipe, Tool.DICOMGUI).text == ""
    assert command_of(recipe, Tool.DCMTK).text == ""
