"""Findings whose buttons run something against a peer: each is pressed, and the peer tells what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import peers
from helpers.answering import Answering, answering
from helpers.bad_peer import GOOD_AC, RELEASE_RP, Peer, bad_server, pdu, reached, response
from helpers.query_panel import ask, choose_method, retrieved, shown_panel
from helpers.retrieval import CT_STUDY, Archive, real_files
from pydicom.data import get_testdata_file
from PySide6.QtWidgets import QPushButton, QWidget

from dicomgui.app.configuration.nodes import Node
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import GetRequest, Handlers, PeerAddress, ServerOptions, Status, StoreRequest, TlsConfig, serve
from dicomgui.network.server.offering import policy_for
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
ASYNC_OPERATIONS_ITEM = b"\x53\x00\x00\x04"


def button(area: QWidget, ending: str) -> QPushButton:
    """The button of an action, of whichever finding."""
    found = [one for one in area.findChildren(QPushButton) if one.objectName().endswith(f"_{ending}")]
    assert found, sorted(one.objectName() for one in area.findChildren(QPushButton))
    return found[0]


async def echoed(window: MainWindow, node: Node) -> None:
    window.config.nodes.add(node)
    window.config.nodes_edited()
    window.show_panel(window.echo)
    window._place.choice.choose(node)
    window.echo.run()
    await idle(window)


async def idle(window: MainWindow) -> None:
    await reached(lambda: not window.echo.is_busy and window.echo.run_button.isEnabled(), "the echo has ended")


async def test_a_peer_that_starts_at_an_item_is_asked_for_less(window: MainWindow, press: Press) -> None:
    requests: list[bytes] = []

    async def script(peer: Peer) -> None:
        request = await peer.read()
        assert request is not None
        requests.append(request.encode())
        if ASYNC_OPERATIONS_ITEM in requests[-1]:
            await peer.send(pdu(7, bytes((0, 0, 2, 0))))
        else:
            await peer.send(GOOD_AC)
            await peer.read_command()
            await peer.send(response(0x8030, 1))
            await peer.read()
            await peer.send(RELEASE_RP)
        await peer.drop()

    async with bad_server(script) as server:
        await echoed(window, Node("Shy", PeerAddress.parse(server.address), async_ops=(8, 1)))
        await press(button(window.echo.findings, "retry_minimal"))
        await idle(window)
        await reached(lambda: not server.open, "the connections are closed")
    assert [ASYNC_OPERATIONS_ITEM in one for one in requests] == [True, False]
    assert window.echo.headline.text().endswith("answers")


async def test_a_peer_without_tls_is_asked_without(window: MainWindow, press: Press, pacs: Answering) -> None:
    await echoed(window, Node("Plain", pacs.address, tls=TlsConfig()))
    assert not window.echo.headline.text().endswith("answers")
    await press(button(window.echo.findings, "retry_plain"))
    await idle(window)
    assert window.echo.headline.text().endswith("answers")
    saved = window.config.nodes.find("Plain")
    assert saved is not None
    assert saved.tls == TlsConfig()  # for this once


async def test_what_a_peer_does_not_take_compressed_is_sent_decompressed(window: MainWindow, press: Press) -> None:
    got: list[str] = []

    def store(request: StoreRequest, _data: object) -> Status:
        got.append(request.context.transfer_syntax)
        return Status(0)

    handlers = Handlers(on_store=store)
    policy = replace(
        policy_for(handlers, "PLAIN"), transfer_syntaxes=(IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN)
    )
    path = get_testdata_file("MR_small_RLE.dcm", download=False)
    assert path is not None
    async with await serve(port=0, ae_title="PLAIN", handlers=handlers, options=ServerOptions(policy=policy)) as server:
        panel = window.send
        window.show_panel(panel)
        window._place.choice.set(called_ae="PLAIN", host="127.0.0.1", port=str(server.port))
        await panel.add_paths([Path(path)])
        await press(panel.run_button)
        await reached(lambda: bool(panel.findings.cards) and not panel.is_busy, "it is explained")
        assert not got
        await press(button(panel.findings, "send_decompressed"))
        await reached(lambda: bool(got) and not panel.is_busy, "it is sent")
    assert got[0] in (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN)
    assert panel.status.text().startswith("1 of 1 file sent")


async def test_our_listener_is_tested_as_the_peer_would_call_it(
    window: MainWindow, press: Press, tmp_path: Path
) -> None:
    panel = await shown_panel(window, tmp_path / "received")
    async with answering(destinations={"DICOMGUI": peers.free_port()}) as scp:  # an old port of ours
        await ask(panel, press, scp.peer, StudyInstanceUID=CT_STUDY)
        panel.results.table.selectRow(0)
        choose_method(panel, "C-MOVE to us")
        await press(panel.retrieve.button)
        await retrieved(panel)
        await reached(lambda: bool(panel.findings.cards), "it is explained")
        await press(button(panel.findings, "test_listener"))
        await reached(lambda: window.panel is window.echo, "the echo is shown")
        await reached(lambda: window.echo.headline.text().endswith("answers"), "our listener answers")
    assert window.echo.peer.port.text() == window.listener.port.text()
    assert window.echo.peer.called.text() == "DICOMGUI"


async def test_what_c_get_cannot_is_asked_for_by_c_move(window: MainWindow, press: Press, tmp_path: Path) -> None:
    panel = await shown_panel(window, tmp_path / "received")
    archive = Archive(real_files())

    def refuse(_request: GetRequest) -> Status:
        return Status(0xA702)

    handlers = replace(archive.handlers(), on_get=refuse)
    async with answering(handlers, destinations={"DICOMGUI": int(window.listener.port.text())}) as scp:
        await ask(panel, press, scp.peer, StudyInstanceUID=CT_STUDY)
        panel.results.table.selectRow(0)
        choose_method(panel, "C-GET")
        await press(panel.retrieve.button)
        await retrieved(panel)
        assert not panel.retrievals.arrivals
        await reached(lambda: bool(panel.findings.cards), "it is explained")
        await press(button(panel.findings, "use_move"))
        await reached(lambda: len(panel.retrievals.lines) == 2, "it is asked again")
        await retrieved(panel)
        await reached(lambda: panel.retrievals.arrivals > 0, "instances arrive")
    assert panel.retrievals.lines[0].how.startswith("C-MOVE")
