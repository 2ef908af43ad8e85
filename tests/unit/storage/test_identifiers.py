"""Which identifiers fit the information models, and what they select (PS3.4 C.4, C.6)."""

from __future__ import annotations

import pytest
from helpers.archive import identifier
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicomgui.storage import (
    IdentifierError,
    IdentifierRule,
    Level,
    Model,
    Selection,
    anomalies_of,
    compile_query,
    select,
)
from dicomgui.storage.identifiers import MAX_ANOMALIES, level_of

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


# -- strict and lenient ----------------------------------------------------------------------------------------------

STRICT, USUAL, LENIENT = IdentifierRule.STRICT, IdentifierRule.USUAL, IdentifierRule.LENIENT
ODD_QUERIES = [
    # what dcmqrscp refuses with --check-find (A900)
    (Model.STUDY_ROOT, "STUDY", {"StudyInstanceUID": "", "SeriesInstanceUID": ""}, SERIES_UID),
    (Model.STUDY_ROOT, "STUDY", {"StudyInstanceUID": "", "Modality": ""}, 0x00080060),
    (Model.STUDY_ROOT, "SERIES", {"StudyInstanceUID": "1.1", "SeriesInstanceUID": "", "StudyDate": ""}, 0x00080020),
    (Model.STUDY_ROOT, "SERIES", {"StudyInstanceUID": "1.1", "SeriesInstanceUID": "", "PatientID": "P"}, PATIENT_ID),
    (Model.STUDY_ROOT, "STUDY", {"PatientID": ""}, STUDY_UID),
    (Model.PATIENT_ROOT, "STUDY", {"PatientID": "P", "StudyInstanceUID": "", "PatientName": ""}, 0x00100010),
    # what C.4.1.2.1 does not name
    (Model.STUDY_ROOT, "SERIES", {"StudyInstanceUID": "1.*", "SeriesInstanceUID": ""}, STUDY_UID),
    (Model.STUDY_ROOT, "STUDY", {"StudyInstanceUID": "1.?"}, STUDY_UID),
    (Model.PATIENT_ROOT, "PATIENT", {"PatientID": "P*"}, PATIENT_ID),
    (Model.PATIENT_ROOT, "PATIENT", {"PatientID": ["P", "Q"]}, PATIENT_ID),
    (Model.PATIENT_ROOT, "PATIENT", {"PatientID": "", "NumberOfStudyRelatedSeries": ""}, 0x00201206),
]


def _keys(level: str | None, values: dict[str, object]) -> Dataset:
    keys = Dataset()
    for keyword, value in (({} if level is None else {"QueryRetrieveLevel": level}) | values).items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        keys[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=0)
    return keys


@pytest.mark.parametrize(("model", "level", "values", "tag"), ODD_QUERIES)
def test_what_only_the_strict_rule_refuses(model: Model, level: str, values: dict[str, object], tag: int) -> None:
    keys = _keys(level, values)
    for rule in (USUAL, LENIENT):
        assert compile_query(keys, model, rule).level.name == level
    with pytest.raises(IdentifierError) as caught:
        compile_query(keys, model, STRICT)
    assert caught.value.offending == (tag,)
    assert len(str(caught.value)) <= 64
    assert [error.offending for error in anomalies_of(keys, model)] == [(tag,)]


@pytest.mark.parametrize(
    ("model", "level", "values"),
    [
        (Model.STUDY_ROOT, "STUDY", {"StudyInstanceUID": "", "PatientName": "D*", "PatientID": "P*", "StudyDate": ""}),
        (Model.STUDY_ROOT, "STUDY", {"StudyInstanceUID": ["1.1", "1.2"], "ModalitiesInStudy": "CT"}),
        (Model.PATIENT_ROOT, "SERIES", {"PatientID": "P", "StudyInstanceUID": "1.1", "SeriesInstanceUID": ""}),
        (Model.PATIENT_ROOT, "PATIENT", {"PatientID": "", "PatientName": "", "PatientReligiousPreference": ""}),
        (
            Model.STUDY_ROOT,
            "STUDY",
            {"StudyInstanceUID": "", "RetrieveAETitle": "", "StudyID": "1"},
        ),
    ],
)
def test_a_query_by_the_letter_passes_each_rule(model: Model, level: str, values: dict[str, object]) -> None:
    keys = _keys(level, values)
    for rule in IdentifierRule:
        compile_query(keys, model, rule)
    assert anomalies_of(keys, model) == ()


