"""A day's work with the files that pydicom ships: every number agrees with the others. `soak/day.py` takes more."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import shipped_folder
from soak import day


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_numbers_of_a_day_agree(tmp_path: Path) -> None:
    today = day.Day(tmp_path)
    day.gathered([shipped_folder()], tmp_path / "files")
    day.work(today)
    assert today.faults == []
    assert today.figures["C-FIND"]["instances"]
