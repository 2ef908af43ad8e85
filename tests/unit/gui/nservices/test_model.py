"""The list of exchanges forgets the oldest, by number and by what reports take in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomgui.app.nservice_events import NEvent, event_of
from dicomgui.gui.nservices import model as module
from dicomgui.gui.nservices.model import Exchange, NServiceModel
from dicomgui.network.status import Status

pytestmark = pytest.mark.qt


def report(number: int, memory_bytes: int = 0) -> Exchange:
    event = NEvent(0.0, 1, "1.2", "1.2.3", number, None, Status(0), memory_bytes=memory_bytes)
    return Exchange(0.0, event=event)


def kept(model: NServiceModel) -> list[int]:
    exchanges = (model.exchange_at(row) for row in range(model.rowCount()))
    return [one.event.type_id for one in exchanges if one is not None and one.event is not None]


def test_the_oldest_go_first(qapp: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 2)
    model = NServiceModel()
    assert [model.add(report(number)) for number in range(3)] == [0, 1, 1]
    assert kept(model) == [1, 2]


def test_reports_take_no_more_memory_than_is_allowed(qapp: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 reports of 60,000 elements would take 20 GB."""
    monkeypatch.setattr(module, "MAX_KEPT_BYTES", 1000)
    model = NServiceModel()
    for number in range(4):
        model.add(report(number, 400))
    assert kept(model) == [2, 3]
    model.add(report(4, 5000))
    assert kept(model) == [4]
    model.add(report(5))
    assert kept(model) == [5]
    model.clear()
    for number in range(3):
        model.add(report(number, 400))
    assert kept(model) == [1, 2]


async def test_a_report_knows_what_it_takes() -> None:
    command = SimpleNamespace(affected_sop_class_uid="1.2", affected_sop_instance_uid="1.2.3", event_type_id=1)
    request: Any = SimpleNamespace(
        command=command, facts=SimpleNamespace(association=1), data=bytes(80), dataset=Dataset(),
        count_elements=lambda: 10,
    )  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        event = await event_of(request, pool)
    assert event.memory_bytes == 80 + 10 * 700
