"""Files from the table to a peer, each with its own result."""

from __future__ import annotations

import asyncio
import csv
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.dragging import drag_enter
from helpers.instances import CT, IMPLICIT, MR, data_set, shipped_folder, write_instance
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.files.conversion import Conversion
from dicomgui.app.files.sources import Selection
from dicomgui.app.operations import JobKind, JobState
from dicomgui.gui.send import panel as send_module
from dicomgui.gui.send.model import Filter, SendColumn
from dicomgui.gui.send.panel import SendPanel
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import AcceptPolicy, Handlers, ServerOptions, Status, StoreRequest, serve
from dicomgui.network.dimse.assembler import NullSink
from dicomgui.network.part10 import parse_head

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]


@pytest.fixture
def panel(window: MainWindow) -> SendPanel:
    window.show_panel(window.send)
    return window.send


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_instance(tmp_path / "files", number, sop_class=CT if number % 2 else MR) for number in range(1, 6)]


def column(panel: SendPanel, which: SendColumn) -> list[str]:
    return [panel.model.index(row, which).data() for row in range(panel.model.rowCount())]


async def ended(panel: SendPanel) -> None:
    await reached(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the send has ended", 60)


async def test_files_go_to_our_listener(
    panel: SendPanel, press: Press, files: list[Path], listening: int, window: MainWindow, tmp_path: Path
) -> None:
    window.show_panel(panel)
    await panel.add_paths(files)
    assert panel.summary.text().startswith("5 files")
    panel.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    await press(panel.run_button)
    await ended(panel)
    assert column(panel, SendColumn.STATE) == ["sent"] * 5
    assert panel.status.text().startswith("5 of 5 files sent")
    assert panel.bar.value() == 1000
    stored = sorted(data_set(path) for path in (tmp_path / "received").rglob("*.dcm"))
    assert stored == sorted(data_set(path) for path in files)
    await reached(lambda: window.listener.model.rowCount() == 5, "the listener shows them")
    await press(panel.trace_button)
    assert window.trace.chosen


@pytest.mark.interop("storescp")
async def test_files_go_to_dcmtk(panel: SendPanel, press: Press, files: list[Path], tmp_path: Path) -> None:
    with peers.storescp(tmp_path / "dcmtk") as peer:
        await panel.add_paths([files[0].parent])
        panel.peer.host.insert(peer.address)
        await press(panel.run_button)
        await ended(panel)
    assert column(panel, SendColumn.STATE) == ["sent"] * 5
    kept = sorted(data_set(path) for path in (tmp_path / "dcmtk").glob("*.dcm"))
    assert kept == sorted(data_set(path) for path in files)


async def test_what_is_no_dicom_is_listed_and_left_out(panel: SendPanel, files: list[Path], tmp_path: Path) -> None:
    text = tmp_path / "readme <b>.txt"
    text.write_text("nothing")
    await panel.add_paths([files[0], text])
    await panel.add_paths([files[0]])
    assert column(panel, SendColumn.STATE) == ["queued", "skipped"]
    assert column(panel, SendColumn.FILE) == ["1.dcm", "readme <b>.txt"]
    assert panel.summary.text().endswith("1 skipped")
    panel.table.selectRow(1)
    panel.remove_button.click()
    assert panel.model.rowCount() == 1
    panel.clear_button.click()
    assert panel.model.rowCount() == 0
    assert not panel.clear_button.isEnabled()


async def test_a_closed_port_fails_every_file_with_the_reason(
    panel: SendPanel, press: Press, files: list[Path]
) -> None:
    await panel.add_paths(files)
    panel.peer.host.insert(f"PACS@127.0.0.1:{peers.free_port()}")
    await press(panel.run_button)
    await ended(panel)
    assert column(panel, SendColumn.STATE) == ["failed"] * 5
    assert all(column(panel, SendColumn.RESULT))
    assert [card.objectName() for card in panel.findings.cards] == ["finding_closed_port"]
    assert "5 failed" in panel.status.text()


async def test_cancel_in_the_middle_of_a_data_set(
    panel: SendPanel, press: Press, listening: int, window: MainWindow, tmp_path: Path
) -> None:
    """Nothing that was not acknowledged is called sent, and the receiver keeps no part of it."""
    window.show_panel(panel)
    big = [write_instance(tmp_path / "big", number, pixel_bytes=8_000_000) for number in range(40)]
    await panel.add_paths(big)
    panel.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    await press(panel.run_button)
    await reached(lambda: "sent" in column(panel, SendColumn.STATE), "the first is sent", 60)
    await press(panel.cancel_button)
    await ended(panel)
    states = column(panel, SendColumn.STATE)
    assert set(states) <= {"sent", "cancelled"}
    assert "cancelled" in states
    await reached(lambda: not window.listener.listener or not window.listener.listener.associations, "it has ended")
    assert not list((tmp_path / "received").rglob("*.part"))
    assert len(list((tmp_path / "received").rglob("*.dcm"))) >= states.count("sent")


async def test_nothing_to_send_is_said(panel: SendPanel, press: Press) -> None:
    panel.peer.host.insert("PACS@127.0.0.1")
    await press(panel.run_button)
    await ended(panel)
    assert panel.status.text() == "Add files first."


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_the_file_dialog_opens_without_a_nested_loop(
    panel: SendPanel, press: Press, answer: Answer, files: list[Path]
) -> None:
    """Other tasks go on while it is open; what is chosen is added."""
    await press(panel.add_files)
    assert await answer(str(files[0])) == "Files to send"
    await reached(lambda: panel.model.rowCount() == 1, "the file is in the table")
    await press(panel.add_folder)
    await answer(str(files[0].parent))
    await reached(lambda: panel.model.rowCount() == 5, "the other files as well")
    await press(panel.add_files)
    await answer("")
    await reached(lambda: not len(panel.tasks), "the question has ended")
    assert panel.model.rowCount() == 5


async def test_files_can_be_dropped(panel: SendPanel, files: list[Path]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in files[:2]])
    place, action, none = QPointF(50, 50), Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    entered = drag_enter(place, data)
    panel.dragEnterEvent(entered)
    assert entered.isAccepted()
    panel.dropEvent(QDropEvent(place, action, data, Qt.MouseButton.LeftButton, none))
    await reached(lambda: panel.model.rowCount() == 2, "both are in the table")


