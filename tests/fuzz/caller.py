"""Our side as a requestor without a line: what a server says goes in, and what the caller is told is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from unittest.mock import patch

from fuzz.stage import NotingTransport
from pydicom.dataset import Dataset

from dicomgui.network import Association, ConnectOptions, DicomNetworkError, presets
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client import association as client
from dicomgui.network.transport import AssociationTransport
from dicomgui.network.transport.connect import ConnectTimes

TURNS = 12
"""So often the loop turns after each piece, for what waits for it."""


class _Line(NotingTransport):
    """A line that ends as soon as either side closes it."""

    protocol: AssociationTransport

    def close(self) -> None:
        if not self.is_closed:
            super().close()
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close


async def called(pieces: list[bytes]) -> list[object]:
    """What a caller gets who asks for an association, an echo and a query, while a server says this."""
    line = _Line()

    async def open_without_a_line(make: Any, *_: object, **__: object) -> ConnectTimes:
        line.protocol = make()
        line.protocol.connection_made(line)
        return ConnectTimes(0.0, 0.0)

    async def ask() -> list[object]:
        association = Association(PeerAddress.parse("X@127.0.0.1:104"), ConnectOptions(contexts=presets.DEFAULT))
        async with await association.open() as assoc:
            keys = Dataset()
            keys.PatientID = "1"
            echo, found = await _outcome(assoc.echo()), await _outcome(_all(assoc, keys))
        return [echo, found]

    with patch.object(client, "open_connection", open_without_a_line):
        asking = asyncio.get_running_loop().create_task(_outcome(ask()))
        await _turn()
        for piece in pieces:
            _receive(line, piece)
            await _turn()
        if not line.is_closed:
            line.protocol.eof_received()
            line.close()
        return [await asking]


async def _all(assoc: Association, keys: Dataset) -> list[object]:
    async with assoc.find(keys, level="STUDY") as operation:
        return [match async for match in operation]


async def _outcome(work: Coroutine[Any, Any, object]) -> object:
    """A result, or the error that a caller may get; any other one breaks."""
    try:
        return await work
    except DicomNetworkError as error:
        return error


def _receive(line: _Line, data: bytes) -> None:
    while data and not line.is_closed:
        window = line.protocol.get_buffer(-1)
        size = min(len(window), len(data))
        window[:size] = data[:size]
        line.protocol.buffer_updated(size)
        data = data[size:]


async def _turn() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
