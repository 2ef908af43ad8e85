"""The restriction of C-MOVE: which caller may have instances sent to which destination."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from dicomgui.network.errors import ConfigurationError

__all__ = ["CALLER", "may_move", "parse_move_rule"]

CALLER: Final = "{caller}"
"""Stands for the calling AE title, as the destination of a rule."""

_MAX_TITLE: Final = 16


def parse_move_rule(text: str) -> tuple[str, str]:
    """The caller and the destination of ``CALLER=AET``; both may have ``*`` and ``?``.

    :raises ConfigurationError: one of them is missing, or is no AE title.
    """
    caller, equals, destination = (part.strip() for part in text.partition("="))
    for part in (caller, "AET" if destination == CALLER else destination):
        if not equals or not 0 < len(part) <= _MAX_TITLE or not part.isascii() or "\\" in part:
            raise ConfigurationError(
                f"{text[:60]!r} does not say who may move where",
                phase="configure",
                hint="Write the caller's AE title, = and the destination's, such as WORKSTATION=ARCHIVE or *={caller}.",
            )
    return caller, destination


def may_move(rules: Iterable[tuple[str, str]], caller: str, destination: str) -> bool:
    """True where there is no rule, or one of them fits both AE titles."""
    rules = tuple(rules)
    return not rules or any(
        fnmatchcase(caller, who) and (destination == caller if where == CALLER else fnmatchcase(destination, where))
        for who, where in rules
    )
