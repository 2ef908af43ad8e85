from __future__ import annotations

import pytest
from helpers.recordings import Recording, associate_ac, associate_rq

from dicomgui.network.dimse import CEchoRQ, CStoreRQ
from dicomgui.network.pdu import Abort, ReleaseRQ
from dicomgui.network.tracing import (
    ENDED_EARLY,
    CancelRecord,
    Direction,
    NoteRecord,
    PduRecord,
    RefuseRecord,
    Role,
    Segment,
    TlsRecord,
    broken_rule,
)
from dicomgui.trace.diagnosis.case import Found, decoded
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.finding import Evidence, Finding, Severity

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED


def only(recording: Recording) -> Finding:
    (finding,) = diagnose(recording.records)
    return finding


def asked(role: Role = Role.REQUESTOR) -> Recording:
    """A connection on which the association was asked for."""
    recording = Recording(role=role).connect()
    return recording.sent(associate_rq()) if role is Role.REQUESTOR else recording.received(associate_rq())


@pytest.mark.parametrize(
    ("codes", "code", "words"),
    [
        ((1, 1, 7), "rejected-called-ae", "does not know the name that you called: PACS."),
        ((1, 1, 3), "rejected-calling-ae", "does not know the name that you use: ME."),
        ((1, 1, 1), "rejected-no-reason", "without a reason"),
        ((1, 2, 1), "rejected-no-reason", "without a reason"),
        ((1, 1, 2), "rejected-application-context", "no current DICOM system"),
        ((1, 2, 2), "rejected-protocol-version", "no current DICOM system"),
        ((2, 3, 1), "rejected-busy", "busy"),
        ((2, 3, 2), "rejected-busy", "busy"),
        ((1, 3, 9), "rejected-unknown", "(1/3/9)"),
    ],
)
def test_rejections(codes: tuple[int, int, int], code: str, words: str) -> None:
    finding = only(asked().rejected(*codes).closed())
    assert finding.code == code
    assert words in finding.what
    assert finding.what.startswith("PACS@10.0.0.2:104")
    assert finding.evidence[0] == Evidence(2, 7, 3)
    assert finding.clause.startswith("PS3.8 9.3.4")


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ((1, 1, 7), "we-rejected-called-ae"),
        ((1, 1, 3), "we-rejected-calling-ae"),
        ((2, 3, 2), "we-rejected-busy"),
        ((1, 2, 2), "we-rejected"),
        ((1, 1, 9), "we-rejected"),
    ],
)
def test_rejections_of_ours(codes: tuple[int, int, int], code: str) -> None:
    recording = asked(Role.ACCEPTOR)
    recording.add(RefuseRecord(*recording.head, "10.0.0.2:104", "rejected")).rejected(*codes)
    finding = only(recording.closed())
    assert finding.code == code
    assert "ME at 10.0.0.2:104 reached us and we refused it" in finding.what
    assert finding.severity is Severity.WARNING


def test_a_fault_in_sound_pdus_is_a_violation() -> None:
    recording = Recording().established()
    recording.add(NoteRecord(*recording.head, 30, broken_rule("a response to message 7, which nobody sent")))
    finding = only(recording.sent(Abort(2, 6)).closed())
    assert finding.code == "protocol-violation"
    assert "what the standard does not allow: a response to message 7, which nobody sent." in finding.what
    assert finding.evidence == (Evidence(len(recording.records) - 3, 0, 0),)


def test_what_is_answered_before_all_of_it_is_there_is_why_we_aborted() -> None:
    """A P-DATA-TF is judged at its header: the A-ABORT stands in the trace before it."""
    recording = Recording(role=Role.ACCEPTOR).connect().sent(Abort(0, 0))
    recording.raw(RECEIVED, b"\4\0\0\0\x40\0", "P-DATA-TF is not allowed", length=16390)
    finding = only(recording.state(17).closed())
    assert finding.code == "protocol-violation"


def test_a_rejection_that_cannot_be_read_is_a_violation() -> None:
    recording = asked().raw(
        RECEIVED, b"\x03\0\0\0\0\x02\0\x01", "A-ASSOCIATE-RJ: PDU length at offset 2: 2 instead of 4"
    )
    finding = only(recording.sent(Abort(2, 6)).closed())
    assert finding.code == "protocol-violation"
    assert finding.evidence == (Evidence(2, 2, 0),)


