"""The listener's switch, what comes in, and what keeps it from starting."""

from __future__ import annotations

import asyncio
import shlex
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import dial, instance_data, reached, store_rq
from helpers.instances import (
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    MR,
    SECONDARY_CAPTURE,
    data_set,
    elements,
    write_instance,
)
from pydicom import dcmread
from pydicom.dataset import Dataset
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.configuration.quotas import Quotas
from dicomgui.app.configuration.received_commands import ReceivedCommands
from dicomgui.app.listening.listener import ReceivedInstance, Refusal
from dicomgui.app.operations import JobState
from dicomgui.gui.listener.open_model import OpenColumn
from dicomgui.gui.listener.panel import EVERY_HOST, LOCAL_HOST, ListenerPanel
from dicomgui.gui.listener.received_model import ReceivedColumn
from dicomgui.gui.listener.refused_model import RefusedColumn
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import ProposedContext, Strictness, connect, presets
from dicomgui.network.errors import AssociationRejected, DicomNetworkError
from dicomgui.network.service import AssociationFacts
from dicomgui.storage import DuplicatePolicy, FolderLayout, IdentifierRule, Outcome, database

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]


@pytest.fixture
def panel(window: MainWindow) -> ListenerPanel:
    window.show_panel(window.listener)
    return window.listener


def column(panel: ListenerPanel, which: ReceivedColumn) -> list[str]:
    return [panel.model.index(row, which).data() for row in range(panel.model.rowCount())]


async def test_on_and_off(panel: ListenerPanel, press: Press, window: MainWindow) -> None:
    port = int(panel.port.text())
    for _ in range(2):
        await press(panel.start_button)
        await reached(lambda: panel.is_running, "it runs")
        assert panel.state.text() == f"Listening on 127.0.0.1:{port} as DICOMGUI"
        await reached(lambda: "Listening" in window.listener_status.text(), "the status bar says so")
        assert not panel.folder.isEnabled()
        async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.VERIFICATION) as association:
            assert (await association.echo()).status.is_success
        await press(panel.stop_button)
        await reached(lambda: not panel.is_running and panel.start_button.isEnabled(), "it has stopped")
        assert panel.state.text() == "Not listening"
    assert column(panel, ReceivedColumn.WHAT) == ["C-ECHO", "C-ECHO"]
    await press(panel.clear_button)
    assert panel.model.rowCount() == 0


@pytest.mark.interop("storescu", "echoscu")
async def test_dcmtk_sends_to_it(panel: ListenerPanel, listening: int, tmp_path: Path) -> None:
    files = [write_instance(tmp_path / "files", number) for number in range(1, 4)]
    assert (await peers.run("echoscu", "-aec", "DICOMGUI", "127.0.0.1", listening)).code == 0
    done = await peers.run("storescu", "-aet", "<b>SCU</b>", "-aec", "DICOMGUI", "127.0.0.1", listening, *files)
    assert done.code == 0, done
    await reached(lambda: panel.model.rowCount() == 4, "all are shown")
    assert column(panel, ReceivedColumn.OUTCOME) == ["answered", "stored", "stored", "stored"]
    assert column(panel, ReceivedColumn.FROM)[1].startswith("<b>SCU</b> (127.0.0.1:")
    assert panel.counts.text().startswith("3 instances stored")
    stored = sorted(data_set(path) for path in (tmp_path / "received").rglob("*.dcm"))
    assert stored == sorted(data_set(path) for path in files)


async def test_a_port_that_is_taken_is_explained(panel: ListenerPanel, press: Press) -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with server:
        panel.port.setText(str(server.sockets[0].getsockname()[1]))
        await press(panel.start_button)
        await reached(lambda: bool(panel.findings.cards), "the finding is shown")
    assert panel.findings.cards[0].objectName() == "finding_port_in_use"
    assert not panel.is_running
    assert panel.start_button.isEnabled()


