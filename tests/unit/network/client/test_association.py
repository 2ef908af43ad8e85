"""The object that users of the library hold, where no peer is needed to see what it does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicomgui.network import (
    ConfigurationError,
    LocalProtocolError,
    PeerAddress,
    ProposedContext,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityRQ,
    connect,
    presets,
    serve,
)
from dicomgui.network.association.params import AETitle
from dicomgui.network.client import Association, ConnectOptions

PEER = PeerAddress(AETitle("X"), "127.0.0.1", 104)


async def test_before_it_is_open_there_is_nothing_to_ask() -> None:
    assoc = Association(PEER, ConnectOptions())
    assert not assoc.is_connected
    with pytest.raises(LocalProtocolError):
        _ = assoc.timings
    with pytest.raises(LocalProtocolError):
        _ = assoc.negotiated


async def test_b10_129_contexts_are_refused_before_any_connection() -> None:
    with pytest.raises(ConfigurationError, match="129"):
        await connect(PEER, contexts=presets.VERIFICATION * 129)


@pytest.mark.parametrize(
    "wish",
    [
        {"async_ops": (65_536, 1)},
        {"async_ops": (1, -1)},
        {"extended": [SOPClassExtendedNegotiation("1.2", bytes(70_000))]},
        {"common_extended": [SOPClassCommonExtendedNegotiation("1.2", "1.3", ("1.2.3",) * 10_000)]},
        {"user_identity": UserIdentityRQ(300, 0, b"x")},
        {"user_identity": UserIdentityRQ(1, 0, bytes(65_529))},
        {"contexts": [ProposedContext("1.2", ("1.2.3.4.5.6.7.8.9",) * 5000)]},
    ],
    ids=["window", "negative", "extended", "common", "kind of identity", "all of it", "syntaxes"],
)
async def test_what_does_not_fit_is_refused_before_any_connection(wish: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="cannot be asked for"):
        await connect(PEER, **wish)


async def test_it_is_opened_once() -> None:
    async with await serve(port=0) as server:
        assoc = Association(PeerAddress(AETitle("X"), "127.0.0.1", server.port), ConnectOptions())
        await assoc.open()
        with pytest.raises(LocalProtocolError):
            await assoc.open()
        assert (await assoc.echo()).status.is_success
        await assoc.release()


@pytest.mark.parametrize("address", ["", "X", "X@", "X@host:0", "X@host:x", "@host:104", "A" * 17 + "@host"])
def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(ConfigurationError):
        connect(address)


async def test_numbers_in_the_trace_differ() -> None:
    assert Association(PEER, ConnectOptions()).number != Association(PEER, ConnectOptions()).number


async def test_release_by_two_tasks_at_once_is_one_release() -> None:
    async with await serve(port=0) as server:
        assoc = await connect(f"X@127.0.0.1:{server.port}")
        await asyncio.gather(assoc.release(), assoc.release(), assoc.release())
        assert not assoc.is_connected
        await server.wait_empty()


async def test_abort_after_the_end_does_nothing() -> None:
    async with await serve(port=0) as server:
        assoc = await connect(f"X@127.0.0.1:{server.port}")
        await assoc.abort()
        await assoc.abort()
        await assoc.release()
        await server.wait_empty()


async def test_requests_of_several_tasks_each_get_their_own_response() -> None:
    async with await serve(port=0) as server, connect(f"X@127.0.0.1:{server.port}") as assoc:
        responses = await asyncio.gather(*(assoc.echo() for _ in range(50)))
        assert all(response.status.is_success for response in responses)


async def test_an_exception_in_the_block_passes_and_the_association_is_released() -> None:
    async with await serve(port=0) as server:
        with pytest.raises(ValueError, match="mine"):
            async with connect(f"X@127.0.0.1:{server.port}"):
                raise ValueError("mine")
        await server.wait_empty()
