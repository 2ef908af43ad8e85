"""The flat list of a trace: three levels, filters, what comes and goes, and how long that takes."""

from __future__ import annotations

import time

import pytest
from helpers.exchanging import RECEIVED, SENT, Talk, kept
from helpers.recordings import CT
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.gui.trace.listing.columns import AssociationColumn, Column, ExchangeColumn
from dicomgui.gui.trace.listing.model import TraceModel
from dicomgui.gui.trace.listing.rows import View
from dicomgui.gui.trace.listing.source import TraceSource
from dicomgui.network.dimse import CEchoRQ, CEchoRSP, CStoreRQ, CStoreRSP
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, NoteRecord, PduRecord, Segment, StateRecord
from dicomgui.trace.filter import FilterError, Zoom, parse
from dicomgui.trace.store import TraceStore

RELEASE = bytes.fromhex("05000000000400000000")


def pdu(association: int = 1, data: bytes = RELEASE, error: str = "") -> PduRecord:
    return PduRecord(association, 0.0, 1e9, Direction.SENT, data[0], len(data), (Segment(0, data),), error)


def note(text: str, association: int = 1) -> NoteRecord:
    return NoteRecord(association, 0.0, 1e9, 20, text)


def fill(model: TraceModel) -> None:
    while model.is_behind:
        model.drain()


def model_of(store: TraceStore, zoom: Zoom = Zoom.ROWS) -> TraceModel:
    return TraceModel(TraceSource("live", store), zoom=zoom)


def echo(talk: Talk, message_id: int, status: int = 0) -> None:
    talk.say(SENT, CEchoRQ(message_id)).say(RECEIVED, CEchoRSP(message_id, Status(status)))


@pytest.fixture
def store() -> TraceStore:
    return TraceStore()


@pytest.fixture
def talks() -> TraceStore:
    """Two associations: one with an echo and a store that failed, one with an echo."""
    first, second = Talk(1), Talk(2)
    first.established()
    echo(first, 1)
    first.say(SENT, CStoreRQ(2, CT, "1.2.3"), b"dd").say(RECEIVED, CStoreRSP(2, Status(0xA700), CT, "1.2.3"))
    second.wait(30).established()
    echo(second, 1)
    return kept(first, second)


def column(model: TraceModel, which: int) -> list[str]:
    return [model.index(row, which).data() for row in range(model.rowCount())]


def test_rows_come_in_batches_and_keep_their_numbers(
    qtbot: QtBot, store: TraceStore, qtmodeltester: ModelTester
) -> None:
    model = model_of(store)
    fill(model)
    for number in range(1200):
        store(pdu() if number % 3 else StateRecord(1, 0.0, 1e9, 1, 5, "AE-1", 4))
    batches: list[int] = []
    model.rows_added.connect(batches.append)
    fill(model)
    assert model.rowCount() == sum(batches) == 800
    assert len(batches) <= 6
    assert column(model, Column.NUMBER)[:3] == ["2", "3", "5"]
    assert model.row_of_number(5) == 2
    assert model.row_of_number(4) == -1
    assert model.row_near(4) == 1
    qtmodeltester.check(model, force_py=True)


def test_other_views_and_one_association_alone(qtbot: QtBot, store: TraceStore) -> None:
    model = model_of(store)
    store(pdu(1))
    store(note("second", 2))
    store(StateRecord(2, 0.0, 1e9, 1, 5, "AE-1", 4))
    fill(model)
    assert column(model, Column.KIND) == ["A-RELEASE-RQ", "Note"]
    model.show(view=View.PDUS)
    fill(model)
    assert column(model, Column.KIND) == ["A-RELEASE-RQ"]
    model.show(view=View.ALL, associations=[2])
    fill(model)
    assert column(model, Column.KIND) == ["Note", "State"]
    assert model.total == 3
    model.show(view=View.ALL, associations=[2])
    assert model.rowCount() == 2