async def test_a_folder_that_cannot_be_used_is_explained(panel: ListenerPanel, press: Press, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    panel.folder.setText(str(tmp_path / "file"))
    await press(panel.start_button)
    await reached(lambda: bool(panel.findings.cards), "the finding is shown")
    assert panel.findings.cards[0].objectName() == "finding_file_failed"
    assert not panel.is_running


@pytest.mark.parametrize(("name", "text"), [("title_edit", "MUCH_TOO_LONG_A_TITLE"), ("port", "70000")])
async def test_a_wrong_setting_is_explained(panel: ListenerPanel, press: Press, name: str, text: str) -> None:
    getattr(panel, name).setText(text)
    await press(panel.start_button)
    await reached(lambda: bool(panel.findings.cards), "the finding is shown")
    assert panel.findings.cards[0].objectName() == "finding_configuration"


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_the_folder_is_chosen_in_a_dialog(
    panel: ListenerPanel, press: Press, answer: Answer, tmp_path: Path
) -> None:
    await press(panel.browse_button)
    await answer(str(tmp_path))
    await reached(lambda: panel.folder.text() == str(tmp_path), "the folder is taken over")


async def test_a_row_leads_to_its_trace(panel: ListenerPanel, listening: int, press: Press, window: MainWindow) -> None:
    async with connect(f"DICOMGUI@127.0.0.1:{listening}", contexts=presets.VERIFICATION) as association:
        await association.echo()
    await reached(lambda: panel.model.rowCount() == 1, "it is shown")
    assert not panel.trace_button.isEnabled()
    panel.table.selectRow(0)
    await press(panel.trace_button)
    assert window.panel is window.trace
    assert window.trace.chosen == frozenset((panel.model.association_at(0),))


# ------------------------------------------------------------------------------------------- open now, refused, and why


def open_cells(panel: ListenerPanel, row: int = 0) -> list[str]:
    return [panel.open_model.index(row, which).data() for which in OpenColumn]


def refused(panel: ListenerPanel, which: RefusedColumn) -> list[str]:
    return [panel.refused_model.index(row, which).data() for row in range(panel.refused_model.rowCount())]


async def test_what_is_open_now_is_shown_and_can_be_aborted(
    panel: ListenerPanel, listening: int, press: Press, tmp_path: Path
) -> None:
    file = write_instance(tmp_path, 1)
    contexts = presets.for_instances([(CT, EXPLICIT)])
    await press(panel.views[1].button)
    assert panel.views[1].currentIndex() == 0
    async with connect(f"DICOMGUI@127.0.0.1:{listening}", calling_ae="<i>CT1</i>", contexts=contexts) as association:
        assert (await association.store(file)).status.is_success
        await reached(lambda: panel.open_model.rowCount() == 1 and open_cells(panel)[6] == "1", "it is shown")
        shown = open_cells(panel)
        assert shown[OpenColumn.CALLING] == "<i>CT1</i>"
        assert shown[OpenColumn.CALLED] == "DICOMGUI"
        assert shown[OpenColumn.PEER].startswith("127.0.0.1:")
        assert shown[OpenColumn.SIZE].endswith(("kB", "bytes"))
        assert panel.views[1].button.text().endswith("1")
        panel.open_table.selectRow(0)
        await press(panel.abort_button)
        await reached(lambda: not association.is_connected, "it is aborted")
    await reached(lambda: panel.open_model.rowCount() == 0, "it is gone")
    await press(panel.views[2].button)
    assert refused(panel, RefusedColumn.WHAT) == ["Association broke off"]


async def test_what_was_refused_is_listed_with_the_reason(panel: ListenerPanel, listening: int, press: Press) -> None:
    contexts = (*presets.VERIFICATION, ProposedContext("1.2.3.4", (EXPLICIT,)), ProposedContext("1.2.3.5", (EXPLICIT,)))
    async with connect(f"DICOMGUI@127.0.0.1:{listening}", contexts=contexts) as association:
        assert (await association.echo()).status.is_success
    await reached(lambda: panel.refused_model.rowCount() == 1, "it is shown")
    assert refused(panel, RefusedColumn.WHAT) == ["2 presentation contexts refused"]
    assert "1.2.3.4" in refused(panel, RefusedColumn.WHY)[0]
    assert "abstract" in refused(panel, RefusedColumn.WHY)[0].lower()
    await press(panel.views[2].button)
    panel.refused_table.selectRow(0)
    assert panel.trace_button.isEnabled()
    await press(panel.clear_button)
    assert panel.refused_model.rowCount() == 0
    await reached(lambda: panel.model.rowCount() == 1, "the echo is shown")


@pytest.mark.interop("echoscu", "storescu")
async def test_dcmtk_is_refused_by_its_called_title_and_its_uid(
    panel: ListenerPanel, window: MainWindow, press: Press, tmp_path: Path
) -> None:
    panel.more.section.set_open(True)
    check = panel.findChild(QCheckBox, "listener_check_called")
    check.setChecked(True)
    assert window.config.settings.listener.check_called_ae
    await press(panel.start_button)
    await reached(lambda: panel.is_running, "it runs")
    port = panel.port.text()
    assert (await peers.run("echoscu", "-aec", "SOMEBODY", "127.0.0.1", port)).code != 0
    await reached(lambda: panel.refused_model.rowCount() == 1, "the refusal is shown")
    assert refused(panel, RefusedColumn.WHAT) == ["Connection refused"]
    assert "called AE title" in refused(panel, RefusedColumn.WHY)[0]
    assert "1 refused" in panel.counts.text()


@pytest.mark.interop("dcmsend")
async def test_dcmsend_sends_a_folder_to_it(
    panel: ListenerPanel, listening: int, window: MainWindow, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    files = [write_instance(folder, number, pixel_bytes=65_536) for number in range(1, 21)]
    done = await peers.run("dcmsend", "-aec", "DICOMGUI", "--scan-directories", "127.0.0.1", listening, folder)
    assert done.code == 0, done
    await reached(lambda: column(panel, ReceivedColumn.OUTCOME) == ["stored"] * 20, "all are shown")
    assert "instances/s" in panel.counts.text()
    assert "B/s" in panel.counts.text()
    stored = sorted(data_set(path) for path in (tmp_path / "received").rglob("*.dcm"))
    assert stored == sorted(data_set(path) for path in files)
    [job] = window.jobs._jobs.active()
    assert job.files_done == 20
    assert len(job.associations) == 1


async def test_the_listener_is_a_job_with_an_end(
    panel: ListenerPanel, listening: int, press: Press, window: MainWindow
) -> None:
    [job] = window.jobs._jobs.all()
    assert job.title == f"Listen on 127.0.0.1:{listening} as DICOMGUI"
    assert job.state is JobState.RUNNING
    await press(panel.stop_button)
    await reached(lambda: not panel.is_running and panel.start_button.isEnabled(), "it has stopped")
    assert window.jobs._jobs.all()[0].state is JobState.DONE


async def test_other_computers_only_after_an_explicit_choice(panel: ListenerPanel, press: Press) -> None:
    assert panel.host.currentData() == LOCAL_HOST
    assert panel.reach.isHidden()
    panel.host.setCurrentIndex(panel.host.findData(EVERY_HOST))
    assert panel.reach.isVisible()
    await press(panel.start_button)
    await reached(lambda: panel.is_running, "it runs")
    assert panel.listener is not None
    assert panel.listener.address.startswith(f"{EVERY_HOST}:")


async def test_a_folder_that_cannot_be_made_is_explained(panel: ListenerPanel, press: Press, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    panel.folder.setText(str(tmp_path / "file" / "inside"))
    await press(panel.start_button)
    await reached(lambda: bool(panel.findings.cards), "the finding is shown")
    assert not panel.is_running


async def test_ten_thousands_of_rows_come_in_batches(panel: ListenerPanel, press: Press, qtbot: QtBot) -> None:
    """Who reads further up is not carried away, and is told how many have come."""
    facts = AssociationFacts(7, "10.0.0.1:4000", "CT1", "DICOMGUI", "1.2", "X")
    one = ReceivedInstance(1e9, facts, CT, "1.2.3", EXPLICIT, "x", 1500, Outcome.STORED)
    loop = asyncio.get_running_loop()
    longest = 0.0
    for _ in range(30):
        start = loop.time()
        panel._show_events([one] * 1000)
        longest = max(longest, loop.time() - start)
        await asyncio.sleep(0)
    assert panel.model.rowCount() == 30_000
    assert panel.views[0].button.text().endswith("30,000")
    assert longest < 0.25
    bar = panel.table.verticalScrollBar()
    await reached(lambda: bar.value() == bar.maximum() > 29_000, "it is at its end")
    bar.setValue(100)
    panel._show_events([one] * 500 + [Refusal(1e9, 3, "10.0.0.9:1", "busy")])
    assert bar.value() == 100
    assert panel.new_rows.text() == "501 new"
    await press(panel.new_rows)
    assert bar.value() == bar.maximum()
    assert panel.new_rows.isHidden()
    qtbot.keyClick(panel.table, Qt.Key.Key_Home)
    assert len(panel.model.index(0, 0).data()) == 8


# ------------------------------------------------------------------------------------- services, callers, the archive


async def start(panel: ListenerPanel, press: Press) -> int:
    await press(panel.start_button)
    await reached(lambda: panel.is_running, "it runs")
    return int(panel.port.text())


async def test_a_refused_caller_is_let_in_by_one_click(panel: ListenerPanel, press: Press, window: MainWindow) -> None:
    services = panel.more.services
    panel.more.services_section.set_open(True)
    services.set_texts(services.texts() | {"titles": "KNOWN; CT*"})
    port = await start(panel, press)
    address = f"DICOMGUI@127.0.0.1:{port}"
    async with connect(address, calling_ae="CT7", contexts=presets.VERIFICATION) as association:
        assert (await association.echo()).status.is_success
    with pytest.raises(AssociationRejected):
        async with connect(address, calling_ae="WHO*", contexts=presets.VERIFICATION):
            pass
    await reached(lambda: panel.refused_model.rowCount() == 1, "the refusal is listed")
    assert refused(panel, RefusedColumn.WHAT) == ["Caller not on the list"]
    assert refused(panel, RefusedColumn.FROM)[0].startswith("WHO* (127.0.0.1:")
    await press(panel.views[2].button)
    assert not panel.allow_button.isEnabled()
    panel.refused_table.selectRow(0)
    assert panel.allow_button.text() == " Allow WHO*"
    await press(panel.allow_button)
    assert not panel.allow_button.isEnabled()
    async with connect(address, calling_ae="WHO*", contexts=presets.VERIFICATION) as association:
        assert (await association.echo()).status.is_success
    with pytest.raises(AssociationRejected):  # the star is one that was sent, and lets nobody else in
        async with connect(address, calling_ae="WHOEVER", contexts=presets.VERIFICATION):
            pass
    assert window.config.settings.listener.calling_ae_titles == ("KNOWN", "CT*", "WHO[*]")


async def test_callers_come_from_named_addresses(panel: ListenerPanel, press: Press, window: MainWindow) -> None:
    services = panel.more.services
    panel.more.services_section.set_open(True)
    services.set_texts(services.texts() | {"networks": "192.0.2.0/24; 2001:DB8::/32"})
    assert window.config.settings.listener.calling_networks == ("192.0.2.0/24", "2001:db8::/32")
    assert panel.more.services_section.button.text().endswith("from 2 ranges of addresses")
    port = await start(panel, press)
    with pytest.raises(DicomNetworkError):
        async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.VERIFICATION):
            pass
    await reached(lambda: panel.refused_model.rowCount() == 1, "the refusal is listed")
    assert refused(panel, RefusedColumn.WHY) == ["connections from this address are not taken"]


async def test_services_are_switched(panel: ListenerPanel, press: Press, window: MainWindow) -> None:
    assert panel.more.services_section.button.text() == "Services: store, query, move, get"
    panel.more.services_section.set_open(True)
    for name in ("store", "move", "get"):
        box = panel.findChild(QCheckBox, f"listener_service_{name}")
        assert isinstance(box, QCheckBox)
        box.setChecked(False)
    assert panel.more.services_section.button.text() == "Services: query"
    assert window.config.settings.listener.services == {Provided.QUERY}
    port = await start(panel, press)
    assert not panel.findChild(QCheckBox, "listener_service_query").isEnabled()
    contexts = (*presets.QUERY, *presets.for_instances([(CT, EXPLICIT)]))
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=contexts) as association:
        accepted = {one.abstract_syntax for one in association.negotiated.accepted}
        assert CT not in accepted
        identifier = Dataset()
        identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", ""
        response = await association.find(identifier).result()
        assert response.status.is_success
    await reached(lambda: column(panel, ReceivedColumn.WHAT) == ["C-FIND"], "the query is shown")


async def test_classes_and_syntaxes_are_chosen(panel: ListenerPanel, press: Press, window: MainWindow) -> None:
    services = panel.more.services
    panel.more.services_section.set_open(True)
    services.set_texts(services.texts() | {"classes": "only", "syntaxes": "native"})
    assert "all are taken" in services.note.text()
    services.set_texts(services.texts() | {"class_names": "ct image; 1.2.840.10008.5.1.4.1.1.4"})
    listener = window.config.settings.listener
    assert listener.sop_classes == (CT, MR)
    assert listener.transfer_syntaxes == (EXPLICIT, IMPLICIT)
    summary = panel.more.services_section.button.text()
    assert summary.endswith("2 SOP classes · uncompressed only")
    port = await start(panel, press)
    offered = presets.for_instances([(CT, EXPLICIT), (CT, DEFLATED), (SECONDARY_CAPTURE, EXPLICIT)])
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=offered) as association:
        accepted = {(one.abstract_syntax, one.transfer_syntax) for one in association.negotiated.accepted}
    assert accepted == {(CT, EXPLICIT), (CT, IMPLICIT)}  # both are offered for a native file (PS3.5 10.1)


