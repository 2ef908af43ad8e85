"""All 23 DIMSE messages of PS3.7 as frozen dataclasses.

The class of a message lists its fields (PS3.7 9.3, 10.3); the table in :mod:`dicomgui.network.dimse.elements` says
which command element carries the field of each name. The codec (:mod:`dicomgui.network.dimse.command_set`) is made from
the two, so a field is declared once and nowhere else.

Conventions of the fields:

- an empty text, an empty tuple or ``None`` stands for an element that is not there; the texts without a default are
  mandatory and are sent with zero length when they are empty;
- a tag is ``(group << 16) | element``;
- ``message_id`` is the Message ID (0000,0110) of a request, and the Message ID Being Responded To (0000,0120) of a
  response and of C-CANCEL-RQ;
- ``has_dataset`` is the Command Data Set Type (0000,0800): whether a data set follows;
- ``takes_dataset`` tells of each class whether its definition has a data set at all;
- ``anomalies`` tells what was odd but harmless in a received command; it takes no part in comparisons and is not sent.

Every message can be matched by position: ``case CStoreRSP(message_id, status): …``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from enum import IntEnum
from typing import ClassVar, Final, TypeAlias

from dicomgui.network.status import Status
from dicomgui.network.uids import VERIFICATION

__all__ = [
    "MESSAGE_TYPES",
    "NO_DATASET",
    "RESPONSE_BIT",
    "CCancelRQ",
    "CEchoRQ",
    "CEchoRSP",
    "CFindRQ",
    "CFindRSP",
    "CGetRQ",
    "CGetRSP",
    "CMoveRQ",
    "CMoveRSP",
    "CStoreRQ",
    "CStoreRSP",
    "Command",
    "CommandField",
    "NActionRQ",
    "NActionRSP",
    "NCreateRQ",
    "NCreateRSP",
    "NDeleteRQ",
    "NDeleteRSP",
    "NEventReportRQ",
    "NEventReportRSP",
    "NGetRQ",
    "NGetRSP",
    "NSetRQ",
    "NSetRSP",
    "Priority",
    "Request",
    "Response",
    "UnknownCommand",
    "answer",
    "oddities_of",
]

NO_DATASET: Final = 0x0101
"""The Command Data Set Type that says that no data set follows; every other value says that one does (PS3.7 E.1)."""

RESPONSE_BIT: Final = 0x8000
"""The bit of Command Field that makes the response of a request."""


class Priority(IntEnum):
    """Priority (0000,0700) of the C-STORE, C-FIND, C-GET and C-MOVE requests (PS3.7 E.1)."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


class CommandField(IntEnum):
    """Command Field (0000,0100): which message it is (PS3.7 E.1)."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RQ = 0x0100
    N_EVENT_REPORT_RSP = 0x8100
    N_GET_RQ = 0x0110
    N_GET_RSP = 0x8110
    N_SET_RQ = 0x0120
    N_SET_RSP = 0x8120
    N_ACTION_RQ = 0x0130
    N_ACTION_RSP = 0x8130
    N_CREATE_RQ = 0x0140
    N_CREATE_RSP = 0x8140
    N_DELETE_RQ = 0x0150
    N_DELETE_RSP = 0x8150
    C_CANCEL_RQ = 0x0FFF

    @property
    def text(self) -> str:
        """The name in the standard's spelling, ``C-STORE-RQ``."""
        return self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class _Fields:
    """What every message has."""

    takes_dataset: ClassVar[bool] = True
    """True where a data set can belong to the message (PS3.7 9.3, 10.3)."""

    message_id: int
    _: KW_ONLY
    has_dataset: bool = False
    anomalies: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def sop_class_uid(self) -> str:
        """Affected or Requested SOP Class UID, whichever the message carries, or an empty string."""
        return getattr(self, "affected_sop_class_uid", "") or getattr(self, "requested_sop_class_uid", "")

    @property
    def sop_instance_uid(self) -> str:
        """Affected or Requested SOP Instance UID, whichever the message carries, or an empty string."""
        return getattr(self, "affected_sop_instance_uid", "") or getattr(self, "requested_sop_instance_uid", "")


