"""Messages that differ in their data sets alone are cut out of what was received together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dicomgui.network.pdu import PDV, Framer, PDataTF, PdvPiece, PdvRun
from dicomgui.network.pdu.runs import RUN_BYTES, command_pdu, data_of, read_run
from dicomgui.network.tracing import Segment

COMMAND = b"command!"
HEAD = PDataTF((PDV(1, 3, COMMAND),)).encode()
ONE, TWO = (PDataTF((PDV(1, 2, data),)).encode() for data in (b"one.", b"second"))


class Taker:
    """Takes what flows, and says after each message that it may come again."""

    def __init__(self, again: bytes | None = HEAD) -> None:
        self.takes_data, self.has_more, self.wants_ends = True, False, True
        self.again = again
        self.lines: list[object] = []

    def data_ended(self, length: int, segments: tuple[Segment, ...]) -> None:
        self.lines.append(length)

    def take(self, data: PdvPiece | PdvRun) -> bytes | None:
        if isinstance(data, PdvRun):
            self.lines.append((data.command, *map(data_of, data.data), self.has_more))
            return data.command
        self.lines.append(bytes(data.data))
        return self.again if data.ends and data.control == 2 else None


def flow(data: bytes, taker: Taker, framer: Framer | None = None) -> int:
    return (framer or Framer()).flow(memoryview(data), taker, taker.take)


def test_the_pdu_of_a_command_is_what_a_peer_sends() -> None:
    assert command_pdu(1, COMMAND) == HEAD
    assert data_of(TWO) == b"second"


def test_what_follows_with_the_same_command_comes_at_once() -> None:
    taker = Taker()
    stream = HEAD + ONE + (HEAD + TWO) * 2 + HEAD + ONE
    assert flow(stream, taker) == len(stream)
    assert taker.lines == [20, COMMAND, 16, b"one.", (HEAD, b"second", b"second", b"one.", False)]


def test_a_taker_that_does_not_expect_it_again_gets_pieces() -> None:
    taker = Taker(again=None)
    flow((HEAD + ONE) * 2, taker)
    assert taker.lines == [20, COMMAND, 16, b"one."] * 2


OTHER_COMMAND = PDataTF((PDV(1, 3, b"another!"),)).encode()
ODD: dict[str, bytes] = {
    "another command": OTHER_COMMAND + ONE,
    "a command on another context": PDataTF((PDV(3, 3, COMMAND),)).encode() + ONE,
    "no data set": HEAD,
    "a part of the header": HEAD + ONE[:9],
    "a part of the data": HEAD + TWO[:-1],
    "another context": HEAD + PDataTF((PDV(3, 2, b"data"),)).encode(),
    "a fragment": HEAD + PDataTF((PDV(1, 0, b"data"),)).encode(),
    "a second command": HEAD + HEAD + ONE,
    "two items": HEAD + PDataTF((PDV(1, 0, b"da"), PDV(1, 2, b"ta"))).encode(),
    "too long": HEAD + PDataTF((PDV(1, 2, bytes(95)),)).encode(),
    "an empty item": HEAD + bytes.fromhex("040000000004 00000000"),
    "a release": HEAD + bytes.fromhex("050000000004 00000000 0000"),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_run_ends_before_what_is_not_like_it(odd: bytes) -> None:
    stream = b"...." + HEAD + ONE + HEAD + TWO + odd
    data, end = read_run(memoryview(stream), 4, HEAD, 100)
    assert data == [ONE, TWO]
    assert stream[end:] == odd
    assert read_run(memoryview(odd), 0, HEAD, 100) == ([], 0)


def test_bits_that_are_not_to_be_tested_do_not_end_it() -> None:
    spare = PDataTF((PDV(1, 0x82, b"data"),)).encode()
    assert read_run(memoryview(HEAD + spare), 0, HEAD, 0) == ([spare], len(HEAD + spare))


def test_a_run_is_short_and_the_next_one_follows_at_once() -> None:
    taker = Taker()
    one = HEAD + PDataTF((PDV(1, 2, bytes(1000)),)).encode()
    count = 3 * RUN_BYTES // len(one)
    stream = one * (count + 1)
    assert flow(stream, taker) == len(stream)
    runs = [len(line) - 2 for line in taker.lines if isinstance(line, tuple)]
    assert sum(runs) == count
    assert len(runs) > 3
    assert max(runs) * len(one) <= RUN_BYTES


def test_after_a_message_that_ends_within_a_pdu_nothing_comes_at_once() -> None:
    taker, framer = Taker(), Framer()
    stream = PDataTF((PDV(1, 2, b"the end."), PDV(1, 3, COMMAND))).encode() + ONE
    assert list(framer.feed(stream[:16]))
    used = flow(stream[16:], taker, framer)
    assert taker.lines == [b"end."]
    pieces = [frame for frame in framer.feed(stream[16 + used :]) if isinstance(frame, PdvPiece)]
    assert [bytes(piece.data) for piece in pieces] == [COMMAND, b"one."]


def test_what_a_taker_that_fails_has_taken_does_not_come_again() -> None:
    taker, framer = Taker(), Framer()
    take: Callable[[PdvPiece | PdvRun], bytes | None] = taker.take

    def fail(data: PdvPiece | PdvRun) -> bytes | None:
        if isinstance(data, PdvRun):
            raise OSError("no room")
        return take(data)

    with pytest.raises(OSError, match="no room"):
        framer.flow(memoryview(HEAD + ONE + HEAD + TWO + OTHER_COMMAND), taker, fail)
    pieces = [frame for frame in framer.feed(b"") if isinstance(frame, PdvPiece)]
    assert [bytes(piece.data) for piece in pieces] == [b"another!"]


def test_a_taker_that_wants_no_more_gets_no_run() -> None:
    taker = Taker()
    take = taker.take

    def enough(data: PdvPiece | PdvRun) -> bytes | None:
        again = take(data)
        taker.takes_data = again is None
        return again

    assert Framer().flow(memoryview((HEAD + ONE) * 2), taker, enough) == len(HEAD + ONE)
