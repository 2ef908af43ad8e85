"""Instance availability notifications (PS3.4 table R.3.2-1)."""

from __future__ import annotations

import pytest
from helpers.asking import ScriptedUser, create, status_of
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError, DimseFailure, Response, Status
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.availability import (
    SOP_CLASS,
    AvailableInstance,
    Notification,
    NotificationReceiver,
    notification,
    notify,
)

ONE = AvailableInstance("1.2", "1.2.3", "ARCHIVE")


def test_a_notification_has_its_step_or_none() -> None:
    plain = notification("1.9", {"1.8": [ONE]})
    assert plain.ReferencedPerformedProcedureStepSequence == []
    assert plain.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].InstanceAvailability == "ONLINE"
    step = notification("1.9", {"1.8": [ONE]}, performed_step=("1.3", "1.3.1")).ReferencedPerformedProcedureStepSequence
    assert step[0].ReferencedSOPInstanceUID == "1.3.1"
    assert step[0]["PerformedWorkitemCodeSequence"].value == []


@pytest.mark.parametrize("series", [{}, {"1.8": []}])
def test_a_notification_of_nothing_is_an_error(series: dict[str, list[AvailableInstance]]) -> None:
    with pytest.raises(ConfigurationError):
        notification("1.9", series)


async def test_a_refusal_is_raised() -> None:
    with pytest.raises(DimseFailure):
        await notify(ScriptedUser(Response(Status(0x0110))), notification("1.9", {"1.8": [ONE]}))


def series_of(**item: object) -> Dataset:
    reference = ONE[:2]
    values = {
        "ReferencedSOPClassUID": reference[0],
        "ReferencedSOPInstanceUID": reference[1],
        "InstanceAvailability": "ONLINE",
        "RetrieveAETitle": "ARCHIVE",
    }
    return dataset_of({"SeriesInstanceUID": "1.8", "ReferencedSOPSequence": [dataset_of({**values, **item})]})


@pytest.mark.parametrize(
    ("dataset", "status"),
    [
        (notification("1.9", {"1.8": [ONE]}), 0),
        (Dataset(), 0x0120),
        (dataset_of({"StudyInstanceUID": "1.9", "ReferencedSeriesSequence": []}), 0x0121),
        (dataset_of({"StudyInstanceUID": "1.9", "ReferencedSeriesSequence": [Dataset()]}), 0x0120),
        (dataset_of({"StudyInstanceUID": "1.9", "ReferencedSeriesSequence": [series_of(RetrieveAETitle="")]}), 0x0121),
    ],
)
def test_an_incomplete_notification_is_refused(dataset: Dataset, status: int) -> None:
    came: list[Notification] = []
    receiver = NotificationReceiver(came.append)
    reply = receiver.handlers().on_n_create(create(SOP_CLASS, "", dataset))
    assert status_of(reply) == status
    assert bool(came) is (status == 0)
    if came:
        assert came[0].sop_instance_uid == reply.sop_instance_uid
        assert came[0].instances == (ONE,)
        assert came[0].facts.calling_ae_title == "PEER"
