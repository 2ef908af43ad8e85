"""The archive's files once more, in folders that people find their way in.

``DIR/by patient/<patient>/<study>/<series>/<instance>.dcm``, or by date, are hard links to the archive's own files: no
byte is there twice, and the archive stays as :mod:`dicomgui.storage.layout` says. The names are made of the index
alone, always the same for the same values, so that the tree can be completed at any time. A file is linked when it has
its row, a moment after it was acknowledged; where the file system has no hard links, there is no tree.

``DIR/by pattern`` is laid out as the operator says, see :mod:`dicomgui.storage.patterns`. There two instances may have
the same path: the second one's name gets a mark, and nothing is overwritten.
"""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from dicomgui.network.part10 import Part10Error, read_head
from dicomgui.storage import disk
from dicomgui.storage.attributes import Level, by_tag, read_values
from dicomgui.storage.conditions import FROM, expression, selecting
from dicomgui.storage.index import Index
from dicomgui.storage.indexing import parse_name
from dicomgui.storage.layout import FOLDERS
from dicomgui.storage.names import safe_name
from dicomgui.storage.patterns import FolderPatterns, marked, read_patterns, write_patterns
from dicomgui.storage.placeholders import ElementPath
from dicomgui.storage.trash import TRASH

__all__ = ["FolderLayout", "FolderTree"]

_T = TypeVar("_T")


class FolderLayout(StrEnum):
    """In which folders the instances can be found."""

    UID = "uid"
    """By UID alone, as the archive keeps them."""
    PATIENT = "patient"
    """Also patient, study, series."""
    DATE = "date"
    """Also study date, study, series."""
    PATTERN = "pattern"
    """Also as the operator's patterns say."""


_TOPS: Final = {FolderLayout.PATIENT: "by patient", FolderLayout.DATE: "by date", FolderLayout.PATTERN: "by pattern"}
_OURS: Final = re.compile(r"(?:[0-9]{4,9}|instance) [0-9a-f]{8}\.dcm")
_COLUMNS: Final = (
    "instance.name, study.PatientID, study.PatientName, StudyDate, StudyDescription, StudyInstanceUID, SeriesNumber,"
    " Modality, SeriesDescription, SeriesInstanceUID, InstanceNumber"
)


