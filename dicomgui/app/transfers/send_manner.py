"""The options of a send that are about associations and files, beside those of the connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from dicomgui.app.files.conversion import SyntaxChoice
from dicomgui.network.errors import ConfigurationError

__all__ = ["MAX_ASSOCIATIONS", "SendManner"]

MAX_ASSOCIATIONS: Final = 32
"""Associations of one send at the same time."""


@dataclass(frozen=True, slots=True)
class SendManner:
    """The use that a send makes of associations and files.

    :ivar associations: associations at the same time, 1 to 32; the files are shared among them.
    :ivar per_association: instances on one association at the most, after which a new one is opened; 0 for no limit.
    :ivar renames: rename each file to ``.done`` or ``.bad`` by its result.
    :ivar syntaxes: the transfer syntaxes in which instances may go.
    :raises ConfigurationError: a number is out of range.
    """

    associations: int = 1
    per_association: int = 0
    renames: bool = False
    syntaxes: SyntaxChoice = field(default=SyntaxChoice())

    def __post_init__(self) -> None:
        if not 1 <= self.associations <= MAX_ASSOCIATIONS:
            raise _wrong(
                f"{self.associations} associations at a time are not possible", f"Give 1 to {MAX_ASSOCIATIONS}."
            )
        if self.per_association < 0:
            raise _wrong(f"{self.per_association} instances are no limit", "Give 1 or more, or 0 for no limit.")


def _wrong(what: str, hint: str) -> ConfigurationError:
    return ConfigurationError(what, phase="configure", hint=hint)
