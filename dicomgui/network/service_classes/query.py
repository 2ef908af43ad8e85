"""Query/retrieve (PS3.4 annex C): identifiers for each level of each information model, and typed results.

::

    async with connect("PACS1@127.0.0.1:104") as assoc:
        answer = await query.search(assoc, query.identifier("STUDY", {"PatientName": "DOE*"}), limit=100)
        for study in answer.found:
            print(study.patient_name, study.day, study.study_instance_uid)
        await assoc.get(query.to_retrieve(answer.found[0].dataset, "STUDY"), into="received")

Keys are paths (:mod:`~dicomgui.network.service_classes.keys`): keywords, tags, or through sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from dicomgui.network.errors import AssociationError, ConfigurationError, OperationTimeout
from dicomgui.network.service import Match, Response, ServiceUser
from dicomgui.network.service.decoding import MatchDecoder
from dicomgui.network.service_classes.attributes import mark_character_set, put, text_of
from dicomgui.network.service_classes.keys import set_key
from dicomgui.network.service_classes.ranges import date_range, datetime_range, time_range

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "LEVELS",
    "RETURN_KEYS",
    "UNIQUE_KEYS",
    "Answer",
    "Found",
    "Level",
    "Root",
    "date_range",
    "datetime_range",
    "identifier",
    "search",
    "time_range",
    "to_retrieve",
]

Level: TypeAlias = Literal["PATIENT", "STUDY", "SERIES", "IMAGE"]
Root: TypeAlias = Literal["patient", "study", "patient-study-only"]

LEVELS: Final[Mapping[str, tuple[Level, ...]]] = {
    "patient": ("PATIENT", "STUDY", "SERIES", "IMAGE"),
    "study": ("STUDY", "SERIES", "IMAGE"),
    "patient-study-only": ("PATIENT", "STUDY"),
}
"""The levels of each information model, from the top (PS3.4 C.6)."""

UNIQUE_KEYS: Final[Mapping[str, str]] = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
"""What identifies one entity of a level (PS3.4 C.3)."""

_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")

RETURN_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "PATIENT": (*_PATIENT, "NumberOfPatientRelatedStudies"),
    "STUDY": (
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyID",
        "StudyDescription",
        "ReferringPhysicianName",
        "ModalitiesInStudy",
        "SOPClassesInStudy",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
    ),
    "SERIES": (
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "SeriesDate",
        "SeriesTime",
        "BodyPartExamined",
        "NumberOfSeriesRelatedInstances",
    ),
    "IMAGE": ("SOPInstanceUID", "SOPClassUID", "InstanceNumber", "Rows", "Columns", "NumberOfFrames"),
}
"""What is asked for at each level: the required keys of PS3.4 C.6 and the usual optional ones. A study of the study
root model has those of its patient as well."""


def identifier(
    level: Level,
    keys: Mapping[str, object] | None = None,
    *,
    root: Root = "study",
    above: Dataset | None = None,
    return_keys: Iterable[str] | None = None,
    character_set: str | None = None,
) -> Dataset:
    """What to ask a C-FIND for at a level.

    :param keys: values by path; texts as they match (wildcards, ranges by :func:`date_range`), ``""`` for any.
    :param root: the information model; give the same to :meth:`ServiceUser.find`.
    :param above: a match of the level above, whose unique keys are taken over: a hierarchical query must have those of
        all levels above its own (PS3.4 C.4.1.2.1).
    :param return_keys: paths of what shall be answered beside ``keys``; by default :data:`RETURN_KEYS`.
    :param character_set: Specific Character Set (0008,0005); by default UTF-8 where a key needs it, else none.
    :raises ConfigurationError: the model has no such level, or a key is none.
    """
    levels = _levels_to(level, root)
    dataset = _with_level(level)
    if return_keys is None:
        return_keys = RETURN_KEYS[level]
        if root == "study" and level == "STUDY":
            return_keys = (*return_keys, *_PATIENT)
    for path in return_keys:
        set_key(dataset, path)
    for upper in levels:
        keyword = UNIQUE_KEYS[upper]
        value = "" if above is None else text_of(above, keyword)
        if value or upper == level:
            put(dataset, keyword, value)
    for path, wanted in (keys or {}).items():
        set_key(dataset, path, wanted)
    if character_set is not None:
        put(dataset, "SpecificCharacterSet", character_set)
    return mark_character_set(dataset)


def to_retrieve(dataset: Dataset, level: Level, *, root: Root = "study") -> Dataset:
    """What to ask a C-MOVE or C-GET for: the unique keys down to ``level`` and nothing else (PS3.4 C.4.2.1.4.1).

    :param dataset: a match, or any data set that has these keys, at the lowest level one or several of them.
    :raises ConfigurationError: it lacks one, or the model has no such level.
    """
    request = _with_level(level)
    for upper in _levels_to(level, root):
        value = text_of(dataset, UNIQUE_KEYS[upper])
        if not value:
            raise ConfigurationError(f"{UNIQUE_KEYS[upper]} is needed to retrieve at level {level}", phase="configure")
        put(request, UNIQUE_KEYS[upper], value)
    return mark_character_set(request)


def _levels_to(level: str, root: str) -> tuple[Level, ...]:
    levels = LEVELS.get(root)
    if levels is None:
        raise ConfigurationError(f"there is no information model {root!r} here", phase="configure")
    for index, known in enumerate(levels):
        if known == level:
            return levels[: index + 1]
    raise ConfigurationError(f"the information model {root!r} has no level {level!r}", phase="configure")


def _with_level(level: str) -> Dataset:
    from pydicom import Dataset

    dataset = Dataset()
    put(dataset, "QueryRetrieveLevel", level)
    return dataset


@dataclass(frozen=True, slots=True)
class Found:
    """A match of a query, its usual attributes as plain values.

    What a peer left out or filled with nonsense is empty or ``None``; ``dataset`` has everything as it came.
    """

    dataset: Dataset

    @property
    def level(self) -> str:
        """Query/Retrieve Level."""
        return self._text("QueryRetrieveLevel")

    @property
    def patient_name(self) -> str:
        """Patient's Name."""
        return self._text("PatientName")

    @property
    def patient_id(self) -> str:
        """Patient ID."""
        return self._text("PatientID")

    @property
    def study_instance_uid(self) -> str:
        """Study Instance UID."""
        return self._text("StudyInstanceUID")

    @property
    def day(self) -> date | None:
        """Study Date, or that of the series."""
        text = self._text("StudyDate") or self._text("SeriesDate")
        try:
            return datetime.fromisoformat(text.replace(".", "")).date()
        except ValueError:
            return None

    @property
    def accession_number(self) -> str:
        """Accession Number."""
        return self._text("AccessionNumber")

    @property
    def description(self) -> str:
        """Description of the study, or of the series."""
        return self._text("SeriesDescription") or self._text("StudyDescription")

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities in Study, or the modality of the series."""
        return _values(self._text("ModalitiesInStudy") or self._text("Modality"))

    @property
    def sop_classes(self) -> tuple[str, ...]:
        """SOP Classes in Study, or that of the instance: what a C-GET needs contexts for."""
        return _values(self._text("SOPClassesInStudy") or self._text("SOPClassUID"))

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID."""
        return self._text("SeriesInstanceUID")

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID."""
        return self._text("SOPInstanceUID")

    @property
    def number(self) -> int | None:
        """Number of the instance, or of the series."""
        return self._integer("InstanceNumber", "SeriesNumber")

    @property
    def instances(self) -> int | None:
        """How many instances the study or series has."""
        return self._integer("NumberOfSeriesRelatedInstances", "NumberOfStudyRelatedInstances")

    def _text(self, keyword: str) -> str:
        return text_of(self.dataset, keyword)

    def _integer(self, *keywords: str) -> int | None:
        for keyword in keywords:
            text = self._text(keyword)
            if text:
                return int(text) if text.lstrip("+-").isdecimal() else None
        return None


def _values(text: str) -> tuple[str, ...]:
    return tuple(value for value in text.split("\\") if value)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave.

    :ivar found: the matches.
    :ivar response: the final response; FE00 where the limit was reached, ``None`` where it was and the peer did not end
        the query in time, or the association ended by that.
    """

    found: tuple[Found, ...]
    response: Response | None


async def search(
    user: ServiceUser,
    keys: Dataset,
    *,
    root: str = "study",
    sop_class_uid: str | None = None,
    limit: int | None = None,
    timeout_s: float | None = None,
) -> Answer:
    """Query and collect the matches; more than fit in memory are better iterated, by :meth:`ServiceUser.find`.

    A large one is decoded in a thread.

    :param keys: see :func:`identifier`.
    :param limit: cancel the query after this many.
    :raises RemoteProtocolError: a match cannot be decoded.

    Other errors are those of :class:`~dicomgui.network.Operation`.
    """
    found: list[Found] = []
    decoder = MatchDecoder()

    async def take(match: Match) -> bool:
        dataset = await decoder.decode(match.data, match.transfer_syntax_uid, lambda: match.dataset)
        found.append(Found(dataset))
        return limit is None or len(found) < limit

    operation = user.find(keys, root=root, sop_class_uid=sop_class_uid, timeout_s=timeout_s)
    response: Response | None = None
    try:
        response = await operation.each(take)
    except (AssociationError, OperationTimeout):
        if limit is None or len(found) < limit:
            raise
    return Answer(tuple(found), response)
