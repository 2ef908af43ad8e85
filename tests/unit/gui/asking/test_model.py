"""The flat table of matches: rows that open, an order, a filter, marks."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from helpers.retrieval import elements
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.values import Answer
from dicomgui.app.connection import ConnectionOptions
from dicomgui.gui.asking.model import AT_ONCE, QueryModel
from dicomgui.gui.asking.rows import COLUMNS, Row, Source, arranged, columns_for
from dicomgui.gui.tables.pills import ICON_ROLE, TONE_ROLE
from dicomgui.gui.tables.tree_cell import DEPTH_ROLE, OPEN_ROLE, WARNING_ROLE
from dicomgui.network import PeerAddress
from dicomgui.network.dimse.dataset import encode_dataset

pytestmark = pytest.mark.qt
SOURCE = Source("PACS", PeerAddress("PACS", "127.0.0.1"), ConnectionOptions())
ID, HERE = 2, 1


def row(number: int, level: Level = Level.STUDY, parent: Row | None = None, **values: object) -> Row:
    unique = {Level.STUDY: "StudyInstanceUID", Level.SERIES: "SeriesInstanceUID", Level.IMAGE: "SOPInstanceUID"}[level]
    dataset = elements(**{unique: f"1.2.{number}", "PatientID": f"P{number}", **values})
    return Row(Answer(encode_dataset(dataset, "1.2.840.10008.1.2.1")), level, SOURCE, parent)


@pytest.fixture
def model() -> QueryModel:
    made = QueryModel()
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    return made


def ids(model: QueryModel) -> list[str]:
    return [model.index(place, ID).data() for place in range(model.rowCount())]


def filled(model: QueryModel, numbers: Iterable[int]) -> list[Row]:
    rows = [row(number) for number in numbers]
    model.add(rows)
    return rows


def test_matches_come_in_their_order(model: QueryModel) -> None:
    filled(model, (3, 1))
    filled(model, (2,))
    assert ids(model) == ["P3", "P1", "P2"]
    assert (model.count, len(model.rows), len(model.shown_rows())) == (3, 3, 3)


def test_a_row_opens_by_asking_and_closes(model: QueryModel) -> None:
    first, second = filled(model, (1, 2))
    asked: list[object] = []
    model.children_wanted.connect(asked.append)
    model.open_row(0)
    assert asked == [first]
    assert model.index(1, 0).data() == "Fetching …"
    series = [row(5, Level.SERIES, first), row(6, Level.SERIES, first)]
    model.set_children(first, series)
    assert [model.index(place, 0).data(DEPTH_ROLE) for place in range(4)] == [0, 1, 1, 0]
    assert [model.index(place, 0).data(OPEN_ROLE) for place in range(4)] == [True, False, False, False]
    model.open_row(1)
    model.set_children(series[0], [row(7, Level.IMAGE, series[0])])
    assert model.rowCount() == 5
    assert model.index(2, 0).data(OPEN_ROLE) is None
    model.close_row(0)
    assert ids(model) == ["P1", "P2"]
    model.toggle(0)
    assert model.rowCount() == 5  # as it was
    assert len(asked) == 2
    assert model.position_of(second) == 4
    assert model.position_of(row(9)) == -1


def test_what_comes_for_a_closed_row_waits_for_it_to_open(model: QueryModel) -> None:
    [study] = filled(model, (1,))
    model.open_row(0)
    model.close_row(0)
    model.set_children(study, [row(5, Level.SERIES, study)])
    assert model.rowCount() == 1
    model.open_row(0)
    assert model.rowCount() == 2


def test_rows_that_cannot_open_stay_closed(model: QueryModel) -> None:
    model.add([row(1, Level.IMAGE)])
    model.toggle(0)
    model.toggle(7)
    model.close_row(0)
    assert model.rowCount() == 1


def test_an_order_takes_open_rows_along_and_late_ones_last(model: QueryModel) -> None:
    rows = filled(model, (3, 1))
    model.open_row(0)
    model.set_children(rows[0], [row(9, Level.SERIES, rows[0])])
    model.set_order(model.columns[ID])
    assert [model.index(place, 0).data(DEPTH_ROLE) for place in range(3)] == [0, 0, 1]
    assert model.is_arranged
    filled(model, (2,))
    assert (model.is_arranged, model.index(3, ID).data()) == (False, "P2")
    model.arrange()
    assert [text for text in ids(model) if text] == ["P1", "P2", "P3"]
    model.set_order(model.columns[ID], is_descending=True)
    assert ids(model)[0] == "P3"
    model.set_order(None)
    assert model.position_of(rows[0]) == 0


def test_a_filter_holds_for_what_comes_later_too(model: QueryModel) -> None:
    filled(model, (1, 2, 11))
    model.set_filter("p1")
    assert ids(model) == ["P1", "P11"]
    filled(model, (12, 22))
    assert ids(model) == ["P1", "P11", "P12"]
    model.set_filter(" ")
    assert ids(model) == ["P1", "P2", "P11", "P12", "P22"]


def test_very_many_are_arranged_elsewhere(model: QueryModel) -> None:
    rows = filled(model, range(AT_ONCE + 1, 0, -1))
    wanted: list[bool] = []
    model.arrangement_wanted.connect(lambda: wanted.append(True))
    model.set_order(model.columns[ID])
    assert wanted == [True]
    assert ids(model)[0] == f"P{AT_ONCE + 1}"
    arrangement = model.arrangement
    order = arranged(rows, arrangement)
    late = filled(model, (0,))
    assert model.apply(order, arrangement, len(rows))
    assert ids(model)[0] == "P1"
    assert (model.row_at(AT_ONCE + 1), model.is_arranged) == (late[0], False)
    model.set_order(None)
    assert not model.apply(order, arrangement, len(rows))  # no longer wanted
    assert not model.apply([], model.arrangement, AT_ONCE + 5)  # of rows that are gone


def test_a_new_start_keeps_the_order_and_forgets_the_rows(model: QueryModel) -> None:
    filled(model, (1,))
    model.set_order(model.columns[ID])
    model.mark_never_returned([1])
    model.start(columns_for([]))
    assert (model.rowCount(), model.arrangement.column, model.never_returned) == (0, COLUMNS[ID], frozenset())
    model.set_order(None)


def test_heads_say_what_no_peer_returned(model: QueryModel) -> None:
    tag = next(iter(COLUMNS[ID].tags.values()))[0]
    model.mark_never_returned([tag])
    horizontal = Qt.Orientation.Horizontal
    assert model.headerData(ID, horizontal) == "Patient ID (not returned)"
    assert "does not support it" in model.headerData(ID, horizontal, Qt.ItemDataRole.ToolTipRole)
    assert model.headerData(0, horizontal) == "Name"
    assert model.headerData(99, horizontal) is None
    assert model.headerData(0, Qt.Orientation.Vertical) is None


def test_what_was_corrected_is_marked_in_its_row_and_cell(model: QueryModel) -> None:
    name = b"\x10\x00\x10\x00PN\x04\x00A^B\x00"
    number = b"\x10\x00\x20\x00LO\x02\x0017"
    model.add([Row(Answer(name + number), Level.STUDY, SOURCE), row(1, PatientName="A^B")])
    assert [model.index(place, 0).data(WARNING_ROLE) for place in range(2)] == [True, False]
    tips = [[model.index(place, column).data(Qt.ItemDataRole.ToolTipRole) for column in (0, ID)] for place in range(2)]
    assert "Corrected when it was read: PatientName padding." in tips[0][0]
    assert not [tip for tip in (tips[0][1], *tips[1]) if "Corrected" in tip]
    assert model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole) == "Study A B, closed, corrected"
    id_with_nul = number[:6] + b"\x02\x00" + b"1\x00"
    model.start(COLUMNS)
    model.add([Row(Answer(name[:-1] + b" " + id_with_nul), Level.STUDY, SOURCE)])
    assert "PatientID padding" in model.index(0, ID).data(Qt.ItemDataRole.ToolTipRole)


def test_cells_say_what_was_not_returned_and_what_may_not_fit(model: QueryModel) -> None:
    answer = Answer(encode_dataset(elements(PatientID="<b>1</b>"), "1.2.840.10008.1.2.1"), has_unsupported_keys=True)
    model.add([Row(answer, Level.STUDY, SOURCE)])
    assert model.index(0, 0).data(WARNING_ROLE)
    assert "FF01" in model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;" in model.index(0, ID).data(Qt.ItemDataRole.ToolTipRole)
    accession = [column.key for column in model.columns].index("accession")
    assert model.index(0, accession).data() == "–"
    assert "not returned" in model.index(0, accession).data(Qt.ItemDataRole.ToolTipRole)
    assert model.index(0, accession).data(Qt.ItemDataRole.ForegroundRole) is not None
    assert model.index(0, ID).data(Qt.ItemDataRole.ForegroundRole) is None
    assert model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole) == "Study (no name), closed"
    assert model.index(0, ID).data(Qt.ItemDataRole.DecorationRole) is None


def test_what_is_here_is_looked_up_for_rows_in_view_only(model: QueryModel) -> None:
    model.add([row(1, NumberOfStudyRelatedInstances=5), row(2, NumberOfStudyRelatedInstances=5), row(3), row(4)])

    def marks() -> list[tuple[object, object]]:
        return [(model.index(place, HERE).data(), model.index(place, HERE).data(TONE_ROLE)) for place in range(4)]

    assert marks() == [("", "")] * 4
    assert model.take_here_wanted(10) == {}  # there is no archive
    model.looks_here = True
    model.index(1, HERE).data()
    assert model.take_here_wanted(10) == {Level.STUDY: ["1.2.2"]}
    assert model.take_here_wanted(10) == {}
    marks()
    assert model.take_here_wanted(2) == {Level.STUDY: ["1.2.1", "1.2.2"]}
    model.show_here(Level.STUDY, {"1.2.1": 5, "1.2.2": 2, "1.2.3": 7, "1.2.4": 0})
    assert marks() == [("here", "good"), ("3 missing", "warning"), ("7 here", "muted"), ("", "")]
    assert model.index(1, HERE).data(ICON_ROLE) == "warning"
    lines = list(model.lines([COLUMNS[HERE], COLUMNS[ID]], model.shown_rows()))
    assert lines[:2] == [["study", "here", "P1"], ["study", "3 missing", "P2"]]
    model.forget_here()
    assert marks()[0] == ("", "")


def test_remarks_are_no_matches(model: QueryModel) -> None:
    model.add([Row(None, Level.STUDY, SOURCE, None, "Nothing"), row(1)])
    assert model.index(0, 0).data() == "Nothing"
    assert model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole) == "Nothing"
    assert len(model.shown_rows()) == 1
    assert next(iter(model.lines([COLUMNS[0]], model.rows))) == ["study", "Nothing"]
    rows = model.rows
    assert model.places_of({rows[1]}) == {rows[1]: 1}


def test_what_is_asked_of_every_painted_cell_and_has_no_answer_decodes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = QueryModel()
    filled(model, (1,))
    decoded: list[object] = []
    monkeypatch.setattr(Answer, "texts", lambda *values: decoded.append(values) or {})
    for role in (Qt.ItemDataRole.FontRole, Qt.ItemDataRole.DecorationRole, Qt.ItemDataRole.BackgroundRole):
        assert model.index(0, ID).data(role) is None
    assert not decoded
    assert model.index(0, ID).data() == "–"
    assert len(decoded) == 1
