"""The command ``n-template``: ready-made requests one after the other over one association."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

from dicomgui.app.files.sources import scan
from dicomgui.app.nservice_events import NEvent
from dicomgui.app.nservices.grouped_references import homes_of_files
from dicomgui.app.nservices.picture import read_picture
from dicomgui.app.nservices.requests import NOperation
from dicomgui.app.nservices.steps import Step, known_of, run_steps
from dicomgui.app.nservices.templates import Known
from dicomgui.app.nservices.types import type_name
from dicomgui.cli.exits import Exit
from dicomgui.cli.nservice_commands import exit_of_result, show_result
from dicomgui.cli.output import Output
from dicomgui.cli.session import Session
from dicomgui.cli.tables import dataset_lines
from dicomgui.cli.target import target_of
from dicomgui.network.service_classes.references import Reference

__all__ = ["run", "show_event"]


def run(options: argparse.Namespace) -> int:
    """``dicomgui n-template``."""
    return Session(options).run(partial(_run, options))


async def _run(options: argparse.Namespace, session: Session) -> Exit:
    peer, chosen = target_of(options)
    output = session.output
    known = _filled(options, known_of(chosen.calling_ae, instance=options.instance, transaction=options.transaction))
    steps: list[Step] = options.steps * options.repeat
    results = await run_steps(
        session.context,
        peer,
        chosen,
        steps,
        known,
        wait_s=options.wait,
        on_result=partial(show_result, output),
        on_event=partial(show_event, output),
    )
    code = exit_of_result(results[-1])
    output.event("summary", ok=code is Exit.OK, exit_code=int(code), done=sum(one.ok for one in results), of=len(steps))
    return code


def _filled(options: argparse.Namespace, known: Known) -> Known:
    """``known``, and what files tell besides."""
    if options.image is not None:
        known = replace(known, image=read_picture(Path(options.image)))
    if options.files:
        with scan(options.files) as selection:
            found = tuple(Reference(one.head.sop_class_uid, one.head.sop_instance_uid) for one in selection.items)
            homes = homes_of_files([(one.head.sop_instance_uid, one.path) for one in selection.items])
        known = replace(known, references=tuple(dict.fromkeys(found)), homes=homes)
    return known


def show_event(output: Output, event: NEvent) -> None:
    """Print an N-EVENT-REPORT that came."""
    name = type_name(NOperation.EVENT_REPORT, event.sop_class_uid, event.type_id)
    output.event(
        "report",
        sop_class_uid=event.sop_class_uid,
        sop_instance_uid=event.sop_instance_uid,
        type=event.type_id,
        type_name=name,
    )
    output.line(f"n-event-report  type {event.type_id}{f' ({name})' if name else ''}  {event.sop_instance_uid}")
    for line in () if event.dataset is None else dataset_lines(event.dataset):
        output.line(line)