def test_an_association_that_is_added_leaves_the_list_as_it_was_until_it_is_there(
    qtbot: QtBot, store: TraceStore
) -> None:
    model = model_of(store)
    for number in range(6):
        store(note(str(number), 1 + number % 2))
    model.show(associations=[1])
    fill(model)
    assert column(model, Column.SUMMARY) == ["0", "2", "4"]
    model.show(associations=[1, 2])
    assert column(model, Column.SUMMARY) == ["0", "2", "4"]
    fill(model)
    assert column(model, Column.SUMMARY) == ["0", "1", "2", "3", "4", "5"]


def test_each_level_has_its_items(qtbot: QtBot, talks: TraceStore, qtmodeltester: ModelTester) -> None:
    model = model_of(talks, Zoom.EXCHANGES)
    fill(model)
    operations = column(model, ExchangeColumn.OPERATION)
    assert operations[1:3] == ["C-ECHO → Success", "C-STORE → Refused: out of resources"]
    assert column(model, ExchangeColumn.STATUS)[1:3] == ["0000H", "A700H"]
    assert column(model, ExchangeColumn.ASSOCIATION) == ["#1", "#1", "#1", "#2", "#2"]
    assert column(model, ExchangeColumn.NUMBER) == ["", "1", "2", "", "3"]
    assert operations[0] == "ME → PACS · 1 C-ECHO, 1 C-STORE"
    assert model.item_at(2) == (1, 2)
    assert model.item_at(3) == (2, 0)
    qtmodeltester.check(model, force_py=True)
    model.show(zoom=Zoom.ASSOCIATIONS)
    fill(model)
    assert column(model, AssociationColumn.NUMBER) == ["1", "2"]
    assert column(model, AssociationColumn.REQUESTS) == ["1 C-ECHO, 1 C-STORE · 1 failed", "1 C-ECHO"]
    assert model.total == 2
    qtmodeltester.check(model, force_py=True)


def test_what_holds_a_row_is_found_at_each_level(qtbot: QtBot, talks: TraceStore) -> None:
    model = model_of(talks, Zoom.EXCHANGES)
    fill(model)
    last = model.source.index.exchanges.last_seq[2]
    assert model.holder_of(last) == model.number_at(2)
    model.show(zoom=Zoom.ASSOCIATIONS)
    fill(model)
    assert model.holder_of(last) == model.number_at(0)
    model.show(zoom=Zoom.ROWS)
    fill(model)
    assert model.holder_of(last) == last


def test_a_filter_replaces_the_list_when_it_is_ready_and_a_wrong_one_does_not(qtbot: QtBot, talks: TraceStore) -> None:
    model = model_of(talks, Zoom.EXCHANGES)
    fill(model)
    model.set_filter(parse("op:c-echo"))
    assert model.rowCount() == 5
    fill(model)
    assert column(model, ExchangeColumn.NUMBER) == ["", "1", "", "3"]
    with pytest.raises(FilterError):
        model.set_filter(parse("nokey:1"))
    fill(model)
    assert model.rowCount() == 4
    model.set_filter(None, parse("status:a700"))
    fill(model)
    assert model.rowCount() == 5
    assert [model.is_highlighted(row) for row in range(5)] == [True, False, True, False, False]
    assert model.highlighted == 2


def test_an_exchange_says_what_became_of_it_as_soon_as_it_is_known(qtbot: QtBot, store: TraceStore) -> None:
    talk = Talk(1)
    talk.established()
    talk.say(SENT, CEchoRQ(1))
    for record in talk.records:
        store(record)
    model = model_of(store, Zoom.EXCHANGES)
    fill(model)
    assert column(model, ExchangeColumn.STATUS)[1] == "open"
    told: list[int] = []
    model.dataChanged.connect(lambda first, last: told.extend(range(first.row(), last.row() + 1)))
    before = len(talk.records)
    talk.say(RECEIVED, CEchoRSP(1, Status(0)))
    for record in talk.records[before:]:
        store(record)
    fill(model)
    assert 1 in told
    assert column(model, ExchangeColumn.STATUS)[1] == "0000H"


