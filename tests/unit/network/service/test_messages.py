"""Many matches that come at once leave the same trace as when they come one by one, and are the same matches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomgui.network import FindRequest, Handlers, Limits, Match, Status, connect, presets, serve
from dicomgui.network.dimse.assembler import Assembler
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.pdu.runs import RUN_BYTES
from dicomgui.network.service import Connection, Matches
from dicomgui.network.tracing import DimseRecord, Record


def answer(request: FindRequest, number: int, size: int = 4) -> bytes:
    match = Dataset()
    match.PatientID, match.TextValue = str(number), "N" * size
    return encode_dataset(match, request.context.transfer_syntax)


def answers(request: FindRequest) -> Iterator[Matches | Match]:
    """Short and long ones, of both statuses, together and alone."""
    numbers = iter(range(1000))
    yield Matches([answer(request, next(numbers), size) for size in range(2, 200, 2)])
    yield Matches([answer(request, next(numbers), RUN_BYTES) for _ in range(3)])
    yield Match(answer(request, next(numbers)), Status(0xFF01))
    yield Matches([answer(request, next(numbers)) for _ in range(50)])
    yield Matches([answer(request, next(numbers)) for _ in range(50)], Status(0xFF01))
    for _ in range(5):
        yield Match(answer(request, next(numbers)))
    yield Matches([b"", answer(request, next(numbers)), b""])


def short(request: FindRequest) -> Iterator[Matches]:
    yield Matches([answer(request, number) for number in range(50)])


async def asked(limits: Limits, on_find: Any = answers) -> tuple[list[Match], list[Record]]:
    """What came, and what stands in the trace of it without its times."""
    records: list[Record] = []
    async with (
        await serve(port=0, handlers=Handlers(on_find=on_find)) as server,
        connect(
            f"X@127.0.0.1:{server.port}", contexts=presets.QUERY, limits=limits, tracer=records.append
        ) as association,
    ):
        records.clear()
        found = [match async for match in association.find(Dataset(), level="PATIENT", root="patient")]
        kept = list(records)
    return found, [record._replace(association=0, mono=0.0, utc=0.0) for record in kept]


@pytest.mark.parametrize("most", [0, 16_384, 4096])
async def test_they_are_the_same_together_and_one_by_one(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    runs = []
    take = Connection._receive_run
    monkeypatch.setattr(Connection, "_receive_run", lambda self, run: runs.append(len(run.data)) or take(self, run))
    together = await asked(Limits(max_pdu_length=most))
    assert sum(runs) > 50
    monkeypatch.setattr(Assembler, "repeated", lambda self, message: None)
    one_by_one = await asked(Limits(max_pdu_length=most))
    assert together == one_by_one
    assert len(together[0]) == 211
    assert sum(isinstance(record, DimseRecord) for record in together[1]) == 213


async def test_where_a_limit_has_to_be_looked_at_they_come_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "_receive_run", None)
    found, _ = await asked(Limits(max_dataset_length=RUN_BYTES - 1), short)
    assert len(found) == 50
