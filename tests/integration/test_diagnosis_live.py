"""What goes wrong between real sockets gets its name: from the code of a failure back to the failure itself."""

from __future__ import annotations

import http.server
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.answering import Answering, answering
from helpers.bad_peer import (
    APPLICATION,
    CT,
    ECHO_AC,
    RELEASE_RP,
    USER,
    BadServer,
    Peer,
    Script,
    associate,
    bad_server,
    context_ac,
    pdata,
    pdu,
    pdv,
    reached,
    response,
)
from helpers.certificates import Authority, server_config
from helpers.instances import write_instance
from helpers.listening import listens_in
from helpers.peers import free_port
from helpers.retrieval import CT_STUDY, real_files
from helpers.services import ends
from helpers.serving import in_thread

from dicomgui.app.asking.keys import Key, attribute_of
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query import Query, find
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import echo
from dicomgui.app.transfers.retrieve import GetJob, MoveJob, Wanted
from dicomgui.app.transfers.send import prepare, send
from dicomgui.cli.main import main
from dicomgui.network import Handlers, PeerAddress, Timeouts, TlsConfig
from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.commands import Command
from dicomgui.network.pdu import AssociateRQ, PDataTF, ReleaseRQ
from dicomgui.network.tracing import Record
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.diagnosis.facts import Facts, OwnListener
from dicomgui.trace.finding import ActionKind, Finding, Severity

OPTIONS = ConnectionOptions(
    calling_ae="OURS", timeouts=Timeouts(connect_s=5, tls_s=2, associate_s=1, response_s=1, release_s=2)
)


