from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from helpers.packets import ACK, CLIENT, FIN, PSH, RST, START_NS, SYN, Talk, Timed
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.trace.capture.packets import Dissector, TcpSegment
from dicomgui.trace.capture.reader import Packet
from dicomgui.trace.capture.tcp import (
    MAX_HELD_BYTES,
    Connection,
    Data,
    Ended,
    Event,
    Gap,
    Opened,
    Reassembler,
)

HELLO = bytes(range(200)) * 10
ANSWER = bytes(reversed(HELLO))


def segments(packets: Iterable[Timed]) -> list[TcpSegment]:
    dissector = Dissector()
    found = [dissector.segment(Packet(time_ns, 101, data, len(data))) for time_ns, data in packets]
    return [segment for segment in found if segment is not None]


def run(packets: Iterable[Timed], reassembler: Reassembler | None = None) -> dict[Connection, list[Event]]:
    reassembler = reassembler or Reassembler()
    found: dict[Connection, list[Event]] = {}
    last_ns = 0
    for segment in segments(packets):
        last_ns = segment.time_ns
        for connection, event in reassembler.feed(segment):
            found.setdefault(connection, []).append(event)
    for connection, event in reassembler.finish(last_ns):
        found.setdefault(connection, []).append(event)
    return found


def only(packets: Iterable[Timed]) -> list[Event]:
    (events,) = run(packets).values()
    return events


def stream(events: list[Event], side: int) -> bytes:
    """The bytes of one side, ``?`` for each that is missing."""
    pieces = []
    for event in events:
        if isinstance(event, Data) and event.side == side:
            pieces.append(event.data)
        elif isinstance(event, Gap) and event.side == side:
            pieces.append(b"?" * event.length)
    return b"".join(pieces)


def whole(isn: tuple[int, int] = (1000, 9000)) -> Talk:
    return Talk(isn=isn).open().send(0, HELLO, 100).send(1, ANSWER, 100).close()


def test_a_connection_from_hello_to_goodbye() -> None:
    (connection, events), *others = run(whole().packets).items()
    assert not others
    assert connection.opener == 0
    assert [place.port for place in connection.ends] == [50_000, 104]
    assert events[0] == Opened(START_NS + 1_000_000, 0.001)
    assert (stream(events, 0), stream(events, 1)) == (HELLO, ANSWER)
    assert events[-1] == Ended(whole().packets[-2].time_ns, 0, False)
    assert not any(isinstance(event, Gap) for event in events)


def test_the_server_may_close_first() -> None:
    assert only(Talk().open().close(1).packets)[-1][1:] == (1, False)


@pytest.mark.parametrize("isn", [(2**32 - 1, 2**32 - 500), (2**32 - 150, 2**31 - 3), (0, 2**32 - 1)])
def test_sequence_numbers_wrap(isn: tuple[int, int]) -> None:
    events = only(whole(isn).packets)
    assert (stream(events, 0), stream(events, 1)) == (HELLO, ANSWER)


def test_segments_out_of_order_and_repeated() -> None:
    rng = random.Random(1)
    packets = whole().packets
    head, body, tail = packets[:3], packets[3:23], packets[23:]
    shuffled = body + rng.sample(body, 10)
    rng.shuffle(shuffled)
    events = only([*head, *shuffled, *tail])
    assert (stream(events, 0), stream(events, 1)) == (HELLO, ANSWER)
    assert not any(isinstance(event, Gap) for event in events)


def test_segments_that_overlap() -> None:
    talk = Talk().open()
    for start, end in ((0, 100), (50, 150), (140, 141), (120, 300), (0, 300), (290, 310)):
        talk.packet(0, PSH | ACK, HELLO[start:end], seq=1001 + start)
    assert stream(only(talk.packets), 0) == HELLO[:310]


def test_of_bytes_that_came_twice_the_first_count() -> None:
    talk = Talk().open().packet(0, ACK, b"abcd", seq=1001).packet(0, ACK, b"XXXXef", seq=1001)
    assert stream(only(talk.packets), 0) == b"abcdef"


def test_keep_alives_and_probes_add_nothing() -> None:
    talk = Talk().open().packet(0, ACK, b"abc").packet(0, ACK, b"\0", seq=1003).packet(0, ACK, seq=1003)
    talk.packet(0, ACK, b"def")
    assert stream(only(talk.packets), 0) == b"abcdef"


