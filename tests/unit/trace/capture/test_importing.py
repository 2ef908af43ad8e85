from __future__ import annotations

import itertools
import logging
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from helpers.packets import (
    ACK,
    CLIENT,
    RST,
    SERVER,
    START_NS,
    SYN,
    Talk,
    Timed,
    block,
    ethernet,
    interface,
    option,
    pcap,
    pcapng,
    section,
)
from helpers.recordings import CT, EXPLICIT, IMPLICIT, VERIFICATION, Recording, associate_ac, associate_rq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicomgui.network.dimse import CEchoRQ, CEchoRSP, CStoreRQ, CStoreRSP, encode
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import (
    PDV,
    Abort,
    AssociateAC,
    AssociateRQ,
    PDataTF,
    PresentationContextAC,
    PresentationContextRQ,
    ReleaseRP,
    ReleaseRQ,
    decode,
)
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    BytesRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    NoteRecord,
    PduRecord,
    Record,
    Role,
    Segment,
    TlsRecord,
)
from dicomgui.trace.capture import CaptureError, CaptureReader, ImportResult, import_capture
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.file import TraceWriter, read_trace
from dicomgui.trace.pcap import export_pcapng
from dicomgui.trace.store import TraceStore
from dicomgui.trace.summary import Outcome, summarize

SENT, RECEIVED = Direction
RQ = associate_rq(
    PresentationContextRQ(1, VERIFICATION, (IMPLICIT,)), PresentationContextRQ(3, CT, (EXPLICIT,))
).encode()
AC = associate_ac(PresentationContextAC(1, 0, IMPLICIT), PresentationContextAC(3, 0, EXPLICIT)).encode()
ECHO_RQ = PDataTF((PDV(1, 3, encode(CEchoRQ(1))),)).encode()
ECHO_RSP = PDataTF((PDV(1, 3, encode(CEchoRSP(1, Status(0)))),)).encode()
STORE_RQ = PDataTF((PDV(3, 3, encode(CStoreRQ(2, CT, "1.2.3"))),)).encode()
STORE_DATA = [PDataTF((PDV(3, 2 if last else 0, bytes(range(256)) * 20),)).encode() for last in (0, 0, 0, 1)]
STORE_RSP = PDataTF((PDV(3, 3, encode(CStoreRSP(2, Status(0), CT, "1.2.3"))),)).encode()
RELEASE_RQ, RELEASE_RP = ReleaseRQ().encode(), ReleaseRP().encode()
HTTP = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def session(talk: Talk | None = None) -> Talk:
    """A C-ECHO and a C-STORE."""
    talk = (talk or Talk()).open().send(0, RQ).send(1, AC).send(0, ECHO_RQ).send(1, ECHO_RSP)
    talk.send(0, STORE_RQ + b"".join(STORE_DATA)).send(1, STORE_RSP)
    return talk.send(0, RELEASE_RQ).send(1, RELEASE_RP).close()


SESSION = [RQ, AC, ECHO_RQ, ECHO_RSP, STORE_RQ, *STORE_DATA, STORE_RSP, RELEASE_RQ, RELEASE_RP]


def load(path: Path, packets: Iterable[Timed], **options: Any) -> tuple[list[Record], ImportResult]:
    records: list[Record] = []
    result = import_capture(
        pcapng(path / "a.pcapng", packets), records.append, number=itertools.count(1).__next__, **options
    )
    assert result.records == len(records)
    return records, result


def kinds(records: Iterable[Record]) -> list[str]:
    return [type(record).__name__.removesuffix("Record") for record in records]


def of(records: Iterable[Record], kind: type[Any]) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


