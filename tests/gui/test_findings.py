"""Findings in the window: what can be done about them is done by their buttons, and their bytes are shown."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from helpers import peers
from helpers.answering import Answering
from helpers.bad_peer import (
    ECHO_AC,
    RELEASE_RP,
    BadServer,
    Peer,
    Script,
    bad_server,
    pdu,
    reached,
    response,
)
from helpers.failures import RECORDED
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSlider, QDialog, QLabel, QListWidget, QPushButton, QWidget

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.expert import PIECE
from dicomgui.gui.look.theme import Theme, current_colors
from dicomgui.gui.panels.explaining import PeerActions
from dicomgui.gui.shell import explainer
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.trace.listing import source as trace_source
from dicomgui.gui.widgets.hex_view import HexView
from dicomgui.network.tracing import NoteRecord
from dicomgui.trace.file import TraceWriter
from dicomgui.trace.finding import ActionKind

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]


def button(area: QWidget, name: str) -> QPushButton:
    found = area.findChild(QPushButton, name)
    assert found is not None, sorted(one.objectName() for one in area.findChildren(QPushButton))
    return found


async def echoed(window: MainWindow, press: Press, address: str) -> None:
    window.show_panel(window.echo)
    window.echo.peer.host.insert(address)
    await press(window.echo.run_button)
    await idle(window)


async def idle(window: MainWindow) -> None:
    await reached(lambda: not window.echo.is_busy and window.echo.run_button.isEnabled(), "the echo has ended")


def marked(window: MainWindow) -> list[range]:
    """What is marked in the bytes of the trace panel."""
    return [view.marked for view in window.trace.findChildren(HexView)]


def codes(window: MainWindow) -> list[str]:
    return [card.objectName().removeprefix("finding_") for card in window.echo.findings.cards]


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[BadServer]:
    """A bad server that is left when its connections are closed."""
    async with bad_server(script) as server:
        yield server
        await reached(lambda: not server.open, "the connections are closed")


async def rejecting(peer: Peer) -> None:
    """Takes PACS1 alone, letter by letter."""
    request = await peer.read()
    if request is not None and getattr(request, "called_ae", "") == "PACS1":
        await peer.send(ECHO_AC)
        await peer.read_command()
        await peer.send(response(0x8030, 1))
        await peer.read()
        await peer.send(RELEASE_RP)
    else:
        await peer.send(pdu(3, bytes((0, 1, 1, 7))))
    await peer.drop()


async def test_another_ae_title_is_tried_by_a_button(window: MainWindow, press: Press) -> None:
    async with serving(rejecting) as server:
        await echoed(window, press, f"pacs1@127.0.0.1:{server.port}")
        assert codes(window) == ["rejected_called_ae"]
        attempt = button(window.echo, "finding_rejected_called_ae_try_ae")
        assert attempt.text() == "Try PACS1"
        await press(attempt)
        await idle(window)
        assert window.echo.peer.called.text() == "PACS1"
        assert codes(window) == []


async def test_the_bytes_are_shown_in_the_trace(window: MainWindow, press: Press) -> None:
    async with serving(rejecting) as server:
        await echoed(window, press, f"pacs1@127.0.0.1:{server.port}")
        await press(button(window.echo, "finding_rejected_called_ae_show_bytes"))
        await reached(lambda: range(7, 10) in marked(window), "result, source and reason are marked")
    assert window.panel is window.trace


async def test_a_port_for_tls_is_tried_with_tls(window: MainWindow, press: Press) -> None:
    first: list[bytes] = []

    async def serve(peer: Peer) -> None:
        first.append(await peer.reader.read(2))
        await peer.send(b"\x15\x03\x01\0\x02\x02\x28")
        await peer.drop()

    async with serving(serve) as server:
        await echoed(window, press, f"PACS@127.0.0.1:{server.port}")
        assert codes(window) == ["peer_wants_tls"]
        await press(button(window.echo, "finding_peer_wants_tls_retry_tls"))
        await idle(window)
        assert [data[:1] for data in first] == [b"\x01", b"\x16"]
        assert codes(window) == ["tls_no_common"]


async def test_the_request_for_the_administrator_is_copied(window: MainWindow, press: Press) -> None:
    async def serve(peer: Peer) -> None:
        await peer.read()
        await peer.send(pdu(3, bytes((0, 1, 1, 3))))
        await peer.drop()

    async with serving(serve) as server:
        await echoed(window, press, f"PACS@127.0.0.1:{server.port}")
        await press(button(window.echo, "finding_rejected_calling_ae_copy_setup"))
    text = QGuiApplication.clipboard().text()
    assert f"PACS@127.0.0.1:{server.port}" in text
    assert "AE title:  DICOMGUI" in text
    assert "127.0.0.1" in text
    assert "clipboard" in window.echo.headline.text()


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_usual_ports_are_tried_only_when_the_user_agrees(
    window: MainWindow, press: Press, pacs: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicomgui.gui.panels.explaining.USUAL_PORTS", (pacs.address.port,))
    await echoed(window, press, f"PACS@127.0.0.1:{peers.free_port()}")
    assert codes(window) == ["closed_port"]
    attempt = button(window.echo, "finding_closed_port_try_ports")

    async def answer(agree: bool) -> None:
        def asked() -> list[QDialog]:
            return [one for one in window.findChildren(QDialog, "echo_try_ports") if one.isVisible()]

        await reached(lambda: bool(asked()), "it is asked")
        [dialog] = asked()
        text = dialog.findChild(QLabel, "echo_try_ports_text")
        assert text is not None
        assert str(pacs.address.port) in text.text()
        button(dialog, "echo_try_ports_yes" if agree else "echo_try_ports_no").click()
        await reached(lambda: not asked(), "the question is gone")

    await press(attempt)
    await answer(False)
    assert codes(window) == ["closed_port"]
    await press(attempt)
    await answer(True)
    await reached(lambda: window.echo.headline.text().endswith("answers"), "the port was found")
    assert window.echo.peer.port.text() == str(pacs.address.port)


async def test_the_node_is_opened_to_be_changed(window: MainWindow, press: Press) -> None:
    await echoed(window, press, f"PACS@127.0.0.1:{peers.free_port()}")
    await press(button(window.echo, "finding_closed_port_edit_node"))
    assert window.panel is window.nodes
    assert window.nodes.editor.host.text() == "127.0.0.1"


async def test_the_next_attempt_can_be_waited_for_and_stopped(window: MainWindow) -> None:
    ran: list[object] = []
    said: list[str] = []
    actions = PeerActions(window.echo, lambda: ran.append(None), lambda: 0, said.append)
    offers = actions.offers
    offers[ActionKind.RETRY_LATER](None)  # type: ignore[arg-type]
    await reached(lambda: bool(said), "it says that it waits")
    assert actions.is_waiting
    actions.cancel()
    await reached(lambda: not actions.is_waiting, "it waits no longer")
    assert not ran
    assert said == ["Trying again in 5 seconds; Cancel stops it."]


async def test_what_is_other_about_an_attempt_is_not_so_in_the_next(window: MainWindow) -> None:
    """Also where the panel did not get as far as to ask for it."""
    window.echo.place.choice.set(called_ae="PACS", host="127.0.0.1", port="104", calling_ae="US")
    tried: list[ConnectionOptions] = []
    asks = True

    def run() -> None:
        if asks:
            tried.append(actions.options)

    actions = PeerActions(window.echo, run, lambda: 0, lambda _text: None)
    retry = actions.offers
    retry[ActionKind.RETRY_TLS](None)  # type: ignore[arg-type]
    retry[ActionKind.RETRY](None)  # type: ignore[arg-type]
    asks = False
    retry[ActionKind.RETRY_TLS](None)  # type: ignore[arg-type]
    assert [options.tls is not None for options in (*tried, actions.options)] == [True, False, False]


async def test_no_button_is_dead(window: MainWindow, press: Press) -> None:
    """What a panel cannot do has no button."""
    window.archive.take_focus()
    async with serving(rejecting) as server:
        await echoed(window, press, f"pacs1@127.0.0.1:{server.port}")
    names = {one.objectName() for one in window.echo.findings.findChildren(QPushButton)}
    assert names == {
        "finding_rejected_called_ae_try_ae", "finding_rejected_called_ae_edit_node",
        "finding_rejected_called_ae_show_bytes",
    }  # fmt: skip
    assert asyncio.get_running_loop().is_running()


async def test_a_port_that_is_taken_is_named_and_the_next_one_used(window: MainWindow, press: Press) -> None:
    async with serving(lambda peer: peer.drop()) as server:
        window.show_panel(window.listener)
        window.listener.port.setText(str(server.port))
        window.listener.run()
        await reached(lambda: bool(window.listener.findings.cards), "it is explained")
        [card] = window.listener.findings.cards
        assert card.objectName() == "finding_port_in_use"
        if sys.platform == "linux":
            assert any(f"Port {server.port} is used by" in line for line in card.lines)
        attempt = button(window.listener, "finding_port_in_use_next_port")
        assert attempt.text() == f"Use port {server.port + 1}"
        window.listener.port.setText("1")
        await press(attempt)
        await reached(lambda: window.listener.is_running or bool(window.listener.findings.cards), "it was tried")
        assert window.listener.port.text() == str(server.port + 1)


@pytest.mark.qt_log_ignore("propagateSizeHints|raise")
async def test_the_badge_counts_and_its_list_leads_to_the_trace(window: MainWindow, press: Press) -> None:
    await echoed(window, press, f"PACS@127.0.0.1:{peers.free_port()}")
    badge = button(window, "status_expert")
    await reached(badge.isVisible, "the badge is there")
    assert badge.text().strip() == "1 error"
    await press(badge)
    [dialog] = [one for one in window.findChildren(QDialog, "findings_dialog") if one.isVisible()]
    listed = dialog.findChild(QListWidget, "findings_list")
    assert listed is not None
    assert listed.item(0).text() == "Errors"
    assert "nothing listens" in listed.currentItem().text()
    QTest.keyClick(listed, Qt.Key.Key_Return)
    await reached(lambda: window.panel is window.trace, "the trace is in view")
    button(dialog, "findings_close").click()
    assert not dialog.isVisible()


@pytest.mark.qt_log_ignore("propagateSizeHints|raise")
async def test_open_findings_take_the_colours_of_another_theme(window: MainWindow, theme: Theme, press: Press) -> None:
    for record in RECORDED["rejected-called-ae"]():
        window.trace.live.store(record)
    window.show_panel(window.trace)
    badge = button(window, "status_expert")
    await reached(badge.isVisible, "the badge is there")
    await press(badge)
    [dialog] = [one for one in window.findChildren(QDialog, "findings_dialog") if one.isVisible()]
    listed = dialog.findChild(QListWidget, "findings_list")
    assert listed is not None
    for scheme in (Qt.ColorScheme.Dark, Qt.ColorScheme.Light):
        theme.use(scheme)
        colors = current_colors()
        assert listed.item(0).foreground().color() == QColor(colors.muted)
        assert QColor(colors.error) in colors_of(listed.item(1).icon())
        assert QColor(colors.error) in colors_of(badge.icon())
        assert "does not know the name" in listed.currentItem().text()


def colors_of(icon: QIcon) -> list[QColor]:
    """The colours of an icon along its middle row."""
    image = icon.pixmap(16).toImage()
    return [image.pixelColor(x, image.height() // 2) for x in range(image.width())]


@pytest.mark.qt_log_ignore("propagateSizeHints|raise")
async def test_the_badge_speaks_of_the_file_that_is_shown(window: MainWindow, press: Press, tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "old.dgtrace") as writer:
        for record in RECORDED["aborted-on-greeting"]():
            writer(record)
    await echoed(window, press, f"PACS@127.0.0.1:{peers.free_port()}")
    await reached(lambda: button(window, "status_expert").text().strip() == "1 error", "the live trace is judged")
    window.show_panel(window.trace)
    window.trace.open_file(tmp_path / "old.dgtrace")
    await reached(lambda: not window.trace.model.source.is_live, "the file is shown")
    await press(button(window, "status_expert"))
    dialog = window.findChild(QDialog, "findings_dialog")
    assert dialog is not None
    listed = dialog.findChild(QListWidget, "findings_list")
    assert listed is not None
    await reached(lambda: listed.count() == 2 and "hung up on our greeting" in listed.item(1).text(), "it is listed")
    QTest.keyClick(listed, Qt.Key.Key_Return)
    await reached(lambda: range(8, 10) in marked(window), "source and reason of the A-ABORT are marked")
    assert not window.trace.model.source.is_live
    dialog.close()


async def test_a_file_is_judged_before_anything_is_live(window: MainWindow, tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "old.dgtrace") as writer:
        for record in RECORDED["aborted-on-greeting"]():
            writer(record)
    window.show_panel(window.trace)
    window.trace.open_file(tmp_path / "old.dgtrace")
    await reached(lambda: not window.trace.model.source.is_live, "the file is shown")
    await reached(lambda: button(window, "status_expert").text().strip() == "1 error", "it is judged")


async def test_the_diagnosis_rests_while_much_comes_in(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explainer, "EVERY_S", 0.0)
    monkeypatch.setattr(explainer, "BUSY_S", 1000.0)
    store, explaining = window.trace.live.store, window._explainer
    store(NoteRecord(0, 0.0, 1e9, 20, "first"))
    await reached(lambda: explaining._expert is not None and not explaining._expert.is_behind, "the first is judged")
    await reached(lambda: explaining._updating is None or explaining._updating.done(), "that is over")
    before = explaining._updating
    for _ in range(3):  # the pump has no turn between these
        for number in range(explainer.MUCH + 1):
            store(NoteRecord(0, 0.0, 1e9, 20, str(number)))
        explaining.drain()
        assert explaining._updating is before
    explaining.drain()
    assert explaining._updating is not before
    await reached(lambda: explaining._expert is not None and not explaining._expert.is_behind, "all is judged")


async def test_the_diagnosis_rests_while_somebody_scrolls(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_source, "_SCROLLING_S", 1000.0)
    monkeypatch.setattr(explainer, "_LONGEST_REST_S", 1000.0)
    monkeypatch.setattr(explainer, "_REST_S", 0.001)
    monkeypatch.setattr(explainer, "EVERY_S", 0.0)
    window.show_panel(window.trace)
    source, explaining = window.trace.live, window._explainer
    for number in range(10 * PIECE):
        source.store(NoteRecord(0, 0.0, 1e9, 20, str(number)))
    window.trace.table.verticalScrollBar().triggerAction(QAbstractSlider.SliderAction.SliderSingleStepSub)
    await reached(lambda: explaining._expert is not None and explaining._expert.behind == 9 * PIECE, "one piece")
    assert source.is_scrolled
    assert explaining._updating is not None
    assert not explaining._updating.done()
    source._scrolled_s = float("-inf")
    await reached(lambda: explaining._expert is not None and not explaining._expert.is_behind, "all is judged")


async def test_the_diagnosis_takes_small_sips_while_much_comes_in(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    class Waiting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return super().wait(timeout)

    monkeypatch.setattr(explainer, "Event", Waiting)
    monkeypatch.setattr(explainer, "_BUSY_BREATH_S", 0.1)
    monkeypatch.setattr(explainer, "MUCH", -1)  # as much as that comes in all the time
    explaining = window._explainer
    for number in range(20 * PIECE):
        window.trace.live.store(NoteRecord(0, 0.0, 1e9, 20, str(number)))
    await reached(lambda: bool(waited), "the first piece is judged")
    assert waited[0] == 0.1
    monkeypatch.setattr(explainer, "MUCH", 100)
    await reached(lambda: explaining._expert is not None and not explaining._expert.is_behind, "all is judged")
    assert waited[-1] < 0.1, "nothing comes in any more"


async def test_what_is_wrong_shows_while_much_comes_in(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explainer, "MUCH", -1)  # as much as that comes in all the time
    monkeypatch.setattr(explainer, "_BUSY_BREATH_S", 0.2)
    store, explaining = window.trace.live.store, window._explainer
    for record in RECORDED["aborted-on-greeting"]():
        store(record)
    for number in range(40 * PIECE):
        store(NoteRecord(0, 0.0, 1e9, 20, str(number)))
    await reached(button(window, "status_expert").isVisible, "the badge is there")
    assert explaining._expert is not None
    assert explaining._expert.behind > 10 * PIECE
    monkeypatch.setattr(explainer, "_BUSY_BREATH_S", 0.0)
    await reached(lambda: explaining._expert is not None and not explaining._expert.is_behind, "all is judged")
