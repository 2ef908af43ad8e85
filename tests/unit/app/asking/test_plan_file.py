"""Keys out of a data set that was an identifier once."""

from __future__ import annotations

from datetime import date

import pytest
from helpers.services import keys as elements
from pydicom.dataset import Dataset

from dicomgui.app.asking.keys import identifier_of
from dicomgui.app.asking.plan_file import keys_in
from dicomgui.network import ConfigurationError


def test_an_identifier_comes_back_as_it_was() -> None:
    step = elements(Modality="CT", ScheduledProcedureStepStartDate="20240101-20240131", ScheduledStationName="")
    identifier = elements(
        SpecificCharacterSet="ISO_IR 100", QueryRetrieveLevel="STUDY", PatientName="Müller^*", PatientID="",
        ModalitiesInStudy=["CT", "MR"], NumberOfStudyRelatedInstances=7, ScheduledProcedureStepSequence=[step],
        ReferencedStudySequence=[], RequestedProcedureCodeSequence=[Dataset()],
    )  # fmt: skip
    found = keys_in(identifier)
    assert [str(key) for key in found if key.is_matching] == [
        "ModalitiesInStudy=CT\\MR", "PatientName=Müller^*", "NumberOfStudyRelatedInstances=7",
        "ScheduledProcedureStepSequence[0].Modality=CT",
        "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=20240101-20240131",
    ]  # fmt: skip
    again = identifier_of(found, level="STUDY", today=date(2024, 1, 1)).dataset
    assert again.SpecificCharacterSet == "ISO_IR 100"
    identifier.RequestedProcedureCodeSequence = []
    assert again == identifier


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        (elements(ReferencedStudySequence=[Dataset(), Dataset()]), "2 items"),
        (elements(PixelData=b"\0\1"), "no text to match"),
    ],
)
def test_what_cannot_be_matched(identifier: Dataset, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        keys_in(identifier)


def test_nothing_is_no_key() -> None:
    assert keys_in(Dataset()) == ()
