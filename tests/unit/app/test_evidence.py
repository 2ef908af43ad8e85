"""The bounded copy of the stream that an operation keeps for its diagnosis."""

from __future__ import annotations

from functools import partial

from helpers.failures import knocked, listener, merged, moved
from helpers.recordings import CT, Recording

from dicomgui.app.evidence import MAX_RECENT, MAX_TELLING, Evidence
from dicomgui.network import ConnectionRefused
from dicomgui.network.dimse import CStoreRQ, CStoreRSP
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    DimseRecord,
    Direction,
    FileRecord,
    NoteRecord,
    PduRecord,
    Record,
    Scribe,
    Segment,
    hand_on,
    hand_on_later,
)


def test_everything_is_passed_on() -> None:
    seen: list[Record] = []
    evidence = Evidence(seen.append)
    Scribe(evidence, 1).note(20, "one")
    assert seen == evidence.records


def test_bulk_is_bounded_and_what_tells_something_is_kept_in_order() -> None:
    evidence = Evidence()
    scribe = Scribe(evidence, 1)
    scribe.note(20, "first")
    scribe.file("failed", "a.dcm", 0, "no such file")
    for number in range(MAX_RECENT * 2):
        scribe.pdu(Direction.SENT, 4, 100, (Segment(0, b"x"),))
        scribe.state(6, 9, "DT-1", 6)
        scribe.file("opened", "b.dcm", 100)
        scribe.dimse(Direction.RECEIVED, 1, 0x8001, number % 60_000, status=0)
    scribe.dimse(Direction.RECEIVED, 1, 0x8001, 1, status=0xA700)
    scribe.pdu(Direction.RECEIVED, 4, 100, (), error="broken")
    scribe.pdu(Direction.RECEIVED, 7, 10, ())
    records = evidence.records
    assert len(records) == MAX_RECENT + 5
    assert isinstance(records[0], NoteRecord)
    assert isinstance(records[1], FileRecord)
    assert [type(record).__name__ for record in records[-3:]] == ["DimseRecord", "PduRecord", "PduRecord"]
    assert [record.mono for record in records] == sorted(record.mono for record in records)


def test_matches_that_came_at_once_are_bounded_and_passed_on() -> None:
    seen: list[Record] = []
    one_by_one, at_once = Evidence(), Evidence(seen.append)
    match = DimseRecord(1, 0.0, 0.0, Direction.RECEIVED, 1, 0x8020, 1, "1.2", "", 0xFF00, 48, "")
    for begin in range(0, MAX_RECENT * 3, 3 * 64):
        came = [match._replace(mono=float(number)) for number in range(begin, begin + 3 * 64)]
        at_once.take_received(came)
        for record in came:
            one_by_one(record)
    at_once.take_received([match] * MAX_RECENT * 2)
    assert len(at_once.records) == MAX_RECENT
    assert one_by_one.records == seen[MAX_RECENT * 2 : MAX_RECENT * 3]
    assert len(seen) == MAX_RECENT * 5
    assert at_once.is_partial


def test_a_message_that_is_told_with_its_pdus_comes_behind_them_and_is_passed_on() -> None:
    seen: list[Record] = []
    one_by_one, at_once = Evidence(), Evidence(seen.append)
    pdu = PduRecord(1, 0.0, 0.0, Direction.SENT, 4, 16, (Segment(0, b"0123"),), "")
    message = DimseRecord(1, 0.0, 0.0, Direction.SENT, 1, 1, 7, "1.2", "1.2.3", -1, 48, "")
    for number in range(MAX_RECENT):
        sent, told = [pdu._replace(mono=float(number))] * 2, message._replace(message_id=number)
        hand_on(at_once, sent, told)
        for record in (*sent, told):
            one_by_one(record)
    assert at_once.records == one_by_one.records == seen[-MAX_RECENT:]
    assert len(seen) == 3 * MAX_RECENT


def test_records_that_may_be_made_later_are_made_when_somebody_looks() -> None:
    made: list[int] = []
    pdu = PduRecord(1, 0.0, 0.0, Direction.SENT, 4, 16, (Segment(0, b"0123"),), "")
    message = DimseRecord(1, 0.0, 0.0, Direction.SENT, 1, 1, 7, "1.2", "1.2.3", -1, 48, "")

    def make(number: int) -> tuple[list[PduRecord], DimseRecord]:
        made.append(number)
        return [pdu._replace(mono=float(number))] * 2, message._replace(message_id=number)

    seen: list[Record] = []
    one_by_one, later, passing_on = Evidence(), Evidence(), Evidence(seen.append)
    for number in range(MAX_RECENT + 10):
        for evidence in (one_by_one, later, passing_on):
            Scribe(evidence, 1).note(20, str(number))
        hand_on_later(later, 3, partial(make, number))
    assert made == []
    for number in range(MAX_RECENT + 10):
        hand_on_later(passing_on, 3, partial(make, number))
        hand_on(one_by_one, *make(number))
    told = [record for record in later.records if not isinstance(record, NoteRecord)]
    assert told[-MAX_RECENT:] == [record for record in one_by_one.records if not isinstance(record, NoteRecord)]
    assert len(told) == 3 * MAX_RECENT
    assert later.is_partial
    assert len(seen) == 4 * (MAX_RECENT + 10)


