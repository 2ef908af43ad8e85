"""The archive's files once more, in folders that people find their way in.

``DIR/by patient/<patient>/<study>/<series>/<instance>.dcm``, or by date, are hard links to the archive's own files: no
byte is there twice, and the archive stays as :mod:`dicomgui.storage.layout` says. The names are made of the index
alone, always the same for the same values, so that the tree can be completed at any time. A file is linked when it has
its row, a moment after it was acknowledged; where the file system has no hard links, there is no tree.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from dicomgui.storage import disk
from dicomgui.storage.attributes import Level
from dicomgui.storage.conditions import FROM, selecting
from dicomgui.storage.index import Index
from dicomgui.storage.names import safe_name

__all__ = ["FolderLayout", "FolderTree"]


class FolderLayout(StrEnum):
    """In which folders the instances can be found."""

    UID = "uid"
    """By UID alone, as the archive keeps them."""
    PATIENT = "patient"
    """Also patient, study, series."""
    DATE = "date"
    """Also study date, study, series."""


_TOPS: Final = {FolderLayout.PATIENT: "by patient", FolderLayout.DATE: "by date"}
_OURS: Final = re.compile(r"(?:[0-9]{4,9}|instance) [0-9a-f]{8}\.dcm")
_COLUMNS: Final = (
    "instance.name, study.PatientID, study.PatientName, StudyDate, StudyDescription, StudyInstanceUID, SeriesNumber,"
    " Modality, SeriesDescription, SeriesInstanceUID, InstanceNumber"
)


class FolderTree:
    """The tree of one archive. The methods block; any thread may call them.

    :ivar layout: how it is laid out; :meth:`complete` makes it so after a change. ``None`` stands for what is there.
    :ivar fault: why it cannot be kept, one line; empty if it can.

    :param index: the open index of the archive.
    """

    def __init__(self, index: Index, layout: FolderLayout | None = FolderLayout.UID) -> None:
        self.layout = layout
        self.fault = ""
        self._index = index
        self._lock = threading.Lock()

    @property
    def is_wanted(self) -> bool:
        """Whether there is to be a tree at all."""
        return self._chosen() is not FolderLayout.UID

    def _chosen(self) -> FolderLayout:
        if self.layout is None:
            there = (layout for layout, top in _TOPS.items() if (self._index.folder / top).is_dir())
            self.layout = next(there, FolderLayout.UID)
        return self.layout

    def link(self, names: Iterable[str]) -> None:
        """Put files that have a row, given by their names inside of the archive, into the tree.

        :raises IndexFault: the index cannot be read.
        """
        with self._lock:
            for name, path in self._places(names):
                self._link(name, path)

    def unlink(self, names: Iterable[str]) -> None:
        """Take files out of the tree; call it before they go. Raises like :meth:`link`."""
        with self._lock:
            for _, path in self._places(names):
                _remove(path)
                _remove_empty(path.parent, self._index.folder)

    def complete(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Add what is missing, and remove what does not belong there any more. Raises like :meth:`link`."""
        with self._lock:
            self.fault = ""
            wanted = {str(path): name for name, path in self._places()}
            for top in _TOPS.values():
                _prune(self._index.folder / top, wanted, self._index.folder)
            for path, name in wanted.items():
                if should_stop() or self.fault:
                    return
                self._link(name, Path(path))

    def _places(self, names: Iterable[str] | None = None) -> Iterator[tuple[str, Path]]:
        """Where files of the archive stand in the tree; of all files without ``names``."""
        layout = self._chosen()
        top = _TOPS.get(layout)
        if top is None:
            return
        where, parameters = "1", list[str]()
        if names is not None:
            where = f"instance.name IN ({selecting('value', 'json_each(?)', '1')})"
            parameters = [json.dumps(list(names))]
        root = self._index.folder / top
        for row in self._index.rows(selecting(_COLUMNS, FROM[Level.IMAGE], where), parameters):
            name, *values = ("" if value is None else str(value) for value in row)
            yield name, root.joinpath(*_path_of(layout, name, values))

    def _link(self, name: str, path: Path) -> None:
        source = self._index.folder / name
        try:
            try:
                os.link(source, path)
            except FileNotFoundError:
                if not source.exists():
                    return
                path.parent.mkdir(parents=True, exist_ok=True)
                os.link(source, path)
        except FileExistsError:
            self._replace(source, path)
        except OSError as error:
            reason = "the file system has no hard links" if error.errno in disk.NO_LINKS else error.strerror
            self.fault = f"The folders {_TOPS[self._chosen()]} cannot be kept: {reason}."

    @staticmethod
    def _replace(source: Path, path: Path) -> None:
        """Another file has the name: that of an instance that was replaced."""
        with suppress(OSError):
            if not path.samefile(source):
                path.unlink()
                os.link(source, path)


def _path_of(layout: FolderLayout, name: str, values: list[str]) -> tuple[str, ...]:
    patient_id, patient_name, date, description, study, number, modality, about, series, instance = values
    patient = safe_name(f"{patient_id} {patient_name.partition('=')[0].replace('^', ' ')}", "unknown patient")
    in_study = safe_name(f"{number} {modality} {about}", "series")
    file = f"{int(instance):04d}" if re.fullmatch(r"[0-9]{1,9}", instance.strip()) else "instance"
    if layout is FolderLayout.DATE:
        day = f"{date[:4]}-{date[4:6]}-{date[6:]}" if re.fullmatch(r"[0-9]{8}", date) else "no date"
        above: tuple[str, str] = (day, f"{safe_name(f'{patient} {description}', 'study')} {_mark(study)}")
    else:
        above = (patient, f"{safe_name(f'{date} {description}', 'study')} {_mark(study)}")
    return (*above, f"{in_study} {_mark(series)}", f"{file} {_mark(name, 8)}.dcm")


def _mark(identity: str, digits: int = 4) -> str:
    """Keeps things of the same name apart."""
    return sha256(identity.encode(), usedforsecurity=False).hexdigest()[:digits]


def _prune(top: Path, wanted: dict[str, str], root: Path) -> None:
    """Remove the links below a folder that are not wanted, and what is empty then; files of others stay."""
    for folder, _, files in os.walk(top, topdown=False):
        for file in files:
            if _OURS.fullmatch(file) and str(path := Path(folder, file)) not in wanted:
                _remove(path)
        _remove_empty(Path(folder), root)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder and those above it, as long as they are empty, up to the archive's own."""
    with suppress(OSError):
        while folder != root:
            folder.rmdir()
            folder = folder.parent