def test_an_association_as_a_live_trace_would_tell_it(tmp_path: Path) -> None:
    records, result = load(tmp_path, session().packets)
    assert kinds(records) == [
        "Connect", "Pdu", "Pdu", "Pdu", "Dimse", "Pdu", "Dimse", "Pdu", "Pdu", "Pdu", "Pdu", "Pdu", "Dimse", "Pdu",
        "Dimse", "Pdu", "Pdu", "Close",
    ]  # fmt: skip
    assert records[0] == ConnectRecord(
        1, 0.001, START_NS / 1e9 + 0.001, Role.REQUESTOR, "10.0.0.1:50000", "10.0.0.2:104", 0.001, ""
    )
    pdus = of(records, PduRecord)
    assert [pdu.segments for pdu in pdus] == [(Segment(0, data),) for data in SESSION]
    assert [pdu.length for pdu in pdus] == [len(data) for data in SESSION]
    senders = [SENT, RECEIVED, SENT, RECEIVED, SENT, SENT, SENT, SENT, SENT, RECEIVED, SENT, RECEIVED]
    assert [pdu.direction for pdu in pdus] == senders
    messages = of(records, DimseRecord)
    assert [(one.command_field, one.message_id, one.status) for one in messages] == [
        (0x0030, 1, -1), (0x8030, 1, 0), (0x0001, 2, -1), (0x8001, 2, 0),
    ]  # fmt: skip
    assert [one.dataset_length for one in messages] == [-1, -1, 4 * 5120, -1]
    assert (messages[2].sop_class_uid, messages[2].sop_instance_uid) == (CT, "1.2.3")
    assert records[-1].by_peer is False
    assert result.associations == (1,)
    assert result.others == {}
    assert result.notes == ()
    assert [record.mono for record in records] == sorted(record.mono for record in records)
    assert diagnose(records) == []


def test_times_are_those_of_the_packets_in_which_things_were_complete(tmp_path: Path) -> None:
    talk = Talk().open().wait(5_000_000_000).send(0, RQ, 50)
    (pdu,) = of(load(tmp_path, talk.packets)[0], PduRecord)
    assert pdu.utc == talk.packets[-2].time_ns / 1e9
    assert pdu.mono == pytest.approx((talk.packets[-2].time_ns - START_NS) / 1e9)


@pytest.mark.parametrize(
    ("we", "role", "local"),
    [
        ("requestor", Role.REQUESTOR, "10.0.0.1:50000"),
        ("acceptor", Role.ACCEPTOR, "10.0.0.2:104"),
        ("10.0.0.1", Role.REQUESTOR, "10.0.0.1:50000"),
        ("10.0.0.2", Role.ACCEPTOR, "10.0.0.2:104"),
        ("10.0.0.2:104", Role.ACCEPTOR, "10.0.0.2:104"),
        ("10.0.0.2:105", Role.REQUESTOR, "10.0.0.1:50000"),
    ],
)
def test_which_side_is_this_one(tmp_path: Path, we: str, role: Role, local: str) -> None:
    records, _ = load(tmp_path, session().packets, we=we)
    connect = records[0]
    assert isinstance(connect, ConnectRecord)
    assert (connect.role, connect.local) == (role, local)
    request = of(records, PduRecord)[0]
    assert request.direction is (SENT if role is Role.REQUESTOR else RECEIVED)
    (summary,) = summarize(records)
    assert (summary.role, summary.outcome, summary.calling_ae) == (role, Outcome.RELEASED, "ME")


@pytest.mark.parametrize("we", ["", "peer", "10.0.0", "10.0.0.1:x", "host:104", "[::1", ":104"])
def test_what_is_no_side_is_refused(tmp_path: Path, we: str) -> None:
    with pytest.raises(ConfigurationError, match="is no side"):
        load(tmp_path, session().packets, we=we)


@pytest.mark.parametrize("we", ["2001:db8:0::2", "[2001:db8::2]", "[2001:db8::2]:11112"])
def test_our_side_by_ipv6_address(tmp_path: Path, we: str) -> None:
    talk = session(Talk(("2001:db8::1", 50_000), ("2001:db8::2", 11_112)))
    assert load(tmp_path, talk.packets, we=we)[0][0][3] is Role.ACCEPTOR


