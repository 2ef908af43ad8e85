"""What the identifier of a query or retrieve request must hold, and what it selects (PS3.4 C.4, C.6)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from dicomgui.network.service_classes.attributes import texts_of
from dicomgui.network.service_classes.query import LEVELS
from dicomgui.network.status import Status
from dicomgui.storage.attributes import Level

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["IdentifierError", "Model", "Selection", "check_higher_keys", "level_of", "select"]

_LEVEL_TAG: Final = 0x0008_0052
_UNIQUE_KEYS: Final = {
    Level.PATIENT: 0x0010_0020,
    Level.STUDY: 0x0020_000D,
    Level.SERIES: 0x0020_000E,
    Level.IMAGE: 0x0008_0018,
}
_NAMES = {
    Level.PATIENT: "Patient ID",
    Level.STUDY: "Study Instance UID",
    Level.SERIES: "Series Instance UID",
    Level.IMAGE: "SOP Instance UID",
}


class IdentifierError(Exception):
    """The identifier does not fit the information model; ``str()`` fits into an Error Comment (0000,0902).

    :ivar status: to answer with: A900, identifier does not match SOP class (PS3.4 C.4.1.1.4, C.4.2.1.5).
    :ivar offending: the tags at fault, for Offending Element (0000,0901).
    """

    status: ClassVar[Status] = Status(0xA900)

    def __init__(self, message: str, offending: tuple[int, ...]) -> None:
        super().__init__(message)
        self.offending = offending


class Model(Enum):
    """The information models (PS3.4 C.6), by the names that they have in :mod:`dicomgui.network`."""

    PATIENT_ROOT = "patient"
    STUDY_ROOT = "study"
    PATIENT_STUDY_ONLY = "patient-study-only"  # retired

    @property
    def levels(self) -> tuple[Level, ...]:
        """Its levels, the highest first."""
        return tuple(Level[name] for name in LEVELS[self.value])


class Selection(NamedTuple):
    """Instances, by the unique keys of the levels; an empty tuple selects everything of its level."""

    patient_ids: tuple[str, ...] = ()
    study_uids: tuple[str, ...] = ()
    series_uids: tuple[str, ...] = ()
    instance_uids: tuple[str, ...] = ()


def level_of(identifier: Dataset, model: Model) -> Level:
    """Query/Retrieve Level (0008,0052), checked against the model.

    :raises IdentifierError: it is missing, unknown, or not in the model.
    """
    texts = texts_of(identifier[_LEVEL_TAG]) if _LEVEL_TAG in identifier else []
    name = texts[0] if len(texts) == 1 else ""
    if name not in Level.__members__:
        shown = f"is {name[:16]!r}" if name else "is missing"
        raise IdentifierError(f"Query/Retrieve Level (0008,0052) {shown}", (_LEVEL_TAG,))
    level = Level[name]
    if level not in model.levels:
        raise IdentifierError(f"the information model has no level {name}", (_LEVEL_TAG,))
    return level


def check_higher_keys(identifier: Dataset, model: Model, level: Level) -> None:
    """Each level above that of the request has its unique key, with one value (C.4.1.2.1, C.4.2.2.1).

    :raises IdentifierError: one is missing, or is no single value.
    """
    for above in model.levels:
        if above < level:
            texts = _key(identifier, above)
            if len(texts) != 1 or (above is Level.PATIENT and set(texts[0]) & {"*", "?"}):
                fault = "needs a single value" if texts else "is missing"
                message = f"{_NAMES[above]} {fault} at level {level.name}"
                raise IdentifierError(message, (_UNIQUE_KEYS[above],))


def select(identifier: Dataset, model: Model, *, relational: bool = False) -> Selection:
    """What a C-MOVE or C-GET request asks for (C.4.2.1.4, C.4.2.2): unique keys, at its level also a list of UIDs.

    Keys that are not unique ones, which do not belong into such a request, are passed over.

    :param relational: do without the unique keys of higher levels, as extended negotiation can agree (C.4.2.2.2).
    :raises IdentifierError: a unique key is missing, or the identifier does not fit the model.
    """
    level = level_of(identifier, model)
    if not relational:
        check_higher_keys(identifier, model, level)
    own = _key(identifier, level)
    if not own or (level is Level.PATIENT and len(own) > 1):
        fault = "needs a single value" if own else "is missing"
        raise IdentifierError(f"{_NAMES[level]} {fault} at level {level.name}", (_UNIQUE_KEYS[level],))
    keys = [tuple(_key(identifier, each)) if each in model.levels and each <= level else () for each in Level]
    return Selection(*keys)


def _key(identifier: Dataset, level: Level) -> list[str]:
    tag = _UNIQUE_KEYS[level]
    return [text for text in texts_of(identifier[tag]) if text] if tag in identifier else []
