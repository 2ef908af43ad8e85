"""What our listener answers as a RIS, an MPPS manager, a printer and so on, as the user has set it; kept in a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dicomgui.app.configuration import values as checks
from dicomgui.app.configuration.files import SettingsError, TomlFile, config_folder
from dicomgui.app.configuration.provided import Provided
from dicomgui.app.configuration.values import Table, Values, overlay
from dicomgui.app.listening.commitment_answers import CommitmentAnswers, Delivery, Verdict
from dicomgui.app.listening.ris import COLUMNS, MAX_ROWS
from dicomgui.app.listening.rules import ANY, MAX_RULES, AnswerRule, Basic, RuledService
from dicomgui.network.association.params import AETitle
from dicomgui.network.errors import ConfigurationError

__all__ = ["PRINTER_STATES", "AnswerSettings", "AnswerStore", "read_answers"]

FILE_NAME: Final = "answers.toml"
VERSION: Final = 1
MAX_TEXT_BYTES: Final = 3 * 2**20
"""Of the cells of the worklist together, so that the file stays one that is read again."""

MAX_NOTIFIED: Final = 32
"""AE titles that are told of performed steps."""

_RULE_KEYS: Final = (
    "service",
    "operation",
    "status",
    "every",
    "delay_ms",
    "comment",
    "attributes",
    "on",
    "end",
    "caller",
    "address",
    "sop_class",
)

PRINTER_STATES: Final = ("NORMAL", "WARNING", "FAILURE")


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """Everything that is set about the answers.

    :ivar rules: in their order.
    :ivar worklist: rows by keyword, as they were typed: also what cannot be used yet.
    :ivar worklist_folder: data sets of this folder are worklist items, too; empty for none.
    :ivar hides_ended: leave out of the worklist what was completed or discontinued by MPPS.
    :ivar printer_status: Printer Status (2110,0010).
    :ivar printer_info: Printer Status Info (2110,0020), e.g. ``SUPPLY LOW``.
    :ivar media_folder: media are written into folders of this one; empty for one beside the archive.
    :ivar mpps_is_strict: refuse performed steps and changes of them that break PS3.4 table F.7.2-1.
    :ivar mpps_notified: AE titles of the known peers that are told of each change of a performed step (PS3.4 F.9).
    :ivar ups_is_strict: refuse unified procedure steps and changes of them that break PS3.4 table CC.2.5-3.
    :raises ConfigurationError: a value is unusable.
    """

    rules: tuple[AnswerRule, ...] = ()
    worklist: tuple[Mapping[str, str], ...] = ()
    worklist_folder: str = ""
    hides_ended: bool = False
    commitment: CommitmentAnswers = field(default=CommitmentAnswers())
    printer_status: str = "NORMAL"
    printer_info: str = "NORMAL"
    mpps_is_strict: bool = True
    ups_is_strict: bool = True
    mpps_notified: tuple[str, ...] = ()
    media_folder: str = ""

    def __post_init__(self) -> None:
        if len(self.rules) > MAX_RULES:
            raise checks.wrong(f"there can be {MAX_RULES} rules")
        if len(self.worklist) > MAX_ROWS:
            raise checks.wrong(f"a worklist has at most {MAX_ROWS:,} rows")
        if self.printer_status not in PRINTER_STATES:
            raise checks.wrong(f"a printer's status is one of {', '.join(PRINTER_STATES)}")
        _code_string(self.printer_info)
        object.__setattr__(self, "mpps_notified", _titles(self.mpps_notified))


class AnswerStore:
    """Reads and writes ``answers.toml``. Both wait for the disk; a window does them in a worker thread.

    :ivar problem: why the last :meth:`load` did not understand the file, or not completely.

    :param folder: where it lies; by default where the settings are.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.path = config_folder(folder) / FILE_NAME
        self.problem: SettingsError | None = None
        self._file = TomlFile(self.path, version=VERSION)
        self._saving = threading.Lock()

    def load(self) -> AnswerSettings:
        """Read the file; the usual value stands for what is missing or wrong. Never raises."""
        settings, _, self.problem = self._read()
        return settings

    def save(self, settings: AnswerSettings) -> None:
        """Write them; a file that was not understood is kept aside.

        :raises SettingsError: they could not be written; the file is as it was.
        """
        size = sum(len(cell.encode()) + 8 for row in settings.worklist for cell in row.values())
        if size > MAX_TEXT_BYTES:
            raise SettingsError(
                "the worklist is too large to be kept", path=str(self.path),
                hint="It is in force until the program ends; keep it as a CSV file, or as a folder of data sets.",
            )  # fmt: skip
        with self._saving:
            _, table, problem = self._read()
            is_lossy = problem is not None and not problem.is_kept
            self._file.write(overlay(table, _table_of(settings)), keep_aside=is_lossy)
            self.problem = None

    def _read(self) -> tuple[AnswerSettings, Table, SettingsError | None]:
        return _read(self._file)


