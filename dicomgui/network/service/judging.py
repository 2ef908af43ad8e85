"""Requests that are refused before any handler is asked: not permitted on their context, or with a UID that is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.dimse.commands import (
    CEchoRQ,
    NActionRQ,
    NCreateRQ,
    NDeleteRQ,
    NEventReportRQ,
    NGetRQ,
    NSetRQ,
    Request,
)
from dicomgui.network.service.handlers import Reply
from dicomgui.network.service.permitted import PermissionTable, Violation
from dicomgui.network.status import Status
from dicomgui.network.uids import VERIFICATION, is_valid_uid, name_of

__all__ = ["judge_request", "violation_text"]

NO_SUCH_EVENT_TYPE: Final = Status(0x0113)
INVALID_INSTANCE: Final = Status(0x0117)
NO_SUCH_CLASS: Final = Status(0x0118)
SOP_CLASS_NOT_SUPPORTED: Final = Status(0x0122)
NO_SUCH_ACTION: Final = Status(0x0123)
UNRECOGNIZED_OPERATION: Final = Status(0x0211)

AFFECTED_SOP_CLASS: Final = 0x00000002
REQUESTED_SOP_CLASS: Final = 0x00000003
AFFECTED_SOP_INSTANCE: Final = 0x00001000
REQUESTED_SOP_INSTANCE: Final = 0x00001001

_REQUESTED: Final = (NGetRQ, NSetRQ, NActionRQ, NDeleteRQ)
_AFFECTED: Final = (NCreateRQ, NEventReportRQ)


def judge_request(table: PermissionTable, context: AcceptedContext, command: Request) -> Reply | None:
    """The refusal of a request, whatever a handler would say to it; ``None`` for one that may be performed.

    ====================================================== ====================================================
    the abstract syntax has no such operation              0211 unrecognized operation (PS3.7 C.5.21)
    the SOP class is none of the abstract syntax           0118 no such SOP class, for N-services (C.5.16);
                                                           0122 SOP class not supported, for C-services (C.5.6)
    the SOP class has no such action or event type         0123 no such action (C.5.10), 0113 no such event type
    an instance UID breaks the rules for UIDs              0117 invalid SOP instance (C.5.12), for N-services
    ====================================================== ====================================================

    An N-CREATE may come without an instance UID, which the provider then makes (PS3.7 10.1.5.1.4). A C-ECHO that names
    no SOP class can only be one of verification.
    """
    if isinstance(command, CEchoRQ) and not command.affected_sop_class_uid:
        command = replace(command, affected_sop_class_uid=VERIFICATION)
    violation = table.violation(context.abstract_syntax, command)
    if violation is not None:
        return _REFUSALS[violation](command)
    if isinstance(command, _REQUESTED):
        return _judge_instance(command.requested_sop_instance_uid, REQUESTED_SOP_INSTANCE)
    is_to_be_named = isinstance(command, NCreateRQ) and not command.affected_sop_instance_uid
    if isinstance(command, _AFFECTED) and not is_to_be_named:
        return _judge_instance(command.affected_sop_instance_uid, AFFECTED_SOP_INSTANCE)
    return None


def violation_text(violation: Violation, abstract_syntax: str, command: Request) -> str:
    """The sentence that tells why a request of ours is not sent."""
    where, what = name_of(abstract_syntax), name_of(command.sop_class_uid) or "no SOP class"
    operation = command.name.removesuffix("-RQ")
    if violation is Violation.TYPE:
        return f"a presentation context of {where} does not permit this type of {operation}"
    return f"a presentation context of {where} does not permit {operation} of {what}"


def _judge_instance(uid: str, tag: int) -> Reply | None:
    if is_valid_uid(uid):
        return None
    return Reply(INVALID_INSTANCE, "the SOP Instance UID is no UID", (tag,))


def _wrong_operation(command: Request) -> Reply:
    return Reply(UNRECOGNIZED_OPERATION, "the presentation context does not have this operation")


def _wrong_class(command: Request) -> Reply:
    comment = "not a SOP class of the presentation context"
    if isinstance(command, _REQUESTED):
        return Reply(NO_SUCH_CLASS, comment, (REQUESTED_SOP_CLASS,))
    status = NO_SUCH_CLASS if isinstance(command, _AFFECTED) else SOP_CLASS_NOT_SUPPORTED
    return Reply(status, comment, (AFFECTED_SOP_CLASS,))


def _wrong_type(command: Request) -> Reply:
    if isinstance(command, NEventReportRQ):
        return Reply(NO_SUCH_EVENT_TYPE, "the presentation context does not have this event type")
    return Reply(NO_SUCH_ACTION, "the presentation context does not have this action type")


_REFUSALS: Final = {
    Violation.OPERATION: _wrong_operation,
    Violation.SOP_CLASS: _wrong_class,
    Violation.TYPE: _wrong_type,
}
