"""Fragments put together: any split gives the same message, every violation its abort reason, no sink is left open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.dimse.assembler import Assembler, MemorySink, Message, NullSink, Sink
from dicomgui.network.dimse.command_set import encode
from dicomgui.network.dimse.commands import CEchoRQ, CFindRSP, CGetRSP, Command, CStoreRQ, CStoreRSP
from dicomgui.network.dimse.fragment import BytesSource, fragments
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu.data import PdvPiece
from dicomgui.network.status import Status

STORE = CStoreRQ(5, "1.2.840.10008.5.1.4.1.1.2", "1.2.3")
ECHO = CEchoRQ(1)
DATA, DATA_LAST, COMMAND, COMMAND_LAST = 0, 2, 1, 3


class Log:
    """A sink that tells what happened to it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.calls: list[str] = []

    def write(self, data: memoryview, /) -> None:
        self.data += data

    def finish(self) -> object:
        self.calls.append("finish")
        return bytes(self.data)

    def abandon(self) -> None:
        self.calls.append("abandon")


class Bench:
    """An assembler whose sinks are logs."""

    def __init__(self, max_command_length: int = 65_536, max_dataset_length: int = 1 << 32) -> None:
        self.sinks: list[Log] = []
        self.chosen: list[tuple[int, Command]] = []
        self.assembler = Assembler(
            self.choose, (1, 3), max_command_length=max_command_length, max_dataset_length=max_dataset_length
        )

    def choose(self, context_id: int, command: Command) -> Sink:
        self.chosen.append((context_id, command))
        self.sinks.append(Log())
        return self.sinks[-1]

    def feed(
        self, control: int, data: bytes, context_id: int = 1, starts: bool = True, ends: bool = True
    ) -> Message | None:
        return self.assembler.feed(PdvPiece(context_id, control, memoryview(data), starts, ends))

    def refuses(self, abort_reason: int, control: int, data: bytes, context_id: int = 1, ends: bool = True) -> None:
        with pytest.raises(RemoteProtocolError) as caught:
            self.feed(control, data, context_id, ends=ends)
        assert caught.value.abort_reason == abort_reason
        assert caught.value.pdu_type == 4
        assert caught.value.field
        assert not self.assembler.in_message
        assert all(len(sink.calls) == 1 for sink in self.sinks)


def test_command_without_data_set() -> None:
    bench = Bench()
    assert bench.feed(COMMAND_LAST, encode(ECHO)) == Message(1, ECHO, None, -1)
    assert bench.chosen == []
    assert not bench.assembler.in_message


def test_a_command_that_is_like_the_one_before_and_one_that_is_not() -> None:
    bench = Bench()
    others = [CEchoRQ(2), CEchoRQ(2), CEchoRQ(3), CStoreRSP(3, Status(0), STORE.affected_sop_class_uid, "1.2.3"), ECHO]
    for command in (ECHO, ECHO, *others):
        assert bench.feed(COMMAND_LAST, encode(command)) == Message(1, command, None, -1)
    bench.refuses(6, COMMAND_LAST, b"\xff" * 12)
    bench.refuses(6, COMMAND_LAST, b"\xff" * 12)
    assert bench.feed(COMMAND_LAST, encode(ECHO)) == Message(1, ECHO, None, -1)


def test_command_with_data_set() -> None:
    bench = Bench()
    assert bench.feed(COMMAND_LAST, encode(STORE), 3) is None
    assert bench.chosen == [(3, STORE)]
    assert bench.assembler.command == STORE
    assert bench.assembler.in_message
    assert bench.feed(DATA, b"abcd", 3) is None
    assert bench.feed(DATA_LAST, b"ef", 3) == Message(3, STORE, b"abcdef", 6)
    assert bench.sinks[0].calls == ["finish"]
    assert bench.assembler.command is None
    assert not bench.assembler.in_message


def test_empty_data_set_and_empty_last_fragment() -> None:
    bench = Bench()
    bench.feed(COMMAND_LAST, encode(STORE))
    assert bench.feed(DATA_LAST, b"") == Message(1, STORE, b"", 0)
    bench.feed(COMMAND_LAST, encode(STORE))
    bench.feed(DATA, b"ab")
    assert bench.feed(DATA_LAST, b"") == Message(1, STORE, b"ab", 2)


def test_reserved_control_bits_are_not_tested() -> None:
    bench = Bench()
    assert bench.feed(0xFC | COMMAND_LAST, encode(STORE)) is None
    assert bench.feed(0xFC | DATA_LAST, b"ab") == Message(1, STORE, b"ab", 2)


def test_messages_follow_each_other_in_different_contexts() -> None:
    bench = Bench()
    for context_id in (1, 3, 1):
        assert bench.feed(COMMAND_LAST, encode(ECHO), context_id) == Message(context_id, ECHO, None, -1)


