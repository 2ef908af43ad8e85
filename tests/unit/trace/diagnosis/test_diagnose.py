from __future__ import annotations

import pytest
from helpers.recordings import Recording, associate_rq
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.network.errors import (
    AssociationAborted,
    AssociationRejected,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    ConnectionRefused,
    ConnectTimeout,
    DicomNetworkError,
    DimseFailure,
    ListenError,
    LocalProtocolError,
    NameResolutionError,
    NoAcceptedContext,
    OperationTimeout,
    RemoteProtocolError,
    TlsError,
)
from dicomgui.network.tracing import (
    BytesRecord,
    CancelRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    FileRecord,
    ListenRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    ResolveRecord,
    Role,
    Segment,
    StateRecord,
    TimerRecord,
    TlsRecord,
)
from dicomgui.trace.diagnosis.diagnose import diagnose, explain_error
from dicomgui.trace.finding import Severity

PEER = "PACS@10.0.0.2:104"
CT = "1.2.840.10008.5.1.4.1.1.2"


def test_where_nothing_failed_there_is_nothing_to_tell() -> None:
    assert diagnose([]) == []
    assert diagnose(Recording().established().echo().released().records) == []
    assert diagnose(Recording().connect().sent(associate_rq()).records) == []


def test_each_association_has_its_findings() -> None:
    good = Recording(1).established().echo().released()
    refused = Recording(2).connect(error="ConnectionRefused: x")
    lost = Recording(3).established().store(0xB000).closed()
    findings = diagnose(iter([*good.records, *refused.records, *lost.records]))
    assert [(finding.association, finding.code) for finding in findings] == [
        (2, "closed-port"),
        (3, "connection-lost"),
        (3, "store-changed"),
    ]
    index = findings[0].evidence[0].record_index
    assert index == len(good.records)


def test_the_most_serious_comes_first() -> None:
    recording = Recording(role=Role.ACCEPTOR).established().store(0xA700).closed()
    assert [finding.severity for finding in diagnose(recording.records)] == [Severity.ERROR, Severity.WARNING]


def test_what_came_first_is_the_cause() -> None:
    recording = Recording().established().timer("response").aborted().closed()
    assert [finding.code for finding in diagnose(recording.records)] == ["no-response"]
    recording = Recording().established().aborted().timer("response").closed()
    assert [finding.code for finding in diagnose(recording.records)] == ["aborted-by-user"]


HEAD = st.tuples(st.integers(0, 2), st.floats(0, 1e6), st.floats(0, 2e9))
TEXT = st.text(max_size=20)
NUMBER = st.integers(-(2**62), 2**62)
SMALL = st.sampled_from([0, 1, 2, 3, 0x8001, 0x8020, 0x20, 0xA700, 0xFF00, 0xFE00, -1, 70000, 0x0110, 18, 17])
DIRECTION = st.sampled_from(Direction)
DATA = st.one_of(st.binary(max_size=90), st.just(associate_rq().encode()))


def pdus(head: tuple[int, float, float], direction: Direction, kind: int, data: bytes, error: str) -> PduRecord:
    return PduRecord(*head, direction, kind, len(data), (Segment(0, data),), error)


RECORDS = st.one_of(
    st.builds(pdus, HEAD, DIRECTION, st.integers(0, 9), DATA, TEXT),
    st.builds(lambda h, d, b, e: BytesRecord(*h, d, len(b), b, e), HEAD, DIRECTION, DATA, TEXT),
    st.builds(lambda h, a, e: ResolveRecord(*h, a, (), 0.0, e), HEAD, TEXT, TEXT),
    st.builds(lambda h, r, a, e: ConnectRecord(*h, r, a, a, 0.0, e), HEAD, st.sampled_from(Role), TEXT, TEXT),
    st.builds(lambda h, a, e: ListenRecord(*h, a, a, False, e), HEAD, TEXT, TEXT),
    st.builds(lambda h, a: RefuseRecord(*h, a, a), HEAD, TEXT),
    st.builds(lambda h, e: TlsRecord(*h, "", "", b"", 0.0, e), HEAD, TEXT),
    st.builds(lambda h, n, m: StateRecord(*h, n, m, "", n), HEAD, NUMBER, SMALL),
    st.builds(
        lambda h, d, f, m, s, t: DimseRecord(*h, d, 1, f, m, t, t, s, -1, t), HEAD, DIRECTION, SMALL, SMALL, SMALL, TEXT
    ),
    st.builds(
        lambda h, n: TimerRecord(*h, n, 1e300), HEAD, st.sampled_from(["artim", "associate", "response", "idle", "x"])
    ),
    st.builds(lambda h, e: FileRecord(*h, e, "", 0, ""), HEAD, st.sampled_from(["failed", "discarded", "stored"])),
    st.builds(lambda h, t: CancelRecord(*h, t), HEAD, TEXT),
    st.builds(lambda h, b, e: CloseRecord(*h, b, e), HEAD, st.booleans(), TEXT),
    st.builds(lambda h, n, t: NoteRecord(*h, n, t), HEAD, st.sampled_from([10, 40]), TEXT),
)


