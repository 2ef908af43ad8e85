"""TLS, user identity and what else is agreed on: set in the window with clicks and keys, and met on the wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.certificates import Authority, Pair, encrypted_key
from helpers.instances import write_instance
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QListWidget, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.listener_options import CallerRule
from dicomgui.app.configuration.nodes import Node
from dicomgui.app.connection import RoleWish
from dicomgui.app.credentials import Identity, IdentityKind, Keyring, Need
from dicomgui.gui.keeping.secret_dialog import SecretDialog
from dicomgui.gui.listener.users_dialog import UsersDialog
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import TlsConfig, parse_proxy
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.association.params import PeerAddress

# What an off-screen window cannot do is no fault of the program.
pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]


class Store:
    """What the package ``keyring`` offers, in memory."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def get_password(self, _service: str, name: str) -> str | None:
        return self.entries.get(name)

    def set_password(self, _service: str, name: str, secret: str) -> None:
        self.entries[name] = secret

    def delete_password(self, _service: str, name: str) -> None:
        del self.entries[name]


@pytest.fixture
def store(window: MainWindow) -> Store:
    """The keyring of the window."""
    made = Store()
    window._place.secrets.keyring = Keyring(made)
    return made


@pytest.fixture
def no_keyring(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = Keyring()
    monkeypatch.setattr(keyring, "_found", lambda: None)
    window._place.secrets.keyring = keyring


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.issue("127.0.0.1")


def find(top: QWidget, kind: type[QWidget], name: str) -> QWidget:
    found = top.findChild(kind, name)
    assert isinstance(found, kind), name
    return found


def choose(top: QWidget, name: str, data: str) -> None:
    box = find(top, QComboBox, name)
    assert isinstance(box, QComboBox)
    box.setCurrentIndex(box.findData(data))
    assert box.currentData() == data


def type_into(qtbot: QtBot, top: QWidget, name: str, text: str) -> None:
    edit = find(top, QLineEdit, name)
    assert isinstance(edit, QLineEdit)
    assert edit.isVisible(), name
    edit.clear()
    qtbot.keyClicks(edit, text)


def tick(qtbot: QtBot, top: QWidget, name: str) -> None:
    box = find(top, QCheckBox, name)
    assert box.isVisible(), name
    qtbot.keyClick(box, Qt.Key.Key_Space)


async def asked(window: MainWindow) -> SecretDialog:
    def shown() -> list[SecretDialog]:
        return [dialog for dialog in window.findChildren(SecretDialog) if dialog.isVisible()]

    await reached(lambda: len(shown()) == 1, "a secret is asked for")
    return shown()[0]


async def listen(window: MainWindow) -> int:
    window.listener.run()
    await reached(lambda: window.listener.is_running and window.listener.stop_button.isEnabled(), "it listens")
    return int(window.listener.port.text())


def secure_node(port: int, authority: Authority, **more: object) -> Node:
    return Node(
        "Secure", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{port}"), tls=TlsConfig(ca_file=str(authority.file)), **more
    )


async def echo(window: MainWindow, node: Node) -> None:
    window.config.nodes.add(node)
    window.config.nodes_edited()
    window.show_panel(window.echo)
    window._place.choice.choose(node)
    window.echo.run()


async def echoed(window: MainWindow) -> None:
    await reached(lambda: not window.echo.is_busy, "the echo has ended")


# ----------------------------------------------------------------------------------------------------------- the editor


async def test_a_node_is_secured_by_hand(window: MainWindow, press: Press, qtbot: QtBot, answer: Answer,
                                         pair: Pair, authority: Authority) -> None:  # fmt: skip
    panel, editor = window.nodes, window.nodes.editor
    window.show_panel(panel)
    await press(panel.add_button)
    for name, text in (("node_name", "Secure"), ("node_called_ae", "PACS"), ("node_host", "pacs.example")):
        type_into(qtbot, editor, name, text)
    assert not find(editor, QCheckBox, "node_tls").isVisible()
    qtbot.keyClick(editor.security.button, Qt.Key.Key_Space)
    assert not find(editor, QLineEdit, "node_tls_ca_file").isVisible()
    tick(qtbot, editor, "node_tls")
    choose(editor, "node_tls_profile", "modified-bcp195")
    choose(editor, "node_tls_minimum_version", "1.3")
    await press(find(editor, QPushButton, "node_tls_ca_file_browse"))
    await answer(str(authority.file))
    await reached(lambda: editor.tls.texts()["tls_ca_file"] == str(authority.file), "the file is taken")
    type_into(qtbot, editor, "node_tls_cert_file", str(pair.cert))
    type_into(qtbot, editor, "node_tls_key_file", str(pair.key))
    type_into(qtbot, editor, "node_tls_server_name", "pacs")
    assert not editor.tls.note.isVisible()
    tick(qtbot, editor, "node_tls_verify")
    assert editor.tls.note.isVisible()
    choose(editor, "node_identity", "passcode")
    type_into(qtbot, editor, "node_user_name", "anna")
    tick(qtbot, editor, "node_identity_response")
    assert editor.security.button.text() == "Security: TLS, any certificate · user anna"
    qtbot.keyClick(editor.agreement.button, Qt.Key.Key_Space)
    type_into(qtbot, editor, "node_operations_invoked", "8")
    type_into(qtbot, editor, "node_operations_performed", "0")
    choose(editor, "node_role", "both")
    tick(qtbot, editor, "node_ext_relational")
    tick(qtbot, editor, "node_ext_enhanced_multi_frame")
    qtbot.keyClick(editor.association.invoked, Qt.Key.Key_Return)
    expected = Node(
        "Secure",
        PeerAddress.parse("PACS@pacs.example:104"),
        tls=TlsConfig(
            "modified-bcp195", str(authority.file), str(pair.cert), str(pair.key), server_name="pacs", verify="none",
            minimum_version="1.3",
        ),
        identity=Identity(IdentityKind.PASSCODE, "anna", want_response=True),
        async_ops=(8, 0),
        extended=QueryFlags(relational=True, enhanced_multi_frame=True),
        role=RoleWish.BOTH,
    )  # fmt: skip
    assert window.config.nodes.find("Secure") == expected
    assert not editor.is_changed
    assert editor.agreement.button.text() == "Association: 8 and 0 at once, role both, 2 extended"


async def test_a_plain_node_stays_quiet_and_a_secured_one_opens(window: MainWindow, authority: Authority) -> None:
    nodes, editor = window.config.nodes, window.nodes.editor
    nodes.add(Node("Plain", PeerAddress.parse("PACS@here:104")))
    nodes.add(secure_node(104, authority, async_ops=(2, 1)))
    window.config.nodes_edited()
    window.show_panel(window.nodes)
    window.nodes.select("Plain")
    assert (editor.security.button.isChecked(), editor.agreement.button.isChecked()) == (False, False)
    assert editor.security.button.text() == "Security"
    window.nodes.select("Secure")
    assert (editor.security.button.isChecked(), editor.agreement.button.isChecked()) == (True, True)
    assert not editor.is_changed


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("node_operations_invoked", "many", "no number of operations"),
        ("node_operations_invoked", "70000", "70000 operations"),
        ("node_user_name", "", "no user name"),
        ("node_tls_key_file", "a.key", "key without a certificate"),
    ],
)
async def test_what_is_wrong_is_said(
    window: MainWindow, qtbot: QtBot, press: Press, name: str, text: str, words: str
) -> None:
    editor = window.nodes.editor
    window.config.nodes.add(Node("PACS", PeerAddress.parse("PACS@here:104")))
    window.config.nodes_edited()
    window.show_panel(window.nodes)
    window.nodes.select("PACS")
    editor.security.set_open(True)
    editor.agreement.set_open(True)
    tick(qtbot, editor, "node_tls")
    if name == "node_user_name":
        choose(editor, "node_identity", "username")
    type_into(qtbot, editor, name, text)
    await press(editor.apply_button)
    assert words in editor.problem_text.text()
    assert bool(editor.tls.switch.property("changed"))
    await press(editor.discard_button)
    assert not editor.tls.switch.isChecked()


