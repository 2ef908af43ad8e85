"""The information models without levels: what is asked for in each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydicom.uid import UID

from dicomgui.app.asking.information_models import MODELS, keys_for, level_for, model_for, models_for, storage_of
from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.wanted import Wanted
from dicomgui.network import ConfigurationError
from dicomgui.network.service import QUERY_MODELS

HELP = Path(__file__).parents[4] / "resources" / "help" / "query.md"


@pytest.mark.parametrize("model", MODELS)
def test_each_query_has_its_usual_keys_and_no_level(model: str) -> None:
    keys, returned = keys_for(model, (), None)
    identifier = Query(keys, returned, level_for(model, "study", "find"), model).identifier().dataset
    assert "QueryRetrieveLevel" not in identifier
    assert [keyword for keyword in MODELS[model].returned if keyword not in identifier] == []


def test_every_model_is_known() -> None:
    """All of the library but the worklist; those without levels have the storage classes of what they retrieve."""
    assert {*models_for("find"), *models_for("move"), *models_for("get")} == {*QUERY_MODELS} - {"worklist"}
    retrieved = {name for name in MODELS if "get" in QUERY_MODELS[name]}
    assert {name for name in MODELS if storage_of(name)} == retrieved
    assert all(UID(uid).name.endswith("Storage") for name in retrieved for uid in storage_of(name))
    assert storage_of("study") == storage_of(None) == ()


def test_the_help_names_every_model() -> None:
    table = HELP.read_text("utf-8").partition("| Models |")[2]
    named = re.findall(r"^\| ([a-z, -]+) \|", table, re.MULTILINE)
    expected = {*QUERY_MODELS} - {"worklist", "study", "patient", "patient-study-only"}
    assert {name for row in named for name in row.split(", ")} == expected


def test_the_template_of_relevant_patient_information_is_asked_for_unless_another_one_is() -> None:
    keys, _ = keys_for("relevant-patient-cardiac", (parse_key("PatientID=7"),), None)
    assert [str(key) for key in keys][1:] == [
        "ContentTemplateSequence[0].MappingResource=DCMR",
        "ContentTemplateSequence[0].TemplateIdentifier=3802",
    ]
    other = parse_key("ContentTemplateSequence[0].TemplateIdentifier=9007")
    keys, returned = keys_for("relevant-patient-cardiac", (other,), (parse_key("PatientName"),))
    assert [key.value for key in keys] == ["9007", "DCMR"]
    assert [key.name for key in returned or ()] == ["PatientName"]


def test_models_of_studies_keep_their_level_and_keys() -> None:
    keys = (parse_key("PatientID=7"),)
    assert keys_for("study", keys, None) == keys_for(None, keys, None) == (keys, None)
    assert level_for(None, "series", "find") is Level.SERIES
    assert level_for("repository", "study", "find") is Level.STUDY


def test_what_is_retrieved_without_levels_is_instances() -> None:
    wanted = Wanted(Level.IMAGE, (parse_key("SOPInstanceUID=1.2"),))
    assert level_for("inventory", "study", "get") is level_for("composite-instance", "study", "move") is Level.IMAGE
    assert "QueryRetrieveLevel" not in wanted.identifier("inventory")
    assert wanted.identifier("composite-instance").QueryRetrieveLevel == "IMAGE"
    assert wanted.identifier("inventory").SOPInstanceUID == "1.2"


@pytest.mark.parametrize(("model", "operation"), [("worklist", "find"), ("relevant-patient", "get"), ("x", "move")])
def test_a_model_that_lacks_the_operation_is_an_error(model: str, operation: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        model_for(model, operation)
    assert "study" in caught.value.hint
    assert model_for("study", operation) == "study"
