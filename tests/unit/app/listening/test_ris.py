"""A worklist of rows: what a cell may hold, what modalities see of it, and what stays as it was drawn."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from dicomgui.app.listening.ris import COLUMNS, MAX_ROWS, UserWorklist, check_cell, row_of
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes import worklist
from dicomgui.network.service_classes.keys import value_at
from dicomgui.network.service_classes.matching import answer_for, matches

NOW = datetime(2025, 2, 28, 23, 50, 12, tzinfo=UTC)
STEP = "ScheduledProcedureStepSequence[0]."
BY_KEYWORD = {column.keyword: column for column in COLUMNS}


def made(**cells: str) -> UserWorklist:
    worklist_ = UserWorklist()
    worklist_.set_rows([cells], random.Random(1))
    return worklist_


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("today", "20250228"), ("Today+1", "20250301"), ("tomorrow", "20250301"), ("yesterday", "20250227"),
        ("today - 59", "20241231"), ("2025-04-30", "20250430"), ("20250430", "20250430"),
    ],
)  # fmt: skip
def test_date_words(text: str, seen: str) -> None:
    [item] = made(ScheduledProcedureStepStartDate=text).items(NOW)
    assert value_at(item, f"{STEP}ScheduledProcedureStepStartDate") == seen


@pytest.mark.parametrize(
    ("text", "seen"), [("08:30", "083000"), ("0830", "083000"), ("now", "235000"), ("now+20", "001000"), ("9", None)]
)
def test_times(text: str, seen: str | None) -> None:
    if seen is None:
        assert check_cell(BY_KEYWORD["ScheduledProcedureStepStartTime"], text)
        return
    [item] = made(ScheduledProcedureStepStartTime=text).items(NOW)
    assert value_at(item, f"{STEP}ScheduledProcedureStepStartTime") == seen


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("PatientBirthDate", "2025-02-30"), ("PatientBirthDate", "soon"), ("PatientSex", "X"),
        ("AccessionNumber", "12345678901234567"), ("PatientID", "a\\b"),
        ("ScheduledStationAETitle", "MUCH_TOO_LONG_TITLE"), ("StudyInstanceUID", "1.x"),
        ("PatientName", "two\nlines"), ("Modality", "M" * 17),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(keyword: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=BY_KEYWORD[keyword].title):
        row_of({keyword: text})


def test_digits_are_drawn_once_and_stay_while_the_row_does() -> None:
    rows = UserWorklist()
    cells = {"AccessionNumber": "A@@@@", "PatientBirthDate": "19@@0101"}
    rows.set_rows([cells, cells])
    first, second = rows.rows
    assert first["AccessionNumber"][1:].isdigit()
    assert first["StudyInstanceUID"] != second["StudyInstanceUID"]
    rows.set_rows([{"PatientID": "new"}, cells, cells])
    assert [row["StudyInstanceUID"] for row in rows.rows[1:]] == [first["StudyInstanceUID"], second["StudyInstanceUID"]]
    assert rows.rows[1]["AccessionNumber"] == first["AccessionNumber"]


def test_an_item_has_all_that_a_modality_may_ask_for_and_matches() -> None:
    [item] = made(
        PatientName="Wang^Xiaodong=王^小东", Modality="MR", ScheduledStationAETitle="MR1",
        ScheduledProcedureStepStartDate="today", RequestedProcedureDescription="膝关节 MRI",
    ).items(NOW)  # fmt: skip
    keys = worklist.identifier(day=NOW.date(), modality="MR", station_ae="MR1", patient_name="wang*")
    assert matches(keys, item)
    answer = answer_for(keys, item)
    assert answer.SpecificCharacterSet == "ISO_IR 192"
    assert value_at(answer, f"{STEP}ScheduledProcedureStepDescription") == "膝关节 MRI"
    assert value_at(answer, f"{STEP}ScheduledProcedureStepID") == "SPS1"
    assert not matches(worklist.identifier(modality="CT"), item)


def test_a_state_shows_in_the_item() -> None:
    rows = made(PatientID="1")
    uid = rows.rows[0]["StudyInstanceUID"]
    rows.states = {uid: "STARTED"}
    [item] = rows.items(NOW)
    assert value_at(item, f"{STEP}ScheduledProcedureStepStatus") == "STARTED"


def test_there_is_a_limit() -> None:
    with pytest.raises(ConfigurationError, match="at most"):
        UserWorklist().set_rows([{}] * (MAX_ROWS + 1))
