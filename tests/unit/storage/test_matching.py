"""C-FIND over the index: every kind of matching at every level of every root, as a data set alone is matched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.archive import LEVELS, ROOT, find, found, identifier, instance, opened_index, put
from helpers.instances import UNIQUE_KEYS, elements
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset
from dicomgui.network.service_classes.matching import matches
from dicomgui.storage import Index, Model, compile_query

EXPLICIT = "1.2.840.10008.1.2.1"
ROOTS = {
    "PATIENT": (Model.PATIENT_ROOT, Model.PATIENT_STUDY_ONLY),
    "STUDY": tuple(Model),
    "SERIES": (Model.PATIENT_ROOT, Model.STUDY_ROOT),
    "IMAGE": (Model.PATIENT_ROOT, Model.STUDY_ROOT),
}


def instances() -> list[Dataset]:
    """Four patients, five studies, seven series, nine instances."""
    first = {"PatientID": "P1", "PatientBirthDate": "19700101", "ReferringPhysicianName": "Who^Dr"}
    umlaut = {"PatientName": "Müller^Jörg", "SpecificCharacterSet": "ISO_IR 100", "PatientID": "p3", "PatientSex": "M"}
    kanji = {"PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう", "SpecificCharacterSet": "ISO_IR 192"}
    codes = Sequence([elements(CodeValue="A1", CodeMeaning="Schädel"), elements(CodeValue="B2", CodeMeaning="Hals")])
    coded = {**umlaut, "StudyDescription": "HEAD", "ProcedureCodeSequence": codes}
    requests = Sequence([elements(ScheduledProcedureStepID="S1", RequestedProcedureID="R1")])
    axial = {**first, "SeriesDescription": "Axial"}
    coronal = {**first, "SeriesDescription": "Coronal*", "AcquisitionDateTime": "20240101100000+0000"}
    second = {**first, "StudyDescription": "Neck", "AccessionNumber": "", "StudyTime": "103000"}
    return [
        instance(1, 1, 1, **axial, ImageType=["ORIGINAL", "PRIMARY"], ContentDate="20240101"),
        instance(1, 1, 2, **axial, ImageType=["DERIVED"], ContentDate="20240105"),
        instance(1, 2, 1, **coronal, Modality="MR"),
        instance(2, 1, 1, **second, InstanceNumber="010"),
        instance(3, 1, 1, **coded, Modality="MG"),
        instance(3, 1, 2, **coded, Modality="MG"),
        instance(3, 2, 1, **coded, RequestAttributesSequence=requests),
        instance(4, 1, 1, **kanji, StudyDate="", StudyTime="", Modality="PT", StudyDescription=None),
        instance(5, 1, 1, PatientName="", PatientID="P5", StudyDate="20231231", StudyTime="235959.5", Rows=8),
    ]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("archive")
    for number, dataset in enumerate(instances()):
        put(folder, dataset, syntax=(EXPLICIT, "1.2.840.10008.1.2")[number % 2])
    with opened_index(folder) as index:
        yield index


def asked_by(level: str, dataset: Dataset) -> str:
    value = str(dataset[UNIQUE_KEYS[level]].value).removeprefix(f"{ROOT}.")
    return value[2 * (level != "PATIENT") :]


def expected(keys: Dataset, *, combined_datetime: bool = False) -> list[str]:
    """What the matcher without an index finds in the same data sets."""
    level = keys.QueryRetrieveLevel
    hits = (each for each in instances() if matches(keys, each, combined_datetime=combined_datetime))
    return sorted({asked_by(level, dataset) for dataset in hits})


SEQUENCE_KEY = Sequence([elements(CodeValue="B*", CodeMeaning="")])
CASES: dict[tuple[str, str], tuple[dict[str, object], list[str]]] = {
    ("universal", "PATIENT"): ({"PatientName": ""}, ["P1", "P4", "P5", "p3"]),
    ("universal", "STUDY"): ({"StudyDate": "", "PatientName": "*"}, ["1", "2", "3", "4", "5"]),
    ("universal", "SERIES"): ({"Modality": "*"}, ["1.1", "1.2", "2.1", "3.1", "3.2", "4.1", "5.1"]),
    ("universal", "IMAGE"): (
        {"InstanceNumber": ""},
        ["1.1.1", "1.1.2", "1.2.1", "2.1.1", "3.1.1", "3.1.2", "3.2.1", "4.1.1", "5.1.1"],
    ),
    ("single", "PATIENT"): ({"PatientID": "P1"}, ["P1"]),
    ("single", "STUDY"): ({"AccessionNumber": "ACC3"}, ["3"]),
    ("single", "SERIES"): ({"Modality": "MG"}, ["3.1"]),
    ("single", "IMAGE"): ({"InstanceNumber": "2"}, ["1.1.2", "3.1.2"]),
    ("single by value", "IMAGE"): ({"InstanceNumber": "10"}, ["2.1.1"]),
    ("single number", "IMAGE"): ({"Rows": 8}, ["5.1.1"]),
    ("single date", "STUDY"): ({"StudyDate": "20240102"}, ["2"]),
    ("list of dates", "STUDY"): ({"StudyDate": ["20240102", "20240103"]}, ["2", "3"]),
    ("no date", "STUDY"): ({"StudyDate": "yesterday"}, []),
    ("single time", "STUDY"): ({"StudyTime": "1030"}, ["2"]),
    ("single datetime", "IMAGE"): ({"AcquisitionDateTime": "20240101110000+0100"}, ["1.2.1"]),
    ("single of several", "IMAGE"): ({"ImageType": "PRIMARY"}, ["1.1.1"]),
    ("case counts", "STUDY"): ({"StudyDescription": "Head"}, ["1", "5"]),
    ("case counts", "PATIENT"): ({"PatientID": "P3"}, []),
    ("list of UID", "STUDY"): ({"StudyInstanceUID": [f"{ROOT}.1.1", f"{ROOT}.1.4", "9.9"]}, ["1", "4"]),
    ("list of UID", "SERIES"): ({"SeriesInstanceUID": [f"{ROOT}.2.1.1", f"{ROOT}.2.3.2"]}, ["1.1", "3.2"]),
    ("list of UID", "IMAGE"): ({"SOPInstanceUID": [f"{ROOT}.3.1.1.1", f"{ROOT}.3.5.1.1"]}, ["1.1.1", "5.1.1"]),
    ("list", "PATIENT"): ({"PatientID": ["P1", "P5"]}, ["P1", "P5"]),
    ("list", "SERIES"): ({"Modality": ["MG", "PT"]}, ["3.1", "4.1"]),
    ("wildcard", "PATIENT"): ({"PatientID": "P?"}, ["P1", "P4", "P5"]),
    ("wildcard", "STUDY"): ({"StudyDescription": "*e*"}, ["1", "2", "5"]),
    ("wildcard", "SERIES"): ({"Modality": "M*"}, ["1.2", "3.1"]),
    ("wildcard", "IMAGE"): ({"SeriesDescription": "*x*"}, ["1.1.1", "1.1.2"]),
    ("wildcard list", "SERIES"): ({"Modality": ["M?", "PT"]}, ["1.2", "3.1", "4.1"]),
    ("no wildcard in UI", "STUDY"): ({"StudyInstanceUID": f"{ROOT}.1.*"}, []),
    ("brackets", "STUDY"): ({"StudyDescription": "[HN]e*"}, []),
    ("range", "PATIENT"): ({"PatientBirthDate": "19691231-19700102"}, ["P1"]),
    ("range", "STUDY"): ({"StudyDate": "20240101-20240102"}, ["1", "2"]),
    ("range to", "STUDY"): ({"StudyDate": "-20240101"}, ["1", "5"]),
    ("range from", "STUDY"): ({"StudyDate": "20240102-"}, ["2", "3"]),
    ("range of time", "STUDY"): ({"StudyTime": "1030-1400"}, ["1", "2", "3"]),
    ("range", "SERIES"): ({"StudyTime": "1300-1400"}, ["3.1", "3.2"]),
    ("range", "IMAGE"): ({"ContentDate": "20240102-"}, ["1.1.2"]),
    ("range of datetime", "IMAGE"): ({"AcquisitionDateTime": "2024-"}, ["1.2.1"]),
    ("sequence", "STUDY"): ({"ProcedureCodeSequence": SEQUENCE_KEY}, ["3"]),
    ("sequence", "SERIES"): (
        {"RequestAttributesSequence": Sequence([elements(RequestedProcedureID="R1", ScheduledProcedureStepID="")])},
        ["3.2"],
    ),
    ("sequence", "IMAGE"): ({"ProcedureCodeSequence": SEQUENCE_KEY}, ["3.1.1", "3.1.2", "3.2.1"]),
    ("sequence of no items", "STUDY"): ({"ProcedureCodeSequence": Sequence()}, ["1", "2", "3", "4", "5"]),
    ("sequence to return", "STUDY"): (
        {"ProcedureCodeSequence": Sequence([elements(CodeValue="")])},
        ["1", "2", "3", "4", "5"],
    ),
    ("two keys of one item", "STUDY"): (
        {"ProcedureCodeSequence": Sequence([elements(CodeValue="A1", CodeMeaning="Hals")])},
        [],
    ),
    ("empty value", "PATIENT"): ({"PatientName": '""'}, ["P5"]),
    ("empty value", "STUDY"): ({"StudyDate": '""'}, ["4"]),
    ("empty value of what is absent", "STUDY"): ({"StudyDescription": '""'}, ["4"]),
    ("empty value", "SERIES"): ({"SeriesDescription": '""'}, ["2.1", "3.1", "3.2", "4.1", "5.1"]),
    ("empty value", "IMAGE"): ({"ContentDate": '""', "Modality": "CT"}, ["2.1.1", "3.2.1", "5.1.1"]),
    ("name", "PATIENT"): ({"PatientName": "doe^*"}, ["P1"]),
    ("name", "STUDY"): ({"PatientName": "MULLER^jorg"}, ["3"]),
    ("name with accents", "STUDY"): ({"PatientName": "Muller^Jörg"}, ["3"]),
    ("name with other accents", "STUDY"): ({"PatientName": "Múller*"}, []),
    ("name in kanji", "SERIES"): ({"PatientName": "山田*"}, ["4.1"]),
    ("name by group", "IMAGE"): ({"PatientName": "=*太郎"}, ["4.1.1"]),
    ("two names", "STUDY"): ({"PatientName": ["Yamada*", "doe*"]}, ["1", "2", "4"]),
    ("name without letters", "STUDY"): ({"PatientName": "?*"}, ["1", "2", "3", "4"]),
    ("name of a physician", "STUDY"): ({"ReferringPhysicianName": "who^dr"}, ["1", "2"]),
    ("two attributes", "STUDY"): ({"PatientName": "Doe*", "StudyDescription": "N*"}, ["2"]),
    ("of a higher level", "IMAGE"): ({"PatientID": "P1", "Modality": "MR"}, ["1.2.1"]),
}


@pytest.mark.parametrize(
    ("kind", "level", "root"),
    [(kind, level, root) for kind, level in CASES for root in ROOTS[level]],
    ids=lambda value: getattr(value, "name", value),
)
def test_matrix(index: Index, kind: str, level: str, root: Model) -> None:
    keys, answer = CASES[kind, level]
    assert found(index, identifier(level, **keys), root) == answer
    assert expected(identifier(level, **keys)) == answer


POOL: dict[str, list[object]] = {
    "PatientName": ["", "*", "Doe*", "D?E^J*", "müller*", "*太郎", '""', "=山田*", "x"],
    "PatientID": ["", "P*", "P1", ["P1", "p3"], '""', "p?"],
    "StudyDate": ["", "20240101", "20240101-20240103", "-20231231", "20240102-", '""', "junk"],
    "StudyTime": ["", "10-12", "1030", "-120000", '""'],
    "StudyDescription": ["", "H*", "head", "HEAD", "*e*", '""', "[H]*"],
    "AccessionNumber": ["", "ACC*", "ACC1", '""', "ACC?"],
    "Modality": ["", "CT", "M?", ["CT", "MG"], '""'],
    "ImageType": ["", "PRIMARY", "*D", '""'],
    "InstanceNumber": ["", "1", "01", "10"],
    "ReferringPhysicianName": ["", "*Dr", '""', "who^dr"],
}
DEPTH = {"StudyDate": 1, "StudyTime": 1, "StudyDescription": 1, "AccessionNumber": 1, "ReferringPhysicianName": 1}
DEPTH |= {"Modality": 2, "ImageType": 3, "InstanceNumber": 3}


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_index_and_matcher_agree(index: Index, data: st.DataObject) -> None:
    depth = data.draw(st.integers(0, 3))
    names = [name for name in POOL if DEPTH.get(name, 0) <= depth]
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=4))
    keys = {name: data.draw(st.sampled_from(POOL[name])) for name in chosen}
    level = LEVELS[depth]
    combined = data.draw(st.booleans())
    got = found(index, identifier(level, **keys), Model.PATIENT_ROOT, combined_datetime=combined)
    assert got == expected(identifier(level, **keys), combined_datetime=combined)


@pytest.mark.parametrize(
    ("date", "time", "apart", "together"),
    [
        # Each day from ten to eleven, or from one moment to another (C.2.2.2.5.4).
        ("20231231-20240102", "1000-1030", ["2"], ["1", "2", "5"]),
        ("20231231-", "1100-", ["1", "3", "5"], ["1", "2", "3", "5"]),
        ("-20240102", "-1029", [], ["1", "5"]),
        ("20231231-20240102", "1030-", ["1", "2", "5"], ["1", "2", "5"]),  # not of the same form
        ("20240102", "1000-1100", ["2"], ["2"]),  # no two ranges
    ],
)
def test_combined_date_and_time_only_if_asked(
    index: Index, date: str, time: str, apart: list[str], together: list[str]
) -> None:
    keys = {"StudyDate": date, "StudyTime": time}
    for combined, answer in ((False, apart), (True, together)):
        assert found(index, identifier("STUDY", **keys), combined_datetime=combined) == answer
        assert expected(identifier("STUDY", **keys), combined_datetime=combined) == answer


def test_combined_date_and_time_inside_of_a_sequence_key(tmp_path: Path) -> None:
    scheduled = elements(ScheduledProcedureStepStartDate="20240105", ScheduledProcedureStepStartTime="0800")
    put(tmp_path, instance(1, 1, 1, RequestAttributesSequence=Sequence([scheduled])))
    between = {"ScheduledProcedureStepStartDate": "20240104-20240106", "ScheduledProcedureStepStartTime": "1200-1300"}
    keys = identifier("SERIES", RequestAttributesSequence=Sequence([elements(**between)]))
    with opened_index(tmp_path) as index:
        assert found(index, keys) == []
        assert found(index, keys, combined_datetime=True) == ["1.1"]
        [answer] = find(index, keys, combined_datetime=True)
        assert answer.RequestAttributesSequence[0].ScheduledProcedureStepStartTime == "0800"


def test_counts_and_lists_of_a_study(index: Index) -> None:
    keys = identifier(
        "STUDY",
        StudyInstanceUID=f"{ROOT}.1.1",
        NumberOfStudyRelatedInstances="", NumberOfStudyRelatedSeries="", NumberOfPatientRelatedStudies="",
        NumberOfPatientRelatedSeries="", NumberOfPatientRelatedInstances="", ModalitiesInStudy="", SOPClassesInStudy="",
        InstanceAvailability="",
    )  # fmt: skip
    (answer,) = find(index, keys)
    assert answer.NumberOfStudyRelatedInstances == 3
    assert answer.NumberOfStudyRelatedSeries == 2
    assert answer.NumberOfPatientRelatedStudies == 2
    assert answer.NumberOfPatientRelatedSeries == 3
    assert answer.NumberOfPatientRelatedInstances == 4
    assert answer.ModalitiesInStudy == ["CT", "MR"]
    assert answer.SOPClassesInStudy == "1.2.840.10008.5.1.4.1.1.2"
    assert answer.InstanceAvailability == "ONLINE"


def test_counts_at_the_other_levels(index: Index) -> None:
    keys = identifier("PATIENT", PatientID="p3", NumberOfPatientRelatedInstances="", NumberOfPatientRelatedSeries="")
    (patient,) = find(index, keys, Model.PATIENT_ROOT)
    assert (patient.NumberOfPatientRelatedSeries, patient.NumberOfPatientRelatedInstances) == (2, 3)
    series = find(index, identifier("SERIES", StudyInstanceUID=f"{ROOT}.1.3", NumberOfSeriesRelatedInstances=""))
    assert sorted(answer.NumberOfSeriesRelatedInstances for answer in series) == [1, 2]
    (image,) = find(index, identifier("IMAGE", SOPInstanceUID=f"{ROOT}.3.4.1.1", AvailableTransferSyntaxUID=""))
    assert image.AvailableTransferSyntaxUID == "1.2.840.10008.1.2"


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        ({"ModalitiesInStudy": "CT"}, ["1", "2", "3", "5"]),
        ({"ModalitiesInStudy": ["PT", "MG"]}, ["3", "4"]),
        ({"ModalitiesInStudy": "M?"}, ["1", "3"]),
        ({"ModalitiesInStudy": "*"}, ["1", "2", "3", "4", "5"]),
        ({"ModalitiesInStudy": '""'}, []),
        ({"SOPClassesInStudy": "1.2.3"}, []),
        ({"NumberOfStudyRelatedInstances": "3"}, ["1", "3"]),
    ],
)
def test_matching_of_computed_keys(index: Index, keys: dict[str, object], answer: list[str]) -> None:
    assert found(index, identifier("STUDY", **keys)) == answer


def test_keys_that_are_not_supported_are_named_and_left_out(index: Index) -> None:
    keys = identifier("STUDY", PatientName="doe*", Modality="XX", DoseGridScaling="1", StudyInstanceUID="")
    keys.add_new(0x00091001, "LO", "private")
    query = compile_query(keys, Model.STUDY_ROOT)
    assert query.unsupported == (0x0008_0060, 0x0009_1001, 0x3004_000E)
    answers = [match.dataset() for match in index.find(query)]
    assert len(answers) == 2, "what is not supported does not narrow the answer"
    assert all(keyword not in answers[0] for keyword in ("Modality", "DoseGridScaling"))


def test_the_answer_has_what_was_asked_for_and_what_the_standard_adds(index: Index) -> None:
    keys = identifier("STUDY", StudyInstanceUID=f"{ROOT}.1.1", AccessionNumber="", PatientSex="")
    keys.add_new(0x00080000, "UL", 0)  # a group length is no key
    keys.TimezoneOffsetFromUTC = "+0100"
    query = compile_query(keys, Model.STUDY_ROOT, retrieve_ae_title="ARCHIVE")
    assert query.unsupported == ()
    (answer,) = (match.dataset() for match in index.find(query))
    assert [element.keyword for element in answer] == [
        "AccessionNumber", "QueryRetrieveLevel", "RetrieveAETitle", "PatientSex", "StudyInstanceUID",
    ]  # fmt: skip
    assert answer.RetrieveAETitle == "ARCHIVE"
    assert answer.QueryRetrieveLevel == "STUDY"
    assert answer.AccessionNumber == "ACC1"
    assert answer.PatientSex == ""


def test_retrieve_ae_title_asked_for_and_unknown(index: Index) -> None:
    (answer,) = find(index, identifier("STUDY", StudyInstanceUID=f"{ROOT}.1.1", RetrieveAETitle="X"))
    assert answer.RetrieveAETitle in ("", None)


def test_of_a_sequence_the_items_that_match_and_of_these_the_keys(index: Index) -> None:
    (answer,) = find(index, identifier("STUDY", ProcedureCodeSequence=Sequence([elements(CodeValue="A*")])))
    (code,) = answer.ProcedureCodeSequence
    assert [element.keyword for element in code] == ["CodeValue"]
    assert code.CodeValue == "A1"
    (whole,) = find(index, identifier("STUDY", StudyInstanceUID=f"{ROOT}.1.3", ProcedureCodeSequence=Sequence()))
    assert [code.CodeMeaning for code in whole.ProcedureCodeSequence] == ["Schädel", "Hals"]
    (none,) = find(index, identifier("STUDY", StudyInstanceUID=f"{ROOT}.1.1", ProcedureCodeSequence=Sequence()))
    assert len(none.ProcedureCodeSequence) == 0


@pytest.mark.parametrize("term", ["ISO_IR 100", "ISO_IR 192", "ISO_IR 144", None])
def test_character_sets_of_the_request(index: Index, term: str | None) -> None:
    """A key in Latin-1 finds a name in Latin-1, one in Cyrillic none; the request goes over the wire and back."""
    name = {"ISO_IR 144": "Мюллер*", None: "Muller*"}.get(term, "Müller*")
    keys = identifier("STUDY", SpecificCharacterSet=term, PatientName=name, StudyInstanceUID="")
    answers = find(index, decode_dataset(encode_dataset(keys, EXPLICIT), EXPLICIT))
    if term == "ISO_IR 144":
        assert answers == []
    else:
        (answer,) = answers
        assert answer.PatientName == "Müller^Jörg"
        assert answer.SpecificCharacterSet == ("ISO_IR 100" if term == "ISO_IR 100" else "ISO_IR 192")
