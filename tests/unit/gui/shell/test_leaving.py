"""What the user is told before the program ends."""

from __future__ import annotations

import pytest

from dicomgui.app.operations import JobKind, Jobs
from dicomgui.gui.shell.leaving import lost_by_leaving


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([], ""),
        ([JobKind.LISTEN, JobKind.QUERY, JobKind.ECHO, JobKind.COMMIT], ""),
        ([JobKind.SEND, JobKind.SEND], "When dicomgui closes now, sending breaks off half-done."),
        ([JobKind.EXPORT, JobKind.SEND], "When dicomgui closes now, sending and an export break off half-done."),
        (
            [JobKind.IMPORT, JobKind.RETRIEVE, JobKind.SEND],
            "When dicomgui closes now, sending, retrieving and an import break off half-done.",
        ),
    ],
)
def test_what_breaks_off_half_done_is_named_once(kinds: list[JobKind], words: str) -> None:
    jobs = Jobs()
    for kind in kinds:
        jobs.start(kind, "a job")
    assert lost_by_leaving(jobs.active(), 0) == words


def test_changes_that_were_not_sent_are_counted() -> None:
    one = "1 edited copy has changes that were not sent; they are lost when dicomgui closes."
    assert lost_by_leaving((), 1) == one
    assert lost_by_leaving((), 2).startswith("2 edited copies have changes")
    jobs = Jobs()
    jobs.start(JobKind.SEND, "a job")
    assert lost_by_leaving(jobs.active(), 1) == f"When dicomgui closes now, sending breaks off half-done. {one}"
