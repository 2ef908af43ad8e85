from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.gui.models.trace_model import Column, TraceModel
from dicomgui.gui.models.trace_rows import View
from dicomgui.network.tracing import Direction, NoteRecord, PduRecord, Segment, StateRecord
from dicomgui.trace.store import TraceStore

RELEASE = bytes.fromhex("05000000000400000000")


def pdu(association: int = 1, data: bytes = RELEASE, error: str = "") -> PduRecord:
    return PduRecord(association, 0.0, 1e9, Direction.SENT, data[0], len(data), (Segment(0, data),), error)


def note(text: str, association: int = 1) -> NoteRecord:
    return NoteRecord(association, 0.0, 1e9, 20, text)


def fill(model: TraceModel) -> None:
    while model.is_behind:
        model.drain()


@pytest.fixture
def store() -> TraceStore:
    return TraceStore()


def column(model: TraceModel, which: Column) -> list[str]:
    return [model.index(row, which).data() for row in range(model.rowCount())]


def test_rows_come_in_batches_and_keep_their_numbers(
    qtbot: QtBot, store: TraceStore, qtmodeltester: ModelTester
) -> None:
    model = TraceModel(store)
    for number in range(1200):
        store(pdu() if number % 3 else StateRecord(1, 0.0, 1e9, 1, 5, "AE-1", 4))
    batches: list[int] = []
    model.rows_added.connect(batches.append)
    fill(model)
    assert model.rowCount() == 800
    assert len(batches) <= 3
    assert column(model, Column.NUMBER)[:3] == ["2", "3", "5"]
    assert model.row_of_number(5) == 2
    assert model.row_of_number(4) == -1
    qtmodeltester.check(model, force_py=True)


def test_other_views_and_one_association_alone(qtbot: QtBot, store: TraceStore) -> None:
    model = TraceModel(store)
    store(pdu(1))
    store(note("second", 2))
    store(StateRecord(2, 0.0, 1e9, 1, 5, "AE-1", 4))
    fill(model)
    assert column(model, Column.KIND) == ["A-RELEASE-RQ", "Note"]
    model.show(View.PDUS, None)
    fill(model)
    assert column(model, Column.KIND) == ["A-RELEASE-RQ"]
    model.show(View.ALL, 2)
    fill(model)
    assert column(model, Column.KIND) == ["Note", "State"]
    model.show(View.ALL, 2)
    assert model.rowCount() == 2


def test_rows_that_the_store_dropped_leave(qtbot: QtBot) -> None:
    store = TraceStore(max_rows=600)
    model = TraceModel(store)
    for number in range(500):
        store(note(str(number)))
    fill(model)
    for number in range(1000):
        store(note(str(number)))
    fill(model)
    assert model.rowCount() == len(store) < 1500
    assert column(model, Column.NUMBER)[0] == str(store.first_seq)


def test_text_of_a_peer_stays_one_plain_line(qtbot: QtBot, store: TraceStore) -> None:
    store(note("<b>x</b>\n\x1b[31m\u202e" + "y" * 5000))
    model = TraceModel(store)
    fill(model)
    text = model.index(0, Column.SUMMARY).data()
    assert text.startswith("<b>x</b>\\n\\x1b[31m\\u202e")
    assert len(text) <= 300
    assert "&lt;b&gt;" in model.index(0, Column.SUMMARY).data(Qt.ItemDataRole.ToolTipRole)


def test_failures_are_red_and_what_is_gone_is_empty(qtbot: QtBot, store: TraceStore) -> None:
    store(pdu(error="broken"))
    model = TraceModel(store)
    fill(model)
    assert model.index(0, Column.SUMMARY).data(Qt.ItemDataRole.ForegroundRole) is not None
    assert model.index(0, Column.LENGTH).data() == "10"
    assert model.index(0, Column.LENGTH).data(Qt.ItemDataRole.EditRole) is None
    assert model.headerData(Column.KIND, Qt.Orientation.Horizontal) == "Type"
    assert model.entry_at(0) is not None
    assert model.entry_at(7) is None
    store.clear()
    model.restart()
    store(note("again"))
    fill(model)
    assert column(model, Column.SUMMARY) == ["again"]


def test_a_drain_is_short_and_a_hundred_thousand_rows_are_cheap(qtbot: QtBot) -> None:
    store = TraceStore()
    record = note("x")
    for _ in range(100_000):
        store(record)
    model = TraceModel(store)
    longest = 0.0
    while model.is_behind:
        start = time.perf_counter()
        model.drain()
        longest = max(longest, time.perf_counter() - start)
    assert model.rowCount() == 100_000
    assert longest < 0.25