def test_relational_queries_have_keys_of_each_level_above_but_none_below() -> None:
    keys = _keys("SERIES", {"SeriesInstanceUID": "", "StudyDate": "", "PatientID": "P*"})
    compile_query(keys, Model.STUDY_ROOT, STRICT, relational=True)
    assert anomalies_of(keys, Model.STUDY_ROOT, relational=True) == ()
    keys.InstanceNumber = "1"
    with pytest.raises(IdentifierError, match=r"\(0020,0013\) is a key of level IMAGE"):
        compile_query(keys, Model.STUDY_ROOT, STRICT, relational=True)


@pytest.mark.parametrize(
    ("model", "level", "values", "anomalies"),
    [
        (Model.STUDY_ROOT, "SERIES", {"SeriesInstanceUID": ""}, [STUDY_UID]),
        (Model.STUDY_ROOT, "IMAGE", {"SOPInstanceUID": "", "StudyInstanceUID": ["1", "2"]}, [STUDY_UID, SERIES_UID]),
        (Model.STUDY_ROOT, "study", {"StudyInstanceUID": ""}, [LEVEL]),
        (Model.STUDY_ROOT, "PATIENT", {"PatientID": ""}, [LEVEL]),
        (Model.PATIENT_ROOT, "STUDY", {"PatientID": "P*", "StudyInstanceUID": ""}, [PATIENT_ID]),
    ],
)
def test_what_the_lenient_rule_alone_answers(
    model: Model, level: str, values: dict[str, object], anomalies: list[int]
) -> None:
    """As Orthanc does with each of them, and dcmqrscp with most."""
    keys = _keys(level, values)
    assert compile_query(keys, model, LENIENT).level.name == level.upper()
    assert [error.offending for error in anomalies_of(keys, model)] == [(tag,) for tag in anomalies]
    for rule in (STRICT, USUAL):
        with pytest.raises(IdentifierError) as caught:
            compile_query(keys, model, rule)
        assert caught.value.offending == (anomalies[0],)


def test_of_an_identifier_with_keys_without_end_some_are_told() -> None:
    keys = _keys("STUDY", {"StudyInstanceUID": "1.1"})
    for number in range(MAX_ANOMALIES + 10):
        keys.add_new(0x0040_1000 + number, "LO", "")
    assert len(anomalies_of(keys, Model.STUDY_ROOT, retrieves=True)) == MAX_ANOMALIES


@pytest.mark.parametrize("level", [None, "", "FRAME"])
def test_no_rule_does_without_a_level(level: str | None) -> None:
    """Neither does Orthanc (C000), nor dcmqrscp (A900)."""
    keys = _keys(level, {"StudyInstanceUID": "1.1"})
    for rule in IdentifierRule:
        for ask in (compile_query, select):
            with pytest.raises(IdentifierError) as caught:
                ask(keys, Model.STUDY_ROOT, rule)
            assert caught.value.offending == (LEVEL,)


@pytest.mark.parametrize(
    ("values", "tag"),
    [
        ({"StudyInstanceUID": "1.1", "StudyDate": ""}, 0x00080020),
        ({"StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.2"}, SERIES_UID),
        ({"StudyInstanceUID": "1.1", "PatientReligiousPreference": ""}, 0x001021F0),
        ({"StudyInstanceUID": "1.*"}, STUDY_UID),
    ],
)
def test_a_strict_retrieve_has_unique_keys_only(values: dict[str, object], tag: int) -> None:
    """Required and optional keys shall not be in its identifier (C.2.2.1.2, C.2.2.1.3)."""
    keys = _keys("STUDY", values)
    assert select(keys, Model.STUDY_ROOT) == Selection(study_uids=(str(values["StudyInstanceUID"]),))
    with pytest.raises(IdentifierError) as caught:
        select(keys, Model.STUDY_ROOT, STRICT)
    assert caught.value.offending == (tag,)
    assert [error.offending for error in anomalies_of(keys, Model.STUDY_ROOT, retrieves=True)] == [(tag,)]


def test_a_lenient_retrieve_needs_its_own_key_alone() -> None:
    keys = _keys("SERIES", {"SeriesInstanceUID": "1.2"})
    assert select(keys, Model.STUDY_ROOT, LENIENT) == Selection(series_uids=("1.2",))
    keys = _keys("PATIENT", {"PatientID": ["P", "Q"]})
    assert select(keys, Model.STUDY_ROOT, LENIENT) == Selection(patient_ids=("P", "Q")), "never the whole archive"
    with pytest.raises(IdentifierError) as caught:
        select(_keys("IMAGE", {"StudyInstanceUID": "1.1"}), Model.STUDY_ROOT, LENIENT)
    assert caught.value.offending == (INSTANCE_UID,)