async def test_an_own_pattern_shows_an_example_or_why_it_is_not_used(panel: ListenerPanel, window: MainWindow) -> None:
    services = panel.more.services
    panel.more.services_section.set_open(True)
    services.set_texts(services.texts() | {"layout": "pattern", "folders": "{PatientID}/{StudyDate:%Y}", "files": "a"})
    listener = window.config.settings.listener
    assert (listener.layout, listener.patterns.folder) == (FolderLayout.PATTERN, "{PatientID}/{StudyDate:%Y}")
    assert services.preview.text() == "Example: by pattern/P1001/2024/a.dcm"
    services.set_texts(services.texts() | {"folders": "../{PatientID}"})
    assert services.preview.text().startswith("Not used: '..' begins with a dot")
    assert window.config.settings.listener == listener
    services.set_texts(services.texts() | {"layout": "uid", "moves": "CT*=WS1; *={caller}"})
    assert window.config.settings.listener.move_rules == (("CT*", "WS1"), ("*", "{caller}"))
    assert services.preview.isHidden()


async def test_the_folder_layout_and_what_becomes_of_another_data_set_are_chosen(
    panel: ListenerPanel, press: Press, window: MainWindow, tmp_path: Path
) -> None:
    services = panel.more.services
    panel.more.services_section.set_open(True)
    services.set_texts(services.texts() | {"layout": "patient", "duplicates": "refuse"})
    listener = window.config.settings.listener
    assert (listener.layout, listener.on_duplicate) == (FolderLayout.PATIENT, DuplicatePolicy.REFUSE)
    assert panel.more.services_section.button.text().endswith("folders by patient")
    port = await start(panel, press)
    first = write_instance(tmp_path / "one", 1)
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as association:
        assert (await association.store(first)).status.is_success
        other = dcmread(first)
        other.PatientComments = "changed"
        assert (await association.store(other)).status == 0x0111
    tree = tmp_path / "received" / "by patient"
    await reached(lambda: len(list(tree.glob("*/*/*/*.dcm"))) == 1, "it is among the folders for people")


