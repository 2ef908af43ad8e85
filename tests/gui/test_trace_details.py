"""What is below the list of the trace: fields, message, data set, negotiation and times, linked to each other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from helpers.recordings import CT, EXPLICIT, IMPLICIT, JPEG_2000, VERIFICATION, Recording, associate_ac, associate_rq
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLabel, QLineEdit, QMenu, QPushButton, QTreeView, QWidget
from pytestqt.qtbot import QtBot

from dicomgui.gui.look.theme import Theme
from dicomgui.gui.trace.details.tabs import Section, TraceDetails
from dicomgui.gui.widgets.confirm import Question
from dicomgui.gui.widgets.hex_view import Notation
from dicomgui.network.dimse import CFindRQ, CFindRSP, CMoveRQ, CStoreRQ, CStoreRSP, encode
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.pdu import PDV, PDataTF, PresentationContextAC, PresentationContextRQ
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, FileRecord, NoteRecord, PduRecord, Role, Segment, unmet_need
from dicomgui.trace.describe import Node
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.store import TraceStore

_Kind = TypeVar("_Kind", bound=QWidget)
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints|raise|grabbing the keyboard")


def image() -> bytes:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT, "1.2.3"
    dataset.Modality = "CT"
    dataset.PatientName = "王^小東"
    code = Dataset()
    code.CodeMeaning = "Chest"
    dataset.ProcedureCodeSequence = Sequence([code])
    dataset.add_new(0x7FE00010, "OW", bytes(range(250)) * 40)
    return encode_dataset(dataset, EXPLICIT)


DATA = image()
COMMAND = encode(CStoreRQ(1, CT, "1.2.3", has_dataset=True))


def recording(kept: int = 10**6) -> Recording:
    """An association with a refused context that a file needed, and a C-STORE in four PDUs."""
    made = Recording().connect()
    asked = ((1, CT, (EXPLICIT, IMPLICIT)), (3, VERIFICATION, (IMPLICIT,)), (5, CT, (JPEG_2000,)))
    made.sent(associate_rq(*(PresentationContextRQ(*one) for one in asked)))
    answers = ((1, 0, EXPLICIT), (3, 0, IMPLICIT), (5, 4, ""))
    made.received(associate_ac(*(PresentationContextAC(*one) for one in answers)))
    made.sent(PDataTF((PDV(1, 3, COMMAND),)))
    for start in range(0, len(DATA), 4000):
        pdu = PDataTF((PDV(1, 2 if start + 4000 >= len(DATA) else 0, DATA[start : start + 4000]),)).encode()
        made.add(PduRecord(*made.head, Direction.SENT, 4, len(pdu), (Segment(0, pdu[: 12 + kept]),), ""))
    made.dimse(Direction.SENT, CStoreRQ(1, CT, "1.2.3", has_dataset=True))
    made.message(Direction.RECEIVED, CStoreRSP(1, Status(0), CT, "1.2.3"))
    made.add(FileRecord(*made.head, "opened", "/x/one.dcm", 10, ""))
    return made.add(NoteRecord(*made.head, 30, unmet_need(CT, (JPEG_2000,)))).released()


class Shown:
    """The details over a trace, and what the user does with them."""

    def __init__(self, qtbot: QtBot, details: TraceDetails, store: TraceStore) -> None:
        self.qtbot, self.details, self.store = qtbot, details, store
        self.index = TraceIndex(store)
        self.places: list[tuple[int, int, int]] = []
        details.place_chosen.connect(lambda *place: self.places.append(place))

    def add(self, made: Recording) -> Shown:
        for record in made.records:
            self.store(record)
        while self.index.update():
            pass
        return self

    def ready(self) -> TraceDetails:
        self.qtbot.waitUntil(lambda: not self.details.is_busy)
        return self.details

    def row(self, seq: int) -> TraceDetails:
        self.details.show_row(self.store, self.index, seq)
        return self.ready()

    def go(self, section: Section) -> TraceDetails:
        """Click on a tab."""
        place = self.details.tabs.tabRect(list(Section).index(section)).center()
        self.qtbot.mouseClick(self.details.tabs, Qt.MouseButton.LeftButton, pos=place)
        assert self.details.section is section
        return self.ready()

    def node(self) -> tuple[str, str]:
        found = self.details.tree_model.node_of(self.details.tree.currentIndex())
        assert found is not None
        return found.label, found.value

    def data_rows(self) -> list[int]:
        rows = self.store.since(0, 100)
        return [row.seq for row in rows if isinstance(row.record, PduRecord) and row.record.pdu_type == 4]

    def top(self, kind: type[_Kind]) -> list[_Kind]:
        return [found for found in self.details.findChildren(kind) if found.isVisible()]


@pytest.fixture
def shown(qtbot: QtBot, theme: Theme) -> Iterator[Shown]:
    store = TraceStore()
    with ThreadPoolExecutor(2) as pool:
        details = TraceDetails("trace", pool)
        qtbot.addWidget(details)
        details.resize(1100, 340)
        details.show()
        yield Shown(qtbot, details, store)
        qtbot.waitUntil(lambda: not details.is_busy)
    store.close()


def test_a_field_has_its_bytes_and_a_byte_its_field(shown: Shown) -> None:
    details = shown.add(recording()).row(2)
    details.hex.go_to(12)
    assert shown.node() == ("Called-AE-title", "PACS")
    assert details.hex.marked == range(10, 26)
    assert details.path.text().endswith("Called-AE-title  ·  offset 000Ah  ·  16 bytes")
    details.tree.setCurrentIndex(details.tree_model.index_at(0))
    assert details.hex.marked == range(1)
    assert not details.tabs.isTabEnabled(1)


def test_the_whole_message_and_its_data_set(shown: Shown) -> None:
    shown.add(recording())
    seqs = shown.data_rows()
    details = shown.row(seqs[2])
    shown.go(Section.MESSAGE)
    assert details.hex.length == len(COMMAND) + len(DATA)
    assert details.hex.bytes_of(0, details.hex.length) == COMMAND + DATA
    syntaxes = "CT Image Storage in Explicit VR Little Endian"
    assert details.fields.note.text().startswith(f"C-STORE-RQ · message 1 · context 1: {syntaxes} · 4 PDUs")
    details.hex.go_to(len(COMMAND) + 5000)
    assert shown.node()[0] == f"Fragment in row {seqs[2]}"
    assert f"in row {seqs[2]} at 000Ch" in details.path.text()
    shown.go(Section.DATASET)
    details.hex.go_to(DATA.index("王".encode()))
    assert shown.node() == ("(0010,0010) PN PatientName", "王^小東")
    assert details.hex.bytes_of(details.hex.marked.start, 8) == b"\x10\0\x10\0PN\x0a\0"
    details.hex.go_to(DATA.index(b"Chest"))
    assert shown.node() == ("(0008,0104) LO CodeMeaning", "Chest")
    assert "ProcedureCodeSequence › Item 1 › (0008,0104)" in details.path.text()


def test_the_same_byte_stays_selected_from_section_to_section(shown: Shown) -> None:
    shown.add(recording())
    seq = shown.data_rows()[1]
    details = shown.row(seq)
    details.hex.go_to(12 + DATA.index(b"CT\x08"))
    shown.go(Section.DATASET)
    assert details.hex.marked.start == 0
    details.hex.go_to(DATA.index(b"CT\x08"))
    assert shown.node() == ("(0008,0060) CS Modality", "CT")
    start = details.hex.marked.start
    shown.go(Section.MESSAGE)
    assert start + len(COMMAND) in details.hex.marked
    shown.go(Section.PDU)
    assert shown.node()[0] == "Data set fragment"


def test_enter_on_a_field_of_the_message_goes_to_its_pdu(shown: Shown) -> None:
    shown.add(recording())
    seqs = shown.data_rows()
    details = shown.row(seqs[0])
    shown.go(Section.DATASET)
    details.hex.go_to(9000)
    shown.qtbot.keyClick(details.tree, Qt.Key.Key_Return)
    offset = details.hex.marked.start
    assert shown.places == [(seqs[1] + offset // 4000, 12 + offset % 4000, shown.places[0][2])]
    shown.row(seqs[3])
    shown.go(Section.PDU)
    shown.qtbot.keyClick(details.tree, Qt.Key.Key_Return)
    assert len(shown.places) == 1


def test_rows_of_each_kind_begin_with_what_says_most_and_remember_what_was_chosen(shown: Shown) -> None:
    shown.add(recording())
    details = shown.details
    details.show_association(shown.store, shown.index, 1)
    assert shown.ready().section is Section.NEGOTIATION
    details.show_exchange(shown.store, shown.index, 1)
    assert shown.ready().section is Section.MESSAGE
    shown.go(Section.TIMING)
    assert shown.row(2).section is Section.PDU
    details.show_exchange(shown.store, shown.index, 1)
    assert shown.ready().section is Section.TIMING
    details.show_exchange(shown.store, shown.index, 99)
    assert details.tree_model.rowCount() == 0
    details.show_association(shown.store, shown.index, 99)
    assert not any(details.tabs.isTabEnabled(place) for place in range(5))


def test_what_was_negotiated_and_what_needed_it(shown: Shown) -> None:
    shown.add(recording())
    details = shown.details
    details.show_association(shown.store, shown.index, 1)
    view = shown.ready().negotiation
    texts = [[view.contexts_model.index(row, column).data() for column in (0, 1, 2, 6)] for row in range(3)]
    assert texts == [
        ["1", "CT Image Storage", "accepted", "C-STORE"],
        ["3", "Verification SOP Class", "accepted", ""],
        ["5", "CT Image Storage", "4: transfer syntaxes not supported", "C-STORE: one.dcm"],
    ]
    assert view.summary.text() == "2 of 3 contexts accepted. Needed and not accepted: CT Image Storage."
    assert view.information_model.index(1, 1).data() == "16,384 bytes"
    view.contexts.setCurrentIndex(view.contexts_model.index(2, 1))
    shown.qtbot.keyClick(view.contexts, Qt.Key.Key_Return)
    view.contexts.activated.emit(view.contexts_model.index(2, 2))
    assert [place[0] for place in shown.places] == [2, 3]
    details.activateWindow()
    shown.qtbot.waitUntil(details.isActiveWindow)
    view.contexts.setFocus()
    shown.qtbot.keyClick(view.contexts, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("5\tCT Image Storage\t4: transfer")
    view.contexts.customContextMenuRequested.emit(QPoint(5, 5))
    [menu] = shown.top(QMenu)
    assert [action.isEnabled() for action in menu.actions()] == [True, True, True]
    menu.actions()[2].trigger()
    menu.close()
    assert shown.places[-1][0] == 3
    assert details.panes == [view.contexts, view.information]


def test_where_the_time_went(shown: Shown) -> None:
    shown.add(recording())
    details = shown.details
    details.show_exchange(shown.store, shown.index, 1)
    shown.ready()
    timing = shown.go(Section.TIMING).timing
    assert [line.label for line in timing.waterfall.lines] == ["send", "peer thinks", "receive"]
    assert "the peer thought for 2.00 s" in timing.summary.text()
    assert timing.model.index(0, 2).data() == "3.00 s"
    timing.scope.setCurrentIndex(1)
    labels = [line.label for line in timing.waterfall.lines]
    assert labels == ["TCP", "association", "C-STORE 1", "release"]
    shown.qtbot.keyClick(timing.waterfall, Qt.Key.Key_End)
    assert timing.table.currentIndex().row() == timing.model.rowCount() - 1
    timing.table.selectRow(0)
    assert timing.waterfall.selected == 0
    assert "TCP: 1.0 ms" in timing.waterfall.accessibleDescription()
    assert not timing.throughput.grab().isNull()
    assert "sent" in timing.throughput.text


def test_a_part_of_the_time_is_dragged_larger(shown: Shown) -> None:
    shown.add(recording())
    shown.details.show_association(shown.store, shown.index, 1)
    shown.ready()
    waterfall = shown.go(Section.TIMING).timing.waterfall
    whole = waterfall.span
    left, right = (QPoint(round(waterfall.x_of(whole[0] + part * (whole[1] - whole[0]))), 30) for part in (0.25, 0.75))
    shown.qtbot.mousePress(waterfall, Qt.MouseButton.LeftButton, pos=left)
    shown.qtbot.mouseMove(waterfall, right)
    shown.qtbot.mouseRelease(waterfall, Qt.MouseButton.LeftButton, pos=right)
    waterfall.zoom(whole[0] + 1, whole[0] + 2)
    assert waterfall.span == (whole[0] + 1, whole[0] + 2)
    shown.qtbot.keyClick(waterfall, Qt.Key.Key_Escape)
    assert waterfall.span == whole
    waterfall.zoom(whole[0] + 1, whole[0] + 2)
    shown.qtbot.mouseDClick(waterfall, Qt.MouseButton.LeftButton, pos=left)
    assert waterfall.span == whole


def test_what_is_selected_is_copied(shown: Shown) -> None:
    shown.add(recording())
    details = shown.row(shown.data_rows()[0])
    clipboard = QGuiApplication.clipboard()
    shown.go(Section.DATASET)
    details.hex.go_to(DATA.index(b"CT\x08"))
    details.fields.copy_value()
    assert clipboard.text() == "CT"
    details.fields.copy_node(Notation.BASE64)
    assert clipboard.text() == "CABgAENTAgBDVA=="
    details.tree.customContextMenuRequested.emit(QPoint(5, 5))
    [menu] = shown.top(QMenu)
    assert [action.text() for action in menu.actions()][-1] == "&Go to its PDU"
    menu.close()
    details.copy_pdu()
    assert clipboard.text().startswith("04 00 00 00")


def test_what_a_finding_points_to_is_marked(shown: Shown) -> None:
    shown.add(recording())
    details = shown.row(shown.data_rows()[0])
    shown.go(Section.MESSAGE)
    details.show_place(20, 3)
    assert details.section is Section.PDU
    assert details.hex.marked == range(20, 23)
    assert shown.node()[0] == "(0000,0000) Command Group Length"


def test_malformed_bytes_are_shown_up_to_the_fault(shown: Shown) -> None:
    data = bytearray(associate_rq().encode())
    data[data.index(b"\x52\0\0") + 3] = 200
    details = shown.add(Recording().raw(Direction.RECEIVED, bytes(data), "malformed")).row(1)
    details.hex.go_to(len(data) - 2)
    assert shown.node()[0].startswith("Implementation class UID")
    root = details.tree_model.node_of(details.tree_model.index(0, 0))
    assert isinstance(root, Node)
    assert any("200" in node.error for node in root.walk())
    assert details.fields.note.text() == "malformed"


def test_rows_that_are_looked_at_quickly_show_the_last_one(shown: Shown) -> None:
    shown.add(recording())
    seqs = shown.data_rows()
    shown.row(seqs[0])
    shown.go(Section.MESSAGE)
    for seq in (*seqs, seqs[-1]):
        shown.details.show_row(shown.store, shown.index, seq)
    details = shown.ready()
    assert "C-STORE-RSP" in details.fields.note.text()
    assert details.loaded is not None
    assert details.loaded.message.first_seq == seqs[-1]
    assert not details.save_button.isVisible()


def test_the_object_of_a_message_can_be_looked_at_in_a_window(shown: Shown) -> None:
    shown.add(recording())
    details = shown.row(shown.data_rows()[0])
    assert not details.view_button.isVisible()
    shown.go(Section.DATASET)
    with shown.qtbot.waitSignal(details.view_wanted) as wanted:
        shown.qtbot.mouseClick(details.view_button, Qt.MouseButton.LeftButton)
    viewed = wanted.args[0]()
    assert details.loaded is not None
    assert viewed.read(0, 1 << 20) == details.loaded.message.dataset
    assert viewed.name == "CT_1.2.3.dcm"
    assert viewed.text_of(0x00080060) == "CT"


def saved(shown: Shown, path: Path) -> None:
    """Press the button and choose a file."""
    shown.qtbot.mouseClick(shown.details.save_button, Qt.MouseButton.LeftButton)
    [dialog] = shown.top(QFileDialog)
    edit = dialog.findChild(QLineEdit, "fileNameEdit")
    assert edit is not None
    assert edit.text() == "CT_1.2.3.dcm"
    edit.setText(str(path))
    dialog.accept()
    shown.qtbot.waitUntil(lambda: not shown.details.saving.is_busy)


def answer(shown: Shown, text: str) -> str:
    """Press a button of the question; gives what was asked."""
    shown.qtbot.waitUntil(lambda: bool(shown.top(Question)))
    [question] = shown.top(Question)
    [label] = [label for label in question.findChildren(QLabel) if label.objectName().endswith("_text")]
    asked = label.text()
    [button] = [button for button in question.findChildren(QPushButton) if text in button.text()]
    shown.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    shown.qtbot.waitUntil(lambda: not shown.details.saving.is_busy)
    return asked


def test_an_object_is_saved(shown: Shown, tmp_path: Path) -> None:
    shown.add(recording())
    shown.details.show_exchange(shown.store, shown.index, 1)
    shown.ready()
    saved(shown, tmp_path / "a.dcm")
    assert (tmp_path / "a.dcm").read_bytes().endswith(DATA)
    assert "Saved" in shown.details.fields.note.text()
    (tmp_path / "b.dcm").write_bytes(b"mine")
    saved(shown, tmp_path / "b.dcm")
    assert answer(shown, "Cancel") == "b.dcm is there already."
    assert (tmp_path / "b.dcm").read_bytes() == b"mine"
    saved(shown, tmp_path / "b.dcm")
    answer(shown, "Replace")
    assert (tmp_path / "b.dcm").read_bytes().endswith(DATA)
    saved(shown, tmp_path / "missing" / "c.dcm")
    assert "Not saved" in shown.details.fields.note.text()


def test_an_object_with_gaps_is_saved_only_when_that_is_wanted(shown: Shown, tmp_path: Path) -> None:
    shown.add(recording(kept=1000))
    shown.details.show_exchange(shown.store, shown.index, 1)
    details = shown.ready()
    assert "bytes were not kept" in details.fields.note.text()
    saved(shown, tmp_path / "a.dcm")
    assert "were not kept in the trace" in answer(shown, "zeros")
    assert (tmp_path / "a.dcm").stat().st_size > len(DATA)
    assert "zeros" in details.fields.note.text()


def test_a_low_place_shows_the_same(qtbot: QtBot, theme: Theme) -> None:
    store = TraceStore()
    with ThreadPoolExecutor(1) as pool:
        details = TraceDetails("dock", pool, across=True)
        qtbot.addWidget(details)
        details.resize(480, 220)
        details.show()
        shown = Shown(qtbot, details, store).add(recording())
        shown.row(2)
        shown.go(Section.TIMING)
        assert details.panes == [details.timing.waterfall]
        shown.go(Section.NEGOTIATION)
        assert details.panes == [details.negotiation.contexts]
        assert isinstance(details.tree, QTreeView)
        details.clear()
        assert details.tree_model.rowCount() == 0
    store.close()


def test_what_goes_on_is_read_again(shown: Shown) -> None:
    made = recording()
    rest = [made.records.pop() for _ in range(9)][::-1]
    details = shown.add(made).row(4)
    shown.go(Section.DATASET)
    details.hex.go_to(DATA.index(b"CT\x08"))
    assert details.loaded is not None
    assert not details.loaded.message.is_complete
    before = details.hex.length
    for record in rest:
        shown.store(record)
    details.refresh()
    shown.ready()
    assert details.loaded is not None
    assert details.loaded.message.is_complete
    assert details.hex.length > before
    assert shown.node() == ("(0008,0060) CS Modality", "CT")
    details.refresh()
    assert not details.is_busy
    shown.go(Section.TIMING)
    details.refresh()
    assert details.is_busy


def test_each_message_of_an_exchange_can_be_looked_at(shown: Shown) -> None:
    made = Recording().established().message(Direction.SENT, CFindRQ(1, CT))
    for _ in range(3):
        made.message(Direction.RECEIVED, CFindRSP(1, Status(0xFF00), CT))
    shown.add(made.message(Direction.RECEIVED, CFindRSP(1, Status(0xA700), CT, error_comment="no room")))
    details = shown.details
    details.show_exchange(shown.store, shown.index, 1)
    shown.ready()
    choice = details.message
    texts = [choice.itemText(place) for place in range(choice.count())]
    assert texts == ["Request", "Response 1", "Response 2", "Response 3", "Response 4 (last)"]
    assert details.fields.note.text().startswith("C-FIND-RQ")
    shown.qtbot.keyClick(choice, Qt.Key.Key_End)
    assert shown.ready().fields.note.text().startswith("C-FIND-RSP")
    root = details.tree_model.node_of(details.tree_model.index(0, 0))
    assert isinstance(root, Node)
    assert any(node.value == "no room" for node in root.walk())
    shown.add(Recording().message(Direction.RECEIVED, CFindRSP(1, Status(0xFF00), CT)))
    details.refresh()
    assert choice.currentIndex() == 4
    shown.go(Section.TIMING)
    assert not choice.isVisible()
    shown.row(2)
    shown.go(Section.PDU)
    assert not choice.isVisible()


def test_a_move_shows_the_times_of_the_stores_that_it_causes(shown: Shown) -> None:
    asked = Recording(1).established().message(Direction.SENT, CMoveRQ(7, CT, "ME"))
    came = Recording(2, role=Role.ACCEPTOR).established()
    store = CStoreRQ(
        1, CT, "1.2.3", has_dataset=False, move_originator_ae_title="ME", move_originator_message_id=7
    )  # fmt: skip
    came.message(Direction.RECEIVED, store).message(Direction.SENT, CStoreRSP(1, Status(0), CT, "1.2.3"))
    shown.add(asked).add(came)
    shown.details.show_exchange(shown.store, shown.index, 1)
    shown.ready()
    timing = shown.go(Section.TIMING).timing
    assert [line.label for line in timing.waterfall.lines][-1] == "C-STORE 1"
    assert timing.waterfall.lines[-1].phases[1].name == "we think"
