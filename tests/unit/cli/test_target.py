"""Whom a command connects to, who it says it is, and what it asks for."""

from __future__ import annotations

import getpass
import io
import sys
from pathlib import Path

import pytest

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.connection import ConnectionOptions, RoleWish
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.cli import main as cli
from dicomgui.cli.target import target_of
from dicomgui.network import ConfigurationError, PeerAddress, TlsConfig
from dicomgui.network.association.extended import QueryFlags

PEER = "PACS@host:104"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keyring, no terminal, no saved node of whoever runs this."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setenv("DICOMGUI_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A terminal that answers `typed`; gives what it was asked."""
    asked: list[str] = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "typed"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", ask)
    return asked


def target(*arguments: object, peer: str = PEER) -> ConnectionOptions:
    return target_of(cli.build_parser().parse_args(["echo", peer, *map(str, arguments)]))[1]


def secret(folder: Path, content: bytes) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("verb", [("echo", PEER), ("send", PEER, "a.dcm"), ("find", PEER, "-k", "PatientID=1")])
def test_each_verb_may_end_by_abort(verb: tuple[str, ...]) -> None:
    for words, ends_by_abort in ((verb, False), ((*verb, "--abort"), True)):
        assert target_of(cli.build_parser().parse_args(words))[1].ends_by_abort is ends_by_abort


def test_nothing_said_is_nothing_asked_for() -> None:
    assert target() == ConnectionOptions()


def test_window_extended_negotiation_and_roles() -> None:
    options = target("--async-ops", "8", "--ext-neg", "relational,fuzzy", "--role", "both")
    assert options.async_ops == (8, 1)
    assert options.extended == QueryFlags(relational=True, fuzzy=True)
    assert options.role is RoleWish.BOTH
    assert target("--async-ops", "0,16").async_ops == (0, 16)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--async-ops", "x"), ("--async-ops", "1,2,3"), ("--async-ops", "65536"), ("--ext-neg", "all"),
        ("--ext-neg", ""), ("--role", "judge"),
    ],
)  # fmt: skip
def test_wrong_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["echo", PEER, *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err


class TestUser:
    def test_a_name_alone(self) -> None:
        assert target("--user", "anna", "--user-confirm").identity == Identity(IdentityKind.USERNAME, "anna", True)

    def test_a_passcode_out_of_a_file(self, tmp_path: Path) -> None:
        for content in (b"right", b"right\n", b"right\r\nmore", "\ufeffright\n".encode()):
            options = target("--user", "anna", "--password-file", secret(tmp_path, content))
            assert (options.identity, options.secret) == (Identity(IdentityKind.PASSCODE, "anna"), "right")

    def test_a_passcode_from_the_terminal(self, terminal: list[str]) -> None:
        assert target("--user", "anna", "--ask-password").secret == "typed"
        assert terminal == ["Passcode of anna for PACS@host:104: "]

    def test_a_token_out_of_a_file(self, tmp_path: Path) -> None:
        path = secret(tmp_path, b"<a>\n</a>")
        options = target("--user-token", f"saml:{path}", "--user-confirm")
        assert (options.identity, options.secret) == (Identity(IdentityKind.SAML, "", True), "<a>\n</a>")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--user", "anna", "--ask-password"), "passcode of anna was not given"),
            (("--user", " "), "no user name"),
            (("--user", "anna", "--user-token", "jwt:FILE"), "two identities"),
            (("--user-token", "jwt"), "is no token"),
            (("--user-token", "passcode:FILE"), "is no token"),
            (("--user-token", "kerberos:FILE"), "no base64"),
            (("--password-file", "FILE"), "means nothing without a user"),
            (("--user", "anna", "--password-file", "NONE"), "cannot be read"),
            (("--user", "anna", "--password-file", "EMPTY"), "is empty"),
            (("--user", "anna", "--password-file", "BINARY"), "is no text"),
        ],
    )
    def test_what_cannot_be_used_is_said_before_anything_is_sent(
        self, arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("FILE").write_text("!")
        Path("EMPTY").write_text("\n")
        Path("BINARY").write_bytes(b"\xff\xfe\xfd")
        with pytest.raises(ConfigurationError, match=words):
            target(*arguments)

    def test_it_is_wrong_usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        for command in (["echo", PEER], ["send", PEER, "none"]):
            assert cli.main([*command, "--user", "anna", "--ask-password"]) == 2
            assert "the passcode of anna was not given" in capsys.readouterr().err


class TestNode:
    def save(self, node: Node) -> None:
        store = NodeStore().load()
        store.add(node)
        store.save()

    def test_what_it_says_counts_unless_an_option_says_otherwise(self, terminal: list[str]) -> None:
        identity = Identity(IdentityKind.PASSCODE, "anna")
        tls = TlsConfig(profile="extended")
        self.save(Node("Main", PeerAddress.parse(PEER), tls=tls, identity=identity, async_ops=(4, 2)))
        options = target(peer="Main")
        assert (options.tls, options.identity, options.secret, options.async_ops) == (tls, identity, "typed", (4, 2))
        other = target("--user", "bert", "--async-ops", "9", peer="Main")
        assert (other.identity, other.async_ops) == (Identity(IdentityKind.USERNAME, "bert"), (9, 1))
        assert len(terminal) == 1

    def test_its_passcode_may_come_from_a_file(self, tmp_path: Path) -> None:
        self.save(Node("Main", PeerAddress.parse(PEER), identity=Identity(IdentityKind.PASSCODE, "anna")))
        assert target("--password-file", secret(tmp_path, b"right"), peer="Main").secret == "right"

    def test_the_password_of_its_key_is_asked_for(self, terminal: list[str], tmp_path: Path) -> None:
        key = secret(tmp_path, b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        self.save(Node("Main", PeerAddress.parse(PEER), tls=TlsConfig(cert_file="cert.pem", key_file=str(key))))
        tls = target(peer="Main").tls
        assert tls is not None
        assert tls.key_password is not None
        assert tls.key_password() == "typed"
        assert terminal == [f"Password of the key {key}: "]
