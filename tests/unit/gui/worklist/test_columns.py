"""The columns of a worklist: what they show, and which come with what was asked."""

from __future__ import annotations

from helpers.worklist import item

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.values import Answer
from dicomgui.app.asking.worklist import STEP, usual_return_keys
from dicomgui.app.connection import ConnectionOptions
from dicomgui.gui.asking.rows import Row, Source, cell_text, tags_of
from dicomgui.gui.worklist.columns import STEP_COLUMNS, asked_columns, columns_of
from dicomgui.network import PeerAddress
from dicomgui.network.dimse.dataset import encode_dataset

EXPLICIT = "1.2.840.10008.1.2.1"


def test_elements_of_the_item_and_of_its_step_are_shown() -> None:
    source = Source("RIS", PeerAddress("RIS", "h", 1), ConnectionOptions(), "worklist")
    answer = Answer(bytes(encode_dataset(item(1, "Wang^XiaoDong=王^小东", "CT", "CT1"), EXPLICIT)), EXPLICIT)
    row = Row(answer, Level.STUDY, source)
    texts = answer.texts(tags_of(STEP_COLUMNS, Level.STUDY))
    shown = {column.key: cell_text(row, column, texts) for column in STEP_COLUMNS}
    assert shown["item"] == "Wang XiaoDong = 王 小东"
    assert (shown["modality"], shown["station"], shown["date"], shown["time"]) == (
        "CT", "CT1", "2024-02-29", "08:30:00",
    )  # fmt: skip
    assert shown["status"] is None
    assert (shown["node"], row.noun, row.can_open) == ("RIS", "Step", False)


def test_what_was_asked_beyond_the_usual_gets_a_column() -> None:
    keys = [parse_key(f"{STEP}[0].PreMedication"), parse_key("PatientState=x"), parse_key("PatientID=1"),
            parse_key("SpecificCharacterSet=ISO_IR 100"), parse_key("ReferencedStudySequence"),
            parse_key(f"{STEP}[0].ScheduledProtocolCodeSequence[0].CodeValue")]  # fmt: skip
    more = columns_of((*keys, *usual_return_keys()))[len(STEP_COLUMNS) :]
    assert [column.title for column in more] == ["PreMedication", "PatientState", "StudyInstanceUID"]
    assert asked_columns(keys, usual_return_keys()) == {column.key for column in more[:2]}
