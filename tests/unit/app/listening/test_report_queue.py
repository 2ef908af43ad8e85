"""The queue of reports that are not delivered: bounded, and a file that outlives the program."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from dicomgui.app.listening import report_queue
from dicomgui.app.listening.report_queue import FILE_NAME, PendingReport, ReportQueue, backoff_s
from dicomgui.network.service_classes.references import Reference

ONE = PendingReport("2.25.1", "CT", (Reference("1.2", "1.2.3"), Reference("1.2", "1.2.4")), 1000.0)
TWO = replace(ONE, transaction_uid="2.25.2", ae_title="MR", attempts=3, due_utc=2000.5)


def test_what_is_saved_is_there_again(tmp_path: Path) -> None:
    queue = ReportQueue(tmp_path)
    assert queue.put(ONE)
    assert queue.put(TWO)
    queue.save()
    again = ReportQueue(tmp_path)
    assert again.load() == ""
    assert again.reports == (ONE, TWO)
    assert again.get("2.25.2") == TWO
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    queue = ReportQueue(tmp_path)
    queue.put(ONE)
    queue.save()
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_an_empty_queue_leaves_no_file(tmp_path: Path) -> None:
    queue = ReportQueue(tmp_path)
    queue.put(ONE)
    queue.save()
    assert queue.remove("2.25.1")
    assert not queue.remove("2.25.1")
    queue.save()
    assert not list(tmp_path.iterdir())
    queue.save()


def test_nothing_is_written_that_has_not_changed(tmp_path: Path) -> None:
    queue = ReportQueue(tmp_path)
    queue.put(ONE)
    queue.save()
    (tmp_path / FILE_NAME).unlink()
    queue.save()
    assert not list(tmp_path.iterdir())


def test_there_are_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_queue, "MAX_REPORTS", 2)
    monkeypatch.setattr(report_queue, "MAX_REFERENCES", 5)
    queue = ReportQueue(None)
    many = replace(ONE, transaction_uid="2.25.3", references=ONE.references * 2)
    assert queue.put(ONE)
    assert not queue.put(many)
    assert queue.put(TWO)
    assert not queue.put(replace(ONE, transaction_uid="2.25.4", references=()))
    assert queue.put(replace(ONE, attempts=1))  # another state of the same one
    assert queue.load() == ""
    queue.save()


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"version": 2}',
        b'{"version": 1}',
        b'{"version": 1, "reports": [{}]}',
        json.dumps({"version": 1, "reports": [7]}).encode(),
        json.dumps(
            {
                "version": 1,
                "reports": [
                    {
                        "transaction_uid": "../x", "ae_title": "", "references": [], "received_utc": 0, "attempts": 0,
                        "due_utc": 0,
                    }
                ],
            }
        ).encode(),
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_ours_is_put_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    queue = ReportQueue(tmp_path)
    assert "put aside" in queue.load()
    assert queue.reports == ()
    [aside] = tmp_path.iterdir()
    assert aside.read_bytes() == content


def test_a_file_that_is_too_large_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_queue, "MAX_FILE_BYTES", 10)
    (tmp_path / FILE_NAME).write_bytes(bytes(11))
    assert "too large" in ReportQueue(tmp_path).load()


def test_waits_grow_to_an_hour() -> None:
    assert [backoff_s(attempts, 5) for attempts in (0, 1, 2, 3, 30)] == [5, 5, 10, 20, 3600]
