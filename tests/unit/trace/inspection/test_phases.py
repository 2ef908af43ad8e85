from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.recordings import Recording, associate_rq

from dicomgui.network.dimse import CEchoRQ, CEchoRSP
from dicomgui.network.pdu import ReleaseRQ
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, NoteRecord, PduRecord, ResolveRecord, TlsRecord
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.inspection import phases
from dicomgui.trace.inspection.phases import PhaseKind, Timeline, exchange_line, timeline
from dicomgui.trace.store import TraceStore


@pytest.fixture
def store() -> Iterator[TraceStore]:
    made = TraceStore()
    yield made
    made.close()


def read(store: TraceStore, recording: Recording) -> Timeline:
    for record in recording.records:
        store(record)
    index = TraceIndex(store)
    while index.update():
        pass
    known = [index.exchanges[number] for number in index.exchanges_of(recording.association)]
    return timeline(store, recording.association, known)


def spans(found: Timeline) -> list[tuple[str, str, float]]:
    return [(line.label, phase.name, round(phase.seconds, 3)) for line in found.lines for phase in line.phases]


def test_all_phases_of_an_association(store: TraceStore) -> None:
    recording = Recording()
    recording.add(ResolveRecord(*recording.head, "pacs", ("10.0.0.2",), 0.25, ""))
    recording.connect(seconds=0.5).add(TlsRecord(*recording.head, "TLSv1.3", "AES", b"", 0.125, ""))
    recording.sent(associate_rq()).wait(2).established().echo().released()
    recording.records[3:7] = [recording.records[3], recording.records[6]]  # the association once
    found = read(store, recording)
    assert [line.label for line in found.lines][:3] == ["name look-up", "TCP", "TLS"]
    assert spans(found) == [
        ("name look-up", "name look-up", 0.25), ("TCP", "TCP", 0.5), ("TLS", "TLS", 0.125),
        ("association", "association", 5.0),
        ("C-ECHO 1", "send", 0.0), ("C-ECHO 1", "peer thinks", 2.0), ("C-ECHO 1", "receive", 0.0),
        ("release", "release", 1.0),
    ]  # fmt: skip
    assert found.begin_mono == pytest.approx(99.75)
    assert found.lines[0].phases[0].detail == "pacs is 10.0.0.2"
    assert found.lines[4].exchange == 1
    assert not any(line.failed or phase.is_open for line in found.lines for phase in line.phases)


def test_what_the_peer_asks_we_think_about(store: TraceStore) -> None:
    recording = Recording().connect().message(Direction.RECEIVED, CEchoRQ(1))
    found = read(store, recording.message(Direction.SENT, CEchoRSP(1, Status(0x0110))))
    line = found.lines[-1]
    assert [(phase.kind, phase.name) for phase in line.phases] == [
        (PhaseKind.RECEIVE, "receive"), (PhaseKind.THINK, "we think"), (PhaseKind.SEND, "send"),
    ]  # fmt: skip
    assert line.failed


def test_what_has_no_answer_yet_is_open(store: TraceStore) -> None:
    recording = Recording().connect().message(Direction.SENT, CEchoRQ(1)).sent(ReleaseRQ())
    recording.add(NoteRecord(*recording.head, 20, "later"))
    found = read(store, recording)
    echo, release = found.lines[-2:]
    assert [(phase.name, phase.is_open) for phase in echo.phases] == [("send", False), ("peer thinks", True)]
    assert (release.phases[0].is_open, release.phases[0].detail) == (True, "no answer")
    waiting = read(store, Recording(2).sent(associate_rq()))
    assert waiting.lines[-1].phases[0].detail == "no answer"


def test_what_failed_is_told(store: TraceStore) -> None:
    failed = read(store, Recording().connect(seconds=3, error="ConnectTimeout: no answer"))
    assert failed.lines[0].failed
    assert "ConnectTimeout" in failed.lines[0].phases[0].detail
    rejected = read(store, Recording(2).connect().sent(associate_rq()).rejected(1, 1, 7))
    assert (rejected.lines[-1].failed, rejected.lines[-1].phases[0].detail) == (True, "rejected")


def test_bytes_are_counted_when_they_went(store: TraceStore) -> None:
    found = read(store, Recording().established().echo().released())
    pdus = [record for record in store.records() if isinstance(record, PduRecord)]
    for counts, direction in ((found.throughput.sent, Direction.SENT), (found.throughput.received, Direction.RECEIVED)):
        assert sum(counts) == sum(pdu.length for pdu in pdus if pdu.direction is direction)
    assert len(found.throughput.sent) == len(found.throughput.received) == phases.BUCKETS
    assert found.throughput.highest > 0
    nothing = timeline(store, 99)
    assert (nothing.lines, nothing.throughput.highest) == ((), 0)


def test_long_associations_are_bounded(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "MAX_LINES", 3)
    recording = Recording().established()
    for number in range(10):
        recording.message(Direction.SENT, CEchoRQ(number)).message(Direction.RECEIVED, CEchoRSP(number, Status(0)))
    found = read(store, recording)
    assert found.left_out == 7
    assert sum(bool(line.exchange) for line in found.lines) == 3
    monkeypatch.setattr(phases, "MAX_RECORDS", 10)
    assert timeline(store, 1).end_mono <= found.end_mono


def test_an_exchange_without_its_request(store: TraceStore) -> None:
    recording = Recording().connect().message(Direction.RECEIVED, CEchoRSP(1, Status(0)))
    for record in recording.records:
        store(record)
    index = TraceIndex(store)
    index.update()
    assert [phase.name for phase in exchange_line(index.exchanges[1]).phases] == ["receive"]
