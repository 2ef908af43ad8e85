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
    model.show(View.ALL, [2])
    fill(model)
    assert column(model, Column.KIND) == ["Note", "State"]
    model.show(View.ALL, [2])
    assert model.rowCount() == 2


def test_an_association_that_is_added_keeps_what_is_older(qtbot: QtBot, store: TraceStore) -> None:
    model = TraceModel(store)
    for number in range(6):
        store(note(str(number), 1 + number % 2))
    model.show(View.ALL, [1])
    fill(model)
    assert column(model, Column.SUMMARY) == ["0", "2", "4"]
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    model.show(View.ALL, [1, 2])
    assert column(model, Column.SUMMARY) == ["0"]
    fill(model)
    assert column(model, Column.SUMMARY) == ["0", "1", "2", "3", "4", "5"]
    model.show(View.ALL, [1, 2, 3])
    store(note("6", 3))
    fill(model)
    assert column(model, Column.SUMMARY)[-1] == "6"
    assert not resets
    assert model.associations == {1, 2, 3}


@pytest.mark.parametrize("others", [1, 100])
def test_chosen_associations_come_in_the_order_of_the_trace(qtbot: QtBot, store: TraceStore, others: int) -> None:
    """Of few associations each is looked up; of many everything is looked at. Both give the same."""
    for number in range(3000):
        store(note(str(number), number % 3))
    model = TraceModel(store)
    model.show(View.ALL, [1, 2, *range(10, 10 + others)])
    fill(model)
    assert column(model, Column.SUMMARY) == [str(number) for number in range(3000) if number % 3]
    assert model.line_of(0).startswith("2\t")
    assert model.line_of(9999) == ""
    assert model.cell(9999, 0) == ("", "text")


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
