"""The real command line in processes of its own: what it prints, how it exits, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.bad_peer import Peer, bad_server
from helpers.certificates import Authority
from helpers.command_line import COMMAND, DEADLINE_S, Listening, dicomgui, events
from helpers.instances import MR, data_set, write_instance
from helpers.serving import in_thread

from dicomgui.network.pdu import AssociateRJ

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")

AS_ORDINARY_USER = """
import os, sys
import dicomgui.cli.commands, dicomgui.cli.listening
from dicomgui.cli.main import main
if os.geteuid() == 0:  # after the imports: the interpreter may lie where only root can read
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken but not listened on, so that nobody else can take it meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_echo_of_our_own_listener(tmp_path: Path) -> None:
    with Listening(tmp_path) as listener:
        assert listener.first_line.startswith(b"listening on 127.0.0.1:")
        assert listener.first_line.strip().endswith(b" as DICOMGUI")
        done = dicomgui("echo", f"ANY@127.0.0.1:{listener.port}", "--repeat", 10)
        assert done.returncode == 0, done.stderr
        assert b"10 round trips" in done.stdout
        assert done.stderr == b""
        code, out, err = listener.stop()
    assert code == 0
    assert out.strip().startswith(b"stopped")
    assert err == b""


def test_echo_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server, client = authority.issue(), authority.issue("client.example")
    flags = ("--tls", "--tls-ca", authority.file)
    with Listening(tmp_path / "in", *flags, "--tls-cert", server.cert, "--tls-key", server.key) as listener:
        peer = f"ANY@127.0.0.1:{listener.port}"
        done = dicomgui("echo", peer, *flags, "--tls-cert", client.cert, "--tls-key", client.key)
        assert done.returncode == 0, done.stderr
        assert b"TLSv1.3" in done.stdout
        assert dicomgui("echo", peer).returncode == 3
        assert dicomgui("echo", peer, *flags).returncode == 3


@unix
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_listen_stops_cleanly_on_both_signals(tmp_path: Path, kind: signal.Signals) -> None:
    with Listening(tmp_path, "--json", "--trace", tmp_path / "x.dgtrace") as listener:
        assert events([listener.first_line]) == [
            {"event": "ready", "host": "127.0.0.1", "port": listener.port, "aet": "DICOMGUI"}
        ]
        code, out, err = listener.stop(kind)
    assert code == 0
    assert [event["event"] for event in events(out)] == ["summary"]
    assert b"patient data" in err
    assert dicomgui("trace", "show", tmp_path / "x.dgtrace").returncode == 0


def test_a_send_arrives_byte_for_byte_and_is_traced(tmp_path: Path) -> None:
    paths = [write_instance(tmp_path / "files", number, pixel_bytes=300_000) for number in range(3)]
    trace = tmp_path / "send.dgtrace"
    with Listening(tmp_path / "archive", "--json", "--aet", "ME") as listener:
        done = dicomgui(
            "send", f"ME@127.0.0.1:{listener.port}", tmp_path / "files", "--json", "--calling", "MOD", "--trace", trace
        )
        code, out, _ = listener.stop()
    assert done.returncode == 0, done.stderr
    assert code == 0
    printed = events(done.stdout)
    assert [event["event"] for event in printed] == ["file", "file", "file", "summary"]
    assert {"path", "sop_instance_uid", "status", "meaning"} <= set(printed[0])
    assert (printed[-1]["ok"], printed[-1]["sent"]) == (True, 3)
    stored = [event for event in events(out) if event["event"] == "stored"]
    assert [event["calling_aet"] for event in stored] == ["MOD"] * 3
    assert [data_set(Path(event["path"])) for event in stored] == [data_set(path) for path in paths]
    shown = events(dicomgui("trace", "show", trace, "--json").stdout)
    types = [event["type"] for event in shown if event["event"] == "pdu"]
    assert types[:2] == ["A-ASSOCIATE-RQ", "A-ASSOCIATE-AC"]
    assert types[-2:] == ["A-RELEASE-RQ", "A-RELEASE-RP"]
    assert dicomgui("trace", "explain", trace).stdout.startswith(b"nothing failed")
    exported = dicomgui("trace", "export", trace, "-o", tmp_path / "send.pcapng")
    assert exported.returncode == 0
    assert (tmp_path / "send.pcapng").stat().st_size > 1000


def test_exit_code_1_for_a_refused_context(tmp_path: Path) -> None:
    path = write_instance(tmp_path / "files", 1, sop_class="1.2.3.4")
    fine = write_instance(tmp_path / "files", 2, sop_class=MR)
    with Listening(tmp_path / "archive") as listener:
        done = dicomgui("send", f"X@127.0.0.1:{listener.port}", path, fine)
        assert listener.stop()[0] == 0
    assert done.returncode == 1
    assert b"sent 1 of 2 files" in done.stdout
    assert str(path).encode() in done.stdout
    assert b"error: " in done.stderr