def test_ipv6(tmp_path: Path) -> None:
    talk = session(Talk(("2001:db8::1", 50_000), ("2001:db8::2", 11_112)))
    records, _ = load(tmp_path, talk.packets)
    assert records[0][4:6] == ("[2001:db8::1]:50000", "[2001:db8::2]:11112")
    assert len(of(records, PduRecord)) == len(SESSION)


def test_many_associations_at_once_on_any_port(tmp_path: Path) -> None:
    talks = [session(Talk((CLIENT[0], 40_000 + number), (SERVER[0], 9_000 + number))) for number in range(20)]
    mixed = [packet for turn in itertools.zip_longest(*(talk.packets for talk in talks)) for packet in turn if packet]
    records, result = load(tmp_path, mixed)
    assert result.associations == tuple(range(1, 21))
    for number in range(1, 21):
        own = [record for record in records if record.association == number]
        assert [pdu.segments[0].data for pdu in of(own, PduRecord)] == SESSION


def test_a_port_that_is_used_again_is_another_association(tmp_path: Path) -> None:
    packets = session().packets + session(Talk(isn=(70_000, 80_000), start_ns=START_NS + 10**9)).packets
    records, result = load(tmp_path, packets)
    assert result.associations == (1, 2)
    assert len(of(records, PduRecord)) == 2 * len(SESSION)


# ------------------------------------------------------------------------------------------------------ missing pieces


def test_missing_start(tmp_path: Path) -> None:
    """The capture begins in the middle of the C-STORE."""
    packets = session().packets
    begin = next(number for number, packet in enumerate(packets) if STORE_RQ[:40] in packet.data)
    records, _ = load(tmp_path, packets[begin + 1 :])
    assert kinds(records[:4]) == ["Connect", "Note", "Bytes", "Pdu"]
    assert "beginning of this connection is not in the capture" in records[1].text
    assert records[2].data == b""
    assert "beginning of this PDU is not in the capture" in records[2].error
    assert records[0][3:6] == (Role.REQUESTOR, "10.0.0.1:50000", "10.0.0.2:104")
    assert [pdu.pdu_type for pdu in of(records, PduRecord)] == [4, 4, 4, 4, 5, 6]
    (message,) = of(records, DimseRecord)
    assert (message.direction, message.command_field) == (RECEIVED, 0x8001)
    assert not [finding for finding in diagnose(records) if "no DICOM" in finding.what]


def test_missing_start_with_contexts_set_by_hand(tmp_path: Path) -> None:
    packets = session().packets
    begin = next(number for number, packet in enumerate(packets) if ECHO_RQ in packet.data)
    contexts = {1: (VERIFICATION, IMPLICIT), 3: (CT, EXPLICIT)}
    records, _ = load(tmp_path, packets[begin:], contexts=contexts)
    assert kinds(records[:5]) == ["Connect", "Note", "Note", "Pdu", "Pdu"]
    assert "set by hand" in records[2].text
    request, answer = (decode(record.segments[0].data) for record in records[3:5])
    assert isinstance(request, AssociateRQ)
    assert isinstance(answer, AssociateAC)
    assert request.calling_ae == "(not captured)"
    assert [one.transfer_syntax for one in answer.presentation_contexts] == [IMPLICIT, EXPLICIT]
    assert [record.direction for record in records[3:5]] == [SENT, RECEIVED]
    assert len(of(records, DimseRecord)) == 4
    as_acceptor, _ = load(tmp_path, packets[begin:], contexts=contexts, we="acceptor")
    assert [record.direction for record in as_acceptor[3:5]] == [RECEIVED, SENT]


def test_contexts_do_not_touch_associations_that_are_whole(tmp_path: Path) -> None:
    records, _ = load(tmp_path, session().packets, contexts={5: (CT, IMPLICIT)})
    assert [pdu.segments[0].data for pdu in of(records, PduRecord)] == SESSION