def cuts(data: bytes, draw: st.DrawFn) -> list[bytes]:
    places = sorted(draw(st.sets(st.integers(0, len(data)), max_size=8)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@st.composite
def pieces(draw: st.DrawFn, command: Command, data: bytes) -> list[PdvPiece]:
    """Command and data set cut into PDVs, and each PDV into pieces, anywhere."""
    found = []
    for kind, whole in ((COMMAND, encode(command)), (DATA, data)):
        pdvs = cuts(whole, draw)
        for i, pdv in enumerate(pdvs):
            control = kind | (2 if i == len(pdvs) - 1 else 0)
            parts = cuts(pdv, draw)
            for j, part in enumerate(parts):
                found.append(PdvPiece(1, control, memoryview(part), j == 0, j == len(parts) - 1))
    return found


@given(st.data(), st.binary(max_size=2000))
def test_b05_any_split_of_command_and_data_gives_the_same_message(draw: st.DataObject, data: bytes) -> None:
    bench = Bench()
    results = [bench.assembler.feed(piece) for piece in draw.draw(pieces(STORE, data))]
    assert results[-1] == Message(1, STORE, data, len(data))
    assert results[:-1] == [None] * (len(results) - 1)
    assert bench.sinks[0].calls == ["finish"]


@given(st.integers(0, 5000).map(lambda n: bytes(2 * n)), st.sampled_from([0, 8, 13, 4096, 131_072]))
def test_what_fragments_makes_is_assembled(data: bytes, max_pdu_length: int) -> None:
    bench = Bench()
    results = []
    for chunk in fragments(1, encode(STORE), BytesSource(data), max_pdu_length, chunk_bytes=5000):
        for pdu in chunk.pdus:
            body = memoryview(chunk.data)[pdu.offset + 12 : pdu.offset + pdu.length]
            results.append(bench.assembler.feed(PdvPiece(1, chunk.data[pdu.offset + 11], body, True, True)))
    assert results[-1] == Message(1, STORE, data, len(data))
    assert set(results[:-1]) == {None}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 3, 5]),
            st.integers(0, 255),
            st.sampled_from([encode(ECHO), encode(STORE), encode(STORE)[:50], b"", b"\0" * 30]),
            st.booleans(),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_any_pieces_give_messages_or_a_protocol_error(sequence: list[tuple[int, int, bytes, bool, bool]]) -> None:
    bench = Bench()
    for context_id, control, data, starts, ends in sequence:
        fault = None
        try:
            bench.feed(control, data, context_id, starts, ends)
        except RemoteProtocolError as exc:
            fault = exc
        if fault is not None:
            assert fault.abort_reason in (5, 6)
            assert not bench.assembler.in_message
    bench.assembler.abandon()
    assert all(len(sink.calls) == 1 for sink in bench.sinks)


def test_data_without_command() -> None:
    Bench().refuses(5, DATA, b"ab")
    bench = Bench()
    bench.feed(COMMAND, encode(STORE)[:20])
    bench.refuses(5, DATA, b"ab")


def test_command_after_data() -> None:
    bench = Bench()
    bench.feed(COMMAND_LAST, encode(STORE))
    bench.refuses(5, COMMAND_LAST, encode(ECHO))
    assert bench.sinks[0].calls == ["abandon"]


@pytest.mark.parametrize("context_id", [0, 2, 5, 255])
def test_context_that_is_not_accepted(context_id: int) -> None:
    Bench().refuses(6, COMMAND_LAST, encode(ECHO), context_id)


def test_b26_context_change_in_mid_message() -> None:
    bench = Bench()
    bench.feed(COMMAND_LAST, encode(STORE), 1)
    bench.refuses(5, DATA, b"ab", 3)
    assert bench.sinks[0].calls == ["abandon"]


def test_b26_context_change_in_mid_command() -> None:
    bench = Bench()
    bench.feed(COMMAND, encode(STORE)[:20], 1)
    bench.refuses(5, COMMAND_LAST, encode(STORE)[20:], 3)


def test_b26_context_change_in_mid_data_set() -> None:
    bench = Bench()
    bench.feed(COMMAND_LAST, encode(STORE), 1)
    bench.feed(DATA, b"ab", 1)
    bench.refuses(5, DATA_LAST, b"cd", 3)


def test_malformed_command_set() -> None:
    Bench().refuses(6, COMMAND_LAST, b"\0" * 20)
    bench = Bench()
    bench.feed(COMMAND, b"\0" * 20)
    bench.refuses(6, COMMAND_LAST, b"\0" * 20)


def test_after_a_fault_the_next_message_is_taken() -> None:
    bench = Bench()
    bench.refuses(6, COMMAND_LAST, b"\0" * 20)
    assert bench.feed(COMMAND_LAST, encode(ECHO)) == Message(1, ECHO, None, -1)


def test_command_longer_than_the_limit() -> None:
    data = encode(STORE)
    Bench(max_command_length=len(data)).feed(COMMAND_LAST, data)
    Bench(max_command_length=len(data) - 1).refuses(6, COMMAND_LAST, data)
    bench = Bench(max_command_length=len(data) - 1)
    bench.feed(COMMAND, data[:-2])
    bench.refuses(6, COMMAND_LAST, data[-2:])


