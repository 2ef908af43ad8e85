"""The commands for normalized services: n-create, n-set, n-get, n-action, n-event-report, n-delete."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicomgui.app.asking.dicom_json import DatasetFileError, character_set_of, dataset_json, load_dataset, read_dataset
from dicomgui.app.nservices.requests import NOperation, NRequest, NResult, service_of, sop_class_of, transact
from dicomgui.cli.exits import Exit, exit_of_error
from dicomgui.cli.output import Output
from dicomgui.cli.session import Session
from dicomgui.cli.tables import dataset_lines
from dicomgui.cli.target import target_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["exit_of_result", "run", "show_result"]


def run(options: argparse.Namespace) -> int:
    """``dicomgui n-create`` and its siblings."""
    return Session(options).run(partial(_run, options))


async def _run(options: argparse.Namespace, session: Session) -> Exit:
    output = session.output
    try:
        dataset = _dataset(options.dataset)
    except DatasetFileError as error:
        output.note(f"error: {error}")
        output.event("summary", ok=False, exit_code=int(Exit.FILES), error=str(error))
        return Exit.FILES
    request = NRequest(
        NOperation(options.operation),
        sop_class_of(options.sop_class),
        options.instance or "",
        dataset,
        options.type_id,
        tuple(attribute.tag for attribute in options.attributes),
        sop_class_of(options.context) if options.context else "",
    )
    results: list[NResult] = []

    def show(result: NResult) -> None:
        results.append(result)
        show_result(output, result)

    result = await transact(session.context, *target_of(options), request, repeat=options.repeat, on_result=show)
    code = exit_of_result(result)
    output.event(
        "summary",
        ok=code is Exit.OK,
        exit_code=int(code),
        status=None if result.status is None else int(result.status),
        association=result.association,
        requests=len(results),
        seconds=round(result.seconds, 6),
        notes=list(result.notes),
        error=(result.unreadable or None) if result.error is None else str(result.error),
    )
    return code


def _dataset(path: str | None) -> Dataset | None:
    if path is None:
        return None
    return read_dataset(sys.stdin.buffer, "standard input") if path == "-" else load_dataset(Path(path))


def show_result(output: Output, result: NResult) -> None:
    """Show what became of a request: notes, findings, and the answer."""
    for note in result.notes:
        output.note(note)
    output.findings(result.findings)
    if result.error is not None and not result.findings:
        output.note(f"error: {result.error}")
    _show(output, result)


def _show(output: Output, result: NResult) -> None:
    if result.status is None:
        return
    meaning = result.status.meaning(service_of(result.request.sop_class_uid))
    output.event(
        "response",
        operation=result.request.operation.value,
        status=int(result.status),
        meaning=meaning,
        comment=result.comment,
        sop_instance_uid=result.sop_instance_uid,
        offending=[_tag(tag) for tag in result.offending],
        attribute_identifiers=[_tag(tag) for tag in result.attribute_identifiers],
        dataset=None if result.dataset is None else dataset_json(result.dataset),
        character_set=[] if result.dataset is None else character_set_of(result.dataset),
    )
    comment = f" ({result.comment})" if result.comment else ""
    output.line(f"{result.request.operation.value}  0x{int(result.status):04X} {meaning}{comment}")
    if result.sop_instance_uid:
        output.line("  instance  ", result.sop_instance_uid)
    for word, tags in (("offending ", result.offending), ("attributes", result.attribute_identifiers)):
        if tags:
            output.line(f"  {word} ", ", ".join(map(_tag, tags)))
    if result.dataset is not None:
        for line in dataset_lines(result.dataset):
            output.line(line)


def _tag(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def exit_of_result(result: NResult) -> Exit:
    """The exit code for what became of a request."""
    if result.error is not None:
        return exit_of_error(result.error)
    if result.status is not None and result.status.is_failure:
        return Exit.REFUSED
    return Exit.NETWORK if result.unreadable else Exit.OK if result.ok else Exit.REFUSED
