"""What ``listen`` answers beside storage and queries, from its options and from a file of answers."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from dicomgui.app.configuration.provided import USUAL, Provided
from dicomgui.app.listening.answers import AnswerSettings, read_answers
from dicomgui.app.listening.commitment_answers import CommitmentAnswers, Delivery
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.ris_files import WorklistFile, read_csv, read_folder
from dicomgui.app.listening.texts import rule_from_text
from dicomgui.cli.output import Output

__all__ = ["answering"]


def answering(options: argparse.Namespace, output: Output) -> tuple[AnswerDesk, frozenset[Provided]]:
    """What answers, and the services that are offered: the usual ones, those asked for, and those with answers set.

    Reads the files that the options name.

    :raises ConfigurationError: one of them, or a rule, cannot be used.
    """
    settings = _settings(options)
    desk = AnswerDesk(settings, print_folder=None if options.print_folder is None else Path(options.print_folder))
    path = options.worklist or settings.worklist_folder
    if path:
        read = _read(Path(path), output)
        desk.change(replace(settings, worklist=(*settings.worklist, *read.rows)))
        desk.set_datasets(read.datasets)
    for number, problem in desk.problems:
        output.note(f"worklist row {number + 1}: {problem}")
    return desk, _services(options, desk.settings)


def _settings(options: argparse.Namespace) -> AnswerSettings:
    """Those of the file, and over them what the options say."""
    settings = AnswerSettings() if options.answers is None else read_answers(Path(options.answers))
    rules = tuple(rule_from_text(text) for text in options.rules)
    settings = replace(settings, rules=(*rules, *settings.rules))
    settings = replace(
        settings,
        mpps_is_strict=settings.mpps_is_strict and "mpps" not in options.lenient,
        ups_is_strict=settings.ups_is_strict and "ups" not in options.lenient,
        media_folder=options.media_folder or settings.media_folder,
        mpps_notified=(*settings.mpps_notified, *options.mpps_notified),
    )
    if options.commit is not None:
        settings = replace(settings, commitment=replace(settings.commitment, delivery=Delivery(options.commit)))
    return settings


def _read(path: Path, output: Output) -> WorklistFile:
    read = read_folder(path) if path.is_dir() else read_csv(path)
    for problem in read.problems:
        output.note(f"{path}: {problem}")
    return read


def _services(options: argparse.Namespace, settings: AnswerSettings) -> frozenset[Provided]:
    asked = {
        Provided.WORKLIST: options.worklist or settings.worklist or settings.worklist_folder,
        Provided.MPPS: options.mpps, Provided.COMMITMENT: options.commit, Provided.PRINT: options.print_folder,
        Provided.MEDIA: settings.media_folder, Provided.UPS: options.ups, Provided.NOTIFICATIONS: options.notifications,
    }  # fmt: skip
    ruled = {rule.service for rule in settings.rules if rule.is_on and isinstance(rule.service, Provided)}
    strict = {Provided.MPPS: settings.mpps_is_strict, Provided.UPS: settings.ups_is_strict}
    ruled |= {Provided.MPPS} if settings.mpps_notified else set()
    ruled |= {service for service, is_strict in strict.items() if not is_strict}
    if settings.commitment != CommitmentAnswers():
        ruled.add(Provided.COMMITMENT)
    if (settings.printer_status, settings.printer_info) != ("NORMAL", "NORMAL"):
        ruled.add(Provided.PRINT)
    return USUAL | ruled | {service for service, is_asked in asked.items() if is_asked}
