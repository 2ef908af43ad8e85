"""What few peers need: key logs, lists of revoked certificates, proxies, short PDUs; set in the window and met."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.certificates import Authority, Pair
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.negotiation_file import NegotiationFile
from dicomgui.app.configuration.nodes import Node
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import HttpProxy, SocksProxy, TlsConfig
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client.presets import VERIFICATION

# What an off-screen window cannot do is no fault of the program.
pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.issue("127.0.0.1")


def type_into(qtbot: QtBot, top: QWidget, name: str, text: str) -> None:
    edit = top.findChild(QLineEdit, name)
    assert isinstance(edit, QLineEdit)
    assert edit.isVisible(), name
    edit.clear()
    qtbot.keyClicks(edit, text)


def tick(qtbot: QtBot, top: QWidget, name: str) -> None:
    box = top.findChild(QCheckBox, name)
    assert isinstance(box, QCheckBox)
    assert box.isVisible(), name
    qtbot.keyClick(box, Qt.Key.Key_Space)


def choose(top: QWidget, name: str, data: str) -> None:
    box = top.findChild(QComboBox, name)
    assert isinstance(box, QComboBox)
    box.setCurrentIndex(box.findData(data))
    assert box.currentData() == data


def button(top: QWidget, name: str) -> QPushButton:
    found = top.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    return found


async def edit_node(window: MainWindow, node: Node) -> None:
    window.config.nodes.add(node)
    window.config.nodes_edited()
    window.show_panel(window.nodes)
    window.nodes.select(node.name)
    window.nodes.editor.security.set_open(True)
    window.nodes.editor.agreement.set_open(True)


async def echoed(window: MainWindow, name: str) -> None:
    node = window.config.nodes.find(name)
    assert node is not None
    window.show_panel(window.echo)
    window._place.choice.choose(node)
    window.echo.run()
    await reached(lambda: not window.echo.is_busy, "the echo has ended")


async def tls_listener(window: MainWindow, qtbot: QtBot, press: Press, pair: Pair) -> int:
    """Start our listener over TLS, by hand; gives its port."""
    panel = window.listener
    window.show_panel(panel)
    panel.more.section.set_open(True)
    tick(qtbot, panel, "listener_tls")
    type_into(qtbot, panel, "listener_tls_cert_file", str(pair.cert))
    type_into(qtbot, panel, "listener_tls_key_file", str(pair.key))
    await press(panel.start_button)
    await reached(lambda: panel.is_running and panel.stop_button.isEnabled(), "it listens")
    return int(panel.port.text())


async def test_what_a_node_needs_besides_is_set_by_hand(
    window: MainWindow, qtbot: QtBot, press: Press, answer: Answer, authority: Authority, tmp_path: Path
) -> None:
    editor = window.nodes.editor
    await edit_node(window, Node("PACS", PeerAddress.parse("PACS@pacs.example:104")))
    tick(qtbot, editor, "node_tls")
    type_into(qtbot, editor, "node_tls_crl_file", str(authority.revoke()))
    assert not editor.tls.keylog_note.isVisible()
    await press(button(editor, "node_tls_keylog_file_browse"))
    await answer(str(tmp_path / "keys.txt"))  # it need not be there yet
    await reached(lambda: editor.tls.texts()["tls_keylog_file"] == str(tmp_path / "keys.txt"), "the file is taken")
    assert editor.tls.keylog_note.isVisible()
    choose(editor, "node_identity", "username")
    type_into(qtbot, editor, "node_user_name", "anna")
    tick(qtbot, editor, "node_identity_required")
    type_into(qtbot, editor, "node_max_sent_pdu", "8192")
    type_into(qtbot, editor, "node_proxy", "gate@proxy.example:8080")
    choose(editor, "node_charset", "GB18030")
    assert editor.security.button.text() == "Security: TLS, key log \u00b7 user anna"
    assert editor.agreement.button.text() == "Association: PDUs up to 8192, proxy, GB18030"
    await press(editor.apply_button)
    saved = window.config.nodes.find("PACS")
    assert saved is not None
    tls = TlsConfig(crl_file=str(authority.revoke()), keylog_file=str(tmp_path / "keys.txt"))
    assert (saved.tls, saved.max_sent_pdu_length, saved.charset) == (tls, 8192, "GB18030")
    assert saved.proxy == HttpProxy("proxy.example", 8080, "gate")
    assert (saved.identity, saved.require_identity) == (Identity(IdentityKind.USERNAME, "anna"), True)
    window.nodes.select("PACS")
    assert not editor.is_changed


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("node_max_sent_pdu", "80", "80 is out of range"),
        ("node_max_sent_pdu", "long", "no PDU length"),
        ("node_proxy", "ftp://proxy", "no kind of proxy"),
        ("node_proxy", "http://me:secret@proxy", "no password of a proxy"),
    ],
)
async def test_what_is_wrong_is_said(
    window: MainWindow, qtbot: QtBot, press: Press, name: str, text: str, words: str
) -> None:
    editor = window.nodes.editor
    await edit_node(window, Node("PACS", PeerAddress.parse("PACS@here:104")))
    type_into(qtbot, editor, name, text)
    await press(editor.apply_button)
    assert words in editor.problem_text.text()
    assert "secret" not in editor.problem_text.text()
    assert window.config.nodes.find("PACS") == Node("PACS", PeerAddress.parse("PACS@here:104"))


async def test_session_keys_are_logged_for_wireshark(
    window: MainWindow, qtbot: QtBot, press: Press, pair: Pair, authority: Authority, tmp_path: Path
) -> None:
    port = await tls_listener(window, qtbot, press, pair)
    await edit_node(
        window, Node("Us", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{port}"), tls=TlsConfig(ca_file=str(authority.file)))
    )
    type_into(qtbot, window.nodes.editor, "node_tls_keylog_file", str(tmp_path / "keys.txt"))
    await press(window.nodes.editor.apply_button)
    await echoed(window, "Us")
    assert window.echo.headline.text().endswith("answers")
    assert "CLIENT_TRAFFIC_SECRET_0 " in (tmp_path / "keys.txt").read_text("ascii")


async def test_a_revoked_certificate_is_refused(
    window: MainWindow, qtbot: QtBot, press: Press, pair: Pair, authority: Authority
) -> None:
    port = await tls_listener(window, qtbot, press, pair)
    await edit_node(
        window, Node("Us", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{port}"), tls=TlsConfig(ca_file=str(authority.file)))
    )
    type_into(qtbot, window.nodes.editor, "node_tls_crl_file", str(authority.revoke(pair)))
    await press(window.nodes.editor.apply_button)
    await echoed(window, "Us")
    assert "revoked" in window.echo.steps.texts["tls"]


async def test_the_listener_s_least_version_holds(
    window: MainWindow, qtbot: QtBot, press: Press, pair: Pair, authority: Authority, tmp_path: Path
) -> None:
    window.show_panel(window.listener)
    window.listener.more.section.set_open(True)
    tick(qtbot, window.listener, "listener_tls")
    choose(window.listener, "listener_tls_minimum_version", "1.3")
    type_into(qtbot, window.listener, "listener_tls_keylog_file", str(tmp_path / "server.txt"))
    tick(qtbot, window.listener, "listener_tls")
    port = await tls_listener(window, qtbot, press, pair)
    saved = window.config.settings.listener.tls
    assert (saved.minimum_version, saved.keylog_file) == ("1.3", str(tmp_path / "server.txt"))
    old = TlsConfig("extended", ca_file=str(authority.file))  # TLS 1.2 and no other
    await edit_node(window, Node("Old", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{port}"), tls=old))
    await echoed(window, "Old")
    assert not window.echo.headline.text().endswith("answers")


async def test_own_ciphers_a_socks_proxy_and_the_name_that_callers_ask_for(
    window: MainWindow, qtbot: QtBot, press: Press, pair: Pair, authority: Authority
) -> None:
    window.show_panel(window.listener)
    window.listener.more.section.set_open(True)
    tick(qtbot, window.listener, "listener_tls")
    type_into(qtbot, window.listener, "listener_tls_expected_server_name", "pacs.example")
    tick(qtbot, window.listener, "listener_tls")
    port = await tls_listener(window, qtbot, press, pair)
    assert window.config.settings.listener.tls.expected_server_name == "pacs.example"
    editor, tls = window.nodes.editor, TlsConfig(ca_file=str(authority.file))
    await edit_node(window, Node("Own", PeerAddress.parse(f"DICOMGUI@localhost:{port}"), tls=tls))
    type_into(qtbot, editor, "node_tls_ciphers", "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA")
    assert editor.tls.ciphers_note.isVisible()
    assert editor.tls.ciphers_note.text() == "Weaker than the profile asks for: AES128-SHA."
    type_into(qtbot, editor, "node_tls_ciphers", "NO-SUCH-SUITE")
    assert "no cipher called 'NO-SUCH-SUITE'" in editor.tls.ciphers_note.text()
    await press(editor.apply_button)
    assert window.config.nodes.find("Own").tls == tls
    type_into(qtbot, editor, "node_tls_ciphers", "ECDHE-RSA-AES128-GCM-SHA256")
    assert not editor.tls.ciphers_note.isVisible()
    type_into(qtbot, editor, "node_proxy", "socks5h://anna@gate.example:1080")
    await press(editor.apply_button)
    saved = window.config.nodes.find("Own")
    assert saved.tls == replace(tls, ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    assert saved.proxy == SocksProxy("gate.example", 1080, "anna")
    type_into(qtbot, editor, "node_proxy", "")
    await press(editor.apply_button)
    await echoed(window, "Own")
    assert not window.echo.headline.text().endswith("answers")  # it asks for localhost


PROFILES = """
[profile.plain]
max_pdu_length = 32768
[[profile.plain.context]]
abstract_syntax = "Verification"
transfer_syntaxes = ["ImplicitVRLittleEndian"]
[profile.none]
[[profile.none.context]]
abstract_syntax = "CTImageStorage"
transfer_syntaxes = ["ExplicitVRLittleEndian"]
"""


async def test_negotiation_profiles_of_a_node_and_of_the_listener(
    window: MainWindow, qtbot: QtBot, press: Press, answer: Answer, tmp_path: Path
) -> None:
    file = tmp_path / "profiles.toml"
    file.write_text(PROFILES, encoding="utf-8")
    panel, editor = window.listener, window.nodes.editor
    window.show_panel(panel)
    panel.more.section.set_open(True)
    await press(button(panel, "listener_negotiation_file_browse"))
    await answer(str(file))
    await reached(lambda: panel.more.association.texts()["negotiation_file"] == str(file), "the file is taken")
    await press(panel.start_button)
    await reached(lambda: panel.start_button.isEnabled() and not panel.is_running, "it does not start")
    assert "has several profiles" in " ".join(label.text() for label in panel.findings.findChildren(QLabel))
    type_into(qtbot, panel, "listener_negotiation_profile", "plain")
    assert window.config.settings.listener.negotiation == NegotiationFile(str(file), "plain")
    assert "negotiation profile" in panel.more.section.button.text()
    await press(panel.start_button)
    await reached(lambda: panel.is_running and panel.stop_button.isEnabled(), "it listens")
    place = PeerAddress.parse(f"DICOMGUI@127.0.0.1:{panel.port.text()}")
    await edit_node(window, Node("Profiled", place))
    await press(button(editor, "node_negotiation_file_browse"))
    await answer(str(file))
    await reached(lambda: editor.association.texts()["negotiation_file"] == str(file), "the file is taken")
    for name, is_answered in (("plain", True), ("none", False)):  # the other one does not propose C-ECHO
        type_into(qtbot, editor, "node_negotiation_profile", name)
        await press(editor.apply_button)
        assert window.config.nodes.find("Profiled").negotiation == NegotiationFile(str(file), name)
        await echoed(window, "Profiled")
        assert window.echo.headline.text().endswith("answers") is is_answered
        window.show_panel(window.nodes)
    type_into(qtbot, editor, "node_negotiation_file", "")
    await press(editor.apply_button)
    assert "without its file" in editor.problem_text.text()


async def test_without_the_confirmation_that_is_required_nothing_is_sent(
    window: MainWindow, listening: int, qtbot: QtBot, press: Press
) -> None:
    editor = window.nodes.editor
    await edit_node(window, Node("Us", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{listening}")))
    choose(editor, "node_identity", "username")
    type_into(qtbot, editor, "node_user_name", "anna")
    await press(editor.apply_button)
    await echoed(window, "Us")
    assert window.echo.headline.text().endswith("answers")
    window.show_panel(window.nodes)
    tick(qtbot, editor, "node_identity_required")
    await press(editor.apply_button)
    await echoed(window, "Us")
    assert not window.echo.headline.text().endswith("answers")
    assert window.echo.steps.texts["echo"] == "\u2013"


async def test_a_node_is_reached_by_its_proxy(window: MainWindow, qtbot: QtBot, press: Press) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        await edit_node(window, Node("Far", PeerAddress.parse("PACS@far.invalid:104")))
        type_into(qtbot, window.nodes.editor, "node_proxy", f"127.0.0.1:{port}")
        await press(window.nodes.editor.apply_button)
        await echoed(window, "Far")
    assert asked[0].startswith(b"CONNECT far.invalid:104 ")
    assert "403" in window.echo.steps.texts["connect"]


async def test_no_more_associations_than_are_allowed(window: MainWindow, qtbot: QtBot, press: Press) -> None:
    panel = window.listener
    window.show_panel(panel)
    panel.more.section.set_open(True)
    type_into(qtbot, panel, "listener_max_associations", "many")
    await press(panel.start_button)
    await reached(lambda: bool(panel.findings.cards), "it is said")
    assert "no number of associations" in panel.findings.cards[0].accessibleName()
    type_into(qtbot, panel, "listener_max_associations", "1")
    type_into(qtbot, panel, "listener_max_sent_pdu", "4096")
    assert panel.more.section.button.text() == "Security and association: PDUs up to 4096, 1 association at once"
    await press(panel.start_button)
    await reached(lambda: panel.is_running and panel.stop_button.isEnabled(), "it listens")
    assert (window.config.settings.listener.max_associations, panel.listener.options.limits().max_sent_pdu_length) == (
        1, 4096,
    )  # fmt: skip
    peer = PeerAddress.parse(f"DICOMGUI@127.0.0.1:{panel.port.text()}")
    options = window.config.settings.connection_options()
    async with options.connect(peer, VERIFICATION, None):
        await reached(lambda: len(panel.listener.associations) == 1, "the first stands")
        window.config.nodes.add(Node("Us", peer))
        await echoed(window, "Us")
    assert "limit" in window.echo.steps.texts["associate"]
