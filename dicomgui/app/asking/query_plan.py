"""Several queries out of files: those that the files hold, each for every list of identifiers, with given keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dicomgui.app.asking.dicom_json import DatasetFileError, load_dataset
from dicomgui.app.asking.identities import identities_in, keys_of
from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.plan_file import keys_in

__all__ = ["NO_FILES", "PlannedQuery", "QueryFiles", "QueryPlan", "plan_queries"]


@dataclass(frozen=True, slots=True)
class QueryFiles:
    """Files that say what to ask.

    :ivar queries: data sets in the DICOM JSON model or DICOM files, and folders of them; each is a query.
    :ivar ids_from: DICOM files, folders, ZIP archives and DICOMDIRs whose unique keys are asked for.
    """

    queries: tuple[str, ...] = ()
    ids_from: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.queries or self.ids_from)


NO_FILES: Final = QueryFiles()


@dataclass(frozen=True, slots=True)
class PlannedQuery:
    """One query of several.

    :ivar name: the file that it comes from, and which list of identifiers it asks for; empty for the only one.
    :ivar keys: what is to match.
    :ivar returned: what is to be returned besides; ``None`` for the usual.
    """

    name: str
    keys: tuple[Key, ...]
    returned: tuple[Key, ...] | None = None


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """The queries in their order.

    :ivar skipped: files of identifiers that are no instances or cannot be read, with the reason.
    """

    queries: tuple[PlannedQuery, ...]
    skipped: tuple[str, ...] = ()


def plan_queries(
    files: QueryFiles,
    keys: Sequence[Key] = (),
    returned: Sequence[Key] = (),
    *,
    level: Level | None,
    model: str | None,
) -> QueryPlan:
    """Read the files and make the queries. Blocks.

    :param keys: what has to match in each of them.
    :param returned: what each of them returns, instead of the usual; none for the usual, or what the file says.
    :param level: of the identifiers; ``None`` in a model without levels.
    :param model: the information model; ``None`` where the peer's choice counts.
    :raises DatasetFileError: a file cannot be read, or holds no data set.
    :raises ConfigurationError: a file cannot be a query, or files of identifiers name nothing.
    """
    paths: list[Path | None] = [*_files(files.queries)] or [None]
    queries = [_query_of(path, keys, returned) for path in paths]
    if not files.ids_from:
        return QueryPlan(tuple(queries))
    identities = identities_in(files.ids_from)
    lists = list(keys_of(identities, level, model))
    made = [
        replace(query, name=_named(query.name, number, len(lists)), keys=_with(query.keys, identifiers))
        for query in queries
        for number, identifiers in enumerate(lists, 1)
    ]
    return QueryPlan(tuple(made), identities.skipped)


def _files(paths: Sequence[str]) -> list[Path]:
    """The files of a list of files and folders; those of a folder in the order of their names."""
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
        if not inside:
            raise DatasetFileError(f"the folder {path} holds no files")
        found += inside
    return found


def _query_of(path: Path | None, keys: Sequence[Key], returned: Sequence[Key]) -> PlannedQuery:
    found = () if path is None else keys_in(load_dataset(path))
    matching = tuple(key for key in found if key.is_matching)
    asked = (*(key for key in found if not key.is_matching), *returned)
    return PlannedQuery("" if path is None else str(path), (*matching, *keys), asked or None)


def _named(name: str, number: int, of: int) -> str:
    which = f"identifiers {number} of {of}"
    return f"{name}, {which}" if name else which


def _with(keys: tuple[Key, ...], identifiers: tuple[Key, ...]) -> tuple[Key, ...]:
    """Keys and identifiers, where these stand for keys of the same attributes."""
    named = {key.path for key in identifiers}
    return (*(key for key in keys if key.path not in named), *identifiers)
