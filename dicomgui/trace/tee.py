"""One tracer for several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dicomgui.network.tracing import DimseRecord, PduRecord, Record, Tracer, hand_on, hand_on_received

__all__ = ["Tee", "tee"]


class Tee:
    """Hands each record to all the tracers that there are at its time.

    :param current: gives these tracers.
    """

    def __init__(self, current: Callable[[], Sequence[Tracer]]) -> None:
        self._current = current

    def __call__(self, record: Record) -> None:
        """Hand on a record."""
        for tracer in self._current():
            tracer(record)

    def take_sent(self, sent: Sequence[PduRecord], message: DimseRecord | None = None) -> None:
        """Hand on records as :func:`~dicomgui.network.tracing.hand_on` gives them."""
        for tracer in self._current():
            hand_on(tracer, sent, message)

    def take_received(self, records: Sequence[Record]) -> None:
        """Hand on records as :func:`~dicomgui.network.tracing.hand_on_received` gives them."""
        for tracer in self._current():
            hand_on_received(tracer, records)


def tee(*tracers: Tracer | None) -> Tracer | None:
    """One tracer that hands each record to several; ``None`` among them is left out, and given back when alone."""
    live = tuple(tracer for tracer in tracers if tracer is not None)
    if len(live) < 2:
        return live[0] if live else None
    return Tee(lambda: live)