def codes(findings: tuple[Finding, ...] | list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


async def echoed(
    context: AppContext, address: str, options: ConnectionOptions = OPTIONS, **more: object
) -> tuple[Finding, ...]:
    return (await echo(context, PeerAddress.parse(address), replace(options, **more))).findings  # type: ignore[arg-type]


async def check(context: AppContext, script: Script, *wanted: str, **more: object) -> Finding:
    """An echo of that peer is explained so, and so is the trace that is kept of it."""
    async with bad_server(script) as server:
        findings = await echoed(context, f"PACS@127.0.0.1:{server.port}", **more)
        await all_gone(server)
    assert codes(findings) == list(wanted)
    assert codes(diagnose(context.trace.records())) == list(wanted)
    return findings[0]


async def all_gone(server: BadServer) -> None:
    await reached(lambda: not server.open, "the connections are closed")


def says(data: bytes) -> Script:
    """Hears the request out, says that and closes."""

    async def script(peer: Peer) -> None:
        await peer.read()
        await peer.send(data)
        peer.finish_writing()
        await peer.drop()

    return script


# ------------------------------------------------------------------------------------------------------ no connection


async def test_a_closed_port(context: AppContext) -> None:
    assert codes(await echoed(context, f"PACS@127.0.0.1:{free_port()}")) == ["closed-port"]


async def test_a_name_that_nobody_has(context: AppContext) -> None:
    assert codes(await echoed(context, "PACS@nowhere.invalid:104")) == ["name-not-found"]


async def test_a_black_hole(context: AppContext) -> None:
    """It takes the connection and never says a word."""

    async def script(peer: Peer) -> None:
        await peer.drop()

    await check(context, script, "silent")


async def test_one_that_hangs_up_on_the_greeting(context: AppContext) -> None:
    await check(context, says(b""), "closed-on-greeting")


# -------------------------------------------------------------------------------------------------------- not DICOM


@pytest.fixture
def web() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        server.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


async def test_a_web_server(context: AppContext) -> None:
    await check(context, says(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), "not-dicom-http")


async def test_a_real_web_server(context: AppContext, web: int) -> None:
    """The one of Python waits for a line that never ends, or answers in HTML."""
    [code] = codes(await echoed(context, f"PACS@127.0.0.1:{web}"))
    assert code in {"not-dicom-http", "silent"}


@pytest.mark.parametrize(
    ("banner", "code"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not-dicom-ssh"),
        (b"\x0bMSH|^~\\&|ACK\r\x1c\r", "not-dicom-hl7"),
        (b"220 mail.example ESMTP\r\n", "not-dicom-greeting"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07", "not-dicom"),
    ],
)
async def test_other_services_by_how_they_begin(context: AppContext, banner: bytes, code: str) -> None:
    await check(context, says(banner), code)


# ------------------------------------------------------------------------------------------------- reject and abort


@pytest.mark.parametrize(
    ("result", "source", "reason", "code"),
    [
        *[(result, 1, 1, "rejected-no-reason") for result in (1, 2)],
        (1, 1, 2, "rejected-application-context"),
        (1, 1, 3, "rejected-calling-ae"),
        (1, 1, 7, "rejected-called-ae"),
        *[(1, 1, reason, "rejected-unknown") for reason in (0, 4, 5, 6, 8, 9, 10, 255)],
        (1, 2, 1, "rejected-no-reason"),
        (1, 2, 2, "rejected-protocol-version"),
        (1, 2, 3, "rejected-unknown"),
        (2, 3, 1, "rejected-busy"),
        (2, 3, 2, "rejected-busy"),
        *[(1, 3, reason, "rejected-unknown") for reason in (0, 3, 7)],
        (1, 4, 1, "rejected-unknown"),
        (9, 1, 7, "rejected-called-ae"),
    ],
)
async def test_every_rejection(context: AppContext, result: int, source: int, reason: int, code: str) -> None:
    finding = await check(context, says(pdu(3, bytes((0, result, source, reason)))), code)
    assert ("calls that temporary" in finding.causes[0]) is (result == 2 and source != 3)
    assert ("none of the standard's" in finding.causes[0]) is (result == 9)


ABORTS = [(0, 0), (0, 5), (1, 0), *[(2, reason) for reason in range(8)], (7, 1)]


@pytest.mark.parametrize(("source", "reason"), ABORTS)
async def test_every_abort_on_the_greeting(context: AppContext, source: int, reason: int) -> None:
    await check(context, says(pdu(7, bytes((0, 0, source, reason)))), "aborted-on-greeting")


@pytest.mark.parametrize(("source", "reason"), ABORTS)
async def test_every_abort_later(context: AppContext, source: int, reason: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(ECHO_AC)
        await peer.read()
        await peer.send(pdu(7, bytes((0, 0, source, reason))))
        await peer.drop()

    code = {0: "aborted-by-user", 2: "aborted-by-provider"}.get(source, "aborted-unknown-source")
    finding = await check(context, script, code)
    assert finding.evidence[0].length == 2


# --------------------------------------------------------------------------------------------------------- contexts


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (1, "no-context-user"), (2, "no-context-provider"), (3, "no-context-abstract"), (4, "no-context-transfer"),
        (9, "no-context"),
    ],
)  # fmt: skip
async def test_every_refusal_of_a_context(context: AppContext, result: int, code: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(associate(APPLICATION, context_ac(1, result), USER, pdu_type=2))
        await peer.read()
        await peer.send(RELEASE_RP)
        await peer.drop()

    await check(context, script, code)


# --------------------------------------------------------------------------------------------------------------- TLS


async def test_a_port_for_tls_that_is_called_without(context: AppContext, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = server_config(authority.issue())
    async with ends(Handlers(), tls=(tls, TlsConfig(ca_file=authority.file))) as both:
        [code] = codes(await echoed(context, f"SCP@127.0.0.1:{both.server.port}"))
    assert code in {"peer-wants-tls", "closed-on-greeting"}


async def test_a_port_without_tls_that_is_called_with_it(context: AppContext) -> None:
    async with answering() as scp:
        found = codes(await echoed(context, scp.peer, tls=TlsConfig()))
    assert found == ["tls-peer-is-plain"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("unknown issuer", "tls-unknown-issuer"), ("expired", "tls-expired"), ("future", "tls-not-yet-valid"),
        ("name", "tls-name-mismatch"), ("none of ours", "tls-client-certificate"),
        ("ours is refused", "tls-certificate-refused"),
    ],
)  # fmt: skip
async def test_every_fault_of_certificates(context: AppContext, tmp_path: Path, fault: str, code: str) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    pair = {"expired": authority.expired, "future": authority.future}.get(fault, authority.issue)()
    if fault == "name":
        pair = authority.issue("elsewhere.example")
    server = server_config(pair)
    if fault in ("none of ours", "ours is refused"):
        server = server_config(pair, authority, client_auth="require")
    ours = other.issue("client") if fault == "ours is refused" else None
    trusted = other if fault == "unknown issuer" else authority
    client = TlsConfig(ca_file=trusted.file, cert_file=ours.cert if ours else None, key_file=ours.key if ours else None)
    good = authority.issue("client")
    reachable = TlsConfig(ca_file=authority.file, cert_file=good.cert, key_file=good.key, verify="none")
    async with ends(Handlers(), tls=(server, reachable)) as both:
        found = codes(await echoed(context, f"SCP@127.0.0.1:{both.server.port}", tls=client))
    assert found == [code] or (code.startswith("tls-c") and found == ["closed-on-greeting-tls"])


# ---------------------------------------------------------------------------------------------------------- messages


def taking_all(request: AssociateRQ) -> bytes:
    """An answer that accepts the last encoding of each context, which is implicit VR for queries."""
    proposed = request.presentation_contexts
    contexts = b"".join(context_ac(one.context_id, 0, one.transfer_syntaxes[-1]) for one in proposed)
    return associate(APPLICATION, contexts, USER, pdu_type=2)


def answering_with(reply: Callable[[int, Command], bytes]) -> Script:
    """Accepts whatever is proposed and answers each request by what ``reply`` makes of it."""

    async def script(peer: Peer) -> None:
        request = await peer.read()
        assert isinstance(request, AssociateRQ)
        await peer.send(taking_all(request))
        command: Command | None = None
        while (one := await peer.read()) is not None:
            if isinstance(one, ReleaseRQ):
                await peer.send(RELEASE_RP)
            for piece in one.pdvs if isinstance(one, PDataTF) else ():
                if piece.is_command:
                    command = command_set.decode(bytes(piece.data))
                if piece.is_last and command is not None and piece.is_command is not command.has_dataset:
                    await peer.send(reply(piece.context_id, command))

    return script


def final(status: int, **elements: int | str) -> Callable[[int, Command], bytes]:
    """One response, with that status."""

    def reply(context_id: int, command: Command) -> bytes:
        return response(command.command_field | 0x8000, command.message_id, status, context_id, **elements)

    return reply


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_instance(tmp_path, 1)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0xA700, "store-out-of-resources"), (0xA7FF, "store-out-of-resources"), (0xA900, "store-wrong-class"),
        (0xC000, "store-not-understood"), (0xCFFF, "store-not-understood"), (0x0122, "class-not-supported"),
        (0xB000, "store-changed"), (0xB006, "store-changed"), (0x0124, "not-authorized"), (0x0117, "invalid-instance"),
        (0x0111, "duplicate-instance"), (0x0110, "processing-failure"), (0x0213, "resource-limitation"),
        (0x0999, "status-unlisted"),
    ],
)  # fmt: skip
async def test_statuses_of_c_store(context: AppContext, file: Path, status: int, code: str) -> None:
    async with bad_server(answering_with(final(status))) as server:
        with await prepare(context, [file]) as selection:
            report = await send(context, PeerAddress.parse(server.address), OPTIONS, selection)
        await all_gone(server)
    assert codes(report.findings) == [code]
    assert f"0x{status:04X}" in report.findings[0].what