# ------------------------------------------------------------------------------------------- refused, resent, reported


def results(panel: SendPanel) -> list[str]:
    return column(panel, SendColumn.RESULT)


@pytest.mark.interop("storescp")
async def test_what_dcmtk_refuses_is_shown_once_and_file_by_file(
    panel: SendPanel, press: Press, window: MainWindow, tmp_path: Path
) -> None:
    """The peer takes implicit little endian only; what failed can be filtered, and sent again alone."""
    good = [write_instance(tmp_path / "good", number, syntax=IMPLICIT) for number in range(1, 4)]
    bad = [write_instance(tmp_path / "bad", number) for number in range(11, 16)]
    await panel.add_paths([*good, *bad])
    panel.convert.choose(Conversion.NEVER)
    with peers.storescp(tmp_path / "dcmtk", "+xi") as peer:
        panel.peer.host.insert(peer.address)
        await press(panel.run_button)
        await ended(panel)
    assert column(panel, SendColumn.STATE) == ["sent"] * 3 + ["failed"] * 5
    assert all("Explicit VR Little Endian" in text for text in results(panel)[3:])
    assert [card.objectName() for card in panel.findings.cards] == ["finding_no_context"]
    assert "3 of 8 files sent" in panel.status.text()
    panel.filter.setCurrentIndex(panel.filter.findData(Filter.FAILED))
    assert column(panel, SendColumn.FILE) == [f"{number}.dcm" for number in range(11, 16)]
    job = window.jobs.model.job_at(0)
    assert job is not None
    with peers.storescp(tmp_path / "again") as peer:
        panel.peer.host.setText(peer.address)
        await press(panel.resend_button)
        await ended(panel)
        assert len(list((tmp_path / "again").glob("*.dcm"))) == 5
    assert column(panel, SendColumn.STATE) == []  # none has failed any more
    panel.filter.setCurrentIndex(0)
    assert column(panel, SendColumn.STATE) == ["sent"] * 8
    assert not panel.resend_button.isEnabled()