async def test_limits_are_set_kept_and_obeyed(
    panel: ListenerPanel, press: Press, window: MainWindow, tmp_path: Path
) -> None:
    assert panel.more.quotas_section.button.text() == "Limits"
    panel.more.quotas_section.set_open(True)
    quotas = panel.more.quotas
    assert quotas.texts()["min_free_bytes"] == "500 MB"
    wanted = {"associations": "5", "instances_per_hour": "2", "bytes_per_hour": "1 GB", "max_bytes": "20 GB"}
    quotas.set_texts({**wanted, "min_free_bytes": "1 MB"})
    assert window.config.settings.listener.quotas == Quotas(5, 2, 10**9, 20 * 10**9, 10**6)
    summary = "Limits: 5 a caller, 2 instances an hour, 1 GB an hour, archive up to 20 GB, 1 MB stay free"
    assert panel.more.quotas_section.button.text() == summary
    port = await start(panel, press)
    assert quotas.fields["max_bytes"].isReadOnly()
    paths = [write_instance(tmp_path / "files", number) for number in range(1, 4)]
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as association:
        statuses = [int((await association.store(path)).status) for path in paths]
    assert statuses == [0, 0, 0xA700]
    await reached(lambda: panel.refused_model.rowCount() == 1, "the refusal is shown")
    [why] = refused(panel, RefusedColumn.WHY)
    assert "127.0.0.1 has stored 2 instances within an hour, which is the limit" in why


