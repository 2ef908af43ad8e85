"""Requests and responses are paired by what is on the wire; nothing on the wire is believed."""

from __future__ import annotations

import pytest
from helpers.exchanging import RECEIVED, SENT, Talk, explicit, indexed
from helpers.recordings import CT, associate_rq

from dicomgui.network.dimse import (
    CCancelRQ,
    CEchoRQ,
    CEchoRSP,
    CFindRQ,
    CFindRSP,
    CGetRQ,
    CGetRSP,
    CMoveRQ,
    CMoveRSP,
    CStoreRQ,
    CStoreRSP,
    NActionRQ,
    NActionRSP,
    NEventReportRQ,
    NEventReportRSP,
    encode,
)
from dicomgui.network.pdu import PDV, PDataTF
from dicomgui.network.status import Status
from dicomgui.network.tracing import PduRecord, Role, Segment
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.pairing import kept_pdvs, scan_command

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
COMMITMENT = "1.2.840.10008.1.20.1"
SUCCESS, PENDING = Status(0), Status(0xFF00)


def seqs_of(index: TraceIndex, number: int) -> list[str]:
    """What the rows of an exchange are."""
    names = []
    for seq in index.rows_of(number):
        entry = index.store.entry(seq)
        assert entry is not None
        names.append(type(entry.record).__name__.removesuffix("Record").lower())
    return names


def test_a_query_with_its_matches_is_one_exchange() -> None:
    talk = Talk().established()
    assert isinstance(talk, Talk)
    talk.say(SENT, CFindRQ(7, FIND), b"\x08\x00" * 10)
    for _ in range(3):
        talk.say(RECEIVED, CFindRSP(7, PENDING, FIND), b"\x10\x00" * 20)
    talk.say(RECEIVED, CFindRSP(7, SUCCESS, FIND))
    index = indexed(talk)
    (exchange,) = [index.exchanges[n] for n in range(1, len(index.exchanges) + 1)]
    assert (exchange.operation, exchange.message_id, exchange.sop_class_uid) == ("C-FIND", 7, FIND)
    assert (exchange.pending, exchange.status, exchange.direction) == (3, 0, SENT)
    assert exchange.began_mono < exchange.sent_mono < exchange.first_mono < exchange.ended_mono
    assert exchange.request_bytes > 20
    assert exchange.response_bytes > 60
    assert seqs_of(index, 1) == ["pdu", "pdu", "dimse"] + ["pdu", "pdu", "dimse"] * 3 + ["pdu", "dimse"]


@pytest.mark.parametrize("fragment", [1, 7, 64])
@pytest.mark.parametrize("told", [True, False])
def test_messages_cut_small_are_put_together(fragment: int, told: bool) -> None:
    talk = Talk(told=told)
    talk.established()
    talk.say(SENT, CStoreRQ(1, CT, "1.2.3"), b"d" * 100, fragment=fragment)
    talk.say(RECEIVED, CStoreRSP(1, Status(0xB000), CT, "1.2.3"), fragment=fragment)
    index = indexed(talk)
    assert len(index.exchanges) == 1
    exchange = index.exchanges[1]
    assert (exchange.operation, exchange.status, exchange.warned) == ("C-STORE", 0xB000, True)
    pdus = [r for r in talk.records if isinstance(r, PduRecord) and r.pdu_type == 4]
    assert exchange.request_bytes + exchange.response_bytes == sum(record.length for record in pdus)
    assert len([name for name in seqs_of(index, 1) if name == "pdu"]) == len(pdus)


def test_several_outstanding_requests_are_told_apart() -> None:
    talk = Talk().established()
    assert isinstance(talk, Talk)
    talk.say(SENT, CStoreRQ(1, CT, "1.2.1"), b"dd").say(SENT, CStoreRQ(2, CT, "1.2.2"), b"dd")
    talk.say(RECEIVED, CStoreRSP(2, Status(0xA700), CT, "1.2.2", error_comment="disk full"))
    talk.say(RECEIVED, CStoreRSP(1, SUCCESS, CT, "1.2.1"))
    index = indexed(talk)
    assert [index.exchanges[n].status for n in (1, 2)] == [0, 0xA700]
    assert [index.exchanges[n].comment for n in (1, 2)] == ["", "disk full"]


def test_both_sides_may_ask_with_the_same_message_id() -> None:
    talk = Talk().established()
    assert isinstance(talk, Talk)
    talk.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRQ(1))
    talk.say(RECEIVED, CEchoRSP(1, SUCCESS)).say(SENT, CEchoRSP(1, Status(0x0110)))
    index = indexed(talk)
    assert [(e.direction, e.status) for e in (index.exchanges[1], index.exchanges[2])] == [
        (SENT, 0),
        (RECEIVED, 0x0110),
    ]


def test_a_message_id_may_come_again() -> None:
    talk = Talk().established()
    assert isinstance(talk, Talk)
    for status in (0, 0x0122):
        talk.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(status)))
    index = indexed(talk)
    assert [index.exchanges[n].status for n in (1, 2)] == [0, 0x0122]


