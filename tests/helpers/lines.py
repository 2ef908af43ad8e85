"""A transport that goes nowhere: what an association sends lies in a list, and the test says when it is writable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.commands import Command
from dicomgui.network.dimse.fragment import Chunk
from dicomgui.network.errors import LocalProtocolError
from dicomgui.network.pdu import decode
from dicomgui.network.transport import TellMessage


class Line:
    """As much of :class:`AssociationTransport` as messages need.

    :ivar sent: the fragments sent: (context id, control, data).
    :ivar pieces: how many messages went in each piece of several.
    :ivar has_written_all: whether buffers may be used again.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[int, int, bytes]] = []
        self.pieces: list[int] = []
        self.is_over = False
        self.is_refusing = False
        self.is_writable = True
        self.holds = 0
        self.has_written_all = True
        self.on_send: Callable[[], None] = lambda: None
        self._writable = asyncio.Event()

    def send_data(self, chunk: Chunk, *, is_store: bool, told: TellMessage | None = None) -> None:
        if self.is_refusing:
            raise LocalProtocolError("not in this state")
        data = bytes(chunk.data)
        for offset, length, _ in chunk.pdus:
            for value in decode(data[offset : offset + length]).pdvs:
                self.sent.append((value.context_id, value.control, bytes(value.data)))
        self.on_send()

    def send_together(self, chunks: Sequence[Chunk], told: Callable[[Chunk], None] | None) -> None:
        self.pieces.append(len(chunks))
        for chunk in chunks:
            self.send_data(chunk, is_store=False)
            if told is not None:
                told(chunk)

    def send_whole(self, pdu: bytes) -> None:
        if self.is_refusing:
            raise LocalProtocolError("not in this state")
        (value,) = decode(pdu).pdvs
        self.sent.append((value.context_id, value.control, bytes(value.data)))
        self.on_send()

    def fill(self) -> None:
        """The peer does not read."""
        self.is_writable = False
        self._writable.clear()

    def empty(self) -> None:
        """The peer has read."""
        self.is_writable = True
        self._writable.set()

    async def drain(self) -> None:
        if not self.is_writable and not self.is_over:
            await self._writable.wait()

    def hold(self) -> None:
        self.holds += 1

    def unhold(self) -> None:
        self.holds -= 1

    @property
    def commands(self) -> list[Command]:
        """The commands sent, each in one fragment."""
        return [command_set.decode(data) for _, control, data in self.sent if control == 3]
