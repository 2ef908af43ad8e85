"""Identifiers of worklists, their items, and the provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime

import pytest
from helpers.asking import find
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError, DimseFailure, Match, Response, Status
from dicomgui.network.service_classes.keys import keys_of, value_at
from dicomgui.network.service_classes.query import Answer
from dicomgui.network.service_classes.worklist import (
    RETURN_KEYS,
    SOP_CLASS,
    WorklistItem,
    WorklistProvider,
    fetch,
    identifier,
)

STEP = "ScheduledProcedureStepSequence[0]."


def test_a_worklist_identifier_has_no_level() -> None:
    keys = identifier()
    assert 0x00080052 not in keys
    assert all(value_at(keys, path) == "" for path in RETURN_KEYS)
    assert len(keys.ScheduledProcedureStepSequence) == 1


def test_the_usual_keys_go_to_their_places() -> None:
    keys = identifier(
        day=(date(2024, 1, 2), None),
        modality="CT",
        station_ae="CT1",
        patient_name="MÜLLER*",
        patient_id="4711",
        accession_number="A1",
        keys={STEP + "ScheduledProcedureStepStatus": "SCHEDULED"},
        return_keys=["PatientSex"],
    )
    assert value_at(keys, STEP + "ScheduledProcedureStepStartDate") == "20240102-"
    assert value_at(keys, STEP + "Modality") == "CT"
    assert value_at(keys, STEP + "ScheduledStationAETitle") == "CT1"
    assert value_at(keys, STEP + "ScheduledProcedureStepStatus") == "SCHEDULED"
    assert (keys.PatientName, keys.PatientID, keys.AccessionNumber) == ("MÜLLER*", "4711", "A1")
    assert keys.SpecificCharacterSet == "ISO_IR 192"
    assert "PatientWeight" not in keys
    assert identifier(character_set="ISO_IR 100").SpecificCharacterSet == "ISO_IR 100"
    with pytest.raises(ConfigurationError):
        identifier(keys={"Nonsense": ""})


def test_one_day_is_a_single_value() -> None:
    assert value_at(identifier(day=date(2024, 1, 2)), STEP + "ScheduledProcedureStepStartDate") == "20240102"


def item(*keys: str) -> WorklistItem:
    return WorklistItem(keys_of(keys))


def test_an_item_is_read() -> None:
    one = item(
        "PatientName=DOE",
        "PatientID=1",
        "AccessionNumber=A",
        "StudyInstanceUID=1.2",
        "RequestedProcedureDescription=All of it",
        STEP + "Modality=CT",
        STEP + "ScheduledStationAETitle=CT1",
        STEP + "ScheduledProcedureStepStartDate=20240102",
        STEP + "ScheduledProcedureStepStartTime=09:30:15.25",
    )
    assert (one.patient_name, one.patient_id, one.accession_number) == ("DOE", "1", "A")
    assert (one.study_instance_uid, one.modality, one.station_ae) == ("1.2", "CT", "CT1")
    assert one.start == datetime.fromisoformat("2024-01-02T09:30:15")
    assert one.description == "All of it"
    assert item(STEP + "ScheduledProcedureStepDescription=Part").description == "Part"


@pytest.mark.parametrize(
    ("day", "clock", "start"),
    [
        ("20240102", "", "2024-01-02T00:00:00"),
        ("2024.01.02", "09", "2024-01-02T09:00:00"),
        ("", "0930", None),
        ("20240102", "soon", None),
    ],
)
def test_the_start_is_as_exact_as_it_is_said(day: str, clock: str, start: str | None) -> None:
    one = item(STEP + f"ScheduledProcedureStepStartDate={day}", STEP + f"ScheduledProcedureStepStartTime={clock}")
    assert one.start == (None if start is None else datetime.fromisoformat(start))


async def test_the_provider_asks_for_its_items_each_time() -> None:
    items = [keys_of(["PatientID=1"])]
    provider = WorklistProvider(lambda: items)
    handler = provider.handlers().on_find
    assert handler == provider.on_find
    asked = find(SOP_CLASS, keys_of(["PatientID"]))
    assert [one.PatientID async for one in provider.on_find(asked)] == ["1"]
    items.append(keys_of(["PatientID=2"]))
    assert [one.PatientID async for one in provider.on_find(asked)] == ["1", "2"]


class Finder:
    """Stands for a service user: ``find`` gives an operation that is over at once."""

    def __init__(self, status: int, *matches: Dataset) -> None:
        self.status = status
        self.matches = matches

    def find(self, identifier: Dataset, **more: object) -> Finder:
        self.asked = (identifier, more)
        return self

    async def each(self, take: Callable[[Match], Awaitable[bool]]) -> Response:
        for one in self.matches:
            if not await take(Match(one)):
                return Response(Status(0xFE00))
        return Response(Status(self.status))


async def test_a_failure_of_the_peer_is_raised_and_a_limit_is_none() -> None:
    with pytest.raises(DimseFailure):
        await fetch(Finder(0xA700))
    user = Finder(0, Dataset(), Dataset())
    assert len(await fetch(user, keys_of(["PatientID"]), limit=1, timeout_s=3.0)) == 1
    assert user.asked[1] == {"root": "study", "sop_class_uid": SOP_CLASS, "timeout_s": 3.0}
    assert Answer((), Response(Status(0))).found == ()