async def test_a_send_that_is_cut_off_in_the_middle(context: AppContext, file: Path) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.read()
        assert isinstance(request, AssociateRQ)
        await peer.send(taking_all(request))
        await peer.read()
        await peer.reset()

    async with bad_server(script) as server:
        with await prepare(context, [file]) as selection:
            report = await send(context, PeerAddress.parse(server.address), OPTIONS, selection)
    assert codes(report.findings) == ["connection-lost-sending"]


def query(**keys: str) -> Query:
    return Query(tuple(Key((attribute_of(keyword),), value) for keyword, value in keys.items()), None, Level.STUDY)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0x0000, "find-empty"), (0xA700, "find-out-of-resources"), (0xA900, "find-identifier"),
        (0xC001, "find-identifier"), (0x0122, "class-not-supported"),
    ],
)  # fmt: skip
async def test_statuses_of_c_find(context: AppContext, status: int, code: str) -> None:
    async with bad_server(answering_with(final(status))) as server:
        result = await find(context, PeerAddress.parse(server.address), OPTIONS, query(PatientName="A*"))
        await all_gone(server)
    assert codes(result.findings) == [code]


async def test_names_without_an_alphabet(context: AppContext) -> None:
    name = "Größe ".encode("latin-1")
    data = struct.pack("<HHI", 0x0010, 0x0010, len(name)) + name

    def reply(context_id: int, command: Command) -> bytes:
        pending = response(0x8020, command.message_id, 0xFF00, context_id, e0800=1)
        return pending + pdata(pdv(context_id, 2, data)) + response(0x8020, command.message_id, 0, context_id)

    async with bad_server(answering_with(reply)) as server:
        result = await find(context, PeerAddress.parse(server.address), OPTIONS, query(PatientName="G*"))
        await all_gone(server)
    assert result.count == 1
    assert codes(result.findings) == ["character-set-missing"]
    assert "f6 df" in result.findings[0].what