@pytest.mark.parametrize(("name", "text"), [("max_bytes", "much"), ("associations", "-1")])
async def test_what_is_no_limit_keeps_it_from_starting(
    panel: ListenerPanel, press: Press, window: MainWindow, name: str, text: str
) -> None:
    before = window.config.settings.listener.quotas
    panel.more.quotas.set_texts(panel.more.quotas.texts() | {name: text})
    assert panel.more.quotas_section.button.text() == "Limits: not usable"
    assert window.config.settings.listener.quotas == before
    await press(panel.start_button)
    await reached(lambda: bool(panel.findings.cards), "it is explained")
    assert text in panel.findings.cards[0].accessibleName()


async def test_what_is_no_class_keeps_it_from_starting(panel: ListenerPanel, press: Press) -> None:
    services = panel.more.services
    services.set_texts(services.texts() | {"classes": "only", "class_names": "no such thing"})
    await press(panel.start_button)
    await reached(lambda: bool(panel.findings.cards), "it is explained")
    assert "no such thing" in panel.findings.cards[0].accessibleName()


async def test_how_much_is_in_the_archive_is_shown(panel: ListenerPanel, press: Press, tmp_path: Path) -> None:
    port = await start(panel, press)
    file = write_instance(tmp_path, 1)
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as association:
        assert (await association.store(file)).status.is_success
    await reached(lambda: panel.archive_count.text().startswith("1 instance in the archive, "), "it is counted")
    assert panel.archive_count.isVisible()


