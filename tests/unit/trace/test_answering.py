from __future__ import annotations

import pytest
from helpers.recordings import (
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG_2000,
    VERIFICATION,
    Recording,
    associate_ac,
    associate_rq,
)

from dicomgui.network.dimse import (
    CEchoRSP,
    CFindRQ,
    CFindRSP,
    CGetRSP,
    CMoveRSP,
    Command,
    CStoreRSP,
    NCreateRSP,
)
from dicomgui.network.pdu import PresentationContextAC, PresentationContextRQ
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, FileRecord, NoteRecord, PduRecord, Record, Role, Segment
from dicomgui.trace.diagnose import diagnose
from dicomgui.trace.finding import Finding, Severity

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
MR = "1.2.840.10008.5.1.4.1.1.4"


def only(records: list[Record]) -> Finding:
    (finding,) = diagnose(records)
    return finding


def negotiated(*results: tuple[str, str, int], role: Role = Role.REQUESTOR, extra: bool = False) -> Recording:
    """An association whose contexts (abstract, transfer syntax) got the results; -1 is left out of the answer."""
    proposed = [PresentationContextRQ(2 * n + 1, a, (t,)) for n, (a, t, _) in enumerate(results)]
    answered = [PresentationContextAC(2 * n + 1, r, t) for n, (_, t, r) in enumerate(results) if r >= 0]
    if extra:
        answered.append(PresentationContextAC(201, 0, IMPLICIT))
    recording = Recording(role=role).connect()
    ours, theirs = (SENT, RECEIVED) if role is Role.REQUESTOR else (RECEIVED, SENT)
    return recording.raw(ours, associate_rq(*proposed).encode()).raw(theirs, associate_ac(*answered).encode())


@pytest.mark.parametrize(
    ("results", "code", "words"),
    [
        ([(CT, JPEG_2000, 4)], "no-context-transfer", "not CT Image Storage in JPEG 2000"),
        ([(CT, EXPLICIT, 3)], "no-context-abstract", "not CT Image Storage (abstract syntax not supported)"),
        ([(CT, EXPLICIT, 3), (MR, EXPLICIT, 4)], "no-context", "none of the contexts"),
        ([(CT, EXPLICIT, 1)], "no-context", "user-rejection"),
        ([(CT, EXPLICIT, 2), (MR, EXPLICIT, 2)], "no-context", "provider rejection"),
        ([(CT, EXPLICIT, 99), (MR, EXPLICIT, -1)], "no-context", "not answered"),
    ],
)
def test_no_context_was_accepted(results: list[tuple[str, str, int]], code: str, words: str) -> None:
    recording = negotiated(*results, extra=results[0][2] == 99)
    finding = only(recording.released().records)
    assert finding.code == code
    assert words in finding.what
    (evidence,) = finding.evidence
    assert evidence.record_index == 2
    answer = recording.records[2]
    assert isinstance(answer, PduRecord)
    assert answer.segments[0].data[evidence.offset] == 0x21


def test_an_answer_without_contexts() -> None:
    finding = only(negotiated((CT, EXPLICIT, -1), extra=True).released().records)
    assert finding.code == "no-context"
    assert finding.evidence[0].length == 0


def test_many_refused_contexts_are_not_all_named() -> None:
    results = [(f"1.2.840.10008.5.1.4.1.1.{number}", EXPLICIT, 3) for number in range(10, 20)]
    assert "and 7 more" in only(negotiated(*results).released().records).what


def test_some_contexts_were_refused() -> None:
    results = [(CT, JPEG_2000, 4), (CT, EXPLICIT, 0), (CT, IMPLICIT, 0), (MR, EXPLICIT, 3), (VERIFICATION, IMPLICIT, 0)]
    finding = only(negotiated(*results).released().records)
    assert (finding.code, finding.severity) == ("some-contexts-refused", Severity.NOTE)
    assert "accepted 3 of 5 proposed contexts" in finding.what
    assert "MR Image Storage (abstract syntax not supported)" in finding.what
    offer = "It would take CT Image Storage in Explicit VR Little Endian or Implicit VR Little Endian"
    assert offer in finding.tries[0]
    assert "MR Image" not in finding.tries[0]


def test_contexts_that_we_refused() -> None:
    finding = only(negotiated((CT, EXPLICIT, 3), role=Role.ACCEPTOR).closed(by_peer=False).records)
    assert (finding.code, finding.severity) == ("we-accepted-none", Severity.WARNING)
    assert diagnose(negotiated((CT, EXPLICIT, 3), (MR, EXPLICIT, 0), role=Role.ACCEPTOR).records) == []


