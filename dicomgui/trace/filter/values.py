"""Values in a filter: numbers with units, texts, UIDs by name, choices; each made into a question once."""

from __future__ import annotations

import re
from collections.abc import Callable

from dicomgui.network.uids import name_of
from dicomgui.trace.filter.grammar import FilterError, Term

__all__ = [
    "BYTES", "COUNTS", "IS", "LIKE", "ORDER", "SECONDS", "affirmed", "any_like", "bad", "choice", "compared", "like",
    "uid_like",
]  # fmt: skip


def bad(term: Term, text: str) -> FilterError:
    """The error that points at the value of a term."""
    return FilterError(text, term.value_offset, term.end - term.value_offset)


_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-zµ]*)", re.ASCII)
SECONDS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0, "h": 3600.0}
BYTES = {"": 1.0, "b": 1.0, "k": 1e3, "kb": 1e3, "kib": 1024.0, "mb": 1e6, "mib": 2.0**20, "gb": 1e9, "gib": 2.0**30}
COUNTS = {"": 1.0, "k": 1e3}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    "=": lambda left, right: left == right,
    ":": lambda left, right: left == right,
}
ORDER = (">", "<", ">=", "<=", "=", ":")
IS = (":", "=")
LIKE = (":", "=", "~")


def compared(term: Term, units: dict[str, float]) -> Callable[[float], bool]:
    """A comparison with a number, which may have one of the units.

    :raises FilterError: the value is no number, or has another unit.
    """
    match = _NUMBER.fullmatch(term.value)
    scale = units.get(match[2].lower()) if match else None
    if match is None or scale is None:
        known = ", ".join(unit for unit in units if unit)
        raise bad(term, f"“{term.value[:40]}” is no number{f' with one of the units {known}' if known else ''}.")
    wanted, compare = float(match[1]) * scale, _COMPARISONS[term.sign]
    return lambda value: compare(value, wanted) != term.negated


def like(term: Term) -> Callable[[str], bool]:
    """``:`` and ``~`` ask whether a text contains the value, ``=`` whether it is the value; case does not count."""
    wanted, exact, negated = term.value.casefold(), term.sign == "=", term.negated

    def passes(text: str) -> bool:
        found = text.casefold()
        return (found == wanted if exact else wanted in found) != negated

    return passes


def any_like(term: Term) -> Callable[[tuple[str, ...]], bool]:
    """Whether one of several texts is like the value; turned round, whether none is."""
    alike = like(affirmed(term))
    return lambda texts: any(map(alike, texts)) != term.negated


def affirmed(term: Term) -> Term:
    """The term without its ``!``."""
    return Term(term.key, term.sign, term.value, False, term.argument, term.offset, term.end, term.value_offset)


def uid_like(term: Term) -> Callable[[str], bool]:
    """A UID by itself or by its name."""
    alike = any_like(term)
    return lambda uid: alike((uid, name_of(uid)) if uid else ("",))


def choice(term: Term, choices: dict[str, object]) -> object:
    """What the value chooses, case does not count.

    :raises FilterError: it is none of the choices.
    """
    value = term.value.casefold()
    if value not in choices:
        raise bad(term, f"“{term.value[:40]}” is not known here. Possible are {', '.join(choices)}.")
    return choices[value]
