"""The file of answers: what is written is read again, and what is wrong costs itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomgui.app.configuration.files import SettingsError
from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.answers import AnswerSettings, AnswerStore
from dicomgui.app.listening.commitment_answers import CommitmentAnswers, Delivery, Verdict
from dicomgui.app.listening.ris import COLUMNS
from dicomgui.app.listening.rules import AnswerRule
from dicomgui.network.errors import ConfigurationError

EMPTY = {column.keyword: "" for column in COLUMNS}
FULL = AnswerSettings(
    rules=(
        AnswerRule(Provided.MPPS, "N-SET", 0xC227, "no", 250, 3, "PatientID=1", is_on=False),
        AnswerRule(Provided.UPS),
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
    assert [rule.service for rule in read.rules] == [Provided.UPS]
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
