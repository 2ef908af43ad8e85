"""Our client and our server over TLS: what works, and what each side is told where it does not."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from helpers.certificates import Authority, Pair, client_config, server_config
from helpers.instances import data_set, write_instance

from dicomgui.network import (
    AcceptPolicy,
    AETitle,
    AssociateRJ,
    Association,
    AssociationRejected,
    AssociationRequest,
    ConfigurationError,
    ConnectError,
    ConnectOptions,
    ConnectTimeout,
    DicomNetworkError,
    EchoRequest,
    Handlers,
    Lifecycle,
    PeerAddress,
    Server,
    ServerOptions,
    Status,
    StoreRequest,
    Timeouts,
    TlsConfig,
    TlsError,
    TlsInfo,
    connect,
    presets,
    read_head,
    serve,
)
from dicomgui.network.tracing import CloseRecord, ConnectRecord, PduRecord, Record, RefuseRecord, TlsRecord
from dicomgui.trace.diagnosis.diagnose import diagnose, explain_error

pytestmark = pytest.mark.any_loop


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue()


class Ends:
    """A server that speaks TLS or not, and what both ends recorded."""

    def __init__(self) -> None:
        self.served: list[Record] = []
        self.called: list[Record] = []
        self.refused: list[str] = []
        self.connected, self.gone = asyncio.Event(), asyncio.Event()

    def refuse(self, number: int, peer: str, reason: str) -> None:
        assert number
        assert peer.startswith("127.0.0.1:")
        self.refused.append(reason)

    def trace(self, record: Record) -> None:
        self.served.append(record)
        if isinstance(record, ConnectRecord):
            self.connected.set()
        if isinstance(record, CloseRecord):
            self.gone.set()

    @contextlib.asynccontextmanager
    async def serve(self, tls: TlsConfig | None, **more: object) -> AsyncIterator[Server]:
        options = ServerOptions(
            policy=AcceptPolicy(ae_title="ME"),
            tracer=self.trace,
            lifecycle=Lifecycle(on_rejected=self.refuse),
            tls=tls,
            **more,
        )
        async with await serve("127.0.0.1", 0, ae_title="ME", options=options) as self.server:
            yield self.server

    async def echo(self, tls: TlsConfig | None, *, connect_s: float | None = 5.0) -> None:
        async with connect(
            f"ME@127.0.0.1:{self.server.port}",
            contexts=presets.VERIFICATION,
            tracer=self.called.append,
            timeouts=Timeouts(connect_s=connect_s),
            tls=tls,
        ) as association:
            assert (await association.echo()).status == 0
            assert (association.timings.tls_s > 0) == (tls is not None)

    async def fails(self, server: TlsConfig | None, client: TlsConfig | None) -> DicomNetworkError:
        async with self.serve(server):
            with pytest.raises(DicomNetworkError) as caught:
                await self.echo(client)
            await self.gone.wait()
            assert self.server.associations == ()
        return caught.value

    @property
    def codes(self) -> tuple[str, str]:
        """What the diagnosis says at the client and at the server."""
        return _code(self.called), _code(self.served)


def _code(records: list[Record]) -> str:
    found = diagnose(records)
    return found[0].code if found else ""


def tls_of(records: list[Record]) -> TlsRecord:
    return next(record for record in reversed(records) if isinstance(record, TlsRecord))


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.mark.uvloop
async def test_echo(ends: Ends, authority: Authority, pair: Pair) -> None:
    async with ends.serve(server_config(pair)):
        await ends.echo(client_config(authority))
    mine, theirs = tls_of(ends.called), tls_of(ends.served)
    assert mine.version == theirs.version == "TLSv1.3"
    assert mine.cipher == theirs.cipher
    assert mine.peer_certificate == ssl.PEM_cert_to_DER_cert(pair.cert.read_text().split("\n\n")[0])
    assert theirs.peer_certificate == b""
    assert 0 < mine.seconds < 5
    assert mine.error == theirs.error == ""
    assert [type(record) for record in ends.called if isinstance(record, PduRecord)] == [PduRecord] * 6
    assert ends.codes == ("", "")


@pytest.mark.parametrize("profile", ["bcp195", "modified-bcp195", "non-downgrading", "extended", "bcp195-rfc7525"])
async def test_profiles(ends: Ends, authority: Authority, pair: Pair, profile: str) -> None:
    async with ends.serve(server_config(pair, profile=profile)):
        await ends.echo(client_config(authority, profile=profile))
    record = tls_of(ends.called)
    assert record.version == ("TLSv1.2" if profile == "extended" else "TLSv1.3")
    assert "GCM" in record.cipher


async def test_mutual(ends: Ends, authority: Authority, pair: Pair) -> None:
    mine = authority.issue("client.example")
    async with ends.serve(server_config(pair, authority)):
        await ends.echo(client_config(authority, mine))
    assert tls_of(ends.served).peer_certificate


async def test_both_ends_know_what_was_agreed(authority: Authority, pair: Pair) -> None:
    """A server may let in by certificate: its negotiator and its handlers see it."""
    mine, other = authority.issue("client.example"), authority.issue("other.example")
    known = der_of(mine)
    asked: list[TlsInfo | None] = []

    def negotiate(request: AssociationRequest) -> AssociateRJ | None:
        return None if request.tls is not None and request.tls.certificate == known else AssociateRJ(1, 1, 1)

    def on_echo(request: EchoRequest) -> Status:
        asked.append(request.facts.tls)
        return Status(0)

    options = ServerOptions(AcceptPolicy(), tls=server_config(pair, authority), negotiator=negotiate)
    async with await serve(port=0, handlers=Handlers(on_echo=on_echo), options=options) as server:
        address = f"ME@127.0.0.1:{server.port}"
        async with connect(address, tls=client_config(authority, mine)) as assoc:
            await assoc.echo()
            ours = assoc.tls
            assert ours is not None
            issuer = der_of(Pair(authority.file, authority.file))  # OpenSSL adds the issuers that it trusts
            assert ours == TlsInfo("TLSv1.3", ours.cipher, der_of(pair), (der_of(pair), issuer))
            assert ours.cipher.startswith("TLS_")
        with pytest.raises(AssociationRejected):
            await connect(address, tls=client_config(authority, other))
    assert asked == [TlsInfo("TLSv1.3", ours.cipher, known, (known, issuer))]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_both_ends_see_the_whole_chain(ends: Ends, authority: Authority, version: str) -> None:
    """With the certificates of the issuers between; what a peer sends is kept also where it was refused."""
    middle = authority.below(f"middle-{version}")
    theirs, mine = middle.issue(), middle.issue("client.example")
    async with ends.serve(server_config(theirs, authority, minimum_version=version)):
        await ends.echo(client_config(authority, mine))
        with pytest.raises(TlsError):
            await ends.echo(TlsConfig(ca_file=theirs.key.with_suffix(".crt"), server_name="other.example"))
    for records, pair in ((ends.called, theirs), (ends.served, mine)):
        tls = next(record for record in records if isinstance(record, TlsRecord))
        own, issuer = (ssl.PEM_cert_to_DER_cert(pem) for pem in pems_of(pair))
        assert (tls.peer_certificate, tls.peer_chain) == (own, issuer)
    refused = tls_of(ends.called)
    assert refused.error
    assert refused.peer_chain == issuer


def pems_of(pair: Pair) -> list[str]:
    end = "-----END CERTIFICATE-----"
    return [f"{text.strip()}\n{end}\n" for text in pair.cert.read_text().split(end)[:-1]]


async def test_without_tls_nothing_was_agreed() -> None:
    async with await serve(port=0) as server:
        unopened = Association(PeerAddress(AETitle("ME"), "127.0.0.1", server.port), ConnectOptions())
        assert unopened.tls is None
        async with connect(f"ME@127.0.0.1:{server.port}") as assoc:
            assert assoc.tls is None
            [facts] = server.associations
            assert facts.tls is None


def der_of(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.cert.read_text().split("\n\n")[0])


async def test_a_certificate_is_checked_where_there_is_one(
    ends: Ends, authority: Authority, other: Authority, pair: Pair
) -> None:
    # Of modified-bcp195 we look at the certificates ourselves, also where there are none.
    async with ends.serve(server_config(pair, authority, client_auth="verify", profile="modified-bcp195")):
        await ends.echo(client_config(authority))
        assert tls_of(ends.served)[-1:] == (b"",)
        with pytest.raises(ConnectError):
            await ends.echo(client_config(authority, other.issue("client.example")))
    assert ends.codes == ("tls-certificate-refused", "tls-unknown-issuer")


async def test_without_verification(ends: Ends, pair: Pair) -> None:
    async with ends.serve(server_config(pair)):
        await ends.echo(TlsConfig(verify="none"))


async def test_the_certificate_itself_may_be_trusted(ends: Ends, pair: Pair) -> None:
    async with ends.serve(server_config(pair)):
        await ends.echo(TlsConfig(ca_file=pair.cert))


async def test_a_revoked_certificate_of_the_server(ends: Ends, authority: Authority, pair: Pair) -> None:
    revoked = authority.issue("127.0.0.1")
    trusting = client_config(authority, crl_file=authority.revoke(revoked))
    async with ends.serve(server_config(pair)):
        await ends.echo(trusting)
    error = await ends.fails(server_config(revoked), trusting)
    assert "certificate revoked" in str(error)


async def test_a_revoked_certificate_of_the_client(ends: Ends, authority: Authority, pair: Pair) -> None:
    mine, revoked = authority.issue("client.example"), authority.issue("client.example")
    async with ends.serve(server_config(pair, authority, crl_file=authority.revoke(revoked))):
        await ends.echo(client_config(authority, mine))
        with pytest.raises(ConnectError):
            await ends.echo(client_config(authority, revoked))
    [reason] = ends.refused
    assert "certificate revoked" in reason


async def test_without_a_revocation_list_of_the_issuer_nobody_is_trusted(
    ends: Ends, authority: Authority, other: Authority, pair: Pair
) -> None:
    error = await ends.fails(server_config(pair), client_config(authority, crl_file=other.revoke()))
    assert "CRL" in str(error)


async def test_trusted_issuers_from_a_folder(
    ends: Ends, authority: Authority, other: Authority, pair: Pair, tmp_path: Path
) -> None:
    for file in (authority.file, other.file):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "README").write_text("no certificate")
    for name in ("1", "2"):
        async with ends.serve(server_config(pair if name == "1" else other.issue())):
            await ends.echo(TlsConfig(ca_file=tmp_path))


async def test_server_name(ends: Ends, authority: Authority) -> None:
    async with ends.serve(server_config(authority.issue("pacs.example"))):
        await ends.echo(client_config(authority, server_name="pacs.example"))


@pytest.mark.uvloop
async def test_unknown_issuer(ends: Ends, other: Authority, pair: Pair) -> None:
    error = await ends.fails(server_config(pair), client_config(other))
    assert isinstance(error, TlsError)
    assert "unable to get local issuer certificate" in str(error)
    assert error.phase == "tls"
    assert error.peer.startswith("ME@127.0.0.1")
    assert tls_of(ends.called).peer_certificate  # the one that was refused
    assert ends.codes == ("tls-unknown-issuer", "tls-our-certificate")
    assert explain_error(error).code == "tls-unknown-issuer"
    [reason] = ends.refused
    assert "unknown ca" in reason


async def test_issuer_that_the_system_does_not_know(ends: Ends, pair: Pair) -> None:
    assert isinstance(await ends.fails(server_config(pair), TlsConfig()), TlsError)
    assert ends.codes[0] == "tls-unknown-issuer"


async def test_expired(ends: Ends, authority: Authority) -> None:
    await ends.fails(server_config(authority.expired()), client_config(authority))
    assert ends.codes == ("tls-expired", "tls-our-certificate")


async def test_not_yet_valid(ends: Ends, authority: Authority) -> None:
    await ends.fails(server_config(authority.future()), client_config(authority))
    assert ends.codes[0] == "tls-not-yet-valid"


def _signed_with(digest: hashes.HashAlgorithm, folder: Path) -> Path:
    """A certificate for localhost that is its own issuer, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + datetime.timedelta(36_500))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = builder.add_extension(names, critical=False).sign(key, digest)
    kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / f"{digest.name}.pem"
    path.write_bytes(made.public_bytes(kind[0]) + key.private_bytes(*kind))
    return path


