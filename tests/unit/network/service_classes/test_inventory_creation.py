"""The provider of inventory creation (PS3.4 KK.2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.asking import ScriptedUser, act, status_of
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.inventory_creation import (
    CANCEL,
    INITIATE,
    PAUSE,
    REQUEST_STATUS,
    RESUME,
    SOP_CLASS,
    SOP_INSTANCE,
    STATUS,
    TERMINATED_WITH_INSTANCES,
    TERMINATED_WITHOUT_INSTANCES,
    InventoryCreation,
    InventoryProduction,
    InventoryResult,
    ProductionStatus,
)

DONE = InventoryResult("2.25.9", 2, retrieve_url="https://pacs.example/i", expires="20270101")
WISH: dict[str, object] = {"InventoryLevel": "STUDY", "ScopeOfInventorySequence": [Dataset()]}


class Peer:
    """Asks a provider, and takes its reports."""

    def __init__(self, inventories: InventoryCreation) -> None:
        self.inventories = inventories
        self.user = ScriptedUser()

    def ask(self, action: int, uid: str = "2.25.1", **information: object) -> Any:
        told = dataset_of({"TransactionUID": uid, **information})
        return self.inventories.on_n_action(act(SOP_CLASS, SOP_INSTANCE, action, told, user=self.user))

    def status(self, action: int, uid: str = "2.25.1", **information: object) -> int:
        return status_of(self.ask(action, uid, **information))

    def initiate(self, uid: str = "2.25.1", **other: object) -> int:
        return self.status(INITIATE, uid, **{**WISH, **other})

    async def reported(self, number: int) -> tuple[int, Dataset]:
        """The event type and information of the report with this number, from 1 on."""
        await self.user.wait_asked(number)
        _, (sop_class, instance, event, information), _ = self.user.asked[number - 1]
        assert (sop_class, instance) == (SOP_CLASS, SOP_INSTANCE)
        return event, information


async def forever(production: InventoryProduction) -> InventoryResult:
    production.partial = DONE
    await asyncio.Event().wait()
    raise AssertionError


async def at_once(production: InventoryProduction) -> InventoryResult:
    return DONE


@pytest.mark.parametrize("retained", ["YES", "NO"])
async def test_what_is_cancelled_keeps_its_instances_where_the_peer_wants_them(retained: str) -> None:
    peer = Peer(InventoryCreation(forever))
    assert peer.initiate() == 0
    assert peer.status(REQUEST_STATUS) == 0
    await peer.reported(1)
    assert peer.status(CANCEL, RetainInstances="MAYBE") == 0x0115
    assert peer.status(CANCEL, RetainInstances=retained) == 0
    assert peer.status(PAUSE) == 0x0110
    event, information = await peer.reported(2)
    assert information.TransactionStatus == "CANCELED"
    is_kept = retained == "YES"
    assert event == (TERMINATED_WITH_INSTANCES if is_kept else TERMINATED_WITHOUT_INSTANCES)
    assert ("ReferencedSOPInstanceUID" in information) == is_kept
    assert peer.inventories.productions["2.25.1"].is_retained == is_kept
    assert peer.status(REQUEST_STATUS) == 0, "the report is repeated"
    assert (await peer.reported(3))[0] == event
    await peer.inventories.close()


async def test_what_is_cancelled_before_it_began_never_begins() -> None:
    peer = Peer(InventoryCreation(at_once))
    assert peer.initiate() == 0
    assert peer.status(CANCEL, RetainInstances="YES") == 0
    event, information = await peer.reported(1)
    assert (event, information.TransactionStatus) == (TERMINATED_WITHOUT_INSTANCES, "CANCELED")
    await peer.inventories.close()


@pytest.mark.parametrize("fault", [ValueError("no disk"), asyncio.CancelledError()])
async def test_a_producer_that_fails_is_reported(fault: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    async def produce(production: InventoryProduction) -> InventoryResult:
        raise fault

    peer = Peer(InventoryCreation(produce))
    assert peer.initiate() == 0
    event, information = await peer.reported(1)
    assert (event, information.TransactionStatus) == (TERMINATED_WITHOUT_INSTANCES, "FAILURE")
    assert "could not be produced" in information.TransactionStatusComment
    assert peer.status(RESUME) == 0x0110
    await peer.inventories.close()


async def test_a_paused_production_waits_until_it_is_resumed() -> None:
    reached = asyncio.Event()

    async def produce(production: InventoryProduction) -> InventoryResult:
        await production.proceed(1)
        reached.set()
        await asyncio.sleep(0)
        await production.proceed(2)
        return DONE

    peer = Peer(InventoryCreation(produce))
    assert peer.initiate() == 0
    await reached.wait()
    assert [peer.status(PAUSE), peer.status(PAUSE)] == [0, 0]
    event, information = await peer.reported(1)
    assert (event, information.TransactionStatus) == (STATUS, "PAUSED")
    assert peer.inventories.productions["2.25.1"].status is ProductionStatus.PAUSED
    assert [peer.status(RESUME), peer.status(RESUME)] == [0, 0]
    assert (await peer.reported(2))[1].TransactionStatus == "PROCESSING"
    event, information = await peer.reported(3)
    assert (event, information.TransactionStatus) == (TERMINATED_WITH_INSTANCES, "COMPLETE")
    assert (information.RetrieveURL, information.ExpirationDateTime) == (DONE.retrieve_url, DONE.expires)
    assert information.TotalNumberOfStudyRecords == 2
    await peer.inventories.close()


async def test_the_state_is_told_at_the_interval_that_the_peer_wishes() -> None:
    peer = Peer(InventoryCreation(forever, interval_unit_s=0.001))
    assert peer.initiate(RequestedStatusInterval=1) == 0
    assert (await peer.reported(3))[1].TransactionStatus == "PROCESSING"
    assert peer.status(REQUEST_STATUS, RequestedStatusInterval=0) == 0
    assert peer.status(CANCEL, RetainInstances="NO") == 0
    while (await peer.reported(len(peer.user.asked) + 1))[1].TransactionStatus != "CANCELED":
        pass
    await peer.inventories.close()


async def test_reports_go_over_an_association_of_their_own_where_one_can_be_opened() -> None:
    other = ScriptedUser()
    peer = Peer(InventoryCreation(at_once, open_association=lambda request: other))
    assert peer.initiate() == 0
    await other.wait_asked(1)
    assert peer.user.asked == []
    await peer.inventories.close()


def scope(**values: object) -> dict[str, object]:
    return {"ScopeOfInventorySequence": [dataset_of(values)]}


async def test_what_is_not_supported_is_refused() -> None:
    peer = Peer(InventoryCreation(forever, mechanisms={"FUZZY"}, levels={"STUDY"}))
    assert peer.status(REQUEST_STATUS) == 0x0115
    assert peer.status(INITIATE, "1.2.x", **WISH) == 0x0115
    assert peer.status(16) == 0x0123
    elsewhere = act(SOP_CLASS, "1.2.3", INITIATE, dataset_of({"TransactionUID": "2.25.1"}))
    assert status_of(peer.inventories.on_n_action(elsewhere)) == 0x0112
    assert peer.initiate(InventoryLevel="SERIES") == 0x0212
    assert peer.initiate(**scope(ExtendedMatchingMechanisms="MULTI_VALUE")) == 0x0212
    with pytest.warns(UserWarning, match="Unknown encoding"):
        assert peer.initiate(**scope(SpecificCharacterSet="KLINGON")) == 0x0212
    assert peer.initiate(ScopeOfInventorySequence=[Dataset(), Dataset()]) == 0x0115
    assert peer.status(INITIATE, InventoryLevel="STUDY") == 0x0115
    assert not peer.inventories.productions
    known = scope(ExtendedMatchingMechanisms="FUZZY", SpecificCharacterSet="ISO_IR 100")
    assert peer.initiate(**known) == 0
    assert peer.initiate(**known) == 0x0115, "its Transaction UID is in use"
    await peer.inventories.close()
    assert peer.user.asked == [], "what is broken off is not reported"


async def test_keys_that_are_not_matched_are_named() -> None:
    peer = Peer(InventoryCreation(forever, keys={0x00080020}))
    keys = {
        "SpecificCharacterSet": "ISO_IR 192",
        "RangeMatchingSequence": [dataset_of({"StudyDate": "20260101", "StudyTime": "10"})],
        "GeneralMatchingSequence": [dataset_of({"PatientID": "7"})],
    }
    answer = peer.ask(INITIATE, **{**WISH, **scope(**keys)})
    assert (int(answer.status), answer.attribute_identifiers) == (0xB010, (0x00080030, 0x00100020))
    await peer.inventories.close()


async def test_the_number_of_productions_is_limited() -> None:
    peer = Peer(InventoryCreation(at_once, max_productions=1))
    assert [peer.initiate("2.25.1"), peer.initiate("2.25.2")] == [0, 0x0213]
    await peer.reported(1)
    assert peer.initiate("2.25.3") == 0
    assert list(peer.inventories.productions) == ["2.25.3"]
    await peer.inventories.close()


@pytest.mark.parametrize("wrong", [("1.2.x", "AE"), ("1.2.3", "")])
def test_a_result_that_nobody_could_retrieve_is_none(wrong: tuple[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        InventoryResult(wrong[0], 1, retrieve_ae=wrong[1])