@pytest.mark.parametrize(
    ("source", "reason", "code", "words"),
    [
        (0, 0, "aborted-by-user", "aborted by the service-user"),
        (2, 1, "aborted-by-provider", "unrecognized PDU"),
        (2, 6, "aborted-by-provider", "invalid PDU parameter value"),
        (2, 0, "aborted-by-provider", "not specified"),
    ],
)
def test_aborts_of_the_peer(source: int, reason: int, code: str, words: str) -> None:
    finding = only(Recording().established().aborted(source, reason).closed())
    assert finding.code == code
    assert words in finding.what
    assert finding.evidence == (Evidence(3, 8, 2),)
    assert ("It met" in finding.causes[0]) is (source == 2 and reason > 0)


def test_an_abort_on_the_greeting() -> None:
    finding = only(asked().aborted(2, 4).closed())
    assert finding.code == "aborted-on-greeting"
    assert finding.causes[0] == "It met a field or item that it does not know."


def test_an_abort_that_cannot_be_read_is_an_abort() -> None:
    recording = Recording().established()
    recording.add(PduRecord(*recording.head, RECEIVED, 7, 10, (), ""))
    assert only(recording).code == "aborted-by-user"


def test_an_abort_of_the_caller() -> None:
    finding = only(Recording(role=Role.ACCEPTOR).established().aborted().closed())
    assert finding.code == "caller-aborted"
    assert "ME at 10.0.0.2:104" in finding.what


def test_what_the_peer_did_wrong_is_the_cause_of_our_abort() -> None:
    recording = Recording().established().received(associate_ac(), "A-ASSOCIATE-AC is not allowed in Sta6")
    finding = only(recording.sent(Abort(2, 2)).closed(by_peer=False))
    assert finding.code == "protocol-violation"
    assert "A-ASSOCIATE-AC is not allowed in Sta6." in finding.what
    stray = only(Recording().established().stray(b"\x99\0\0", "").sent(Abort(2, 1)))
    assert "bytes that belong to no PDU" in stray.what


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("response", "no-response", "did not answer C-STORE within 30 s."),
        ("send", "not-reading", "did not take our data within 30 s."),
        ("release", "no-release-answer", "did not answer our goodbye within 30 s"),
        ("idle", "idle", "after 30 s without a byte"),
        ("connect", "no-answer", "no answer at all"),
        ("tea", "timed-out", "tea took 30 s."),
        ("associate", "no-association-answer", "within 30 s"),
    ],
)
def test_time_outs(name: str, code: str, words: str) -> None:
    recording = Recording().established().dimse(SENT, CStoreRQ(1, "1.2", "1.3")).timer(name)
    finding = only(recording.sent(Abort()).closed(by_peer=False))
    assert finding.code == code
    assert words in finding.what
    assert finding.evidence[0] == Evidence(4)
    assert (Evidence(3) in finding.evidence) is (name == "response")


def test_a_time_out_without_a_request() -> None:
    assert "our request" in only(Recording().established().timer("response")).what


def test_a_peer_that_says_nothing() -> None:
    finding = only(asked().timer("associate").sent(Abort()).closed(by_peer=False))
    assert finding.code == "silent"


@pytest.mark.parametrize("how", ["state", "timer", "closed"])
def test_a_caller_that_says_nothing(how: str) -> None:
    recording = Recording(role=Role.ACCEPTOR).connect()
    if how == "state":
        recording.state(18, 2, 1, "AA-2")
    elif how == "timer":
        recording.timer("artim")
    finding = only(recording.closed(by_peer=how == "closed"))
    assert finding.code == "caller-silent"
    assert finding.severity is Severity.NOTE


def test_artim_after_the_end_means_nothing() -> None:
    assert diagnose(Recording().established().released().state(18, 13, 1).timer("artim").records) == []


