"""The commands that query: find and worklist."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

from dicomgui.app.asking.dicom_json import DatasetFileError, character_set_of, dataset_json, load_dataset
from dicomgui.app.asking.export import MatchFolder
from dicomgui.app.asking.information_models import keys_for, level_for
from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.plan_file import keys_in
from dicomgui.app.asking.query import FindJob, FindResult, Found, Query, return_keys_of
from dicomgui.app.asking.worklist import worklist_query, worklist_remarks
from dicomgui.cli.exits import Exit, exit_of_error
from dicomgui.cli.output import Output
from dicomgui.cli.session import Session
from dicomgui.cli.tables import MatchTable, dataset_lines
from dicomgui.cli.target import target_of
from dicomgui.network.status import Service

__all__ = ["find", "worklist"]


def find(options: argparse.Namespace) -> int:
    """``dicomgui find``."""
    level = level_for(options.root, options.level, "find")
    try:
        keys, returned = keys_for(options.root, *_keys(options))
    except DatasetFileError as error:
        return _unreadable(options, error)
    query = Query(keys, returned, level, options.root, options.limit, _seconds(options))
    columns = [*query.keys, *(return_keys_of(level) if returned is None else returned)]
    return Session(options).run(partial(_query, options, query, columns, Service.FIND))


def worklist(options: argparse.Namespace) -> int:
    """``dicomgui worklist``."""
    try:
        keys, returned = _keys(options)
    except DatasetFileError as error:
        return _unreadable(options, error)
    query = replace(worklist_query(keys, returned, options.limit), cancel_after_s=_seconds(options))
    columns = [*query.keys, *(query.returned or ())]
    return Session(options).run(partial(_query, options, query, columns, Service.WORKLIST))


def _seconds(options: argparse.Namespace) -> float | None:
    """Seconds until the C-CANCEL."""
    return None if options.cancel_after_ms is None else options.cancel_after_ms / 1000


def _keys(options: argparse.Namespace) -> tuple[tuple[Key, ...], tuple[Key, ...] | None]:
    """What to match, and what to return instead of the usual."""
    found = keys_in(load_dataset(Path(options.query))) if options.query is not None else ()
    matching = tuple(key for key in found if key.is_matching)
    returned = (*(key for key in found if not key.is_matching), *options.returned)
    return (*matching, *options.keys), returned or None


def _unreadable(options: argparse.Namespace, error: DatasetFileError) -> int:
    output = Session(options).output
    output.note(f"error: {error}")
    output.event("summary", ok=False, exit_code=int(Exit.FILES), error=str(error))
    return Exit.FILES


async def _query(
    options: argparse.Namespace, query: Query, columns: list[Key], service: Service, session: Session
) -> Exit:
    output = session.output
    if service is Service.WORKLIST:
        for remark in worklist_remarks(query.keys):
            output.note(remark)
    job = FindJob(session.context, *target_of(options), query)
    try:
        folder = None if options.out is None else MatchFolder(Path(options.out))
        result = await job.run(partial(_show, output, MatchTable(output, columns), folder))
    except OSError as error:
        output.note(f"error: the matches could not be written to {options.out}: {error.strerror or error}")
        _sum_up(output, job.result(), service, Exit.FILES)
        return Exit.FILES
    except asyncio.CancelledError:
        _sum_up(output, job.result(), service, Exit.CANCELLED)
        raise
    for note in result.notes:
        output.note(note)
    output.findings(result.findings)
    code = _exit_of(result)
    _sum_up(output, result, service, code)
    return code


def _show(output: Output, table: MatchTable, folder: MatchFolder | None, match: Found) -> bool:
    """Print a match, and keep it where that is wanted; whether anybody still reads."""
    kept = {} if folder is None else {"file": str(folder.add(match.answer))}
    if output.is_json:
        output.event(
            "match",
            number=match.number,
            dataset=dataset_json(match.dataset),
            character_set=character_set_of(match.dataset),
            unsupported_keys=match.has_unsupported_keys,
            **kept,
        )
    else:
        table.row(match.dataset)
        if output.is_verbose:
            for line in dataset_lines(match.dataset):
                output.line(line)
    return not output.is_lost


def _exit_of(result: FindResult) -> Exit:
    if result.error is not None:
        return exit_of_error(result.error)
    if result.status is not None and result.status.is_failure:
        return Exit.REFUSED
    return Exit.NETWORK if result.unreadable else Exit.OK


def _sum_up(output: Output, result: FindResult, service: Service, code: Exit) -> None:
    output.event(
        "summary",
        ok=code is Exit.OK,
        exit_code=int(code),
        matches=result.count,
        limit=result.limit,
        has_more=result.has_more,
        cancelled=code is Exit.CANCELLED,
        unreadable=result.unreadable,
        root=result.root,
        level=None if result.level is None else result.level.value,
        character_set=result.character_set,
        status=None if result.status is None else int(result.status),
        meaning=None if result.status is None else result.status.meaning(service),
        comment=result.comment,
        never_returned=list(result.never_returned),
        notes=list(result.notes),
        association=result.association,
        seconds=round(result.seconds, 6),
        error=None if result.error is None else str(result.error),
    )
    text = "1 match" if result.count == 1 else f"{result.count} matches"
    if result.has_more:
        text += f", and there are more: stopped at the limit of {result.limit}"
    if code is Exit.CANCELLED:
        text += ", cancelled before the end"
    if result.unreadable:
        text += f"; {result.unreadable} could not be read"
    output.line(text)
    if result.never_returned:
        output.detail("never returned: ", ", ".join(result.never_returned))
