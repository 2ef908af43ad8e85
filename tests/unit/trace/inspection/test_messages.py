from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.recordings import CT, EXPLICIT, JPEG_2000, Recording, associate_ac, associate_rq
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.dimse import CCancelRQ, CEchoRQ, CFindRQ, CStoreRQ, CStoreRSP, encode
from dicomgui.network.pdu import PDV, PDataTF, PresentationContextAC, PresentationContextRQ
from dicomgui.network.status import Status
from dicomgui.network.tracing import DimseRecord, Direction, PduRecord, Segment
from dicomgui.trace.inspection import messages
from dicomgui.trace.inspection.messages import Gap, Message, message_at
from dicomgui.trace.store import TraceStore

COMMAND = encode(CStoreRQ(1, CT, "1.2.3", has_dataset=True))
DATA = bytes(range(256)) * 10
SENT, RECEIVED = Direction.SENT, Direction.RECEIVED


@pytest.fixture
def store() -> Iterator[TraceStore]:
    made = TraceStore()
    yield made
    made.close()


def opened(association: int = 1) -> Recording:
    recording = Recording(association).connect()
    recording.sent(associate_rq(PresentationContextRQ(3, CT, (EXPLICIT, JPEG_2000))))
    return recording.received(associate_ac(PresentationContextAC(3, 0, EXPLICIT)))


def filled(store: TraceStore, *recordings: Recording) -> TraceStore:
    for recording in recordings:
        for record in recording.records:
            store(record)
    return store


def message(store: TraceStore, seq: int, offset: int = 0) -> Message:
    found = message_at(store, seq, offset)
    assert found is not None
    return found


def rows(store: TraceStore, direction: Direction = SENT) -> list[int]:
    """Numbers of the P-DATA-TF that went this way."""
    return [
        entry.seq
        for entry in store.since(0, 10_000)
        if isinstance(entry.record, PduRecord) and (entry.record.direction, entry.record.pdu_type) == (direction, 4)
    ]


def stored(recording: Recording, size: int = 1000) -> Recording:
    """A C-STORE-RQ whose data set comes in pieces of ``size`` bytes, with an answer in the middle of it."""
    recording.sent(PDataTF((PDV(3, 3, COMMAND),)))
    for start in range(0, len(DATA), size):
        recording.sent(PDataTF((PDV(3, 2 if start + size >= len(DATA) else 0, DATA[start : start + size]),)))
        recording.received(PDataTF((PDV(3, 3, encode(CStoreRSP(9, Status(0)))),)))
    return recording


def test_a_message_is_the_same_from_each_of_its_pdus(store: TraceStore) -> None:
    recording = stored(opened())
    recording.message(SENT, CEchoRQ(2), 3)
    filled(store, recording)
    seqs = rows(store)
    filled(store, stored(opened(2), 300))
    first = message(store, seqs[0])
    assert (first.command, first.dataset, first.gaps) == (COMMAND, DATA, ())
    assert (first.is_complete, first.faults, first.missing_bytes) == (True, (), 0)
    assert first.context == (3, CT, EXPLICIT)
    assert all(message(store, seq) == first for seq in seqs[:-1])
    echo = message(store, seqs[-1])
    assert (echo.has_dataset, echo.dataset, echo.is_complete) == (False, b"", True)
    assert (first.first_seq, first.last_seq) == (seqs[0], seqs[-2])
    decoded = first.decode()
    assert decoded is not None
    assert decoded.name == "C-STORE-RQ"


def test_each_byte_knows_where_it_stood_and_back(store: TraceStore) -> None:
    filled(store, stored(opened()))
    seqs = rows(store)
    whole = message(store, seqs[0])
    content = COMMAND + DATA
    for position in (0, len(COMMAND) - 1, len(COMMAND), len(COMMAND) + 1500, len(content) - 1):
        place = whole.place_of(position)
        assert place is not None
        entry = store.entry(place.seq)
        assert entry is not None
        assert isinstance(entry.record, PduRecord)
        assert entry.record.segments[0].data[place.offset] == content[position]
        assert whole.position_of(place.seq, place.offset) == position
    assert whole.place_of(len(content)) is None
    assert whole.place_of(-1) is None
    assert whole.position_of(seqs[0], 3) is None
    assert whole.position_of(999, 12) is None
    assert b"".join(segment.data for segment in whole.segments()) == content


