"""Two things that every message needs: the response that answers it, and its record in the trace."""

from __future__ import annotations

from dicomgui.network.dimse.commands import (
    MESSAGE_TYPES,
    RESPONSE_BIT,
    CEchoRQ,
    CEchoRSP,
    Command,
    CStoreRQ,
    CStoreRSP,
    Response,
    UnknownCommand,
)
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, Scribe

__all__ = ["response_to", "trace_message"]

COMMENT_LENGTH = 64
"""Error Comment (0000,0902) is an LO."""


def response_to(
    command: Command, status: Status, *, comment: str = "", offending: tuple[int, ...] = ()
) -> Response | UnknownCommand:
    """The response that carries ``status``, without a data set.

    ``comment`` is cut to what Error Comment can hold.
    """
    comment = comment[:COMMENT_LENGTH]
    if isinstance(command, CStoreRQ):
        return CStoreRSP(
            command.message_id,
            status,
            command.affected_sop_class_uid,
            command.affected_sop_instance_uid,
            error_comment=comment,
            offending_elements=offending,
        )
    if isinstance(command, CEchoRQ):
        return CEchoRSP(
            command.message_id,
            status,
            command.affected_sop_class_uid,
            error_comment=comment,
            offending_elements=offending,
        )
    kind = MESSAGE_TYPES.get(command.command_field | RESPONSE_BIT)
    if kind is None or not issubclass(kind, Response):
        return UnknownCommand(
            command.message_id, command.command_field | RESPONSE_BIT, status=status, error_comment=comment
        )
    return kind(command.message_id, status, error_comment=comment, offending_elements=offending)


def trace_message(
    scribe: Scribe, direction: Direction, context_id: int, command: Command, dataset_length: int
) -> None:
    """Write one :class:`~dicomgui.network.tracing.DimseRecord`."""
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