def test_contexts_cannot_be_judged_without_the_bytes() -> None:
    recording = negotiated((CT, EXPLICIT, 3))
    answer = recording.records[2]
    assert isinstance(answer, PduRecord)
    recording.records[2] = answer._replace(segments=(Segment(0, answer.segments[0].data[:20]),))
    assert diagnose(recording.records) == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (CStoreRSP(1, Status(0xA700)), "store-out-of-resources"),
        (CStoreRSP(1, Status(0xA7FF)), "store-out-of-resources"),
        (CStoreRSP(1, Status(0xA900)), "store-wrong-class"),
        (CStoreRSP(1, Status(0xC123)), "store-not-understood"),
        (CStoreRSP(1, Status(0xB000)), "store-changed"),
        (CStoreRSP(1, Status(0x0122)), "class-not-supported"),
        (CStoreRSP(1, Status(0x0124)), "not-authorized"),
        (CStoreRSP(1, Status(0x0111)), "duplicate-instance"),
        (CStoreRSP(1, Status(0x0112)), "status-failure"),
        (CEchoRSP(1, Status(0x0110)), "processing-failure"),
        (CEchoRSP(1, Status(0x0211)), "unknown-operation"),
        (CFindRSP(1, Status(0xA700)), "find-out-of-resources"),
        (CFindRSP(1, Status(0xA900)), "find-identifier"),
        (CFindRSP(1, Status(0xC001)), "find-identifier"),
        (CMoveRSP(1, Status(0xA801)), "move-unknown-destination"),
        (CMoveRSP(1, Status(0xA702)), "move-suboperations"),
        (CMoveRSP(1, Status(0xA701)), "retrieve-out-of-resources"),
        (CMoveRSP(1, Status(0xB000)), "some-suboperations"),
        (CMoveRSP(1, Status(0xC000)), "status-failure"),
        (CGetRSP(1, Status(0xA702)), "get-suboperations"),
        (CGetRSP(1, Status(0xA900)), "retrieve-identifier"),
        (NCreateRSP(1, Status(0x0107)), "status-warning"),
    ],
)
def test_statuses_of_the_peer(command: Command, code: str) -> None:
    finding = only(Recording().established().dimse(RECEIVED, command).records)
    assert finding.code == code
    status = getattr(command, "status", Status(0))
    assert f"0x{int(status):04X}" in finding.what
    assert finding.severity is (Severity.WARNING if status.is_warning else Severity.ERROR)
    assert finding.evidence[0].record_index == 3


@pytest.mark.parametrize("status", [0x0000, 0xFE00, 0xFF00])
def test_good_statuses_are_not_told(status: int) -> None:
    assert diagnose(Recording().established().store(status).records) == []


def test_statuses_outside_of_sixteen_bits_are_passed_over() -> None:
    recording = Recording().store(0xA700)
    last = recording.records[-1]
    recording.records[-1] = last._replace(status=0x1A700)  # type: ignore[call-arg]
    assert diagnose(recording.records) == []


def test_the_peers_own_words_are_shown() -> None:
    finding = only(Recording().store(0xA700, "disk full\n<b>").records)
    assert "the object 1.2.3.1" in finding.what
    assert "It says: “disk full\\n<b>”." in finding.what


def test_the_same_status_many_times_is_told_once() -> None:
    recording = Recording()
    for number in range(1, 8):
        recording.store(0xA700, number=number)
    finding = only(recording.records)
    assert "objects, the first 1.2.3.1" in finding.what
    assert finding.what.endswith("This came 7 times.")


def test_statuses_of_ours() -> None:
    recording = Recording(role=Role.ACCEPTOR).established()
    recording.dimse(SENT, CStoreRSP(1, Status(0xA700))).dimse(SENT, CStoreRSP(2, Status(0xB000)))
    failure, warning = diagnose(recording.records)
    assert (failure.code, warning.code) == ("we-answered-failure", "we-answered-warning")
    assert "C-STORE of ME" in failure.what


def test_a_query_without_matches() -> None:
    recording = Recording().established().dimse(SENT, CFindRQ(1, "1.2")).dimse(RECEIVED, CFindRSP(1, Status(0)))
    finding = only(recording.records)
    assert (finding.code, finding.severity) == ("find-empty", Severity.NOTE)


def test_the_worklist_has_its_own_words() -> None:
    worklist = "1.2.840.10008.5.1.4.31"
    finding = only(Recording().dimse(RECEIVED, CFindRSP(1, Status(0x0112), worklist)).records)
    assert finding.code == "status-failure"


@pytest.mark.parametrize("title", [" PACS", "PACS\0\0", "PACS\r", "", "P\u00e4cs"])
def test_odd_titles_of_callers(title: str) -> None:
    recording = Recording(role=Role.ACCEPTOR).connect().received(associate_rq(called=title))
    finding = only(recording.records)
    assert (finding.code, finding.severity) == ("odd-ae-title", Severity.NOTE)
    assert finding.evidence[0].offset == 10
    assert diagnose(Recording().connect().sent(associate_rq(called=title)).records) == []


def test_files() -> None:
    records: list[Record] = [
        FileRecord(1, 0.0, 0.0, "failed", "/a/b.dcm", 0, "No space left on device."),
        FileRecord(1, 0.0, 0.0, "discarded", "", 0, ""),
    ]
    failed, discarded = diagnose(records)
    assert failed.what == "A file could not be read or written: /a/b.dcm (No space left on device)."
    assert discarded.code == "file-discarded"


def test_faults_of_ours() -> None:
    finding = only([NoteRecord(1, 0.0, 0.0, 40, "internal fault: KeyError: 3")])
    assert finding.code == "internal-fault"
    assert finding.what == "A fault of this program: KeyError: 3."