def test_what_was_not_kept_is_zeros_and_told(store: TraceStore) -> None:
    recording = opened()
    recording.sent(PDataTF((PDV(3, 3, COMMAND),)))
    for control in (0, 2):
        pdu = PDataTF((PDV(3, control, b"x" * 1000),)).encode()
        recording.add(PduRecord(*recording.head, SENT, 4, len(pdu), (Segment(0, pdu[:112]),), ""))
    filled(store, recording)
    whole = message(store, rows(store)[1])
    assert whole.dataset == (b"x" * 100 + bytes(900)) * 2
    assert whole.gaps == (Gap(100, 900), Gap(1100, 900))
    assert whole.missing_bytes == 1800
    assert whole.dataset_segments() == (Segment(0, b"x" * 100), Segment(1000, b"x" * 100))
    assert whole.is_complete


def test_a_long_data_set_is_shown_up_to_a_bound(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_SHOWN", 1500)
    filled(store, stored(opened()))
    whole = message(store, rows(store)[0])
    assert whole.dataset == DATA[:1500]
    assert (whole.dataset_length, whole.missing_bytes) == (len(DATA), len(DATA) - 1500)
    assert "left out" in whole.faults[0]
    assert whole.is_complete


def test_a_command_in_pieces_and_several_values_in_a_pdu(store: TraceStore) -> None:
    recording = opened()
    recording.sent(PDataTF((PDV(3, 1, COMMAND[:30]),)))
    recording.sent(PDataTF((PDV(3, 3, COMMAND[30:]), PDV(3, 0, DATA[:10]), PDV(3, 2, DATA[10:20]))))
    recording.sent(PDataTF((PDV(3, 3, encode(CEchoRQ(5))), PDV(3, 3, encode(CCancelRQ(4))))))
    filled(store, recording)
    first, second, third = rows(store)
    whole = message(store, second)
    assert (whole.command, whole.dataset) == (COMMAND, DATA[:20])
    assert message(store, first) == whole
    assert [piece.position for piece in whole.pieces_in(second)] == [30, len(COMMAND), len(COMMAND) + 10]
    names = []
    for offset in (0, 200):
        command = message(store, third, offset).decode()
        names.append(command.name if command is not None else "")
    assert names == ["C-ECHO-RQ", "C-CANCEL-RQ"]


def test_a_message_row_shows_its_message(store: TraceStore) -> None:
    recording = stored(opened())
    recording.add(DimseRecord(*recording.head, SENT, 3, 1, 1, CT, "1.2.3", -1, len(DATA), ""))
    # What comes is told of before its last PDU is.
    for number in (7, 8):
        answer = CStoreRSP(number, Status(0), CT)
        recording.dimse(RECEIVED, answer, 3)
        recording.received(PDataTF((PDV(3, 3, encode(answer)),)))
    recording.message(SENT, CEchoRQ(1), 3)  # of the same number, soon after
    filled(store, recording)
    told = [entry.seq for entry in store.since(0, 1000) if isinstance(entry.record, DimseRecord)]
    assert message(store, told[0]).dataset == DATA
    for seq, number in zip(told[1:3], (7, 8), strict=True):
        command = message(store, seq).decode()
        assert command is not None
        assert (command.name, command.message_id) == ("C-STORE-RSP", number)


def test_what_lacks_its_beginning_or_its_end(store: TraceStore) -> None:
    late, early = Recording(1), opened(2)
    late.sent(PDataTF((PDV(3, 0, DATA[:10]),))).sent(PDataTF((PDV(3, 2, DATA[10:20]),)))
    early.sent(PDataTF((PDV(3, 3, COMMAND),))).sent(PDataTF((PDV(3, 0, DATA[:10]),)))
    early.message(SENT, CEchoRQ(2), 3)
    filled(store, late, early)
    headless = message(store, 2)
    assert (headless.command, headless.dataset, headless.is_complete) == (b"", DATA[:20], False)
    assert headless.faults == ("its beginning was not found",)
    assert headless.context == (3, "", "")
    cut = message(store, rows(store)[2])
    assert not cut.is_complete
    assert cut.faults == ("the next message begins before it ends", "its end is not in the trace")
    assert cut.dataset == DATA[:10]


def test_data_without_a_command(store: TraceStore) -> None:
    recording = opened().message(SENT, CEchoRQ(2), 3)
    recording.sent(PDataTF((PDV(3, 2, DATA[:10]),))).sent(PDataTF((PDV(3, 2, DATA[10:20]),)))
    filled(store, recording)
    for seq, data in zip(rows(store)[1:], (DATA[:10], DATA[10:20]), strict=True):
        found = message(store, seq)
        assert (found.command, found.dataset) == (b"", data)
        assert found.faults == ("its data set has no command before it",)


def test_mixed_contexts_are_told(store: TraceStore) -> None:
    recording = opened()
    recording.sent(PDataTF((PDV(3, 3, COMMAND),))).sent(PDataTF((PDV(5, 2, DATA[:10]),)))
    filled(store, recording)
    assert message(store, rows(store)[0]).faults == ("a fragment names context 5 instead of 3",)


def test_what_belongs_to_no_message(store: TraceStore) -> None:
    recording = opened()
    recording.raw(SENT, b"\x04\0\0\0\0\x06\0\0\0\x01\x03\x03", "too short")
    filled(store, recording)
    assert message_at(store, 1) is None
    assert message_at(store, 2) is None
    assert message_at(store, store.last_seq) is None
    assert message_at(store, 99) is None
    find = Recording().dimse(SENT, CFindRQ(1, CT))
    assert message_at(filled(TraceStore(), find), 1) is None


def test_pdus_whose_bytes_are_lost_count_all_the_same() -> None:
    store = TraceStore(memory_bytes=1, disk_bytes=0)
    filled(store, stored(opened(), 10))
    seqs = rows(store)
    entry = store.entry(seqs[100])
    assert entry is not None
    assert entry.lost
    whole = message(store, seqs[100])
    assert "had to make room" in " ".join(whole.faults)
    assert not whole.is_complete
    store.close()


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=40)), min_size=1, max_size=8), st.data())
def test_any_fragments_give_an_answer(fragments: list[tuple[int, bytes]], data: st.DataObject) -> None:
    recording = opened()
    for control, content in fragments:
        recording.sent(PDataTF((PDV(3, control, content),)))
    store = filled(TraceStore(), recording)
    for seq in rows(store):
        found = message(store, seq, data.draw(st.integers(0, 60)))
        assert not fragments[0][1] or found.pieces
        assert sum(piece.length for piece in found.pieces) == found.length
    store.close()


