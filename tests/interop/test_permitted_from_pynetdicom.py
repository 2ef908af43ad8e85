"""Requests that their presentation context does not permit, sent by pynetdicom to our listener."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import peers
from helpers.listening import listens_in

from dicomgui.app.configuration.provided import ALL
from dicomgui.app.context import AppContext

VERIFICATION = "1.2.840.10008.1.1"
MPPS, RETRIEVE = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.3.1.2.3.4"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
PUSH, WATCH, PULL = (f"1.2.840.10008.5.1.4.34.6.{last}" for last in range(1, 4))
GRAY, FILM_SESSION, PRINTER, PRINTER_INSTANCE = (f"1.2.840.10008.5.1.1.{end}" for end in (9, 1, 16, 17))
AVAILABILITY = "1.2.840.10008.5.1.4.33"
CLASSES = [VERIFICATION, MPPS, RETRIEVE, COMMITMENT, PUSH, WATCH, PULL, GRAY, AVAILABILITY]
STEP = {
    "ProcedureStepState": "SCHEDULED",
    "ProcedureStepLabel": "Work",
    "WorklistLabel": "W",
    "ScheduledProcedureStepPriority": "LOW",
    "InputReadinessState": "READY",
    "ScheduledProcedureStepStartDateTime": "20240101",
}
CLAIM = {"ProcedureStepState": "IN PROGRESS", "TransactionUID": "2.25.9"}
WATCHING = {"ReceivingAE": "PYNETDICOM", "DeletionLock": "FALSE"}
pytestmark = pytest.mark.interop("pynetdicom")


async def answers(context: AppContext, folder: Path, steps: list[list[Any]]) -> list[str]:
    async with listens_in(context, folder)(services=ALL) as listener:
        said = await peers.pynetdicom_user(listener.port, "OURS", classes=CLASSES, steps=steps)
    return [one["status"] for one in said if "status" in one]


WRONG = [
    ("0211", ["n_create", PUSH, "2.25.1", STEP, PULL]),
    ("0211", ["n_create", PUSH, "2.25.1", STEP, WATCH]),
    ("0123", ["n_action", PUSH, "2.25.7", 1, CLAIM, WATCH]),
    ("0123", ["n_action", PUSH, "2.25.7", 1, CLAIM, PUSH]),
    ("0123", ["n_action", PUSH, "2.25.7", 3, WATCHING, PULL]),
    ("0211", ["n_set", PUSH, "2.25.7", {"ProcedureStepLabel": "x"}, WATCH]),
    ("0211", ["n_delete", PUSH, "2.25.7", PULL]),
    ("0118", ["n_get", MPPS, "2.25.8", [], VERIFICATION]),
    ("0211", ["n_get", MPPS, "2.25.8", [], MPPS]),
    ("0118", ["n_create", MPPS, "2.25.8", {"Modality": "CT"}, AVAILABILITY]),
    ("0118", ["n_action", MPPS, COMMITMENT_INSTANCE, 1, {"TransactionUID": "2.25.3"}, COMMITMENT]),
    ("0211", ["n_get", FILM_SESSION, "2.25.6", [], GRAY]),
    ("0118", ["n_get", MPPS, "2.25.6", [], GRAY]),
]


async def test_what_is_not_permitted_is_refused(context: AppContext, tmp_path: Path) -> None:
    steps = [
        ["n_create", PUSH, "2.25.7", STEP, PUSH],
        *(step for _, step in WRONG),
        ["n_get", PUSH, "2.25.7", [], PULL],
    ]
    expected = ["0000", *(status for status, _ in WRONG), "0000"]
    assert await answers(context, tmp_path / "archive", steps) == expected


async def test_what_is_permitted_is_done(context: AppContext, tmp_path: Path) -> None:
    steps = [
        ["echo"],
        ["n_create", PUSH, "2.25.7", STEP],
        ["n_action", PUSH, "2.25.7", 1, CLAIM, PULL],
        ["n_set", PUSH, "2.25.7", {"ProcedureStepLabel": "x", "TransactionUID": "2.25.9"}, PULL],
        ["n_set", PUSH, "2.25.7", {"PatientName": "x", "TransactionUID": "2.25.9"}, PULL],
        ["n_get", PUSH, "2.25.7", [], WATCH],
        ["n_create", FILM_SESSION, "2.25.6", {"NumberOfCopies": "1"}, GRAY],
        ["n_get", PRINTER, PRINTER_INSTANCE, [], GRAY],
        ["n_delete", FILM_SESSION, "2.25.6", GRAY],
    ]
    expected = ["0000", "0000", "0000", "0000", "0105", "0000", "0000", "0000", "0000"]
    assert await answers(context, tmp_path / "archive", steps) == expected