@pytest.mark.interop("storescp")
async def test_what_is_refused_can_be_converted_by_a_choice(
    panel: SendPanel, press: Press, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    """The finding names the choice; with it, what failed is sent again and each row says what was done."""
    await panel.add_paths([write_instance(tmp_path / "files", 1), shipped_folder() / "test_files" / "SC_rgb_rle.dcm"])
    with peers.storescp(tmp_path / "dcmtk", "+xi") as peer:
        panel.peer.host.insert(peer.address)
        await press(panel.run_button)
        await ended(panel)
        assert column(panel, SendColumn.STATE) == ["sent", "failed"]
        texts = [label.text() for label in panel.findings.findChildren(QLabel)]
        assert any("Convert set to “lossless”" in text for text in texts)
        qtbot.keyClick(panel, Qt.Key.Key_C, Qt.KeyboardModifier.AltModifier)
        choice = panel.convert.choice
        await reached(choice.hasFocus, "the choice has the keys")
        qtbot.keyClick(choice, Qt.Key.Key_Down)
        assert choice.currentText() == "lossless"
        assert "decompressed" in panel.convert.meaning.text()
        await press(panel.resend_button)
        await ended(panel)
        assert len(list((tmp_path / "dcmtk").glob("*.dcm"))) == 2
    assert column(panel, SendColumn.STATE) == ["sent"] * 2
    assert [text.partition(" · ")[2] for text in results(panel)] == [
        "converted from Explicit VR Little Endian to Implicit VR Little Endian",
        "converted from RLE Lossless to Implicit VR Little Endian",
    ]
    assert "1 of 1 file sent · 1 converted" in panel.status.text()


async def test_a_broken_file_is_sent_where_that_is_chosen(
    panel: SendPanel, press: Press, files: list[Path], window: MainWindow, qtbot: QtBot
) -> None:
    """Unsent it fails with its place; with the choice it leaves, and the receiver answers it."""
    os.truncate(files[0], files[0].stat().st_size - 2)
    async with await serve(port=0, handlers=Handlers(on_store=lambda *_: Status(0))) as server:
        await panel.add_paths(files[:2])
        panel.peer.host.insert(f"SCP@127.0.0.1:{server.port}")
        await press(panel.run_button)
        await ended(panel)
        assert column(panel, SendColumn.STATE) == ["failed", "sent"]
        assert results(panel)[0].startswith("not sent, the file is broken: the data set breaks off at byte")
        assert panel.send_broken.accessibleName() == "Send broken files too"
        qtbot.keyClick(panel, Qt.Key.Key_B, Qt.KeyboardModifier.AltModifier)
        await reached(panel.send_broken.isChecked, "it is ticked by its key")
        [(_, recipe)] = panel._recipes()
        assert recipe.sends_broken
        await press(panel.resend_button)
        await ended(panel)
    assert column(panel, SendColumn.STATE) == ["failed", "sent"]
    assert "0xC000" in results(panel)[0]
    sent = [order.sends_broken for order in panel._orders.values()]
    assert sent == [False, True]


async def test_a_retry_from_the_drawer_converts_as_the_job_did(
    panel: SendPanel, press: Press, files: list[Path], window: MainWindow
) -> None:
    """Whatever is chosen by then."""
    answers = [Status(0xA700), Status(0)]
    syntaxes: list[str] = []

    def store(request: StoreRequest, _data: object) -> Status:
        syntaxes.append(request.transfer_syntax_uid)
        return answers.pop(0)

    options = ServerOptions(policy=AcceptPolicy(transfer_syntaxes=(IMPLICIT,)))
    async with await serve(port=0, handlers=Handlers(on_store=store), options=options) as server:
        await panel.add_paths(files[:1])
        panel.peer.host.insert(f"SCP@127.0.0.1:{server.port}")
        panel.convert.choice.setCurrentIndex(1)
        await press(panel.run_button)
        await ended(panel)
        panel.convert.choice.setCurrentIndex(0)
        window.jobs.set_folded(False)
        window.jobs.drain()
        window.jobs.select(next(one.number for one in window.jobs._jobs.all() if one.kind is JobKind.SEND))
        await press(window.jobs.retry_button)
        await ended(panel)
    assert syntaxes == [IMPLICIT] * 2
    assert column(panel, SendColumn.STATE) == ["sent"]


@pytest.mark.interop("Orthanc")
async def test_orthanc_refuses_what_it_cannot_read(panel: SendPanel, press: Press, tmp_path: Path) -> None:
    good = write_instance(tmp_path, 1)
    broken = write_instance(tmp_path, 2)
    head = parse_head(broken.read_bytes())
    broken.write_bytes(broken.read_bytes()[: head.dataset_offset] + b"\xff" * 4096)
    with peers.orthanc(tmp_path / "orthanc", dicom_timeout_s=2) as server:
        await panel.add_paths([good, broken])
        panel.peer.host.insert(server.peer.address)
        await press(panel.run_button)
        await ended(panel)
        assert len(server.instances()) == 1
    assert column(panel, SendColumn.STATE) == ["sent", "failed"]
    assert results(panel)[1]
    assert len(panel.findings.cards) >= 1


async def test_statuses_of_the_peer_group_into_one_finding_each(
    panel: SendPanel, press: Press, files: list[Path], window: MainWindow
) -> None:
    answers = [Status(0xA700), Status(0xA700), Status(0xB000), Status(0xA700), Status(0)]
    handlers = Handlers(on_store=lambda _request, _data: answers.pop(0))
    async with await serve(port=0, handlers=handlers) as server:
        await panel.add_paths(files)
        panel.peer.host.insert(f"SCP@127.0.0.1:{server.port}")
        await press(panel.run_button)
        await ended(panel)
    states = column(panel, SendColumn.STATE)
    assert sorted(states) == ["failed", "failed", "failed", "sent", "warning"]
    names = sorted(card.objectName() for card in panel.findings.cards)
    assert names == ["finding_store_changed", "finding_store_out_of_resources"]
    job = next(one for one in window.jobs._jobs.all() if one.kind is JobKind.SEND)
    assert job.state is JobState.WARNING
    assert job.associations
    assert (job.files_done, job.files_total) == (5, 5)


async def test_what_failed_is_tried_again_from_the_drawer(
    panel: SendPanel, press: Press, files: list[Path], window: MainWindow
) -> None:
    """To the peer of that job, whatever the fields say now, and also when the table was cleared."""
    got: list[str] = []
    answers = [Status(0xA700), Status(0), Status(0xA700), Status(0), Status(0)]

    def store(request: StoreRequest, _data: object) -> Status:
        got.append(request.command.affected_sop_instance_uid)
        return answers.pop(0) if answers else Status(0)

    async with await serve(port=0, handlers=Handlers(on_store=store)) as server:
        await panel.add_paths(files)
        panel.peer.host.insert(f"SCP@127.0.0.1:{server.port}")
        await press(panel.run_button)
        await ended(panel)
        first = next(one for one in window.jobs._jobs.all() if one.kind is JobKind.SEND)
        failed = [got[0], got[2]]
        await press(panel.clear_button)
        panel.peer.host.setText("nowhere")
        window.jobs.set_folded(False)
        window.jobs.drain()
        window.jobs.select(first.number)
        await press(window.jobs.retry_button)
        await ended(panel)
    assert got[5:] == failed
    assert column(panel, SendColumn.STATE) == ["sent"] * 2
    second = window.jobs._jobs.all()[-1]
    assert (second.state, second.peer) == (JobState.DONE, first.peer)
    window.jobs.drain()
    window.jobs.select(second.number)
    assert not window.jobs.retry_button.isEnabled()


async def test_progress_within_one_big_file(panel: SendPanel, press: Press, tmp_path: Path, window: MainWindow) -> None:
    """Bytes and MB/s move while the one file is on its way, and cancel ends it within a second."""
    big = write_instance(tmp_path, 1, pixel_bytes=200_000_000 // 8192 * 8192)
    loop = asyncio.get_running_loop()

    class Slow(NullSink):
        """Takes its time, as a slow disk does."""

        def write(self, data: memoryview) -> None:
            end = loop.time() + 0.0005
            while loop.time() < end:
                pass

    handlers = Handlers(open_sink=lambda _request: Slow(), on_store=lambda _request, _data: Status(0))
    async with await serve(port=0, handlers=handlers) as server:
        await panel.add_paths([big])
        panel.peer.host.insert(f"SCP@127.0.0.1:{server.port}")
        await press(panel.run_button)
        seen: set[int] = set()
        await reached(lambda: (seen.add(panel.bar.value()) or len(seen) >= 5) and 0 < max(seen) < 1000, "it moves", 60)
        assert panel.status.text().startswith("0 of 1 file · ")
        assert column(panel, SendColumn.STATE) == ["sending"]
        [job] = [one for one in window.jobs._jobs.active() if one.kind is JobKind.SEND]
        assert 0 < job.bytes_done < job.bytes_total
        await reached(lambda: "/s" in panel.status.text(), "the rate is shown")
        start = loop.time()
        await press(panel.cancel_button)
        await ended(panel)
        assert loop.time() - start < 1.0
    assert column(panel, SendColumn.STATE) == ["cancelled"]
    assert window.jobs._jobs.all()[-1].state is JobState.CANCELLED
    assert panel.resend_button.isEnabled()


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_the_report_is_exported(
    panel: SendPanel,
    press: Press,
    answer: Answer,
    files: list[Path],
    tmp_path: Path,
    listening: int,
    window: MainWindow,
) -> None:
    window.show_panel(panel)
    odd = tmp_path / "=cmd|'calc'!A1.txt"
    odd.write_text("nothing")
    await panel.add_paths([files[0], odd])
    panel.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    await press(panel.run_button)
    await ended(panel)
    await press(panel.export_button)
    assert await answer(str(tmp_path / "report")) == "Export the report"
    await reached(lambda: "written to" in panel.status.text(), "it is written")
    text = (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.reader(text.splitlines()))
    assert [row[1] for row in rows] == ["State", "sent", "skipped"]
    assert rows[1][2] == "0x0000"
    await press(panel.export_button)
    await answer(str(tmp_path / "nowhere" / "report.csv"))
    await reached(lambda: "could not be written" in panel.status.text(), "the failure is said")
    assert [one.state for one in window.jobs._jobs.all() if one.kind is JobKind.EXPORT] == [
        JobState.DONE, JobState.FAILED,
    ]  # fmt: skip


async def test_looking_at_files_can_be_cancelled(
    panel: SendPanel, press: Press, files: list[Path], monkeypatch: pytest.MonkeyPatch, window: MainWindow
) -> None:
    asked = asyncio.Event()

    async def prepare(*_: object, **__: object) -> Selection:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(send_module, "prepare", prepare)
    panel.add_paths(files)
    await asked.wait()
    assert not panel.run_button.isEnabled()
    await press(panel.cancel_button)
    await reached(panel.run_button.isEnabled, "nothing is looked at any more")
    assert panel.model.count == 0
    [job] = window.jobs._jobs.all()
    assert (job.kind, job.state) == (JobKind.SCAN, JobState.CANCELLED)