def test_what_cannot_be_shown_whole_is_told(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_COMMAND", 100)
    recording = opened().sent(PDataTF((PDV(3, 1, b"\0" * 60),))).sent(PDataTF((PDV(3, 3, b"\0" * 60),)))
    pdu = PDataTF((PDV(3, 3, COMMAND),)).encode()
    recording.add(PduRecord(*recording.head, SENT, 4, len(pdu), (Segment(0, pdu[:50]),), ""))
    filled(store, recording)
    first, _, third = rows(store)
    assert message(store, first).faults == ("its command set is too long to be shown",)
    assert message(store, first).decode() is None
    monkeypatch.setattr(messages, "MAX_COMMAND", 1000)
    assert f"{len(pdu) - 50} bytes of its command set are not in the trace" in message(store, third).faults


def test_fragments_without_end_are_left(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_PIECES", 2)
    filled(store, stored(opened(), 100))
    first, *_, last = rows(store)
    assert "only its first 2 fragments are shown" in message(store, first).faults
    assert "its beginning was not found" in message(store, last).faults


def test_commands_without_data_in_one_pdu_are_told_apart(store: TraceStore) -> None:
    commands = [PDV(3, 3, encode(CEchoRQ(number))) for number in range(4)]
    filled(store, opened().sent(PDataTF(tuple(commands))).sent(PDataTF((PDV(3, 0, DATA[:10]), PDV(3, 2, DATA[10:20])))))
    first, second = rows(store)
    found = [message(store, first, 12 + number * (len(commands[0].data) + 6)) for number in range(4)]
    assert [one.command for one in found] == [pdv.data for pdv in commands]
    assert all(one.segments() == (Segment(0, one.command),) for one in found)
    assert message(store, second, 30).dataset == DATA[10:20]
