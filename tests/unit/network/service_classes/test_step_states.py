"""Table CC.1.1-2 of PS3.4, cell by cell."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from dicomgui.network.service_classes.attributes import Code, dataset_of
from dicomgui.network.service_classes.step_states import judge_cancel_request, judge_change_of_state, judge_update
from dicomgui.network.service_classes.ups_attributes import cancelation, performed

CODE = Code("1", "99X", "x")
RIGHT, WRONG = "1.2.3", "1.2.4"


def step(state: str, *, is_ready: bool = True) -> Dataset:
    dataset = dataset_of({"ProcedureStepState": state})
    if is_ready:
        dataset.update(performed(CODE, CODE))
        dataset.update(cancelation("done"))
    return dataset


@pytest.mark.parametrize(
    ("state", "wanted", "transaction", "status"),
    [
        ("SCHEDULED", "IN PROGRESS", RIGHT, None),
        ("SCHEDULED", "IN PROGRESS", "", 0xC301),
        ("SCHEDULED", "SCHEDULED", RIGHT, 0xC303),
        ("SCHEDULED", "COMPLETED", RIGHT, 0xC310),
        ("SCHEDULED", "CANCELED", RIGHT, 0xC310),
        ("SCHEDULED", "PAUSED", RIGHT, 0x0115),
        ("IN PROGRESS", "IN PROGRESS", RIGHT, 0xC302),
        ("IN PROGRESS", "IN PROGRESS", WRONG, 0xC301),
        ("IN PROGRESS", "SCHEDULED", RIGHT, 0xC303),
        ("IN PROGRESS", "COMPLETED", RIGHT, None),
        ("IN PROGRESS", "COMPLETED", WRONG, 0xC301),
        ("IN PROGRESS", "CANCELED", RIGHT, None),
        ("IN PROGRESS", "CANCELED", "", 0xC301),
        ("COMPLETED", "IN PROGRESS", RIGHT, 0xC300),
        ("COMPLETED", "IN PROGRESS", WRONG, 0xC301),
        ("COMPLETED", "SCHEDULED", RIGHT, 0xC303),
        ("COMPLETED", "COMPLETED", RIGHT, 0xB306),
        ("COMPLETED", "CANCELED", RIGHT, 0xC300),
        ("CANCELED", "IN PROGRESS", RIGHT, 0xC300),
        ("CANCELED", "SCHEDULED", RIGHT, 0xC303),
        ("CANCELED", "COMPLETED", RIGHT, 0xC300),
        ("CANCELED", "CANCELED", RIGHT, 0xB304),
        ("CANCELED", "CANCELED", WRONG, 0xC301),
    ],
)
def test_a_change_of_state(state: str, wanted: str, transaction: str, status: int | None) -> None:
    lock = "" if state == "SCHEDULED" else RIGHT
    reply = judge_change_of_state(step(state), lock, wanted, transaction)
    assert (None if reply is None else reply.status) == status


@pytest.mark.parametrize("wanted", ["COMPLETED", "CANCELED"])
def test_a_final_state_has_requirements(wanted: str) -> None:
    reply = judge_change_of_state(step("IN PROGRESS", is_ready=False), RIGHT, wanted, RIGHT)
    assert reply is not None
    assert reply.status == 0xC304
    assert "Sequence" in reply.comment


@pytest.mark.parametrize(
    ("state", "transaction", "status"),
    [
        ("SCHEDULED", "", None),
        ("SCHEDULED", RIGHT, 0xC310),
        ("IN PROGRESS", RIGHT, None),
        ("IN PROGRESS", WRONG, 0xC301),
        ("IN PROGRESS", "", 0xC301),
        ("COMPLETED", RIGHT, 0xC300),
        ("CANCELED", RIGHT, 0xC300),
    ],
)
def test_an_update(state: str, transaction: str, status: int | None) -> None:
    changes = dataset_of({"TransactionUID": transaction, "ProcedureStepLabel": "x"})
    reply = judge_update(step(state), RIGHT, changes)
    assert (None if reply is None else reply.status) == status


def test_an_update_does_not_change_the_state() -> None:
    reply = judge_update(step("SCHEDULED"), "", dataset_of({"ProcedureStepState": "COMPLETED"}))
    assert reply is not None
    assert reply.status == 0x0106


@pytest.mark.parametrize(
    ("state", "status"), [("SCHEDULED", None), ("IN PROGRESS", None), ("COMPLETED", 0xC311), ("CANCELED", 0xB304)]
)
def test_a_request_to_cancel(state: str, status: int | None) -> None:
    reply = judge_cancel_request(step(state))
    assert (None if reply is None else reply.status) == status