@dataclass(frozen=True, slots=True)
class Request(_Fields):
    """A request or, with C-CANCEL-RQ, the cancelling of one."""

    command_field: ClassVar[CommandField]
    is_request: ClassVar[bool] = True
    is_response: ClassVar[bool] = False
    refers_back: ClassVar[bool] = False
    """Whether ``message_id`` names another request (C-CANCEL-RQ)."""

    @property
    def name(self) -> str:
        """``C-STORE-RQ``."""
        return self.command_field.text


@dataclass(frozen=True, slots=True)
class Response(_Fields):
    """A response: its status, and what explains the status (PS3.7 C).

    :ivar error_comment: text for people, at most 64 characters when sent.
    :ivar offending_elements: the tags that the failure is about.
    :ivar error_id: a code of the peer's own implementation.
    """

    command_field: ClassVar[CommandField]
    is_request: ClassVar[bool] = False
    is_response: ClassVar[bool] = True

    status: Status
    _: KW_ONLY
    error_comment: str = ""
    offending_elements: tuple[int, ...] = ()
    error_id: int | None = None

    @property
    def name(self) -> str:
        """``C-STORE-RSP``."""
        return self.command_field.text


def oddities_of(command: Command) -> tuple[str, ...]:
    """Everything odd about a received command: its anomalies, a missing class, and a data set against the rules.

    Identifiers belong to C-FIND responses whose status is pending, and to no others (PS3.7 9.3.2.2); they are taken as
    they come.
    """
    odd: tuple[str, ...] = ()
    if isinstance(command, CEchoRQ) and not command.affected_sop_class_uid:
        odd = ("without Affected SOP Class UID",)
    elif isinstance(command, CFindRSP) and command.has_dataset is not command.status.is_pending:
        odd = ("pending, but without an identifier" if command.status.is_pending else "final, but with an identifier",)
    elif command.has_dataset and not command.takes_dataset and not isinstance(command, UnknownCommand):
        odd = ("with a data set, which it never has",)
    return command.anomalies + odd


@dataclass(frozen=True, slots=True)
class UnknownCommand(_Fields):
    """A message whose Command Field the standard does not know; an SCP answers it with status 0211.

    :ivar status: only with a response, that is with a command field that has :data:`RESPONSE_BIT`.
    """

    takes_dataset: ClassVar[bool] = False

    command_field: int
    affected_sop_class_uid: str = ""
    affected_sop_instance_uid: str = ""
    status: Status | None = None
    _: KW_ONLY
    error_comment: str = ""

    @property
    def name(self) -> str:
        """``command 0x1234``, for texts."""
        return f"command 0x{self.command_field:04X}"

    @property
    def is_request(self) -> bool:
        """Whether the command field lacks :data:`RESPONSE_BIT`."""
        return not self.command_field & RESPONSE_BIT

    @property
    def is_response(self) -> bool:
        """Whether the command field has :data:`RESPONSE_BIT`."""
        return bool(self.command_field & RESPONSE_BIT)


Command: TypeAlias = Request | Response | UnknownCommand
"""Any DIMSE message; usable with ``isinstance``."""


@dataclass(frozen=True, slots=True)
class CStoreRQ(Request):
    """Store a composite instance (PS3.7 9.3.1.1). The move originator is named in a C-STORE that a C-MOVE causes."""

    command_field: ClassVar[CommandField] = CommandField.C_STORE_RQ
    affected_sop_class_uid: str
    affected_sop_instance_uid: str
    priority: int = Priority.MEDIUM
    move_originator_ae_title: str = ""
    move_originator_message_id: int | None = None
    has_dataset: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class CStoreRSP(Response):
    """Answer to C-STORE-RQ (PS3.7 9.3.1.2)."""

    command_field: ClassVar[CommandField] = CommandField.C_STORE_RSP
    takes_dataset: ClassVar[bool] = False
    affected_sop_class_uid: str = ""
    affected_sop_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class CFindRQ(Request):
    """Query by the identifier in the data set (PS3.7 9.3.2.1)."""

    command_field: ClassVar[CommandField] = CommandField.C_FIND_RQ
    affected_sop_class_uid: str
    priority: int = Priority.MEDIUM
    has_dataset: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class CFindRSP(Response):
    """A match (pending, with a data set) or the end of a query (PS3.7 9.3.2.2)."""

    command_field: ClassVar[CommandField] = CommandField.C_FIND_RSP
    affected_sop_class_uid: str = ""


