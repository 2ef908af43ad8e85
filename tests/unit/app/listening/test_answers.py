"""The file of answers: what is written is read again, and what is wrong costs itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomgui.app.configuration.files import SettingsError
from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.answers import AnswerSettings, AnswerStore, read_answers
from dicomgui.app.listening.commitment_answers import CommitmentAnswers, Delivery, Verdict
from dicomgui.app.listening.ris import COLUMNS
from dicomgui.app.listening.rules import AnswerRule, Basic
from dicomgui.network.errors import ConfigurationError

EMPTY = {column.keyword: "" for column in COLUMNS}
FULL = AnswerSettings(
    rules=(
        AnswerRule(Provided.MPPS, "N-SET", 0xC227, "no", 250, 3, "PatientID=1", is_on=False),
        AnswerRule(Provided.UPS),
        AnswerRule(Basic.ASSOCIATION, end="reject 1/1/3", caller="CT*", address="192.0.2.0/24"),
        AnswerRule(Provided.STORE, "C-STORE", end="abort", sop_class="1.2.840.10008.5.1.4.1.1.2"),
    ),
    worklist=({**EMPTY, "PatientName": "王^小东", "PatientSex": "?"},),
    worklist_folder="/items",
    hides_ended=True,
    commitment=CommitmentAnswers(Verdict.ALL, Delivery.NEW, 10, 2, ("1.2.3",), 0x0213),
    printer_status="WARNING",
    printer_info="SUPPLY LOW",
    mpps_is_strict=False,
    ups_is_strict=False,
)


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    AnswerStore(tmp_path).save(FULL)
    store = AnswerStore(tmp_path)
    assert store.load() == FULL
    assert store.problem is None


def test_nothing_is_the_usual(tmp_path: Path) -> None:
    assert AnswerStore(tmp_path).load() == AnswerSettings()


def test_a_wrong_value_costs_itself(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.save(FULL)
    text = store.path.read_text("utf-8").replace('"N-SET"', '"N-SING"').replace('"WARNING"', '"BROKEN"')
    store.path.write_text(text, "utf-8")
    read = store.load()
    assert [rule.service for rule in read.rules] == [Provided.UPS, Basic.ASSOCIATION, Provided.STORE]
    assert (read.printer_status, read.printer_info, read.worklist) == ("NORMAL", "SUPPLY LOW", FULL.worklist)
    assert store.problem is not None
    assert "N-SING" in str(store.problem)


def test_a_list_that_would_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    rows = tuple({**EMPTY, "PatientName": "x" * 250, "PatientID": "y" * 250, "StudyInstanceUID": "z" * 250}
                 for _ in range(5_000))  # fmt: skip
    store = AnswerStore(tmp_path)
    with pytest.raises(SettingsError, match="too large"):
        store.save(AnswerSettings(worklist=rows))
    assert not store.path.exists()


@pytest.mark.parametrize("wrong", [{"printer_status": "GONE"}, {"printer_info": "low"}, {"worklist": ({},) * 5_001}])
def test_what_cannot_be_used_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        AnswerSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version = 1\nrules = 3\n", "line 2: rules means nothing here; did you mean rule?"),
        ('[printer]\nstate = "NORMAL"\n', "line 2: printer.state means nothing here; did you mean status?"),
        (
            '[[rule]]\nservice = "mpps"\n\n[[rule]]\nservice = "mpps"\nstats = 272\n',
            "line 6: rule 2: stats means nothing here; did you mean status?",
        ),
        ('[mpps]\nstrict = "yes"\n', "line 2: mpps.strict: it is neither true nor false"),
        ('[[rule]]\nservice = "mpps"\nstatus = "C000"\n', "line 3: rule 1: status: it is no whole number"),
        ('[[rule]]\nservice = "mmps"\n', "line 2: rule 1: service: it is none of "),
        ("[[rule]]\nstatus = 272\n", "line 1: rule 1: it names no service"),
        ("version = 1\nrule = [3]\n", "line 2: rule 1: it is no table"),
        ("rule = 3\n", "line 1: rule: it is no list of tables"),
        ("mpps = 3\n", "line 1: mpps: it is no table"),
    ],
)
def test_a_wrong_value_and_an_unknown_key_are_told_with_their_line(tmp_path: Path, text: str, told: str) -> None:
    store = AnswerStore(tmp_path)
    store.path.write_text(text)
    store.load()
    assert told in str(store.problem)
    with pytest.raises(ConfigurationError) as refused:
        read_answers(store.path)
    assert told in str(refused.value)


def test_an_unknown_key_stays_in_the_file_and_what_would_be_lost_is_kept_aside(tmp_path: Path) -> None:
    """A rule is written as a whole; all other tables keep what only the file knows."""
    store = AnswerStore(tmp_path)
    store.path.write_text('[printer]\nstate = "NORMAL"\n')
    read = store.load()
    assert store.problem is not None
    assert "stays in the file" in store.problem.hint
    store.save(read)
    assert 'state = "NORMAL"' in store.path.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["answers.toml"]

    store.path.write_text('[[rule]]\nservice = "mpps"\nstats = 272\n')
    read = store.load()
    assert len(read.rules) == 1
    assert "a copy is kept" in store.problem.hint
    store.save(read)
    assert "stats" in (tmp_path / "answers.damaged-1.toml").read_text()


def test_a_rule_with_a_wrong_value_is_not_in_force_in_part(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.path.write_text('[[rule]]\nservice = "mpps"\nstatus = "C000"\n[[rule]]\nservice = "mpps"\n')
    assert store.load().rules == (AnswerRule(Provided.MPPS),)