async def test_by_how_much_the_index_is_behind_is_shown(
    panel: ListenerPanel, press: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program holds the index, as one that is at work does; then it lets go."""
    monkeypatch.setattr(database, "_BUSY_S", 0.01)
    port = await start(panel, press)
    archive = panel.place.archive.archive
    assert await archive.settle(60)
    with closing(sqlite3.connect(archive.index.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in (1, 2):
            file = write_instance(tmp_path, number)
            contexts = presets.for_instances([(CT, EXPLICIT)])
            async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=contexts) as association:
                assert (await association.store(file)).status.is_success
        text = panel.archive_count.text
        await reached(lambda: "The index is behind by 2 instances: " in text(), "it is told", 20)
        assert "Queries are refused (A700) until it" in text()
        other.execute("ROLLBACK")
    await reached(lambda: text().startswith("2 instances in the archive, ") and "behind" not in text(), "it is", 20)


async def test_a_command_is_set_kept_and_run(
    panel: ListenerPanel, press: Press, window: MainWindow, tmp_path: Path
) -> None:
    script = tmp_path / "note.py"
    script.write_text("import sys\nopen(sys.argv[2], 'a').write(sys.argv[1])\n")
    panel.more.commands_section.set_open(True)
    commands = panel.more.commands
    commands.set_texts({"on_object": "a {Nonsense}", "on_study": "", "study_timeout_s": "", "time_limit_s": ""})
    assert "no attribute 'Nonsense'" in commands.note.text()
    text = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {{path}} {shlex.quote(str(tmp_path / 'noted'))}"
    commands.set_texts({"on_object": text, "on_study": "", "study_timeout_s": "5", "time_limit_s": "60"})
    assert window.config.settings.listener.commands == ReceivedCommands(text, "", 5.0, 60.0)
    assert panel.more.commands_section.button.text() == "Commands: for each object"
    port = await start(panel, press)
    file = write_instance(tmp_path / "files", 1)
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as association:
        assert (await association.store(file)).status.is_success
    await reached(lambda: len(column(panel, ReceivedColumn.OUTCOME)) == 2, "the command is listed")
    assert column(panel, ReceivedColumn.OUTCOME)[1] == "done"
    noted = (tmp_path / "noted").read_text()
    assert noted.endswith(".dcm")
    assert noted.startswith(str(tmp_path))


async def test_what_is_discarded_is_listed_and_counted(panel: ListenerPanel, press: Press, tmp_path: Path) -> None:
    services = panel.more.services
    services.set_texts(services.texts() | {"discards": "yes"})
    assert "nothing is kept" in services.summary()
    port = await start(panel, press)
    file = write_instance(tmp_path / "files", 1)
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as association:
        assert (await association.store(file)).status.is_success
    await reached(lambda: column(panel, ReceivedColumn.OUTCOME) == ["acknowledged, not kept"], "it is listed")
    assert "1 not kept" in panel.counts.text()


async def test_an_odd_query_is_refused_or_answered_and_marked_as_chosen(
    panel: ListenerPanel, press: Press, window: MainWindow
) -> None:
    panel.more.services_section.set_open(True)
    services = panel.more.services
    assert services.texts()["identifiers"] == "usual"
    services.set_texts(services.texts() | {"identifiers": "lenient"})
    assert window.config.settings.listener.identifiers is IdentifierRule.LENIENT
    port = await start(panel, press)
    keys = elements(QueryRetrieveLevel="SERIES", SeriesInstanceUID="")
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.QUERY) as association:
        assert (await association.find(keys)).status.is_success
    await reached(lambda: bool(column(panel, ReceivedColumn.OUTCOME)), "it is listed, and marked")
    [text] = column(panel, ReceivedColumn.OUTCOME)
    assert text == "answered; against the standard: Study Instance UID is missing at level SERIES"


async def test_a_broken_instance_is_refused_or_kept_and_marked_as_chosen(
    panel: ListenerPanel, press: Press, window: MainWindow
) -> None:
    panel.more.services_section.set_open(True)
    services = panel.more.services
    assert services.texts()["strictness"] == "strict"
    services.set_texts(services.texts() | {"strictness": "warn"})
    assert window.config.settings.listener.strictness is Strictness.WARN
    port = await start(panel, press)
    async with await dial(port) as peer:
        await peer.associate()
        await peer.send(store_rq("1.2.3", instance_data("1.2.3")[:-2]))
        answer = await peer.read_command()
    assert answer.status == 0xB007
    assert "breaks off" in answer.error_comment
    await reached(lambda: "stored, but" in "".join(column(panel, ReceivedColumn.OUTCOME)), "it is listed, and marked")
    [text] = column(panel, ReceivedColumn.OUTCOME)
    assert text.startswith("stored, but the data set breaks off")
