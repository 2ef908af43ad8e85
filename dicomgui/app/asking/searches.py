"""Saved searches and how the window shows what they find: ``queries.toml``.

A search is kept as it was written: ``StudyDate=today`` is today whenever it is asked. The file is readable by its owner
only, for a key may be the name of a patient.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from dicomgui.app.asking.information_models import WITH_LEVELS, is_without_levels
from dicomgui.app.asking.keys import parse_key, parse_return_key
from dicomgui.app.asking.levels import Level, Root
from dicomgui.app.asking.query import DEFAULT_LIMIT, Query
from dicomgui.app.configuration import values as checks
from dicomgui.app.configuration.files import SettingsError, TomlFile, config_folder
from dicomgui.app.configuration.values import Table, Values, overlay
from dicomgui.network.errors import ConfigurationError

__all__ = ["AUTOMATIC", "FILE_NAME", "WORKLIST_FILE_NAME", "QueryFile", "QueryMemory", "SavedSearch"]

FILE_NAME = "queries.toml"
WORKLIST_FILE_NAME = "worklists.toml"
VERSION = 1
MAX_NAME = 64

_NONE: tuple[str, ...] = ()
_TABLES = {"results": ("columns",), "retrieve": ("at_once",), "station": ("ae_title", "modality")}
_SEARCH_KEYS = ("name", "level", "root", "keys", "returned", "limit", "cancel_after_ms")

AUTOMATIC = ""
"""The root that is chosen by what the peer accepts."""

WORKLIST = "worklist"
"""The root of a search that has no level: a worklist's."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A query by its name.

    :ivar level: ``None`` of a worklist and of other models that have none.
    :ivar root: a name of an information model, or :data:`AUTOMATIC`.
    :ivar keys: what has to match, as written: ``PatientName=DOE*``.
    :ivar returned: what is to be returned besides; ``None`` for the usual at the level.
    :ivar limit: ``None`` for no limit.
    :ivar cancel_after_ms: milliseconds after which a C-CANCEL is sent; ``None`` for never.
    :raises ConfigurationError: the name is empty or too long, or a key is none.
    """

    name: str
    level: Level | None = Level.STUDY
    root: str = AUTOMATIC
    keys: tuple[str, ...] = ()
    returned: tuple[str, ...] | None = None
    limit: int | None = DEFAULT_LIMIT
    cancel_after_ms: int | None = None

    def __post_init__(self) -> None:
        name = " ".join(self.name.split())
        if not name or len(name) > MAX_NAME:
            raise checks.wrong(f"a name has 1 to {MAX_NAME} characters, not {len(name)}")
        object.__setattr__(self, "name", name)
        self.query()

    def query(self) -> Query:
        """What is asked."""
        return Query(
            tuple(map(parse_key, self.keys)),
            None if self.returned is None else tuple(map(parse_return_key, self.returned)),
            self.level,
            self.root or None,
            self.limit,
            None if self.cancel_after_ms is None else self.cancel_after_ms / 1000,
        )

    @classmethod
    def of(cls, name: str, query: Query) -> SavedSearch:
        """A query under a name.

        :raises ConfigurationError: it has no level, or as for the class.
        """
        if query.level is None and query.root != WORKLIST and not is_without_levels(query.root):
            raise checks.wrong("a search has a level, or is one of a model without levels")
        returned = None if query.returned is None else tuple(key.name for key in query.returned)
        keys = tuple(map(str, query.keys))
        after_ms = None if query.cancel_after_s is None else round(query.cancel_after_s * 1000)
        return cls(name, query.level, str(query.root or AUTOMATIC), keys, returned, query.limit, after_ms)


@dataclass(frozen=True, slots=True)
class QueryMemory:
    """What the file holds.

    :ivar searches: in the order of their names.
    :ivar columns: which columns of the results are shown, by key; empty for the usual ones.
    :ivar at_once: retrievals at the same time.
    :ivar station_ae: "this station" of a worklist; empty for our own AE title.
    :ivar modality: "this modality" of a worklist; empty where nobody has said so far.
    """

    searches: tuple[SavedSearch, ...] = ()
    columns: tuple[str, ...] = ()
    at_once: int = 2
    station_ae: str = ""
    modality: str = ""

    def find(self, name: str) -> SavedSearch | None:
        """A search by its name, whatever the case of its letters."""
        return next((one for one in self.searches if one.name.casefold() == name.casefold()), None)

    def with_search(self, search: SavedSearch) -> QueryMemory:
        """Also this search; one of its name is replaced."""
        others = [one for one in self.searches if one.name.casefold() != search.name.casefold()]
        return replace(self, searches=tuple(sorted((*others, search), key=lambda one: one.name.casefold())))

    def without(self, name: str) -> QueryMemory:
        """All searches but this."""
        kept = tuple(one for one in self.searches if one.name.casefold() != name.casefold())
        return replace(self, searches=kept)


class QueryFile:
    """Reads and writes ``queries.toml``, or another file of its kind; both wait for the disk.

    :ivar problem: why the last :meth:`load` did not understand the file, or not completely.

    :param folder: where it lies; by default with the settings.
    :param name: of the file.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, name: str = FILE_NAME) -> None:
        self.path = config_folder(folder) / name
        self.problem: SettingsError | None = None
        self._file = TomlFile(self.path, version=VERSION)
        self._saving = threading.Lock()

    def load(self) -> QueryMemory:
        """Read the file. Never raises; what is wrong in it is left out."""
        memory, _, self.problem = self._read()
        return memory

    def save(self, memory: QueryMemory) -> None:
        """Write the file.

        :raises SettingsError: it could not be written; it is as it was.
        """
        with self._saving:
            _, table, problem = self._read()
            is_lossy = problem is not None and not problem.is_kept
            self._file.write(overlay(table, _table_of(memory)), keep_aside=is_lossy)

    def _read(self) -> tuple[QueryMemory, Table, SettingsError | None]:
        document = self._file.read()
        values = Values(document.table, lines=document.lines)
        unknown = values.unknown(("version", *_TABLES, "search"))
        results, retrieve, station = inside = tuple(map(values.inside, _TABLES))
        unknown += [
            remark for part, known in zip(inside, _TABLES.values(), strict=True) for remark in part.unknown(known)
        ]
        memory = QueryMemory(
            searches=tuple(_searches_of(values, document.table.get("search", []), unknown)),
            columns=results.take("columns", _NONE, _texts),
            at_once=retrieve.take("at_once", QueryMemory().at_once, _count),
            station_ae=station.take("ae_title", "", checks.text),
            modality=station.take("modality", "", checks.text),
        )
        return memory, document.table, document.problem or self._file.problem_with(values.faults, unknown)