@pytest.mark.parametrize(
    "contexts", [{2: (CT, IMPLICIT)}, {0: (CT, IMPLICIT)}, {257: (CT, IMPLICIT)}, {1: ("x", IMPLICIT)}]
)
def test_impossible_contexts_are_refused(tmp_path: Path, contexts: dict[int, tuple[str, str]]) -> None:
    with pytest.raises(ConfigurationError):
        load(tmp_path, session().packets, contexts=contexts)


def test_without_a_start_the_roles_come_from_the_ports(tmp_path: Path) -> None:
    for client, server in (((CLIENT[0], 11_112), (SERVER[0], 104)), ((CLIENT[0], 60_000), (SERVER[0], 7_000))):
        packets = session(Talk(client, server)).packets
        records, _ = load(tmp_path, packets[6:])
        assert records[0][3] is Role.REQUESTOR
        assert len(of(records, PduRecord)) > 8


def test_a_hole_in_a_data_set_costs_nothing_but_its_bytes(tmp_path: Path) -> None:
    packets = session().packets
    lost = next(number for number, packet in enumerate(packets) if STORE_RQ[:40] in packet.data) + 1
    records, _ = load(tmp_path, packets[:lost] + packets[lost + 1 :])
    pdus = of(records, PduRecord)
    assert [pdu.pdu_type for pdu in pdus] == [data[0] for data in SESSION]
    assert [pdu.length for pdu in pdus] == [len(data) for data in SESSION]
    holed = [pdu for pdu in pdus if len(pdu.segments) == 2]
    assert len(holed) == 1
    assert sum(len(segment.data) for segment in holed[0].segments) == holed[0].length - 1460
    (note,) = of(records, NoteRecord)
    assert note.text == "1460 bytes that this side sent are not in the capture."
    assert note.level == logging.WARNING
    assert [message.dataset_length for message in of(records, DimseRecord)] == [-1, -1, 4 * 5120, -1]


def test_after_a_hole_over_a_header_the_next_pdu_is_found(tmp_path: Path) -> None:
    packets = session(Talk()).packets
    first = next(number for number, packet in enumerate(packets) if STORE_RQ[:40] in packet.data)
    records, _ = load(tmp_path, packets[: first + 3] + packets[first + 5 :])
    pdus = of(records, PduRecord)
    assert [pdu.pdu_type for pdu in pdus] == [1, 2, 4, 4, 4, 4, 4, 4, 4, 5, 6]
    assert [pdu.error for pdu in pdus] == [""] * len(pdus)
    (stray,) = of(records, BytesRecord)
    assert stray.data == b""
    assert 0x8001 in [message.command_field for message in of(records, DimseRecord)]


def test_what_the_capture_lacks_is_nobodys_fault(tmp_path: Path) -> None:
    """Whichever packet is missing, nobody is said to have broken the protocol."""
    packets = session().packets
    for lost in range(len(packets)):
        for stop in (lost + 1, lost + 3):
            records, _ = load(tmp_path, packets[:lost] + packets[stop:])
            assert not {"protocol-violation", "not-dicom", "caller-not-dicom"} & {
                finding.code for finding in diagnose(records)
            }


def test_a_pdu_cut_by_the_end_of_its_connection(tmp_path: Path) -> None:
    talk = Talk().open().send(0, RQ).send(1, AC[:100]).close(1)
    records, _ = load(tmp_path, talk.packets)
    assert of(records, PduRecord)[-1].error == "the connection ended before the PDU did"
    assert "protocol-violation" not in {finding.code for finding in diagnose(records)}


def test_the_end_of_the_capture_before_that_of_the_connection(tmp_path: Path) -> None:
    packets = session().packets
    records, _ = load(tmp_path, packets[:12])
    assert isinstance(records[-1], NoteRecord)
    assert records[-1].text == "The capture does not show the end of this connection."


