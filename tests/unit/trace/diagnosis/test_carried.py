from __future__ import annotations

import pytest
from helpers.recordings import CT, Recording

from dicomgui.network.dimse import CEchoRQ, CEchoRSP, Command, CStoreRQ, CStoreRSP, encode
from dicomgui.network.pdu import PDV, PDataTF
from dicomgui.network.status import Status
from dicomgui.network.tracing import DimseRecord, Direction, PduRecord, Segment
from dicomgui.trace.diagnosis.carried import MAX_COMMAND, MAX_DATASET, Carried, Message

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
STORE = CStoreRQ(1, CT, "1.2.3")


def pdu(*pdvs: PDV, direction: Direction = RECEIVED) -> PduRecord:
    data = PDataTF(pdvs).encode()
    return PduRecord(1, 0.0, 0.0, direction, 4, len(data), (Segment(0, data),), "")


def told(command: Command, direction: Direction = RECEIVED) -> DimseRecord:
    (record,) = Recording().dimse(direction, command).records
    assert isinstance(record, DimseRecord)
    return record


def taken(*records: PduRecord, command: Command = STORE) -> Message | None:
    carried = Carried()
    for number, record in enumerate(records):
        carried.add(number, record)
    return carried.take(told(command))


def test_a_message_in_one_pdu() -> None:
    message = taken(pdu(PDV(5, 3, encode(STORE)), PDV(5, 2, b"abcd")))
    assert message is not None
    assert (message.context_id, message.dataset, message.decoded()) == (5, b"abcd", STORE)


def test_a_message_in_many_pdus() -> None:
    command = encode(STORE)
    pieces = [command[at : at + 7] for at in range(0, len(command), 7)]
    pdus = [pdu(PDV(1, 3 if at == len(pieces) - 1 else 1, piece)) for at, piece in enumerate(pieces)]
    message = taken(*pdus, pdu(PDV(1, 0, b"ab")), pdu(PDV(1, 2, b"cd")))
    assert message is not None
    assert message.decoded() == STORE
    assert message.dataset == b"abcd"
    place = message.place_of(0x1000)
    assert place is not None
    number, offset, _, record = place
    at = command.index(b"\0\0\0\x10\x06\0\0\0")
    assert number == at // 7
    assert record.segments[0].data[offset] == command[at]


def test_the_place_of_an_element() -> None:
    answer = CStoreRSP(1, Status(0xA700), error_comment="disk full")
    message = taken(pdu(PDV(1, 3, encode(answer))), command=answer)
    assert message is not None
    place = message.place_of(0x0900)
    assert place is not None
    number, offset, length, record = place
    assert (number, length) == (0, 10)
    assert record.segments[0].data[offset : offset + length] == b"\0\0\0\x09\2\0\0\0\0\xa7"
    assert message.place_of(0x0901) is None


def test_each_direction_has_its_own_messages() -> None:
    carried = Carried()
    carried.add(0, pdu(PDV(1, 3, encode(CEchoRQ(1))), direction=SENT))
    carried.add(1, pdu(PDV(1, 3, encode(CEchoRSP(1, Status(0))))))
    answer = carried.take(told(CEchoRSP(1, Status(0))))
    asked = carried.take(told(CEchoRQ(1), SENT))
    assert answer is not None
    assert asked is not None
    assert asked.field == 0x0030
    assert carried.take(told(CEchoRQ(1), SENT)) is None


def test_messages_that_nobody_took_are_passed_over() -> None:
    requests = [pdu(PDV(1, 3, encode(CEchoRQ(number)))) for number in range(1, 4)]
    message = taken(*requests, command=CEchoRQ(3))
    assert message is not None
    assert message.decoded() == CEchoRQ(3)
    assert taken(*requests, command=CEchoRQ(9)) is None


def test_bytes_that_were_not_kept_leave_a_message_out() -> None:
    record = pdu(PDV(1, 3, encode(STORE)))
    cut = record.segments[0].data
    assert taken(record._replace(segments=())) is None
    assert taken(record._replace(segments=(Segment(6, cut[6:]),))) is None
    assert taken(record._replace(segments=(Segment(0, cut[:9]),))) is None


@pytest.mark.parametrize("tail", [b"\0\0\0\1\1\3", b"\0\0\0\0\1\3", b"\xff\xff\xff\xff\1\3abc"])
def test_lengths_that_lie_end_the_walk(tail: bytes) -> None:
    record = pdu(PDV(1, 3, encode(STORE)))
    data = record.segments[0].data + tail
    message = taken(record._replace(segments=(Segment(0, data),)))
    assert message is not None
    assert message.decoded() == STORE


def test_what_a_peer_can_make_grow_has_an_end() -> None:
    pieces = [pdu(PDV(1, 1, b"x" * 5000)) for _ in range(100)]
    carried = Carried()
    for number, piece in enumerate(pieces):
        carried.add(number, piece)
    carried.add(100, pdu(PDV(1, 3, b"")))
    for _ in range(100):
        carried.add(101, pdu(PDV(1, 0, b"y" * 5000)))
    message = carried._closed[RECEIVED][0]
    assert len(message.command) <= MAX_COMMAND
    assert len(message.dataset) == MAX_DATASET
    assert message.decoded() is None
    assert message.field == -1
    assert message.place_of(0x0900) is None


def test_data_sets_that_nobody_wants_are_not_kept() -> None:
    carried = Carried()
    carried.without_dataset = frozenset({0x0001})
    carried.add(0, pdu(PDV(1, 3, encode(STORE)), PDV(1, 2, b"abcd")))
    message = carried.take(told(STORE))
    assert message is not None
    assert message.dataset == b""