def test_a_lost_segment_is_a_gap_once_it_was_acknowledged() -> None:
    packets = whole().packets
    events = only(packets[:7] + packets[8:])
    assert stream(events, 0) == HELLO[:400] + b"?" * 100 + HELLO[500:]
    gap = next(number for number, event in enumerate(events) if isinstance(event, Gap))
    answer = next(number for number, event in enumerate(events) if isinstance(event, Data) and event.side == 1)
    assert gap < answer, "what was asked stands before what was answered"
    assert stream(events, 1) == ANSWER


def test_a_late_segment_is_waited_for() -> None:
    """It was acknowledged before it was captured, as happens when several processors capture."""
    packets = whole().packets
    late = [*packets[:20], *packets[21:25], packets[20], *packets[25:]]
    events = only(late)
    assert stream(events, 0) == HELLO
    assert not any(isinstance(event, Gap) for event in events)


def test_a_gap_at_the_end_is_told() -> None:
    packets = Talk().open().send(0, HELLO, 500).close().packets
    events = only(packets[:6] + packets[7:])
    assert stream(events, 0) == HELLO[:1500] + b"?" * 500
    assert isinstance(events[-1], Ended)


def test_memory_behind_a_gap_is_bounded() -> None:
    talk = Talk().open().packet(0, ACK, b"x" * 1000)
    talk.send(0, bytes(MAX_HELD_BYTES + 100_000), 60_000)
    del talk.packets[3]
    reassembler = Reassembler()
    held = 0
    events = []
    for segment in segments(talk.packets):
        events += [event for _, event in reassembler.feed(segment)]
        held = max(held, *(connection.held for connection in reassembler._connections.values()))
    assert held < MAX_HELD_BYTES + 100_000
    assert isinstance(next(event for event in events if isinstance(event, Gap)), Gap)


def test_the_memory_of_all_connections_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomgui.trace.capture.tcp.MAX_HELD_TOTAL_BYTES", 200_000)
    talks = [Talk((CLIENT[0], 50_000 + number)).open().send(0, bytes(50_000), 1000) for number in range(10)]
    reassembler = Reassembler()
    held = 0
    for talk in talks:
        for segment in segments(talk.packets[:3] + talk.packets[4:-1]):
            list(reassembler.feed(segment))
            held = max(held, sum(connection.held for connection in reassembler._connections.values()))
    assert held < 300_000
    assert reassembler._held == sum(connection.held for connection in reassembler._connections.values())


def test_a_capture_that_began_in_the_middle() -> None:
    packets = whole().packets
    (connection, events), *_ = run(packets[8:]).items()
    assert connection.opener == -1
    assert not connection.has_start(0)
    assert events[0][1] == -1.0
    assert (stream(events, 0), stream(events, 1)) == (HELLO[500:], ANSWER)


def test_without_the_syn_the_answer_to_it_tells_the_beginning() -> None:
    (connection, events), *_ = run(whole().packets[1:]).items()
    assert connection.opener == 0
    assert connection.has_start(0)
    assert connection.has_start(1)
    assert stream(events, 0) == HELLO
    assert events[0][1] == -1.0


def test_without_the_answer_the_connection_opens_with_its_data() -> None:
    packets = whole().packets
    (connection, events), *_ = run(packets[:1] + packets[2:]).items()
    assert connection.opener == 0
    assert (stream(events, 0), stream(events, 1)) == (HELLO, ANSWER)


def test_a_repeated_syn_is_no_new_connection() -> None:
    talk = Talk().packet(0, SYN)
    talk.packet(0, SYN, seq=1000).packet(1, SYN | ACK).packet(0, ACK).send(0, HELLO).close()
    assert stream(only(talk.packets), 0) == HELLO


def test_a_port_that_is_used_again() -> None:
    """In order, after a reset, and while the old connection seems to be open still."""
    first, second, third = whole(), whole((5000, 7000)), whole((77, 88))
    cut = [packet for packet in second.packets if packet not in second.packets[-3:]]
    found = run([*first.packets, *cut, *third.packets])
    assert len(found) == 3
    for events in found.values():
        assert (stream(events, 0), stream(events, 1)) == (HELLO, ANSWER)
    assert [events[-1][1] for events in found.values()] == [0, -1, 0]


