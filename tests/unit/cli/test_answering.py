"""What the options of ``listen`` and a file of answers come to."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dicomgui.app.configuration.provided import USUAL, Provided
from dicomgui.app.listening.answers import AnswerSettings, AnswerStore
from dicomgui.app.listening.commitment_answers import Delivery, Verdict
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.rules import AnswerRule
from dicomgui.cli.answering import answering
from dicomgui.cli.main import build_parser
from dicomgui.cli.output import Output
from dicomgui.network import ConfigurationError

FILE = """
[[rule]]
service = "mpps"
operation = "N-SET"
status = 0x0110
comment = "no more"
delay_ms = 5
every = 2
attributes = "PatientID=1"

[worklist]
columns = ["PatientName", "Modality", "PatientSex"]
rows = [["Doe^Jane", "CT", "F"], ["Doe^Joe", "CT", "wrong"]]

[commitment]
verdict = "all"
delivery = "same"
"""


def answered(*arguments: str) -> tuple[AnswerDesk, frozenset[Provided], str]:
    out, err = io.StringIO(), io.StringIO()
    options = build_parser().parse_args(["listen", "--dir", "x", *arguments])
    desk, services = answering(options, Output(as_json=False, verbose=False, out=out, err=err))
    return desk, services - USUAL, err.getvalue()


def test_without_options_nothing_is_offered() -> None:
    desk, services, said = answered()
    assert (desk.settings, services, said) == (AnswerSettings(), frozenset(), "")


def test_each_service_has_its_option(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Modality\nCT\n", "utf-8")
    _, services, _ = answered(
        "--worklist", str(tmp_path / "list.csv"), "--mpps", "--commit", "new", "--print", str(tmp_path), "--ups",
        "--media", str(tmp_path),
        "--notifications",
    )  # fmt: skip
    assert services == frozenset(Provided) - USUAL


def test_a_service_can_be_lenient_by_itself(tmp_path: Path) -> None:
    desk, services, _ = answered("--lenient", "mpps")
    assert (desk.performed.is_strict, desk.procedures.is_strict) == (False, True)
    assert services == {Provided.MPPS}
    file = tmp_path / "mine.toml"
    file.write_text("[ups]\nstrict = false\n", "utf-8")
    desk, services, _ = answered("--answers", str(file))
    assert (desk.performed.is_strict, desk.procedures.is_strict) == (True, False)
    assert services == {Provided.UPS}
    assert answered("--answers", str(file), "--lenient", "mpps", "--lenient", "ups")[1] == {Provided.MPPS, Provided.UPS}


def test_who_is_told_of_performed_steps_is_of_the_file_and_of_options(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[mpps]\nnotify = ["RIS1", "RIS1", "PACS"]\n', "utf-8")
    desk, services, _ = answered("--answers", str(file), "--mpps-notify", "ARCHIVE")
    assert desk.performed.notified == ("RIS1", "PACS", "ARCHIVE")
    assert services == {Provided.MPPS}


def test_rules_of_options_are_in_their_order_and_offer_their_service() -> None:
    refusal = "mpps N-CREATE status=A700 comment='no room' delay=500 every=2 attributes='PatientID=1; PatientSex=F'"
    desk, services, _ = answered("--rule", refusal, "--rule", "WORKLIST delay=3000")
    assert desk.rules.rules == (
        AnswerRule(Provided.MPPS, "N-CREATE", 0xA700, "no room", 500, 2, "PatientID=1; PatientSex=F"),
        AnswerRule(Provided.WORKLIST, delay_ms=3000),
    )
    assert services == {Provided.MPPS, Provided.WORKLIST}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "begins with one of worklist, mpps"),
        ("storage status=0110", "begins with one of"),
        ("association status=0110", "has no status"),
        ("mpps N-SING", "is none of any, C-FIND"),
        ("mpps status=110", "four hexadecimal digits"),
        ("mpps state=0110", "is none of delay=…"),
        ("mpps 'status=0110", "is no rule"),
        ("mpps attributes=NoSuchThing=1", "NoSuchThing"),
    ],
)
def test_a_rule_that_is_none_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        answered("--rule", text)


def test_a_file_of_answers(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FILE, "utf-8")
    assert answered("--answers", str(file))[1] == {Provided.MPPS, Provided.WORKLIST, Provided.COMMITMENT}
    desk, services, said = answered("--answers", str(file), "--rule", "ups delay=1", "--commit", "new")
    assert [rule.service for rule in desk.rules.rules] == [Provided.UPS, Provided.MPPS]
    assert desk.rules.rules[1] == AnswerRule(Provided.MPPS, "N-SET", 0x0110, "no more", 5, 2, "PatientID=1")
    assert (desk.settings.commitment.verdict, desk.settings.commitment.delivery) == (Verdict.ALL, Delivery.NEW)
    assert len(desk.worklist()) == 1
    assert "worklist row 2" in said
    assert services == {Provided.UPS, Provided.MPPS, Provided.WORKLIST, Provided.COMMITMENT}


def test_what_the_window_keeps_is_such_a_file(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.save(AnswerSettings(rules=(AnswerRule(Provided.PRINT, status=0xB600),), printer_status="WARNING"))
    desk, services, _ = answered("--answers", str(store.path))
    assert (desk.settings.printer_status, services) == ("WARNING", {Provided.PRINT})
    store.save(AnswerSettings(printer_info="SUPPLY LOW"))
    assert answered("--answers", str(store.path))[1] == {Provided.PRINT}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[rule]]\nservice = 'mpps'\noperation = 'N-SING'", "N-SING"),
        ("[[rule]]\nservice = 'mpps'\ndelay = 5", "rule 1: delay means nothing here"),
        ("[rules]\n", "rules means nothing here"),
        ("[worklist]\nrow = []", "worklist.row means nothing here"),
        ("[printer]\nstatus = 'BROKEN'", "NORMAL"),
        ("nonsense", "damaged"),
    ],
)
def test_a_file_that_is_not_understood_as_a_whole_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=problem):
        answered("--answers", str(file))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no file"):
        answered("--answers", str(tmp_path / "none.toml"))