# --------------------------------------------------------------------------------------------------------- retrieval


def study() -> list[Wanted]:
    return [Wanted(Level.STUDY, (Key((attribute_of("StudyInstanceUID"),), CT_STUDY),))]


async def moved(context: AppContext, peer: PeerAddress, *, comes_here: bool = False) -> tuple[Finding, ...]:
    report = await MoveJob(
        context, peer, OPTIONS, study(), destination="OURS", expects_arrivals=comes_here
    ).run()  # fmt: skip
    return report.findings


def know(context: AppContext, listener: OwnListener) -> None:
    context.know_by(lambda: Facts(listeners=(listener,)))


async def test_a_move_to_nobody(context: AppContext) -> None:
    async with answering() as scp:
        [finding] = await moved(context, scp.address)
    assert finding.code == "move-unknown-destination"
    assert finding.actions[0].kind is ActionKind.COPY_SETUP


async def test_a_move_that_does_not_knock(context: AppContext) -> None:
    """The peer has another port for us than the one on which we listen."""
    know(context, OwnListener("OURS", "127.0.0.1", 11112))
    async with answering(destinations={"OURS": free_port()}) as scp:
        findings = await moved(context, scp.address, comes_here=True)
    assert codes(findings) == ["move-no-knock"]
    assert "11112" in findings[0].what


async def test_a_move_that_knocks_and_is_refused(context: AppContext, tmp_path: Path) -> None:
    async with listens_in(context, tmp_path / "in")(ae_title="OTHER", check_called_ae=True) as listener:
        know(context, OwnListener("OURS", "127.0.0.1", listener.port))
        async with answering(destinations={"OURS": listener.port}) as scp:
            findings = await moved(context, scp.address, comes_here=True)
    assert codes(findings) == ["move-knock-refused"]
    assert "it called OURS, which is not our name" in findings[0].what


async def test_a_move_that_arrives_has_nothing_to_tell(context: AppContext, tmp_path: Path) -> None:
    async with listens_in(context, tmp_path / "in")() as listener:
        know(context, OwnListener("OURS", "127.0.0.1", listener.port))
        async with answering(destinations={"OURS": listener.port}) as scp:
            findings = await moved(context, scp.address)
    assert codes(findings) == []
    assert not [finding for finding in diagnose(context.trace.records()) if finding.severity is not Severity.NOTE]


