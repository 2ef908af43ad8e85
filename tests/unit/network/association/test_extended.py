"""SOP class extended negotiation: bytes as in PS3.4, both sides' answers."""

from __future__ import annotations

from typing import Any

import pytest

from dicomgui.network.association.extended import (
    ExtendedInfo,
    QueryFlags,
    RetrieveFlags,
    StorageSupport,
    WorklistFlags,
    answer_extended,
    decode_extended,
    extended_for,
    storage_relation,
)
from dicomgui.network.association.negotiation import AcceptPolicy, ProposedContext, build_request, conclude, negotiate
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import AssociateAC, SOPClassExtendedNegotiation
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES, VERIFICATION

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
GET = "1.2.840.10008.5.1.4.1.2.3.3"
COMPOSITE_ROOT_GET = "1.2.840.10008.5.1.4.1.2.4.3"
WORKLIST = "1.2.840.10008.5.1.4.31"
UPS_PULL = "1.2.840.10008.5.1.4.34.6.3"
CT = "1.2.840.10008.5.1.4.1.1.2"
ALL = QueryFlags(True, True, True, True, True)


@pytest.mark.parametrize(
    ("info", "data"),
    [
        (QueryFlags(), "00"),
        (QueryFlags(relational=True), "01"),
        (QueryFlags(date_time=True), "00 01 00"),
        (QueryFlags(relational=True, fuzzy=True), "01 00 01"),
        (QueryFlags(timezone=True), "00 00 00 01"),
        (QueryFlags(enhanced_multi_frame=True), "00 00 00 00 01"),
        (ALL, "01 01 01 01 01"),
        (RetrieveFlags(), "00"),
        (RetrieveFlags(relational=True), "01"),
        (RetrieveFlags(enhanced_multi_frame=True), "00 01"),
        (WorklistFlags(), "01 01 00"),
        (WorklistFlags(fuzzy=True), "01 01 01"),
        (WorklistFlags(timezone=True), "01 01 00 01"),
        (StorageSupport(), "03 00 00 00 02 00"),
        (StorageSupport(level=2, digital_signature=3, coercion=0), "02 00 03 00 00 00"),
    ],
)
def test_bytes_and_back(info: ExtendedInfo, data: str) -> None:
    assert info.encode() == bytes.fromhex(data)
    assert type(info).decode(bytes.fromhex(data)) == info


@pytest.mark.parametrize("kind", [QueryFlags, RetrieveFlags, WorklistFlags, StorageSupport])
@pytest.mark.parametrize("data", [b"", b"\xfe\xff", b"\xff" * 20])
def test_what_is_missing_or_unknown_is_as_if_not_asked(kind: type[ExtendedInfo], data: bytes) -> None:
    assert kind.decode(data) == kind()


def test_bytes_of_a_later_edition_are_no_harm() -> None:
    assert QueryFlags.decode(b"\x01\x01\x01\x01\x01\x01\x01") == ALL


