"""A requestor's layers up to whole messages, fed in both ways: the quick one, with runs, and piece by piece."""

from __future__ import annotations

from dicomgui.network.association.events import Indication
from dicomgui.network.association.machine import UpperLayer
from dicomgui.network.association.params import Limits
from dicomgui.network.dimse.assembler import Assembler, MemorySink
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import AssociateRQ, PdvPiece, PdvRun
from dicomgui.network.pdu.runs import RUN_BYTES
from dicomgui.network.tracing import Role


class _Layers:
    def __init__(self, *, is_quick: bool) -> None:
        self.layer = UpperLayer(Role.REQUESTOR, limits=Limits(max_pdu_length=4096), artim_s=1.0)
        self.layer.request(AssociateRQ("A", "B", ()), 0.0)
        self.layer.transport_opened(0.0)
        self._assembler = Assembler(
            lambda *_: MemorySink(RUN_BYTES), range(256), max_command_length=512, max_dataset_length=RUN_BYTES
        )
        self._is_quick = is_quick
        self.told: list[str] = []

    def receive(self, data: bytes) -> None:
        if self._is_quick:
            self.layer.receive(memoryview(data), 0.0, self._take)
            return
        for event in self.layer.receive_data(data, 0.0):
            self._take(event)

    def _take(self, event: Indication) -> bytes | None:
        try:
            if isinstance(event, PdvRun):
                self.told += map(repr, self._assembler.feed_run(event))
                return event.command
            message = self._assembler.feed(event) if isinstance(event, PdvPiece) else None
        except RemoteProtocolError as error:
            self.told += [str(error), *map(repr, self.layer.provider_abort(error, 0.0))]
            return None
        if message is not None:
            self.told.append(repr(message))
            return self._assembler.repeated(message) if self._is_quick and message.dataset_length >= 0 else None
        if not isinstance(event, PdvPiece):
            self.told.append(repr(event))
        return None


def told(pieces: list[bytes], *, is_quick: bool) -> tuple[list[str], str, list[bytes]]:
    """The events and messages of a stream that comes in these pieces, the last state, and what is answered."""
    layers = _Layers(is_quick=is_quick)
    for piece in pieces:
        layers.receive(piece)
    return layers.told, str(layers.layer.state), list(map(bytes, layers.layer.data_to_send()))
