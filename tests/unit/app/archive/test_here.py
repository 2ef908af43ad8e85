"""How much is here, by the index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.archive import instance, put

from dicomgui.app.archive.here import here_in
from dicomgui.app.asking.levels import Level
from dicomgui.storage import Archive, Index, repair


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    archive = Archive(tmp_path, fsync=False)
    archive.prepare()
    for number in (1, 2, 3):
        put(tmp_path, instance(1, 1, number))
    index = Index(tmp_path)
    repair(index, index.open())
    index.flush().result(timeout=30)
    yield index
    index.close()
    archive.close()


def test_instances_are_counted_at_every_level(index: Index) -> None:
    look = here_in(index)
    image = instance(1, 1, 2)
    assert look(Level.PATIENT, ["P1"]) == {"P1": 3}
    assert look(Level.STUDY, [image.StudyInstanceUID, "1.2.3"]) == {image.StudyInstanceUID: 3, "1.2.3": 0}
    assert look(Level.SERIES, [image.SeriesInstanceUID]) == {image.SeriesInstanceUID: 3}
    assert look(Level.IMAGE, [image.SOPInstanceUID]) == {image.SOPInstanceUID: 1}


def test_a_closed_index_knows_nothing(index: Index) -> None:
    index.close()
    assert here_in(index)(Level.STUDY, ["1.2.3"]) == {}