@pytest.mark.parametrize("weak", ["server", "client"])
async def test_b13_refuses_a_certificate_signed_with_sha224(
    ends: Ends, authority: Authority, pair: Pair, tmp_path: Path, weak: str
) -> None:
    """B.12 takes it. Whoever refuses it says why; nothing of DICOM is sent to the other."""
    own = _signed_with(hashes.SHA224(), tmp_path)
    for profile in ("modified-bcp195", "bcp195"):
        if weak == "server":
            server = TlsConfig(profile, cert_file=own)
            client = TlsConfig(profile, ca_file=own)
        else:
            server = TlsConfig(profile, cert_file=pair.cert, key_file=pair.key, ca_file=own, client_auth="require")
            client = TlsConfig(profile, ca_file=authority.file, cert_file=own)
        if profile == "bcp195":
            async with ends.serve(server):
                await ends.echo(client)
            continue
        error = await ends.fails(server, client)
        if weak == "server":
            assert "signed with SHA-224" in str(error)
        else:
            assert "signed with SHA-224" in tls_of(ends.served).error
        assert not [record for record in ends.served if isinstance(record, PduRecord)]


async def test_wrong_name(ends: Ends, authority: Authority) -> None:
    error = await ends.fails(server_config(authority.issue("pacs.example")), client_config(authority))
    assert "127.0.0.1" in str(error)
    assert ends.codes == ("tls-name-mismatch", "tls-our-certificate")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_certificate_wanted(ends: Ends, authority: Authority, pair: Pair, version: str) -> None:
    profile = "extended" if version == "1.2" else "bcp195"
    error = await ends.fails(server_config(pair, authority, profile=profile), client_config(authority, profile=profile))
    assert isinstance(error, TlsError)
    assert error.peer.startswith("ME@127.0.0.1")
    # TLS 1.2 has no alert of its own for it.
    assert ends.codes == ("tls-client-certificate" if version == "1.3" else "tls-no-common", "tls-caller-certificate")