@pytest.mark.parametrize("values", [{"level": 4}, {"digital_signature": -1}, {"coercion": 3}])
def test_values_that_the_standard_does_not_have(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        StorageSupport(**values)


def test_has_any() -> None:
    assert not QueryFlags().has_any
    assert QueryFlags(timezone=True).has_any


@pytest.mark.parametrize(
    ("ours", "offered", "answer"),
    [
        (QueryFlags(relational=True), "01", "01"),
        (QueryFlags(), "01", "00"),
        (ALL, "01", "01"),
        (ALL, "01 00 01", "01 00 01"),
        (QueryFlags(fuzzy=True), "01 01 01 01 01", "00 00 01 00 00"),
        (ALL, "01 01 01 01 01 01", "01 01 01 01 01 00"),
        (ALL, "02 ff 01", "00 01 01"),
        (ALL, "", ""),
        (RetrieveFlags(True, True), "01 00", "01 00"),
        (RetrieveFlags(True), "01 01", "01 00"),
        (WorklistFlags(True, True), "01 01 01", "01 01 01"),
        (WorklistFlags(), "01 01 01 01", "01 01 00 00"),
        (WorklistFlags(True), "00 00 01", "01 01 01"),
        (WorklistFlags(True), "01", "01"),
        (StorageSupport(2, 0, 0), "03 00 00 00 02 00", "02 00 00 00 00 00"),
    ],
)
def test_the_acceptor_answers_as_long_as_it_was_asked(ours: ExtendedInfo, offered: str, answer: str) -> None:
    assert ours.answer(bytes.fromhex(offered)) == bytes.fromhex(answer)


def test_each_sop_class_has_its_own_field() -> None:
    asked = QueryFlags(relational=True, fuzzy=True)
    assert extended_for((FIND, MOVE, GET, WORKLIST, UPS_PULL, COMPOSITE_ROOT_GET, CT, VERIFICATION, FIND), asked) == (
        SOPClassExtendedNegotiation(FIND, b"\1\0\1"),
        SOPClassExtendedNegotiation(MOVE, b"\1"),
        SOPClassExtendedNegotiation(GET, b"\1"),
        SOPClassExtendedNegotiation(WORKLIST, b"\1\1\1"),
        SOPClassExtendedNegotiation(UPS_PULL, b"\1\1\1"),
    )


def test_nothing_is_asked_of_those_who_have_no_such_flag() -> None:
    assert extended_for((FIND, MOVE, WORKLIST), QueryFlags()) == ()
    assert [item.sop_class_uid for item in extended_for((FIND, MOVE, WORKLIST), QueryFlags(fuzzy=True))] == [
        FIND, WORKLIST,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("uid", "info"),
    [
        (FIND, QueryFlags(True, False, True)),
        (MOVE, RetrieveFlags(True)),
        (GET, RetrieveFlags(True)),
        (WORKLIST, WorklistFlags(fuzzy=True)),
        (CT, StorageSupport(1, 1, 2)),
        (VERIFICATION, None),
    ],
)
def test_decode_by_sop_class(uid: str, info: ExtendedInfo | None) -> None:
    assert decode_extended(SOPClassExtendedNegotiation(uid, b"\1\0\1")) == info


def test_both_sides_agree() -> None:
    contexts = [ProposedContext(uid, DEFAULT_TRANSFER_SYNTAXES) for uid in (FIND, WORKLIST, CT, VERIFICATION)]
    items = (
        *extended_for((FIND, WORKLIST), ALL), StorageSupport().item(CT),
        SOPClassExtendedNegotiation(VERIFICATION, b"\1"),
    )  # fmt: skip
    rq = build_request("PEER", "ME", contexts, extended=items)
    ours = answer_extended(QueryFlags(relational=True, fuzzy=True), StorageSupport(2, 0, 1))
    ac = negotiate(rq, AcceptPolicy(answer_extended=ours))
    assert isinstance(ac, AssociateAC)
    found = {item.sop_class_uid: decode_extended(item) for item in conclude(rq, ac).extended}
    assert found == {
        FIND: QueryFlags(relational=True, fuzzy=True), WORKLIST: WorklistFlags(fuzzy=True),
        CT: StorageSupport(2, 0, 1),
    }  # fmt: skip


def test_storage_is_left_unanswered_unless_it_was_said_how() -> None:
    assert answer_extended(ALL)(StorageSupport().item(CT)) is None
    assert answer_extended()(ALL.item(FIND)) == bytes(5)


def test_related_general_sop_classes() -> None:
    item = storage_relation("1.2.3.4", CT)
    assert item.service_class_uid == "1.2.840.10008.4.2"
    rq = build_request("PEER", "ME", [ProposedContext(CT, DEFAULT_TRANSFER_SYNTAXES)], common_extended=[item])
    ac = negotiate(rq, AcceptPolicy())
    assert isinstance(ac, AssociateAC)
    [read] = conclude(rq, ac).common_extended
    assert (read.sop_class_uid, read.related) == ("1.2.3.4", (CT,))
