"""Which identifiers fit the information models, and what they select (PS3.4 C.4, C.6)."""

from __future__ import annotations

import pytest
from helpers.archive import identifier
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicomgui.storage import IdentifierError, Level, Model, Selection, compile_query, select
from dicomgui.storage.identifiers import level_of

KEYS = {"PATIENT": {"PatientID": "P"}, "STUDY": {"StudyInstanceUID": "1.1"}, "SERIES": {"SeriesInstanceUID": "1.2"}}
LEVEL, PATIENT_ID, STUDY_UID, SERIES_UID, INSTANCE_UID = 0x00080052, 0x00100020, 0x0020000D, 0x0020000E, 0x00080018


@pytest.mark.parametrize(
    ("model", "levels"),
    [
        (Model.PATIENT_ROOT, ["PATIENT", "STUDY", "SERIES", "IMAGE"]),
        (Model.STUDY_ROOT, ["STUDY", "SERIES", "IMAGE"]),
        (Model.PATIENT_STUDY_ONLY, ["PATIENT", "STUDY"]),
    ],
)
def test_levels_of_the_models(model: Model, levels: list[str]) -> None:
    for level in Level:
        if level.name in levels:
            assert level_of(identifier(level.name), model) is level
        else:
            with pytest.raises(IdentifierError, match=f"no level {level.name}") as caught:
                level_of(identifier(level.name), model)
            assert caught.value.offending == (LEVEL,)
            assert caught.value.status == 0xA900


@pytest.mark.parametrize("value", [None, "", "FRAME", "study", "STUDY\\SERIES"])
def test_a_level_that_is_none(value: str | None) -> None:
    keys = Dataset()
    if value is not None:
        keys[LEVEL] = DataElement(LEVEL, "CS", value.split("\\"), validation_mode=0)
    with pytest.raises(IdentifierError, match="Level") as caught:
        compile_query(keys, Model.STUDY_ROOT)
    assert caught.value.offending == (LEVEL,)


HIGHER = [
    (Model.PATIENT_ROOT, "STUDY", "PatientID", PATIENT_ID),
    (Model.PATIENT_ROOT, "SERIES", "PatientID", PATIENT_ID),
    (Model.PATIENT_ROOT, "SERIES", "StudyInstanceUID", STUDY_UID),
    (Model.PATIENT_ROOT, "IMAGE", "SeriesInstanceUID", SERIES_UID),
    (Model.STUDY_ROOT, "SERIES", "StudyInstanceUID", STUDY_UID),
    (Model.STUDY_ROOT, "IMAGE", "SeriesInstanceUID", SERIES_UID),
    (Model.PATIENT_STUDY_ONLY, "STUDY", "PatientID", PATIENT_ID),
]
ALL = {"PatientID": "P", "StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.2", "SOPInstanceUID": "1.3"}


@pytest.mark.parametrize("value", [None, "", ["1.1", "1.2"]])
@pytest.mark.parametrize(("model", "level", "keyword", "tag"), HIGHER)
def test_each_higher_level_needs_its_unique_key(
    model: Model, level: str, keyword: str, tag: int, value: object
) -> None:
    compile_query(identifier(level, **ALL), model)
    keys = identifier(level, **{**ALL, keyword: value})
    for ask in (compile_query, select):
        with pytest.raises(IdentifierError, match=f"at level {level}") as caught:
            ask(keys, model)
        assert caught.value.offending == (tag,)
        assert caught.value.status == 0xA900
        assert len(str(caught.value)) <= 64, "an Error Comment is LO"
    compile_query(keys, model, relational=True)


@pytest.mark.parametrize("patient", ["P*", "P?"])
def test_a_patient_id_with_wildcards_is_no_unique_key(patient: str) -> None:
    with pytest.raises(IdentifierError):
        compile_query(identifier("STUDY", PatientID=patient), Model.PATIENT_ROOT)
    compile_query(identifier("PATIENT", PatientID=patient), Model.PATIENT_ROOT)


def test_study_root_needs_no_patient() -> None:
    compile_query(identifier("STUDY"), Model.STUDY_ROOT)
    compile_query(identifier("IMAGE", StudyInstanceUID="1.1", SeriesInstanceUID="1.2"), Model.STUDY_ROOT)


@pytest.mark.parametrize(
    ("model", "level", "keys", "selection"),
    [
        (Model.PATIENT_ROOT, "PATIENT", {"PatientID": " P "}, Selection(patient_ids=("P",))),
        (Model.STUDY_ROOT, "STUDY", {"StudyInstanceUID": ["1.1", "1.2"]}, Selection(study_uids=("1.1", "1.2"))),
        (Model.STUDY_ROOT, "STUDY", {**ALL, "SeriesInstanceUID": None}, Selection(study_uids=("1.1",))),
        (Model.PATIENT_ROOT, "IMAGE", ALL, Selection(("P",), ("1.1",), ("1.2",), ("1.3",))),
        (
            Model.STUDY_ROOT,
            "SERIES",
            {"StudyInstanceUID": "1.1", "SeriesInstanceUID": ["1.2", "1.4"], "Modality": "CT"},
            Selection(study_uids=("1.1",), series_uids=("1.2", "1.4")),
        ),
    ],
)
def test_selections(model: Model, level: str, keys: dict[str, object], selection: Selection) -> None:
    assert select(identifier(level, **keys), model) == selection


def test_a_relational_retrieve_needs_its_own_key_alone() -> None:
    keys = identifier("IMAGE", SOPInstanceUID=["1.3", "1.4"])
    assert select(keys, Model.STUDY_ROOT, relational=True) == Selection(instance_uids=("1.3", "1.4"))


@pytest.mark.parametrize(
    ("model", "level", "keys", "tag"),
    [
        (Model.STUDY_ROOT, "STUDY", {}, STUDY_UID),
        (Model.STUDY_ROOT, "STUDY", {"StudyInstanceUID": ""}, STUDY_UID),
        (Model.PATIENT_ROOT, "PATIENT", {"PatientID": ["P", "Q"]}, PATIENT_ID),
        (Model.STUDY_ROOT, "IMAGE", {**ALL, "SOPInstanceUID": None}, INSTANCE_UID),
    ],
)
def test_a_retrieve_of_everything_is_refused(model: Model, level: str, keys: dict[str, object], tag: int) -> None:
    """A missing key would select the whole archive."""
    with pytest.raises(IdentifierError) as caught:
        select(identifier(level, **keys), model)
    assert caught.value.offending == (tag,)
