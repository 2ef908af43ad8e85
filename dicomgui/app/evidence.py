"""What one operation leaves for the diagnosis: a bounded copy of its part of the observer stream."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from dicomgui.network.dimse import CommandField
from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import (
    DimseRecord,
    FileRecord,
    MakeSent,
    PduRecord,
    Record,
    StateRecord,
    Tracer,
    hand_on,
    hand_on_received,
)
from dicomgui.trace.diagnosis.diagnose import diagnose, explain_error
from dicomgui.trace.diagnosis.facts import NO_FACTS, Facts
from dicomgui.trace.finding import Finding

__all__ = ["Evidence"]

MAX_TELLING = 4096
"""Records kept of the kinds that the diagnosis lives on, from the first on."""

MAX_RECENT = 256
"""Records kept of the kinds that come by the thousand, the last ones."""

_MAX_PIECES = 4  # PDUs of one message that are kept with it


class Evidence:
    """A tracer that keeps what explains an operation and passes everything on.

    Connection, association, failures, time-outs and the end are kept from the beginning on, and so are the messages of
    a retrieval with the PDUs that carried them; of data PDUs, states, successful messages and files only the last,
    since a send of a hundred thousand files has millions of them.

    :param onward: the tracer that gets every record as well.
    """

    def __init__(self, onward: Tracer | None = None) -> None:
        self._onward = onward
        self._telling: list[tuple[int, Record]] = []
        self._recent: deque[tuple[int, Record | MakeSent]] = deque(maxlen=MAX_RECENT)
        self._count = 0
        self._associations: dict[int, None] = {}

    @property
    def associations(self) -> tuple[int, ...]:
        """Numbers in the trace of the associations that there were, also of those that did not come about."""
        return tuple(self._associations)

    def __call__(self, record: Record) -> None:
        """Take a record."""
        self._count += 1
        is_bulk = _BULK.get(type(record))
        if is_bulk is not None and is_bulk(record):
            self._recent.append((self._count, record))
        else:
            self._keep(record)
        if self._onward is not None:
            self._onward(record)

    def _keep(self, record: Record) -> None:
        """Keep one of the kinds that the diagnosis lives on."""
        if record.association:
            self._associations[record.association] = None
        if len(self._telling) >= MAX_TELLING:
            self._recent.append((self._count, record))
            return
        if isinstance(record, DimseRecord):
            self._keep_pdus_of(record)
        self._telling.append((self._count, record))

    def take_sent(self, sent: Sequence[PduRecord], message: DimseRecord | None = None) -> None:
        """Take records as :func:`~dicomgui.network.tracing.hand_on` gives them."""
        self._keep_recent(sent if message is None else (*sent, message))
        if self._onward is not None:
            hand_on(self._onward, sent, message)

    def take_later(self, count: int, make: MakeSent) -> None:
        """Take records as :func:`~dicomgui.network.tracing.hand_on_later` gives them."""
        self._count += count
        self._recent.append((self._count, make))
        if self._onward is not None:
            hand_on(self._onward, *make())

    def take_received(self, records: Sequence[Record]) -> None:
        """Take records as :func:`~dicomgui.network.tracing.hand_on_received` gives them."""
        self._keep_recent(records)
        if self._onward is not None:
            hand_on_received(self._onward, records)

    def _keep_recent(self, records: Sequence[Record]) -> None:
        """Keep the last of records that came together."""
        count, keep = self._count, self._recent.append
        self._count += len(records)
        if len(records) > MAX_RECENT:
            count, records = self._count - MAX_RECENT, records[-MAX_RECENT:]
        for record in records:
            count += 1
            keep((count, record))

    def _keep_pdus_of(self, message: DimseRecord) -> None:
        """The newest PDUs that went the way of the message are those that carried it."""
        pieces = []
        for numbered in self._latest():
            record = numbered[1]
            if isinstance(record, DimseRecord) and record.direction is message.direction:
                break
            if isinstance(record, PduRecord) and record[0] == message[0] and record.direction is message.direction:
                pieces.append(numbered)
                if len(pieces) == _MAX_PIECES:
                    break
        self._telling += reversed(pieces)

    def _latest(self) -> Iterator[tuple[int, Record]]:
        """The kinds that come by the thousand, numbered, the last one first."""
        for number, kept in reversed(self._recent):
            if isinstance(kept, Record):
                yield number, kept
            else:
                sent, message = kept()
                yield from zip(itertools.count(number, -1), (message, *reversed(sent)), strict=False)

    @property
    def records(self) -> list[Record]:
        """What was kept, in the order in which it came."""
        return list(dict(sorted([*self._telling, *self._latest()], key=_number)).values())

    @property
    def is_partial(self) -> bool:
        """Whether some records were not kept."""
        return len(self.records) < self._count

    def findings(
        self, error: Exception | None = None, facts: Facts = NO_FACTS, beside: Iterable[Record] | None = None
    ) -> tuple[Finding, ...]:
        """What the diagnosis says; what it says of ``error`` alone where the records show nothing.

        :param facts: what is known beside the records.
        :param beside: records of other associations that belong to the story, such as those that a C-MOVE caused. Where
            they are left out, nothing is said of who came to our listeners.
        """
        if beside is None:
            facts = replace(facts, listeners=())
        own = self.records
        known = replace(facts, is_partial=facts.is_partial or len(own) < self._count)
        numbers = {record.association for record in own}
        others = [record for record in beside or () if record.association not in numbers]
        records = sorted([*own, *others], key=_mono) if others else own
        found = tuple(one for one in diagnose(records, known) if one.association in numbers)
        if not found and error is not None:
            return (explain_error(error, facts),)
        return found


def _number(numbered: tuple[int, Record]) -> int:
    return numbered[0]


def _mono(record: Record) -> float:
    return record.mono


_SMALL_TALK = frozenset({CommandField.C_STORE_RQ, CommandField.C_STORE_RSP, CommandField.C_FIND_RSP})
"""Messages that come by the thousand where all goes well."""

_PENDING = (0xFF00, 0xFF01)
_DONE = ("opened", "changed", "stored", "duplicate")  # what is told of each file with which nothing is wrong
_P_DATA = int(PduType.P_DATA_TF)


def _is_usual_message(record: DimseRecord) -> bool:
    return record.status in _PENDING or (record.status <= 0 and record.command_field in _SMALL_TALK)


_BULK: Final[Mapping[type, Callable[[Any], bool]]] = {
    PduRecord: lambda record: record[4] == _P_DATA and not record[7],  # by place: this is asked for every PDU
    DimseRecord: _is_usual_message,
    StateRecord: lambda record: True,
    FileRecord: lambda record: record.event in _DONE,
}
"""Which records come by the thousand where all goes well."""
