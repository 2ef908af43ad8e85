from __future__ import annotations

import pytest
from helpers.recordings import Recording

from dicomgui.network.dimse import CStoreRSP, NGetRSP
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    DimseRecord,
    Direction,
    NoteRecord,
    PduRecord,
    RefuseRecord,
    Role,
    Segment,
    TlsRecord,
)
from dicomgui.trace.summary import Outcome, summarize


def test_a_whole_association() -> None:
    recording = Recording(7).established().echo().state(1, 6, 7).released()
    (summary,) = summarize(recording.records)
    assert (summary.association, summary.role, summary.outcome) == (7, Role.REQUESTOR, Outcome.RELEASED)
    assert (summary.calling_ae, summary.called_ae, summary.peer) == ("ME", "PACS", "10.0.0.2:104")
    assert (summary.pdus_sent, summary.pdus_received) == (3, 3)
    sent = [r for r in recording.records if isinstance(r, PduRecord) and r.direction is Direction.SENT]
    assert summary.bytes_sent == sum(record.length for record in sent)
    assert summary.requests == ((0x0030, 1),)
    assert (summary.failures, summary.warnings, summary.state) == (0, 0, 7)
    assert summary.rows == len(recording.records)
    assert summary.duration_s == summary.rows - 1
    assert summary.ended_utc == recording.records[-1].utc


def test_open_and_counting() -> None:
    recording = Recording(role=Role.ACCEPTOR).established()
    for number, status in enumerate((0, 0xA700, 0xB000, 0xFFFF0), 1):
        recording.dimse(Direction.SENT, CStoreRSP(number, Status(status & 0xFFFF)))
        if status > 0xFFFF:
            last = recording.records[-1]
            assert isinstance(last, DimseRecord)
            recording.records[-1] = last._replace(status=status)
    recording.dimse(Direction.SENT, NGetRSP(9, Status(0x0107)))
    (summary,) = summarize(recording.records)
    assert (summary.outcome, summary.ended_utc) == (Outcome.OPEN, None)
    assert (summary.failures, summary.warnings) == (1, 2)


@pytest.mark.parametrize(
    ("recording", "outcome"),
    [
        (Recording().connect(error="ConnectionRefused: no"), Outcome.FAILED),
        (Recording().connect(error="ConnectTimeout: no").connect(), Outcome.CONNECTING),
        (Recording().connect().closed(), Outcome.FAILED),
        (Recording().established().closed(), Outcome.LOST),
        (Recording().established().aborted().closed(), Outcome.ABORTED),
        (Recording().connect().rejected(1, 1, 1).aborted().closed(), Outcome.REJECTED),
        (Recording().established().released().closed(), Outcome.RELEASED),
    ],
)
def test_outcomes(recording: Recording, outcome: Outcome) -> None:
    assert summarize(recording.records)[0].outcome is outcome


def test_request_without_an_answer_is_lost() -> None:
    recording = Recording().established()
    del recording.records[2:]
    assert summarize(recording.closed().records)[0].outcome is Outcome.LOST


def test_an_answer_after_the_end_changes_nothing() -> None:
    whole = Recording().established()
    recording = Recording().connect().aborted().add(whole.records[2])
    assert summarize(recording.records)[0].outcome is Outcome.ABORTED


def test_tls_and_refusals() -> None:
    recording = Recording()
    recording.connect().add(TlsRecord(*recording.head, "", "", b"", 0.1, "handshake failure"))
    (summary,) = summarize(recording.records)
    assert (summary.tls, summary.outcome) == (True, Outcome.FAILED)
    assert summarize([TlsRecord(1, 0.0, 0.0, "TLSv1.3", "AES", b"", 0.1, "")])[0].outcome is Outcome.CONNECTING
    (refused,) = summarize([RefuseRecord(2, 1.0, 2.0, "10.0.0.9:1", "full")])
    assert (refused.outcome, refused.peer, refused.role) == (Outcome.REFUSED, "10.0.0.9:1", None)


def test_a_request_without_its_beginning_has_no_titles() -> None:
    (summary,) = summarize([PduRecord(1, 0.0, 0.0, Direction.RECEIVED, 1, 200, (Segment(50, b"x"),), "")])
    assert (summary.calling_ae, summary.called_ae) == ("", "")


def test_records_of_no_association_are_left_out() -> None:
    records = [NoteRecord(0, 0.0, 0.0, 20, ""), *Recording(2).connect().records, *Recording(1).connect().records]
    assert [summary.association for summary in summarize(records)] == [2, 1]


def test_unknown_pdus_are_counted() -> None:
    recording = Recording().raw(Direction.RECEIVED, b"\x09\0\0\0\0\0")
    assert summarize(recording.records)[0].pdus_received == 1