def read_answers(path: Path) -> AnswerSettings:
    """The answers of a file that somebody has written, or that a window keeps. Waits for the disk.

    :raises ConfigurationError: it is not there, or not understood as a whole: nobody is to think that a rule is in
        force which is not.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path} is no file", phase="configure", hint="Name a TOML file of answers.")
    settings, _, problem = _read(TomlFile(path, version=VERSION))
    if problem is not None:
        raise ConfigurationError(str(problem), phase="configure", hint="`dicomgui help answers` shows what it may say.")
    return settings


def _read(file: TomlFile) -> tuple[AnswerSettings, Table, SettingsError | None]:
    document = file.read()
    values = Values(document.table, lines=document.lines)
    settings = _settings_of(values, document.table)
    unknown, in_rules = _unknown(values, document.table)
    # The list of rules is written as a whole, so what only the file knows in one is lost.
    problem = file.problem_with(values.faults, [*unknown, *in_rules], is_kept=not in_rules)
    return settings, document.table, document.problem or problem


def _unknown(values: Values, table: Table) -> tuple[list[str], list[str]]:
    """Remarks on the keys that nothing reads: outside of the rules, and in them."""
    known = _table_of(AnswerSettings())
    unknown = values.unknown({**known, "version": VERSION})
    for name, usual in known.items():
        if isinstance(usual, dict) and isinstance(table.get(name), dict):
            unknown += values.inside(name).unknown(usual)
    rules = table.get("rule", [])
    numbered = enumerate(rules if isinstance(rules, list) else [], 1)
    in_rules = [
        remark
        for number, rule in numbered
        if isinstance(rule, dict)
        for remark in values.inside_list("rule", number, rule).unknown(_RULE_KEYS)
    ]
    return unknown, in_rules


def _settings_of(values: Values, table: Table) -> AnswerSettings:
    worklist, printer = values.inside("worklist"), values.inside("printer")
    no_columns: tuple[str, ...] = ()
    columns = worklist.take("columns", no_columns, _texts)
    no_rows: tuple[Mapping[str, str], ...] = ()
    return AnswerSettings(
        rules=_rules(values, table.get("rule", [])),
        worklist=worklist.take("rows", no_rows, lambda rows: _rows(rows, columns)),
        worklist_folder=worklist.take("folder", "", checks.text),
        hides_ended=worklist.take("hides_ended", False, checks.flag),
        commitment=_commitment(values.inside("commitment")),
        printer_status=printer.take("status", "NORMAL", _printer_status),
        printer_info=printer.take("info", "NORMAL", _code_string),
        mpps_is_strict=values.inside("mpps").take("strict", True, checks.flag),
        media_folder=values.inside("media").take("folder", "", checks.text),
        mpps_notified=values.inside("mpps").take("notify", (), lambda value: _titles(_texts(value))),
        ups_is_strict=values.inside("ups").take("strict", True, checks.flag),
    )


def _rules(values: Values, found: object) -> tuple[AnswerRule, ...]:
    if not isinstance(found, list):
        values.fault("rule: it is no list of tables", "rule")
        return ()
    rules = []
    for number, table in enumerate(found[:MAX_RULES], start=1):
        inside = values.inside_list("rule", number, table if isinstance(table, dict) else None)
        before = len(values.faults)
        try:
            rule = _rule(inside, table)
        except ConfigurationError as error:
            inside.fault(error)
        else:
            rules += [rule] if len(values.faults) == before else []  # one that is half understood is in force nowhere
    return tuple(rules)


def _rule(inside: Values, table: object) -> AnswerRule:
    if not isinstance(table, dict):
        raise checks.wrong("it is no table")
    if "service" not in table:
        raise checks.wrong("it names no service")
    return AnswerRule(
        service=_service_in(inside),
        operation=inside.take("operation", ANY, checks.text),
        status=inside.take("status", None, checks.whole),
        comment=inside.take("comment", "", checks.text),
        delay_ms=inside.take("delay_ms", 0, checks.whole),
        every=inside.take("every", 1, checks.whole),
        attributes=inside.take("attributes", "", checks.text),
        is_on=inside.take("on", True, checks.flag),
        end=inside.take("end", "", checks.text),
        caller=inside.take("caller", "", checks.text),
        address=inside.take("address", "", checks.text),
        sop_class=inside.take("sop_class", "", checks.text),
    )


def _service_in(inside: Values) -> RuledService:
    usual: RuledService = Provided.MPPS
    return inside.take("service", usual, _ruled_service)


def _ruled_service(value: object) -> RuledService:
    if value in tuple(Basic):
        return Basic(checks.text(value))
    return checks.one_of(Provided)(value)


def _commitment(values: Values) -> CommitmentAnswers:
    usual = CommitmentAnswers()
    try:
        return CommitmentAnswers(
            verdict=values.take("verdict", usual.verdict, checks.one_of(Verdict)),
            delivery=values.take("delivery", usual.delivery, checks.one_of(Delivery)),
            delay_ms=values.take("delay_ms", usual.delay_ms, checks.whole),
            fail_every=values.take("fail_every", usual.fail_every, checks.whole),
            fail_uids=values.take("fail_uids", usual.fail_uids, _texts),
            fail_reason=values.take("fail_reason", usual.fail_reason, checks.whole),
            report_for_h=values.take("report_for_h", usual.report_for_h, checks.whole),
            retry_s=values.take("retry_s", usual.retry_s, checks.whole),
        )
    except ConfigurationError as error:
        values.fault(error)
        return usual


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise checks.wrong("it is no list of texts")
    return tuple(value)


def _titles(texts: Iterable[str]) -> tuple[str, ...]:
    """AE titles, each once; raises ConfigurationError where one is none, or there are very many."""
    titles = tuple(dict.fromkeys(str(AETitle(text)) for text in texts))
    if len(titles) > MAX_NOTIFIED:
        raise checks.wrong(f"at most {MAX_NOTIFIED} AE titles can be told")
    return titles


def _rows(value: object, columns: tuple[str, ...]) -> tuple[Mapping[str, str], ...]:
    if not isinstance(value, list) or len(value) > MAX_ROWS:
        raise checks.wrong(f"it is no list of at most {MAX_ROWS:,} rows")
    rows = (dict(zip(columns, _texts(row), strict=False)) for row in value)
    known = tuple(column.keyword for column in COLUMNS)
    return tuple({keyword: row.get(keyword, "") for keyword in known} for row in rows)


def _printer_status(value: object) -> str:
    text = checks.text(value)
    if text not in PRINTER_STATES:
        raise checks.wrong(f"it is none of {', '.join(PRINTER_STATES)}")
    return text


def _code_string(value: object) -> str:
    text = checks.text(value)
    if len(text) > 16 or not all(c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ " for c in text):
        raise checks.wrong("a code string has up to 16 capital letters, digits, spaces and underscores")
    return text


def _table_of(settings: AnswerSettings) -> Table:
    columns = [column.keyword for column in COLUMNS]
    commitment = settings.commitment
    return {
        "rule": [_rule_table(rule) for rule in settings.rules],
        "worklist": {
            "folder": settings.worklist_folder,
            "hides_ended": settings.hides_ended,
            "columns": columns,
            "rows": [[row.get(column, "") for column in columns] for row in settings.worklist],
        },
        "commitment": {
            "verdict": commitment.verdict.value,
            "delivery": commitment.delivery.value,
            "delay_ms": commitment.delay_ms,
            "fail_every": commitment.fail_every,
            "fail_uids": list(commitment.fail_uids),
            "fail_reason": commitment.fail_reason,
            "report_for_h": commitment.report_for_h,
            "retry_s": commitment.retry_s,
        },
        "printer": {"status": settings.printer_status, "info": settings.printer_info},
        "media": {"folder": settings.media_folder},
        "mpps": {"strict": settings.mpps_is_strict, "notify": list(settings.mpps_notified)},
        "ups": {"strict": settings.ups_is_strict},
    }


def _rule_table(rule: AnswerRule) -> Table:
    table: dict[str, Any] = {
        "service": rule.service.value, "operation": rule.operation, "every": rule.every, "delay_ms": rule.delay_ms,
        "comment": rule.comment, "attributes": rule.attributes, "on": rule.is_on,
        "end": rule.end, "caller": rule.caller, "address": rule.address, "sop_class": rule.sop_class,
    }  # fmt: skip
    return table if rule.status is None else table | {"status": rule.status}
