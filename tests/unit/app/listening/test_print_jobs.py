"""Print jobs that are kept: the newest few, and files that nothing overwrites."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.retrieval import elements

from dicomgui.app.listening import print_jobs
from dicomgui.app.listening.print_jobs import MAX_JOBS, PrintedJobs
from dicomgui.network.service import AssociationFacts
from dicomgui.network.service_classes.print_session import PrintedPage
from dicomgui.network.service_classes.printer import PrintJob

FACTS = AssociationFacts(1, "peer:1", "CT", "US", "", "")
PAGE = PrintedPage(elements(ImageDisplayFormat="STANDARD\\1,1"), (), {})


def job(pages: int = 1) -> PrintJob:
    return PrintJob("2.25.1", elements(), (PAGE,) * pages, False, {}, FACTS)


def test_the_oldest_go_and_numbers_go_on() -> None:
    jobs = PrintedJobs()
    for number in range(MAX_JOBS + 5):
        assert jobs.add(job(), 0.0).number == number + 1
    assert len(jobs) == MAX_JOBS
    assert next(iter(jobs)).number == 6
    jobs.clear()
    assert len(jobs) == 0
    assert jobs.add(job(), 0.0).number == MAX_JOBS + 6


def test_what_is_kept_counts_with_its_presentation_luts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer may print an empty film with a large LUT, end the association, and begin anew."""
    monkeypatch.setattr(print_jobs, "MAX_BYTES", 25_000 + 2 * job().size_bytes)
    jobs = PrintedJobs()
    for number in range(5):
        jobs.add(replace(job(), luts={"2.25.9": elements(TextValue="x" * 10_000)}), float(number))
    assert [one.utc for one in jobs] == [3.0, 4.0]


def test_each_film_becomes_a_file_and_none_is_overwritten(tmp_path: Path) -> None:
    printed = PrintedJobs().add(job(2), 0.0)
    folder = tmp_path / "films"
    names = [path.name for _ in range(2) for path in printed.save(folder)]
    assert names == [
        "print-0001-film-01.png", "print-0001-film-02.png", "print-0001-film-01-2.png", "print-0001-film-02-2.png",
    ]  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())
    assert printed.copies == "1"


def test_a_film_can_be_looked_at_as_a_data_set() -> None:
    printed = PrintedJobs().add(job(), 0.0)
    dataset, picture = printed.dataset(0), printed.picture(0)
    assert dataset.ImageDisplayFormat == "STANDARD\\1,1"
    assert (dataset.Columns, dataset.Rows, dataset.SamplesPerPixel) == picture[:3]
    assert dataset.PixelData == picture.data
    assert "PixelData" not in PAGE.attributes
