"""What a unified procedure step allows in which state (PS3.4 table CC.1.1-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dicomgui.network.service import Reply
from dicomgui.network.service_classes.attributes import invalid_value, tag_of, text_of, wrong_value
from dicomgui.network.service_classes.ups_attributes import (
    CANCELED,
    COMPLETED,
    IN_PROGRESS,
    SCHEDULED,
    final_state_gaps,
)
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "ALREADY_CANCELED",
    "FIXED",
    "NO_SUCH_STEP",
    "judge_attributes",
    "judge_cancel_request",
    "judge_change_of_state",
    "judge_update",
]

NO_SUCH_ATTRIBUTE: Final = Status(0x0105)
INVALID_ARGUMENT: Final = Status(0x0115)
TRANSACTION_UID: Final = 0x00081195

ALREADY_CANCELED: Final = Reply(Status(0xB304), "the step is already in the requested state of CANCELED")
ALREADY_COMPLETED: Final = Reply(Status(0xB306), "the step is already in the requested state of COMPLETED")
NO_LONGER: Final = Reply(Status(0xC300), "the step may no longer be updated")
WRONG_TRANSACTION: Final = Reply(Status(0xC301), "the correct Transaction UID was not provided", (TRANSACTION_UID,))
ALREADY_IN_PROGRESS: Final = Reply(Status(0xC302), "the step is already in progress")
ONLY_CREATED_SCHEDULED: Final = Reply(Status(0xC303), "a step may only become SCHEDULED by N-CREATE")
NO_SUCH_STEP: Final = Reply(Status(0xC307), "there is no step with this UID")
NOT_IN_PROGRESS: Final = Reply(Status(0xC310), "the step is not in progress")
IS_COMPLETED: Final = Reply(Status(0xC311), "the step is already completed")


FIXED: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ReplacedProcedureStepSequence",
)
"""The attributes that an N-SET must not hold (table CC.2.5-3, "Not Allowed"), but for the state."""

_ENUMERATED: Final = {
    "ScheduledProcedureStepPriority": ("HIGH", "MEDIUM", "LOW"),
    "InputReadinessState": ("INCOMPLETE", "UNAVAILABLE", "READY"),
}
"""The attributes of a new step whose values are enumerated (PS3.3 C.30.2)."""


def judge_attributes(attributes: Dataset) -> Reply | None:
    """The refusal of an attribute list of an N-CREATE or N-SET with a value that cannot be: 0106."""
    for keyword, allowed in _ENUMERATED.items():
        if keyword in attributes and text_of(attributes, keyword) not in allowed:
            return invalid_value(keyword, "none of the values that the standard lists")
    return wrong_value(attributes)


def judge_change_of_state(step: Dataset, lock: str, wanted: str, transaction_uid: str) -> Reply | None:
    """The answer to a change of state that is not to be performed; ``None`` for one that is.

    :param lock: the transaction UID of who claimed the step.
    :param transaction_uid: the one of the request.
    """
    if wanted == SCHEDULED:
        return ONLY_CREATED_SCHEDULED
    if wanted not in (IN_PROGRESS, COMPLETED, CANCELED):
        return Reply(INVALID_ARGUMENT, "no state of a step", (tag_of("ProcedureStepState"),))
    state = text_of(step, "ProcedureStepState")
    if not transaction_uid or (state != SCHEDULED and transaction_uid != lock):
        return WRONG_TRANSACTION
    if state == SCHEDULED:
        return None if wanted == IN_PROGRESS else NOT_IN_PROGRESS
    if state == IN_PROGRESS:
        return ALREADY_IN_PROGRESS if wanted == IN_PROGRESS else _judge_final(step, wanted)
    if state == wanted:
        return ALREADY_COMPLETED if wanted == COMPLETED else ALREADY_CANCELED
    return NO_LONGER


def _judge_final(step: Dataset, wanted: str) -> Reply | None:
    gaps = final_state_gaps(step, wanted)
    if not gaps:
        return None
    return Reply(Status(0xC304), "missing: " + ", ".join(gaps), tuple(map(tag_of, gaps)))


def judge_update(step: Dataset, lock: str, changes: Dataset) -> Reply | None:
    """The refusal of an N-SET; ``None`` for one that is to be performed (PS3.4 CC.2.6.3, table CC.2.5-3)."""
    state = text_of(step, "ProcedureStepState")
    transaction_uid = text_of(changes, TRANSACTION_UID)
    if state in (COMPLETED, CANCELED):
        return NO_LONGER
    if state == SCHEDULED and transaction_uid:
        return NOT_IN_PROGRESS
    if state == IN_PROGRESS and transaction_uid != lock:
        return WRONG_TRANSACTION
    if "ProcedureStepState" in changes:
        return invalid_value("ProcedureStepState", "the state is changed by N-ACTION")
    fixed = tuple(tag for tag in map(tag_of, FIXED) if tag in changes)
    if fixed:
        return Reply(NO_SUCH_ATTRIBUTE, "must not be changed", fixed, attribute_identifiers=fixed)
    return None


def judge_cancel_request(step: Dataset) -> Reply | None:
    """The answer to a request to cancel what has ended; ``None`` for what has not (PS3.4 CC.2.2.3)."""
    return {COMPLETED: IS_COMPLETED, CANCELED: ALREADY_CANCELED}.get(text_of(step, "ProcedureStepState"))