def _searches_of(values: Values, tables: object, unknown: list[str]) -> Iterable[SavedSearch]:
    """The searches that can be used; remarks on keys that mean nothing are added to ``unknown``."""
    if not isinstance(tables, list):
        values.fault("search: it is no list of tables", "search")
        return
    for number, table in enumerate(tables, start=1):
        inside = values.inside_list("search", number, table if isinstance(table, dict) else None)
        if not isinstance(table, dict):
            inside.fault("it is no table")
            continue
        unknown += inside.unknown(_SEARCH_KEYS)
        try:
            yield _search_of(inside, table)
        except ConfigurationError as error:
            inside.fault(error)


def _search_of(values: Values, table: Table) -> SavedSearch:
    return SavedSearch(
        name=values.take("name", "", checks.text),
        level=None if _has_no_level(table.get("root")) else values.take("level", Level.STUDY, _level),
        root=values.take("root", AUTOMATIC, _root),
        keys=values.take("keys", _NONE, _texts),
        returned=values.take("returned", _NONE, _texts) if "returned" in table else None,
        limit=values.take("limit", DEFAULT_LIMIT, _count) or None,
        cancel_after_ms=values.take("cancel_after_ms", 0, _count) or None,
    )


def _has_no_level(root: object) -> bool:
    return isinstance(root, str) and (root == WORKLIST or is_without_levels(root))


def _level(value: object) -> Level:
    return Level(checks.text(value).upper())


def _root(value: object) -> str:
    root = checks.text(value)
    return root if not root or root in WITH_LEVELS or _has_no_level(root) else Root(root).value


def _count(value: object) -> int:
    number = checks.whole(value)
    if number < 0:
        raise checks.wrong("it is negative")
    return number


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise checks.wrong("it is no list of texts")
    return tuple(map(checks.text, value))


def _table_of(memory: QueryMemory) -> Table:
    table: Table = {
        "search": [_search_table(search) for search in memory.searches],
        "results": {"columns": list(memory.columns)},
        "retrieve": {"at_once": memory.at_once},
    }
    if memory.station_ae or memory.modality:
        table["station"] = {"ae_title": memory.station_ae, "modality": memory.modality}
    return table


def _search_table(search: SavedSearch) -> Table:
    table: Table = {
        "name": search.name,
        **({"level": search.level.value.lower()} if search.level is not None else {}),
        "root": search.root,
        "keys": list(search.keys),
        "limit": search.limit or 0,
    }
    if search.cancel_after_ms is not None:
        table["cancel_after_ms"] = search.cancel_after_ms
    if search.returned is not None:
        table["returned"] = list(search.returned)
    return table
