"""The lines on which the keys of a TOML file stand, and keys that mean nothing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final, TypeAlias

__all__ = ["Lines", "Place", "unknown_key"]

Place: TypeAlias = tuple[str | int, ...]
"""The names that lead to a value; in a list of tables a number from 1 on: ``("node", 2, "port")``."""

_HEADER: Final = re.compile(r"\s*(\[\[?)([^\]]+)\]\]?")
_KEY: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART: Final = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_LONG_TEXT: Final = re.compile(r'"""|\'\'\'')


class Lines:
    """The line of each key and table of a file that the TOML parser has read; numbers from 1 on."""

    def __init__(self, text: str = "") -> None:
        self._lines: dict[Place, int] = {}
        self._counts: dict[Place, int] = {}
        table: Place = ()
        quotes = ""
        for number, line in enumerate(text.splitlines(), 1):
            if not quotes:
                table = self._take(line, number, table)
            for found in _LONG_TEXT.findall(line):
                quotes = "" if quotes == found else quotes or found

    def prefix(self, place: Place) -> str:
        """``line 7: `` for a key or the table that holds it; empty where it is not found."""
        for length in range(len(place), 0, -1):
            if place[:length] in self._lines:
                return f"line {self._lines[place[:length]]}: "
        return ""

    def _take(self, line: str, number: int, table: Place) -> Place:
        header = _HEADER.match(line)
        if header is not None:
            table = self._inside(_parts(header[2]), is_list=header[1] == "[[")
            self._lines.setdefault(table, number)
            self._lines.setdefault(table[:1], number)
            return table
        key = _KEY.match(line)
        if key is not None:
            self._lines.setdefault((*table, *_parts(key[1])), number)
        return table

    def _inside(self, names: Iterable[str], *, is_list: bool) -> Place:
        """The place of a table; below a list of tables, of the last one in it."""
        place: Place = ()
        names = tuple(names)
        for at, name in enumerate(names, 1):
            place = (*place, name)
            if is_list and at == len(names):
                self._counts[place] = self._counts.get(place, 0) + 1
            if place in self._counts:
                place = (*place, self._counts[place])
        return place


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(text))


def unknown_key(name: str, known: Iterable[str]) -> str:
    """The fault of a key that means nothing, with the one that is most like it."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"{name} means nothing here" + (f"; did you mean {near[0]}?" if near else "")
