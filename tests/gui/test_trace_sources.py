"""Traces and captures are opened beside the live trace: read in a thread, shown, closed, read again."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers import packets
from helpers.bad_peer import reached
from helpers.exchanging import RECEIVED, SENT
from helpers.exchanging import Talk as Messages
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QPushButton, QWidget

from dicomgui.app.operations import JobState
from dicomgui.gui.panels.trace_files import is_trace_file
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.trace import opening as trace_opening
from dicomgui.gui.trace import panel as trace_panel
from dicomgui.gui.trace import sources as trace_sources
from dicomgui.gui.trace.contexts_dialog import ContextsDialog
from dicomgui.gui.trace.listing.columns import AssociationColumn, ExchangeColumn
from dicomgui.gui.trace.panel import TracePanel
from dicomgui.network.dimse import CEchoRQ, CEchoRSP, encode
from dicomgui.network.pdu import PDV, PDataTF
from dicomgui.network.status import Status
from dicomgui.network.tracing import NoteRecord
from dicomgui.trace.file import TraceWriter
from dicomgui.trace.filter import Zoom
from dicomgui.trace.marks import Marks

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("propagateSizeHints|This plugin does not support")]
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]
CAPTURE = Path(__file__).parent.parent / "vectors" / "captures" / "dcmtk-orthanc.pcapng"


@pytest.fixture
def panel(window: MainWindow) -> TracePanel:
    window.show_panel(window.trace)
    return window.trace


async def settled(panel: TracePanel) -> None:
    await reached(lambda: not panel.sources.is_opening and not panel.model.is_behind, "the file is shown", 60)


def written(path: Path) -> Path:
    """A trace with an echo, and a mark on its third row."""
    talk = Messages()
    talk.established()
    talk.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(0)))
    marks = Marks()
    marks.set(1, color="green", comment="begin")
    with TraceWriter(path) as writer:
        for record in talk.records:
            writer(record)
        writer.write_marks(marks)
    return path


def drop(widget: QWidget, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    widget.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))


async def test_a_trace_is_opened_with_its_marks_and_closed(
    panel: TracePanel, press: Press, answer: Answer, tmp_path: Path, window: MainWindow
) -> None:
    panel.place.context.trace(NoteRecord(5, 0.0, 1e9, 20, "live"))
    await press(panel.sources.open_button)
    await answer(str(written(tmp_path / "one.dgtrace")))
    await reached(lambda: len(panel.sources.sources) == 2, "it is open")
    await settled(panel)
    assert panel.sources.choice.currentText() == "one.dgtrace"
    assert not panel.follow.isEnabled()
    assert not panel.clear_button.isEnabled()
    rows = [panel.model.index(row, ExchangeColumn.OPERATION).data() for row in range(panel.model.rowCount())]
    assert rows == ["ME → PACS · 1 C-ECHO", "C-ECHO → Success"]
    mark = panel.model.mark_at(0)
    assert mark is not None
    assert (mark.color, mark.comment) == ("green", "begin")
    job = window._place.jobs.all()[-1]
    assert (job.title, job.state) == ("Open one.dgtrace", JobState.DONE)
    opened = panel.model.source
    panel.show_association(5)  # of the live trace
    await settled(panel)
    assert panel.model.source is panel.live
    assert panel.chosen == {5}
    panel.show_place(1, source=opened)
    await settled(panel)
    assert panel.model.source is opened
    assert panel.model.zoom is Zoom.ROWS
    await press(panel.sources.close_button)
    assert panel.model.source is panel.live
    assert panel.sources.choice.count() == 1
    assert len(opened.store) == 0
    assert not panel.sources.close_button.isVisible()


async def test_a_capture_is_dropped_on_the_panel(panel: TracePanel) -> None:
    drop(panel, CAPTURE)
    await reached(lambda: len(panel.sources.sources) == 2, "it is open", 60)
    await settled(panel)
    panel.show_zoom(Zoom.ASSOCIATIONS)
    await settled(panel)
    assert panel.model.rowCount() > 3
    outcomes = {panel.model.index(row, AssociationColumn.OUTCOME).data() for row in range(panel.model.rowCount())}
    assert "released" in outcomes


async def test_what_is_dropped_on_home_is_looked_into_or_sent(window: MainWindow, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    sent: list[object] = []
    window.home.files_wanted.connect(lambda paths, _node: sent.extend(paths))
    drop(window.home, written(tmp_path / "one.dgtrace"))
    assert window.panel is window.trace
    await reached(lambda: len(window.trace.sources.sources) == 2, "it is open")
    assert not sent
    drop(window.home, folder)
    assert sent == [folder]


async def test_what_cannot_be_read_is_said(panel: TracePanel, tmp_path: Path, window: MainWindow) -> None:
    for name, content in (("a.dgtrace", b"nothing"), ("b.pcap", b"nothing"), ("c.dgtrace", None)):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        panel.open_file(path)
        await reached(lambda: not panel.sources.is_opening, "it was tried")
        assert panel.sources.said.text().startswith(f"{name} cannot be opened: ")
        assert window._place.jobs.all()[-1].state is JobState.FAILED
        assert len(panel.sources.sources) == 1
    assert not panel.sources.progress.isVisible()


async def test_reading_is_cancelled_by_its_job(
    panel: TracePanel, tmp_path: Path, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(_path: Path, opening: trace_opening.Opening, _contexts: object = None) -> object:
        while not opening.stop.wait(0.01):
            opening.note(0.5)
        raise trace_opening.OpenCancelled

    monkeypatch.setattr(trace_opening, "read_source", endless)
    panel.open_file(tmp_path / "long.dgtrace")
    jobs = window._place.jobs
    await reached(lambda: bool(jobs.all()) and jobs.all()[-1].fraction is not None, "it tells how far it is")
    assert panel.sources.progress.isVisible()
    job = window._place.jobs.all()[-1]
    assert window._place.jobs.cancel(job.number)
    await reached(lambda: not panel.sources.is_opening, "it has ended")
    assert window._place.jobs.get(job.number).state is JobState.CANCELLED  # type: ignore[union-attr]
    assert not panel.sources.said.text()
    panel.open_file(tmp_path / "long.dgtrace")
    await reached(lambda: jobs.all()[-1].state is JobState.RUNNING, "it reads again")
    panel.cancel()
    await reached(lambda: not panel.sources.is_opening, "Esc ends it, too")


async def test_there_is_a_bound_to_what_is_open(
    panel: TracePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_sources, "MAX_OPENED", 1)
    panel.open_file(written(tmp_path / "one.dgtrace"))
    await reached(lambda: len(panel.sources.sources) == 2, "it is open")
    panel.open_file(tmp_path / "one.dgtrace")
    assert "close one" in panel.sources.said.text()
    assert not panel.sources.is_opening


def beheaded(path: Path) -> Path:
    """A capture that begins with a C-ECHO on an association that was there before."""
    talk = packets.Talk()
    for direction, command in ((0, CEchoRQ(1)), (1, CEchoRSP(1, Status(0)))):
        talk.send(direction, PDataTF((PDV(1, 3, encode(command)),)).encode())
    return packets.pcap(path, talk.packets)


async def test_contexts_of_a_capture_without_beginning_are_set_by_hand(
    panel: TracePanel, press: Press, tmp_path: Path
) -> None:
    panel.open_file(beheaded(tmp_path / "late.pcap"))
    await reached(lambda: len(panel.sources.sources) == 2, "it is open")
    await settled(panel)
    await press(panel.sources.contexts_button)
    dialog = panel.findChild(ContextsDialog)
    assert isinstance(dialog, ContextsDialog)
    dialog.apply_button.click()
    assert dialog.problem.text() == "Fill in at least one context."
    number, abstract, _syntax = dialog._lines[0]
    number.setText("2")
    abstract.setText("1.2.840.10008.1.1")
    dialog.apply_button.click()
    assert number.property("invalid") is True
    number.setText("1")
    dialog.apply_button.click()
    await reached(lambda: len(panel.sources.sources) == 2 and not panel.sources.is_opening, "it was read again")
    await settled(panel)
    panel.show_zoom(Zoom.EXCHANGES)
    await settled(panel)
    rows = [panel.model.index(row, ExchangeColumn.SOP_CLASS).data() for row in range(panel.model.rowCount())]
    assert any("Verification" in text for text in rows)
    notes = [record.text for record in panel.model.source.store.records() if isinstance(record, NoteRecord)]
    assert any("set by hand" in text for text in notes)


@pytest.mark.parametrize("is_redacted", [True, False])
async def test_what_is_saved_of_a_redacted_copy_says_so(
    panel: TracePanel, press: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_redacted: bool
) -> None:
    said: list[object] = []

    async def save_trace(*_given: object, was_redacted: bool, **_more: object) -> tuple[()]:
        said.append(was_redacted)
        return ()

    monkeypatch.setattr(trace_panel, "save_trace", save_trace)
    path = tmp_path / "one.dgtrace"
    with TraceWriter(path, info={"redacted": is_redacted}) as writer:
        writer(NoteRecord(0, 0.0, 1e9, 20, "note"))
    panel.open_file(path)
    await settled(panel)
    await press(panel.save_button)
    await reached(lambda: said == [is_redacted], "it is said")


def test_a_compressed_capture_opens_as_it_is(tmp_path: Path) -> None:
    packed = tmp_path / "wire.pcapng.gz"
    packed.write_bytes(gzip.compress(CAPTURE.read_bytes()))
    assert is_trace_file(packed)
    assert not is_trace_file(tmp_path / "files.gz")
    opened, plain = (trace_opening.read_source(path, trace_opening.Opening()) for path in (packed, CAPTURE))
    assert len(opened.store) == len(plain.store) > 0
    assert opened.notes == plain.notes
    opened.store.close()
    plain.store.close()