class FolderTree:
    """The tree of one archive. The methods block; any thread may call them.

    :ivar layout: how it is laid out; :meth:`complete` makes it so after a change. ``None`` stands for what is there.
    :ivar patterns: for :attr:`FolderLayout.PATTERN`; those that the archive was last laid out by, or the usual ones, if
        they are ``None``.
    :ivar fault: why it cannot be kept, one line; empty if it can.

    :param index: the open index of the archive.
    """

    def __init__(
        self,
        index: Index,
        layout: FolderLayout | None = FolderLayout.UID,
        patterns: FolderPatterns | None = None,
    ) -> None:
        self.layout = layout
        self.patterns = patterns
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
            for name, path in self._places(names):
                if self._chosen() is FolderLayout.PATTERN:
                    self._unlink(self._index.folder / name, (path, path.with_name(marked(path.name, name))))
                else:
                    self._remove(path)

    def complete(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Add what is missing, and remove what does not belong there any more. Raises like :meth:`link`.

        :param should_stop: asked before each file; what is left to do is done by the next call.
        """
        with self._lock, suppress(_Stopped):
            self.fault = ""
            layout, before = self._chosen(), read_patterns(self._index.folder)
            places = list(_until(should_stop, self._places()))
            wanted = {str(path) for _, path in places}
            for each, top in _TOPS.items():
                if each is not FolderLayout.PATTERN:
                    _prune(self._index.folder / top, wanted, self._index.folder, should_stop)
            if layout is FolderLayout.PATTERN or before is not None:
                self._prune_patterns(places, before, should_stop)
            self._keep_patterns()
            for name, path in _until(should_stop, places):
                if self.fault:
                    return
                self._link(name, path)

    def _keep_patterns(self) -> None:
        is_chosen = self._chosen() is FolderLayout.PATTERN
        try:
            write_patterns(self._index.folder, self._patterns() if is_chosen else None)
        except OSError as error:
            self.fault = f"The patterns of the folders cannot be kept: {error.strerror}."

    def _patterns(self) -> FolderPatterns:
        if self.patterns is None:
            self.patterns = read_patterns(self._index.folder) or FolderPatterns()
        return self.patterns

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
        if layout is FolderLayout.PATTERN:
            yield from self._by_pattern(root, where, parameters)
            return
        for row in self._index.rows(selecting(_COLUMNS, FROM[Level.IMAGE], where), parameters):
            name, *values = ("" if value is None else str(value) for value in row)
            yield name, root.joinpath(*_path_of(layout, name, values))

    def _by_pattern(self, root: Path, where: str, parameters: Sequence[str]) -> Iterator[tuple[str, Path]]:
        """Of the index, as far as it has the attributes; the others are read from the file."""
        patterns = self._patterns()
        wanted = patterns.wanted
        tags = [path for path in wanted if isinstance(path, int)]
        known = [attribute for tag in tags if (attribute := by_tag(tag)) and attribute.vr != "SQ"]
        rest = {path: vr for path, vr in wanted.items() if path not in {attribute.tag for attribute in known}}
        columns = ", ".join(["instance.name", *(expression(attribute, Level.IMAGE) for attribute in known)])
        sql = selecting(columns, FROM[Level.IMAGE], f"{where} ORDER BY instance.name")
        for name, *row in self._index.rows(sql, parameters):
            values: dict[ElementPath, str] = {
                attribute.tag: str(value or "") for attribute, value in zip(known, row, strict=True)
            }
            with suppress(OSError):
                values |= read_values(self._index.folder / name, rest)
            yield name, root.joinpath(*patterns.path(values, str(root)))

    def _link(self, name: str, path: Path) -> None:
        source = self._index.folder / name
        try:
            if self._chosen() is FolderLayout.PATTERN:
                self._link_apart(source, name, path)
            else:
                _link_to(source, path)
        except FileExistsError:
            self._replace(source, path)
        except OSError as error:
            reason = "the file system has no hard links" if error.errno in disk.NO_LINKS else error.strerror
            self.fault = f"The folders {_TOPS[self._chosen()]} cannot be kept: {reason}."

    @staticmethod
    def _link_apart(source: Path, name: str, path: Path) -> None:
        """Link a file at its path, or at one with a mark where that path is another's."""
        places = (path, path.with_name(marked(path.name, name)))
        if any(_is_same(place, source) for place in places):
            return
        for place in places:
            try:
                _link_to(source, place)
            except FileExistsError:
                if not _is_former(place, name):
                    continue
                place.unlink()
                _link_to(source, place)
            return
        raise OSError(errno.EEXIST, f"{path.name} is there already")

    @staticmethod
    def _replace(source: Path, path: Path) -> None:
        """Another file has the name: that of an instance that was replaced."""
        with suppress(OSError):
            if not path.samefile(source):
                path.unlink()
                os.link(source, path)

    def _unlink(self, source: Path, places: Iterable[Path]) -> None:
        for place in places:
            if _is_same(place, source):
                self._remove(place)

    def _remove(self, path: Path) -> None:
        _remove(path)
        _remove_empty(path.parent, self._index.folder)

    def _prune_patterns(
        self, places: Sequence[tuple[str, Path]], before: FolderPatterns | None, should_stop: Callable[[], bool]
    ) -> None:
        """Remove links that do not belong there, as long as no data goes with them; files of others stay."""
        wanted = {
            (str(place), _identity(self._index.folder / name))
            for name, path in _until(should_stop, places)
            for place in (path, path.with_name(marked(path.name, name)))
        }
        top = self._index.folder / _TOPS[FolderLayout.PATTERN]
        held = _held_by(self._index.folder, should_stop) if top.is_dir() else frozenset()
        for folder, _, files in os.walk(top, topdown=False):
            for file in _until(should_stop, files):
                path = Path(folder, file)
                identity = _identity(path)
                is_ours = identity in held or (before is not None and _is_left(before, path, top))
                if is_ours and (str(path), identity) not in wanted:
                    _remove(path)
            _remove_empty(Path(folder), self._index.folder)


class _Stopped(Exception):
    """The archive is being closed."""


def _until(should_stop: Callable[[], bool], items: Iterable[_T]) -> Iterator[_T]:
    """The items.

    :raises _Stopped: no more of them are wanted.
    """
    for item in items:
        if should_stop():
            raise _Stopped
        yield item


def _link_to(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except FileNotFoundError:
        if not source.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, path)


def _is_same(path: Path, source: Path) -> bool:
    try:
        return path.samefile(source)
    except OSError:
        return False


def _is_former(path: Path, name: str) -> bool:
    """True for the only name that is left of an instance which was replaced in the archive."""
    parsed = parse_name(name)
    try:
        return parsed is not None and path.lstat().st_nlink == 1 and read_head(path).sop_instance_uid == parsed[0]
    except (OSError, Part10Error):
        return False


def _is_left(patterns: FolderPatterns, path: Path, top: Path) -> bool:
    """True for a link of ours whose instance has gone: no other name is left, and its own values put it there."""
    try:
        if path.lstat().st_nlink != 1:
            return False
        place = top.joinpath(*patterns.path(read_values(path, patterns.wanted), str(top)))
    except OSError:
        return False
    return path.parent == place.parent and path.suffix == place.suffix and path.stem.startswith(place.stem)


def _identity(path: Path) -> tuple[int, int]:
    """The file behind a name; zeros where there is none."""
    try:
        facts = path.lstat()
    except OSError:
        return 0, 0
    return facts.st_dev, facts.st_ino


def _held_by(folder: Path, should_stop: Callable[[], bool]) -> frozenset[tuple[int, int]]:
    """The files that the archive has by names of its own, those in the trash among them."""
    found = set()
    for place in (*(folder / name for name in FOLDERS), folder / TRASH):
        for inside, _, files in os.walk(place):
            for file in _until(should_stop, files):
                found.add(_identity(Path(inside, file)))
    return frozenset(found)


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


def _prune(top: Path, wanted: Container[str], root: Path, should_stop: Callable[[], bool]) -> None:
    """Remove the links below a folder that are not wanted, and what is empty then; files of others stay."""
    for folder, _, files in os.walk(top, topdown=False):
        for file in _until(should_stop, files):
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
