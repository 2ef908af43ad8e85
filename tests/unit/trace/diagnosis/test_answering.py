from __future__ import annotations

from collections.abc import Callable

import pytest
from helpers.failures import negotiated
from helpers.recordings import EXPLICIT, Recording

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
from dicomgui.network.service.models import QUERY_MODELS
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, Record, Role
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.finding import ActionKind, Finding, Severity

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
MR = "1.2.840.10008.5.1.4.1.1.4"


def only(records: list[Record]) -> Finding:
    (finding,) = diagnose(records)
    return finding


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
        (CStoreRSP(1, Status(0x0112)), "no-such-instance"),
        (CStoreRSP(1, Status(0x0123)), "argument-refused"),
        (CStoreRSP(1, Status(0x0999)), "status-unlisted"),
        (CFindRSP(1, Status(0xA710)), "find-out-of-resources"),
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
    finding = only(Recording().dimse(RECEIVED, CFindRSP(1, Status(0xA123), worklist)).records)
    assert finding.code == "status-unlisted"
    assert finding.clause.startswith("PS3.4 K")


ROOTED = {name: models for name, models in QUERY_MODELS.items() if name in ("patient", "study", "patient-study-only")}
UIDS_WITH_ROOT = [uid for models in ROOTED.values() for uid in models.values()]
UIDS_WITHOUT = [uid for name, models in QUERY_MODELS.items() if name not in ROOTED for uid in models.values()]
ANSWERS = (
    lambda uid: CFindRSP(1, Status(0xA900), uid),
    lambda uid: CFindRSP(1, Status(0), uid),
    lambda uid: CMoveRSP(1, Status(0xA900), uid),
    lambda uid: CGetRSP(1, Status(0xA900), uid),
)


def advice(finding: Finding) -> str:
    return "\n".join((*finding.causes, *finding.tries, *(action.label for action in finding.actions)))


def of_context(uid: str, command: Command) -> Recording:
    """The answer to a query in a context of that abstract syntax."""
    return negotiated((uid, EXPLICIT, 0)).message(SENT, CFindRQ(1, uid)).message(RECEIVED, command)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("uid", UIDS_WITHOUT)
def test_no_root_where_the_information_model_has_none(uid: str, answer: Callable[[str], Command]) -> None:
    for command in (answer(uid), answer("")):
        finding = only(of_context(uid, command).records)
        assert finding.code in ("find-empty", "find-identifier", "retrieve-identifier")
        assert "root" not in advice(finding)
        assert "level" not in advice(finding)
        assert ActionKind.OTHER_ROOT not in {action.kind for action in finding.actions}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("uid", UIDS_WITH_ROOT)
def test_another_root_where_there_are_some(uid: str, answer: Callable[[str], Command]) -> None:
    for command in (answer(uid), answer("")):
        finding = only(of_context(uid, command).records)
        assert "Try the other root." in finding.tries
        assert ActionKind.OTHER_ROOT in {action.kind for action in finding.actions}
