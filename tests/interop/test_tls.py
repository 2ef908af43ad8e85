"""TLS with DCMTK, both ways, and what OpenSSL's own client says of our listener."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers import peers, programs
from helpers.certificates import Authority, client_config, server_config
from helpers.instances import data_set, instance_of
from helpers.recordings import Recording
from helpers.tap import Conversation, Tap, pdus

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import echo
from dicomgui.app.listening.listener import Listener, ListenerOptions
from dicomgui.app.transfers.send import prepare, send
from dicomgui.network import PeerAddress
from dicomgui.network.tracing import Direction
from dicomgui.network.transport import TlsConfig
from dicomgui.trace.pcap import export_pcapng


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


class _Listening:
    """Our listener while the block runs."""

    def __init__(self, context: AppContext, folder: Path, tls: TlsConfig) -> None:
        self._listener = Listener(context, ListenerOptions(folder, port=0, tls=tls))

    async def __aenter__(self) -> Listener:
        await self._listener.start()
        return self._listener

    async def __aexit__(self, *_: object) -> None:
        await self._listener.stop()


# Our names and DCMTK's options.
PROFILES = {
    "bcp195": "+pg",
    "modified-bcp195": "+pm",
    "bcp195-rfc7525": "+px",
    "non-downgrading": "+py",
    "extended": "+pz",
    "aes": "+pa",
}


@pytest.mark.interop("storescp")
@pytest.mark.parametrize("profile", PROFILES)
async def test_to_storescp(
    context: AppContext, tmp_path: Path, native_files: Sequence[Path], authority: Authority, profile: str
) -> None:
    theirs, ours = authority.issue(), authority.issue("client.example")
    flags = ("+xa", "+tls", theirs.key, theirs.cert, "+cf", authority.file, PROFILES[profile])
    options = ConnectionOptions(tls=client_config(authority, ours, profile=profile))
    with peers.storescp(tmp_path / "storescp", *flags) as peer:
        address = PeerAddress.parse(peer.address)
        result = await echo(context, address, options)
        assert result.ok, result
        assert [step.name for step in result.steps][:3] == ["resolve", "connect", "tls"]
        with await prepare(context, native_files) as selection:
            report = await send(context, address, options, selection)
        assert report.ok, report
        kept = {instance_of(file.read_bytes()): file.read_bytes() for file in peer.folder.rglob("*.dcm")}
    assert {uid: data_set(content) for uid, content in kept.items()} == {
        instance_of(file): data_set(file) for file in native_files
    }


@pytest.mark.interop("storescp")
async def test_storescp_wants_a_certificate(context: AppContext, tmp_path: Path, authority: Authority) -> None:
    theirs = authority.issue()
    flags = ("+tls", theirs.key, theirs.cert, "+cf", authority.file)
    with peers.storescp(tmp_path / "storescp", *flags) as peer:
        options = ConnectionOptions(tls=client_config(authority))
        result = await echo(context, PeerAddress.parse(peer.address), options)
    assert not result.ok
    # With TLS 1.3 our request may cross its refusal; the system then tells of the closed connection only.
    assert result.findings[0].code in ("tls-client-certificate", "closed-on-greeting-tls")
    assert any("certificate" in cause for cause in result.findings[0].causes)


@pytest.mark.interop("echoscu", "storescu")
@pytest.mark.parametrize("profile", PROFILES)
async def test_from_dcmtk(
    context: AppContext, tmp_path: Path, native_files: Sequence[Path], authority: Authority, profile: str
) -> None:
    theirs = authority.issue("client.example")
    trust = ("+tls", theirs.key, theirs.cert, "+cf", authority.file, PROFILES[profile])
    flags = (*trust, "-aec", "DICOMGUI", peers.LOOPBACK)
    tls = server_config(authority.issue(), authority, profile=profile)
    async with _Listening(context, tmp_path / "received", tls) as listener:
        done = await peers.run("echoscu", *flags, listener.port)
        assert done.code == 0, done
        done = await peers.run("storescu", "-R", *flags, listener.port, native_files[0])
        assert done.code == 0, done
        assert listener.counts.stored == 1
    [kept] = (tmp_path / "received").rglob("*.dcm")
    assert data_set(kept) == data_set(native_files[0])


@pytest.mark.interop("echoscu")
async def test_echoscu_that_trusts_somebody_else(context: AppContext, tmp_path: Path, authority: Authority) -> None:
    other = Authority(tmp_path, "other")
    theirs = authority.issue("client.example")
    flags = ("+tls", theirs.key, theirs.cert, "+cf", other.file, peers.LOOPBACK)
    async with _Listening(context, tmp_path / "received", server_config(authority.issue(), authority)) as listener:
        done = await peers.run("echoscu", *flags, listener.port)
        assert done.code != 0
        assert "unknown ca" in " ".join(str(event) for event in listener.drain())


@pytest.mark.interop("echoscu")
async def test_echoscu_with_a_revoked_certificate(context: AppContext, tmp_path: Path, authority: Authority) -> None:
    theirs, revoked = authority.issue("client.example"), authority.issue("client.example")
    tls = server_config(authority.issue(), authority, crl_file=authority.revoke(revoked))
    async with _Listening(context, tmp_path / "received", tls) as listener:
        for pair, is_let_in in ((theirs, True), (revoked, False)):
            trust = ("+tls", pair.key, pair.cert, "+cf", authority.file)
            done = await peers.run("echoscu", *trust, "-aec", "DICOMGUI", peers.LOOPBACK, listener.port)
            assert (done.code == 0) == is_let_in, done
        assert "certificate revoked" in " ".join(str(event) for event in listener.drain())


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_openssl_says_what_was_negotiated(
    context: AppContext, tmp_path: Path, authority: Authority, version: str
) -> None:
    async with _Listening(context, tmp_path, server_config(authority.issue())) as listener:
        place = f"{peers.LOOPBACK}:{listener.port}"
        flag = f"-tls{version.replace('.', '_')}"
        done = await peers.run("openssl", "s_client", "-connect", place, "-CAfile", authority.file, flag)
    assert f"TLSv{version}" in done.output, done
    assert "Verify return code: 0 (ok)" in done.output
    assert "AES" in done.output
    assert "GCM" in done.output


@pytest.mark.interop("openssl")
async def test_openssl_finds_no_old_version(context: AppContext, tmp_path: Path, authority: Authority) -> None:
    async with _Listening(context, tmp_path, server_config(authority.issue())) as listener:
        place = f"{peers.LOOPBACK}:{listener.port}"
        done = await peers.run("openssl", "s_client", "-connect", place, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        assert done.code != 0, done
        assert "tlsv1 alert protocol version" in done.output, done


@pytest.mark.interop("echoscu")
async def test_echoscu_without_tls(context: AppContext, tmp_path: Path, authority: Authority) -> None:
    async with _Listening(context, tmp_path / "received", server_config(authority.issue())) as listener:
        done = await peers.run("echoscu", "-aec", "DICOMGUI", peers.LOOPBACK, listener.port)
        assert done.code != 0
        assert "Unrecognized PDU type: 15" in done.output  # the alert
        assert "does not speak TLS here, but DICOM without it" in " ".join(str(event) for event in listener.drain())


@pytest.mark.interop("storescp")
async def test_storescp_without_tls(context: AppContext, tmp_path: Path, authority: Authority) -> None:
    with peers.storescp(tmp_path / "storescp") as peer:
        options = ConnectionOptions(tls=client_config(authority))
        result = await echo(context, PeerAddress.parse(peer.address), options)
    assert not result.ok
    assert result.findings[0].code == "tls-peer-is-plain"


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("cipher", ["DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"])
@pytest.mark.parametrize("profile", ["non-downgrading", "extended"])
async def test_the_required_dhe_suites(
    context: AppContext, tmp_path: Path, authority: Authority, profile: str, cipher: str
) -> None:
    """PS3.15 B.10 and B.11; the length is the one that B.11 asks for."""
    async with _Listening(context, tmp_path, server_config(authority.issue(), profile=profile)) as listener:
        place = f"{peers.LOOPBACK}:{listener.port}"
        done = await peers.run("openssl", "s_client", "-connect", place, "-tls1_2", "-cipher", cipher)
    assert f"Cipher is {cipher}" in done.output, done
    assert "DH, 2048 bits" in done.output, done


@pytest.mark.interop("openssl", "echoscu")
async def test_a_certificate_from_pkcs12(context: AppContext, tmp_path: Path, authority: Authority) -> None:
    """As OpenSSL's own program writes it."""
    pair, bundle = authority.issue(), tmp_path / "own.p12"
    keys = ("-inkey", pair.key, "-in", pair.cert, "-passout", "pass:secret")
    done = await peers.run("openssl", "pkcs12", "-export", *keys, "-out", bundle)
    assert done.code == 0, done
    tls = TlsConfig(cert_file=bundle, key_password=lambda: "secret")
    async with _Listening(context, tmp_path / "received", tls) as listener:
        flags = ("+tla", "+cf", authority.file, "-aec", "DICOMGUI", peers.LOOPBACK, listener.port)
        done = await peers.run("echoscu", *flags)
    assert done.code == 0, done


