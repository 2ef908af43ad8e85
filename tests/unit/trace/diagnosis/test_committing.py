from __future__ import annotations

from helpers.failures import COMMITMENT, RECEIVED, committed, element, merged, not_committed
from helpers.recordings import Recording

from dicomgui.network.dimse import NEventReportRQ
from dicomgui.network.tracing import Record, Role
from dicomgui.trace.diagnosis.committing import PATIENCE_S
from dicomgui.trace.diagnosis.diagnose import diagnose


def codes(records: list[Record]) -> list[str]:
    return [finding.code for finding in diagnose(records)]


def report(event: int, dataset: bytes = b"", sop_class: str = COMMITMENT) -> Recording:
    recording = Recording(2, role=Role.ACCEPTOR).wait(30.0).established()
    command = NEventReportRQ(7, sop_class, f"{sop_class}.1", event, has_dataset=bool(dataset))
    return recording.message(RECEIVED, command, 1, dataset)


def test_a_report_on_an_association_of_its_own_ends_the_waiting() -> None:
    def waited() -> Recording:
        return committed().wait(PATIENCE_S).released()

    assert codes(committed().released().records) == []
    assert codes(waited().records) == ["commitment-open"]
    assert codes(merged(waited(), report(1))) == []
    assert codes(merged(waited(), report(1, sop_class="1.2.3"))) == ["commitment-open"]


def test_what_was_refused_is_counted_and_its_reasons_named() -> None:
    (finding,) = diagnose(not_committed().records)
    assert finding.code == "commitment-refused"
    assert "it names 2 of them, with the reasons 0x0112." in finding.what


def test_a_report_of_failures_whose_list_was_not_kept() -> None:
    (finding,) = diagnose(report(2).records)
    assert "was not kept" in finding.what


def test_reasons_in_implicit_vr_as_well() -> None:
    item = b"\x08\x00\x97\x11\x02\x00\x00\x00\x13\x02"
    (finding,) = diagnose(report(2, item).records)
    assert "0x0213" in finding.what
    assert element(0x00081197, "US", b"\x13\x02")[8:] == item[8:]
