"""The filter language of the trace: text into an expression, and errors that say where.

.. code-block:: text

    op:c-store status:!0000            both: terms beside each other are joined by "and"
    peer:PACS1 or calling:ME           either
    not (failed or pending>100)        neither
    time>500ms  size>=1MB  think<10ms  comparisons, with units
    tag:0010,0020~"12"  bytes:"16 03"  looks into the PDUs

A term is a word (``failed``), or a key, a sign and a value. The signs are ``:`` (is, or contains where the key is a
text), ``=`` (is exactly), ``~`` (contains), ``>``, ``<``, ``>=`` and ``<=``; a ``!`` before the value turns the term
round. Values with blanks or signs stand in double quotes, inside of which a backslash stands before a quotation mark or
another backslash. What the keys mean is in :mod:`dicomgui.trace.filter.terms`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from dicomgui.trace.finding import plain

__all__ = ["MAX_LENGTH", "And", "Expression", "Filter", "FilterError", "Not", "Or", "Term", "parse"]

MAX_LENGTH = 4096
"""Characters of a filter."""

_MAX_DEPTH = 50
_MAX_TERMS = 100


class FilterError(ValueError):
    """A filter cannot be understood; the text says why.

    :ivar offset: of the first character that is wrong, from 0 on.
    :ivar length: how many characters are meant; 0 where something is missing.
    """

    def __init__(self, text: str, offset: int, length: int = 0) -> None:
        super().__init__(text)
        self.offset = offset
        self.length = length


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: ``key sign value``, or a word alone (then ``sign`` is empty).

    :ivar key: lower case; with its tag for ``tag``, e.g. ``tag`` and ``value`` ``0010,0020``.
    :ivar negated: whether a ``!`` stood before the value.
    :ivar argument: what stands between key and sign, for ``tag:0010,0020~"12"`` the tag.
    :ivar offset: where it begins in the text, ``end`` where it ends, ``value_offset`` where its value begins.
    """

    key: str
    sign: str
    value: str
    negated: bool
    argument: str
    offset: int
    end: int
    value_offset: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Expression


@dataclass(frozen=True, slots=True)
class And:
    """All of several."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of several."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Term | Not | And | Or


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood.

    :ivar text: as it was written, without blanks at its ends.
    :ivar expression: ``None`` for the empty filter, which everything passes.
    """

    text: str
    expression: Expression | None

    def terms(self) -> Iterator[Term]:
        """All terms, from left to right."""
        if self.expression is not None:
            yield from _terms(self.expression)


def _terms(expression: Expression) -> Iterator[Term]:
    if isinstance(expression, Term):
        yield expression
    elif isinstance(expression, Not):
        yield from _terms(expression.part)
    else:
        for part in expression.parts:
            yield from _terms(part)


class _Token(NamedTuple):
    kind: str
    offset: int
    end: int
    term: Term | None = None


