"""Through real SOCKS proxies to the peer: microsocks for version 5, OpenSSH for version 4 as well."""

from __future__ import annotations

import contextlib
import getpass
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers, programs
from helpers.certificates import Authority, client_config, server_config
from helpers.command_line import dicomgui
from helpers.retrieval import CT_STUDY, Archive, data_sets, kept_in, real_files

from dicomgui.app.configuration.destinations import destinations_of
from dicomgui.app.configuration.negotiation_file import NegotiationFile
from dicomgui.app.configuration.nodes import Node
from dicomgui.network import (
    AcceptPolicy,
    AETitle,
    ConnectError,
    ConnectionRefused,
    NameResolutionError,
    PeerAddress,
    ServerOptions,
    SocketOptions,
    connect,
    parse_proxy,
    serve,
)
from dicomgui.network.tracing import ConnectRecord, Record, ResolveRecord, Role
from dicomgui.trace.diagnosis.connecting import connect_code

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def microsocks(folder: Path, *options: str) -> Iterator[int]:
    """The port of a proxy for SOCKS 5."""
    with peers.serving("microsocks", "", folder / "proxy", lambda port: ("-i", LOOPBACK, *options, "-p", port)) as peer:
        yield peer.port


@contextlib.contextmanager
def ssh_proxy(folder: Path) -> Iterator[int]:
    """The port of ``ssh -D``, which knows SOCKS 4, 4a and 5, through a server of ours that lets only this user in."""
    for name in ("host", "user"):
        key = [str(programs.find("ssh-keygen")), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True, timeout=60)
    (folder / "user.pub").rename(folder / "authorized")
    server = (
        f"ListenAddress {LOOPBACK}\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'authorized'}\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nPidFile none\n"
    )
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(exist_ok=True)  # where the unprivileged half of it lives
    (folder / "sshd_config").write_text(server, encoding="utf-8")
    options = ("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder / 'known'}", "-F", "none")
    options += ("-o", "IdentitiesOnly=yes", "-o", "ExitOnForwardFailure=yes", "-i", str(folder / "user"))
    config = folder / "sshd_config"
    with peers.serving("sshd", "", folder / "sshd", lambda port: ("-D", "-e", "-f", config, "-p", port)) as sshd:
        place = ("-p", str(sshd.port), f"{getpass.getuser()}@{LOOPBACK}")
        with peers.serving("ssh", "", folder / "ssh", lambda port: ("-N", *options, *place, "-D", port)) as ssh:
            yield ssh.port


@pytest.mark.interop("microsocks")
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.any_loop
async def test_socks_5(tmp_path: Path, scheme: str) -> None:
    authority, records = Authority(tmp_path), list[Record]()
    options = ServerOptions(AcceptPolicy(), tls=server_config(authority.issue("localhost")))
    with microsocks(tmp_path) as port:
        via = SocketOptions(proxy=parse_proxy(f"{scheme}://{LOOPBACK}:{port}"), family="ipv4")
        async with await serve(port=0, options=options) as server:
            tls, peer = client_config(authority), f"X@localhost:{server.port}"
            async with connect(peer, sockets=via, tls=tls, tracer=records.append, local_host=LOOPBACK) as assoc:
                assert (await assoc.echo()).status.is_success
            await server.wait_empty()
    [connected] = [record for record in records if isinstance(record, ConnectRecord)]
    assert connected.peer == f"{LOOPBACK}:{port}"  # that is whom TCP talks to
    asked = [record.host for record in records if isinstance(record, ResolveRecord)]
    assert asked == ([LOOPBACK] if scheme == "socks5h" else [LOOPBACK, "localhost"])  # else the proxy looks it up


@pytest.mark.interop("microsocks")
async def test_user_and_password(tmp_path: Path) -> None:
    with microsocks(tmp_path, "-u", "anna", "-P", "s:ecret") as port:
        async with await serve(port=0) as server:
            peer, right = f"X@{LOOPBACK}:{server.port}", parse_proxy(f"socks5h://anna:s%3Aecret@{LOOPBACK}:{port}")
            async with connect(peer, sockets=SocketOptions(proxy=right)) as assoc:
                assert (await assoc.echo()).status.is_success
            await server.wait_empty()
            for wrong in ("anna:other@", "anna@", ""):
                via, records = parse_proxy(f"socks5h://{wrong}{LOOPBACK}:{port}"), list[Record]()
                with pytest.raises(ConnectError, match="another user or password") as caught:
                    await connect(peer, sockets=SocketOptions(proxy=via), tracer=records.append)
                assert "Give the user" in caught.value.hint
                assert connect_code(str(caught.value)) == "proxy-identity"
                assert "other" not in f"{caught.value.args}{via}{records}".replace("another", "")