def test_exit_code_1_for_a_failure_status(tmp_path: Path) -> None:
    """The listener's folder is gone while it runs: A700, and nothing that looks stored."""
    path = write_instance(tmp_path / "files", 1)
    folder = tmp_path / "archive"
    with Listening(folder, "--json") as listener:
        folder.rename(tmp_path / "elsewhere")
        done = dicomgui("send", f"X@127.0.0.1:{listener.port}", path, "--json")
        code, out, _ = listener.stop()
    assert done.returncode == 1
    [sent] = [event for event in events(done.stdout) if event["event"] == "file"]
    assert sent["status"] == 0xA700
    [failed] = [event for event in events(out) if event["event"] == "failed"]
    assert failed["status"] == 0xA700
    assert code == 0
    assert not list(tmp_path.rglob("archive/*.dcm"))


def test_exit_code_2_for_wrong_usage() -> None:
    done = dicomgui("echo", "nowhere")
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"AET@host:port" in done.stderr


def test_exit_code_3_for_a_closed_port(closed_port: int, tmp_path: Path) -> None:
    done = dicomgui("echo", f"X@127.0.0.1:{closed_port}", "--json")
    assert done.returncode == 3
    assert done.stderr == b""
    [finding] = [event for event in events(done.stdout) if event["event"] == "finding"]
    assert finding["what"]
    assert finding["causes"]
    assert finding["try"]
    sent = dicomgui("send", f"X@127.0.0.1:{closed_port}", write_instance(tmp_path, 1))
    assert sent.returncode == 3


def test_exit_code_3_for_a_peer_that_refuses_us() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.read()
        await peer.send(AssociateRJ(1, 1, 3).encode())
        await peer.read_all()

    with in_thread(lambda: bad_server(refuse)) as server:
        done = dicomgui("echo", server.address)
    assert done.returncode == 3
    assert b"associate" in done.stdout.splitlines()[-1]
    assert b"DICOMGUI" in done.stderr


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x1b[2J" * 9])
def test_exit_code_3_for_what_is_no_dicom_server(greeting: bytes) -> None:
    async def greet(peer: Peer) -> None:
        await peer.read()
        await peer.send(greeting)
        await peer.reader.read()

    with in_thread(lambda: bad_server(greet)) as server:
        done = dicomgui("echo", server.address)
    assert done.returncode == 3
    assert b"error: " in done.stderr
    assert b"\x1b" not in done.stdout + done.stderr


def test_exit_code_3_for_a_silent_peer_after_the_time_out() -> None:
    async def silent(peer: Peer) -> None:
        await peer.reader.read()

    with in_thread(lambda: bad_server(silent)) as server:
        done = dicomgui("echo", server.address, "--timeout", 0.2)
    assert done.returncode == 3
    assert b"0.2 s" in done.stdout


def test_exit_code_3_for_a_taken_port(tmp_path: Path) -> None:
    with Listening(tmp_path / "a") as listener:
        done = dicomgui("listen", "--dir", tmp_path / "b", "--port", listener.port)
        listener.stop()
    assert done.returncode == 3
    assert str(listener.port).encode() in done.stderr


def test_exit_code_4_for_files_that_are_not_there_or_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello")
    for arguments in (
        ("send", "X@127.0.0.1:1", tmp_path / "missing"),
        ("send", "X@127.0.0.1:1", tmp_path / "file"),
        ("listen", "--dir", tmp_path / "file", "--port", 0),
        ("echo", "X@127.0.0.1:1", "--trace", tmp_path / "no" / "x.dgtrace"),
        ("trace", "show", tmp_path / "file"),
        ("trace", "explain", tmp_path / "missing"),
        ("trace", "decode", tmp_path / "missing"),
    ):
        done = dicomgui(*arguments)
        assert done.returncode == 4, (arguments, done)
        assert done.stdout + done.stderr
        assert b"Traceback" not in done.stderr


@unix
def test_exit_code_4_for_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """As an ordinary user: root is not stopped by modes."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", AS_ORDINARY_USER, "listen", "--dir", str(folder / "archive"), "--port", "0"],
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    folder.chmod(0o700)
    assert done.returncode == 4, done.stderr
    assert b"write" in done.stderr


@unix
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_exit_code_130_when_cancelled(kind: signal.Signals) -> None:
    async def interrupt(peer: Peer) -> None:
        await peer.accept()
        process.send_signal(kind)
        await peer.read_all()

    with in_thread(lambda: bad_server(interrupt)) as server:
        process = subprocess.Popen(
            [*COMMAND, "echo", server.address, "--repeat", "1000000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert b"cancelled" in err
    assert b"Traceback" not in err


@unix
def test_who_stops_reading_gets_no_traceback(tmp_path: Path) -> None:
    with Listening(tmp_path) as listener:
        process = subprocess.Popen(
            [*COMMAND, "echo", f"X@127.0.0.1:{listener.port}", "--repeat", "50", "-v"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.stderr.close()
        assert process.wait(DEADLINE_S) == 0
        listener.stop()
    assert err == b""


def test_decode_of_standard_input() -> None:
    done = dicomgui("trace", "decode", "--hex", stdin=b"05 00 00 00 00 04 00 00 00 00\n")
    assert done.returncode == 0
    [decoded] = events(done.stdout)
    assert decoded["kind"] == "pdu"
    assert decoded["type"] == "A-RELEASE-RQ"
