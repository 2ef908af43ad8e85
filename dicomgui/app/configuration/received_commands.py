"""Commands of the operator for what was received: parsed once, and filled in without a shell.

The program and the number of arguments are the operator's; a value from a peer or a data set only stands inside of one
argument.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Final

from dicomgui.network.errors import ConfigurationError
from dicomgui.storage.placeholders import ElementPath, Template, parse_template, wanted_by

__all__ = ["OBJECT_NAMES", "STUDY_NAMES", "ArgumentRefused", "CommandLine", "ReceivedCommands"]

MAX_VALUE: Final = 256
"""Characters of one value that is put into an argument."""

_PATHS: Final = frozenset({"path", "folder", "file_list"})
_CALLER: Final = frozenset({"calling_ae", "called_ae", "peer", "folder"})
OBJECT_NAMES: Final = _CALLER | {"path", "SOPInstanceUID", "SOPClassUID", "TransferSyntaxUID"}
"""Placeholders of a command for each object that are not read from its data set."""
STUDY_NAMES: Final = _CALLER | {"file_list", "count", "StudyInstanceUID"}
"""Those of a command for each study."""

_OPTION_STARTS: Final = ("-", "+", "@", "/", "\\")
_INTERPRETER: Final = re.compile(
    r"(?:sh|bash|dash|ash|ksh|zsh|fish|csh|tcsh|python|pypy|perl|ruby|node|php|lua|awk|gawk|mawk|sed|osascript)[0-9.]*"
)
_JOINING: Final = frozenset({"cmd", "powershell", "pwsh", "ssh", "eval"})
"""They make one line of their arguments, which a shell reads."""
_CODE_OPTION: Final = re.compile(r"-[A-Za-z]*[ceE][A-Za-z]*|--(?:command|eval|print)")
_ALONE: Final = re.compile(r"(?:--[A-Za-z0-9-]+=)?\{[^{}]+\}")


class ArgumentRefused(ValueError):
    """A value would be read as an option, or as the name of a file with options."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A program and its arguments, some of which have placeholders.

    :ivar text: as the operator wrote it.
    """

    text: str
    program: str
    arguments: tuple[Template, ...]

    @classmethod
    def parse(cls, text: str, names: frozenset[str]) -> CommandLine:
        """Split a text once, by the rules of a POSIX shell without its expansions.

        :param names: the placeholders that are no attributes.
        :raises ConfigurationError: it cannot be split, is empty, names an unknown placeholder, has one in the name of
            the program or in a text that a shell or an interpreter runs, or starts a batch file.
        """
        try:
            words = _split(text)
        except ValueError as error:
            raise _wrong(f"the command {text!r} cannot be split: {error}", "Look at the quotes.") from error
        if not words:
            raise _wrong("the command is empty", "Name a program and its arguments.")
        _check_program(words)
        return cls(text, words[0], tuple(parse_template(word, names) for word in words[1:]))

    @property
    def wanted(self) -> dict[ElementPath, str]:
        """The VRs of the attributes that are put in, by their path."""
        return wanted_by(self.arguments)

    def filled(self, others: Mapping[str, str], values: Mapping[ElementPath, str]) -> list[str]:
        """The words of the command. Control characters in values become ``_``, long ones are cut.

        :param others: values of placeholders that are no attributes, by name.
        :param values: of attributes, by their path.
        :raises ArgumentRefused: an argument begins with a value that begins with ``-``, ``+``, ``@``, ``/`` or ``\\``.
        """
        return [self.program, *(_filled(template, others, values) for template in self.arguments)]


@dataclass(frozen=True, slots=True)
class ReceivedCommands:
    """The commands of a listener; empty for none.

    :ivar on_object: run for each instance that is new in the folder.
    :ivar on_study: run for each study of which nothing came for some time.
    :ivar study_timeout_s: this time, in seconds.
    :ivar time_limit_s: a command that runs longer is ended, in seconds.
    :raises ConfigurationError: a command or a time is unusable.
    """

    on_object: str = ""
    on_study: str = ""
    study_timeout_s: float = 30.0
    time_limit_s: float = 300.0

    def __post_init__(self) -> None:
        self.object_line()
        self.study_line()
        for seconds in (self.study_timeout_s, self.time_limit_s):
            if not 0 < seconds <= 86_400:
                raise _wrong(f"{seconds:g} s is no time to wait", "Give more than 0 and at most 86,400 seconds.")

    @property
    def has_any(self) -> bool:
        """True where there is a command."""
        return bool(self.on_object.strip() or self.on_study.strip())

    def object_line(self) -> CommandLine | None:
        """The command for objects."""
        return CommandLine.parse(self.on_object, OBJECT_NAMES) if self.on_object.strip() else None

    def study_line(self) -> CommandLine | None:
        """The command for studies."""
        return CommandLine.parse(self.on_study, STUDY_NAMES) if self.on_study.strip() else None


def _split(text: str) -> list[str]:
    if os.name != "nt":
        return shlex.split(text)
    return [
        word[1:-1] if len(word) > 1 and word[0] == word[-1] == '"' else word for word in shlex.split(text, posix=False)
    ]


def _check_program(words: list[str]) -> None:
    program = words[0]
    if "{" in program:
        raise _wrong("the program's name has a placeholder", "Values can only be put into its arguments.")
    names = [_name_of(word) for word in words]
    if names[0].endswith((".bat", ".cmd")):
        raise _wrong(f"{program} is a batch file", "Windows gives its arguments to a shell: name a program.")
    with_values = [word for word in words if "{" in word]
    if with_values and any(name in _JOINING for name in names):
        raise _wrong(f"{program} would read values as commands", "Name a program that takes them as arguments.")
    if any(_INTERPRETER.fullmatch(name) for name in names) and _has_values_in_code(words):
        raise _wrong(
            f"{program} would read values as commands",
            "Write the commands into a script, or give the values behind them: sh -c 'cp \"$1\" /in' sh {path}.",
        )


def _name_of(word: str) -> str:
    """The name of a program, wherever it lies."""
    return PureWindowsPath(word).name.casefold().rstrip(". ").removesuffix(".exe")  # splits at both kinds of slashes


def _has_values_in_code(words: list[str]) -> bool:
    """True if a placeholder stands in a text that an interpreter runs, or among other characters that may be one."""
    expects_code = False
    for word in words[1:]:
        if "{" in word and not _ALONE.fullmatch(word):
            return True
        if _CODE_OPTION.fullmatch(word):
            expects_code = True
        elif expects_code and not word.startswith(("-", "+")):
            if "{" in word:
                return True
            expects_code = False
    return False


def _filled(template: Template, others: Mapping[str, str], values: Mapping[ElementPath, str]) -> str:
    words = []
    for number, part in enumerate(template):
        if isinstance(part, str):
            words.append(part)
            continue
        value = part.value(others, values)
        if part.name not in _PATHS:
            value = _cleaned(value)
            if number == 0 and value.startswith(_OPTION_STARTS):
                raise ArgumentRefused(f"{part.name} {value!r} would be read as an option or a file")
        words.append(value)
    return "".join(words)


def _cleaned(value: str) -> str:
    return "".join(character if character.isprintable() else "_" for character in value)[:MAX_VALUE]


def _wrong(reason: str, hint: str) -> ConfigurationError:
    return ConfigurationError(reason, phase="configure", hint=hint)
