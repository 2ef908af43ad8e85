from __future__ import annotations

import pytest
from helpers.failures import got, knocked, listener, merged, moved
from helpers.recordings import Recording

from dicomgui.network.dimse import CMoveRQ, CMoveRSP
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, Record
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.diagnosis.facts import Facts, OwnListener
from dicomgui.trace.finding import ActionKind, Finding

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
SENT, RECEIVED = Direction.SENT, Direction.RECEIVED


def of_ours(records: list[Record], facts: Facts | None = None) -> list[Finding]:
    """What is said of the association that retrieves."""
    return [finding for finding in diagnose(records, facts or Facts()) if finding.association == 1]


def code_of(records: list[Record], facts: Facts | None = None) -> str:
    (finding,) = of_ours(records, facts)
    return finding.code


def test_a_retrieval_that_went_well_is_not_told() -> None:
    assert diagnose(moved(0, completed=3).released().records) == []
    assert diagnose(merged(listener(), moved(0, completed=3), knocked(stores=3))) == []
    assert diagnose(moved(0xFE00, completed=1, remaining=4).records) == []
    assert diagnose(moved(0).records) == []


def test_without_a_listener_of_ours_nothing_is_said_of_knocks() -> None:
    assert code_of(moved(0xA702, failed=2).records) == "move-suboperations"
    other = merged(listener(), moved(0xA702, failed=2, destination="OTHER"))
    assert code_of(other) == "move-suboperations"


def test_a_listener_that_started_later_does_not_count() -> None:
    late = Recording(0).wait(60.0).listening("ME")
    assert code_of(merged(moved(0xA702, failed=2), late)) == "move-suboperations"


def test_a_listener_that_only_this_computer_reaches_is_the_first_cause() -> None:
    facts = Facts(listeners=(OwnListener("ME", "127.0.0.1", 11112),))
    (finding,) = of_ours(moved(0xA702, failed=2).records, facts)
    assert finding.code == "move-no-knock"
    assert "127.0.0.1" in finding.causes[0]
    assert ActionKind.TEST_LISTENER in {action.kind for action in finding.actions}


def test_who_came_before_and_is_still_here_has_knocked() -> None:
    """Some archives keep the association with a destination open for the next order."""
    assert code_of(merged(listener(), moved(0xA702, failed=2), knocked(at=-20.0))) == "move-knock-idle"
    gone = knocked(at=-20.0).closed()
    assert code_of(merged(listener(), moved(0xA702, failed=2), gone)) == "move-no-knock"


def test_who_came_from_elsewhere_by_another_name_has_not_knocked() -> None:
    other = knocked(called="YOU", peer="10.9.9.9:50000")
    assert code_of(merged(listener(), moved(0xA702, failed=2), other)) == "move-no-knock"


def test_a_refusal_is_the_reason_only_where_all_were_refused() -> None:
    refused = knocked(called="YOU", reject=(1, 1, 7))
    records = merged(listener(), moved(0xA702, failed=2), refused)
    (finding,) = of_ours(records)
    assert finding.code == "move-knock-refused"
    assert "it called YOU" in finding.what
    assert len(finding.evidence) == 3


def test_an_unknown_destination_offers_the_request_for_the_administrator() -> None:
    (finding,) = of_ours(moved(0xA801, destination="me").records)
    assert finding.code == "move-unknown-destination"
    assert "small letters" in finding.causes[0]
    assert finding.actions[0].kind is ActionKind.COPY_SETUP
    assert finding.actions[0].value == "me"


@pytest.mark.parametrize(
    ("status", "counts", "words"),
    [
        (0, {"completed": 2, "failed": 1}, "says success and 1 failed"),
        (0, {"completed": 2, "remaining": 5}, "says success and 5 remain"),
    ],
)
def test_numbers_that_cannot_be_true(status: int, counts: dict[str, int], words: str) -> None:
    (finding,) = of_ours(moved(status, **counts).records)
    assert finding.code == "counters-odd"
    assert words in finding.what


def test_announced_and_not_accounted_for() -> None:
    recording = Recording().established().message(SENT, CMoveRQ(1, MOVE, "ME"), 1, b"\0\0")
    recording.message(RECEIVED, CMoveRSP(1, Status(0xFF00), MOVE, remaining=9, completed=1))
    recording.message(RECEIVED, CMoveRSP(1, Status(0), MOVE, completed=4))
    (finding,) = of_ours(recording.records)
    assert "it announced 10 and accounts for 4" in finding.what


def test_fewer_arrive_than_were_told() -> None:
    assert code_of(merged(listener(), moved(0, completed=5), knocked(stores=3))) == "fewer-arrived"
    assert of_ours(moved(0, completed=5).records, Facts(arrived=5)) == []
    (finding,) = of_ours(moved(0, completed=5).records, Facts(arrived=4))
    assert "has sent 5 instances, and only 4 arrived here" in finding.what


def test_nothing_is_counted_where_records_were_left_out() -> None:
    records = merged(listener(), moved(0, completed=5), knocked(stores=3))
    assert of_ours(records, Facts(is_partial=True)) == []
    assert of_ours(got(0, completed=5).records, Facts(is_partial=True)) == []
    assert code_of(got(0, completed=5).records) == "fewer-arrived"


@pytest.mark.parametrize(
    ("roles", "result", "words"),
    [
        ((1, 0), 0, "did not grant us the storage role"),
        ((0, 0), 0, "did not ask for the storage role"),
        ((1, 1), 3, "None of the storage contexts"),
    ],
)
def test_why_nothing_could_come_by_get(roles: tuple[int, int], result: int, words: str) -> None:
    findings = of_ours(got(0xB000, roles=roles, result=result, failed=4).records)
    assert findings[0].code == "get-all-failed"
    assert words in findings[0].causes[0]


def test_where_the_negotiation_was_right_the_cause_is_elsewhere() -> None:
    (finding,) = of_ours(got(0xA702, failed=4).records)
    assert "storage role" not in finding.causes[0] or "It refused" in finding.causes[0]
    assert code_of(got(0xB000, completed=1, failed=4).records) == "some-suboperations"


def test_what_ended_alike_is_told_once() -> None:
    (finding,) = of_ours(moved(0xA702, times=50, failed=2).records)
    assert finding.what.endswith("This came 50 times.")


def test_numbers_and_offending_elements_are_shown() -> None:
    recording = Recording().established()
    answer = CMoveRSP(1, Status(0xA900), MOVE, error_comment="no key", offending_elements=(0x0020000D,), failed=3)
    (finding,) = of_ours(recording.message(RECEIVED, answer).records)
    assert "It says: “no key”." in finding.what
    assert "Offending Element: (0020,000D) Study Instance UID." in finding.what
    assert "Its numbers: 3 failed." in finding.what