@dataclass(frozen=True, slots=True)
class CGetRQ(Request):
    """Retrieve over this association (PS3.7 9.3.3.1)."""

    command_field: ClassVar[CommandField] = CommandField.C_GET_RQ
    affected_sop_class_uid: str
    priority: int = Priority.MEDIUM
    has_dataset: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class CGetRSP(Response):
    """Progress or end of a C-GET, with the numbers of sub-operations (PS3.7 9.3.3.2)."""

    command_field: ClassVar[CommandField] = CommandField.C_GET_RSP
    affected_sop_class_uid: str = ""
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None


@dataclass(frozen=True, slots=True)
class CMoveRQ(Request):
    """Have instances sent to the AE ``move_destination`` (PS3.7 9.3.4.1)."""

    command_field: ClassVar[CommandField] = CommandField.C_MOVE_RQ
    affected_sop_class_uid: str
    move_destination: str
    priority: int = Priority.MEDIUM
    has_dataset: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class CMoveRSP(Response):
    """Progress or end of a C-MOVE, with the numbers of sub-operations (PS3.7 9.3.4.2)."""

    command_field: ClassVar[CommandField] = CommandField.C_MOVE_RSP
    affected_sop_class_uid: str = ""
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None


@dataclass(frozen=True, slots=True)
class CEchoRQ(Request):
    """Verify the connection (PS3.7 9.3.5.1)."""

    command_field: ClassVar[CommandField] = CommandField.C_ECHO_RQ
    takes_dataset: ClassVar[bool] = False
    affected_sop_class_uid: str = VERIFICATION


@dataclass(frozen=True, slots=True)
class CEchoRSP(Response):
    """Answer to C-ECHO-RQ (PS3.7 9.3.5.2)."""

    command_field: ClassVar[CommandField] = CommandField.C_ECHO_RSP
    takes_dataset: ClassVar[bool] = False
    affected_sop_class_uid: str = VERIFICATION


@dataclass(frozen=True, slots=True)
class CCancelRQ(Request):
    """Cancel the C-FIND, C-GET or C-MOVE whose Message ID is ``message_id``; has no response (PS3.7 9.3.2.3)."""

    command_field: ClassVar[CommandField] = CommandField.C_CANCEL_RQ
    takes_dataset: ClassVar[bool] = False
    refers_back: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class NEventReportRQ(Request):
    """Report an event about an instance (PS3.7 10.3.1.1)."""

    command_field: ClassVar[CommandField] = CommandField.N_EVENT_REPORT_RQ
    affected_sop_class_uid: str
    affected_sop_instance_uid: str
    event_type_id: int


@dataclass(frozen=True, slots=True)
class NEventReportRSP(Response):
    """Answer to N-EVENT-REPORT-RQ (PS3.7 10.3.1.2)."""

    command_field: ClassVar[CommandField] = CommandField.N_EVENT_REPORT_RSP
    affected_sop_class_uid: str = ""
    affected_sop_instance_uid: str = ""
    event_type_id: int | None = None


@dataclass(frozen=True, slots=True)
class NGetRQ(Request):
    """Get attributes of an instance, all of them without ``attribute_identifiers`` (PS3.7 10.3.2.1)."""

    command_field: ClassVar[CommandField] = CommandField.N_GET_RQ
    takes_dataset: ClassVar[bool] = False
    requested_sop_class_uid: str
    requested_sop_instance_uid: str
    attribute_identifiers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NGetRSP(Response):
    """Answer to N-GET-RQ (PS3.7 10.3.2.2); the identifiers are those of a warning 0107 (PS3.7 C.4.2)."""

    command_field: ClassVar[CommandField] = CommandField.N_GET_RSP
    affected_sop_class_uid: str = ""
    affected_sop_instance_uid: str = ""
    attribute_identifiers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NSetRQ(Request):
    """Change attributes of an instance by the modification list in the data set (PS3.7 10.3.3.1)."""

    command_field: ClassVar[CommandField] = CommandField.N_SET_RQ
    requested_sop_class_uid: str
    requested_sop_instance_uid: str
    has_dataset: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class NSetRSP(Response):
    """Answer to N-SET-RQ (PS3.7 10.3.3.2)."""

    command_field: ClassVar[CommandField] = CommandField.N_SET_RSP
    affected_sop_class_uid: str = ""
    affected_sop_instance_uid: str = ""
    attribute_identifiers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NActionRQ(Request):
    """Ask for an action on an instance (PS3.7 10.3.4.1)."""

    command_field: ClassVar[CommandField] = CommandField.N_ACTION_RQ
    requested_sop_class_uid: str
    requested_sop_instance_uid: str
    action_type_id: int


