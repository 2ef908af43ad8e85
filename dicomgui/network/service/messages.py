"""What the trace is told of a DIMSE message."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import CEchoRQ, CEchoRSP, Command, CStoreRQ, CStoreRSP, Request
from dicomgui.network.pdu import PduType, PdvRun
from dicomgui.network.tracing import (
    DimseRecord,
    Direction,
    PduRecord,
    Record,
    Scribe,
    Segment,
    hand_on_received,
)

__all__ = ["message_record", "trace_message", "trace_run"]

_P_DATA: Final = PduType.P_DATA_TF
_STORES: Final = (CStoreRQ, CStoreRSP)
_ECHOES: Final = (CEchoRQ, CEchoRSP)
_new: Final = tuple.__new__  # without the function of Python that a named tuple has in between


def trace_message(scribe: Scribe, direction: Direction, context_id: int, command: Command, dataset_length: int) -> None:
    """Write one :class:`~dicomgui.network.tracing.DimseRecord`."""
    tracer = scribe.tracer
    if tracer is not None:
        stamp = (scribe.association, time.monotonic(), time.time())
        tracer(message_record(direction, context_id, command, dataset_length, stamp))


def message_record(
    direction: Direction, context_id: int, command: Command, dataset_length: int, stamp: tuple[int, float, float]
) -> DimseRecord:
    """What is told of a message.

    :param stamp: the number of the association and both times.
    """
    if isinstance(command, _STORES):  # of which there are most
        sop_class_uid, sop_instance_uid = command.affected_sop_class_uid, command.affected_sop_instance_uid
    elif isinstance(command, _ECHOES):
        sop_class_uid, sop_instance_uid = command.affected_sop_class_uid, ""
    else:
        sop_class_uid, sop_instance_uid = command.sop_class_uid, command.sop_instance_uid
    status, comment = (None, "") if isinstance(command, Request) else (command.status, command.error_comment)
    told = (
        direction, context_id, command.command_field, command.message_id, sop_class_uid, sop_instance_uid,
        -1 if status is None else status, dataset_length, comment,
    )  # fmt: skip
    return _new(DimseRecord, stamp + told)


def trace_run(scribe: Scribe, run: PdvRun, messages: Sequence[Message]) -> None:
    """Write the records of messages that came together: of each its two PDUs, and what it was.

    All have come at the same moment, so a record that would be like one before it is the same object.
    """
    tracer, association = scribe.tracer, scribe.association
    if tracer is None:
        return
    mono, utc = time.monotonic(), time.time()

    def of_pdu(pdu: bytes) -> PduRecord:
        segments = (_new(Segment, (0, pdu)),)
        return _new(PduRecord, (association, mono, utc, Direction.RECEIVED, _P_DATA, len(pdu), segments, ""))

    command, told = of_pdu(run.command), _Told((association, mono, utc), messages[0])
    records: list[Record] = []
    for pdu, message in zip(run.data, messages, strict=True):
        records += (command, of_pdu(pdu), told[message.dataset_length])
    hand_on_received(tracer, records)


class _Told(dict[int, DimseRecord]):
    """The record of a message by the length of its data set."""

    def __init__(self, stamp: tuple[int, float, float], message: Message) -> None:
        super().__init__()
        self._first = message_record(
            Direction.RECEIVED, message.context_id, message.command, message.dataset_length, stamp
        )

    def __missing__(self, length: int) -> DimseRecord:
        record = self[length] = self._first._replace(dataset_length=length)
        return record
