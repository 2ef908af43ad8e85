"""A server whose received data takes the quick way does what one does that iterates frame by frame, trace included."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from fuzz import seeds
from fuzz.mutate import mutated
from fuzz.stage import settled
from helpers import bad_peer

from dicomgui.network.association.machine import UpperLayer
from dicomgui.network.tracing import PduRecord

INPUTS = 150
KEEP_SHORT = 4096


def plainly(layer: UpperLayer, data: memoryview, now: float, take: Callable[[Any], object]) -> None:
    for indication in layer.receive_data(data, now):
        take(indication)


def in_many_fragments() -> bytes:
    """An object in fragments of two bytes, of which thousands come at once."""
    request = bad_peer.pdata(bad_peer.pdv(3, 3, bad_peer.command(bad_peer.store_elements("1.9", 9))))
    piece, last = (bad_peer.pdata(bad_peer.pdv(3, control, b"ab")) for control in (0, 2))
    return request + piece * 5000 + last


def outcome(pieces: list[bytes]) -> tuple[object, ...]:
    """What is written, stored and told; PDUs apart, since those that are alike are told ahead of what they cause."""
    with asyncio.Runner() as runner:
        stage = runner.run(settled(pieces))
    told = [record._replace(association=0, mono=0.0, utc=0.0) for record in stage.records]
    pdus = [record for record in told if isinstance(record, PduRecord)]
    others = [record for record in told if not isinstance(record, PduRecord)]
    return bytes(stage.line.written), stage.stored, pdus, others


def cut(data: bytes, dice: random.Random) -> list[bytes]:
    pieces, at, most = [], 0, dice.choice([30, 300, 3000, 70_000])
    while at < len(data):
        size = dice.randrange(1, most + 1)
        pieces.append(data[at : at + size])
        at += size
    return pieces


def test_both_ways_have_the_same_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(7)
    stores = b"".join(bad_peer.store_rq(f"1.{n}", bytes(20_000 * n), n) for n in (2, 3))
    sound = [one[1:] for one in seeds.conversations()]
    sound += [bad_peer.GOOD_RQ + one + bad_peer.RELEASE_RQ for one in (stores, in_many_fragments())]
    short = [one[:KEEP_SHORT] for one in sound]
    inputs = sound + [bad_peer.GOOD_RQ + mutated(dice.choice(short), short, dice, 65_536) for _ in range(INPUTS)]
    for data in inputs:
        pieces = cut(data, dice)
        quick = outcome(pieces)
        with monkeypatch.context() as patch:
            patch.setattr(UpperLayer, "receive", plainly)
            assert outcome(pieces) == quick