async def test_a_machine_wide_node_shows_its_security_and_lets_none_of_it_be_changed(
    window: MainWindow, authority: Authority
) -> None:
    editor = window.nodes.editor
    window.show_panel(window.nodes)
    editor.show_node(secure_node(104, authority, is_machine_wide=True, identity=Identity(IdentityKind.JWT)))
    assert not editor.tls.switch.isEnabled()
    assert find(editor, QLineEdit, "node_tls_ca_file").property("readOnly")
    assert not find(editor, QPushButton, "node_tls_ca_file_browse").isEnabled()
    editor.show_new()
    assert editor.tls.switch.isEnabled()
    assert find(editor, QPushButton, "node_tls_ca_file_browse").isEnabled()


async def test_without_tls_a_secret_is_warned_of(window: MainWindow, qtbot: QtBot) -> None:
    editor = window.nodes.editor
    window.show_panel(window.nodes)
    window.nodes.add()
    editor.security.set_open(True)
    choose(editor, "node_identity", "jwt")
    assert not find(editor, QLineEdit, "node_user_name").isVisible()
    assert "in clear" in editor.identity.note.text()
    tick(qtbot, editor, "node_tls")
    assert "in clear" not in editor.identity.note.text()
    choose(editor, "node_identity", "")
    assert not editor.identity.note.isVisible()


