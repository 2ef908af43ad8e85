"""The place of an instance depends on its UID alone and is always inside of the folder."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.uids import is_valid_uid
from dicomgui.storage import PathUnsafe, instance_path
from dicomgui.storage.layout import folder_name, relative_name

UID = "1.2.840.10008.1.1"


def test_path_of_an_instance() -> None:
    digits = sha256(UID.encode()).hexdigest()[:2]
    assert instance_path(Path("archive"), UID) == Path("archive") / digits / f"{UID}.dcm"
    assert instance_path(Path("archive"), UID, 3) == Path("archive") / digits / f"{UID}~3.dcm"


@pytest.mark.parametrize(
    "uid", ["", "../1.2", "/etc/passwd", "1.2\0", "1.2\n3", "C:1.2", "1.2/3", "1." * 40, "a" * 5000]
)
def test_what_is_no_uid_is_refused(uid: str) -> None:
    with pytest.raises(PathUnsafe) as caught:
        instance_path(Path("archive"), uid)
    assert caught.value.status == 0x0117
    assert caught.value.hint
    text = str(caught.value)
    assert len(text) < 200
    assert text.isprintable()


@given(st.text(max_size=80))
def test_nothing_leaves_the_folder(uid: str) -> None:
    if not is_valid_uid(uid):
        with pytest.raises(PathUnsafe):
            relative_name(uid)
        return
    relative = Path(relative_name(uid))
    assert len(relative.parts) == 2
    assert not relative.is_absolute()


def test_folders_fill_evenly() -> None:
    names = {folder_name(f"1.2.826.0.1.3680043.8.498.{n}") for n in range(5000)}
    assert len(names) == 256
