"""The archive as a list of places: order, words, what is below, what stands there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.archive import ROOT, instance, opened_index, put

from dicomgui.storage import Index, Level
from dicomgui.storage.errors import IndexFault
from dicomgui.storage.listing import (
    NO_PATIENT,
    Entry,
    Order,
    Place,
    entries,
    files_at,
    places,
    places_below,
    state,
)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """Three patients; the second has two studies, the third one UID twice, and a file names no study."""
    for number in (1, 2, 10):
        put(tmp_path, instance(1, 1, number))
    jörg = {"PatientName": "Müller^Jörg", "SpecificCharacterSet": "ISO_IR 100", "PatientID": "P2"}
    put(tmp_path, instance(2, 1, 1, **jörg))
    put(tmp_path, instance(3, 1, 1, **jörg, StudyDescription="Knee", Modality="MR"))
    put(tmp_path, instance(4, 2, 7))
    put(tmp_path, instance(4, 2, 7, StudyDescription="other"), variant=2)
    put(tmp_path, instance(9, 9, 9, StudyInstanceUID=None))
    with opened_index(tmp_path) as opened:
        yield opened


def names(index: Index, found: list[Place]) -> list[str]:
    """Patient IDs, Accession Numbers, Series and Instance Numbers of these places."""
    known = [one for level in Level for one in entries(index, level, _keys(found, level))]
    identities = {(one.level, one.key): one.identity for one in known}
    return [identities[place] for place in found]


def _keys(found: list[Place], level: Level) -> list[int]:
    return [key for one, key in found if one is level]


def entry(index: Index, place: Place) -> Entry:
    [found] = entries(index, place[0], [place[1]])
    return found


@pytest.mark.parametrize(
    ("order", "descending", "expected"),
    [
        (Order.NAME, False, ["P1", "P4", "P2"]),
        (Order.NAME, True, ["P2", "P4", "P1"]),
        (Order.ID, False, ["P1", "P2", "P4"]),
        (Order.DATE, True, ["P4", "P2", "P1"]),
        (Order.INSTANCES, True, ["P1", "P4", "P2"]),
        (Order.SIZE, False, ["P2", "P4", "P1"]),
    ],
)
def test_patients_in_their_order(index: Index, order: Order, descending: bool, expected: list[str]) -> None:
    found = places(index, order=order, descending=descending)
    assert found[-1] == NO_PATIENT  # always last
    shown = names(index, found)[:-1]
    if order in (Order.INSTANCES, Order.SIZE):  # two of them have the same number
        at = expected.index("P1")
        assert shown[at] == "P1"
        assert sorted(shown) == sorted(expected)
    else:
        assert shown == expected


def test_the_latest_received_comes_first(index: Index, tmp_path: Path) -> None:
    name = put(tmp_path, instance(11, 1, 1, PatientID="NEW"))
    before = state(index)
    index.refresh([name]).result()
    assert state(index) != before
    assert names(index, places(index))[0] == "NEW"


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("", {"P1", "P2", "P4", ""}),
        ("doe", {"P1", "P4"}),
        ("MULLER", {"P2"}),
        ("jörg müll", {"P2"}),
        ("p4", {"P4"}),
        ("acc1", {"P1"}),
        ("knee", {"P2"}),
        ("mr", {"P2"}),
        ("2024-01-03", {"P2"}),
        ("202401", {"P1", "P2", "P4"}),
        (f"{ROOT}.1.4", {"P4"}),
        (f"{ROOT}.3.1.1.10", {"P1"}),
        (f"{ROOT}.3.1.1", set()),
        ("doe nobody", set()),
        ("%", set()),
        ("' OR 1 --", set()),
    ],
)
def test_every_word_is_somewhere_in_the_patient(index: Index, search: str, expected: set[str]) -> None:
    found = places(index, search)
    assert {entry(index, place).identity for place in found} == expected


def test_what_is_below_has_its_own_order(index: Index) -> None:
    [patient] = places(index, "P2")
    studies = places_below(index, patient)
    assert names(index, studies) == ["ACC3", "ACC2"]  # the latest first
    [one] = places(index, "P1")
    [study] = places_below(index, one)
    [series] = places_below(index, study)
    instances = places_below(index, series)
    assert names(index, instances) == ["1", "2", "10"]  # by number, not by letter
    assert places_below(index, instances[0]) == []


def test_opened_places_are_followed_by_what_is_in_them(index: Index) -> None:
    [one] = places(index, "P1")
    [study] = places_below(index, one)
    shown = places(index, "P1", opened=[one, study])
    assert [level for level, _ in shown] == [Level.PATIENT, Level.STUDY, Level.SERIES]
    closed_above = places(index, "P1", opened=[study])
    assert closed_above == [one]


def test_an_entry_sums_up_what_is_below(index: Index) -> None:
    [place] = places(index, "P1")
    one = entry(index, place)
    assert (one.name, one.identity, one.date, one.kind) == ("Doe^Jane", "P1", "20240101", "CT")
    assert (one.children, one.instances, one.same_uid) == (1, 3, 0)
    assert one.size_bytes == sum(file.path.stat().st_size for file in files_at(index, [place]))
    assert one.received_ns == max(file.path.stat().st_mtime_ns for file in files_at(index, [place]))


def test_the_same_uid_twice_is_told_on_every_level(index: Index) -> None:
    [place] = places(index, "P4")
    levels = [place]
    while below := places_below(index, levels[-1]):
        levels.append(below[0])
    assert [entry(index, one).same_uid for one in levels] == [1, 1, 1, 1]
    first, second = places_below(index, levels[2])
    assert (entry(index, first).same_uid, entry(index, second).same_uid) == (1, 2)
    assert entry(index, place).instances == 2


def test_files_that_name_no_study_stand_under_a_place_of_their_own(index: Index) -> None:
    one = entry(index, NO_PATIENT)
    assert (one.identity, one.instances, one.children) == ("", 1, 1)
    [study] = places_below(index, NO_PATIENT)
    assert entry(index, study).instances == 1
    assert [file.sop_instance_uid for file in files_at(index, [NO_PATIENT])] == [f"{ROOT}.3.9.9.9"]


def test_files_at_places_that_overlap_are_there_once(index: Index) -> None:
    [patient] = places(index, "P4")
    [study] = places_below(index, patient)
    files = files_at(index, [patient, study])
    assert len(files) == 2  # both data sets of the UID
    assert len({file.name for file in files}) == 2
    assert all(file.path.is_file() for file in files)


def test_places_that_are_gone_are_left_out(index: Index) -> None:
    assert entries(index, Level.STUDY, [99_999]) == []
    assert files_at(index, [(Level.SERIES, 99_999)]) == []


def test_a_closed_index_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(IndexFault):
        places(Index(tmp_path))
