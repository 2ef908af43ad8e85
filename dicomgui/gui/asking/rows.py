"""The rows and columns of a table of matches: what each column shows at each level, decoded when somebody looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import Final, NamedTuple, TypeVar

from dicomgui.app.asking.information_models import is_without_levels
from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.levels import UNIQUE_KEYS, Level
from dicomgui.app.asking.usual_attributes import USUAL_ATTRIBUTES
from dicomgui.app.asking.values import Answer, vr_of_tag
from dicomgui.app.connection import ConnectionOptions
from dicomgui.network.association.params import PeerAddress
from dicomgui.trace.finding import plain

__all__ = [
    "COLUMNS",
    "HERE",
    "ITEM",
    "NODE",
    "QUERY",
    "WORKLIST",
    "Arrangement",
    "Column",
    "Row",
    "Source",
    "Superseded",
    "arranged",
    "cell_text",
    "columns_for",
    "having",
    "tags_of",
    "unique_values",
]

_T = TypeVar("_T")

ITEM: Final = "item"
COUNT: Final = "count"
HERE: Final = "here"
NODE: Final = "node"
QUERY: Final = "query"

WORKLIST: Final = "worklist"
"""The root of a source that is asked for its worklist."""

_SORTED_AT_ONCE = 8192  # list.sort keeps everybody waiting while it compares
_LOOKED_UP = 1024  # rows between two questions whether the order is still wanted
_NUMBER = re.compile(r"[0-9]+")


class Column(NamedTuple):
    """One column.

    :ivar key: by which it is remembered.
    :ivar tags: the elements that it needs at each level.
    :ivar is_usual: whether it is shown unless the user says otherwise.
    """

    key: str
    title: str
    tags: Mapping[Level, tuple[int, ...]]
    width: int = 110
    is_right: bool = False
    is_usual: bool = False


class Source:
    """Whom a match came from, and how to ask for more.

    :ivar name: of the node, or its AE title.
    :ivar root: the information model that was asked for; once there is an answer, the one it came in.
    :ivar association: the latest one with it.
    :ivar read_as: the character set in which its texts are shown, whatever the answers name; empty for that one.
    """

    __slots__ = ("association", "name", "options", "peer", "read_as", "root")

    def __init__(self, name: str, peer: PeerAddress, options: ConnectionOptions, root: str | None = None) -> None:
        self.name = name
        self.peer = peer
        self.options = options
        self.root = root
        self.association = 0
        self.read_as = ""


class Row:
    """One match, or a remark in the place of matches.

    :ivar answer: ``None`` for a remark.
    :ivar level: that of a step of a worklist, which has none, is the one of studies.
    :ivar children: what is below it; ``None`` where nobody has asked yet.
    :ivar query: which of several queries found it; empty for the only one.
    """

    __slots__ = ("answer", "children", "depth", "is_open", "level", "note", "parent", "query", "source")

    def __init__(
        self,
        answer: Answer | None,
        level: Level,
        source: Source,
        parent: Row | None = None,
        note: str = "",
        query: str = "",
    ) -> None:
        self.answer = answer
        self.level = level
        self.source = source
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.children: list[Row] | None = None
        self.is_open = False
        self.note = note
        self.query = query

    @property
    def read(self) -> Answer | None:
        """The match with its texts in the character set that the user has chosen."""
        return None if self.answer is None else self.answer.read_as(self.source.read_as)

    def texts(self, tags: Collection[int]) -> dict[int, str]:
        """The values of these elements, by tag; none of a remark. See :meth:`Answer.texts`."""
        read = self.read
        return {} if read is None else read.texts(tags)

    @property
    def is_step(self) -> bool:
        """Whether it is a scheduled step of a worklist, where nothing is below anything."""
        return self.source.root == WORKLIST

    @property
    def noun(self) -> str:
        """What it stands for, in one word."""
        if is_without_levels(self.source.root):
            return "Match"
        return "Step" if self.is_step else self.level.value.capitalize()

    @property
    def can_open(self) -> bool:
        """Whether there may be something below it."""
        return self.answer is not None and self.level is not Level.IMAGE and not self.is_step

    def forget_below(self) -> None:
        """Let go of what is below it, so that nothing refers to the rows in a circle."""
        for child in self.children or ():
            child.forget_below()
            child.parent = None
        self.children = None

    def shown_below(self) -> Iterator[Row]:
        """What is in view below it, in order."""
        for child in self.children or () if self.is_open else ():
            yield child
            yield from child.shown_below()


def _tags(*keywords: str) -> tuple[int, ...]:
    return tuple(USUAL_ATTRIBUTES[keyword][0] for keyword in keywords)


_P, _ST, _SE, _I = Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE
_PATIENT_NAME = _tags("PatientName")[0]

COLUMNS: Final = (
    Column(
        ITEM, "Name",
        {_P: _tags("PatientName"), _ST: _tags("PatientName"), _SE: _tags("SeriesNumber", "SeriesInstanceUID"),
         _I: _tags("InstanceNumber", "SOPInstanceUID")}, 190, is_usual=True,
    ),
    Column(HERE, "Here", {}, 98, is_usual=True),
    Column("id", "Patient ID", {_P: _tags("PatientID"), _ST: _tags("PatientID")}, 90, is_usual=True),
    Column("birth", "Born", {_P: _tags("PatientBirthDate"), _ST: _tags("PatientBirthDate")}, 92),
    Column("sex", "Sex", {_P: _tags("PatientSex"), _ST: _tags("PatientSex")}, 50),
    Column(
        "date", "Date", {_ST: _tags("StudyDate"), _SE: _tags("SeriesDate"), _I: _tags("ContentDate")}, 92,
        is_usual=True,
    ),
    Column("time", "Time", {_ST: _tags("StudyTime"), _SE: _tags("SeriesTime"), _I: _tags("ContentTime")}, 76),
    Column("modality", "Modality", {_ST: _tags("ModalitiesInStudy"), _SE: _tags("Modality")}, 78, is_usual=True),
    Column(
        "description", "Description",
        {_ST: _tags("StudyDescription"), _SE: _tags("SeriesDescription"), _I: _tags("SOPClassUID")}, 150,
        is_usual=True,
    ),
    Column("body", "Body part", {_SE: _tags("BodyPartExamined")}, 90),
    Column("accession", "Accession", {_ST: _tags("AccessionNumber")}, 86, is_usual=True),
    Column(
        COUNT, "Holds",
        {_P: _tags("NumberOfPatientRelatedStudies"),
         _ST: _tags("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
         _SE: _tags("NumberOfSeriesRelatedInstances"), _I: _tags("NumberOfFrames")}, 128, is_usual=True,
    ),
    Column(NODE, "Node", {}, 110),
    Column(QUERY, "Query", {}, 130),
)  # fmt: skip
"""The columns that every table has, shown or not."""

_NOUNS = {
    _P: (("study", "studies"),), _ST: (("series", "series"), ("image", "images")), _SE: (("image", "images"),),
    _I: (("frame", "frames"),),
}  # fmt: skip
_EXPECTED = {
    _ST: _tags("NumberOfStudyRelatedInstances")[0], _SE: _tags("NumberOfSeriesRelatedInstances")[0],
}  # fmt: skip
_UNIQUE = {level: USUAL_ATTRIBUTES[keyword][0] for level, keyword in UNIQUE_KEYS.items()}
_OWN = frozenset(tag for column in COLUMNS for tags in column.tags.values() for tag in tags)
_UIDS = frozenset(_UNIQUE[level] for level in (_ST, _SE, _I))


def columns_for(keys: Iterable[Key]) -> tuple[Column, ...]:
    """The columns of every table, and one for each attribute that was asked for and has none of them."""
    more = {}
    for key in keys:
        attribute = key.path[0]
        if attribute.tag not in _OWN or attribute.tag in _UIDS:
            tags = dict.fromkeys(Level, (attribute.tag,))
            more[attribute.tag] = Column(f"{attribute.tag:08X}", attribute.label, tags, 140)
    return (*COLUMNS, *more.values())


def tags_of(columns: Iterable[Column], level: Level) -> frozenset[int]:
    """All elements that the columns need of a match of this level, its unique key and the expected number as well."""
    tags = {tag for column in columns for tag in column.tags.get(level, ())} | {_UNIQUE[level]}
    return frozenset(tags | {_EXPECTED[level]} if level in _EXPECTED else tags)


def unique_values(row: Row) -> dict[str, str]:
    """The unique keys that a row and the rows above it have a value of, by keyword."""
    values: dict[str, str] = {}
    place: Row | None = row
    while place is not None:
        if place.answer is not None:
            texts = place.texts(_UNIQUE.values())
            for level, tag in _UNIQUE.items():
                if texts.get(tag):
                    values.setdefault(UNIQUE_KEYS[level], texts[tag])
        place = place.parent
    return values


def unique_value(row: Row, texts: Mapping[int, str]) -> str:
    """The unique key of the row's own level."""
    return texts.get(_UNIQUE[row.level], "")


