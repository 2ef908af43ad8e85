"""The state of an archive that its users have to know of: the index is behind, or nothing more can be stored."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

__all__ = ["ArchiveState", "index_place"]


class ArchiveState(NamedTuple):
    """The answers that searches and senders get at a moment.

    :ivar behind: instances that are stored and cannot be found yet, because the index cannot be written.
    :ivar trouble: why it cannot, one line; empty if all is well.
    :ivar full: why nothing more is stored, one line; empty if it is.
    :ivar is_temporary: the index lies in a temporary folder, because its own disk is full.
    """

    behind: int = 0
    trouble: str = ""
    full: str = ""
    is_temporary: bool = False

    @property
    def is_well(self) -> bool:
        """True where everything that was stored can be found, and more be stored."""
        return not (self.trouble or self.full or self.is_temporary)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences that tell of it; one if all is well."""
        if self.is_well:
            return ("The index of the archive has caught up.",)
        told = []
        if self.full:
            told.append(f"Instances are refused (A700): {self.full}. Queries and retrievals are answered.")
        if self.is_temporary:
            told.append("The index lies in a temporary folder until the archive is closed: its own disk is full.")
        if self.trouble:
            told.append(
                f"The index is behind by {instances(self.behind)}: {self.trouble}. Queries are refused (A700) until it "
                "has caught up; instances are safe."
            )
        return tuple(told)


def instances(number: int) -> str:
    """A number of instances, in words."""
    return f"{number:,} instance{'' if number == 1 else 's'}"


def index_place(index_folder: Path | None, folder: Path) -> Path | None:
    """The folder of an archive's index inside of one for the indexes of several; ``None`` for the archive's own."""
    if index_folder is None:
        return None
    return index_folder / sha256(str(folder.absolute()).encode(), usedforsecurity=False).hexdigest()[:16]
