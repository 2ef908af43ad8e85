"""Changes of instances on their way to a peer: files on disk stay as they are, and each changed one is marked."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Change", "ChangeCode"]


class ChangeCode(StrEnum):
    """Kinds of changes, as results, reports and traces name them."""

    SET = "set"
    """Attributes were given other values."""
    INVENTED = "invented"
    """It is a new instance, of which a file was the template."""


class Change(Protocol):
    """A change of one instance.

    :ivar codes: its kinds.
    :ivar tags: the elements of the data set that it looks at, with all below them; ``None`` for everything that is
        small. Specific Character Set and Pixel Representation come along in any case.
    """

    @property
    def codes(self) -> tuple[ChangeCode, ...]: ...

    @property
    def tags(self) -> frozenset[int] | None: ...

    def apply(self, dataset: Dataset) -> None:
        """Change the elements in place.

        :raises ConversionError: this data set cannot take it; the message says why.
        """
        ...