@pytest.mark.parametrize("data", [b"", b"\0\0"])
def test_endless_command_set(data: bytes) -> None:
    bench = Bench(max_command_length=1000)
    for _ in range(1000 // max(1, len(data))):
        bench.feed(COMMAND, data)
    bench.refuses(6, COMMAND, data)


def test_data_set_longer_than_the_limit() -> None:
    bench = Bench(max_dataset_length=6)
    bench.feed(COMMAND_LAST, encode(STORE))
    bench.feed(DATA, b"abcdef")
    bench.refuses(6, DATA, b"gh", ends=False)
    assert bench.sinks[0].data == b"abcdef"
    assert bench.sinks[0].calls == ["abandon"]


def test_data_set_limit_counts_anew_for_each_message() -> None:
    bench = Bench(max_dataset_length=6)
    for _ in range(3):
        bench.feed(COMMAND_LAST, encode(STORE))
        assert bench.feed(DATA_LAST, b"abcdef") is not None


def test_abandon() -> None:
    bench = Bench()
    bench.assembler.abandon()
    bench.feed(COMMAND_LAST, encode(STORE))
    bench.feed(DATA, b"ab")
    bench.assembler.abandon()
    bench.assembler.abandon()
    assert bench.sinks[0].calls == ["abandon"]
    assert not bench.assembler.in_message


def test_abandon_in_mid_command() -> None:
    bench = Bench()
    bench.feed(COMMAND, encode(STORE)[:20])
    assert bench.assembler.in_message
    assert bench.assembler.command is None
    bench.assembler.abandon()
    assert not bench.assembler.in_message


def test_exception_of_choose_sink_passes_through() -> None:
    def choose(context_id: int, command: Command) -> Sink:
        raise OSError("no sink")

    assembler = Assembler(choose, (1,))
    with pytest.raises(OSError, match="no sink"):
        assembler.feed(PdvPiece(1, COMMAND_LAST, memoryview(encode(STORE)), True, True))
    assert not assembler.in_message


def test_sink_is_given_views_and_not_copies() -> None:
    seen: list[memoryview] = []

    class Views(NullSink):
        def write(self, data: memoryview, /) -> None:
            seen.append(data)

    assembler = Assembler(lambda context_id, command: Views(), (1,))
    assembler.feed(PdvPiece(1, COMMAND_LAST, memoryview(encode(STORE)), True, True))
    view = memoryview(b"ab")
    message = assembler.feed(PdvPiece(1, DATA_LAST, view, True, True))
    assert seen == [view]
    assert seen[0] is view
    assert message == Message(1, STORE, None, 2)


def test_response_with_data_set_is_taken() -> None:
    bench = Bench()
    response = CFindRSP(1, Status(0xFF00), has_dataset=True)
    bench.feed(COMMAND_LAST, encode(response))
    assert bench.feed(DATA_LAST, b"ab") == Message(1, response, b"ab", 2)


def feed_all(sink: Sink, parts: Iterator[bytes]) -> None:
    for part in parts:
        sink.write(memoryview(part))


def test_memory_sink() -> None:
    sink = MemorySink(4)
    feed_all(sink, iter([b"ab", b"cd"]))
    assert not sink.overflowed
    assert sink.finish() == b"abcd"


def test_memory_sink_over_its_limit() -> None:
    sink = MemorySink(3)
    feed_all(sink, iter([b"ab", b"cd", b"ef"]))
    assert sink.overflowed
    assert sink.finish() is None


def test_memory_sink_abandoned() -> None:
    sink = MemorySink(3)
    feed_all(sink, iter([b"ab"]))
    sink.abandon()
    assert sink.finish() == b""


def test_null_sink() -> None:
    sink = NullSink()
    feed_all(sink, iter([b"ab"]))
    sink.abandon()
    sink.finish()


APPENDED = bytes.fromhex("08000000 04000000 0C000000 08005800 04000000") + b"1.2\0"
FAILED = CGetRSP(1, Status(0xA702), "1.2.840.10008.5.1.4.1.2.2.3", completed=0, failed=1)


def test_a_data_set_that_comes_with_its_command_set_is_one_message() -> None:
    """As Orthanc ends a C-GET; the next message is taken as ever."""
    bench = Bench()
    message = bench.feed(COMMAND_LAST, encode(FAILED) + APPENDED)
    assert message == Message(1, FAILED, APPENDED, len(APPENDED))
    assert bench.sinks[0].calls == ["finish"]
    assert not bench.assembler.in_message
    assert bench.assembler.repeated(message) is None
    assert bench.feed(COMMAND_LAST, encode(ECHO)) == Message(1, ECHO, None, -1)


def test_the_limit_of_a_data_set_counts_for_one_that_comes_with_its_command_set() -> None:
    bench = Bench(max_dataset_length=len(APPENDED) - 1)
    with pytest.raises(RemoteProtocolError, match="more than the limit"):
        bench.feed(COMMAND_LAST, encode(FAILED) + APPENDED)
    assert bench.sinks == []