def test_segments_out_of_order_and_repeated(tmp_path: Path) -> None:
    packets = session().packets
    store = next(number for number, packet in enumerate(packets) if STORE_RQ[:40] in packet.data)
    shuffled = [
        *packets[:store],
        packets[store + 2],
        packets[store],
        packets[store + 1],
        packets[store],
        *packets[store + 3 :],
    ]
    records, _ = load(tmp_path, shuffled)
    assert [pdu.segments[0].data for pdu in of(records, PduRecord)] == SESSION


# ----------------------------------------------------------------------------------------------------- how it ends


def test_a_reset_is_told(tmp_path: Path) -> None:
    talk = Talk().open().send(0, RQ).packet(1, RST | ACK)
    close = load(tmp_path, talk.packets)[0][-1]
    assert isinstance(close, CloseRecord)
    assert close.by_peer
    assert close.error == "ConnectionResetError: reset by the peer"
    ours = load(tmp_path, talk.packets, we="acceptor")[0][-1]
    assert ours[3:] == (False, "ConnectionResetError: reset by this side")


def test_refused_and_unanswered_connections(tmp_path: Path) -> None:
    refused = Talk().packet(0, SYN).packet(1, RST | ACK)
    silent = Talk((CLIENT[0], 50_001)).packet(0, SYN).packet(0, SYN, seq=1000)
    records, _ = load(tmp_path, [*refused.packets, *silent.packets])
    assert [record.error.partition(":")[0] for record in of(records, ConnectRecord)] == [
        "ConnectionRefused",
        "ConnectTimeout",
    ]
    assert [summary.outcome for summary in summarize(records)] == [Outcome.FAILED] * 2
    assert len(diagnose(records)) == 2
    seen_from_the_other_side, _ = load(tmp_path, refused.packets, we="acceptor")
    assert kinds(seen_from_the_other_side) == ["Note"]


def test_refused_connections_elsewhere_are_no_news(tmp_path: Path) -> None:
    talk = Talk(server=(SERVER[0], 81)).packet(0, SYN).packet(1, RST | ACK)
    assert load(tmp_path, talk.packets)[1].others == {"nothing": 1}
    assert kinds(load(tmp_path, talk.packets, ports=frozenset({81}))[0]) == ["Connect"]


# -------------------------------------------------------------------------------------------------- what is no DICOM


def test_other_protocols_are_counted(tmp_path: Path) -> None:
    web = [
        Talk((CLIENT[0], 50_000 + n), (SERVER[0], 80)).open().send(0, HTTP).send(1, b"HTTP/1.1 200 OK\r\n")
        for n in range(3)
    ]
    shell = Talk(server=(SERVER[0], 22)).open().send(1, b"SSH-2.0-x\r\n").send(0, b"SSH-2.0-y\r\n").close()
    strange = Talk(server=(SERVER[0], 7)).open().send(0, bytes(100_000)).close()
    quiet = Talk(server=(SERVER[0], 9)).open().close()
    packets = [packet for talk in (*web, shell, strange, quiet) for packet in talk.packets]
    records, result = load(tmp_path, [*packets, *session(Talk((CLIENT[0], 40_000))).packets])
    assert result.others == {"HTTP": 3, "SSH": 1, "unknown": 2}
    assert result.associations == (1,)
    assert {record.association for record in records} == {1}


@pytest.mark.parametrize(("port", "ports"), [(104, frozenset()), (8042, frozenset({8042}))])
def test_another_protocol_where_dicom_is_expected(tmp_path: Path, port: int, ports: frozenset[int]) -> None:
    talk = Talk(server=(SERVER[0], port)).open().send(0, HTTP).send(1, b"HTTP/1.1 400 Bad\r\n").close()
    records, _ = load(tmp_path, talk.packets, ports=ports)
    assert kinds(records) == ["Connect", "Bytes", "Bytes", "Close"]
    assert [record.data for record in of(records, BytesRecord)] == [HTTP, b"HTTP/1.1 400 Bad\r\n"]
    assert [finding.code for finding in diagnose(records)]