def expected_instances(row: Row, texts: Mapping[int, str]) -> int:
    """How many instances the peer says there are; 0 where it does not say."""
    if row.level is Level.IMAGE:
        return 1
    told = texts.get(_EXPECTED.get(row.level, 0), "")
    return int(told) if told.isascii() and told.isdigit() else 0


# ----------------------------------------------------------------------------------------------------------- the texts


def cell_text(row: Row, column: Column, texts: Mapping[int, str]) -> str | None:
    """What a cell shows; ``None`` where the peer has not returned the attribute.

    :param texts: the values of the row's elements, by tag.
    """
    if row.answer is None:
        return row.note if column.key == ITEM else ""
    if column.key == NODE:
        return row.source.name
    if column.key == QUERY:
        return plain(row.query)
    tags = column.tags.get(row.level, ())
    if column.key == ITEM:
        return _item_text(row, texts, tags)
    if not tags:
        return ""
    if column.key == COUNT:
        return _count_text(row.level, [texts.get(tag) for tag in tags])
    value = texts.get(tags[0])
    return None if value is None else shown_value(tags[0], value)


def _item_text(row: Row, texts: Mapping[int, str], tags: tuple[int, ...]) -> str:
    value = texts.get(tags[0], "")
    if row.level in (Level.PATIENT, Level.STUDY):
        if row.level is Level.STUDY and row.parent is not None:
            return "Study"
        return shown_value(_PATIENT_NAME, value) or "(no name)"
    return f"{row.noun} {plain(value or texts.get(tags[1], ''))}".rstrip()


