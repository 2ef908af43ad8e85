"""The index as its users see it: add, find, files, counts, and what happens when it is closed or damaged."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.archive import ROOT, find, found, identifier, instance, opened_index, put, put_bytes

from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.storage import (
    Archive,
    Counts,
    Index,
    IndexFault,
    Model,
    Outcome,
    Selection,
    StoredFile,
    compile_query,
    repair,
)

EXPLICIT = "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    for study, series, number in ((1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1)):
        put(tmp_path, instance(study, series, number, PatientID="P1"))
    put(tmp_path, instance(3))
    with opened_index(tmp_path) as index:
        yield index


def test_what_was_stored_is_found_after_a_flush(tmp_path: Path) -> None:
    archive, index = Archive(tmp_path, fsync=False), Index(tmp_path)
    archive.prepare()
    index.open()

    async def receive() -> list[str]:
        for number in (1, 2, 1):
            dataset = instance(1, 1, number)
            sink = archive.receive(
                sop_class_uid=CT, sop_instance_uid=dataset.SOPInstanceUID, transfer_syntax_uid=EXPLICIT
            )
            sink.write(memoryview(encode_dataset(dataset, EXPLICIT)))
            index.add(archive.commit(sink.finish()))
        await asyncio.wrap_future(index.flush())
        return found(index, identifier("IMAGE"))

    assert asyncio.run(receive()) == ["1.1.1", "1.1.2"]
    index.close()
    archive.close()


def test_two_data_sets_of_one_uid_are_one_entity_and_two_files(tmp_path: Path) -> None:
    archive, index = Archive(tmp_path, fsync=False), Index(tmp_path)
    archive.prepare()
    index.open()
    outcomes = []
    for date in ("20240101", "20240102"):
        dataset = instance(ContentDate=date)
        sink = archive.receive(sop_class_uid=CT, sop_instance_uid=dataset.SOPInstanceUID, transfer_syntax_uid=EXPLICIT)
        sink.write(memoryview(encode_dataset(dataset, EXPLICIT)))
        stored = archive.commit(sink.finish())
        outcomes.append(stored.outcome)
        index.add(stored)
    index.flush().result(30)
    assert outcomes == [Outcome.STORED, Outcome.KEPT_SECOND]
    (answer,) = find(index, identifier("IMAGE", SOPInstanceUID="", ContentDate=""))
    assert answer.ContentDate == "20240101"
    (study,) = find(index, identifier("STUDY", NumberOfStudyRelatedInstances=""))
    assert study.NumberOfStudyRelatedInstances == 1
    everything = Selection()
    assert [file.path.name[-5:] for file in index.files(everything)] == ["1.dcm"]
    assert sorted(file.path.name[-6:] for file in index.files(everything, every_variant=True)) == [".1.dcm", "~2.dcm"]
    assert index.count(everything) == 1
    assert index.counts().instances == 2
    index.close()
    archive.close()


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(), ["1.1.1", "1.1.2", "1.2.1", "2.1.1", "3.1.1"]),
        (Selection(patient_ids=("P1",)), ["1.1.1", "1.1.2", "1.2.1", "2.1.1"]),
        (Selection(study_uids=(f"{ROOT}.1.1", f"{ROOT}.1.3")), ["1.1.1", "1.1.2", "1.2.1", "3.1.1"]),
        (Selection(series_uids=(f"{ROOT}.2.1.1",)), ["1.1.1", "1.1.2"]),
        (Selection(instance_uids=(f"{ROOT}.3.1.1.2", f"{ROOT}.3.2.1.1")), ["1.1.2", "2.1.1"]),
        (Selection(patient_ids=("P3",), study_uids=(f"{ROOT}.1.1",)), []),
        (Selection(study_uids=("9.9",)), []),
    ],
)
def test_files_of_a_selection(index: Index, selection: Selection, names: list[str]) -> None:
    files = list(index.files(selection))
    assert sorted(file.sop_instance_uid.removeprefix(f"{ROOT}.3.") for file in files) == names
    assert index.count(selection) == len(names)


def test_a_file_can_be_sent(index: Index, tmp_path: Path) -> None:
    (file,) = index.files(Selection(instance_uids=(f"{ROOT}.3.3.1.1",)))
    path = next(tmp_path.rglob("*.3.3.1.1.dcm"))
    name = path.relative_to(tmp_path).as_posix()
    assert file == StoredFile(path, name, CT, f"{ROOT}.3.3.1.1", EXPLICIT, path.stat().st_size, path.stat().st_mtime_ns)


def test_an_instance_known_by_its_uid_alone_can_be_found_and_sent(tmp_path: Path) -> None:
    put_bytes(tmp_path, "1.2.3", b"\xff" * 100)
    with opened_index(tmp_path) as index:
        (answer,) = find(index, identifier("IMAGE", SOPInstanceUID="1.2.3", SOPClassUID="", PatientName=""))
        assert answer.SOPClassUID == CT
        (file,) = index.files(Selection(instance_uids=("1.2.3",)))
        assert file.transfer_syntax_uid == EXPLICIT
        for level in ("STUDY", "SERIES"):
            assert find(index, identifier(level)) == [], "without a unique key there is no entity (C.2.2.1.1)"
        assert find(index, identifier("PATIENT"), Model.PATIENT_ROOT) == []
        assert index.counts() == Counts(0, 0, 0, 1, file.size_bytes)


def test_counts(index: Index, tmp_path: Path) -> None:
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.dcm"))
    assert index.counts() == Counts(patients=2, studies=3, series=4, instances=5, size_bytes=size)


def test_answers_come_one_by_one(index: Index) -> None:
    """Others write and read while somebody has not come to the end."""
    query = compile_query(identifier("IMAGE"), Model.STUDY_ROOT, relational=True)
    slow = index.find(query)
    next(slow)
    index.refresh([put(index.folder, instance(4))]).result(30)
    assert len(list(index.find(query))) == 6
    assert len(list(slow)) == 4, "what was there when it began"
    early = index.find(query)
    next(early)
    early.close()
    assert len(list(index.find(query))) == 6


def test_searches_in_many_threads(index: Index) -> None:
    query = compile_query(identifier("IMAGE", SOPInstanceUID=""), Model.STUDY_ROOT, relational=True)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: len(list(index.find(query))), range(40)))
    assert results == [5] * 40


def test_names_of_a_folder(index: Index, tmp_path: Path) -> None:
    for folder in {path.parent for path in tmp_path.rglob("*.dcm")}:
        expected = {
            f"{folder.name}/{path.name}": (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()
        }
        assert index.names_in(folder.name) == expected
    assert index.names_in("xx") == {}


def test_closed(tmp_path: Path) -> None:
    index = Index(tmp_path)
    assert not index.is_open
    assert not index.is_damaged
    assert index.trouble == ""
    index.close()
    archive = Archive(tmp_path, fsync=False)
    archive.prepare()
    sink = archive.receive(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT)
    stored = archive.commit(sink.finish())
    archive.close()
    index.add(stored)  # nothing but the file says so: the repair finds it
    for ask in (index.flush, index.clear, index.counts, lambda: index.refresh(["ab/1.dcm"])):
        with pytest.raises(IndexFault, match="closed"):
            ask()
    with pytest.raises(IndexFault, match="closed"):
        next(index.find(compile_query(identifier("STUDY"), Model.STUDY_ROOT)))
    repair(index, index.open())
    assert index.is_open
    assert index.counts().instances == 1
    index.close()


def test_closing_while_somebody_reads(index: Index) -> None:
    query = compile_query(identifier("IMAGE"), Model.STUDY_ROOT, relational=True)
    reading = index.find(query)
    next(reading)
    index.close()
    assert len(list(reading)) == 4


def damage(index: Index) -> None:
    """Overwrite the database under a running index."""
    index.flush().result(30)
    connection = sqlite3.connect(index.path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(index.path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    index.path.write_bytes(data)


def test_damage_is_noticed_and_a_new_database_begun(index: Index, tmp_path: Path) -> None:
    damage(index)
    with pytest.raises(IndexFault, match="cannot read the index"):
        index.names_in("ab")
    assert index.is_damaged
    assert "damaged" in index.trouble
    opened = index.start_over()
    assert opened.is_new
    assert not index.is_damaged
    repair(index, opened)
    assert index.counts().instances == 5
    assert (tmp_path / "index.sqlite3.damaged").is_file()


def test_a_query_that_sqlite_refuses_is_a_fault_and_no_damage(index: Index) -> None:
    query = compile_query(identifier("STUDY", StudyDescription="x" * 60_000 + "*"), Model.STUDY_ROOT)
    with pytest.raises(IndexFault, match="too complex"):
        list(index.find(query))
    assert not index.is_damaged
    assert index.counts().instances == 5


def test_two_processes_may_use_one_folder(index: Index, tmp_path: Path) -> None:
    other = Index(tmp_path)
    opened = other.open()
    assert not opened.is_new
    name = put(tmp_path, instance(7))
    other.refresh([name]).result(30)
    assert "7" in found(index, identifier("STUDY"))
    (tmp_path / name).unlink()
    index.refresh([name]).result(30)
    assert "7" not in found(other, identifier("STUDY"))
    other.close()


def test_no_connection_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    index = Index(tmp_path)
    index.open()
    monkeypatch.setattr("dicomgui.storage.index.connect", refused)
    with pytest.raises(IndexFault, match="unable to open"):
        index.counts()
    assert not index.is_damaged
    index.close()
