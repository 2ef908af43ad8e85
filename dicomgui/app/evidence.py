"""What one operation leaves for the diagnosis: a bounded copy of its part of the observer stream."""

from __future__ import annotations

from collections import deque

from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import DimseRecord, PduRecord, Record, StateRecord, Tracer
from dicomgui.trace.diagnose import diagnose, explain_error
from dicomgui.trace.finding import Finding

__all__ = ["Evidence"]

MAX_TELLING = 4096
"""Records kept of the kinds that the diagnosis lives on, from the first on."""

MAX_RECENT = 256
"""Records kept of the kinds that come by the thousand, the last ones."""


class Evidence:
    """A tracer that keeps what explains an operation and passes everything on.

    Connection, association, failures, time-outs and the end are kept from the beginning on; of data PDUs, states and
    successful messages only the last, since a send of a hundred thousand files has millions of them.

    :param onward: the tracer that gets every record as well.
    """

    def __init__(self, onward: Tracer | None = None) -> None:
        self._onward = onward
        self._telling: list[tuple[int, Record]] = []
        self._recent: deque[tuple[int, Record]] = deque(maxlen=MAX_RECENT)
        self._count = 0

    def __call__(self, record: Record) -> None:
        """Take a record."""
        self._count += 1
        if _is_bulk(record) or len(self._telling) >= MAX_TELLING:
            self._recent.append((self._count, record))
        else:
            self._telling.append((self._count, record))
        if self._onward is not None:
            self._onward(record)

    @property
    def records(self) -> list[Record]:
        """What was kept, in the order in which it came."""
        return [record for _, record in sorted([*self._telling, *self._recent], key=_number)]

    def findings(self, error: Exception | None = None) -> tuple[Finding, ...]:
        """What the diagnosis says; what it says of ``error`` alone where the records show nothing."""
        found = tuple(diagnose(self.records))
        if not found and error is not None:
            return (explain_error(error),)
        return found


def _number(numbered: tuple[int, Record]) -> int:
    return numbered[0]


def _is_bulk(record: Record) -> bool:
    if isinstance(record, PduRecord):
        return record.pdu_type == PduType.P_DATA_TF and not record.error
    if isinstance(record, DimseRecord):
        return record.status <= 0
    return isinstance(record, StateRecord)
