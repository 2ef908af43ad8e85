from __future__ import annotations

from helpers.recordings import Recording, associate_rq

from dicomgui.network.dimse import CCancelRQ, CEchoRQ, CFindRQ, CFindRSP, CStoreRQ, CStoreRSP
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    ENDED_EARLY,
    CloseRecord,
    Direction,
    FileRecord,
    NoteRecord,
    PduRecord,
    RefuseRecord,
    Role,
    Segment,
)
from dicomgui.trace.diagnosis.case import Case, cases_of

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED


def case_of(recording: Recording) -> Case:
    (case,) = cases_of(recording.records)
    return case


def test_cases_come_in_the_order_of_the_trace() -> None:
    first, second = Recording(8).established(), Recording(3).established()
    cases = cases_of([*first.records[:1], *second.records, *first.records[1:]])
    assert [case.association for case in cases] == [8, 3]
    request = cases[0].request
    assert request is not None
    assert request.number == 4


def test_the_facts_of_an_association() -> None:
    case = case_of(Recording().established().released())
    assert not case.is_acceptor
    assert case.is_released
    assert case.request is not None
    assert case.acceptance is not None
    assert case.place == "10.0.0.2:104"
    assert case.titles() == (b"PACS            ", b"ME              ")
    assert case.close is not None
    assert case.first(CloseRecord) == case.close
    acceptor = case_of(Recording(role=Role.ACCEPTOR).established())
    assert acceptor.is_acceptor
    assert acceptor.request is not None


def test_the_role_follows_from_the_request_where_nothing_else_says() -> None:
    assert case_of(Recording().received(associate_rq())).is_acceptor
    assert not case_of(Recording().sent(associate_rq())).is_acceptor


def test_titles_that_were_not_kept() -> None:
    assert case_of(Recording().connect()).titles() == (b"", b"")
    odd = PduRecord(1, 0.0, 0.0, SENT, 1, 200, (Segment(50, b"x"),), "")
    assert cases_of([odd])[0].titles() == (b"", b"")


def test_the_place_of_a_refused_caller() -> None:
    assert cases_of([RefuseRecord(1, 0.0, 0.0, "10.0.0.9:5", "full")])[0].place == "10.0.0.9:5"
    assert case_of(Recording().timer("idle")).place == ""


def test_requests_wait_for_their_answers() -> None:
    recording = Recording().dimse(SENT, CEchoRQ(1)).dimse(SENT, CStoreRQ(2, "1.2", "1.3"))
    recording.dimse(SENT, CCancelRQ(1)).dimse(RECEIVED, CEchoRQ(9))
    assert list(case_of(recording).pending) == [1, 2]
    recording.dimse(RECEIVED, CStoreRSP(2, Status(0))).dimse(SENT, CStoreRSP(1, Status(0)))
    assert list(case_of(recording).pending) == [1]


def test_answers_are_counted_by_status() -> None:
    recording = Recording()
    for number in range(5):
        recording.store(0xA700, number=number)
    recording.dimse(SENT, CStoreRSP(1, Status(0x0110)))
    answers = case_of(recording).answers
    assert {key: value.count for key, value in answers.items()} == {
        (RECEIVED, 0x8001, 0xA700): 5,
        (SENT, 0x8001, 0x0110): 1,
    }
    assert answers[RECEIVED, 0x8001, 0xA700].first.number == 1


def test_queries_count_their_matches() -> None:
    recording = Recording()
    for number, matches in ((1, 0), (2, 3)):
        recording.dimse(SENT, CFindRQ(number, "1.2"))
        for _ in range(matches):
            recording.dimse(RECEIVED, CFindRSP(number, Status(0xFF00)))
        recording.dimse(RECEIVED, CFindRSP(number, Status(0)))
    recording.dimse(SENT, CStoreRSP(1, Status(0xFF00)))
    case = case_of(recording)
    assert [found.record.message_id for found in case.empty_finds] == [1]
    assert case.matches == {}


def test_what_was_cut_off_is_not_malformed() -> None:
    recording = Recording().connect().raw(RECEIVED, b"\x01\0\0\0\0\xb0abc", ENDED_EARLY, length=182)
    assert len(case_of(recording).broken) == 1
    cut = case_of(recording.state(17))
    assert cut.broken == []
    assert cut.unfinished is not None
    other = Recording().raw(RECEIVED, b"\x01\0\0\0\0\xb0abc", "bad").state(19).state(18)
    case = case_of(other)
    assert len(case.broken) == 1
    assert case.artim_expired is not None


def test_in_a_capture_the_end_of_the_connection_shows_what_was_cut_off() -> None:
    """It has no states."""
    cut = case_of(Recording().connect().raw(RECEIVED, b"\x01\0\0\0\0\xb0abc", "cut", length=182).closed())
    assert cut.broken == []
    assert cut.unfinished is not None
    bad = case_of(Recording().connect().raw(RECEIVED, b"\x05\0\0\0\0\5abcde", "bad").closed())
    assert len(bad.broken) == 1


def test_bytes_that_are_not_there_are_not_judged() -> None:
    case = case_of(Recording().connect().stray(b"", "TLS").stray(b"x"))
    assert [found.record.data for found in case.broken] == [b"x"]


def test_what_explains_nothing_is_not_kept() -> None:
    recording = Recording().add(NoteRecord(1, 0.0, 0.0, 20, "hello")).add(NoteRecord(1, 0.0, 0.0, 40, "fault"))
    recording.add(FileRecord(1, 0.0, 0.0, "stored", "a", 1, "")).add(FileRecord(1, 0.0, 0.0, "failed", "b", 1, ""))
    case = case_of(recording)
    assert [found.record.text for found in case.all(NoteRecord)] == ["fault"]
    assert [found.record.path for found in case.all(FileRecord)] == ["b"]


def test_a_case_is_bounded() -> None:
    recording = Recording()
    for number in range(200):
        recording.dimse(SENT, CFindRQ(number, "1.2")).dimse(RECEIVED, CFindRSP(number, Status(0)))
    for number in range(5000):
        recording.dimse(SENT, CEchoRQ(number)).dimse(RECEIVED, CFindRSP(number, Status(0xFF00)))
        recording.dimse(RECEIVED, CStoreRSP(9, Status(0xA000 + number)))
        recording.timer("idle").stray(b"x").raw(RECEIVED, b"\x04\0", "bad").connect(error="ConnectTimeout: x")
    case = case_of(recording)
    for kept in (case.broken, case.connect_failures, case.answers, case.empty_finds, *case.kept.values()):
        assert len(kept) == 64
    assert len(case.pending) == 4096
    assert len(case.matches) == 4096
