"""Received instances held against their command: a whole data set, and the instance that was announced (PS3.4 B.2).

By answering Success the provider says that the instance has been stored (PS3.4 B.2.2); of what no reader can read, or
of another instance than the command names, that would not be true. The data set is walked while it comes
(:mod:`dicomgui.network.structure`); no value of it is decoded.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from dicomgui.network.dimse.commands import CStoreRQ
from dicomgui.network.dimse.native import tag_text
from dicomgui.network.service.handlers import Reply
from dicomgui.network.status import Status
from dicomgui.network.structure import (
    OVER_LIMITS,
    UNLIMITED,
    Anomaly,
    AnomalyCode,
    StructureCode,
    StructureFault,
    StructureLimits,
    StructureReader,
    StructureReport,
)
from dicomgui.network.uids import (
    is_valid_uid,
)

__all__ = [
    "InstanceCheck",
    "InstanceProblem",
    "MismatchCode",
    "ProblemCode",
    "Strictness",
    "anomaly_text",
    "broken_place",
    "problem_of",
]


class Strictness(StrEnum):
    """The treatment of an instance that is broken, or is not the one that the command names."""

    STRICT = "strict"
    """It is refused: A900 where it does not match its command, C000 where it cannot be read, A700 where it inflates to
    more than the limit. No handler is asked."""
    WARN = "warn"
    """It is kept, and the answer is B007 (data set does not match SOP class) instead of Success."""
    ANY = "any"
    """It is kept, and the answer is that of the handler: for those who test what senders do."""


class MismatchCode(Enum):
    """The ways in which a data set that is whole does not match its command."""

    NO_SOP_CLASS = "no-sop-class"
    """It has no SOP Class UID (0008,0016), or one that is no UID."""
    OTHER_SOP_CLASS = "other-sop-class"
    """It has another SOP Class UID than the command."""
    NO_SOP_INSTANCE = "no-sop-instance"
    """It has no SOP Instance UID (0008,0018), or one that is no UID."""
    OTHER_SOP_INSTANCE = "other-sop-instance"
    """It has another SOP Instance UID than the command."""


ProblemCode: TypeAlias = "StructureCode | MismatchCode"

_SOP_CLASS, _SOP_INSTANCE = 0x0008_0016, 0x0008_0018
_OUT_OF_RESOURCES: Final = Status(0xA700)
_DOES_NOT_MATCH: Final = Status(0xA900)
_CANNOT_UNDERSTAND: Final = Status(0xC000)

_MISMATCHES: Final[dict[MismatchCode, str]] = {
    MismatchCode.NO_SOP_CLASS: "the data set has no SOP Class UID",
    MismatchCode.OTHER_SOP_CLASS: "the data set has another SOP Class UID",
    MismatchCode.NO_SOP_INSTANCE: "the data set has no SOP Instance UID",
    MismatchCode.OTHER_SOP_INSTANCE: "the data set has another SOP Instance UID",
}


_ANOMALIES: Final[dict[AnomalyCode, str]] = {
    AnomalyCode.ODD_LENGTH: "values of odd length",
    AnomalyCode.ORDER: "elements out of order",
    AnomalyCode.GROUP_LENGTH: "wrong group lengths",
    AnomalyCode.VR: "other VRs than the data dictionary",
    AnomalyCode.GROUP: "elements of groups that belong in no data set",
    AnomalyCode.DELIMITER: "delimiters that should not be, or have a length",
    AnomalyCode.DEFLATE_PADDING: "bytes behind the deflate stream",
}


def anomaly_text(anomaly: Anomaly) -> str:
    """An anomaly in a few words: its kind, how often it occurs, and the first element that has it."""
    where = f"first at {tag_text(anomaly.tag)}, byte {anomaly.offset:,}"
    return f"{_ANOMALIES[anomaly.code]} ({anomaly.times:,}; {where})"


class InstanceProblem(NamedTuple):
    """The first thing that is wrong with an instance.

    :ivar tag: of the element at fault; 0 where there is none.
    :ivar offset: of that element, in bytes from the start of the data set; -1 for what the command does not match.
    :ivar transfer_syntax_uid: the one that the data set should have, of ``OTHER_ENCODING``; else empty.
    :ivar found_syntax_uid: the native or deflated transfer syntax that it has, likewise.
    """

    code: ProblemCode
    tag: int = 0
    offset: int = -1
    transfer_syntax_uid: str = ""
    found_syntax_uid: str = ""

    @property
    def status(self) -> Status:
        """The status of a refusal (PS3.4 table B.2-1)."""
        if isinstance(self.code, MismatchCode):
            return _DOES_NOT_MATCH
        return _OUT_OF_RESOURCES if self.code in OVER_LIMITS else _CANNOT_UNDERSTAND

    @property
    def text(self) -> str:
        """The problem in a few words, for Error Comment (0000,0902)."""
        if isinstance(self.code, MismatchCode):
            return _MISMATCHES[self.code]
        places = self.tag, self.offset, -1, -1
        return StructureFault(self.code, *places, self.transfer_syntax_uid, self.found_syntax_uid).text

    @property
    def reply(self) -> Reply:
        """The refusal."""
        return Reply(self.status, self.text, (self.tag,) if self.tag else ())


def _broken(fault: StructureFault) -> InstanceProblem:
    return InstanceProblem(fault.code, fault.tag, fault.offset, fault.transfer_syntax_uid, fault.found_syntax_uid)


def broken_place(report: StructureReport) -> InstanceProblem | None:
    """The place at which a data set is broken; ``None`` where it is whole, or larger than what is walked."""
    fault = report.fault
    if fault is None or fault.code in OVER_LIMITS:
        return None
    return _broken(fault)


def problem_of(report: StructureReport, sop_class_uid: str, sop_instance_uid: str) -> InstanceProblem | None:
    """The first thing that is wrong with an instance that should have these UIDs; ``None`` where all is right."""
    if report.fault is not None:
        return _broken(report.fault)
    if report.sop_class_uid != sop_class_uid:
        is_one = is_valid_uid(report.sop_class_uid)
        return InstanceProblem(MismatchCode.OTHER_SOP_CLASS if is_one else MismatchCode.NO_SOP_CLASS, _SOP_CLASS)
    if report.sop_instance_uid != sop_instance_uid:
        is_one = is_valid_uid(report.sop_instance_uid)
        code = MismatchCode.OTHER_SOP_INSTANCE if is_one else MismatchCode.NO_SOP_INSTANCE
        return InstanceProblem(code, _SOP_INSTANCE)
    return None


@lru_cache(maxsize=16)
def _limits_for(max_inflated: int) -> StructureLimits:
    return UNLIMITED._replace(max_inflated=max_inflated)


class InstanceCheck:
    """Walks the data set of one C-STORE-RQ as it comes.

    :ivar report: the structure; ``None`` until the data set is complete.
    :ivar problem: the first thing that is wrong, as far as that is known.
    """

    __slots__ = ("_command", "_reader", "_strictness", "problem", "report")

    def __init__(self, command: CStoreRQ, transfer_syntax_uid: str, strictness: Strictness, max_inflated: int) -> None:
        self._command = command
        self._strictness = strictness
        self._reader = StructureReader(transfer_syntax_uid, _limits_for(max_inflated))
        self.report: StructureReport | None = None
        self.problem: InstanceProblem | None = None

    @property
    def is_refused(self) -> bool:
        """True where the instance is not to be kept."""
        return self.problem is not None and self._strictness is Strictness.STRICT

    @property
    def is_warned_of(self) -> bool:
        """True where the instance is to be answered B007."""
        return self.problem is not None and self._strictness is Strictness.WARN

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """Departures from the standard that any reader gets over; one of each kind, empty until the end."""
        return () if self.report is None else self.report.anomalies

    def feed(self, data: memoryview) -> None:
        """Take the next piece."""
        self._reader.feed(data)
        self._note_fault()

    def take(self, data: memoryview, most: int) -> int:
        """Take the next piece if it is little work; see :meth:`~dicomgui.network.structure.StructureReader.take`."""
        work = self._reader.take(data, most)
        if self._reader.fault is not None:
            self._note_fault()
        return work

    # what is walked in portions

    @property
    def work(self) -> int:
        """The work done so far; see :attr:`~dicomgui.network.structure.StructureReader.work`."""
        return self._reader.work

    @property
    def is_behind(self) -> bool:
        """True while something waits to be walked."""
        return self._reader.is_behind

    def walk(self, data: memoryview, most: int) -> bool:
        """Take the next piece, and do so much work on it; returns whether nothing waits now."""
        self._reader.put(data)
        return self.advance(most)

    def put(self, data: bytes) -> None:
        """Take the next piece and leave it to :meth:`advance`."""
        self._reader.put(data)

    def keep(self) -> int:
        """Copy what waits; returns its bytes."""
        return self._reader.keep()

    def advance(self, most: int) -> bool:
        """Walk what waits until that was ``most`` work; returns whether nothing waits now. For any thread."""
        is_done = self._reader.advance(most)
        self._note_fault()
        return is_done

    def _note_fault(self) -> None:
        if self.problem is None and (fault := self._reader.fault) is not None:
            self.problem = _broken(fault)

    def finish(self) -> None:
        """The data set is complete."""
        self.report = report = self._reader.finish()
        command = self._command
        self.problem = problem_of(report, command.affected_sop_class_uid, command.affected_sop_instance_uid)
