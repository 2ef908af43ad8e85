"""The tracer of an operation that may take several associations: what explains it, and which they were."""

from __future__ import annotations

from collections.abc import Callable

from dicomgui.app.evidence import Evidence
from dicomgui.network.tracing import Record, Tracer

__all__ = ["Watch"]


class Watch(Evidence):
    """Evidence that also notes the associations, those that did not come about included.

    :param onward: the tracer that gets every record as well.
    :param on_association: told each association's number in the trace, once, as soon as there is one.
    """

    def __init__(self, onward: Tracer | None, on_association: Callable[[int], None] | None = None) -> None:
        super().__init__(onward)
        self._on_association = on_association
        self._associations: dict[int, None] = {}

    @property
    def associations(self) -> tuple[int, ...]:
        """The numbers in the trace, in their order."""
        return tuple(self._associations)

    @property
    def association(self) -> int:
        """The latest one; 0 where there was not even an attempt."""
        return next(reversed(self._associations), 0)

    def __call__(self, record: Record) -> None:
        """Take a record."""
        super().__call__(record)
        if record.association and record.association not in self._associations:
            self._associations[record.association] = None
            if self._on_association is not None:
                self._on_association(record.association)
