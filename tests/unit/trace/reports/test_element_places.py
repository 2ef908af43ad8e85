from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.identified import encoded, patient, stored
from helpers.instances import BIG_ENDIAN, EXPLICIT, IMPLICIT

from dicomgui.network.tracing import PduRecord
from dicomgui.trace.redaction.leftover import FieldSpan
from dicomgui.trace.reports.element_places import element_at
from dicomgui.trace.store import TraceStore


@pytest.fixture(params=[IMPLICIT, EXPLICIT, BIG_ENDIAN])
def store(request: pytest.FixtureRequest) -> Iterator[TraceStore]:
    kept = TraceStore()
    for record in stored(encoded(patient(), request.param), request.param, fragment=150):
        kept(record)
    yield kept
    kept.close()


def place_of(store: TraceStore, value: bytes) -> FieldSpan:
    for row, record in enumerate(store.records(), 1):
        if isinstance(record, PduRecord) and record.pdu_type == 4:
            start = record.segments[0].data.find(value)
            if start >= 0:
                return FieldSpan(row, "pdu", "segments", start, start + len(value))
    raise AssertionError(value)


@pytest.mark.parametrize(
    ("value", "tag"),
    [(b"PAT-4711", 0x00100020), (b"Seattle", 0x00080080), (b"MONOCHROME2", 0x00280004), (b"nested^", 0x0040A123)],
)
def test_a_place_in_a_data_set_has_an_element(store: TraceStore, value: bytes, tag: int) -> None:
    assert element_at(store, place_of(store, value)) == tag


def test_what_is_in_no_data_set_has_none(store: TraceStore) -> None:
    assert element_at(store, FieldSpan(2, "pdu", "segments", 12, 14)) == -1  # A-ASSOCIATE-RQ
    assert element_at(store, FieldSpan(2, "pdu", "called", 12, 14)) == -1
    assert element_at(store, FieldSpan(4, "pdu", "segments", 12, 14)) == -1  # a command set
    assert element_at(store, FieldSpan(6, "pdu", "segments", 2, 3)) == -1  # a header of a PDU
