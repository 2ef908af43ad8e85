"""Arguments as a shell takes them: text from a peer or a file stays one argument, whatever it holds."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

__all__ = ["Shell", "UnspeakableError", "join", "quote"]


class Shell(StrEnum):
    """Where a command is to be pasted."""

    POSIX = "sh"
    """sh, bash, zsh and their like."""
    CMD = "cmd"
    """The prompt of Windows (``cmd.exe``), not PowerShell and not a batch file."""


class UnspeakableError(ValueError):
    """A text cannot be an argument: it has characters that a terminal acts on, or that no quotes can hold."""


_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_SAFE_CMD: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/\\@+[]{}#$~")
_CMD_ACTS_ON: Final = frozenset('()%!^"<>&|')


def quote(text: str, shell: Shell, *, is_batch: bool = False) -> str:
    """One argument.

    :param is_batch: the program is a batch file, which on Windows reads its arguments a second time.
    :raises UnspeakableError: it has control characters or invisible ones; or, for a batch file, quotes or ``%``.
    """
    for character in text:
        if unicodedata.category(character) in _UNSEEN:
            raise UnspeakableError(f"a value holds the character U+{ord(character):04X}, which no shell takes safely")
    if shell is Shell.POSIX:
        return shlex.quote(text)
    if is_batch:
        return _quote_for_batch(text)
    return _quote_for_cmd(text)


def join(arguments: Iterable[str], shell: Shell, *, is_batch: bool = False) -> str:
    """A command line; see :func:`quote`."""
    return " ".join(quote(argument, shell, is_batch=is_batch) for argument in arguments)


def _quote_for_cmd(text: str) -> str:
    """Quotes as a C program reads them. Quotes and ``%`` inside would end cmd's own quoting, or name a variable: then
    every character that cmd acts on gets a caret, quotes as well, so that for cmd nothing is quoted at all.
    """
    if text and set(text) <= _SAFE_CMD:
        return text
    quoted = _quoted_for_c(text)
    if set('"%!') & set(text):
        return "".join(f"^{character}" if character in _CMD_ACTS_ON else character for character in quoted)
    return quoted


def _quoted_for_c(text: str) -> str:
    """The rules of Microsoft's C run-time: backslashes count only before a quote, which they escape."""
    parts, backslashes = ['"'], 0
    for character in text:
        if character == "\\":
            backslashes += 1
            continue
        parts.append("\\" * (2 * backslashes + 1 if character == '"' else backslashes))
        parts.append(character)
        backslashes = 0
    return "".join([*parts, "\\" * (2 * backslashes), '"'])


def _quote_for_batch(text: str) -> str:
    """A batch file cuts its arguments at ``=``, ``,`` and ``;`` unless they are in quotes, and reads them again."""
    if set('"%!') & set(text):
        raise UnspeakableError('a value holds " or % or !, which a batch file of Windows would not take as it is')
    return text if text and set(text) <= _SAFE_CMD else _quoted_for_c(text)
