"""Files that break off, held beside dcmdump: what one of the two calls broken, the other does too."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import shipped

from dicomgui.network.file_structure import read_file_structure
from dicomgui.network.part10 import read_head

NAMES = (
    "CT_small.dcm", "rtplan.dcm", "reportsi.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm",
    "test-SR.dcm", "MR_small_RLE.dcm",
)  # fmt: skip


@pytest.mark.interop("dcmdump")
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_breaks_off_is_broken_for_both(name: str, tmp_path: Path) -> None:
    source = next(path for path in shipped() if path.name == name)
    data, begin = source.read_bytes(), read_head(source).dataset_offset
    size = len(data)
    path = tmp_path / name
    ends = {size, size - 1, size - 2, size - 9, *(begin + (size - begin) * part // 5 for part in range(1, 5))}
    broken = 0
    for end in sorted(ends):
        path.write_bytes(data[:end])
        is_broken = read_file_structure(path).fault is not None
        assert is_broken == (peers.run_here("dcmdump", "-q", path).code != 0), (end, size)
        broken += is_broken
    assert 4 <= broken < len(ends)
