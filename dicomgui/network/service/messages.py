"""What the trace is told of a DIMSE message."""

from __future__ import annotations

from dicomgui.network.dimse.answer_pdu import PLAIN
from dicomgui.network.dimse.commands import Command, CStoreRQ
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, Scribe

__all__ = ["trace_message"]


def trace_message(
    scribe: Scribe, direction: Direction, context_id: int, command: Command, dataset_length: int
) -> None:
    """Write one :class:`~dicomgui.network.tracing.DimseRecord`."""
    if isinstance(command, PLAIN):  # of which there are most
        scribe.dimse(
            direction,
            context_id,
            command.command_field,
            command.message_id,
            sop_class_uid=command.affected_sop_class_uid,
            sop_instance_uid=command.affected_sop_instance_uid if isinstance(command, CStoreRQ) else "",
            dataset_length=dataset_length,
        )
        return
    status: Status | None = getattr(command, "status", None)
    scribe.dimse(
        direction,
        context_id,
        command.command_field,
        command.message_id,
        sop_class_uid=command.sop_class_uid,
        sop_instance_uid=command.sop_instance_uid,
        status=-1 if status is None else status,
        dataset_length=dataset_length,
        comment=getattr(command, "error_comment", ""),
    )
