"""The filter language of the trace, and the lists that it makes.

:func:`parse` reads a filter, :class:`Sieve` keeps what passes it, :func:`complete` helps to type it.
"""

from __future__ import annotations

from dicomgui.trace.filter.complete import Completion, Completions, complete
from dicomgui.trace.filter.grammar import Filter, FilterError, Term, parse
from dicomgui.trace.filter.sieve import Change, Sieve, Zoom
from dicomgui.trace.filter.terms import KEYS, WORDS, Key, check

__all__ = [
    "KEYS",
    "WORDS",
    "Change",
    "Completion",
    "Completions",
    "Filter",
    "FilterError",
    "Key",
    "Sieve",
    "Term",
    "Zoom",
    "check",
    "complete",
    "parse",
]