@settings(max_examples=300)
@given(st.lists(RECORDS, max_size=25))
def test_any_trace_can_be_diagnosed(records: list[Record]) -> None:
    for finding in diagnose(records):
        assert finding.evidence
        assert all(0 <= item.record_index < len(records) for item in finding.evidence)
        for text in (finding.what, *finding.causes, *finding.tries, finding.clause):
            assert text.isprintable() or not text


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigurationError("the port is wrong", hint="Use another."), "configuration", "the port is wrong."),
        (NameResolutionError("no", peer=PEER), "name-not-found", "No computer is called 10.0.0.2 here."),
        (ConnectionRefused("no", peer=PEER), "closed-port", "nothing listens on port 104"),
        (ConnectTimeout("no", peer=PEER), "no-answer", "10.0.0.2 gives no answer"),
        (ConnectError("[Errno 101] Network is unreachable", peer=PEER), "unreachable", "no way"),
        (ConnectError("odd", peer=PEER), "connect-failed", "odd."),
        (TlsError("certificate has expired", peer=PEER), "tls-expired", PEER),
        (TlsError("wrong version number", peer=PEER), "tls-peer-is-plain", "TLS"),
        (ListenError("cannot listen on [::]:104: the port is in use by another program"), "port-in-use", "[::]:104 is"),
        (ListenError("cannot listen on [::]:104: odd"), "listen-failed", "odd"),
        (AssociationRejected("no", result=1, source=1, reason=7, peer=PEER), "rejected-called-ae", "called: PACS."),
        (AssociationRejected("no", result=2, source=3, reason=1), "rejected-busy", "The peer is busy"),
        (AssociationAborted("no", source=2, reason=6, peer=PEER, phase="transfer"), "aborted-by-provider", "invalid"),
        (AssociationAborted("no", source=0, reason=0, peer=PEER, phase="associate"), "aborted-on-greeting", "greeting"),
        (AssociationAborted("no", source=0, reason=0, by_peer=False), "we-aborted", "We broke"),
        (NoAcceptedContext("no", sop_class=CT, peer=PEER), "no-context-not-proposed", "CT Image Storage was not"),
        (
            NoAcceptedContext(
                "no", sop_class=CT, offered=("1.2.840.10008.1.2.4.90",), accepted=("1.2.840.10008.1.2",), peer=PEER
            ),
            "no-context",
            "CT Image Storage in JPEG 2000",
        ),
        (NoAcceptedContext("no", sop_class=CT, offered=("1.2.840.10008.1.2",)), "no-context", "Implicit VR"),
        (ConnectionLost("no", peer=PEER), "connection-lost", "without a goodbye"),
        (LocalProtocolError("the association has ended"), "local-misuse", "the association has ended."),
        (RemoteProtocolError("P-DATA-TF: bad", peer=PEER), "protocol-violation", "P-DATA-TF: bad."),
        (RemoteProtocolError("no such PDU type", pdu_type=0x15, peer=PEER), "peer-wants-tls", "a port for TLS."),
        (OperationTimeout("no", phase="connect", peer=PEER), "no-answer", "no answer"),
        (OperationTimeout("no", phase="associate", peer=PEER), "silent", "does not answer in DICOM"),
        (OperationTimeout("no", phase="response", peer=PEER), "no-response", "did not answer our request in time."),
        (OperationTimeout("no", phase="release", peer=PEER), "no-release-answer", "in time"),
        (OperationTimeout("nothing came for 60 s", phase="idle"), "timed-out", "nothing came for 60 s."),
        (DimseFailure("no", status=0xA700, comment="full", peer=PEER), "status-failure", "“full”"),
        (DimseFailure("no", status=0xB000, peer=PEER), "status-warning", "0xB000"),
        (DicomNetworkError("odd", peer=PEER), "unknown", "odd."),
        (KeyError("x"), "internal-fault", "KeyError: 'x'."),
        (RuntimeError(), "internal-fault", "RuntimeError."),
    ],
)
def test_errors_have_words(error: BaseException, code: str, words: str) -> None:
    finding = explain_error(error)
    assert finding.code == code
    assert words in finding.what
    assert finding.evidence == ()


def test_offers_and_hints_are_passed_on() -> None:
    assert explain_error(ConfigurationError("no", hint="Use another.")).tries == ("Use another.",)
    error = NoAcceptedContext("no", sop_class=CT, offered=("1.2",), accepted=("1.2.840.10008.1.2",))
    assert "It would take CT Image Storage in Implicit VR Little Endian." in explain_error(error).tries