def _capture(conversation: Conversation, path: Path) -> None:
    """What passed the tap as a capture file: our first TLS record, all answers, and the rest of ours.

    tshark needs both greetings before it can decrypt; beyond them each direction stands for itself.
    """
    sent, greeting = bytes(conversation.sent), 5 + int.from_bytes(conversation.sent[3:5], "big")
    recording = Recording().connect("127.0.0.1:50000", "127.0.0.1:2762").raw(Direction.SENT, sent[:greeting])
    recording.raw(Direction.RECEIVED, bytes(conversation.answered)).raw(Direction.SENT, sent[greeting:])
    export_pcapng(recording.closed().records, path)


@pytest.mark.interop("tshark", "storescp")
@pytest.mark.parametrize("profile", ["bcp195", "extended"])  # TLS 1.3 and 1.2
async def test_tshark_reads_our_key_log(
    context: AppContext, tmp_path: Path, authority: Authority, profile: str
) -> None:
    theirs, keys, capture = authority.issue(), tmp_path / "keys.log", tmp_path / "tls.pcapng"
    flags = ("+tls", theirs.key, theirs.cert, "-ic", PROFILES[profile])
    with peers.storescp(tmp_path / "storescp", *flags) as peer:
        target = PeerAddress.parse(peer.address)
        async with Tap(target.port) as tap:
            options = ConnectionOptions(tls=client_config(authority, profile=profile, keylog_file=keys))
            result = await echo(context, PeerAddress.parse(f"{target.ae_title}@{peers.LOOPBACK}:{tap.port}"), options)
            assert result.ok, result
    [conversation] = tap.conversations
    _capture(conversation, capture)

    def decrypted(*more: str) -> list[int]:
        command = [str(programs.find("tshark")), "-n", "-r", str(capture), "-d", "tcp.port==2762,tls", *more]
        shown = ["-q", "-z", "follow,tls,raw,0"]
        done = subprocess.run([*command, *shown], capture_output=True, text=True, timeout=60, check=True)
        lines = re.findall(r"^(\t?)([0-9a-f]+)$", done.stdout, re.MULTILINE)  # a tab for the other direction
        sides = ("".join(data for tab, data in lines if tab == side) for side in ("", "\t"))
        return sorted(pdu.type for side in sides for pdu in pdus(bytes.fromhex(side)))

    assert decrypted("-o", f"tls.keylog_file:{keys}") == [1, 2, 4, 4, 5, 6]
    assert decrypted() == []