async def test_nothing_in_common(ends: Ends, authority: Authority, pair: Pair) -> None:
    await ends.fails(server_config(pair, minimum_version="1.3"), client_config(authority, profile="extended"))
    assert ends.codes == ("tls-no-common", "tls-no-common")


@pytest.mark.uvloop
async def test_plain_client(ends: Ends, pair: Pair) -> None:
    error = await ends.fails(server_config(pair), None)
    assert explain_error(error).code == "peer-wants-tls"
    assert ends.codes == ("peer-wants-tls", "tls-caller-is-plain")
    assert ends.refused == ["the peer does not speak TLS here, but DICOM without it (wrong version number)"]
    assert tls_of(ends.served).error == ends.refused[0]


async def test_plain_server(ends: Ends, authority: Authority) -> None:
    error = await ends.fails(None, client_config(authority))
    assert isinstance(error, TlsError)
    assert "without TLS" in error.hint
    assert ends.codes == ("tls-peer-is-plain", "caller-uses-tls")


async def test_server_that_closes_at_once(ends: Ends, authority: Authority) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(6)  # what else came makes it a reset
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(TlsError, match="the peer closed the connection in the TLS handshake") as caught:
            await connect(f"ME@127.0.0.1:{port}", tracer=ends.called.append, tls=client_config(authority))
    assert tls_of(ends.called).error
    assert ends.codes[0] == explain_error(caught.value).code == "tls-peer-is-plain"