# ------------------------------------------------------------------------------------------- our listener, with it all


async def secure_listener(window: MainWindow, qtbot: QtBot, press: Press, pair: Pair) -> None:
    """Set the listener up with the keyboard and the mouse: TLS, one user, a window, roles, extended negotiation."""
    panel = window.listener
    window.show_panel(panel)
    await press(panel.start_button)
    await reached(lambda: panel.is_running, "a plain one runs")
    assert not panel.more.tls.switch.isEnabled()
    await press(panel.stop_button)
    await reached(lambda: not panel.is_running and panel.start_button.isEnabled(), "it has stopped")
    qtbot.keyClick(panel.more.section.button, Qt.Key.Key_Space)
    tick(qtbot, panel, "listener_tls")
    type_into(qtbot, panel, "listener_tls_cert_file", str(pair.cert))
    type_into(qtbot, panel, "listener_tls_key_file", str(pair.key))
    choose(panel, "listener_callers", "listed")
    assert "Nobody is listed" in panel.more.admission.note.text()
    await press(panel.more.admission.users_button)
    [dialog] = window.findChildren(UsersDialog)
    qtbot.keyClicks(dialog.name, "anna")
    qtbot.keyClick(dialog.name, Qt.Key.Key_Return)
    qtbot.keyClicks(dialog.passcode, "right")
    qtbot.keyClick(dialog.passcode, Qt.Key.Key_Return)
    assert dialog.users == ("anna",)
    await reached(lambda: bool(dialog.note.text()), "it says where the passcode is")
    await press(dialog.close_button)
    type_into(qtbot, panel, "listener_operations_invoked", "8")
    tick(qtbot, panel, "listener_grant_scp_role")
    tick(qtbot, panel, "listener_ext_fuzzy")
    tick(qtbot, panel, "listener_grants_unperformed")


