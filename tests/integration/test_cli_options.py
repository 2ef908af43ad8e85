"""What all commands with a peer share reaches the wire, whichever command it is given to."""

from __future__ import annotations

import argparse
import itertools
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.certificates import Authority, Pair, client_config, server_config
from helpers.instances import write_instance

from dicomgui.cli.main import build_parser, main
from dicomgui.cli.target import target_of
from dicomgui.network import (
    EVERYTHING_PERMITTED,
    AcceptPolicy,
    AETitle,
    AssociationRequest,
    Handlers,
    Lifecycle,
    PeerAddress,
    QueryFlags,
    ServerOptions,
    Status,
    SyncServer,
    accept_passcodes,
    answer_extended,
)
from dicomgui.network.dimse.commands import Priority

MPPS = "1.2.840.10008.3.1.2.3.3"
KEYS = ("-k", "StudyInstanceUID=1.2.3")
N_SERVICE = ("--class", MPPS, "--instance", "1.2.3")

COMMANDS: dict[str, tuple[str, ...]] = {
    "echo": (),
    "send": ("FILE",),
    "find": KEYS,
    "worklist": ("-k", "PatientID=1"),
    "move": (*KEYS, "--to", "ELSEWHERE"),
    "get": (*KEYS, "--out", "OUT"),
    "n-create": N_SERVICE,
    "n-set": (*N_SERVICE, "--dataset", "DATASET"),
    "n-get": N_SERVICE,
    "n-action": (*N_SERVICE, "--action", "1"),
    "n-event-report": (*N_SERVICE, "--event", "1"),
    "n-delete": N_SERVICE,
    "n-template": ("mpps-begin",),
}
WITH_PRIORITY = ("send", "find", "worklist", "move", "get")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def mine(authority: Authority) -> Pair:
    return authority.issue("client.example")


class Scp:
    """A server that wants a certificate and a passcode, and writes down what it was asked."""

    def __init__(self, authority: Authority) -> None:
        self.asked: list[AssociationRequest] = []
        self.priorities: list[int] = []

        def done(*_: object) -> Status:
            return Status(0)

        self.handlers = Handlers(
            on_store=lambda request, _: self._hurried(request), on_find=self._hurried, on_move=self._hurried,
            on_get=self._hurried, on_n_get=done, on_n_set=done, on_n_action=done, on_n_create=done, on_n_delete=done,
            on_n_event_report=done,
        )  # fmt: skip
        self.options = ServerOptions(
            AcceptPolicy(
                ae_title="SCP", requestor_scp=None, max_invoked=8, require_identity=True,
                check_identity=accept_passcodes({"anna": "right"}),
                answer_extended=answer_extended(QueryFlags(relational=True)),
            ),
            tls=server_config(authority.issue(), authority), permitted=EVERYTHING_PERMITTED,
            lifecycle=Lifecycle(on_requested=self.asked.append),
            destinations={"ELSEWHERE": PeerAddress(AETitle("ELSEWHERE"), "127.0.0.1", 1)},
        )  # fmt: skip

    def _hurried(self, request: Any) -> Status:
        self.priorities.append(request.command.priority)
        return Status(0)


@pytest.fixture(scope="module")
def scp(authority: Authority) -> Iterator[tuple[Scp, str]]:
    made = Scp(authority)
    with SyncServer.serve(port=0, ae_title="SCP", handlers=made.handlers, options=made.options) as server:
        yield made, f"SCP@127.0.0.1:{server.port}"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands read lies in the present folder; nothing comes from a keyring."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "keyring", None)
    write_instance(tmp_path / "FILE", 1)
    Path("PASSWORD").write_text("right\n")
    Path("DATASET").write_text("{}")


