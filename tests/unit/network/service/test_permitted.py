"""The requests that a presentation context permits, row by row of PS3.4."""

from __future__ import annotations

import pytest

from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.dimse.commands import (
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    CStoreRQ,
    NActionRQ,
    NCreateRQ,
    NDeleteRQ,
    NEventReportRQ,
    NGetRQ,
    NSetRQ,
    Request,
)
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service.judging import judge_request, violation_text
from dicomgui.network.service.models import QUERY_MODELS
from dicomgui.network.service.permitted import (
    EVERYTHING_PERMITTED,
    STANDARD_PERMISSIONS,
    OperationName,
    Violation,
)
from dicomgui.network.uids import VERIFICATION

CT = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
MPPS, RETRIEVE, NOTIFICATION = (f"1.2.840.10008.3.1.2.3.{end}" for end in (3, 4, 5))
PUSH, WATCH, PULL, EVENT, QUERY = (f"1.2.840.10008.5.1.4.34.6.{end}" for end in (1, 2, 3, 4, 5))
COMMITMENT = "1.2.840.10008.1.20.1"
SESSION, FILM, GRAY, COLOR, PRINTER = (f"1.2.840.10008.5.1.1.{end}" for end in ("1", "2", "4", "4.1", "16"))
GRAY_META, COLOR_META = "1.2.840.10008.5.1.1.9", "1.2.840.10008.5.1.1.18"


def create(uid: str) -> Request:
    return NCreateRQ(1, uid, "1.2.3")


def act(uid: str, action: int = 1) -> Request:
    return NActionRQ(1, uid, "1.2.3", action)


def get(uid: str) -> Request:
    return NGetRQ(1, uid, "1.2.3")


def change(uid: str) -> Request:
    return NSetRQ(1, uid, "1.2.3")


def report(uid: str) -> Request:
    return NEventReportRQ(1, uid, "1.2.3", 1)


GRANTED = [
    (VERIFICATION, CEchoRQ(1)),
    (CT, CStoreRQ(1, CT, "1.2.3")),
    (FIND, CFindRQ(1, FIND)),
    (MOVE, CMoveRQ(1, MOVE, "D")),
    (MPPS, create(MPPS)),
    (MPPS, change(MPPS)),
    (RETRIEVE, get(RETRIEVE)),
    (RETRIEVE, get(MPPS)),
    (NOTIFICATION, report(MPPS)),
    (NOTIFICATION, report(NOTIFICATION)),
    (COMMITMENT, act(COMMITMENT)),
    (COMMITMENT, report(COMMITMENT)),
    (PUSH, create(PUSH)),
    (PUSH, get(PUSH)),
    (PUSH, act(PUSH, 2)),
    (WATCH, act(PUSH, 2)),
    (WATCH, act(PUSH, 3)),
    (WATCH, act(PUSH, 4)),
    (WATCH, act(PUSH, 5)),
    (WATCH, get(PUSH)),
    (WATCH, CFindRQ(1, WATCH)),
    (PULL, act(PUSH, 1)),
    (PULL, change(PUSH)),
    (PULL, get(PUSH)),
    (PULL, CFindRQ(1, PULL)),
    (EVENT, report(PUSH)),
    (QUERY, CFindRQ(1, QUERY)),
    (GRAY_META, create(SESSION)),
    (GRAY_META, create(FILM)),
    (GRAY_META, change(GRAY)),
    (COLOR_META, change(COLOR)),
    (GRAY_META, get(PRINTER)),
    (GRAY_META, NDeleteRQ(1, FILM, "1.2.3")),
    ("1.2.3.4.5", create("1.2.3.4.5")),
    ("1.2.3.4.5", CFindRQ(1, "1.2.3.4.5")),
]

REFUSED = [
    (PULL, create(PUSH), Violation.OPERATION, 0x0211),
    (WATCH, create(PUSH), Violation.OPERATION, 0x0211),
    (WATCH, act(PUSH, 1), Violation.TYPE, 0x0123),
    (PUSH, act(PUSH, 1), Violation.TYPE, 0x0123),
    (PULL, act(PUSH, 3), Violation.TYPE, 0x0123),
    (PUSH, act(PUSH, 3), Violation.TYPE, 0x0123),
    (PUSH, change(PUSH), Violation.OPERATION, 0x0211),
    (WATCH, change(PUSH), Violation.OPERATION, 0x0211),
    (PULL, act(PULL, 1), Violation.OPERATION, 0x0211),
    (WATCH, CFindRQ(1, PULL), Violation.SOP_CLASS, 0x0122),
    (VERIFICATION, get(MPPS), Violation.SOP_CLASS, 0x0118),
    (VERIFICATION, create(MPPS), Violation.SOP_CLASS, 0x0118),
    (MPPS, get(MPPS), Violation.OPERATION, 0x0211),
    (RETRIEVE, create(RETRIEVE), Violation.OPERATION, 0x0211),
    (MPPS, create(PUSH), Violation.SOP_CLASS, 0x0118),
    (COMMITMENT, create(COMMITMENT), Violation.OPERATION, 0x0211),
    (GRAY_META, change(COLOR), Violation.SOP_CLASS, 0x0118),
    (COLOR_META, change(GRAY), Violation.SOP_CLASS, 0x0118),
    (GRAY_META, create(GRAY), Violation.OPERATION, 0x0211),
    (FIND, CMoveRQ(1, FIND, "D"), Violation.OPERATION, 0x0211),
    (FIND, CGetRQ(1, MOVE), Violation.SOP_CLASS, 0x0122),
    (FIND, CFindRQ(1, MOVE), Violation.SOP_CLASS, 0x0122),
    (CT, CStoreRQ(1, "1.2.840.10008.5.1.4.1.1.4", "1.2.3"), Violation.SOP_CLASS, 0x0122),
    (CT, CEchoRQ(1), Violation.SOP_CLASS, 0x0122),
    ("1.2.3.4.5", create("1.2.3.4.6"), Violation.SOP_CLASS, 0x0118),
]