class Silent:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self.connected = asyncio.Event()

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.set()
        await reader.read()
        writer.close()


async def test_a_silent_server(ends: Ends, authority: Authority) -> None:
    silent = Silent()
    async with await asyncio.start_server(silent.hold, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        opening = connect(
            f"ME@127.0.0.1:{port}",
            tracer=ends.called.append,
            tls=client_config(authority),
            timeouts=Timeouts(connect_s=0.1),
        )
        with pytest.raises(ConnectTimeout) as caught:
            await opening
    assert caught.value.phase == "tls"
    assert ends.codes[0] == "tls-silent"
    assert explain_error(caught.value).code == "tls-silent"


@pytest.mark.uvloop
async def test_cancelled_in_the_handshake(ends: Ends, authority: Authority) -> None:
    silent = Silent()

    async def call(port: int) -> None:
        await connect(f"ME@127.0.0.1:{port}", tracer=ends.called.append, tls=client_config(authority))

    async with await asyncio.start_server(silent.hold, "127.0.0.1", 0) as listener:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(call(listener.sockets[0].getsockname()[1]))
            await silent.connected.wait()
            task.cancel()
        assert task.cancelled()
    assert isinstance(ends.called[-1], CloseRecord)


async def test_b14_a_silent_caller_holds_up_nobody(ends: Ends, authority: Authority, pair: Pair) -> None:
    async with ends.serve(server_config(pair), timeouts=Timeouts(tls_s=0.3)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await ends.echo(client_config(authority))
        assert server.connections >= 1  # still there, still silent
        assert await reader.read() == b""  # its time is over
        writer.close()
        await server.wait_empty()
    [reason] = ends.refused
    assert "took longer than 0.3 s" in reason
    assert "tls-caller-silent" in [finding.code for finding in diagnose(ends.served)]


async def test_a_server_that_closes_ends_handshakes(ends: Ends, pair: Pair) -> None:
    async with ends.serve(server_config(pair)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await ends.connected.wait()
        assert server.connections == 1
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


async def test_too_many_connections(ends: Ends, authority: Authority, pair: Pair) -> None:
    async with ends.serve(server_config(pair), max_connections=1) as server:
        async with connect(f"ME@127.0.0.1:{server.port}", tls=client_config(authority), contexts=presets.VERIFICATION):
            with pytest.raises(ConnectError):
                await ends.echo(client_config(authority))
            assert any(isinstance(record, RefuseRecord) for record in ends.served)
        await server.wait_empty()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await ends.echo(client_config(authority))  # who is silent gives way, in the middle of its handshake too
        writer.close()


async def test_a_server_without_certificate_does_not_start() -> None:
    options = ServerOptions(policy=AcceptPolicy(ae_title="ME"), tls=TlsConfig())
    with pytest.raises(ConfigurationError):
        await serve("127.0.0.1", 0, options=options)


async def test_keys_are_logged_on_request(ends: Ends, authority: Authority, pair: Pair, tmp_path: Path) -> None:
    async with ends.serve(server_config(pair)):
        await ends.echo(client_config(authority, keylog_file=tmp_path / "keys"))
    assert "CLIENT_TRAFFIC_SECRET_0" in (tmp_path / "keys").read_text()


@pytest.mark.uvloop
async def test_many_bytes_and_a_reader_that_pauses(authority: Authority, pair: Pair, tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1, pixel_bytes=12_000_000)
    sizes: list[int] = []

    def keep(request: StoreRequest, data: object) -> Status:
        assert isinstance(data, bytes)
        sizes.append(len(data))
        return Status(0)

    options = ServerOptions(policy=AcceptPolicy(ae_title="ME"), tls=server_config(pair))
    head = read_head(path)
    contexts = presets.for_instances([(head.sop_class_uid, head.transfer_syntax_uid)])
    async with (
        await serve("127.0.0.1", 0, handlers=Handlers(on_store=keep), options=options) as server,
        connect(f"ME@127.0.0.1:{server.port}", contexts=contexts, tls=client_config(authority)) as association,
    ):
        transport = association._connection.transport
        transport.hold()
        asyncio.get_running_loop().call_later(0.05, transport.unhold)
        assert (await association.store(path)).status == 0
        assert (await association.store(path)).status == 0
    assert sizes == [len(data_set(path))] * 2
