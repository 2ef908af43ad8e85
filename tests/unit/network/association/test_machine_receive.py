"""The quick way of received data through the machine against the plain one: what comes of it is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from helpers.playbook import AC, ARTIM_S, RQ
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.network.association.events import Aborted
from dicomgui.network.association.machine import UpperLayer
from dicomgui.network.association.params import Limits
from dicomgui.network.association.states import Action, Event, State
from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.assembler import Assembler, MemorySink, Message
from dicomgui.network.dimse.commands import CFindRSP
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import (
    PDV,
    Abort,
    Capture,
    ImplementationClassUID,
    MaximumLength,
    PDataTF,
    PdvPiece,
    PdvRun,
    ReleaseRP,
    ReleaseRQ,
    UserInformation,
)
from dicomgui.network.pdu.runs import RUN_BYTES
from dicomgui.network.status import Status
from dicomgui.network.tracing import SNAP_LENGTH, Role, Segment


class Diary:
    """Writes down what an observer is told."""

    def __init__(self) -> None:
        self.lines: list[object] = []
        self.calls = 0

    def transition(self, before: State, event: Event, action: Action, after: State) -> None:
        self.lines.append((before, event, action, after))

    def received(self, pdu_type: int, length: int, segments: tuple[Segment, ...], error: str, times: int = 1) -> None:
        self.lines += [(pdu_type, length, segments, error)] * times
        self.calls += 1

    def sent(self, pdu_type: int, length: int, segments: tuple[Segment, ...]) -> None:
        self.lines.append(("sent", pdu_type, length, segments))

    def stray(self, length: int, data: bytes, error: str) -> None:
        self.lines.append((length, data, error))


class Side:
    """An acceptor whose association stands, and all that it tells, in one order."""

    def __init__(self, *, capture: bool = True, abort_after: int = 0) -> None:
        self.diary = Diary()
        self.layer = UpperLayer(
            Role.ACCEPTOR, limits=Limits(), artim_s=ARTIM_S,
            capture=Capture() if capture else None, observer=self.diary,
        )  # fmt: skip
        self.layer.transport_opened(0.0)
        for _ in self.layer.receive_data(RQ.encode(), 0.0):
            self.layer.accept(AC, 0.0)
        self._abort_after = abort_after

    def take(self, event: Any) -> None:
        if isinstance(event, PdvPiece):
            # How a PDV is cut is the business of the transport; its bytes and its last piece are not.
            self.diary.lines.append((event.context_id, event.control, bytes(event.data), event.starts, event.ends))
            self._abort_after -= 1
            if self._abort_after == 0:
                self.layer.abort(0.0)
        else:
            self.diary.lines.append(event)

    def told(self) -> list[object]:
        return [*map(repr, self.diary.lines), [bytes(data) for data in self.layer.data_to_send()], self.layer.state]


def plainly(side: Side, data: bytes) -> None:
    for event in side.layer.receive_data(data, 0.0):
        side.take(event)


def quickly(side: Side, data: bytes) -> None:
    buffer = bytearray(data)
    side.layer.receive(memoryview(buffer), 0.0, side.take)
    buffer[:] = bytes(len(buffer))  # as the next read does: what is kept must have been copied


pdvs = st.builds(PDV, st.sampled_from([1, 3]), st.integers(0, 3), st.binary(max_size=12))
pdus = st.one_of(
    st.lists(pdvs, min_size=1, max_size=1).map(lambda values: PDataTF(tuple(values)).encode()),
    st.lists(pdvs, min_size=1, max_size=3).map(lambda values: PDataTF(tuple(values)).encode()),
    st.sampled_from([
        ReleaseRQ().encode(),
        ReleaseRP().encode(),
        Abort().encode(),
        RQ.encode(),
        b"\x04\0\0\0\0\x03\0\0\0",  # P-DATA without room for a PDV
        b"\x04\0\0\0\0\x0a\0\0\0\xff\x01\x02abcd",  # a PDV longer than its PDU
        b"\x04\0\0\0\0\x0a\0\0\0\x04\x01\x02abcd",  # a PDV, and a rest that is none
        PDataTF((PDV(1, 2, bytes(4200)),)).encode(),  # over the limit
        b"\x99\0\0\0\0\x02ab",
    ]),
)  # fmt: skip


@given(st.lists(pdus, max_size=8), st.lists(st.integers(1, 40), max_size=12), st.booleans(), st.integers(0, 6))
def test_both_ways_tell_the_same(stream: list[bytes], cuts: list[int], capture: bool, abort_after: int) -> None:
    sides = [Side(capture=capture, abort_after=abort_after) for _ in range(2)]
    for side, feed in zip(sides, (plainly, quickly), strict=True):
        rest = b"".join(stream)
        for cut in [*cuts, len(rest)]:
            piece, rest = rest[:cut], rest[cut:]
            if piece:
                feed(side, piece)
    assert sides[0].told() == sides[1].told()


STORE = PDataTF((PDV(1, 3, bytes.fromhex("00000001020000000100")),)).encode()
LARGE = [STORE, *(PDataTF((PDV(1, 2 * (number == 11), bytes(2000)),)).encode() for number in range(12))]


@given(st.lists(st.integers(1, 9000), max_size=6), st.integers(0, 16))
def test_both_ways_tell_of_each_pdu_once_where_many_are_alike(cuts: list[int], abort_after: int) -> None:
    sides = [Side(abort_after=abort_after) for _ in range(2)]
    for side, feed in zip(sides, (plainly, quickly), strict=True):
        rest = b"".join(LARGE)
        for cut in [*cuts, len(rest)]:
            piece, rest = rest[:cut], rest[cut:]
            if piece:
                feed(side, piece)
    for wanted in (True, False):  # those that had come already are told ahead of what the first of them causes
        plain, quick = ([line for line in side.diary.lines if is_pdu(line) is wanted] for side in sides)
        assert plain == quick


def is_pdu(line: object) -> bool:
    return isinstance(line, tuple) and line[0] == 4 and len(line) == 4


def test_those_that_are_alike_are_told_together() -> None:
    side = Side()
    before = side.diary.calls
    quickly(side, b"".join(LARGE))
    assert side.diary.calls - before == 2 + SNAP_LENGTH // 2000 + 2  # with the command, those alike, and the last one
    assert [is_pdu(line) for line in side.diary.lines].count(True) == len(LARGE)


def test_what_was_told_ahead_is_not_told_again_where_a_taker_fails() -> None:
    side = Side()
    take, left = side.take, [3 + SNAP_LENGTH // 2000]

    def fail(event: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise OSError("no room")
        take(event)

    side.take = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no room"):
        quickly(side, b"".join(LARGE))
    side.take = take  # type: ignore[method-assign]
    quickly(side, STORE)
    assert [is_pdu(line) for line in side.diary.lines].count(True) == len(LARGE) + 1


@pytest.mark.parametrize("feed", [plainly, quickly])
def test_what_a_taker_that_fails_has_not_seen_is_not_lost(feed: Callable[[Side, bytes], None]) -> None:
    side = Side()
    data = PDataTF((PDV(1, 3, b"ab"),)).encode()
    take = side.take

    def fail(event: Any) -> None:
        raise OSError("no room")

    side.take = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no room"):
        feed(side, data + data[:9])
    side.take = take  # type: ignore[method-assign]
    feed(side, data[9:])
    assert (1, 3, b"ab", True, True) in side.diary.lines


def test_data_is_handed_on_without_a_copy() -> None:
    side = Side()
    buffer = bytearray(PDataTF((PDV(1, 3, b"abcd"),)).encode() * 2)
    seen: list[PdvPiece] = []
    side.layer.receive(memoryview(buffer), 0.0, seen.append)  # type: ignore[arg-type]
    assert [piece.data.obj is buffer for piece in seen] == [True, True]


@pytest.mark.parametrize("cut", range(1, 12))
def test_behind_a_header_that_was_cut_data_flow_again(cut: int) -> None:
    """Messages that repeat the last one come at once there, which only data that flow do."""
    side = Side()
    command = PDataTF((PDV(1, 3, b"command!"),)).encode()
    message = command + PDataTF((PDV(1, 2, b"data"),)).encode()
    taken: list[object] = []

    def take(event: Any) -> bytes | None:
        taken.append(len(event.data) if isinstance(event, PdvRun) else bytes(event.data))
        return command if taken[-1] == b"data" else None

    for part in (message[:cut], message[cut:] + message * 3 + message[:cut], message[cut:] + message * 2):
        side.layer.receive(memoryview(part), 0.0, take)
    assert taken == [b"command!", b"data", 3, b"command!", b"data", 2]


class Caller:
    """A requestor's layers up to whole messages, which asks for runs or takes piece by piece."""

    def __init__(self, most: int, *, wants_runs: bool) -> None:
        self.layer = UpperLayer(Role.ACCEPTOR, limits=Limits(), artim_s=ARTIM_S)
        self.layer.transport_opened(0.0)
        user = UserInformation((MaximumLength(most), ImplementationClassUID("1.2.3.4")))
        for _ in self.layer.receive_data(RQ.encode(), 0.0):
            self.layer.accept(replace(AC, items=(*AC.items[:-1], user)), 0.0)
        self.layer.data_to_send()
        self._assembler = Assembler(
            lambda context_id, command: MemorySink(RUN_BYTES), (1, 3), max_dataset_length=RUN_BYTES
        )
        self._wants_runs = wants_runs
        self.in_runs = 0
        self.told: list[object] = []

    def take(self, event: Any) -> bytes | None:
        try:
            return self._take(event)
        except RemoteProtocolError as error:
            self.told += [str(error), *self.layer.provider_abort(error, 0.0)]
            return None

    def _take(self, event: Any) -> bytes | None:
        if isinstance(event, PdvRun):
            self.in_runs += len(event.data)
            self.told += self._assembler.feed_run(event)
            return event.command
        if not isinstance(event, PdvPiece):
            self.told.append(event)
            return None
        message = self._assembler.feed(event)
        if message is None:
            return None
        self.told.append(message)
        return self._assembler.repeated(message) if self._wants_runs and message.dataset_length >= 0 else None

    def receive(self, data: bytes) -> None:
        if self._wants_runs:
            self.layer.receive(memoryview(bytearray(data)), 0.0, self.take)
        else:
            for event in self.layer.receive_data(data, 0.0):
                self.take(event)