def test_marks_are_told_beside_their_rows(qtbot: QtBot, talks: TraceStore) -> None:
    model = model_of(talks, Zoom.EXCHANGES)
    fill(model)
    model.source.marks.set(model.number_at(2), marked=True, color="red", comment="<b>look</b>")
    tip = model.index(2, Column.MARK).data(Qt.ItemDataRole.ToolTipRole)
    assert tip == "<p>marked, red, &lt;b&gt;look&lt;/b&gt;</p>"
    model.set_filter(parse("color:red"))
    fill(model)
    assert model.rowCount() == 2  # with its association
    model.source.marks.set(model.number_at(1), color="")
    assert model.is_behind
    fill(model)
    assert model.rowCount() == 0


def test_rows_that_the_store_dropped_leave(qtbot: QtBot) -> None:
    store = TraceStore(max_rows=600)
    model = model_of(store)
    for number in range(500):
        store(note(str(number)))
    fill(model)
    for number in range(5000):
        store(note(str(number)))
    fill(model)
    assert len(store) <= model.rowCount() < 2500  # a good part at a time
    assert model.source.dropped == store.first_seq - 1
    assert model.cells_at(model.rowCount() - 1) is not None


def test_another_trace_is_looked_at(qtbot: QtBot, store: TraceStore, talks: TraceStore) -> None:
    model = model_of(store)
    store(note("live"))
    fill(model)
    model.look_at(TraceSource("file", talks))
    assert model.rowCount() == 0
    fill(model)
    assert model.rowCount() > 5


def test_text_of_a_peer_stays_one_plain_line(qtbot: QtBot, store: TraceStore) -> None:
    store(note("<b>x</b>\n\x1b[31m\u202e" + "y" * 5000))
    model = model_of(store)
    fill(model)
    text = model.index(0, Column.SUMMARY).data()
    assert text.startswith("<b>x</b>\\n\\x1b[31m\\u202e")
    assert len(text) <= 300
    assert "&lt;b&gt;" in model.index(0, Column.SUMMARY).data(Qt.ItemDataRole.ToolTipRole)


def test_failures_are_red_and_what_is_gone_is_empty(qtbot: QtBot, store: TraceStore) -> None:
    store(pdu(error="broken"))
    model = model_of(store)
    fill(model)
    assert model.index(0, Column.SUMMARY).data(Qt.ItemDataRole.ForegroundRole) is not None
    assert model.index(0, Column.LENGTH).data() == "10"
    assert model.index(0, Column.LENGTH).data(Qt.ItemDataRole.EditRole) is None
    assert model.headerData(Column.KIND, Qt.Orientation.Horizontal) == "Type"
    assert model.entry_at(0) is not None
    assert model.entry_at(7) is None
    assert model.line_of(0).startswith("1\t")
    assert model.line_of(9999) == ""
    assert model.cell(9999, 0) == ("", "text")
    model.source.clear()
    model.restart()
    store(note("again"))
    fill(model)
    assert column(model, Column.SUMMARY) == ["again"]
    assert model.source.dropped == 0


def test_cells_that_take_too_long_for_a_frame_come_with_the_next_one(qtbot: QtBot, store: TraceStore) -> None:
    for number in range(10):
        store(note(str(number)))
    model = model_of(store)
    fill(model)
    model.begin_frame(-1.0)
    assert model.cell(3, Column.SUMMARY)[0] == ""
    assert model.has_put_off
    model.begin_frame(10.0)
    assert model.cell(3, Column.SUMMARY)[0] == "3"
    assert not model.has_put_off


def test_a_drain_is_short_and_a_hundred_thousand_rows_are_cheap(qtbot: QtBot) -> None:
    store = TraceStore()
    record = note("x")
    for _ in range(100_000):
        store(record)
    model = model_of(store)
    longest = 0.0
    while model.is_behind:
        start = time.perf_counter()
        model.drain()
        longest = max(longest, time.perf_counter() - start)
    assert model.rowCount() == 100_000
    assert longest < 0.25