@dataclass(frozen=True, slots=True)
class NActionRSP(Response):
    """Answer to N-ACTION-RQ (PS3.7 10.3.4.2)."""

    command_field: ClassVar[CommandField] = CommandField.N_ACTION_RSP
    affected_sop_class_uid: str = ""
    affected_sop_instance_uid: str = ""
    action_type_id: int | None = None


@dataclass(frozen=True, slots=True)
class NCreateRQ(Request):
    """Create an instance; without an instance UID the performer makes one (PS3.7 10.3.5.1)."""

    command_field: ClassVar[CommandField] = CommandField.N_CREATE_RQ
    affected_sop_class_uid: str
    affected_sop_instance_uid: str = ""
    has_dataset: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class NCreateRSP(Response):
    """Answer to N-CREATE-RQ, with the instance UID if the performer made it (PS3.7 10.3.5.2)."""

    command_field: ClassVar[CommandField] = CommandField.N_CREATE_RSP
    affected_sop_class_uid: str = ""
    affected_sop_instance_uid: str = ""
    attribute_identifiers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NDeleteRQ(Request):
    """Delete an instance (PS3.7 10.3.6.1)."""

    command_field: ClassVar[CommandField] = CommandField.N_DELETE_RQ
    takes_dataset: ClassVar[bool] = False
    requested_sop_class_uid: str
    requested_sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class NDeleteRSP(Response):
    """Answer to N-DELETE-RQ (PS3.7 10.3.6.2)."""

    command_field: ClassVar[CommandField] = CommandField.N_DELETE_RSP
    takes_dataset: ClassVar[bool] = False
    affected_sop_class_uid: str = ""
    affected_sop_instance_uid: str = ""


MESSAGE_TYPES: Final[Mapping[int, type[Request] | type[Response]]] = {
    message.command_field: message
    for message in (
        CStoreRQ, CStoreRSP, CFindRQ, CFindRSP, CGetRQ, CGetRSP, CMoveRQ, CMoveRSP, CEchoRQ, CEchoRSP, CCancelRQ,
        NEventReportRQ, NEventReportRSP, NGetRQ, NGetRSP, NSetRQ, NSetRSP, NActionRQ, NActionRSP, NCreateRQ,
        NCreateRSP, NDeleteRQ, NDeleteRSP,
    )
}  # fmt: skip
"""The class of each Command Field, in the order of PS3.7 9.3 and 10.3."""


def answer(
    request: Request | UnknownCommand,
    status: Status,
    *,
    has_dataset: bool = False,
    error_comment: str = "",
    offending_elements: tuple[int, ...] = (),
) -> Response | UnknownCommand:
    """The response to ``request`` with the UIDs that it named; for a C-CANCEL-RQ, which has none, :class:`KeyError`.

    Used where the kind of request does not matter: an exception in a handler (0110), an unknown operation (0211), …
    """
    if isinstance(request, UnknownCommand):
        return UnknownCommand(
            request.message_id,
            request.command_field | RESPONSE_BIT,
            request.affected_sop_class_uid,
            request.affected_sop_instance_uid,
            status,
            has_dataset=has_dataset,
            error_comment=error_comment,
        )
    make = _ANSWERS[request.command_field]
    return make(
        request.message_id,
        status,
        *(request.sop_class_uid, request.sop_instance_uid)[: _UIDS[make]],
        has_dataset=has_dataset,
        error_comment=error_comment,
        offending_elements=offending_elements,
    )


_ANSWERS: Final[Mapping[int, type[Response]]] = {
    code & ~RESPONSE_BIT: message for code, message in MESSAGE_TYPES.items() if issubclass(message, Response)
}
_UIDS: Final[Mapping[type[Response], int]] = {
    message: sum(f.name in ("affected_sop_class_uid", "affected_sop_instance_uid") for f in fields(message))
    for message in _ANSWERS.values()
}
