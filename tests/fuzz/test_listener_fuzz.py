"""Any bytes from a peer, in any pieces: the listener's protocol answers with PDUs and statuses, and comes to an end.

No sockets: the protocol object of a real server stands on a transport that only notes what is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fuzz.stage import is_in_order, settled
from helpers.bad_peer import (
    APPLICATION,
    CONTEXTS,
    GOOD_AC,
    GOOD_RQ,
    RELEASE_RP,
    RELEASE_RQ,
    USER,
    associate,
    command,
    dataset,
    echo_elements,
    echo_rq,
    item,
    pdata,
    pdu,
    pdv,
    response,
    store_elements,
    store_rq,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

bounded = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


# --- what a peer may send -------------------------------------------------------------------------------------------

ids = st.sampled_from([0, 1, 2, 3, 5, 255])
controls = st.integers(0, 255) | st.sampled_from([0, 1, 2, 3])
lengths = st.none() | st.sampled_from([0, 1, 2, 5, 6, 100, 0xFFFF, 0xFFFFFFFF])
numbers = st.integers(0, 65_535)
texts = st.binary(max_size=80) | st.sampled_from([b"1.2.840.10008.1.1", b"../../x", b"1.2.3", b""])
elements = st.dictionaries(
    st.sampled_from([0x02, 0x03, 0x100, 0x110, 0x120, 0x700, 0x800, 0x900, 0x902, 0x1000, 0x1002, 0x1008, 0x1030]),
    numbers | texts,
    max_size=8,
)
fields = st.sampled_from([0x0001, 0x0010, 0x0020, 0x0030, 0x0100, 0x0130, 0x0140, 0x0FFF, 0x8001, 0x8030, 0x1234])
commands = (
    st.builds(command, elements, st.sampled_from([-1, 0, None, 2**32 - 1]))
    | st.builds(lambda field, more: command(dict(sorted({**more, 0x100: field}.items()))), fields, elements)
    | st.sampled_from([command(echo_elements()), command(store_elements())])
    | st.binary(max_size=60)
)
pdvs = st.builds(pdv, ids, controls, commands) | st.builds(
    lambda number, control, data, length: pdv(number, control, data, length and length & 0xFFFFFFFF),
    ids, controls, st.binary(max_size=40), lengths,
)  # fmt: skip
sub_items = st.builds(
    lambda kind, data, length: item(kind, data, length and length & 0xFFFF),
    st.sampled_from([0x10, 0x20, 0x21, 0x30, 0x40, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x99]),
    st.binary(max_size=40),
    lengths,
)
requests = st.builds(
    lambda items, version, called: associate(*items, version=version, called=called),
    st.lists(sub_items | st.sampled_from([APPLICATION, CONTEXTS, USER]), min_size=1, max_size=6),
    st.sampled_from([1, 0, 3]),
    st.binary(max_size=16),
)
pdus = st.one_of(
    st.builds(lambda parts, length: pdata(*parts, length=length), st.lists(pdvs, max_size=3), lengths),
    st.builds(pdu, st.integers(0, 255), st.binary(max_size=80), lengths),
    requests,
    st.sampled_from(
        [GOOD_RQ, GOOD_AC, RELEASE_RQ, RELEASE_RP, echo_rq(), store_rq(), dataset(b"data"), pdu(7, bytes(4))]
    ),
    st.builds(response, fields, numbers, numbers),
    st.binary(max_size=100),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """PDUs one after the other, sometimes damaged, cut into pieces as a network may."""
    parts = draw(st.lists(pdus, max_size=8))
    if draw(st.booleans()):
        parts.insert(0, GOOD_RQ)
    stream = bytearray(b"".join(parts))
    for _ in range(draw(st.integers(0, 3))):
        if stream:
            stream[draw(st.integers(0, len(stream) - 1))] = draw(st.integers(0, 255))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    return [bytes(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@bounded
@given(pieces=conversations())
def test_whatever_comes_the_answers_are_in_order(pieces: list[bytes], loop: asyncio.AbstractEventLoop) -> None:
    is_in_order(loop.run_until_complete(settled(pieces)))


@bounded
@given(pieces=conversations())
def test_any_split_of_the_stream_gives_the_same_answers(pieces: list[bytes], loop: asyncio.AbstractEventLoop) -> None:
    one = loop.run_until_complete(settled([b"".join(pieces)]))
    cut = loop.run_until_complete(settled(pieces))
    assert cut.line.written == one.line.written
    assert cut.stored == one.stored


@bounded
@given(garbage=st.binary(max_size=2000), associated=st.booleans())
def test_plain_garbage(garbage: bytes, associated: bool, loop: asyncio.AbstractEventLoop) -> None:
    is_in_order(loop.run_until_complete(settled([GOOD_RQ, garbage] if associated else [garbage])))


@bounded
@given(
    damage=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=4),
    data=st.binary(max_size=300),
)
def test_a_good_session_that_is_damaged(
    damage: list[tuple[int, int]], data: bytes, loop: asyncio.AbstractEventLoop
) -> None:
    session = bytearray(GOOD_RQ + echo_rq(1) + store_rq("1.2.3", data, 2) + store_rq("1.2.4", data, 3) + RELEASE_RQ)
    for at, value in damage:
        session[at % len(session)] = value
    is_in_order(loop.run_until_complete(settled([bytes(session)])))