async def test_an_echo_with_tls_and_identity_from_a_node(
    window: MainWindow, store: Store, press: Press, qtbot: QtBot, pair: Pair, authority: Authority
) -> None:
    await secure_listener(window, qtbot, press, pair)
    port = await listen(window)
    assert window.listener.state.text() == f"Listening on 127.0.0.1:{port} as DICOMGUI with TLS"
    assert store.entries == {Need.of_caller("anna").key: "right"}
    saved = window.config.settings.listener
    assert (saved.use_tls, saved.callers, saved.users, saved.async_ops) == (True, CallerRule.LISTED, ("anna",), (8, 1))
    assert (saved.grant_scp_role, saved.extended) == (True, QueryFlags(fuzzy=True))
    assert saved.grants_unperformed
    identity = Identity(IdentityKind.PASSCODE, "anna", want_response=True)
    node = secure_node(port, authority, identity=identity, async_ops=(4, 1), role=RoleWish.BOTH)
    await echo(window, node)
    dialog = await asked(window)
    assert dialog.what.text() == f"Passcode of anna for DICOMGUI@127.0.0.1:{port}"
    assert dialog.edit.echoMode() is QLineEdit.EchoMode.Password
    qtbot.keyClicks(dialog.edit, "right")
    qtbot.keyClick(dialog.keep, Qt.Key.Key_Space)
    qtbot.keyClick(dialog.edit, Qt.Key.Key_Return)
    await echoed(window)
    panel = window.echo
    assert panel.headline.text().endswith("answers")
    assert panel.steps.texts["tls"].startswith("TLSv1.3, ")
    assert panel.certificate.texts["Good for"] == "127.0.0.1"
    assert "trustme" in panel.certificate.texts["Issued by"]
    assert panel.certificate.texts["Secured by"].endswith("(profile bcp195)")
    assert panel.report().count("Fingerprint: SHA-256 ") == 1 + len(panel.certificate.issuer_texts)
    assert panel.facts.texts["User"] == "anna, confirmed by the peer"
    assert panel.facts.texts["At once"] == "4 requests of ours, 1 of the peer's"
    assert "Certificate of: " in panel.report()
    assert "TLS: TLSv1.3" in panel.report()
    need = Need.of_identity(identity, node.address)
    assert store.entries[need.key] == "right"
    window.echo.run()
    await echoed(window)
    assert panel.headline.text().endswith("answers")  # the keyring knew it
    window.show_panel(window.nodes)
    window.nodes.select("Secure")
    await press(window.nodes.editor.identity.forget_button)
    await reached(lambda: need.key not in store.entries, "it is forgotten")
    assert "Forgotten" in window.nodes.editor.problem_text.text()


async def test_a_wrong_passcode_and_none_at_all(
    window: MainWindow, no_keyring: None, press: Press, qtbot: QtBot, pair: Pair, authority: Authority
) -> None:
    await secure_listener(window, qtbot, press, pair)
    port = await listen(window)
    await echo(window, secure_node(port, authority, identity=Identity(IdentityKind.PASSCODE, "anna")))
    dialog = await asked(window)
    assert not dialog.keep.isVisible()
    qtbot.keyClicks(dialog.edit, "wrong")
    await press(dialog.ok_button)
    await echoed(window)
    assert "reject" in window.echo.steps.texts["associate"]
    assert not window.echo.certificate.isHidden()
    window.echo.run()
    dialog = await asked(window)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    await echoed(window)
    [card] = window.echo.findings.cards
    assert "the passcode of anna was not given" in card.accessibleName()
    assert window.echo.steps.texts["connect"] == "–"
    window.echo.run()
    dialog = await asked(window)
    window.echo.cancel()
    await echoed(window)
    await reached(lambda: not window.findChildren(SecretDialog), "the dialog is gone")
    assert window.echo.headline.text() == "Cancelled"


