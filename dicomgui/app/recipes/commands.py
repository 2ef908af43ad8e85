"""An operation as a command of other tools: dicomgui, DCMTK, dcm4che, and a script for pynetdicom.

No command holds a secret: where one is needed, a placeholder says so. What a tool cannot be told is in the notes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from dicomgui.app.recipes import dcm4che as commands_dcm4che
from dicomgui.app.recipes import dcmtk as commands_dcmtk
from dicomgui.app.recipes import dicomgui_command as commands_dicomgui
from dicomgui.app.recipes import pynetdicom_script as commands_pynetdicom
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.app.recipes.shells import Shell, UnspeakableError
from dicomgui.app.recipes.written import CannotSayError, Written
from dicomgui.network.errors import ConfigurationError

__all__ = ["CopiedCommand", "Tool", "command_of", "commands_of"]


class Tool(StrEnum):
    """Whose command it is; the values are names for people."""

    DICOMGUI = "dicomgui"
    DCMTK = "DCMTK"
    DCM4CHE = "dcm4che"
    PYNETDICOM = "pynetdicom"


@dataclass(frozen=True, slots=True)
class CopiedCommand:
    """A command, or why there is none.

    :ivar text: what to paste, in one line or several; empty where there is no such command.
    :ivar notes: what the tool cannot be told, or what is to be filled in; where ``text`` is empty, why.
    """

    tool: Tool
    shell: Shell
    text: str
    notes: tuple[str, ...] = ()

    @property
    def is_script(self) -> bool:
        """Whether it is a Python script and no command line."""
        return self.tool is Tool.PYNETDICOM


_WRITERS: Final[Mapping[Tool, Callable[[Recipe, Shell], Written]]] = MappingProxyType(
    {
        Tool.DICOMGUI: commands_dicomgui.write,
        Tool.DCMTK: commands_dcmtk.write,
        Tool.DCM4CHE: commands_dcm4che.write,
        Tool.PYNETDICOM: commands_pynetdicom.write,
    }
)


def command_of(recipe: Recipe, tool: Tool, shell: Shell = Shell.POSIX) -> CopiedCommand:
    """The command of one tool. Never raises: what is impossible is a command without text."""
    try:
        if recipe.files and tool is not Tool.DICOMGUI:
            raise CannotSayError(f"{tool} does not take several queries from files")
        written = _WRITERS[tool](recipe, shell)
    except (CannotSayError, UnspeakableError, ConfigurationError) as error:
        text = str(error)
        return CopiedCommand(tool, shell, "", (f"{text[:1].upper()}{text[1:]}.",))
    own: tuple[str, ...] = ()
    what = "retrieval" if recipe.verb in (Verb.MOVE, Verb.GET) else "query"
    if recipe.options.negotiation is not None and tool is not Tool.DICOMGUI:
        own = (f"The negotiation profile is left out: {tool} proposes contexts of its own.",)
    if recipe.cancel_after_s is not None and tool is not Tool.DICOMGUI:
        own = (*own, f"Left out: {tool} does not cancel a {what} after a time.")
    if recipe.limit is not None and what == "retrieval" and tool is not Tool.DICOMGUI:
        own = (*own, f"Left out: {tool} does not cancel a retrieval after sub-operations.")
    notes = tuple(dict.fromkeys((*recipe.notes, *written.notes, *own)))
    return CopiedCommand(tool, shell, written.text, notes)


def commands_of(recipe: Recipe, shell: Shell = Shell.POSIX) -> tuple[CopiedCommand, ...]:
    """The commands of all tools, those that there are not included."""
    return tuple(command_of(recipe, tool, shell) for tool in Tool)