def test_no_dicom_that_is_answered_by_dicom(tmp_path: Path) -> None:
    talk = Talk(server=(SERVER[0], 4567)).open().send(0, HTTP).send(1, Abort(2, 1).encode()).close(1)
    records, _ = load(tmp_path, talk.packets)
    assert kinds(records) == ["Connect", "Bytes", "Pdu", "Close"] or kinds(records) == [
        "Connect",
        "Pdu",
        "Bytes",
        "Close",
    ]
    assert of(records, BytesRecord)[0].data == HTTP


def tls_talk(port: int) -> Talk:
    """A handshake of TLS 1.3 as far as it is in the clear, and encrypted records."""
    extensions = b"\0\x2b\0\2\3\4"
    hello = b"\3\3" + bytes(32) + b"\0" + b"\x13\x02" + b"\0" + len(extensions).to_bytes(2, "big") + extensions
    server_hello = b"\2" + len(hello).to_bytes(3, "big") + hello

    def layer(kind: int, body: bytes) -> bytes:
        return bytes([kind, 3, 3]) + len(body).to_bytes(2, "big") + body

    talk = Talk(server=(SERVER[0], port)).open().send(0, layer(22, b"\1\0\0\4abcd"))
    talk.send(1, layer(22, server_hello) + layer(23, bytes(500))).send(0, layer(23, bytes(40)))
    return talk.send(0, layer(23, bytes(3000))).send(1, layer(23, bytes(99))).close()


def test_tls_is_told_and_not_read(tmp_path: Path) -> None:
    records, _ = load(tmp_path, tls_talk(2762).packets)
    assert kinds(records) == ["Connect", "Bytes", "Bytes", "Tls", "Bytes", "Bytes", "Close"]
    (tls,) = of(records, TlsRecord)
    assert (tls.version, tls.cipher, tls.error) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "")
    assert tls.seconds > 0
    assert {(record.data, record.error) for record in of(records, BytesRecord)} == {
        (b"", "TLS: its contents cannot be read")
    }
    assert summarize(records)[0].tls
    assert not [finding for finding in diagnose(records) if finding.severity.value == "error"]


def test_a_tls_handshake_that_fails(tmp_path: Path) -> None:
    """By an alert of either side, or because the connection ended; the end of the capture proves nothing."""
    hello = b"\x16\3\1\0\x08\1\0\0\4abcd"
    alert = b"\x15\3\3\0\2\2\x30"
    for side, error in ((0, "TlsError: this side refused: unknown ca"), (1, "TlsError: alert of the peer: unknown ca")):
        talk = Talk(server=(SERVER[0], 2762)).open().send(0, hello).send(1, hello).send(side, alert).close(side)
        assert [record.error for record in of(load(tmp_path, talk.packets)[0], TlsRecord)] == [error]
    cut = Talk(server=(SERVER[0], 2762)).open().send(0, hello).send(1, hello)
    assert of(load(tmp_path, cut.packets)[0], TlsRecord) == []
    (told,) = of(load(tmp_path, cut.close().packets)[0], TlsRecord)
    assert told.error == "TlsError: the handshake did not come to its end"


def test_tls_on_other_ports_is_counted(tmp_path: Path) -> None:
    assert load(tmp_path, tls_talk(443).packets)[1].others == {"TLS": 1}


def test_an_unexpected_context_is_remarked(tmp_path: Path) -> None:
    talk = Talk().open().send(0, RQ).send(1, AC).send(0, PDataTF((PDV(9, 3, encode(CEchoRQ(1))),)).encode())
    (note, end) = of(load(tmp_path, talk.packets)[0], NoteRecord)
    assert note.text == "P-DATA-TF sent: presentation context 9 was not accepted"
    assert end.level == logging.INFO