@pytest.mark.interop("microsocks")
@pytest.mark.parametrize(
    ("scheme", "host", "text"),
    [
        ("socks5h", LOOPBACK, "refused by the peer (SOCKS reply 5)"),
        ("socks5", LOOPBACK, "refused by the peer (SOCKS reply 5)"),
        ("socks5h", "nowhere.invalid", "SOCKS reply"),
    ],
)
async def test_a_peer_out_of_reach(tmp_path: Path, scheme: str, host: str, text: str) -> None:
    closed = peers.free_port()
    with microsocks(tmp_path) as port:
        via = SocketOptions(proxy=parse_proxy(f"{scheme}://{LOOPBACK}:{port}"))
        with pytest.raises(ConnectError) as caught:
            await connect(f"X@{host}:{closed}", sockets=via)
    assert "does not reach the peer" in str(caught.value)
    assert text in str(caught.value)
    assert connect_code(f"{caught.value}") == "proxy-no-way"
    assert not isinstance(caught.value, ConnectionRefused)


@pytest.mark.interop("sshd")
async def test_version_4_and_a_name_that_is_looked_up_here(tmp_path: Path) -> None:
    with ssh_proxy(tmp_path) as port:
        async with await serve(port=0) as server:
            for scheme in ("socks4", "socks4a", "socks5", "socks5h"):
                via = SocketOptions(proxy=parse_proxy(f"{scheme}://anna@{LOOPBACK}:{port}"))
                async with connect(f"X@localhost:{server.port}", sockets=via) as assoc:
                    assert (await assoc.echo()).status.is_success, scheme
                await server.wait_empty()
        via = SocketOptions(proxy=parse_proxy(f"socks4://{LOOPBACK}:{port}"))
        with pytest.raises(ConnectError, match="no IPv6 addresses"):
            await connect("X@[::1]:104", sockets=via)
        with pytest.raises(NameResolutionError):
            await connect("X@nowhere.invalid:104", sockets=via)


@pytest.mark.interop("microsocks", "storescp")
def test_the_command_line_through_one_to_dcmtk(tmp_path: Path) -> None:
    with microsocks(tmp_path, "-u", "anna", "-P", "secret") as port, peers.storescp(tmp_path) as peer:
        place = f"STORESCP@localhost:{peer.port}"
        done = dicomgui("echo", place, "--proxy", f"socks5h://anna:secret@{LOOPBACK}:{port}")
        assert done.returncode == 0, done.stdout + done.stderr
        trace = tmp_path / "t.dgtrace"
        done = dicomgui("echo", place, "--proxy", f"socks5h://anna:hidden@{LOOPBACK}:{port}", "--trace", trace)
    said = done.stdout + done.stderr
    assert done.returncode
    assert b"proxy" in said
    assert b"hidden" not in said + trace.read_bytes()


@pytest.mark.interop("microsocks", "movescu", "storescp")
async def test_a_move_of_ours_through_one_and_by_a_profile(tmp_path: Path) -> None:
    """The node says how it is reached: a sub-operation goes the way that a send would go."""
    profiles = tmp_path / "profiles.toml"
    profiles.write_text('[profile.a]\nimplementation_version_name = "PROFILED"\n', encoding="utf-8")
    archive = Archive(real_files(CT_STUDY))
    with microsocks(tmp_path) as port, peers.storescp(tmp_path / "third", "-d") as third:
        proxy = parse_proxy(f"socks5h://{LOOPBACK}:{port}")
        address = PeerAddress(AETitle("THIRD"), "localhost", third.port)  # a name that the proxy looks up
        node = Node("third", address, proxy=proxy, negotiation=NegotiationFile(str(profiles)))
        records: list[Record] = []
        options = ServerOptions(
            policy=AcceptPolicy(), destinations=destinations_of([node], "OURS"), tracer=records.append
        )
        async with await serve(port=0, handlers=archive.handlers(), options=options) as server:
            wanted = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={CT_STUDY}")
            done = await peers.run("movescu", "-S", *wanted, "-aem", "THIRD", LOOPBACK, server.port)
        assert done.code == 0, str(done)
        assert kept_in(third.folder) == data_sets(real_files(CT_STUDY))
        assert "Their Implementation Version Name: PROFILED" in third.log
    assert not [record for record in records if isinstance(record, ResolveRecord) and record.host == "localhost"]
    assert [one.peer for one in records if isinstance(one, ConnectRecord) and one.role is Role.REQUESTOR] == [
        f"{LOOPBACK}:{port}"
    ]


def test_a_proxy_that_says_nothing() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        via = f"socks5h://{LOOPBACK}:{other.getsockname()[1]}"
        done = dicomgui("echo", f"X@{LOOPBACK}:104", "--timeout", 1, "--proxy", via)
    assert b"no answer" in done.stdout + done.stderr
