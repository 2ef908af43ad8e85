"""The queries of a command line: those of files, each for every list of identifiers, with the keys that are given."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from dicomgui.app.asking.dicom_json import DatasetFileError, load_dataset
from dicomgui.app.asking.identities import identities_in, keys_of
from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.plan_file import keys_in
from dicomgui.cli.exits import Exit
from dicomgui.cli.output import Output

__all__ = ["PlannedQuery", "planned", "unreadable"]


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


def planned(options: argparse.Namespace, level: Level | None, output: Output) -> list[PlannedQuery]:
    """The queries that the options make, in their order.

    :raises DatasetFileError: a file cannot be read, or holds no data set.
    :raises ConfigurationError: a file cannot be a query, or files of identifiers name nothing.
    """
    queries = [_query_of(path, options) for path in _files(options.queries)] or [_query_of(None, options)]
    if not getattr(options, "ids_from", ()):
        return queries
    identities = identities_in(options.ids_from)
    for text in identities.skipped:
        output.note(f"skipped: {text}")
    lists = list(keys_of(identities, level, options.root))
    return [
        replace(query, name=_named(query.name, number, len(lists)), keys=_with(query.keys, keys))
        for query in queries
        for number, keys in enumerate(lists, 1)
    ]


def unreadable(output: Output, error: DatasetFileError) -> Exit:
    """Say that a file could not be used, and end."""
    output.note(f"error: {error}")
    output.event("summary", ok=False, exit_code=int(Exit.FILES), error=str(error))
    return Exit.FILES


def _files(paths: list[str]) -> list[Path]:
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


def _query_of(path: Path | None, options: argparse.Namespace) -> PlannedQuery:
    found = () if path is None else keys_in(load_dataset(path))
    matching = tuple(key for key in found if key.is_matching)
    returned = (*(key for key in found if not key.is_matching), *getattr(options, "returned", ()))
    return PlannedQuery("" if path is None else str(path), (*matching, *options.keys), returned or None)


def _named(name: str, number: int, of: int) -> str:
    which = f"identifiers {number} of {of}"
    return f"{name}, {which}" if name else which


def _with(keys: tuple[Key, ...], identifiers: tuple[Key, ...]) -> tuple[Key, ...]:
    """Keys and identifiers, where these stand for keys of the same attributes."""
    named = {key.path for key in identifiers}
    return (*(key for key in keys if key.path not in named), *identifiers)