def test_a_response_that_nobody_asked_for_stands_alone() -> None:
    talk = Talk().established()
    assert isinstance(talk, Talk)
    talk.say(RECEIVED, CEchoRSP(9, SUCCESS))
    talk.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, SUCCESS)).say(RECEIVED, CEchoRSP(1, SUCCESS))
    index = indexed(talk)
    operations = [index.exchanges[n].operation for n in range(1, len(index.exchanges) + 1)]
    assert operations == ["response without request", "C-ECHO", "response without request"]


def test_a_cancel_belongs_to_what_it_cancels() -> None:
    talk = Talk().established()
    assert isinstance(talk, Talk)
    talk.say(SENT, CFindRQ(4, FIND), b"dd").say(SENT, CCancelRQ(4)).say(RECEIVED, CFindRSP(4, Status(0xFE00), FIND))
    talk.say(SENT, CCancelRQ(77))
    index = indexed(talk)
    assert len(index.exchanges) == 1
    assert index.exchanges[1].cancelled
    assert index.exchanges[1].status == 0xFE00


def test_what_a_retrieve_counted_and_where_it_went() -> None:
    talk = Talk().established()
    assert isinstance(talk, Talk)
    talk.say(SENT, CMoveRQ(5, MOVE, move_destination="DEST"), b"dd")
    talk.say(RECEIVED, CMoveRSP(5, PENDING, MOVE, remaining=2, completed=1, failed=0, warning=0))
    talk.say(RECEIVED, CMoveRSP(5, Status(0xB000), MOVE, completed=2, failed=1, warning=0))
    exchange = indexed(talk).exchanges[1]
    assert exchange.destination == "DEST"
    assert (exchange.counts.completed, exchange.counts.failed, exchange.counts.remaining) == (2, 1, -1)
    assert exchange.failed


def moving(message_id: int = 5, calling: str = "ME") -> Talk:
    talk = Talk(1)
    talk.connect().sent(associate_rq(calling=calling))
    return talk.say(SENT, CMoveRQ(message_id, MOVE, move_destination="ME"), b"dd")


def arriving(originator: str = "ME", message_id: int = 5, association: int = 2) -> Talk:
    talk = Talk(association, role=Role.ACCEPTOR)
    talk.wait(10).established()
    for number in (1, 2):
        command = CStoreRQ(
            number, CT, f"1.2.{number}", move_originator_ae_title=originator, move_originator_message_id=message_id
        )
        talk.say(RECEIVED, command, b"dd").say(SENT, CStoreRSP(number, SUCCESS, CT, f"1.2.{number}"))
    return talk


def test_a_move_is_joined_with_the_stores_that_it_caused_on_another_association() -> None:
    index = indexed(moving(), arriving())
    assert list(index.exchanges.children[1]) == [2, 3]
    assert [index.exchanges[n].parent for n in (2, 3)] == [1, 1]
    assert index.exchanges[2].originator_ae == "ME"
    assert index.exchanges[2].originator_id == 5


def test_where_both_sides_are_in_the_trace_what_arrives_belongs_to_what_was_asked_for() -> None:
    asked = Talk(3, role=Role.ACCEPTOR)
    asked.connect().received(associate_rq(calling="ME"))
    asked.say(RECEIVED, CMoveRQ(5, MOVE, move_destination="ME"), b"dd")
    sending = Talk(4)
    sending.wait(12).established()
    command = CStoreRQ(1, CT, "1.2.1", move_originator_ae_title="ME", move_originator_message_id=5)
    sending.say(SENT, command, b"dd").say(RECEIVED, CStoreRSP(1, SUCCESS, CT, "1.2.1"))
    index = indexed(moving(), asked, sending, arriving())
    table = index.exchanges
    moves = {table.direction[n]: n for n in range(1, len(table) + 1) if table[n].operation == "C-MOVE"}
    stores = [table[n] for n in range(1, len(table) + 1) if table[n].operation == "C-STORE"]
    assert len(moves) == 2
    assert [store.parent for store in stores] == [
        moves[RECEIVED if store.direction is SENT else SENT] for store in stores
    ]


@pytest.mark.parametrize(("originator", "message_id"), [("OTHER", 5), ("ME", 6)])
def test_stores_of_other_originators_are_not_joined(originator: str, message_id: int) -> None:
    index = indexed(moving(), arriving(originator, message_id))
    assert not index.exchanges.children
    assert index.exchanges[2].parent == 0


def test_of_two_moves_with_the_same_id_the_open_one_is_meant() -> None:
    first = moving()
    first.say(RECEIVED, CMoveRSP(5, SUCCESS, MOVE, completed=0))
    second = Talk(3)
    second.wait(5).connect().sent(associate_rq())
    assert isinstance(second, Talk)
    second.say(SENT, CMoveRQ(5, MOVE, move_destination="ME"), b"dd")
    index = indexed(first, second, arriving())
    assert list(index.exchanges.children) == [2]


