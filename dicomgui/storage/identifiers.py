"""What the identifier of a query or retrieve request must hold, and what it selects (PS3.4 C.4, C.6)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from dicomgui.network.service_classes.attributes import texts_of
from dicomgui.network.service_classes.matching import keys_in
from dicomgui.network.service_classes.query import LEVELS
from dicomgui.network.status import Status
from dicomgui.storage.attributes import COMPUTED, Level, by_tag

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "IdentifierError",
    "IdentifierRule",
    "Model",
    "Selection",
    "anomalies_of",
    "judge",
    "level_of",
    "select",
]

MAX_ANOMALIES: Final = 50
"""Of one identifier; it may have tens of thousands of keys."""

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


class IdentifierRule(StrEnum):
    """The treatment of identifiers that are not as PS3.4 C.4 wants them. Without a level that is known, and in a
    retrieve without the unique key of its level, the request is refused by each.
    """

    STRICT = "strict"
    """A900 for all that C.4.1.2.1, C.4.2.2.1 and C.2.2.1 forbid: also keys of lower levels, keys of higher levels other
    than the unique ones, wildcards in unique keys, a query without the unique key of its level, and a retrieve with
    other keys than unique ones."""
    USUAL = "usual"
    """A900 where a higher level has no single value of its unique key; other keys of higher levels are answered, those
    of lower levels left out (FF01)."""
    LENIENT = "lenient"
    """Answered as relational without negotiation; the level may be in lower case, or one of another model."""


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


def level_of(identifier: Dataset, model: Model, rule: IdentifierRule = IdentifierRule.USUAL) -> Level:
    """Query/Retrieve Level (0008,0052), checked against the model.

    :raises IdentifierError: it is missing, unknown, or not in the model.
    """
    name = _level_text(identifier)
    known = name.upper() if rule is IdentifierRule.LENIENT else name
    if known not in Level.__members__:
        raise _wrong_level(name)
    level = Level[known]
    if level not in model.levels and rule is not IdentifierRule.LENIENT:
        raise _foreign_level(level)
    return level


def judge(
    identifier: Dataset,
    model: Model,
    rule: IdentifierRule = IdentifierRule.USUAL,
    *,
    relational: bool = False,
    retrieves: bool = False,
) -> Level:
    """Query/Retrieve Level (0008,0052) of an identifier that the rule lets pass.

    :param relational: do without the unique keys of higher levels, as extended negotiation can agree (C.4.1.2.2,
        C.4.2.2.2).
    :param retrieves: the identifier is of a C-MOVE or C-GET.
    :raises IdentifierError: the identifier does not fit the model.
    """
    level = level_of(identifier, model, rule)
    if rule is not IdentifierRule.LENIENT and not relational:
        for error in _higher_keys(identifier, model, level):
            raise error
    if rule is IdentifierRule.STRICT:
        for error in _strict(identifier, model, level, relational=relational, retrieves=retrieves):
            raise error
    return level


def anomalies_of(
    identifier: Dataset, model: Model, *, relational: bool = False, retrieves: bool = False
) -> tuple[IdentifierError, ...]:
    """The faults that the strict rule would refuse in an identifier that was answered by the lenient one, one for each
    attribute, and :data:`MAX_ANOMALIES` at most.

    :raises IdentifierError: no rule lets it pass.
    """
    level = level_of(identifier, model, IdentifierRule.LENIENT)
    unique: dict[tuple[int, ...], IdentifierError] = {}
    for error in _anomalies(identifier, model, level, relational=relational, retrieves=retrieves):
        unique.setdefault(error.offending, error)
        if len(unique) >= MAX_ANOMALIES:
            break
    return tuple(unique.values())


def _anomalies(
    identifier: Dataset, model: Model, level: Level, *, relational: bool, retrieves: bool
) -> Iterator[IdentifierError]:
    if _level_text(identifier) != level.name:
        yield _wrong_level(_level_text(identifier))
    if level not in model.levels:
        yield _foreign_level(level)
    if not relational:
        yield from _higher_keys(identifier, model, level)
    yield from _strict(identifier, model, level, relational=relational, retrieves=retrieves)


def select(
    identifier: Dataset, model: Model, rule: IdentifierRule = IdentifierRule.USUAL, *, relational: bool = False
) -> Selection:
    """What a C-MOVE or C-GET request asks for (C.4.2.1.4, C.4.2.2): unique keys, at its level also a list of UIDs.

    Keys that are not unique ones, which do not belong into such a request, are passed over, unless the rule is strict.

    :param relational: do without the unique keys of higher levels, as extended negotiation can agree (C.4.2.2.2).
    :raises IdentifierError: the unique key of its level is missing, or the identifier does not fit the model.
    """
    level = judge(identifier, model, rule, relational=relational, retrieves=True)
    own = _key(identifier, level)
    if not own:
        raise _missing(level, level)
    if level is Level.PATIENT and len(own) > 1 and rule is not IdentifierRule.LENIENT:
        raise _not_single(level, level)
    asked = _asked(model, level)
    return Selection(*(tuple(_key(identifier, each)) if each in asked else () for each in Level))


# ----------------------------------------------------------------------------------------------------------- the faults


def _asked(model: Model, level: Level) -> tuple[Level, ...]:
    """The levels of a request, its own the last."""
    return (*(each for each in model.levels if each < level), level)


def _higher_keys(identifier: Dataset, model: Model, level: Level) -> Iterator[IdentifierError]:
    """Levels above that of the request whose unique key has not one value (C.4.1.2.1, C.4.2.2.1)."""
    for above in model.levels:
        if above < level:
            texts = _key(identifier, above)
            if not texts:
                yield _missing(above, level)
            elif len(texts) > 1 or (above is Level.PATIENT and _has_wildcard(texts)):
                yield _not_single(above, level)


def _strict(
    identifier: Dataset, model: Model, level: Level, *, relational: bool, retrieves: bool
) -> Iterator[IdentifierError]:
    """The faults that the strict rule refuses beside those."""
    if _UNIQUE_KEYS[level] not in identifier:
        yield _missing(level, level)
    for each in (level,) if relational else _asked(model, level):
        if _has_wildcard(_key(identifier, each)):
            yield _wrong_key(each, "has a wildcard", level)
    if level is Level.PATIENT and len(_key(identifier, level)) > 1:
        yield _not_single(level, level)
    top = model.levels[0]
    for element in keys_in(identifier):
        tag = int(element.tag)
        attribute = by_tag(tag) or COMPUTED.get(tag)
        is_unique = tag in _UNIQUE_KEYS.values()
        home = None if attribute is None else max(attribute.level, min(top, level))
        if retrieves and not is_unique:
            yield _misplaced(tag, "is no unique key of a retrieve")
        elif attribute is None or home is None or home == level:
            continue
        elif home > level or (not relational and (not is_unique or attribute.level < top)):
            yield _misplaced(tag, f"is a key of level {home.name}")


def _wrong_level(name: str) -> IdentifierError:
    shown = f"is {name[:16]!r}" if name else "is missing"
    return IdentifierError(f"Query/Retrieve Level (0008,0052) {shown}", (_LEVEL_TAG,))


def _foreign_level(level: Level) -> IdentifierError:
    return IdentifierError(f"the information model has no level {level.name}", (_LEVEL_TAG,))


def _missing(key: Level, level: Level) -> IdentifierError:
    return _wrong_key(key, "is missing", level)


def _not_single(key: Level, level: Level) -> IdentifierError:
    return _wrong_key(key, "needs a single value", level)


def _wrong_key(key: Level, fault: str, level: Level) -> IdentifierError:
    return IdentifierError(f"{_NAMES[key]} {fault} at level {level.name}", (_UNIQUE_KEYS[key],))


def _misplaced(tag: int, fault: str) -> IdentifierError:
    return IdentifierError(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {fault}", (tag,))


def _level_text(identifier: Dataset) -> str:
    texts = texts_of(identifier[_LEVEL_TAG]) if _LEVEL_TAG in identifier else []
    return texts[0] if len(texts) == 1 else ""


def _has_wildcard(texts: list[str]) -> bool:
    return any(set(text) & {"*", "?"} for text in texts)


def _key(identifier: Dataset, level: Level) -> list[str]:
    tag = _UNIQUE_KEYS[level]
    return [text for text in texts_of(identifier[tag]) if text] if tag in identifier else []
