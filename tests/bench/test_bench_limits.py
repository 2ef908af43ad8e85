"""What shows the limits does the work that it is measured by, so that it shows something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.canned import Walker
from bench.data import Work, make
from bench.guests import Guests
from bench.players import Players
from helpers import bad_peer as wire

from dicomgui.network.dimse import CEchoRSP, CStoreRSP, decode
from dicomgui.network.part10 import read_head
from dicomgui.network.status import Status

SUCCESS = Status(0)
WORK = Work("some", 3, 300_000)


@pytest.fixture
def players(tmp_path: Path) -> Players:
    return Players(tmp_path)


@pytest.fixture
def guests(players: Players) -> Guests:
    return Guests(players)


def _instances(folder: Path) -> dict[str, bytes]:
    """Data sets by UID; the heads belong to who wrote them."""
    return dict(_read(path) for path in folder.iterdir())


def _read(path: Path) -> tuple[str, bytes]:
    head = read_head(path)
    assert head.has_preamble
    assert not head.lacks
    return head.sop_instance_uid, path.read_bytes()[head.dataset_offset :]


@pytest.mark.interop("dcmsend")
@pytest.mark.parametrize("options", [(), ("--fsync",)])
def test_bare_receiver_stores_what_comes(
    options: tuple[str, ...], players: Players, guests: Guests, tmp_path: Path
) -> None:
    source = make(tmp_path, WORK)
    with guests.bare_receiver(*options, expect=WORK.count) as server:
        players.dcmsend(server.port, source)
        stored = _instances(server.folder)
        assert {path.name for path in server.folder.iterdir()} == set(stored)
    assert stored == _instances(source)


@pytest.mark.interop("storescu")
def test_bare_receiver_speaks_tls(players: Players, guests: Guests, tmp_path: Path) -> None:
    source = make(tmp_path, WORK)
    with guests.bare_receiver(*players.secured.our_server, expect=WORK.count) as server:
        players.storescu(server.port, source, *players.secured.storescu)
        assert _instances(server.folder) == _instances(source)


@pytest.mark.interop("storescp")
@pytest.mark.parametrize("associations", [1, 2])
def test_bare_sender_sends_everything_once(associations: int, players: Players, guests: Guests, tmp_path: Path) -> None:
    source = make(tmp_path, WORK)
    with players.storescp("--fork", expect=WORK.count) as server:
        guests.bare_send(server.port, source, associations)
        assert _instances(server.folder) == _instances(source)


@pytest.mark.interop("echoscu", "storescp")
def test_bare_provider_and_user_are_understood(players: Players, guests: Guests) -> None:
    with guests.bare_provider() as server:
        players.echoscu(server.port, 5)
        players.our_associations(server.port, 3)
    with players.storescp() as server:
        guests.bare_user("echo", server.port, 5)
        guests.bare_user("associate", server.port, 3)


class _Kept(Walker):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        super().__init__(self.answers.append)
        self.data: list[bytes] = []

    def begin(self, sop_class: bytes, instance: bytes, syntax: str) -> None:
        assert (sop_class.rstrip(b"\0").decode(), syntax) == (wire.CT, wire.EXPLICIT)
        self.data.append(instance + b" ")

    def take(self, piece: memoryview) -> None:
        self.data[-1] += bytes(piece)


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_walker_finds_its_way_however_the_bytes_come(size: int) -> None:
    first, second = (wire.command(wire.store_elements(uid, number)) for uid, number in (("1.2.34", 258), ("1.2", 3)))
    told = b"".join((
        wire.GOOD_RQ,
        wire.pdata(wire.pdv(3, 3, first), wire.pdv(3, 0, b"ab")),
        wire.pdata(wire.pdv(3, 0, b"cdef"), wire.pdv(3, 0, b""), wire.pdv(3, 2, b"gh")),
        wire.echo_rq(9),
        wire.pdata(wire.pdv(3, 3, second)),
        wire.pdata(wire.pdv(3, 0, b"x" * 200)),
        wire.pdata(wire.pdv(3, 2, b"")),
        wire.RELEASE_RQ,
    ))  # fmt: skip
    walker, buffer = _Kept(), memoryview(bytearray(6000))
    kept = 0
    for piece in _pieces(told, size):
        buffer[kept : kept + len(piece)] = piece
        kept = walker.feed(buffer, kept + len(piece))
    assert kept == 0
    assert walker.data == [b"1.2.34 abcdefgh", b"1.2\0 " + b"x" * 200]
    assert walker.count == 2
    assert walker.is_over
    accepted, stored, echoed, stored_too, released = walker.answers
    assert accepted[0] == 2
    assert [decode(answer[12:]) for answer in (stored, echoed, stored_too)] == [
        CStoreRSP(258, SUCCESS, wire.CT, "1.2.34"),
        CEchoRSP(9, SUCCESS, wire.VERIFICATION),
        CStoreRSP(3, SUCCESS, wire.CT, "1.2"),
    ]
    assert released == wire.RELEASE_RP