@pytest.mark.parametrize(
    ("status", "elements", "code"),
    [
        (0xA702, {"e1023": 0, "e1022": 4, "e1021": 0}, "move-suboperations"),
        (0xB000, {"e1023": 0, "e1022": 1, "e1021": 3}, "some-suboperations"),
        (0xA701, {}, "retrieve-out-of-resources"),
        (0xA900, {}, "retrieve-identifier"),
        (0x0000, {"e1020": 0, "e1021": 0, "e1022": 0, "e1023": 0}, "retrieve-nothing"),
        (0x0000, {"e1021": 2, "e1022": 1}, "counters-odd"),
    ],
)
async def test_what_a_move_tells(context: AppContext, status: int, elements: dict[str, int], code: str) -> None:
    async with bad_server(answering_with(final(status, **elements))) as server:
        findings = await moved(context, PeerAddress.parse(server.address))
        await all_gone(server)
    assert codes(findings) == [code]


async def test_a_get_of_which_all_fails(context: AppContext, tmp_path: Path) -> None:
    """The peer grants no role, and says so by its numbers only."""
    script = answering_with(final(0xA702, e1021=0, e1022=4))
    async with bad_server(script) as server:
        job = GetJob(context, PeerAddress.parse(server.address), OPTIONS, study(), into=tmp_path, sop_classes=[CT])
        report = await job.run()
        await all_gone(server)
    assert "get-all-failed" in codes(report.findings)
    [finding] = [one for one in report.findings if one.code == "get-all-failed"]
    assert "did not grant us the storage role" in finding.causes[0]


# ------------------------------------------------------------------------------------------------------- two at once


async def test_a_name_that_is_known_by_an_earlier_association(context: AppContext) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.read()
        assert isinstance(request, AssociateRQ)
        if request.called_ae != "PACS1":
            await peer.send(pdu(3, bytes((0, 1, 1, 7))))
            await peer.drop()
            return
        await peer.send(ECHO_AC)
        command = await peer.read_command()
        await peer.send(response(0x8030, command.message_id))
        await peer.read()
        await peer.send(RELEASE_RP)
        await peer.drop()

    async with bad_server(script) as server:
        assert codes(await echoed(context, f"PACS1@127.0.0.1:{server.port}")) == []
        await echoed(context, f"Pacs1@127.0.0.1:{server.port}")
        await all_gone(server)
    [finding] = diagnose(context.trace.records())
    assert "known as PACS1: capitals matter, and Pacs1 was sent" in finding.causes[0]
    assert (finding.actions[0].kind, finding.actions[0].value) == (ActionKind.TRY_AE, "PACS1")


async def test_a_healthy_day_has_no_findings(context: AppContext, tmp_path: Path) -> None:
    seen: list[Record] = []
    context.add_tracer(seen.append)
    async with listens_in(context, tmp_path / "in")() as listener:
        address = PeerAddress.parse(f"OURS@127.0.0.1:{listener.port}")
        assert codes(await echoed(context, str(address))) == []
        with await prepare(context, list(real_files(CT_STUDY))) as selection:
            report = await send(context, address, OPTIONS, selection)
        assert report.ok
        assert codes(report.findings) == []
    assert [finding.code for finding in diagnose(seen) if finding.severity is not Severity.NOTE] == []


@pytest.fixture
def archive() -> Iterator[Answering]:
    """In a thread of its own; it has another port for OURS than anybody listens on."""
    with in_thread(lambda: answering(destinations={"OURS": free_port()})) as scp:
        yield scp


def test_a_move_by_the_command_line_that_does_not_knock(
    archive: Answering, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["move", archive.peer, "-k", f"StudyInstanceUID={CT_STUDY}", "--to", "OURS", "--listen", "0"]
    assert main([*arguments, "--out", str(tmp_path / "in")]) == 1
    told = capsys.readouterr().err
    assert "nobody reached our listener OURS at 127.0.0.1:" in told
    assert "reached from this computer only" in told
