"""Matching by PS3.4 C.2.2.2, kind by kind, and the identifiers of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from helpers.instances import EXPLICIT, elements
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset
from dicomgui.network.service_classes import matching
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.service_classes.matching import answer_for, matches


@pytest.mark.parametrize(
    ("key", "value", "fits"),
    [
        # universal
        ("PatientID=", "PatientID=4711", True),
        ("PatientID=*", "PatientName=X", True),
        ("PatientID=", "PatientName=X", True),
        ("PatientID=4711", "PatientName=X", False),
        # single values
        ("PatientID=4711", "PatientID=4711", True),
        ("PatientID=4711", "PatientID=47110", False),
        ("Modality=CT", "Modality=ct", False),
        ("InstanceNumber=7", "InstanceNumber=07", True),
        ("Rows=7", "Rows=8", False),
        ("SliceThickness=1.50", "SliceThickness=1.5", True),
        ("PixelData=ab", "PixelData=ab", True),
        # wild cards
        ("PatientID=47*", "PatientID=4711", True),
        ("PatientID=47??", "PatientID=4711", True),
        ("PatientID=47?", "PatientID=4711", False),
        ("PatientID=*7*1", "PatientID=4711", True),
        ("PatientID=*7*9*", "PatientID=4711", False),
        ("PatientID=a.c", "PatientID=abc", False),
        ("StudyDescription=a*b", "StudyDescription=a\nb", True),
        # names
        ("PatientName=doe^j*", "PatientName=DOE^JOHN", True),
        ("PatientName=DOE", "PatientName=DOE^^^", True),
        ("PatientName=DOE^JOHN", "PatientName=DOE^JOHN=X^Y", True),
        ("PatientName=x^y", "PatientName=DOE^JOHN=X^Y", True),
        ("PatientName=DOE", "PatientName=DOE^JOHN", False),
        # lists of UIDs, several values
        ("StudyInstanceUID=1.2\\1.3", "StudyInstanceUID=1.3", True),
        ("StudyInstanceUID=1.2\\1.3", "StudyInstanceUID=1.4", False),
        ("StudyInstanceUID=1.*", "StudyInstanceUID=1.4", False),
        ("ModalitiesInStudy=MR", "ModalitiesInStudy=CT\\MR", True),
        ("ModalitiesInStudy=US\\MR", "ModalitiesInStudy=CT\\MR", True),
        # dates
        ("StudyDate=20240102", "StudyDate=20240102", True),
        ("StudyDate=20240102", "StudyDate=2024.01.02", True),
        ("StudyDate=20240101-20240131", "StudyDate=20240131", True),
        ("StudyDate=20240101-20240131", "StudyDate=20240201", False),
        ("StudyDate=-20240131", "StudyDate=19990101", True),
        ("StudyDate=20240101-", "StudyDate=19990101", False),
        ("StudyDate=1-2-3", "StudyDate=19990101", False),
        # times
        ("StudyTime=0930", "StudyTime=093059.5", True),
        ("StudyTime=0930", "StudyTime=09:30", True),
        ("StudyTime=0930-10", "StudyTime=105959", True),
        ("StudyTime=0930-10", "StudyTime=110000", False),
        ("StudyTime=093000.5", "StudyTime=093000.4", False),
        # moments
        ("AcquisitionDateTime=2024", "AcquisitionDateTime=20240607", True),
        ("AcquisitionDateTime=202406-202407", "AcquisitionDateTime=20240731235959", True),
        ("AcquisitionDateTime=202406-202407", "AcquisitionDateTime=20240801", False),
        ("AcquisitionDateTime=20240607080910-0500", "AcquisitionDateTime=20240607080910", True),
        ("AcquisitionDateTime=20240607-0500-20240608-0500", "AcquisitionDateTime=20240608", True),
        ("AcquisitionDateTime=-20240607", "AcquisitionDateTime=2024060623", True),
        ("AcquisitionDateTime=soon", "AcquisitionDateTime=2024", False),
        # what is no key
        ("QueryRetrieveLevel=STUDY", "PatientID=1", True),
        ("SpecificCharacterSet=ISO_IR 100", "SpecificCharacterSet=ISO_IR 192", True),
    ],
)
def test_keys_match(key: str, value: str, fits: bool) -> None:
    assert matches(keys_of([key]), keys_of([value])) is fits


def test_what_is_no_number_equals_none() -> None:
    assert not matches(keys_of(["Rows=7"]), dataset_of({"Rows": "seven"}))


def test_every_key_must_match() -> None:
    candidate = keys_of(["PatientID=1", "Modality=CT"])
    assert matches(keys_of(["PatientID=1", "Modality=CT"]), candidate)
    assert not matches(keys_of(["PatientID=1", "Modality=MR"]), candidate)


STEPS = "ScheduledProcedureStepSequence"


@pytest.mark.parametrize(
    ("keys", "fits"),
    [
        ([STEPS], True),
        ([f"{STEPS}[0]"], True),
        ([f"{STEPS}[0].Modality=MR"], True),
        ([f"{STEPS}[0].Modality=US"], False),
        ([f"{STEPS}[0].Modality=CT", f"{STEPS}[0].ScheduledStationAETitle=B"], False),
        (["RequestAttributesSequence[0].RequestedProcedureID="], True),
        (["RequestAttributesSequence[0].RequestedProcedureID=1"], False),
    ],
)
def test_an_item_matches_as_a_whole(keys: list[str], fits: bool) -> None:
    candidate = keys_of(
        [
            f"{STEPS}[0].Modality=CT",
            f"{STEPS}[0].ScheduledStationAETitle=A",
            f"{STEPS}[1].Modality=MR",
            f"{STEPS}[1].ScheduledStationAETitle=B",
        ]
    )
    assert matches(keys_of(keys), candidate) is fits


def test_many_wild_cards_take_no_time() -> None:
    """A pattern that goes back and forth would take longer than the universe has."""
    assert not matches(keys_of(["StudyDescription=" + "*a" * 60 + "b"]), keys_of(["StudyDescription=" + "a" * 5000]))


def test_an_answer_has_what_was_asked_for_and_nothing_else() -> None:
    identifier = keys_of(
        [
            "QueryRetrieveLevel=STUDY",
            "SpecificCharacterSet=ISO_IR 100",
            "PatientName=M*",
            "StudyDescription",
            f"{STEPS}[0].Modality=",
            f"{STEPS}[0].ScheduledStationName",
            "RequestAttributesSequence",
        ]
    )
    candidate = keys_of(
        [
            "PatientName=MÜLLER",
            "PatientID=4711",
            f"{STEPS}[0].Modality=CT",
            f"{STEPS}[0].ScheduledStationAETitle=A",
            "RequestAttributesSequence[0].RequestedProcedureID=1",
        ]
    )
    answer = answer_for(identifier, candidate)
    assert answer.SpecificCharacterSet == "ISO_IR 100"  # that of the identifier
    assert answer.QueryRetrieveLevel == "STUDY"
    assert answer.PatientName == "MÜLLER"
    assert (answer["StudyDescription"].value or "") == ""
    assert [element.keyword for element in answer[STEPS].value[0]] == ["Modality", "ScheduledStationName"]
    assert answer.RequestAttributesSequence[0].RequestedProcedureID == "1"
    assert "PatientID" not in answer
    assert answer_for(identifier, dataset_of({}))[STEPS].value == []


@pytest.mark.parametrize(
    ("own", "name", "term"),
    [
        ("ISO_IR 100", "MÜLLER", "ISO_IR 100"),
        ("GB18030", "王^小东", "GB18030"),
        ("ISO_IR 100", "МЮЛЛЕР", "ISO_IR 192"),  # it does not hold them, whatever the data set says
        ("", "MÜLLER", "ISO_IR 192"),
        ("ISO_IR 13", "山田", "ISO_IR 192"),  # kanji, of which it has none
        ("\\ISO 2022 IR 87", "山田", ["", "ISO 2022 IR 87"]),
        ("ISO 2022 IR 100", "MÜLLER", "ISO_IR 100"),
        ("LATIN", "MÜLLER", "ISO_IR 192"),
    ],
)
def test_an_answer_keeps_the_character_set_of_its_candidate_where_it_will_do(own: str, name: str, term: object) -> None:
    candidate = dataset_of({"SpecificCharacterSet": own.split("\\"), "PatientName": name})
    answer = answer_for(keys_of(["PatientName"]), candidate)
    assert answer.SpecificCharacterSet == term
    assert decode_dataset(encode_dataset(answer, EXPLICIT), EXPLICIT).PatientName == name


@pytest.mark.parametrize(
    ("asked", "name", "term"),
    [
        ("GB18030", "王^小东", "GB18030"),
        ("\\ISO 2022 IR 149", "洪^吉洞=홍^길동", ["", "ISO 2022 IR 149"]),
        ("ISO_IR 100", "王^小东", "ISO_IR 192"),  # which holds everything
    ],
)
def test_an_answer_is_in_the_character_set_that_was_asked_for(asked: str, name: str, term: object) -> None:
    candidate = dataset_of({"SpecificCharacterSet": "ISO_IR 192", "PatientName": name})
    keys = dataset_of({"SpecificCharacterSet": asked.split("\\"), "PatientName": ""})
    answer = decode_dataset(encode_dataset(answer_for(keys, candidate), EXPLICIT), EXPLICIT)
    assert answer.SpecificCharacterSet == term
    assert answer.PatientName == name


def test_a_sequence_key_finds_nothing_where_the_candidate_has_no_sequence() -> None:
    candidate = Dataset()
    candidate.add_new(0x00400100, "OB", b"CT")
    assert not matches(keys_of([f"{STEPS}[0].Modality=CT"]), candidate)


def step(**values: object) -> Dataset:
    scheduled = elements(ScheduledStationAETitle="CT1", Modality="CT", ScheduledProcedureStepStartDate="20240105")
    scheduled.ScheduledProcedureStepStartTime = "0800"
    dataset = elements(PatientName="Müller^Jörg", PatientID="P", AccessionNumber="A", SpecificCharacterSet="ISO_IR 192")
    for keyword, value in values.items():
        setattr(scheduled, keyword, value)
    dataset.ScheduledProcedureStepSequence = Sequence([scheduled])
    return dataset


def asking(**values: object) -> Dataset:
    key = elements(**{"Modality": "", "ScheduledStationAETitle": "", **values})
    return elements(PatientName="", AccessionNumber="", ScheduledProcedureStepSequence=Sequence([key]))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, True),
        ({"Modality": "CT"}, True),
        ({"Modality": "MR"}, False),
        ({"ScheduledStationAETitle": "CT?"}, True),
        ({"ScheduledProcedureStepStartDate": "20240101-20240131"}, True),
        ({"ScheduledProcedureStepStartDate": "20240106-"}, False),
        ({"Modality": "CT", "ScheduledStationAETitle": "CT2"}, False),
        ({"ScheduledProcedureStepDescription": "x"}, False),
        ({"ScheduledProcedureStepDescription": '""'}, True),
    ],
)
def test_worklist_items(keys: dict[str, object], expected: bool) -> None:
    assert matches(asking(**keys), step()) is expected


@pytest.mark.parametrize(("combined", "expected"), [(False, False), (True, True)])
def test_worklist_from_one_moment_to_another(combined: bool, expected: bool) -> None:
    keys = {"ScheduledProcedureStepStartDate": "20240104-20240106", "ScheduledProcedureStepStartTime": "1200-1300"}
    assert matches(asking(**keys), step(), combined_datetime=combined) is expected


def test_start_of_a_worklist_step_is_one_period_and_other_pairs_are_not() -> None:
    """PS3.4 K.6.1.2.2 says so of this pair alone; its example is from July 5, 10 am, until July 7, 6 pm."""
    keys = asking(ScheduledProcedureStepStartDate="20240104-20240106", ScheduledProcedureStepStartTime="1200-1300")
    assert matches(keys, step(), worklist=True)
    assert not matches(keys, step())
    assert len(answer_for(keys, step(), worklist=True).ScheduledProcedureStepSequence) == 1
    assert len(answer_for(keys, step()).ScheduledProcedureStepSequence) == 0
    ended = {"ScheduledProcedureStepEndDate": "20240105", "ScheduledProcedureStepEndTime": "0800"}
    keys = asking(ScheduledProcedureStepEndDate="20240104-20240106", ScheduledProcedureStepEndTime="1200-1300")
    assert not matches(keys, step(**ended), worklist=True)
    assert matches(keys, step(**ended), worklist=True, combined_datetime=True)


def test_a_sequence_key_needs_an_item() -> None:
    keys = asking(Modality="CT")
    assert not matches(keys, elements(PatientName="A"))
    assert not matches(keys, elements(PatientName="A", ScheduledProcedureStepSequence=Sequence()))
    protocol = elements(ScheduledProtocolCodeSequence=Sequence([elements(CodeValue="")]))
    deep = elements(ScheduledProcedureStepSequence=Sequence([protocol]))
    assert matches(deep, elements(PatientName="A")), "nothing but return keys, however deep"
    protocol.ScheduledProtocolCodeSequence[0].CodeValue = "X"
    assert not matches(deep, elements(PatientName="A"))
    code = Sequence([elements(CodeValue="X")])
    assert matches(deep, step(ScheduledProtocolCodeSequence=code))


def test_an_answer_has_the_items_that_match() -> None:
    keys = asking(ScheduledProcedureStepStartDate="20240105", ScheduledProcedureStepDescription="")
    keys.RequestedProcedureCodeSequence = Sequence()
    keys.add_new(0x00080000, "UL", 0)
    answer = answer_for(keys, step())
    assert [element.keyword for element in answer] == [
        "SpecificCharacterSet", "AccessionNumber", "PatientName", "RequestedProcedureCodeSequence",
        "ScheduledProcedureStepSequence",
    ]  # fmt: skip
    (scheduled,) = answer.ScheduledProcedureStepSequence
    assert {element.keyword for element in scheduled} == {
        "Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledProcedureStepDescription",
    }  # fmt: skip
    assert scheduled.Modality == "CT"
    assert answer.SpecificCharacterSet == "ISO_IR 192"
    again = decode_dataset(encode_dataset(answer, EXPLICIT), EXPLICIT)
    assert again.PatientName == "Müller^Jörg"


def test_an_answer_in_ascii_names_no_character_set() -> None:
    answer = answer_for(elements(PatientID=""), step())
    assert [element.keyword for element in answer] == ["PatientID"]


def test_an_answer_from_a_data_set_in_another_character_set() -> None:
    """The text was read in Shift JIS, and is written in UTF-8."""
    source = elements(SpecificCharacterSet="ISO_IR 13", PatientName="ﾔﾏﾀﾞ^ﾀﾛｳ")
    source.RequestAttributesSequence = Sequence([elements(RequestedProcedureDescription="ｱ")])
    read = decode_dataset(encode_dataset(source, EXPLICIT), EXPLICIT)
    keys = elements(PatientName="", RequestAttributesSequence=Sequence([elements(RequestedProcedureDescription="")]))
    again = decode_dataset(encode_dataset(answer_for(keys, read), EXPLICIT), EXPLICIT)
    assert again.PatientName == "ﾔﾏﾀﾞ^ﾀﾛｳ"
    assert again.RequestAttributesSequence[0].RequestedProcedureDescription == "ｱ"


async def test_a_search_that_finds_nothing_lets_other_tasks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "SLICE_S", 0.0)
    looked_at: list[int] = []
    turns: list[int] = []

    def candidates() -> Iterator[Dataset]:
        for number in range(20):
            looked_at.append(number)
            yield keys_of([f"PatientID={number}"])

    async def other_task() -> None:
        while len(looked_at) < 20:
            turns.append(len(looked_at))
            await asyncio.sleep(0)

    async def search() -> list[Dataset]:
        wanted = keys_of(["PatientID=none"])
        return [one async for one in matching.paced(candidates()) if matches(wanted, one)]

    found, _ = await asyncio.gather(search(), other_task())
    assert found == []
    assert len(turns) >= 10