_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\s():=~<>!\"]+")
_SIGN = re.compile(r":|>=|<=|!=|=|~|>|<")
_BARE_VALUE = re.compile(r"[^\s()\"]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ARGUMENT = re.compile(r"\(?([0-9A-Za-z]{4},?[0-9A-Za-z]{4}|[A-Za-z][A-Za-z0-9]*)\)?(?=[~=<>!])")
_JOINTS = {"and": "and", "or": "or", "not": "not", "&&": "and", "||": "or", "&": "and", "|": "or"}


def parse(text: str) -> Filter:
    """Read a filter.

    :raises FilterError: it is too long or is no filter. Whether its keys and values mean something is found out by
        :func:`dicomgui.trace.filter.terms.check`.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"The filter has more than {MAX_LENGTH} characters.", MAX_LENGTH)
    tokens = list(_tokens(text))
    if not tokens:
        return Filter(text.strip(), None)
    if sum(token.term is not None for token in tokens) > _MAX_TERMS:
        raise FilterError(f"The filter has more than {_MAX_TERMS} conditions.", 0, len(text))
    parser = _Parser(tokens, len(text))
    expression = parser.either(0)
    parser.check_end()
    return Filter(text.strip(), expression)


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        space = _SPACE.match(text, position)
        if space:
            position = space.end()
            continue
        token = _token(text, position)
        yield token
        position = token.end


def _token(text: str, position: int) -> _Token:
    if text[position] in "()":
        return _Token(text[position], position, position + 1)
    if text[position] == "!":
        return _Token("not", position, position + 1)
    if text[position] == '"':
        value, end = _quoted(text, position)
        return _Token("term", position, end, Term("text", ":", value, False, "", position, end, position))
    word = _WORD.match(text, position)
    if word is None:
        raise FilterError(f"Before “{text[position]}” the name of a key is missing.", position, 1)
    sign = _SIGN.match(text, word.end())
    if sign is None:
        joint = _JOINTS.get(word[0].lower())
        if joint:
            return _Token(joint, position, word.end())
        term = Term(word[0].lower(), "", "", False, "", position, word.end(), word.end())
        return _Token("term", position, word.end(), term)
    return _keyed(text, position, word[0].lower(), sign)


def _keyed(text: str, position: int, key: str, sign: re.Match[str]) -> _Token:
    """``key sign [argument sign] [!] value``."""
    mark, at, argument, negated = sign[0], sign.end(), "", False
    inner = _ARGUMENT.match(text, at) if key == "tag" and mark == ":" else None
    second = _SIGN.match(text, inner.end()) if inner else None
    if inner and second:
        argument, mark, at = inner[1], second[0], second.end()
    if mark == "!=":
        mark, negated = "=", True
    if text[at : at + 1] == "!":
        negated, at = True, at + 1
    if text[at : at + 1] == '"':
        value, end = _quoted(text, at)
    else:
        bare = _BARE_VALUE.match(text, at)
        if bare is None:
            raise FilterError(f"After “{text[position:at]}” a value is missing.", at)
        value, end = bare[0], bare.end()
    return _Token("term", position, end, Term(key, mark, value, negated, argument, position, end, at))


def _quoted(text: str, position: int) -> tuple[str, int]:
    match = _QUOTED.match(text, position)
    if match is None:
        raise FilterError("The closing quotation mark is missing.", position, len(text) - position)
    return re.sub(r"\\(.)", r"\1", match[1]), match.end()


class _Parser:
    """Recursive descent: or, and, not, parentheses."""

    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens = tokens
        self._length = length
        self._next = 0

    def _peek(self) -> str:
        return self._tokens[self._next].kind if self._next < len(self._tokens) else ""

    def either(self, depth: int) -> Expression:
        return self._joined(depth, "or", self._all_of, Or)

    def _all_of(self, depth: int) -> Expression:
        return self._joined(depth, "and", self._one, And)

    def _joined(
        self, depth: int, joint: str, part: Callable[[int], Expression], node: type[And] | type[Or]
    ) -> Expression:
        parts = [part(depth)]
        while self._peek() == joint or (joint == "and" and self._peek() in ("term", "not", "(")):
            if self._peek() == joint:
                self._next += 1
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else node(tuple(parts))

    def _one(self, depth: int) -> Expression:
        if depth > _MAX_DEPTH:
            raise FilterError("The filter is nested too deeply.", self._here())
        kind, here = self._peek(), self._here()
        self._next += 1
        if kind == "not":
            return Not(self._one(depth + 1))
        if kind == "(":
            inner = self.either(depth + 1)
            if self._peek() != ")":
                raise FilterError("The closing parenthesis is missing.", here, 1)
            self._next += 1
            return inner
        token = self._tokens[self._next - 1] if kind == "term" else None
        if token is None or token.term is None:
            if self._next > len(self._tokens):
                raise FilterError("A condition is missing at the end.", here)
            found = self._tokens[self._next - 1]
            raise FilterError(f"A condition is missing before “{kind}”.", here, found.end - found.offset)
        return token.term

    def _here(self) -> int:
        return self._tokens[self._next].offset if self._next < len(self._tokens) else self._length

    def check_end(self) -> None:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            raise FilterError(f"“{plain(token.kind)}” is not expected here.", token.offset, token.end - token.offset)
