"""Responses made of what a handler replied."""

from __future__ import annotations

import pytest

from dicomgui.network import Progress, Reply, Status
from dicomgui.network.dimse import commands as dimse
from dicomgui.network.service.answers import response_to

CLASS, INSTANCE = "1.2.840.10008.3.1.2.3.3", "1.2.3"
FULL = Reply(
    Status(0x0107),
    "why",
    (1,),
    sop_instance_uid="1.9",
    attribute_identifiers=(4,),
    error_id=5,
    progress=Progress(1, 2, 3, 4),
)
ALL = [
    dimse.CEchoRQ(1),
    dimse.CStoreRQ(1, CLASS, INSTANCE),
    dimse.CFindRQ(1, CLASS),
    dimse.CGetRQ(1, CLASS),
    dimse.CMoveRQ(1, CLASS, "D"),
    dimse.NEventReportRQ(1, CLASS, INSTANCE, 0),
    dimse.NGetRQ(1, CLASS, INSTANCE),
    dimse.NSetRQ(1, CLASS, INSTANCE),
    dimse.NActionRQ(1, CLASS, INSTANCE, 0),
    dimse.NCreateRQ(1, CLASS, INSTANCE),
    dimse.NDeleteRQ(1, CLASS, INSTANCE),
    dimse.UnknownCommand(1, 0x0999),
]


@pytest.mark.parametrize("request_", ALL, ids=lambda rq: rq.name)
@pytest.mark.parametrize("has_dataset", [False, True])
def test_each_has_what_its_kind_has_and_nothing_else(request_: dimse.Request, has_dataset: bool) -> None:
    plain = response_to(request_, Status(0), has_dataset)
    full = response_to(request_, FULL, has_dataset)
    for response in (plain, full):
        assert response.command_field == request_.command_field | 0x8000
        assert response.message_id == 1
        assert response.has_dataset == has_dataset
    assert (plain.status, full.status) == (0, 0x0107)
    assert full.error_comment == "why"
    expected = {
        "event_type_id": 0,
        "action_type_id": 0,
        "affected_sop_instance_uid": "1.9",
        "attribute_identifiers": (4,),
        "error_id": 5,
        "remaining": 1,
        "completed": 2,
        "failed": 3,
        "warning": 4,
        "offending_elements": (1,),
    }
    if not isinstance(request_, dimse.UnknownCommand):
        for name, value in expected.items():
            assert getattr(full, name, value) == value, name


def test_the_uids_of_the_request_come_back() -> None:
    response = response_to(dimse.NSetRQ(7, CLASS, INSTANCE), Reply(Status(0)), False)
    assert response == dimse.NSetRSP(7, Status(0), CLASS, INSTANCE)