def test_packets_that_are_not_tcp_do_no_harm(tmp_path: Path) -> None:
    noise = [Timed(START_NS, b"\x45" + bytes(40)), Timed(START_NS, b""), Timed(START_NS, b"\x60" + bytes(80))]
    path = pcap(tmp_path / "a", [*noise, *session().packets], link_type=1, link=lambda data: ethernet(data or b"\0"))
    records: list[Record] = []
    result = import_capture(path, records.append)
    assert len(of(records, PduRecord)) == len(SESSION)
    assert any("damaged or cut headers" in note for note in result.notes)


def test_unknown_link_types_are_told(tmp_path: Path) -> None:
    path = pcap(tmp_path / "a", session().packets, link_type=195)
    result = import_capture(path, lambda record: None)
    assert result.notes == (f"{result.packets} packets of link type 195 cannot be read.",)


def test_cut_packets_are_told(tmp_path: Path) -> None:
    path = pcap(tmp_path / "a", session().packets, snap=68)
    records: list[Record] = []
    result = import_capture(path, records.append)
    assert any("captured only in part" in note for note in result.notes)
    assert of(records, PduRecord)


# ------------------------------------------------------------------------------------------------------- to and from


def test_our_export_is_imported_as_it_was(tmp_path: Path) -> None:
    """A C-STORE of more than 1,000 PDUs, an acceptor's association, a rejection, an abort, IPv6."""
    store = Recording(1).connect().sent(associate_rq()).received(associate_ac())
    for number in range(1200):
        store.raw(SENT, PDataTF((PDV(1, 2 * (number == 1199), bytes([number % 256]) * 700),)).encode())
    store.released()
    called = Recording(2, role=Role.ACCEPTOR).connect("[::1]:11112", "[::1]:40000").received(associate_rq())
    called.sent(associate_ac()).received(ReleaseRQ()).sent(ReleaseRP()).closed()
    rejected = Recording(3).connect("10.0.0.1:50003").sent(associate_rq()).rejected(1, 1, 7).closed()
    aborted = Recording(4).connect("10.0.0.1:50004").sent(associate_rq()).received(associate_ac()).aborted(2, 6)
    aborted.closed(error="ConnectionResetError: x")
    records = [record for one in (store, called, rejected, aborted) for record in one.records]
    export_pcapng(records, tmp_path / "a.pcapng")
    found: list[Record] = []
    result = import_capture(tmp_path / "a.pcapng", found.append, number=itertools.count(1).__next__)
    assert result.notes == ()
    ours = {2: called}

    def told(record: PduRecord) -> tuple[object, ...]:
        # The capture does not know who made it: by default the requestor.
        mirrored = record.association in ours
        direction = Direction(1 - record.direction) if mirrored else record.direction
        return (record.association, direction, *record[4:])

    expected = [told(record) for record in of(records, PduRecord)]
    assert [(pdu.association, pdu.direction, *pdu[4:]) for pdu in of(found, PduRecord)] == expected
    assert [pdu.utc for pdu in of(found, PduRecord)] == pytest.approx(
        [pdu.utc for pdu in of(records, PduRecord)], abs=1e-6
    )
    places = [(record.local, record.peer) for record in of(found, ConnectRecord)]
    assert places[1] == ("[::1]:40000", "[::1]:11112")
    ends = [(record.by_peer, bool(record.error)) for record in of(found, CloseRecord)]
    assert ends == [(False, False), (False, False), (True, False), (True, True)]


def test_into_a_file_and_a_store(tmp_path: Path) -> None:
    path = pcapng(tmp_path / "a.pcapng", session().packets)
    store = TraceStore()
    result = import_capture(path, store)
    assert store.association_numbers() == list(result.associations)
    assert len(store) == result.records
    with TraceWriter(tmp_path / "a.dgtrace") as writer:
        import_capture(path, writer, number=lambda: result.associations[0])
    assert list(read_trace(tmp_path / "a.dgtrace")) == list(store.records())
    store.close()


