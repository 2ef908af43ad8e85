"""What a handler sees of a request."""

from __future__ import annotations

import asyncio

import pytest
from pydicom.dataset import Dataset

from dicomgui.network import FindRequest, RemoteProtocolError
from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.dimse.commands import CFindRQ
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.service.requests import OperationRequest

IMPLICIT = "1.2.840.10008.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


EXPLICIT = "1.2.840.10008.1.2.1"


def request(data: bytes | None, syntax: str = IMPLICIT) -> FindRequest:
    context = AcceptedContext(1, FIND, syntax, as_scu=False, as_scp=True)
    return OperationRequest(CFindRQ(1, FIND), context, None, None, data)


def test_the_data_set_is_decoded_once_and_empty_where_there_is_none() -> None:
    dataset = Dataset()
    dataset.PatientID = "1"
    asked = request(encode_dataset(dataset, IMPLICIT))
    assert asked.dataset == dataset
    assert asked.dataset is asked.dataset
    assert request(None).dataset == Dataset()
    with pytest.raises(RemoteProtocolError):
        _ = request(b"\x10\0\x10\0ZZ\xff\xffgarbage!", EXPLICIT).dataset


async def test_everybody_who_waits_for_a_cancel_is_told_and_who_comes_later_too() -> None:
    asked = request(None)
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(asked.wait_cancelled())
        await asyncio.sleep(0)
        assert not asked.is_cancelled
        asked.cancel()
        asked.cancel()
    assert asked.is_cancelled
    await asked.wait_cancelled()


async def test_who_stops_waiting_is_forgotten() -> None:
    asked = request(None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asked.wait_cancelled()
    asked.cancel()
    assert asked.is_cancelled
