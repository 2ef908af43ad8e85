"""A command while it is put together: its arguments, and what could not be said in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dicomgui.app.recipes.shells import Shell, join

__all__ = ["CannotSayError", "Line", "Written", "seconds_text"]


class CannotSayError(ValueError):
    """A tool has no command for the operation, or none that would do the same."""


@dataclass(frozen=True, slots=True)
class Written:
    """A finished command: its text, and what the user should know about it."""

    text: str
    notes: tuple[str, ...] = ()


class Line:
    """A command line in the making.

    :param program: what is called.
    :param is_batch: it is a batch file where the shell is that of Windows.
    """

    def __init__(self, program: str, shell: Shell, *, is_batch: bool = False) -> None:
        self.shell = shell
        self._is_batch = is_batch and shell is Shell.CMD
        self._arguments = [program]
        self._notes: list[str] = []

    def add(self, *arguments: object) -> None:
        """Add arguments."""
        self._arguments += map(str, arguments)

    def option(self, name: str, value: object) -> None:
        """Add a long option; with ``=`` where its value would be taken for another option."""
        text = str(value)
        self.add(*([f"{name}={text}"] if text.startswith("-") else [name, text]))

    def note(self, *texts: str) -> None:
        """Add sentences about what was not said."""
        self._notes += texts

    def written(self, after: str = "", notes: Iterable[str] = ()) -> Written:
        """The finished command.

        :param after: text of ours that follows the line as it is.
        :raises UnspeakableError: an argument cannot be quoted.
        """
        line = join(self._arguments, self.shell, is_batch=self._is_batch)
        texts = [*self._notes, *notes]
        if self.shell is Shell.CMD and "^%" in line:
            texts.append("For the prompt of Windows; in a batch file % is written differently.")
        return Written(line + after, tuple(dict.fromkeys(texts)))


def seconds_text(seconds: float) -> str:
    """Seconds without a fraction where there is none."""
    return f"{seconds:g}"
