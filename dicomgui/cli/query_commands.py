"""The commands that query: find and worklist."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

from dicomgui.app.asking.corrections import codes_text
from dicomgui.app.asking.dicom_json import DatasetFileError, character_set_of, dataset_json
from dicomgui.app.asking.export import MatchFolder
from dicomgui.app.asking.information_models import keys_for, level_for
from dicomgui.app.asking.levels import contexts_for
from dicomgui.app.asking.query import FindJob, FindResult, Found, Query, return_keys_of
from dicomgui.app.asking.shared_association import SharedAssociation
from dicomgui.app.asking.worklist import worklist_query, worklist_remarks
from dicomgui.cli.exits import Exit, exit_of_error
from dicomgui.cli.output import Output
from dicomgui.cli.query_plan import planned, unreadable
from dicomgui.cli.session import Session
from dicomgui.cli.tables import MatchTable, dataset_lines
from dicomgui.cli.target import target_of
from dicomgui.network.status import Service

__all__ = ["find", "worklist"]


def find(options: argparse.Namespace) -> int:
    """``dicomgui find``."""
    session = Session(options)
    level = level_for(options.root, options.level, "find")
    queries: list[tuple[str, Query]] = []
    try:
        for one in planned(options, level, session.output):
            keys, returned = keys_for(options.root, one.keys, one.returned)
            queries.append((one.name, Query(keys, returned, level, options.root, options.limit, _seconds(options))))
    except DatasetFileError as error:
        return unreadable(session.output, error)
    return session.run(partial(_query_all, options, queries, Service.FIND))


def worklist(options: argparse.Namespace) -> int:
    """``dicomgui worklist``."""
    session = Session(options)
    try:
        queries = [
            (one.name, replace(worklist_query(one.keys, one.returned, options.limit), cancel_after_s=_seconds(options)))
            for one in planned(options, None, session.output)
        ]
    except DatasetFileError as error:
        return unreadable(session.output, error)
    return session.run(partial(_query_all, options, queries, Service.WORKLIST))


def _seconds(options: argparse.Namespace) -> float | None:
    """Seconds until the C-CANCEL."""
    return None if options.cancel_after_ms is None else options.cancel_after_ms / 1000


async def _query_all(
    options: argparse.Namespace, queries: list[tuple[str, Query]], service: Service, session: Session
) -> Exit:
    """Ask one query after the other, all of them over one association."""
    output, target = session.output, target_of(options)
    if service is Service.WORKLIST:
        for remark in dict.fromkeys(remark for _, query in queries for remark in worklist_remarks(query.keys)):
            output.note(remark)
    try:
        folder = None if options.out is None else MatchFolder(Path(options.out))
    except OSError as error:
        output.note(f"error: the matches could not be written to {options.out}: {error.strerror or error}")
        output.event("summary", ok=False, exit_code=int(Exit.FILES), error=str(error))
        return Exit.FILES
    queries *= options.repeat
    if len(queries) == 1:
        return await _query(FindJob(session.context, *target, queries[0][1]), options, queries[0], folder, session)
    found = matches = 0
    worst = Exit.OK
    async with SharedAssociation(session.context, *target, contexts_for(queries[0][1].roots, "find")) as shared:
        for number, named in enumerate(queries, 1):
            job = FindJob(session.context, *target, named[1], over=shared)
            output.event("query", number=number, query=named[0])
            output.line(f"query {number} of {len(queries)}", named[0])
            code = await _query(job, options, named, folder, session, number=number)
            found, matches, worst = found + 1, matches + job.result().count, worst or code
            if code is Exit.FILES or output.is_lost:
                break
    if shared.error is not None:
        output.note(f"error: {shared.error}")
        worst = worst or Exit.NETWORK
    output.event("summary", ok=worst is Exit.OK, exit_code=int(worst), queries=found, matches=matches)
    output.line(f"{found} queries, {matches} matches")
    return worst


async def _query(
    job: FindJob,
    options: argparse.Namespace,
    named: tuple[str, Query],
    folder: MatchFolder | None,
    session: Session,
    number: int = 0,
) -> Exit:
    """Ask one query, and sum it up; ``number`` says which of several it is."""
    output, (name, query) = session.output, named
    service = Service.WORKLIST if query.root == "worklist" else Service.FIND
    columns = [*query.keys, *(return_keys_of(query.level) if query.returned is None else query.returned)]
    which: dict[str, object] = {"query": name, "query_number": number} if number else {"query": name} if name else {}
    corrected: Counter[str] = Counter()
    try:
        result = await job.run(partial(_show, output, MatchTable(output, columns), folder, which, corrected))
    except OSError as error:
        output.note(f"error: the matches could not be written to {options.out}: {error.strerror or error}")
        _sum_up(output, job.result(), service, Exit.FILES, which, corrected)
        return Exit.FILES
    except asyncio.CancelledError:
        _sum_up(output, job.result(), service, Exit.CANCELLED, which, corrected)
        raise
    for note in result.notes:
        output.note(note)
    output.findings(result.findings)
    code = _exit_of(result)
    _sum_up(output, result, service, code, which, corrected)
    return code


def _show(
    output: Output,
    table: MatchTable,
    folder: MatchFolder | None,
    which: dict[str, object],
    corrected: Counter[str],
    match: Found,
) -> bool:
    """Print a match, count its corrections, and keep it where that is wanted; whether anybody still reads."""
    corrections = match.corrections
    corrected.update(str(one.code) for one in corrections)
    kept = {} if folder is None else {"file": str(folder.add(match.answer))}
    if output.is_json:
        output.event(
            "match",
            **which,
            number=match.number,
            dataset=dataset_json(match.dataset),
            character_set=character_set_of(match.dataset),
            unsupported_keys=match.has_unsupported_keys,
            corrections=[{"element": one.element, "code": str(one.code)} for one in corrections],
            **kept,
        )
    else:
        table.row(match.dataset)
        if corrections:
            output.line(f"  corrected: {codes_text(corrections)}")
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


def _sum_up(
    output: Output,
    result: FindResult,
    service: Service,
    code: Exit,
    which: dict[str, object],
    corrected: Counter[str],
) -> None:
    output.event(
        "queried" if "query_number" in which else "summary",
        **which,
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
        corrections=dict(sorted(corrected.items())),
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
    if corrected:
        output.line(f"corrected: {', '.join(f'{code} {count}' for code, count in sorted(corrected.items()))}")
    if result.never_returned:
        output.detail("never returned: ", ", ".join(result.never_returned))
