"""A short soak loses nothing, and a soak finds what is lost. The long one: `bootstrap.py soak --minutes 30`."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from soak import run
from soak.ledger import CT, STUDY_SIZE, Ledger, data_set, differences, digest, file_bytes
from soak.watch import Sample, Watch

from dicomgui.storage.layout import instance_path


def test_a_short_soak_loses_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    code = run.main(["--minutes", "0.15", "--associations", "32", "--folder", str(tmp_path), "--json", str(report)])
    output = capsys.readouterr().out
    assert code == 0, output
    found = json.loads(report.read_text("utf-8"))
    assert found["acknowledged"] > 0
    assert {"C-ECHO", "C-STORE", "MPPS", "N-GET"} <= set(found["services"])
    assert found["rude"]
    assert found["wrong"] == []
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert "nothing lost" in output


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(random.Random(1))


def kept(folder: Path, uid: str, data: bytes) -> Path:
    path = instance_path(folder, uid)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file_bytes(uid, data))
    return path


def test_what_is_lost_torn_or_too_much_is_found(ledger: Ledger, tmp_path: Path) -> None:
    data = data_set("1.2.1", "1.2", "P", bytes(100))
    for uid in ("1.2.1", "1.2.2", "1.2.3"):
        ledger.acknowledged("1.2", uid, data)
    kept(tmp_path, "1.2.1", data)
    kept(tmp_path, "1.2.2", data[:-2])
    ledger.unanswered = {"1.3.1": digest(data), "1.3.2": digest(data), "1.3.3": digest(data)}
    kept(tmp_path, "1.3.1", data)
    kept(tmp_path, "1.3.2", data[:-2])
    ledger.broken = {"1.4.1", "1.4.2"}
    kept(tmp_path, "1.4.1", data)
    stranger = kept(tmp_path, "1.5", data)
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "7.part").touch()
    told = differences(ledger, tmp_path)
    assert told[:4] == [
        "1.2.2 was acknowledged and is different",
        "1.2.3 was acknowledged and is not there",
        "1.3.2 is there, but torn",
        "1.4.1 was cut off and is there",
    ]
    assert f"{stranger.name} is there, and nobody sent it" in told
    assert told[-1] == "7.part was left in incoming"


def test_a_study_is_asked_for_once_it_is_whole(ledger: Ledger) -> None:
    for number in range(STUDY_SIZE):
        assert ledger.a_study() is None
        ledger.acknowledged("1.2", f"1.2.{number}", b"")
    study = ledger.a_study()
    assert study is not None
    assert study[0] == "1.2"
    assert len(study[1]) == len(ledger.must_be_there) == STUDY_SIZE


def test_what_is_sent_can_be_read_by_others(ledger: Ledger) -> None:
    from io import BytesIO

    from pydicom import dcmread

    data = data_set("1.2.3", "1.2", "PAT", bytes(10))
    read = dcmread(BytesIO(file_bytes("1.2.3", data)))
    assert (read.SOPClassUID, read.SOPInstanceUID, read.PatientID, len(read.PixelData)) == (CT, "1.2.3", "PAT", 10)


def test_growth_is_that_of_the_last_third() -> None:
    watch = Watch(0)
    assert watch.growth() == 0
    watch.samples = [Sample(0.0, memory, 1, 1) for memory in (10, 90, 100, 100, 100, 150, 170, 400)]
    assert watch.growth() == 60


def test_a_process_that_is_gone_is_not_seen() -> None:
    assert Watch(2**30).look() is None
