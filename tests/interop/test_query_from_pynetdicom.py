"""pynetdicom's C-FIND, C-MOVE and C-GET with our provider, with the numbers and lists of its responses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers import peers
from helpers.instances import instance_of
from helpers.retrieval import (
    CR_STUDY,
    CT_STUDY,
    DOE,
    ENDLESS,
    UNSUPPORTED,
    Archive,
    Receiver,
    data_sets,
    kept_in,
    real_files,
)

from dicomgui.network import Handlers, PeerAddress, Server, ServerOptions, serve
from dicomgui.network.association.params import AETitle
from dicomgui.network.server.offering import policy_for

CT, MR, CR, PLAN = (f"1.2.840.10008.5.1.4.1.1.{last}" for last in ("2", "4", "1", "481.5"))
PATIENT, STUDY, PATIENT_STUDY = ("1.2.840.10008.5.1.4.1.2." + root for root in ("1.", "2.", "3."))
pytestmark = pytest.mark.interop("pynetdicom")


async def start(handlers: Handlers, **options: Any) -> Server:
    policy = policy_for(handlers, AETitle("PACS"))
    return await serve(port=0, ae_title="PACS", handlers=handlers, options=ServerOptions(policy, **options))


def statuses(said: Sequence[dict[str, Any]], what: str) -> list[str]:
    return [one["status"] for one in said if one["what"] == what]


async def test_find_from_pynetdicom() -> None:
    """In all three information models, with FF01, a cancel, and one query after the other."""
    archive = Archive(real_files())
    keys = {"QueryRetrieveLevel": "STUDY", "PatientID": DOE, "StudyInstanceUID": ""}
    async with await start(archive.handlers()) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "PACS",
            classes=[PATIENT + "1", STUDY + "1", PATIENT_STUDY + "1"],
            steps=[
                ["find", STUDY + "1", keys],
                ["find", PATIENT + "1", {**keys, "QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": ""}],
                ["find", PATIENT_STUDY + "1", keys],
                ["find", STUDY + "1", {**keys, "PatientID": UNSUPPORTED}],
                ["find", STUDY + "1", {**keys, "PatientID": ENDLESS}, 7],
                ["find", STUDY + "1", {**keys, "PatientID": "NOBODY"}],
            ],
        )
    found = [one["dataset"] for one in said if one["what"] == "find" and one["dataset"]]
    assert {one["StudyInstanceUID"] for one in found[:2]} == {CR_STUDY, CT_STUDY}
    endless = statuses(said, "find")[12:-1]
    assert statuses(said, "find")[:12] == [
        *["FF00", "FF00", "0000"],
        *["FF00", "FF00", "FF00", "FF00", "0000"],
        *["FF00", "FF00", "0000"],
        "FF01",
    ]
    assert endless[0] == "0000"
    assert endless[-1] == "FE00"
    assert set(endless[1:-1]) == {"FF00"}
    assert len(endless) >= 9
    assert statuses(said, "find")[-1] == "0000"
    assert archive.finds[4].is_cancelled


async def test_get_from_pynetdicom(tmp_path: Path) -> None:
    archive = Archive(real_files())
    keys = {"QueryRetrieveLevel": "STUDY", "PatientID": DOE, "StudyInstanceUID": CT_STUDY}
    async with await start(archive.handlers()) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "PACS",
            classes=[PATIENT + "3", STUDY + "3"],
            storage=[CT, CR],
            folder=str(tmp_path),
            steps=[
                ["get", STUDY + "3", keys],
                ["get", PATIENT + "3", {"QueryRetrieveLevel": "PATIENT", "PatientID": DOE}],
            ],
        )
    answers = [one for one in said if one["what"] == "get"]
    assert [one["status"] for one in answers] == ["FF00"] * 4 + ["0000"] + ["FF00"] * 7 + ["0000"]
    assert [one.get("NumberOfCompletedSuboperations") for one in answers[:5]] == [1, 2, 3, 4, 4]
    assert [one.get("NumberOfRemainingSuboperations") for one in answers[:5]] == [3, 2, 1, 0, None]
    assert kept_in(tmp_path) == data_sets([*real_files(CT_STUDY), *real_files(CR_STUDY)])


async def test_get_with_failures_from_pynetdicom(tmp_path: Path) -> None:
    """It takes no CR: those have failed, and are named."""
    archive = Archive(real_files())
    async with await start(archive.handlers()) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "PACS",
            classes=[PATIENT + "3"],
            storage=[CT],
            folder=str(tmp_path),
            steps=[["get", PATIENT + "3", {"QueryRetrieveLevel": "PATIENT", "PatientID": DOE}]],
        )
    last = said[-1]
    assert last["status"] == "B000"
    assert last["NumberOfCompletedSuboperations"] == 4
    assert last["NumberOfFailedSuboperations"] == 3
    assert set(last["dataset"]["FailedSOPInstanceUIDList"]) == {instance_of(file) for file in real_files(CR_STUDY)}


async def test_cancel_get_from_pynetdicom(tmp_path: Path) -> None:
    archive = Archive(real_files(CT_STUDY))
    async with await start(archive.handlers()) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "PACS",
            classes=[PATIENT + "3"],
            storage=[CT],
            folder=str(tmp_path),
            steps=[["get", PATIENT + "3", {"QueryRetrieveLevel": "PATIENT", "PatientID": ENDLESS}, 2]],
        )
    answers = statuses(said, "get")
    assert answers[:2] == ["FF00", "FF00"]
    assert answers[-1] == "FE00"
    assert archive.retrieves[0].is_cancelled


async def test_move_from_pynetdicom() -> None:
    """To our own second server, to a stranger, and with an instance that the destination refuses."""
    archive, receiver = Archive(real_files()), Receiver({instance_of(real_files(CR_STUDY)[0]): 0xA700})
    keys = {"QueryRetrieveLevel": "STUDY", "PatientID": DOE, "StudyInstanceUID": CT_STUDY}
    async with await serve(port=0, ae_title="RECEIVER", handlers=receiver.handlers()) as third:
        known = {"RECEIVER": PeerAddress(AETitle("RECEIVER"), peers.LOOPBACK, third.port)}
        async with await start(archive.handlers(), destinations=known) as server:
            said = await peers.pynetdicom_user(
                server.port,
                "PACS",
                calling="MOVER",
                classes=[STUDY + "2"],
                steps=[
                    ["move", STUDY + "2", keys, "RECEIVER"],
                    ["move", STUDY + "2", keys, "STRANGER"],
                    ["move", STUDY + "2", {**keys, "StudyInstanceUID": CR_STUDY}, "RECEIVER"],
                ],
            )
    answers = [one for one in said if one["what"] == "move"]
    assert [one["status"] for one in answers] == ["FF00"] * 4 + ["0000", "A801"] + ["FF00"] * 3 + ["B000"]
    last = answers[-1]
    assert (last["NumberOfCompletedSuboperations"], last["NumberOfFailedSuboperations"]) == (2, 1)
    assert last["dataset"]["FailedSOPInstanceUIDList"] == instance_of(real_files(CR_STUDY)[0])
    assert receiver.data == data_sets([*real_files(CT_STUDY), *real_files(CR_STUDY)])
    assert {request.command.move_originator_ae_title for request in receiver.requests} == {"MOVER"}
    assert {request.facts.calling_ae_title for request in receiver.requests} == {"PACS"}


async def test_cancel_move_from_pynetdicom() -> None:
    archive, receiver = Archive(real_files(CT_STUDY)), Receiver()
    async with await serve(port=0, ae_title="RECEIVER", handlers=receiver.handlers()) as third:
        known = {"RECEIVER": PeerAddress(AETitle("RECEIVER"), peers.LOOPBACK, third.port)}
        async with await start(archive.handlers(), destinations=known) as server:
            keys = {"QueryRetrieveLevel": "PATIENT", "PatientID": ENDLESS}
            steps = [["move", PATIENT + "2", keys, "RECEIVER", 2]]
            said = await peers.pynetdicom_user(server.port, "PACS", classes=[PATIENT + "2"], steps=steps)
    assert statuses(said, "move")[-1] == "FE00"
    assert archive.retrieves[0].is_cancelled
    assert len(receiver.requests) >= 2