async def test_the_password_of_a_key(
    window: MainWindow, store: Store, press: Press, qtbot: QtBot, pair: Pair, authority: Authority
) -> None:
    """A wrong one that was kept is asked for again; a wrong one that was typed is said."""
    await secure_listener(window, qtbot, press, pair)
    port, mine = await listen(window), authority.issue("me.example")
    key = encrypted_key(mine, "right")
    node = secure_node(port, authority)
    tls = TlsConfig(ca_file=str(authority.file), cert_file=str(mine.cert), key_file=str(key))
    need = Need.of_key(str(key))
    store.entries[need.key] = "an older one"
    await echo(window, replace(node, tls=tls))
    dialog = await asked(window)
    assert dialog.what.text() == f"Password of the key {key}"
    qtbot.keyClicks(dialog.edit, "wrong")
    await press(dialog.ok_button)
    await echoed(window)
    [card] = window.echo.findings.cards
    assert "does not open with this password" in card.accessibleName()
    window.echo.run()
    dialog = await asked(window)
    qtbot.keyClicks(dialog.edit, "right")
    qtbot.keyClick(dialog.keep, Qt.Key.Key_Space)
    await press(dialog.ok_button)
    await echoed(window)
    assert "does not open" not in window.echo.report()
    assert store.entries[need.key] == "right"
    assert window.echo.steps.texts["tls"].startswith("TLSv1.3, ")


async def test_the_password_of_a_proxy_is_asked_for_without_tls_too(window: MainWindow, no_keyring: None) -> None:
    port = peers.free_port()
    proxy = parse_proxy(f"socks5h://anna@127.0.0.1:{port}")
    await echo(window, Node("Behind", PeerAddress.parse("A@pacs.example:104"), proxy=proxy))
    dialog = await asked(window)
    assert dialog.what.text() == f"Password of anna for the proxy 127.0.0.1:{port}"
    dialog.reject()
    await echoed(window)


async def test_files_are_sent_with_the_node_s_security(
    window: MainWindow, store: Store, press: Press, qtbot: QtBot, pair: Pair, authority: Authority, tmp_path: Path
) -> None:
    await secure_listener(window, qtbot, press, pair)
    port = await listen(window)
    node = secure_node(port, authority, identity=Identity(IdentityKind.PASSCODE, "anna"))
    await window.send.add_paths([write_instance(tmp_path / "files", 1)])
    window.show_panel(window.send)
    window._place.choice.choose(node)
    window.send.run()
    dialog = await asked(window)
    dialog.cancel_button.click()
    await reached(lambda: not window.send.is_busy, "it has ended")
    assert "the passcode of anna was not given" in window.send.findings.cards[0].accessibleName()
    window.send.run()
    dialog = await asked(window)
    window.send.cancel()
    await reached(lambda: not window.send.is_busy, "it is cancelled")
    assert "1 cancelled" in window.send.status.text()
    window.send.run()
    dialog = await asked(window)
    dialog.edit.setText("right")
    dialog.ok_button.click()
    await reached(lambda: not window.send.is_busy, "it has ended")
    assert window.send.status.text().startswith("1 of 1 file sent")


async def test_only_one_secret_is_asked_for_at_a_time(window: MainWindow, no_keyring: None) -> None:
    port = peers.free_port()
    for name in ("First", "Second"):
        window.config.nodes.add(
            Node(name, PeerAddress.parse(f"PACS@127.0.0.1:{port}"), identity=Identity(IdentityKind.JWT))
        )
    window.config.nodes_edited()
    window.show_panel(window.nodes)
    window.nodes.echo_all()
    for _ in range(2):
        dialog = await asked(window)
        dialog.edit.setText("a.b.c")
        dialog.accept()
    await reached(lambda: not window.nodes.is_busy, "both have ended")


async def test_a_token_comes_from_a_file_whole(
    window: MainWindow, no_keyring: None, press: Press, answer: Answer, tmp_path: Path
) -> None:
    token = tmp_path / "token.xml"
    token.write_text("<a>\n<b/>\n</a>", "utf-8")
    options = Node("N", PeerAddress.parse("A@b:1"), identity=Identity(IdentityKind.SAML)).options()
    task = window.echo.tasks.spawn(window._place.secrets.complete(options, PeerAddress.parse("A@b:1")), name="complete")
    dialog = await asked(window)
    await press(dialog.file_button)
    await answer(str(tmp_path / "token.xml"))
    await reached(lambda: dialog.secret == "<a>\n<b/>\n</a>", "it is read")
    await press(dialog.ok_button)
    completed = await task
    assert completed is not None
    assert completed.secret == "<a>\n<b/>\n</a>"


