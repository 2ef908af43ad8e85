"""SQL for keys: it uses the tables' indexes, takes values as parameters only, and any number of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from helpers.archive import identifier

from dicomgui.network.service_classes.values import Kind, matcher_of
from dicomgui.storage import Model, Selection, compile_query
from dicomgui.storage.attributes import ATTRIBUTES, COMPUTED, Level
from dicomgui.storage.conditions import FROM, condition, expression, selecting, selection_conditions
from dicomgui.storage.schema import prepare_schema


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    prepare_schema(connection)
    yield connection
    connection.close()


@pytest.mark.parametrize("level", Level)
def test_every_attribute_can_be_asked_for_at_its_level_and_below(database: sqlite3.Connection, level: Level) -> None:
    for attribute in (*ATTRIBUTES, *COMPUTED.values()):
        if attribute.level <= level:
            database.execute(selecting(expression(attribute, level), FROM[level], "1")).fetchall()


KEYS = {"DA": ["20240101", "-20240101", "x"], "TM": ["10", "10-"], "DT": ["2024", "2024-"], "UI": ["1.2"], "PN": ["A*"]}


@pytest.mark.parametrize("level", Level)
def test_every_kind_of_key_makes_sql_that_runs(database: sqlite3.Connection, level: Level) -> None:
    for attribute in (each for each in ATTRIBUTES if each.level <= level and each.vr != "SQ"):
        for key in ('""', *KEYS.get(attribute.vr, ["1", "a*"])):
            made = condition(attribute, level, matcher_of(attribute.vr, [key]))
            where = made.text or "1"
            database.execute(selecting("1", FROM[level], where), made.parameters).fetchall()


@pytest.mark.parametrize(
    ("level", "keys", "name"),
    [
        ("STUDY", {"StudyInstanceUID": "1.2"}, "study_uid"),
        ("STUDY", {"StudyInstanceUID": ["1.2", "1.3"]}, "study_uid"),
        ("STUDY", {"PatientID": "P"}, "study_patient_id"),
        ("STUDY", {"AccessionNumber": "A"}, "study_accession"),
        ("STUDY", {"StudyDate": "20240101-20240102"}, "study_date"),
        ("STUDY", {"StudyDate": "20240101"}, "study_date"),
        ("SERIES", {"StudyInstanceUID": "1.2"}, "series_uid"),
        ("SERIES", {"SeriesInstanceUID": "1.2"}, "series_uid_alone"),
        ("IMAGE", {"SeriesInstanceUID": "1.2"}, "instance_of_series"),
        ("IMAGE", {"SOPInstanceUID": ["1.2", "1.3"]}, "instance_uid"),
    ],
)
def test_unique_keys_are_looked_up(
    database: sqlite3.Connection, level: str, keys: dict[str, object], name: str
) -> None:
    query = compile_query(identifier(level, **keys), Model.STUDY_ROOT, relational=True)
    plan = database.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.parameters).fetchall()
    assert any(f"INDEX {name} " in line for *_, line in plan), plan


def test_values_are_parameters() -> None:
    evil = "x'; DROP TABLE study; --"
    query = compile_query(identifier("STUDY", StudyDescription=evil, PatientName=evil), Model.STUDY_ROOT)
    assert "DROP" not in query.sql
    assert evil in query.parameters


def test_a_hundred_thousand_uids(database: sqlite3.Connection) -> None:
    where, parameters = selection_conditions(Selection(instance_uids=tuple(f"1.2.{n}" for n in range(100_000))))
    assert database.execute(selecting("1", FROM[Level.IMAGE], where), parameters).fetchall() == []


def test_a_selection_of_everything() -> None:
    assert selection_conditions(Selection()) == ("1", ())


def test_sql_that_decides_alone_says_so() -> None:
    exact = {
        attribute.keyword: condition(attribute, Level.IMAGE, matcher_of(attribute.vr, ["1"])).is_exact
        for attribute in ATTRIBUTES
    }
    assert exact["StudyInstanceUID"]
    assert exact["Modality"]
    assert not exact["PatientName"], "accents"
    assert not exact["InstanceNumber"], "leading zeros"
    assert not exact["ImageType"], "several values"
    assert matcher_of("LO", ["1"]).kind is Kind.SINGLE


def test_a_wildcard_has_no_brackets_that_sqlite_would_understand() -> None:
    (attribute,) = (one for one in ATTRIBUTES if one.keyword == "StudyDescription")
    assert condition(attribute, Level.STUDY, matcher_of("LO", ["a[b]*?"])).parameters == ("a[[]b]*?",)