def test_the_pdu_of_a_failure_is_found_behind_records_that_are_made_later() -> None:
    evidence = Evidence()
    scribe = Scribe(evidence, 1)
    pdu = PduRecord(1, 0.0, 0.0, Direction.SENT, 4, 16, (Segment(0, b"0123"),), "")
    message = DimseRecord(1, 0.0, 0.0, Direction.SENT, 1, 1, 7, "1.2", "1.2.3", -1, 48, "")
    for length, status in ((16, 0), (17, 0xA700)):
        scribe.pdu(Direction.RECEIVED, 4, length, (Segment(0, b"0123"),))
        hand_on_later(evidence, 2, lambda: ([pdu], message))  # of an operation beside it
        scribe.dimse(Direction.RECEIVED, 1, 0x8001, 7, status=status)
    for _ in range(MAX_RECENT):
        scribe.state(6, 9, "DT-1", 6)
    kept, failure = evidence.records[:2]
    assert isinstance(kept, PduRecord)
    assert isinstance(failure, DimseRecord)
    assert (kept.length, failure.status) == (17, 0xA700)


def test_even_what_tells_something_is_bounded() -> None:
    evidence = Evidence()
    for _ in range(MAX_TELLING + MAX_RECENT + 10):
        Scribe(evidence, 1).note(20, "again")
    assert len(evidence.records) == MAX_TELLING + MAX_RECENT


def test_every_association_is_known_however_much_there_was_to_tell_before() -> None:
    """A send of many files over many associations, most of which fail."""
    evidence = Evidence()
    for _ in range(MAX_TELLING):
        Scribe(evidence, 1).dimse(Direction.RECEIVED, 1, 0x8001, 1, status=0xA700)
    Scribe(evidence, 2).note(20, "the next one")
    assert evidence.associations == (1, 2)


def test_findings_come_from_the_records_and_only_else_from_the_error() -> None:
    error = ConnectionRefused("nothing listens on port 1", peer="X@127.0.0.1:1")
    assert Evidence().findings() == ()
    [found] = Evidence().findings(error)
    assert found.code == "closed-port"
    evidence = Evidence()
    Scribe(evidence, 5).resolve("nowhere", (), 0.1, "no address")
    [found] = evidence.findings(error)
    assert found.code == "name-not-found"


def test_the_pdu_of_a_failure_is_kept_with_it() -> None:
    """The status and the offending element are in its bytes."""
    answer = CStoreRSP(7, Status(0xA900), offending_elements=(0x00100010,))
    recording = Recording().established().message(Direction.RECEIVED, answer)
    for number in range(1, 1000):
        recording.message(Direction.SENT, CStoreRQ(number, CT, "1.2.3"))
        recording.message(Direction.RECEIVED, CStoreRSP(number, Status(0)))
    evidence = Evidence()
    for record in recording.records:
        evidence(record)
    assert evidence.is_partial
    (finding,) = evidence.findings()
    assert "Offending Element: (0010,0010)" in finding.what
    assert finding.best_evidence is not None
    assert finding.best_evidence.length == 10


def test_a_move_of_many_studies_is_understood_to_its_end() -> None:
    recording = moved(0, times=400, remaining=0, completed=0, failed=0, warning=0).released()
    evidence = Evidence()
    for record in recording.records:
        evidence(record)
    (finding,) = evidence.findings()
    assert finding.code == "retrieve-nothing"
    assert finding.what.endswith("This came 400 times.") or "C-MOVE" in finding.what


def test_records_beside_explain_and_are_not_explained() -> None:
    evidence = Evidence()
    for record in moved(0xA702, failed=2).records:
        evidence(record)
    (alone,) = evidence.findings()
    assert alone.code == "move-suboperations"
    others = merged(listener(), knocked(called="YOU", reject=(1, 1, 7)))
    (together,) = evidence.findings(beside=others)
    assert together.code == "move-knock-refused"
    assert evidence.findings(beside=evidence.records) == (alone,)
