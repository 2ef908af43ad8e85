"""Each refusal of the operating system becomes a storage error with a status and one clear line."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dicomgui.storage import errors


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.ENOSPC, errors.DiskFull, "the disk is full"),
        (errno.EDQUOT, errors.DiskFull, "the disk is full"),
        (errno.EFBIG, errors.DiskFull, "the disk is full"),
        (errno.EACCES, errors.FolderUnwritable, "may not be written"),
        (errno.EROFS, errors.FolderUnwritable, "may not be written"),
        (errno.ENOENT, errors.FolderMissing, "is not there"),
        (errno.ENOTDIR, errors.FolderMissing, "is not there"),
        (errno.ENAMETOOLONG, errors.PathTooLong, "too long"),
        (errno.EIO, errors.DiskFault, "refused"),
        (errno.EMFILE, errors.DiskFault, "refused"),
    ],
)
def test_kinds(code: int, kind: type[errors.StorageError], words: str) -> None:
    error = errors.from_os_error(OSError(code, "reason"), Path("/x"), "write")
    assert type(error) is kind
    assert str(error).startswith(f"cannot write {Path('/x')}: ")
    assert words in str(error)
    assert "(reason)" in str(error)
    assert error.path == str(Path("/x"))
    assert error.hint.endswith(".")
    assert error.status == 0xA700


def test_error_without_a_number() -> None:
    error = errors.from_os_error(TimeoutError(), Path("/x"), "open")
    assert type(error) is errors.DiskFault
    assert "(TimeoutError)" in str(error)


def test_one_line_whatever_the_path() -> None:
    text = str(errors.from_os_error(OSError(errno.ENOSPC, "full"), Path("/a\n\x1b[31mb"), "write"))
    assert text.isprintable()
    assert "\\n" in text


def test_statuses_are_failures() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__ if name != "from_os_error"]
    assert all(kind.status.is_failure for kind in kinds)
    assert {kind.__name__: int(kind.status) for kind in kinds if kind.status != 0xA700} == {
        "PathUnsafe": 0x0117,
        "InstanceRefused": 0xC000,
        "DuplicateRefused": 0x0111,
    }