def test_no_command_with_a_peer_is_left_out() -> None:
    [commands] = [one for one in build_parser()._actions if isinstance(one, argparse._SubParsersAction)]
    parsers: dict[str, argparse.ArgumentParser] = commands.choices
    with_peer = {name for name, parser in parsers.items() if any(one.dest == "peer" for one in parser._actions)}
    assert with_peer == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_tls_user_window_lengths_and_priority(
    command: str, scp: tuple[Scp, str], authority: Authority, mine: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    server, peer = scp
    server.asked.clear()
    server.priorities.clear()
    tls = ("--tls", "--tls-ca", str(authority.file), "--tls-cert", str(mine.cert), "--tls-key", str(mine.key))
    arguments = [
        command, peer, *COMMANDS[command], "--calling", "CLI", "--user", "anna", "--password-file", "PASSWORD",
        "--user-required", "--async-ops", "4,2", "--max-pdu", "20000", "--max-send-pdu", "5000", "--timeout", "20",
        "--ext-neg", "relational", "--local", "127.0.0.1", "--family", "ipv4", "--keepalive", "30",
    ]  # fmt: skip
    if command in WITH_PRIORITY:
        arguments += ["--priority", "high"]
    assert main([*arguments, *tls]) == 0, capsys.readouterr()
    assert server.asked
    for request in server.asked:
        information = request.rq.user_information
        assert information is not None
        assert request.calling_ae_title == "CLI"
        assert information.max_length == 20_000
        assert information.async_ops is not None
        assert (information.async_ops.invoked, information.async_ops.performed) == (4, 2)
        assert request.user_identity is not None
        assert (request.user_identity.primary, request.user_identity.positive_response) == (b"anna", 1)
    assert set(server.priorities) <= {Priority.HIGH, Priority.MEDIUM}  # what is looked up first is not in a hurry
    assert (Priority.HIGH in server.priorities) == (command in WITH_PRIORITY)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_passcode_or_a_certificate_it_ends_with_code_3(
    command: str, scp: tuple[Scp, str], authority: Authority, mine: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    _, peer = scp
    tls = ("--tls", "--tls-ca", str(authority.file))
    own = ("--tls-cert", str(mine.cert), "--tls-key", str(mine.key))
    assert main([command, peer, *COMMANDS[command], *tls, *own]) == 3
    assert "refused the association" in capsys.readouterr().err
    for more in ((), tls):
        assert main([command, peer, *COMMANDS[command], *more]) == 3
        capsys.readouterr()


def test_a_required_confirmation_that_does_not_come(capsys: pytest.CaptureFixture[str]) -> None:
    with SyncServer.serve(port=0, ae_title="SCP") as server:
        peer = f"SCP@127.0.0.1:{server.port}"
        assert main(["echo", peer, "--user", "anna"]) == 0
        assert main(["echo", peer, "--user", "anna", "--user-required"]) == 3
    assert "did not confirm" in capsys.readouterr().out


def test_a_proxy_is_gone_through(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        asked: list[bytes] = []

        def refuse() -> None:
            with listening.accept()[0] as connection:
                asked.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

        proxy = threading.Thread(target=refuse)
        proxy.start()
        assert main(["echo", "SCP@pacs.example:104", "--proxy", f"http://127.0.0.1:{port}"]) == 3
        proxy.join()
    assert asked[0].startswith(b"CONNECT pacs.example:104 HTTP/1.1\r\n")
    assert "403 Forbidden" in capsys.readouterr().out


def test_an_echo_that_ends_by_abort(capsys: pytest.CaptureFixture[str]) -> None:
    ends: list[str] = []
    lifecycle = Lifecycle(
        on_released=lambda _: ends.append("released"), on_aborted=lambda _, error: ends.append(f"source {error.source}")
    )
    options = ServerOptions(AcceptPolicy(), lifecycle=lifecycle)
    with SyncServer.serve(port=0, ae_title="SCP", options=options) as server:
        assert main(["echo", f"SCP@127.0.0.1:{server.port}", "--abort"]) == 0
        assert main(["echo", f"SCP@127.0.0.1:{server.port}"]) == 0
        server.wait_empty()
    assert "aborted instead" in capsys.readouterr().out
    assert ends == ["source 0", "released"]


def test_a_revoked_certificate_and_keys_for_wireshark(
    authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = authority.issue()
    keys = tmp_path / "keys.log"
    with SyncServer.serve(port=0, options=ServerOptions(AcceptPolicy(), tls=server_config(theirs))) as server:
        peer = f"SCP@127.0.0.1:{server.port}"
        trust = ("--tls", "--tls-ca", str(authority.file))
        assert main(["echo", peer, *trust, "--tls-min-version", "1.3", "--tls-keylog", str(keys)]) == 0
        assert "CLIENT_TRAFFIC_SECRET" in keys.read_text()
        assert main(["echo", peer, *trust, "--tls-crl", str(authority.revoke(theirs))]) == 3
    assert "revoked" in capsys.readouterr().out
    assert client_config(authority).crl_file is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("--priority", "urgent"), ("--keepalive", "40000"), ("--keepalive", "x"), ("--family", "ipv5"),
        ("--max-send-pdu", "5"), ("--user-required",), ("--proxy", "https://proxy"), ("--tls-crl", "x"),
        ("--tls-keylog", "x"), ("--tls-min-version", "1.1"),
    ],
)  # fmt: skip
def test_wrong_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", "SCP@127.0.0.1:1", *KEYS, *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_kinds_of_pdu_lengths_are_two(scp: tuple[Scp, str]) -> None:
    """A pair of options that look alike must not be mixed up: each is given alone."""
    for own, sent in itertools.product((None, 8192), (None, 5000)):
        arguments = ["echo", scp[1]]
        arguments += [] if own is None else ["--max-pdu", str(own)]
        arguments += [] if sent is None else ["--max-send-pdu", str(sent)]
        _, options = target_of(build_parser().parse_args(arguments))
        assert (options.max_pdu_length, options.max_sent_pdu_length) == (own or 131_072, sent or 0)