async def test_a_file_that_is_no_token_is_said(
    window: MainWindow, no_keyring: None, press: Press, answer: Answer, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    options = Node("N", PeerAddress.parse("A@b:1"), identity=Identity(IdentityKind.SAML)).options()
    task = window.echo.tasks.spawn(window._place.secrets.complete(options, PeerAddress.parse("A@b:1")), name="complete")
    dialog = await asked(window)
    await press(dialog.file_button)
    await answer(str(tmp_path / "large"))
    problem = find(dialog, QLabel, "secret_problem")
    assert isinstance(problem, QLabel)
    await reached(lambda: "more than 65,536 bytes" in problem.text(), "it is said")
    await press(dialog.cancel_button)
    completed = await task
    assert completed is not None
    assert completed.secret is None


async def test_a_listener_without_a_certificate_says_so(window: MainWindow, qtbot: QtBot, press: Press) -> None:
    panel = window.listener
    window.show_panel(panel)
    panel.more.section.set_open(True)
    tick(qtbot, panel, "listener_tls")
    await press(panel.start_button)
    await reached(lambda: bool(panel.findings.cards), "it is explained")
    assert "certificate" in panel.findings.cards[0].accessibleName()
    assert not panel.is_running


async def test_a_user_is_removed(window: MainWindow, store: Store, qtbot: QtBot) -> None:
    panel = window.listener
    window.show_panel(panel)
    panel.more.section.set_open(True)
    choose(panel, "listener_callers", "listed")
    panel.more.admission.users_button.click()
    panel.more.admission.users_button.click()
    [dialog] = window.findChildren(UsersDialog)
    for name, code in (("anna", "1"), ("bert", "2"), ("anna", "3")):
        dialog.name.setText(name)
        dialog.passcode.setText(code)
        dialog.add_button.click()
    await reached(lambda: len(store.entries) == 2, "both are kept")
    assert panel.more.users == ("anna", "bert")
    dialog.list.setCurrentRow(0)
    qtbot.keyClick(dialog.list, Qt.Key.Key_Delete)
    await reached(lambda: list(store.entries) == [Need.of_caller("bert").key], "it is forgotten")
    assert window.config.settings.listener.users == ("bert",)
    assert panel.more.section.button.text().endswith("1 user")
    for name, code, words in (("", "1", "no user name"), ("carl", "", "Type a passcode")):
        dialog.name.setText(name)
        dialog.passcode.setText(code)
        dialog.add_button.click()
        assert words in dialog.note.text()
    dialog.reject()


async def test_the_dialogs_are_used_by_everybody(window: MainWindow) -> None:
    """Names, focus and mnemonics of what is only there while something is asked."""
    for dialog in (SecretDialog("Passcode of <b>anna</b>", can_keep=True, parent=window), UsersDialog((), window)):
        widgets = [
            widget for kind in (QLineEdit, QCheckBox, QPushButton, QListWidget) for widget in dialog.findChildren(kind)
        ]
        assert len(widgets) >= 4
        names = [widget.objectName() for widget in widgets]
        assert "" not in names
        assert len(set(names)) == len(names)
        assert all(widget.accessibleName() for widget in widgets)
        assert all(widget.focusPolicy() & Qt.FocusPolicy.TabFocus for widget in widgets)
        labels = [label for label in dialog.findChildren(QLabel) if label.text()]
        assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)
        texts = [widget.text() for widget in (*dialog.findChildren(QPushButton), *labels)]
        keys = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
        assert len(keys) == len(set(keys))
        dialog.deleteLater()
