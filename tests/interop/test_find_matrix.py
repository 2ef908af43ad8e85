"""Every kind of matching at every level and root, as we answer it and as Orthanc and dcmqrscp do on the same instances.

Where they answer otherwise, :data:`DIFFERENCES` says what and why; a difference that is gone fails as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from helpers import peers
from helpers.archive import ROOT, instance
from helpers.instances import CT, EXPLICIT, UNIQUE_KEYS, elements
from helpers.listening import listens_in
from helpers.serving import in_thread
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from dicomgui.app.context import AppContext
from dicomgui.network import connect, presets

pytestmark = pytest.mark.interop("Orthanc", "dcmqrscp")

STUDY_UID, SERIES_UID, IMAGE_UID = f"{ROOT}.1.1", f"{ROOT}.2.1.1", f"{ROOT}.3.1.1"


CODES = Sequence([elements(CodeValue="A1", CodingSchemeDesignator="99X", CodeMeaning="Hals")])
REQUEST = Sequence([elements(ScheduledProcedureStepID="S1", RequestedProcedureID="R1")])


def instances() -> list[Dataset]:
    """Four patients, five studies; the first study has three series, and the first of these four images."""
    doe = {"PatientID": "P1", "PatientBirthDate": "19700101", "ReferringPhysicianName": "Who^Dr"}
    axial = {**doe, "SeriesDescription": "Axial"}
    umlaut = {"PatientName": "Müller^Jörg", "SpecificCharacterSet": "ISO_IR 100", "PatientID": "p3", "PatientSex": "M"}
    kanji = {"PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう", "SpecificCharacterSet": "ISO_IR 192"}
    return [
        instance(1, 1, 1, **axial, ImageType=["ORIGINAL", "PRIMARY"], ContentDate="20240101", ContentTime="101000"),
        instance(1, 1, 2, **axial, ImageType=["DERIVED", "SECONDARY"], ContentDate="20240105", ContentTime="101500"),
        instance(1, 1, 3, **axial, InstanceNumber="010", ContentDate="20240106", AcquisitionDateTime="20240106101500"),
        instance(1, 1, 4, **axial, InstanceNumber="12", ContentDate=""),
        instance(1, 2, 1, **doe, SeriesDescription="Coronal", Modality="MR", SeriesDate="20240102", SeriesTime="1130"),
        instance(1, 3, 1, **doe, SeriesDescription="", Modality="MG", RequestAttributesSequence=REQUEST),
        instance(2, 1, 1, **doe, StudyDescription="Neck", AccessionNumber="", StudyTime="103000"),
        instance(3, 1, 1, **umlaut, StudyDescription="HEAD", ProcedureCodeSequence=CODES, Modality="MG"),
        instance(4, 1, 1, **kanji, StudyDate="", StudyTime="", Modality="PT", StudyDescription=None),
        instance(5, 1, 1, PatientName="", PatientID="P5", StudyDate="20231231", StudyTime="235959.5"),
    ]


class Case(NamedTuple):
    """Keys at a level, and what matches: the last parts of the unique keys."""

    kind: str
    level: str
    keys: dict[str, object]
    answer: str


CASES = (
    Case("universal", "PATIENT", {"PatientName": ""}, "P1 P4 P5 p3"),
    Case("universal", "STUDY", {"StudyDate": ""}, "1 2 3 4 5"),
    Case("universal", "SERIES", {"Modality": ""}, "1 2 3"),
    Case("universal", "IMAGE", {"InstanceNumber": ""}, "1 2 3 4"),
    Case("single value", "PATIENT", {"PatientID": "P1"}, "P1"),
    Case("single value", "STUDY", {"AccessionNumber": "ACC3"}, "3"),
    Case("single value", "SERIES", {"Modality": "MG"}, "3"),
    Case("single value", "IMAGE", {"InstanceNumber": "2"}, "2"),
    Case("single date", "STUDY", {"StudyDate": "20240102"}, "2"),
    Case("single time", "STUDY", {"StudyTime": "103000"}, "2"),
    Case("number in another form", "IMAGE", {"InstanceNumber": "10"}, "3"),
    Case("case counts", "PATIENT", {"PatientID": "P3"}, ""),
    Case("case counts", "STUDY", {"StudyDescription": "Head"}, "1 5"),
    Case("case counts", "SERIES", {"SeriesDescription": "axial"}, ""),
    Case("list of UID", "STUDY", {"StudyInstanceUID": [f"{ROOT}.1.1", f"{ROOT}.1.4", "9.9"]}, "1 4"),
    Case("list of UID", "SERIES", {"SeriesInstanceUID": [f"{ROOT}.2.1.1", f"{ROOT}.2.1.3"]}, "1 3"),
    Case("list of UID", "IMAGE", {"SOPInstanceUID": [f"{IMAGE_UID}.1", f"{IMAGE_UID}.4"]}, "1 4"),
    Case("wildcard", "PATIENT", {"PatientID": "P?"}, "P1 P4 P5"),
    Case("wildcard", "STUDY", {"StudyDescription": "*e*"}, "1 2 5"),
    Case("wildcard", "SERIES", {"SeriesDescription": "?x*"}, "1"),
    Case("wildcard", "IMAGE", {"ImageType": "DER*"}, "2"),
    Case("only a star", "PATIENT", {"PatientName": "*"}, "P1 P4 P5 p3"),
    Case("only a star", "SERIES", {"SeriesDescription": "*"}, "1 2 3"),
    Case("brackets are letters", "STUDY", {"StudyDescription": "[HN]e*"}, ""),
    Case("range", "PATIENT", {"PatientBirthDate": "19691231-19700102"}, "P1"),
    Case("range", "STUDY", {"StudyDate": "20240101-20240102"}, "1 2"),
    Case("range", "SERIES", {"SeriesDate": "20240101-20240131"}, "2"),
    Case("range", "IMAGE", {"ContentDate": "20240102-20240105"}, "2"),
    Case("range up to", "STUDY", {"StudyDate": "-20240101"}, "1 5"),
    Case("range from", "STUDY", {"StudyDate": "20240102-"}, "2 3"),
    Case("range of times", "STUDY", {"StudyTime": "1025-1045"}, "2"),
    Case("range of times", "IMAGE", {"ContentTime": "101200-1020"}, "2"),
    Case("range of date and time", "IMAGE", {"AcquisitionDateTime": "20240106-20240107"}, "3"),
    Case("sequence", "STUDY", {"ProcedureCodeSequence": Sequence([elements(CodeValue="A*")])}, "3"),
    Case("sequence", "SERIES", {"RequestAttributesSequence": Sequence([elements(RequestedProcedureID="R1")])}, "3"),
    Case("sequence without an item", "STUDY", {"ProcedureCodeSequence": Sequence()}, "1 2 3 4 5"),
    Case("empty value", "PATIENT", {"PatientName": '""'}, "P5"),
    Case("empty value", "STUDY", {"StudyDate": '""'}, "4"),
    Case("empty value", "SERIES", {"SeriesDescription": '""'}, "3"),
    Case("empty value", "IMAGE", {"ContentDate": '""'}, "4"),
    Case("name in another case", "PATIENT", {"PatientName": "DOE^jane"}, "P1"),
    Case("name in another case", "STUDY", {"PatientName": "doe*"}, "1 2"),
    Case("name of a physician", "STUDY", {"ReferringPhysicianName": "who*"}, "1 2"),
    Case("name with umlauts", "PATIENT", {"PatientName": "Müller*"}, "p3"),
    Case("name in kanji", "PATIENT", {"PatientName": "*山田*"}, "P4"),
    Case("one of several values", "IMAGE", {"ImageType": "PRIMARY"}, "1"),
    Case("of the whole study", "STUDY", {"ModalitiesInStudy": "MR"}, "1"),
    Case("two attributes", "STUDY", {"PatientID": "P1", "StudyDescription": "N*"}, "2"),
)

TEXT = "numbers are compared as text: 010 is not 10"
NO_SEQUENCES = "keys in sequences are passed over"
NO_EMPTY = "two quotation marks are taken for two letters: empty value matching (PS3.4 C.2.2.2.7) is not known"
NO_SERIES_KEYS = "of a series only Modality, Series Number and UID are kept; other keys are passed over"
NO_IMAGE_KEYS = "of an image only Instance Number and UID are kept; other keys are passed over"
CASE = "names are compared letter by letter, as PS3.4 C.2.2.2.1 allows"
ALL_SERIES, ALL_IMAGES, ALL_STUDIES = "1 2 3", "1 2 3 4", "1 2 3 4 5"

DIFFERENCES: dict[tuple[str, str, str], tuple[str, str]] = {
    ("Orthanc", "number in another form", "IMAGE"): ("", TEXT),
    ("Orthanc", "range up to", "STUDY"): ("1 4 5", "what has no date is before every date"),
    ("Orthanc", "sequence", "STUDY"): (ALL_STUDIES, NO_SEQUENCES),
    ("Orthanc", "sequence", "SERIES"): (ALL_SERIES, NO_SEQUENCES),
    ("Orthanc", "empty value", "PATIENT"): ("", NO_EMPTY),
    ("Orthanc", "empty value", "STUDY"): ("", NO_EMPTY),
    ("Orthanc", "empty value", "SERIES"): ("", NO_EMPTY),
    ("Orthanc", "empty value", "IMAGE"): ("", NO_EMPTY),
    ("Orthanc", "one of several values", "IMAGE"): ("", "several values are compared as one text"),
    ("dcmqrscp", "number in another form", "IMAGE"): ("", TEXT),
    ("dcmqrscp", "case counts", "SERIES"): (ALL_SERIES, NO_SERIES_KEYS),
    ("dcmqrscp", "wildcard", "SERIES"): (ALL_SERIES, NO_SERIES_KEYS),
    ("dcmqrscp", "wildcard", "IMAGE"): (ALL_IMAGES, NO_IMAGE_KEYS),
    ("dcmqrscp", "range", "SERIES"): (ALL_SERIES, NO_SERIES_KEYS),
    ("dcmqrscp", "range", "IMAGE"): (ALL_IMAGES, NO_IMAGE_KEYS),
    ("dcmqrscp", "range of times", "IMAGE"): (ALL_IMAGES, NO_IMAGE_KEYS),
    ("dcmqrscp", "range of date and time", "IMAGE"): (ALL_IMAGES, NO_IMAGE_KEYS),
    ("dcmqrscp", "sequence", "STUDY"): (ALL_STUDIES, NO_SEQUENCES),
    ("dcmqrscp", "sequence", "SERIES"): (ALL_SERIES, NO_SEQUENCES),
    ("dcmqrscp", "empty value", "PATIENT"): ("", NO_EMPTY),
    ("dcmqrscp", "empty value", "STUDY"): ("", NO_EMPTY),
    ("dcmqrscp", "empty value", "SERIES"): (ALL_SERIES, NO_SERIES_KEYS),
    ("dcmqrscp", "empty value", "IMAGE"): (ALL_IMAGES, NO_IMAGE_KEYS),
    ("dcmqrscp", "name in another case", "PATIENT"): ("", CASE),
    ("dcmqrscp", "name in another case", "STUDY"): ("", CASE),
    ("dcmqrscp", "name in another case", "STUDY in the patient root"): (
        ALL_STUDIES,
        "below the patient, keys of the patient other than its ID are passed over",
    ),
    ("dcmqrscp", "name of a physician", "STUDY"): ("", CASE),
    ("dcmqrscp", "one of several values", "IMAGE"): (ALL_IMAGES, NO_IMAGE_KEYS),
    ("dcmqrscp", "of the whole study", "STUDY"): (ALL_STUDIES, "Modalities in Study is passed over"),
}
"""By peer, kind and level, or level and root: what it answers instead, and why."""

OF_P1 = {"1", "2"}
"""The studies of the patient that a query of studies in the patient root names."""


def roots_of(level: str) -> tuple[str, ...]:
    return ("patient",) if level == "PATIENT" else ("patient", "study")


def query(case: Case, root: str) -> Dataset:
    """The identifier, with the unique keys of higher levels (PS3.4 C.4.1.2.1)."""
    keys = Dataset()
    keys.SpecificCharacterSet = "ISO_IR 192"
    keys.QueryRetrieveLevel = case.level
    above = {"SERIES": {"StudyInstanceUID": STUDY_UID}}
    above["IMAGE"] = {**above["SERIES"], "SeriesInstanceUID": SERIES_UID}
    patient = {"PatientID": "P1"} if root == "patient" and case.level != "PATIENT" else {}
    wanted = {UNIQUE_KEYS[case.level]: "", **patient, **above.get(case.level, {}), **case.keys}
    with config.disable_value_validation():
        for keyword, value in wanted.items():
            setattr(keys, keyword, value)
    return keys


def in_root(answer: str, case: Case, root: str) -> str:
    """What is left of an answer where the query names the patient."""
    if root == "patient" and case.level == "STUDY":
        return " ".join(one for one in answer.split() if one in OF_P1)
    return answer


async def answer_of(address: str, case: Case, root: str) -> str:
    """The last parts of the unique keys of what is found; or the status that refuses the query."""
    unique = UNIQUE_KEYS[case.level]
    async with (
        connect(address, contexts=presets.QUERY) as assoc,
        assoc.find(query(case, root), root=root) as op,
    ):
        found = [str(match.dataset[unique].value) async for match in op]
        response = await op.result()
    if not response.status.is_success:
        return f"{response.status:04X}"
    return " ".join(sorted(uid.rpartition(".")[2] for uid in found))


# -- the peers, with the same instances ------------------------------------------------------------------------------


async def fill(address: str) -> None:
    async with connect(address, contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc:
        for dataset in instances():
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = EXPLICIT
            (await assoc.store(dataset)).raise_for_status()


@pytest.fixture(scope="module")
def filled(orthanc: peers.Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of the peers; both hold the instances."""
    orthanc.clear()
    with peers.dcmqrscp(tmp_path_factory.mktemp("matrix") / "server") as archive:
        addresses = {"Orthanc": orthanc.peer.address, "dcmqrscp": archive.address}
        for address in addresses.values():
            asyncio.run(fill(address))
        yield addresses
    orthanc.clear()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of our listener, which holds them as well."""

    @asynccontextmanager
    async def listening() -> AsyncIterator[str]:
        with AppContext() as context:
            async with listens_in(context, tmp_path_factory.mktemp("ours"))() as listener:
                address = f"OURS@{listener.address}"
                await fill(address)
                yield address

    with in_thread(listening) as address:
        yield address


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.level} {case.kind}")
async def test_each_kind_of_matching(case: Case, ours: str, filled: dict[str, str]) -> None:
    for root in roots_of(case.level):
        assert await answer_of(ours, case, root) == in_root(case.answer, case, root), f"ours, {root} root"
        for peer, address in filled.items():
            usual = DIFFERENCES.get((peer, case.kind, case.level), (case.answer, "as we do"))
            theirs, reason = DIFFERENCES.get((peer, case.kind, f"{case.level} in the {root} root"), usual)
            answer = await answer_of(address, case, root)
            assert answer == in_root(theirs, case, root), f"{peer}, {root} root: {reason}"


def test_every_difference_is_of_a_case_and_is_one() -> None:
    cases = {(case.kind, case.level): case.answer for case in CASES}
    assert len(cases) == len(CASES)
    for (_, kind, level), (answer, reason) in DIFFERENCES.items():
        assert cases[kind, level.split()[0]] != answer
        assert reason


@pytest.mark.parametrize("root", ["patient", "study"])
async def test_a_query_that_lacks_the_key_of_a_higher_level(ours: str, filled: dict[str, str], root: str) -> None:
    """We refuse it, as PS3.4 C.4.1.2.1 has it, and dcmqrscp does, with other words; Orthanc answers all the same."""
    case = Case("relational", "SERIES", {"Modality": "PT"}, "")
    keys = query(case, root)
    del keys.StudyInstanceUID
    statuses = {}
    for name, address in (("ours", ours), *filled.items()):
        async with connect(address, contexts=presets.QUERY) as assoc:
            statuses[name] = f"{(await assoc.find(keys, root=root)).status:04X}"
    assert statuses == {"ours": "A900", "Orthanc": "0000", "dcmqrscp": "C000"}