def test_progress_and_cancel(tmp_path: Path) -> None:
    packets = [packet for number in range(100) for packet in session(Talk((CLIENT[0], 40_000 + number))).packets]
    told: list[float] = []
    _, result = load(tmp_path, packets, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 5
    stopped, part = load(tmp_path, packets, progress=told.append, cancelled=lambda: told[-1] > 0.3)
    assert part.is_cancelled
    assert 0 < part.packets < result.packets
    assert 0 < len(stopped) < result.records


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"nothing")
    with pytest.raises(CaptureError):
        import_capture(tmp_path / "a", lambda record: None)


def test_undecided_connections_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomgui.trace.capture.importing._MAX_WAITING_BYTES", 200_000)
    talks = [Talk((CLIENT[0], 30_000 + n), (SERVER[0], 7)).open().send(0, bytes(30_000)) for n in range(30)]
    late = session(Talk((CLIENT[0], 29_000), (SERVER[0], 7)))
    records, result = load(tmp_path, [packet for talk in (*talks, late) for packet in talk.packets])
    assert result.others == {"unknown": 30}
    assert len(of(records, PduRecord)) == len(SESSION)


# ------------------------------------------------------------------------------------------------------------- fuzz

_PACKETS = session().packets + session(Talk((CLIENT[0], 50_001), isn=(2**32 - 700, 5))).packets
_JUNK = st.binary(max_size=90).map(lambda data: Timed(START_NS, data or b"E"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files_never_break_the_import(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes changed, cut out or put in anywhere: there is a result, or a CaptureError."""
    path = tmp_path / "a"
    old = data.draw(st.booleans())
    content = bytearray((pcap(path, _PACKETS) if old else pcapng(path, _PACKETS)).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["set", "cut", "put"])):
            case "set":
                content[place] = data.draw(st.integers(0, 255))
            case "cut":
                del content[place : place + data.draw(st.integers(1, 3000))]
            case _:
                content[place:place] = data.draw(st.binary(max_size=40))
        content = content or bytearray(b"\0")
    path.write_bytes(content)
    records: list[Record] = []
    try:
        import_capture(path, records.append)
    except CaptureError:
        return
    assert all(record.association for record in records)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.sampled_from(_PACKETS), _JUNK), max_size=80))
def test_any_packets_in_any_order_never_break_the_import(tmp_path: Path, packets: list[Timed]) -> None:
    records, result = load(tmp_path, packets)
    assert result.packets == len(packets)
    diagnose(records)


# ---------------------------------------------------------------------------------------------------- a real session

RECORDED = Path(__file__).parents[3] / "vectors" / "captures" / "dcmtk-orthanc.pcapng"


def test_a_real_session_is_explained_rightly() -> None:
    """DCMTK with Orthanc: what was aborted, rejected and not found, and nothing of what went well."""
    records: list[Record] = []
    import_capture(RECORDED, records.append)
    assert {finding.code for finding in diagnose(records)} == {"we-aborted", "rejected-no-reason", "find-empty"}
    assert sorted(summary.outcome for summary in summarize(records)) == [
        Outcome.ABORTED, Outcome.REJECTED, *[Outcome.RELEASED] * 8,
    ]  # fmt: skip


def test_a_capture_of_the_beginnings_of_packets_proves_no_loss(tmp_path: Path) -> None:
    """What the capture cut off has arrived all the same."""
    reader = CaptureReader(RECORDED)
    cut = tmp_path / "a.pcapng"
    frames = [(packet.data[:300], len(packet.data), packet.time_ns) for packet in reader]
    blocks = [
        block(6, struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFF_FFFF, len(data), length) + data)
        for data, length, stamp in frames
    ]
    cut.write_bytes(section() + interface(option(9, b"\x09")) + b"".join(blocks))
    records: list[Record] = []
    result = import_capture(cut, records.append)
    assert any("captured only in part" in note for note in result.notes)
    assert {finding.code for finding in diagnose(records)} == {"we-aborted", "rejected-no-reason", "find-empty"}
