"""TLS with DCMTK, both ways, and what OpenSSL's own client says of our listener."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers import peers
from helpers.certificates import Authority, client_config, server_config
from helpers.instances import data_set, instance_of

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import echo
from dicomgui.app.listener import Listener, ListenerOptions
from dicomgui.app.send import prepare, send
from dicomgui.network import PeerAddress
from dicomgui.network.transport import TlsConfig


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


@pytest.mark.interop("storescp")
@pytest.mark.parametrize("profile", ["+pg", "+pm"])
async def test_to_storescp(
    context: AppContext, tmp_path: Path, native_files: Sequence[Path], authority: Authority, profile: str
) -> None:
    theirs, ours = authority.issue(), authority.issue("client.example")
    flags = ("+xa", "+tls", theirs.key, theirs.cert, "+cf", authority.file, profile)
    name = "bcp195" if profile == "+pg" else "modified-bcp195"
    options = ConnectionOptions(tls=client_config(authority, ours, profile=name))
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
@pytest.mark.parametrize("profile", ["+pg", "+pm"])
async def test_from_dcmtk(
    context: AppContext, tmp_path: Path, native_files: Sequence[Path], authority: Authority, profile: str
) -> None:
    theirs = authority.issue("client.example")
    flags = ("+tls", theirs.key, theirs.cert, "+cf", authority.file, profile, "-aec", "DICOMGUI", peers.LOOPBACK)
    tls = server_config(authority.issue(), authority)
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