def test_late_segments_of_a_closed_connection_begin_nothing() -> None:
    packets = whole().packets
    assert len(run([*packets, packets[5], packets[-1]])) == 1


def test_a_reset_ends_at_once() -> None:
    talk = Talk().open().send(0, HELLO).packet(1, RST | ACK)
    events = only(talk.packets)
    assert events[-1] == Ended(talk.packets[-1].time_ns, 1, True)
    assert stream(events, 0) == HELLO


def test_a_reset_gives_what_waited_behind_a_gap() -> None:
    talk = Talk().open().packet(0, ACK, b"abc").packet(0, ACK, b"def").packet(1, RST)
    del talk.packets[3]
    assert stream(only(talk.packets), 0) == b"???def"


def test_a_refused_connection_never_opens() -> None:
    talk = Talk().packet(0, SYN).packet(1, RST | ACK)
    (connection, events), *_ = run(talk.packets).items()
    assert not connection.is_open
    assert events == [Ended(talk.packets[-1].time_ns, 1, True)]


def test_half_closed_goes_on() -> None:
    talk = Talk().open().packet(0, FIN | ACK).send(1, ANSWER).packet(1, FIN | ACK)
    events = only(talk.packets)
    assert stream(events, 1) == ANSWER
    assert events[-1][1:] == (0, False)


def test_the_end_of_the_capture_ends_all() -> None:
    assert only(Talk().open().send(0, HELLO).packets)[-1][1:] == (-1, False)
    assert only(Talk().open().packet(1, FIN | ACK).packets)[-1][1:] == (1, False)


def test_too_many_connections_give_up_the_oldest() -> None:
    reassembler = Reassembler(max_connections=3)
    packets = [packet for number in range(5) for packet in Talk((CLIENT[0], 50_000 + number)).open().packets]
    found = run(packets, reassembler)
    assert len(found) == 5
    assert reassembler.evicted == 2
    assert all(isinstance(events[-1], Ended) for events in found.values())


def test_a_muted_connection_holds_and_tells_nothing() -> None:
    reassembler = Reassembler()
    packets = whole().packets
    events = []
    for segment in segments(packets[:5] + packets[6:]):
        for connection, event in reassembler.feed(segment):
            connection.is_muted = True
            events.append(event)
    assert [type(event) for event in events] == [Opened]


def test_bytes_that_were_not_captured() -> None:
    """The capture kept 60 bytes of each packet: 20 of data."""
    dissector = Dissector()
    reassembler = Reassembler()
    events = []
    for time_ns, data in whole().packets:
        segment = dissector.segment(Packet(time_ns, 101, data[:60], len(data)))
        assert segment is not None
        events += [event for _, event in reassembler.feed(segment)]
    expected = b"".join(HELLO[start : start + 20] + b"?" * 80 for start in range(0, len(HELLO), 100))
    assert stream(events, 0) == expected
    assert isinstance(events[-1], Ended)


def test_a_segment_from_nowhere_is_left_out() -> None:
    talk = Talk().open().packet(0, ACK, b"abc").packet(0, ACK, b"nonsense", seq=1001 + 2**30 + 500)
    talk.packet(0, ACK, b"def")
    assert stream(only(talk.packets), 0) == b"abcdef"


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_is_lost_repeated_or_out_of_order_each_byte_is_right(data: st.DataObject) -> None:
    """What is told of a side is what it sent, with ``?`` where bytes are missing, and never more."""
    isn = data.draw(st.sampled_from([(1000, 9000), (2**32 - 300, 2**32 - 1)]))
    packets = Talk(isn=isn).open().send(0, HELLO[:900], 90).send(1, ANSWER[:900], 70).close().packets
    picked = data.draw(st.lists(st.sampled_from(packets), max_size=60))
    for connection, events in run(picked).items():
        for side in (0, 1):
            sent = HELLO[:900] if connection.ends[side].port == 50_000 else ANSWER[:900]
            assert _fits(stream(events, side), sent)
        assert isinstance(events[-1], Ended)


def _fits(told: bytes, sent: bytes) -> bool:
    return any(
        all(byte in (63, sent[start + place]) for place, byte in enumerate(told))
        for start in range(len(sent) - len(told) + 1)
    )
