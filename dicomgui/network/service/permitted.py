"""The requests that a presentation context permits: one table of abstract syntax, operation and SOP class.

The SOP class that an N-service names need not be the abstract syntax of its presentation context; PS3.4 says which
combinations are valid (PS3.7 10.1). Nearly everywhere the two are the same. They differ for the meta SOP classes of
print management (PS3.4 H.3) and for unified procedure steps, which are all instances of UPS Push (PS3.4 CC.3.1).

The provider asks :data:`STANDARD_PERMISSIONS` before any handler, the service user before anything is sent. An abstract
syntax that the table does not hold, e.g. a private one, permits every operation on itself. A table can be extended::

    table = STANDARD_PERMISSIONS.extended("1.2.3.4", operations=("N-GET", "N-ACTION"), sop_classes=("1.2.3.4.1",))
    server = await serve(handlers=handlers, options=ServerOptions(policy=policy, permitted=table))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from dicomgui.network.dimse.commands import CommandField, NActionRQ, NEventReportRQ, Request
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service.models import QUERY_MODELS, QueryOperation
from dicomgui.network.uids import RETIRED_STORAGE_CLASSES, STORAGE_CLASSES, VERIFICATION

__all__ = ["EVERYTHING_PERMITTED", "STANDARD_PERMISSIONS", "OperationName", "PermissionTable", "Permitted", "Violation"]

OperationName: TypeAlias = Literal[
    "C-ECHO", "C-STORE", "C-FIND", "C-MOVE", "C-GET", "N-EVENT-REPORT", "N-GET", "N-SET", "N-ACTION", "N-CREATE",
    "N-DELETE",
]  # fmt: skip

_OPERATIONS: Final = frozenset(get_args(OperationName))
_TYPED: Final = frozenset(("N-ACTION", "N-EVENT-REPORT"))
_NAME_OF: Final = {field: field.text.removesuffix("-RQ") for field in CommandField}


class Violation(Enum):
    """The way in which a request is not permitted."""

    OPERATION = "operation"
    """The abstract syntax does not have the operation, or not for this SOP class."""
    SOP_CLASS = "SOP class"
    """The SOP class is not one of the abstract syntax."""
    TYPE = "type"
    """The SOP class has the operation, but not this Action Type ID or Event Type ID."""


class Permitted(NamedTuple):
    """One row of the table: an operation on some SOP classes.

    :ivar sop_classes: SOP class UIDs that the command may name.
    :ivar types: the values of Action Type ID or Event Type ID; any where it is empty.
    """

    operation: OperationName
    sop_classes: frozenset[str]
    types: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class PermissionTable:
    """Permitted requests by the abstract syntax of their presentation context.

    :ivar rows: by abstract syntax UID and the name of the operation.
    :ivar permits_all: nothing is refused; for those who test what a peer does with the rest.
    """

    rows: Mapping[str, Mapping[str, Permitted]]
    permits_all: bool = False

    def violation(self, abstract_syntax: str, command: Request) -> Violation | None:
        """The way in which a request on this abstract syntax is not permitted; ``None`` for one that is."""
        if self.permits_all:
            return None
        rows = self.rows.get(abstract_syntax)
        if rows is None:
            return None if command.sop_class_uid == abstract_syntax else Violation.SOP_CLASS
        row = rows.get(_NAME_OF[command.command_field])
        if row is None or command.sop_class_uid not in row.sop_classes:
            is_known = any(command.sop_class_uid in other.sop_classes for other in rows.values())
            return Violation.OPERATION if is_known else Violation.SOP_CLASS
        if row.types and _type_of(command) not in row.types:
            return Violation.TYPE
        return None

    def context_for(self, operation: OperationName, sop_class_uid: str, type_id: int | None = None) -> str:
        """The abstract syntax to propose for a request: the SOP class where that permits it, else the first that does.

        :param type_id: Action Type ID or Event Type ID.
        :returns: the SOP class where none permits it, too.
        """
        for abstract_syntax in (sop_class_uid, *self.rows):
            row = self.rows.get(abstract_syntax, {}).get(operation)
            if row is not None and sop_class_uid in row.sop_classes and (not row.types or type_id in row.types):
                return abstract_syntax
        return sop_class_uid

    def extended(
        self,
        abstract_syntax: str,
        *,
        operations: Iterable[OperationName],
        sop_classes: Iterable[str] = (),
        types: Iterable[int] = (),
    ) -> PermissionTable:
        """The table with more operations on an abstract syntax; one that it has already is replaced.

        :param sop_classes: SOP class UIDs that the commands may name; by default the abstract syntax.
        :param types: the only values of Action Type ID or Event Type ID; any by default.
        :raises ConfigurationError: there is no such operation.
        """
        wanted = tuple(operations)
        wrong = [name for name in wanted if name not in _OPERATIONS]
        if wrong:
            raise ConfigurationError(f"{wrong[0]!r} is no operation", phase="configure")
        classes = frozenset(sop_classes) or frozenset((abstract_syntax,))
        rows: dict[str, Permitted] = dict(self.rows.get(abstract_syntax, {}))
        of_types = frozenset(types)
        rows.update((name, Permitted(name, classes, of_types if name in _TYPED else frozenset())) for name in wanted)
        return PermissionTable(MappingProxyType({**self.rows, abstract_syntax: rows}), self.permits_all)


def _type_of(command: Request) -> int | None:
    if isinstance(command, NActionRQ):
        return command.action_type_id
    return command.event_type_id if isinstance(command, NEventReportRQ) else None


# ------------------------------------------------------------------------------------------------------ the standard's


def _own(uid: str, *operations: OperationName) -> tuple[str, tuple[Permitted, ...]]:
    """A SOP class whose requests name itself."""
    return uid, tuple(Permitted(operation, frozenset((uid,))) for operation in operations)


def _meta(uid: str, *parts: tuple[str, tuple[Permitted, ...]]) -> tuple[str, tuple[Permitted, ...]]:
    """A meta SOP class: what its SOP classes permit, all on one presentation context."""
    classes: dict[OperationName, frozenset[str]] = {}
    for row in (row for _, rows in parts for row in rows):
        classes[row.operation] = classes.get(row.operation, frozenset()) | row.sop_classes
    return uid, tuple(Permitted(operation, uids) for operation, uids in classes.items())


_P = "1.2.840.10008.5.1.1."
_SESSION = _own(_P + "1", "N-CREATE", "N-SET", "N-DELETE", "N-ACTION")  # PS3.4 table H.4-1
_FILM = _own(_P + "2", "N-CREATE", "N-SET", "N-DELETE", "N-ACTION")  # table H.4-6
_GRAYSCALE = _own(_P + "4", "N-SET")  # table H.4-10
_COLOR = _own(_P + "4.1", "N-SET")  # table H.4-12
_REFERENCED = _own(_P + "4.2", "N-SET")  # retired
_PRINTER = _own(_P + "16", "N-EVENT-REPORT", "N-GET")  # table H.4-17
_PULLED = _own(_P + "31", "N-CREATE", "N-DELETE", "N-ACTION", "N-EVENT-REPORT")  # retired

_PRINT: Final = (
    _SESSION, _FILM, _GRAYSCALE, _COLOR, _REFERENCED, _PRINTER, _PULLED,
    _meta(_P + "9", _SESSION, _FILM, _GRAYSCALE, _PRINTER),  # PS3.4 H.3.2.2.1
    _meta(_P + "18", _SESSION, _FILM, _COLOR, _PRINTER),  # PS3.4 H.3.2.2.2
    _meta(_P + "9.1", _SESSION, _FILM, _REFERENCED, _PRINTER),  # retired, as the next two
    _meta(_P + "18.1", _SESSION, _FILM, _REFERENCED, _PRINTER),
    _meta(_P + "32", _PULLED, _PRINTER),
    _own(_P + "14", "N-EVENT-REPORT", "N-GET"),  # Print Job, PS3.4 H.4.5
    _own(_P + "15", "N-SET"),  # Basic Annotation Box, PS3.4 H.4.4
    _own(_P + "16.376", "N-GET"),  # Printer Configuration Retrieval, PS3.4 H.4.10
    _own(_P + "22", "N-CREATE", "N-SET", "N-DELETE"),  # VOI LUT Box, retired
    _own(_P + "23", "N-CREATE", "N-DELETE"),  # Presentation LUT, PS3.4 H.4.9
    _own(_P + "24", "N-SET"),  # Image Overlay Box, retired, as the next two
    _own(_P + "24.1", "N-CREATE", "N-SET", "N-DELETE"),
    _own(_P + "26", "N-EVENT-REPORT", "N-GET", "N-ACTION"),
)  # fmt: skip
"""Print management (PS3.4 annex H)."""

_PUSH = "1.2.840.10008.5.1.4.34.6.1"
_WATCH = "1.2.840.10008.5.1.4.34.6.2"
_PULL = "1.2.840.10008.5.1.4.34.6.3"
_EVENT = "1.2.840.10008.5.1.4.34.6.4"
_QUERY = "1.2.840.10008.5.1.4.34.6.5"
_OF_PUSH = frozenset((_PUSH,))
_CHANGE_STATE = 1
_REQUEST_CANCEL = 2
_SUBSCRIPTIONS = (3, 4, 5)


def _find(uid: str) -> Permitted:
    return Permitted("C-FIND", frozenset((uid,)))


_STEPS: Final = (
    (_PUSH, (
        Permitted("N-CREATE", _OF_PUSH),
        Permitted("N-ACTION", _OF_PUSH, frozenset((_REQUEST_CANCEL,))),
        Permitted("N-GET", _OF_PUSH),
    )),
    (_WATCH, (
        Permitted("N-ACTION", _OF_PUSH, frozenset((_REQUEST_CANCEL, *_SUBSCRIPTIONS))),
        Permitted("N-GET", _OF_PUSH),
        _find(_WATCH),
    )),
    (_PULL, (
        Permitted("N-ACTION", _OF_PUSH, frozenset((_CHANGE_STATE,))),
        Permitted("N-GET", _OF_PUSH),
        Permitted("N-SET", _OF_PUSH),
        _find(_PULL),
    )),
    (_EVENT, (Permitted("N-EVENT-REPORT", frozenset((_PUSH, _EVENT))),)),
    (_QUERY, (_find(_QUERY),)),
)  # fmt: skip
"""Unified procedure steps (PS3.4 CC.3.1.1 to CC.3.1.5): the SOP class is UPS Push, but of C-FIND. Reports that name UPS
Event are taken, too."""

_S = "1.2.840.10008.3.1.2."
_PATIENT = _own(_S + "1.1", "N-EVENT-REPORT", "N-GET", "N-SET", "N-CREATE", "N-DELETE", "N-ACTION")
_VISIT = _own(_S + "2.1", "N-EVENT-REPORT", "N-GET", "N-SET", "N-CREATE", "N-DELETE", "N-ACTION")
_STUDY = _own(_S + "3.1", "N-EVENT-REPORT", "N-GET", "N-SET", "N-CREATE", "N-DELETE", "N-ACTION")
_RESULTS = _own(_S + "5.1", "N-EVENT-REPORT", "N-GET", "N-SET", "N-CREATE", "N-DELETE")
_INTERPRETATION = _own(_S + "6.1", "N-EVENT-REPORT", "N-GET", "N-SET", "N-CREATE", "N-DELETE", "N-ACTION")

_PROCEDURES: Final = (
    _own(_S + "3.3", "N-CREATE", "N-SET"),  # Modality Performed Procedure Step, PS3.4 F.7.1
    (_S + "3.4", (Permitted("N-GET", frozenset((_S + "3.4", _S + "3.3"))),)),  # its Retrieve, PS3.4 F.8.1
    (_S + "3.5", (Permitted("N-EVENT-REPORT", frozenset((_S + "3.5", _S + "3.3"))),)),  # its Notification, PS3.4 F.9.1
    _own(_S + "3.2", "N-EVENT-REPORT", "N-GET", "N-SET", "N-CREATE"),  # Study Component Management, retired
    _PATIENT, _VISIT, _STUDY, _RESULTS, _INTERPRETATION,
    _meta(_S + "1.4", _PATIENT, _VISIT),
    _meta(_S + "5.4", _RESULTS, _INTERPRETATION),
    _meta(_S + "5.5", _PATIENT, _VISIT, _STUDY, _RESULTS, _INTERPRETATION),
)  # fmt: skip
"""Procedure steps (PS3.4 annex F); Retrieve and Notification may name the class of the step, as some peers do. And the
detached management of the standard up to 2004."""

_G = "1.2.840.10008.5.1.4.32."
_GENERAL = (
    _own(_G + "1", "C-FIND"),
    _own(_G + "2", "N-ACTION", "N-GET", "N-EVENT-REPORT"),
    _own(_G + "3", "N-CREATE", "N-SET", "N-GET"),
)
_OTHERS: Final = (
    _own(VERIFICATION, "C-ECHO"),  # PS3.4 A.4
    _own("1.2.840.10008.1.20.1", "N-ACTION", "N-EVENT-REPORT"),  # Storage Commitment Push Model, PS3.4 J.3.1
    _own("1.2.840.10008.1.20.2", "N-CREATE", "N-ACTION", "N-EVENT-REPORT"),  # its Pull Model, retired
    _own("1.2.840.10008.1.40", "N-ACTION"),  # Procedural Event Logging, PS3.4 P.2
    _own("1.2.840.10008.1.42", "N-ACTION"),  # Substance Administration Logging, PS3.4 P.3
    _own("1.2.840.10008.5.1.4.33", "N-CREATE"),  # Instance Availability Notification, PS3.4 R.3.1
    _own(_P + "27", "C-STORE", "N-EVENT-REPORT"),  # Stored Print Storage, retired
    _own(_P + "33", "N-CREATE", "N-ACTION", "N-GET", "N-EVENT-REPORT"),  # Media Creation Management, PS3.4 S.3.1
    _own(_P + "40", "N-GET"),  # Display System, PS3.4 EE.2
    *(
        _own(f"1.2.840.10008.5.1.4.34.{end}", "N-CREATE", "N-SET", "N-GET", "N-ACTION", "N-DELETE", "N-EVENT-REPORT")
        for end in ("8", "9")  # RT Machine Verification, PS3.4 DD.3
    ),
    _own("1.2.840.10008.5.1.4.1.1.201.5", "N-ACTION", "N-EVENT-REPORT"),  # Inventory Creation, PS3.4 KK
    *_GENERAL, _meta("1.2.840.10008.5.1.4.32", *_GENERAL),  # General Purpose Worklist, retired
)  # fmt: skip

_NAMES: Final[Mapping[QueryOperation, OperationName]] = {"find": "C-FIND", "move": "C-MOVE", "get": "C-GET"}
_STEP_CLASSES: Final = frozenset((_PUSH, _WATCH, _PULL, _EVENT, _QUERY))
_QUERIES: Final = tuple(
    _own(uid, _NAMES[operation])
    for model in QUERY_MODELS.values()
    for operation, uid in model.items()
    if uid not in _STEP_CLASSES
)
"""Queries and retrievals (PS3.4 C.6, K.6, Q.4, U.5, V.4, X.5, BB.5, LL, …): one operation each."""

_STORAGE: Final = tuple(_own(uid, "C-STORE") for uid in (*STORAGE_CLASSES, *RETIRED_STORAGE_CLASSES))
"""Storage (PS3.4 B.5, GG.3)."""

STANDARD_PERMISSIONS: Final = PermissionTable(
    MappingProxyType(
        {
            uid: MappingProxyType({row.operation: row for row in rows})
            for uid, rows in (*_STORAGE, *_QUERIES, *_OTHERS, *_PROCEDURES, *_STEPS, *_PRINT)
        }
    )
)
"""The table of PS3.4."""

EVERYTHING_PERMITTED: Final = PermissionTable(MappingProxyType({}), permits_all=True)
"""Nothing is refused."""