def pdu(*values: tuple[int, int, bytes]) -> bytes:
    return PDataTF(tuple(PDV(*value) for value in values)).encode()


MATCHES = [command_set.encode(CFindRSP(number, Status(0xFF00), "1.2", has_dataset=True)) for number in (1, 2)]
WARNED = command_set.encode(CFindRSP(1, Status(0xFF01), "1.2", has_dataset=True))
FINAL = command_set.encode(CFindRSP(1, Status(0), "1.2"))
TIGHT = len(MATCHES[0]) + 4
"""A maximum PDU length that leaves no room for the command of a match in one PDU."""

matches = st.builds(
    lambda context_id, command, data: pdu((context_id, 3, command)) + pdu((context_id, 2, data)),
    st.sampled_from([1, 1, 1, 3]),
    st.sampled_from([MATCHES[0]] * 4 + [MATCHES[1], WARNED]),
    st.binary(max_size=50),
)
one = MATCHES[0]
odd_ones = st.sampled_from([
    pdu((1, 3, FINAL)),
    pdu((1, 1, one[:20])) + pdu((1, 3, one[20:])) + pdu((1, 2, b"data")),
    pdu((1, 3, one)) + pdu((1, 0, b"da")) + pdu((1, 2, b"ta")),
    pdu((1, 3, one), (1, 2, b"data")),
    pdu((1, 3, one)) + pdu((1, 2, b"da"), (1, 3, one)) + pdu((1, 2, b"ta")),
    pdu((1, 3, one)) + pdu((1, 0x82, b"data")),
    pdu((1, 3, one)) + pdu((1, 2, b"odd")),
    pdu((1, 3, one)) + pdu((3, 2, b"data")),
    pdu((1, 3, one)) + pdu((1, 2, bytes(5000))),
    b"\x04\x01" + pdu((1, 3, one))[2:] + pdu((1, 2, b"data")),  # a reserved byte that is set
    pdu((1, 3, one)),
    pdu((1, 3, one[:-1])),
    pdu((5, 3, one)),
    ReleaseRQ().encode(),
    Abort().encode(),
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(matches, matches, odd_ones), max_size=10),
    st.lists(st.integers(1, 400), max_size=8),
    st.sampled_from([0, 4096, TIGHT]),
)
def test_runs_carry_the_messages_that_come_one_by_one(stream: list[bytes], cuts: list[int], most: int) -> None:
    callers = [Caller(most, wants_runs=wants_runs) for wants_runs in (False, True)]
    for caller in callers:
        rest = b"".join(stream)
        for cut in [*cuts, len(rest)]:
            part, rest = rest[:cut], rest[cut:]
            if part:
                caller.receive(part)
    plain, quick = callers
    assert repr(plain.told) == repr(quick.told)
    assert plain.layer.state is quick.layer.state
    assert plain.layer.data_to_send() == quick.layer.data_to_send()
    assert not plain.in_runs


def test_a_command_over_the_limit_is_refused_behind_one_that_came_in_parts() -> None:
    message = pdu((1, 3, one)) + pdu((1, 2, b"data"))
    caller = Caller(TIGHT, wants_runs=True)
    caller.receive(pdu((1, 1, one[:20])) + pdu((1, 3, one[20:])) + pdu((1, 2, b"data")) + message)
    assert [type(told) for told in caller.told] == [Message, Aborted]