def name(value: object) -> str:
    return f"{value.name} {value.sop_class_uid[-8:]}" if isinstance(value, Request) else str(value)[-8:]


@pytest.mark.parametrize(("abstract_syntax", "command"), GRANTED, ids=name)
def test_permitted(abstract_syntax: str, command: Request) -> None:
    assert STANDARD_PERMISSIONS.violation(abstract_syntax, command) is None
    assert judge_request(STANDARD_PERMISSIONS, AcceptedContext(1, abstract_syntax, "1.2", True, True), command) is None


@pytest.mark.parametrize(("abstract_syntax", "command", "violation", "status"), REFUSED, ids=name)
def test_not_permitted(abstract_syntax: str, command: Request, violation: Violation, status: int) -> None:
    assert STANDARD_PERMISSIONS.violation(abstract_syntax, command) is violation
    context = AcceptedContext(1, abstract_syntax, "1.2", True, True)
    refusal = judge_request(STANDARD_PERMISSIONS, context, command)
    assert refusal is not None
    assert refusal.status == status
    assert refusal.comment
    assert judge_request(EVERYTHING_PERMITTED, context, command) is None
    assert violation_text(violation, abstract_syntax, command)


@pytest.mark.parametrize("uid", ["abc", "1..2", "../../x", "1." + "2" * 70, "1.2\n", ""])
def test_an_instance_uid_that_is_none_is_refused_by_every_n_service(uid: str) -> None:
    requests = [
        (MPPS, NSetRQ(1, MPPS, uid)),
        (RETRIEVE, NGetRQ(1, RETRIEVE, uid)),
        (COMMITMENT, NActionRQ(1, COMMITMENT, uid, 1)),
        (SESSION, NDeleteRQ(1, SESSION, uid)),
        (NOTIFICATION, NEventReportRQ(1, NOTIFICATION, uid, 1)),
    ]
    if uid:  # the provider names an instance that has no UID (PS3.7 10.1.5.1.4)
        requests.append((MPPS, NCreateRQ(1, MPPS, uid)))
    for abstract_syntax, command in requests:
        refusal = judge_request(STANDARD_PERMISSIONS, AcceptedContext(1, abstract_syntax, "1.2", True, True), command)
        assert refusal is not None
        assert refusal.status == 0x0117


def test_every_query_model_is_in_the_table() -> None:
    for model in QUERY_MODELS.values():
        for uid in model.values():
            assert uid in STANDARD_PERMISSIONS.rows


def test_a_table_can_be_extended() -> None:
    table = STANDARD_PERMISSIONS.extended(
        "1.2.3.4", operations=["N-GET", "N-ACTION"], sop_classes=["1.2.3.4.1"], types=[7]
    )
    assert table.violation("1.2.3.4", NGetRQ(1, "1.2.3.4.1", "1.2")) is None
    assert table.violation("1.2.3.4", NActionRQ(1, "1.2.3.4.1", "1.2", 7)) is None
    assert table.violation("1.2.3.4", NActionRQ(1, "1.2.3.4.1", "1.2", 8)) is Violation.TYPE
    assert table.violation("1.2.3.4", NGetRQ(1, "1.2.3.4", "1.2")) is Violation.SOP_CLASS
    own = STANDARD_PERMISSIONS.extended("1.2.3.5", operations=["N-GET"])
    assert own.violation("1.2.3.5", NGetRQ(1, "1.2.3.5", "1.2")) is None
    assert STANDARD_PERMISSIONS.violation("1.2.3.4", NGetRQ(1, "1.2.3.4", "1.2")) is None


def test_there_is_no_such_operation() -> None:
    with pytest.raises(ConfigurationError, match="N-PUT"):
        STANDARD_PERMISSIONS.extended("1.2.3.4", operations=["N-PUT"])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("operation", "sop_class", "type_id", "context"),
    [
        ("N-CREATE", PUSH, None, PUSH),
        ("N-GET", PUSH, None, PUSH),
        ("N-SET", PUSH, None, PULL),
        ("N-ACTION", PUSH, 1, PULL),
        ("N-ACTION", PUSH, 2, PUSH),
        ("N-ACTION", PUSH, 3, WATCH),
        ("N-EVENT-REPORT", PUSH, 1, EVENT),
        ("N-GET", MPPS, None, RETRIEVE),
        ("N-CREATE", MPPS, None, MPPS),
        ("N-DELETE", MPPS, None, MPPS),  # nowhere
        ("N-ACTION", "1.2.3", 1, "1.2.3"),
    ],
)
def test_the_context_that_a_request_needs(
    operation: OperationName, sop_class: str, type_id: int | None, context: str
) -> None:
    assert STANDARD_PERMISSIONS.context_for(operation, sop_class, type_id) == context