def test_a_connection_that_is_closed_on_the_greeting() -> None:
    assert only(asked().closed()).code == "closed-on-greeting"
    assert only(asked().closed(by_peer=False, error="ConnectionResetError: x")).code == "closed-on-greeting"
    over_tls = asked()
    over_tls.add(TlsRecord(*over_tls.head, "TLSv1.3", "AES", b"", 0.1, "")).closed()
    assert only(over_tls).code == "closed-on-greeting-tls"


def test_a_connection_that_is_cut() -> None:
    assert only(Recording().established().closed()).code == "connection-lost"
    idle = only(Recording().established().wait(299.0).closed())
    assert idle.code == "connection-lost-idle"
    assert "after 300 s without a byte" in idle.what
    sending = only(Recording().established().dimse(SENT, CEchoRQ(1)).closed())
    assert sending.code == "connection-lost-sending"
    assert "C-ECHO" in sending.what
    caller = only(Recording(role=Role.ACCEPTOR).established().closed())
    assert (caller.code, caller.severity) == ("caller-lost", Severity.WARNING)


def test_a_pdu_that_was_cut_off_is_shown_with_the_cut() -> None:
    recording = Recording().established().raw(RECEIVED, b"\x04\0\0\0\x40\0abc", ENDED_EARLY, length=16390)
    finding = only(recording.state(17).closed())
    assert finding.code == "connection-lost"
    assert [item.record_index for item in finding.evidence] == [5, 3]


def test_a_close_of_ours_without_words() -> None:
    assert only(Recording().established().closed(by_peer=False)).code == "we-closed"


def test_a_close_before_anything_was_asked() -> None:
    assert diagnose(Recording().connect().closed().records) == []
    knocked = Recording(role=Role.ACCEPTOR).connect().received(ReleaseRQ()).closed()
    assert diagnose(knocked.records) == []


def test_refusals_of_ours() -> None:
    recording = Recording(role=Role.ACCEPTOR).connect()
    finding = only(recording.add(RefuseRecord(*recording.head, "10.0.0.2:104", "too many connections")).closed())
    assert finding.code == "we-refused"
    assert finding.what == "10.0.0.2:104 reached us and we refused it: too many connections."


def test_cancels() -> None:
    recording = Recording().established()
    finding = only(recording.add(CancelRecord(*recording.head, "by the user.")).sent(Abort()).closed(by_peer=False))
    assert (finding.code, finding.what) == ("cancelled", "The work was cancelled here: by the user.")
    recording = Recording().established()
    recording.add(CancelRecord(*recording.head, "a message broke off: the file ended early")).sent(Abort())
    finding = only(recording)
    assert (finding.code, finding.severity) == ("message-broke-off", Severity.ERROR)
    assert finding.what == "A message broke off: the file ended early."


def test_an_abort_of_ours_without_a_reason() -> None:
    assert only(Recording().established().sent(Abort()).closed(by_peer=False)).code == "we-aborted"


def test_pdus_that_cannot_be_decoded() -> None:
    head = (1, 0.0, 0.0, RECEIVED, 7, 10)
    assert decoded(None) is None
    for segments in ((), (Segment(0, b"\x07"),), (Segment(2, b"\0" * 10),), (Segment(0, b"\x07" + b"\xff" * 9),)):
        assert decoded(Found(0, PduRecord(*head, segments, ""))) is None


@pytest.mark.parametrize(
    ("codes", "words"),
    [((2, 1, 1), "calls that temporary"), ((9, 1, 1), "none of the standard's"), ((2, 3, 1), "too many associations")],
)
def test_unusual_results_of_a_rejection(codes: tuple[int, int, int], words: str) -> None:
    assert words in only(asked().rejected(*codes).closed()).causes[0]


@pytest.mark.parametrize("reason", [0, 3, 7, 255])
def test_reasons_of_an_abort_that_say_nothing(reason: int) -> None:
    finding = only(Recording().established().aborted(2, reason).closed())
    assert ("none that the standard defines" in finding.causes[0]) is (reason != 0)


def test_a_request_that_was_never_answered() -> None:
    finding = only(Recording().established().dimse(SENT, CEchoRQ(1)).released())
    assert (finding.code, finding.severity) == ("cannot-tell", Severity.WARNING)
    assert "released while C-ECHO was not answered" in finding.what
