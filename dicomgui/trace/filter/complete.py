"""Completion of a filter while it is typed: keys, signs and values for the place of the cursor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from dicomgui.trace.filter.grammar import MAX_LENGTH
from dicomgui.trace.filter.terms import KEYS, WORDS, Key

__all__ = ["Completion", "Completions", "complete", "quoted"]

MAX_OFFERED = 50
"""Completions that are offered at once."""

LOOKED_BACK = 256
"""Characters before the cursor among which the begin of what is being typed is looked for."""

_BEING_TYPED = re.compile(r'([^\s():=~<>!"]*)(?:(:|>=|<=|=|~|>|<)(!?)("(?:[^"\\\\]|\\\\.)*"?|[^\s()"]*))?$')
_JOINTS = (("and", "both"), ("or", "at least one of both"), ("not", "the opposite"))
_NEEDS_QUOTES = re.compile(r'[\s()"!]|^$')


class Completion(NamedTuple):
    """One proposal.

    :ivar text: what takes the place of what is being typed.
    :ivar help: what it means, in a few words; may be empty.
    :ivar goes_on: whether a value is still to be typed behind it.
    """

    text: str
    help: str
    goes_on: bool


class Completions(NamedTuple):
    """What may stand at the cursor.

    :ivar start: where what is being typed begins; it goes up to the cursor.
    :ivar offered: the proposals, the likeliest first.
    """

    start: int
    offered: tuple[Completion, ...]


def complete(text: str, cursor: int, values_of: Callable[[str], Iterable[str]] | None = None) -> Completions:
    """What may be typed at the cursor.

    :param cursor: place in ``text``, from 0 to its length.
    :param values_of: further values for a key, e.g. the peers of this trace.
    """
    nothing = Completions(cursor, ())
    if len(text) > MAX_LENGTH:
        return nothing
    # What stands far before the cursor is not being typed, and to look through it all again and again takes its square.
    skipped = max(0, cursor - LOOKED_BACK)
    near = text[skipped:cursor]
    if _is_inside_quotes(text[:cursor]) and _keyed_quote(near) is None:
        return nothing
    match = _BEING_TYPED.search(near)
    if match is None or (skipped and match.start() == 0):
        return nothing
    start = skipped + match.start()
    word, sign, bang, value = match[1].casefold(), match[2], match[3], match[4]
    if sign is None:
        return Completions(start, tuple(_words(word))[:MAX_OFFERED])
    known = next((key for key in KEYS if key.name == word), None)
    if known is None or sign not in known.signs:
        return nothing
    offered = tuple(_values(known, f"{match[1]}{sign}{bang}", value, bool(bang), values_of))
    return Completions(start, offered[:MAX_OFFERED])


def _is_inside_quotes(before: str) -> bool:
    return re.sub(r"\\\\.", "", before).count('"') % 2 == 1


def _keyed_quote(before: str) -> re.Match[str] | None:
    """The value in quotes that is being typed behind a key."""
    return re.search(r'[^\s():=~<>!"]+(?::|>=|<=|=|~|>|<)!?"(?:[^"\\\\]|\\\\.)*$', before)


def _words(begun: str) -> Iterable[Completion]:
    for key in sorted((*KEYS, *WORDS), key=lambda key: not key.name.startswith(begun)):
        if begun in key.name or (len(begun) > 2 and begun in key.help):
            yield Completion(key.name + (key.signs[0] if key.signs else ""), key.help, bool(key.signs))
    for joint, help_ in _JOINTS:
        if begun and joint.startswith(begun):
            yield Completion(joint, help_, True)


def _values(
    key: Key, head: str, begun: str, is_negated: bool, values_of: Callable[[str], Iterable[str]] | None
) -> Iterable[Completion]:
    typed = begun.strip('"').casefold()
    own = values_of(key.name) if values_of is not None else ()
    for value in dict.fromkeys((*own, *key.values)):
        plain = value.strip('"')
        if is_negated and plain.startswith("!"):
            continue
        if typed in plain.casefold() and plain.casefold() != typed:
            yield Completion(head + (value if value.startswith(('"', "!")) else quoted(value)), "", False)


def quoted(value: str) -> str:
    """A value as it is written in a filter: in quotes where it needs them."""
    if not _NEEDS_QUOTES.search(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
