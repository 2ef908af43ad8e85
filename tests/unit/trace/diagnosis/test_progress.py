from __future__ import annotations

import time

import pytest
from helpers.failures import knocked, listener, merged, moved
from helpers.recordings import CT, Recording, associate_rq

from dicomgui.network.dimse import CStoreRQ, encode
from dicomgui.network.pdu import PDV, PDataTF, ReleaseRP
from dicomgui.network.tracing import DimseRecord, Direction, PduRecord, Role, Segment
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.diagnosis.facts import Facts
from dicomgui.trace.diagnosis.progress import Diagnosis


def codes(diagnosis: Diagnosis) -> list[str]:
    return [finding.code for finding in diagnosis.findings()]


def test_it_may_be_asked_at_any_time() -> None:
    diagnosis = Diagnosis()
    records = Recording().established().store(0xA700).closed().records
    seen = []
    for record in records:
        diagnosis.add(record)
        seen.append(codes(diagnosis))
    assert seen[0] == []
    assert seen[-2] == ["store-out-of-resources"]
    assert seen[-1] == ["connection-lost", "store-out-of-resources"]
    assert diagnosis.findings() == diagnose(records)


def test_a_knock_that_comes_later_changes_what_is_said_of_the_move() -> None:
    diagnosis = Diagnosis()
    for record in merged(listener(), moved(0xA702, failed=2)):
        diagnosis.add(record)
    assert codes(diagnosis) == ["move-no-knock"]
    for record in knocked().records:
        diagnosis.add(record)
    assert codes(diagnosis) == ["move-knock-idle"]


def test_a_name_that_differs_from_an_accepted_one_by_capitals_alone() -> None:
    good = Recording(1).established().echo().released()
    bad = Recording(2).connect().sent(associate_rq(called="pacs")).rejected(1, 1, 7).closed()
    (finding,) = diagnose([*good.records, *bad.records])
    assert "known as PACS: capitals matter" in finding.causes[0]
    assert (finding.actions[0].label, finding.actions[0].value) == ("Try PACS", "PACS")
    (alone,) = diagnose(bad.records, Facts(titles={"10.0.0.2:104": ("Pacs",)}))
    assert alone.actions[0].value == "Pacs"


def test_associations_that_are_all_cut_after_the_same_rest() -> None:
    cuts = [Recording(number).wait(1000.0 * number).established().wait(417.0).closed() for number in (1, 2, 3)]
    findings = diagnose(merged(*cuts))
    assert [finding.code for finding in findings] == ["connection-lost-idle"] * 3
    assert "So ended 3 associations" in findings[-1].what
    (alone,) = diagnose(cuts[0].records)
    assert "So ended" not in alone.what
    assert "multiple" not in alone.what


def test_findings_of_associations_that_were_forgotten_stay() -> None:
    diagnosis = Diagnosis()
    for number in range(1, 3001):
        for record in Recording(number).connect(error="ConnectionRefused: x").records:
            diagnosis.add(record)
    assert len(diagnosis.findings()) == 3000
    assert len(diagnosis._cases) <= 2048


def test_a_million_pdus_are_one_pass() -> None:
    """A hundred thousand here; what grows with the square would take minutes."""
    command = encode(CStoreRQ(1, CT, "1.2.3"))
    first = PDataTF((PDV(1, 3, command), PDV(1, 0, b"\xe4" * 64))).encode()
    rest = PDataTF((PDV(1, 0, b"\xe4" * 64),)).encode()
    pdus = [PduRecord(1, 1.0, 1.0, Direction.SENT, 4, len(data), (Segment(0, data),), "") for data in (first, rest)]
    message = DimseRecord(1, 1.0, 1.0, Direction.SENT, 1, 1, 1, CT, "1.2.3", -1, 64, "")
    diagnosis = Diagnosis()
    for record in Recording().established().records:
        diagnosis.add(record)
    began = time.perf_counter()
    for _ in range(10_000):
        diagnosis.add(pdus[0])
        for _ in range(9):
            diagnosis.add(pdus[1])
        diagnosis.add(message)
    diagnosis.findings()
    assert time.perf_counter() - began < 10.0


NASTY = "\x1b[31m{peer}\r\n<b>" + "x" * 5000 + "\u202e"


def test_text_of_a_peer_stays_data_and_short() -> None:
    recording = Recording().established().store(0xA700, NASTY).closed(error=NASTY)
    knocks = (
        Recording(2, role=Role.ACCEPTOR).connect(peer=NASTY).received(associate_rq(called="{calling}", calling="\x1b"))
    )
    broken = Recording(3).established().received(ReleaseRP(), NASTY).closed()
    findings = diagnose([*recording.records, *knocks.rejected(1, 1, 7).records, *broken.records])
    assert len(findings) >= 3
    for finding in findings:
        for text in (finding.what, *finding.causes, *finding.tries, *(one.label for one in finding.actions)):
            assert text.isprintable()
            assert len(text) < 1500
    assert any("{peer}" in finding.what for finding in findings)
    assert any("called {calling}" in finding.what for finding in findings)


def test_of_two_failures_both_are_told_the_end_first() -> None:
    findings = diagnose(Recording().established().store(0xA700).store(0xB000, number=2).aborted(2, 2).closed().records)
    assert [finding.code for finding in findings] == [
        "aborted-by-provider", "store-out-of-resources", "store-changed",
    ]  # fmt: skip


def test_what_was_found_of_many_associations_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomgui.trace.diagnosis.progress._MAX_TOLD", 100)
    monkeypatch.setattr("dicomgui.trace.diagnosis.progress._MAX_OPEN", 10)
    diagnosis = Diagnosis()
    for number in range(1, 400):
        for record in Recording(number).connect(error="ConnectionRefused: x").records:
            diagnosis.add(record)
    assert 90 <= len(diagnosis.findings()) <= 130
    assert diagnosis.findings()[-1].association == 399


def test_facts_may_come_later() -> None:
    diagnosis = Diagnosis()
    diagnosis.know(Facts(titles={"10.0.0.2:104": ("PACS",)}))
    for record in Recording(1).connect().sent(associate_rq(called="pacs")).rejected(1, 1, 7).closed().records:
        diagnosis.add(record)
    assert "known as PACS" in diagnosis.findings()[0].causes[0]


def test_an_association_that_stands_is_not_forgotten_for_those_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomgui.trace.diagnosis.progress._MAX_OPEN", 10)
    diagnosis = Diagnosis()
    long = Recording(1).established().store(0xA700)
    for record in long.records:
        diagnosis.add(record)
    for number in range(2, 200):
        for record in Recording(number).established().released().records:
            diagnosis.add(record)
    for record in long.closed().records[-1:]:
        diagnosis.add(record)
    assert codes(diagnosis)[-1] == "store-out-of-resources"
    assert {finding.association for finding in diagnosis.findings()} == {1}