def _count_text(level: Level, values: Sequence[str | None]) -> str | None:
    if all(value is None for value in values):
        return None
    parts = []
    for value, (one, several) in zip(values, _NOUNS[level], strict=True):
        if value:
            parts.append(f"{plain(value, 12)} {one if value == '1' else several}")
    return ", ".join(parts)


def shown_value(tag: int, value: str) -> str:
    """A value for people: dates and times with their signs, components of names with spaces."""
    vr = vr_of_tag(tag)
    if vr == "DA" and len(value) == 8 and value.isdigit():
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    if vr == "TM" and len(value) >= 6 and value[:6].isdigit():
        return f"{value[:2]}:{value[2:4]}:{value[4:6]}"
    if vr == "PN":
        groups = (" ".join(group.replace("^", " ").split()) for group in value.split("="))
        return plain(" = ".join(filter(None, groups)), 400)
    if vr == "UI" and value.startswith("1.2.840.10008."):
        from dicomgui.network.uids import name_of

        return plain(name_of(value))
    return plain(value.replace("\\", ", ") if vr in ("CS", "SH", "LO") else value, 400)


# ----------------------------------------------------------------------------------------------------- order and filter


class Arrangement(NamedTuple):
    """Which rows are shown, and in which order.

    :ivar column: by which they are sorted; ``None`` for the order of arrival.
    :ivar words: each has to be in one of the cells; in lower case.
    :ivar columns: whose cells are looked at.
    :ivar read_as: the character set of the texts; empty for the one that each match names.
    """

    column: Column | None = None
    is_descending: bool = False
    words: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    read_as: str = ""

    @property
    def is_plain(self) -> bool:
        """All rows as they came."""
        return self.column is None and not self.words


def having(arrangement: Arrangement) -> Callable[[Row], bool]:
    """What tells whether a row has all the words."""
    words, columns = arrangement.words, arrangement.columns
    if not words:
        return lambda row: True
    tags = {level: tags_of(columns, level) for level in Level}

    def has_all(row: Row) -> bool:
        texts = row.texts(tags[row.level])
        cells = "\n".join(cell_text(row, column, texts) or "" for column in columns).casefold()
        return all(word in cells for word in words)

    return has_all


class Superseded(Exception):
    """Nobody wants the order any more."""


def arranged(rows: Sequence[Row], arrangement: Arrangement, is_wanted: Callable[[], bool] = lambda: True) -> list[Row]:
    """The rows that pass, in their order. Takes some 20 µs a row: very many belong into a thread.

    :param is_wanted: asked now and then, about every 20 ms.
    :raises Superseded: it said no.
    """
    kept = list(filter(_watched(having(arrangement), is_wanted), rows)) if arrangement.words else list(rows)
    column = arrangement.column
    if column is None:
        return kept
    keys = list(map(_watched(_sort_key_by(column), is_wanted), kept))
    starts = range(0, len(kept), _SORTED_AT_ONCE)
    ends = (min(start + _SORTED_AT_ONCE, len(kept)) for start in starts)
    pieces = [sorted(range(start, end), key=keys.__getitem__) for start, end in zip(starts, ends, strict=True)]
    found = [kept[number] for number in merge(*pieces, key=keys.__getitem__)]
    if arrangement.is_descending:
        found.reverse()
    return found


def _watched(work: Callable[[Row], _T], is_wanted: Callable[[], bool]) -> Callable[[Row], _T]:
    """``work``, which stops when it is not wanted any more."""
    done = 0

    def watched(row: Row) -> _T:
        nonlocal done
        done += 1
        if not done % _LOOKED_UP and not is_wanted():
            raise Superseded
        return work(row)

    return watched


def _sort_key_by(column: Column) -> Callable[[Row], str]:
    """Texts that sort as people expect: numbers by their size, whatever the case, what is missing first."""
    tags = {level: tags_of((column,), level) for level in Level}
    has_own_text = column.key in (ITEM, COUNT, NODE, QUERY)

    def key_of(row: Row) -> str:
        if row.answer is None:
            return ""
        texts = row.texts(tags[row.level])
        if has_own_text:
            text = cell_text(row, column, texts) or ""
        else:
            text = texts.get(column.tags.get(row.level, (0,))[0], "")
        return _NUMBER.sub(lambda number: number[0].zfill(12), text.casefold())

    return key_of