def test_a_get_is_joined_with_the_stores_on_its_own_association() -> None:
    talk = Talk().established()
    assert isinstance(talk, Talk)
    talk.say(SENT, CGetRQ(5, GET), b"dd")
    talk.say(RECEIVED, CStoreRQ(1, CT, "1.2.1"), b"dd").say(SENT, CStoreRSP(1, SUCCESS, CT, "1.2.1"))
    talk.say(RECEIVED, CGetRSP(5, SUCCESS, GET, completed=1))
    talk.say(RECEIVED, CStoreRQ(2, CT, "1.2.2"), b"dd")
    index = indexed(talk)
    assert list(index.exchanges.children[1]) == [2]
    assert index.exchanges[3].parent == 0


@pytest.mark.parametrize(
    "data",
    [
        explicit(0x0008, 0x1195, "UI", b"1.2.77"),
        b"\x08\x00\x95\x11\x06\x00\x00\x001.2.77",
        b"\x00\x08\x11\x95UI\x00\x061.2.77",
    ],
    ids=["explicit", "implicit", "big endian"],
)
def test_a_storage_commitment_is_joined_with_its_report(data: bytes) -> None:
    asking = Talk(1)
    asking.established()
    asking.say(SENT, NActionRQ(1, COMMITMENT, "1.2.840.10008.1.20.1.1", 1), data)
    asking.say(RECEIVED, NActionRSP(1, SUCCESS, COMMITMENT))
    told = Talk(2, role=Role.ACCEPTOR)
    told.wait(50).established()
    told.say(RECEIVED, NEventReportRQ(1, COMMITMENT, "1.2.840.10008.1.20.1.1", 1), data)
    told.say(SENT, NEventReportRSP(1, SUCCESS, COMMITMENT))
    index = indexed(asking, told)
    assert index.exchanges[1].transaction_uid == "1.2.77"
    assert index.exchanges[2].parent == 1


def test_messages_without_their_pdus_make_exchanges_too() -> None:
    talk = Talk().established()
    talk.store(0xA700, "disk full", 1).store(0, "", 2)
    index = indexed(talk)
    assert [(index.exchanges[n].status, index.exchanges[n].comment) for n in (1, 2)] == [(0xA700, "disk full"), (0, "")]
    assert seqs_of(index, 1) == ["dimse", "dimse"]


def test_a_command_that_never_ends_is_bounded() -> None:
    talk = Talk().established()
    for _ in range(2000):
        talk.raw(RECEIVED, PDataTF((PDV(1, 1, b"\x00" * 60),)).encode())
    index = indexed(talk)
    assert len(index.exchanges) == 0


@pytest.mark.parametrize("data", [b"", b"\x00" * 7, b"\x00\x00\x00\x01\x02\x00\x00\x00", b"\xff" * 40])
def test_what_is_no_command_set_is_none(data: bytes) -> None:
    assert scan_command(data) is None


def test_a_broken_command_does_not_swallow_the_next_message() -> None:
    talk = Talk().established()
    assert isinstance(talk, Talk)
    talk.raw(SENT, PDataTF((PDV(1, 3, b"\xff" * 20),)).encode())
    talk.say(SENT, CEchoRQ(3)).say(RECEIVED, CEchoRSP(3, SUCCESS))
    talk.raw(SENT, PDataTF((PDV(1, 3, encode(CStoreRQ(4, CT, "1.2.3", has_dataset=True))),)).encode())
    talk.say(SENT, CEchoRQ(5)).say(RECEIVED, CEchoRSP(5, SUCCESS))  # a command where data was to come
    index = indexed(talk)
    assert [(index.exchanges[n].operation, index.exchanges[n].status) for n in (1, 2, 3)] == [
        ("C-ECHO", 0),
        ("C-STORE", -1),
        ("C-ECHO", 0),
    ]


def test_pdvs_up_to_the_first_that_was_not_kept() -> None:
    whole = PDataTF((PDV(1, 3, b"abcd"), PDV(3, 0, b"efghij"), PDV(5, 2, b"kl"))).encode()
    kept = (Segment(0, whole[:24]), Segment(30, whole[30:]))
    record = PduRecord(1, 0.0, 0.0, SENT, 4, len(whole), kept, "")
    pdvs = list(kept_pdvs(record))
    assert [(p.context_id, p.control, p.length, p.data) for p in pdvs] == [(1, 3, 4, b"abcd"), (3, 0, 6, b"ef")]
    assert [p.offset for p in pdvs] == [6, 16]


def test_a_pdv_behind_a_gap_is_found_where_its_header_was_kept() -> None:
    whole = PDataTF((PDV(1, 3, b"abcdefgh"), PDV(3, 2, b"kl"))).encode()
    record = PduRecord(1, 0.0, 0.0, SENT, 4, len(whole), (Segment(0, whole[:14]), Segment(18, whole[18:])), "")
    assert [(p.offset, p.context_id, p.data) for p in kept_pdvs(record)] == [(6, 1, b"ab"), (20, 3, b"kl")]


def test_a_pdv_without_room_for_its_own_header_ends_the_pdu() -> None:
    data = b"\x04\x00" + (8).to_bytes(4, "big") + (1).to_bytes(4, "big") + b"\x01\x03\x00\x00"
    record = PduRecord(1, 0.0, 0.0, SENT, 4, len(data), (Segment(0, data),), "")
    assert not list(kept_pdvs(record))
