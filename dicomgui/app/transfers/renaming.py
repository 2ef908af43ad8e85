"""Files named after their result once they were sent: ``.done`` or ``.bad`` behind the name, as ``storescu +rn``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dicomgui.app.files.dicomdir import referenced_files
from dicomgui.app.transfers.send_results import Cause, ItemResult, ItemState

__all__ = ["BAD", "DONE", "Renamer"]

DONE: Final = ".done"
"""The peer has it."""

BAD: Final = ".bad"
"""The peer refused it, or the file could not be sent."""


class Renamer:
    """Renames the files of a send; blocks for one rename each.

    A file that was not sent for the network's fault, or cancelled, keeps its name: it can be tried again. Files of a
    ZIP archive or a DICOMDIR are left alone, since both name them. Nothing that exists is replaced.

    :param directories: DICOMDIRs whose files are left alone.
    """

    def __init__(self, directories: Iterable[Path] = ()) -> None:
        self._listed = {file.resolve() for path in directories for file in referenced_files(path)[0]}

    def take(self, result: ItemResult) -> ItemResult:
        """Rename the file of a result as it deserves; gives the result with what became of the name."""
        end = _end_of(result)
        if not end:
            return result
        path, item = result.item.path, result.item
        if item.name != str(path):
            return result._replace(renaming="not renamed: it is in an archive")
        if path.resolve() in self._listed:
            return result._replace(renaming="not renamed: a DICOMDIR names it")
        target = path.with_name(path.name + end)
        try:
            _rename(path, target)
        except FileExistsError:
            return result._replace(renaming=f"not renamed: {target.name} exists already")
        except OSError as error:
            return result._replace(renaming=f"not renamed: {error.strerror or error}")
        return result._replace(renaming=f"renamed to {target.name}")


def _end_of(result: ItemResult) -> str:
    if result.is_sent:
        return DONE
    return BAD if result.state is ItemState.FAILED and result.cause is not Cause.NETWORK else ""


def _rename(path: Path, target: Path) -> None:
    """Rename without replacing anything: the new name is taken first, by an empty file that only we have made."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        path.replace(target)
    except OSError:
        target.unlink(missing_ok=True)
        raise
