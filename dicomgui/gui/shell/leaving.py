"""What would be lost when the program ended now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dicomgui.app.operations import Job, JobKind
from dicomgui.gui.widgets.text import count_text

__all__ = ["lost_by_leaving"]

_HALF_DONE: Final = {
    JobKind.SEND: "sending",
    JobKind.RETRIEVE: "retrieving",
    JobKind.IMPORT: "an import",
    JobKind.EXPORT: "an export",
}
"""Jobs of which a part is missing when they break off; a question asked of a peer can be asked again."""


def lost_by_leaving(active: Iterable[Job], changed_copies: int) -> str:
    """What to tell the user, as plain text; empty where nothing is lost.

    :param active: the jobs that run or wait.
    :param changed_copies: data sets that were changed and not sent since.
    """
    kinds = {job.kind for job in active}
    halves = [name for kind, name in _HALF_DONE.items() if kind in kinds]
    lines = []
    if halves:
        names = " and ".join(filter(None, (", ".join(halves[:-1]), halves[-1])))
        lines.append(f"When dicomgui closes now, {names} {'breaks' if len(halves) == 1 else 'break'} off half-done.")
    if changed_copies:
        copies = count_text(changed_copies, "edited copy has", "edited copies have")
        lines.append(f"{copies} changes that were not sent; they are lost when dicomgui closes.")
    return " ".join(lines)
