"""The queries of a command line: those of files, each for every list of identifiers, with the keys that are given."""

from __future__ import annotations

import argparse

from dicomgui.app.asking.dicom_json import DatasetFileError
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query_plan import PlannedQuery, QueryFiles, plan_queries
from dicomgui.cli.exits import Exit
from dicomgui.cli.output import Output

__all__ = ["planned", "unreadable"]


def planned(options: argparse.Namespace, level: Level | None, output: Output) -> tuple[PlannedQuery, ...]:
    """The queries that the options make, in their order.

    :raises DatasetFileError: a file cannot be read, or holds no data set.
    :raises ConfigurationError: a file cannot be a query, or files of identifiers name nothing.
    """
    files = QueryFiles(tuple(options.queries), tuple(getattr(options, "ids_from", ())))
    model = options.root if files.ids_from else None
    plan = plan_queries(files, options.keys, getattr(options, "returned", ()), level=level, model=model)
    for text in plan.skipped:
        output.note(f"skipped: {text}")
    return plan.queries


def unreadable(output: Output, error: DatasetFileError) -> Exit:
    """Say that a file could not be used, and end."""
    output.note(f"error: {error}")
    output.event("summary", ok=False, exit_code=int(Exit.FILES), error=str(error))
    return Exit.FILES
