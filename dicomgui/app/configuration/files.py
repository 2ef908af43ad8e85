"""The files that hold settings: where they lie, and how they are read and written without losing anything.

Reading changes nothing on disk. A file that cannot be understood stays where it is until something is saved; then it is
kept aside before the new one takes its name.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeAlias

import platformdirs
import tomli_w

from dicomgui.app.configuration.lines import Lines
from dicomgui.app.configuration.values import Table
from dicomgui.network.private_file import open_private
from dicomgui.storage.disk import replace_file

__all__ = [
    "CONFIG_VARIABLE",
    "Document",
    "SettingsError",
    "TomlFile",
    "config_folder",
    "data_folder",
    "is_portable",
    "machine_file",
]

CONFIG_VARIABLE = "DICOMGUI_CONFIG"
"""Environment variable that names another folder for settings, e.g. on a stick."""

MAX_FILE_BYTES = 4 * 2**20
"""No file of settings is larger; what is, is none of ours."""

MAX_KEY_PARTS = 500
"""No key of a file of settings has more parts between dots."""

_QUOTED = re.compile(rb"""\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'""")

APP = "dicomgui"

Folder: TypeAlias = str | os.PathLike[str] | None


class SettingsError(Exception):
    """A file of settings cannot be read or written.

    :ivar path: the file.
    :ivar hint: what to try, one sentence, or an empty string.
    :ivar is_kept: what is wrong is no loss when the file is written: it stays in it.
    """

    def __init__(self, message: str, *, path: str = "", hint: str = "", is_kept: bool = False) -> None:
        super().__init__(message)
        self.path = path
        self.hint = hint
        self.is_kept = is_kept

    def __str__(self) -> str:
        """One line, whatever a path or a file contains."""
        text = str(self.args[0])
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


# ----------------------------------------------------------------------------------------------------------- folders


def _named_folder(folder: Folder) -> Path | None:
    named = folder or os.environ.get(CONFIG_VARIABLE, "").strip()
    return Path(named).expanduser().absolute() if named else None


def is_portable(folder: Folder = None) -> bool:
    """Whether settings are kept in a folder that somebody named, not in the platform's own."""
    return _named_folder(folder) is not None


def config_folder(folder: Folder = None) -> Path:
    """Where settings are kept: ``folder``, else what ``DICOMGUI_CONFIG`` names, else the platform's folder."""
    return _named_folder(folder) or platformdirs.user_config_path(APP, appauthor=False)


def data_folder(folder: Folder = None) -> Path:
    """Where data is kept unless somebody says otherwise; beside the settings where these lie in a named folder."""
    return _named_folder(folder) or platformdirs.user_data_path(APP, appauthor=False)


def machine_file(name: str) -> Path | None:
    """The machine-wide file of this name, or ``None`` where there is none."""
    folders = platformdirs.site_config_dir(APP, appauthor=False, multipath=True).split(os.pathsep)
    return next((path for folder in folders if (path := Path(folder) / name).is_file()), None)


# ------------------------------------------------------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class Document:
    """What a file said.

    :ivar table: its content; empty where there is no file, or none that can be read.
    :ivar problem: why it was not understood, or not completely.
    :ivar lines: where its keys stand.
    """

    table: Table
    problem: SettingsError | None = None
    lines: Lines = field(default_factory=Lines, compare=False)


class TomlFile:
    """A versioned TOML file that is replaced as a whole, readable by its owner only (mode 0600).

    Both methods wait for the disk; a window calls them in a worker thread.

    :param version: of the format that this program writes; a file without a number is taken for version 1.
    """

    def __init__(self, path: Path, *, version: int = 1) -> None:
        self.path = path
        self._version = version

    def read(self) -> Document:
        """Read the file; never raises for what is in it, and gives an empty table where there is none."""
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return Document({})
        except OSError as error:
            return Document({}, self._problem(f"cannot be read: {error.strerror}", "Give yourself access to it."))
        if len(data) > MAX_FILE_BYTES:
            return Document({}, self._problem("is too large for a file of settings"))
        if _has_endless_key(data):
            return Document({}, self._problem(f"is damaged: a key in it has more than {MAX_KEY_PARTS} parts"))
        try:
            text = data.decode("utf-8-sig")
            table = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            return Document({}, self._problem(f"is damaged: {str(error) or 'it is nested too deeply'}"))
        version = table.get("version", 1)
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            return Document({}, self._problem("is damaged: its version is no number from 1 on"))
        return Document(table, self._newer(version) if version > self._version else None, Lines(text))

    def write(self, table: Table, *, keep_aside: bool = False) -> None:
        """Replace the file by ``table``: it is the old or the new one at any time, also after a power cut.

        Does nothing where that is what it holds already.

        :param keep_aside: keep a copy of the old file, because it says more than could be understood; done anyway
            where it cannot be read at all.
        :raises SettingsError: nothing was changed.
        """
        try:
            target = self.path.resolve()  # the file that a link names is replaced, not the link
            data = tomli_w.dumps({"version": 0} | table | {"version": self._version}).encode()
            if self._holds(target, data):
                return
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if keep_aside or self.read().problem is not None:
                _copy_private(target, self._name_aside(target))
            replace_file(target, data, part=target.with_name(f".{target.name}.{os.getpid()}.part"))
        except OSError as error:
            raise self._problem(f"cannot be written: {error.strerror}", "Nothing was changed in it.") from error
        except (ValueError, TypeError, RuntimeError) as error:
            raise self._problem(f"cannot be written: {error}", "Nothing was changed in it.") from error

    def problem_with(
        self, faults: Sequence[str], unknown: Sequence[str] = (), *, is_kept: bool = True
    ) -> SettingsError | None:
        """The problem of a file in which single values are wrong, or keys unknown; ``None`` where there is no fault.

        :param is_kept: whether unknown keys stay in the file when it is written.
        """
        if not faults:
            return self._unknown(unknown, is_kept) if unknown else None
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return self._problem(f"has a wrong value: {faults[0]}{more}", "The usual value is used instead.")

    def _unknown(self, unknown: Sequence[str], is_kept: bool) -> SettingsError:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        text = f"{self.path} has an unknown key: {unknown[0]}{more}"
        hint = (
            f"It is not used{', and stays in the file' if is_kept else '; a copy is kept before a new one is written'}."
        )
        return SettingsError(text, path=str(self.path), hint=hint, is_kept=is_kept)

    def _newer(self, version: int) -> SettingsError:
        return self._problem(
            f"was written by a newer version of this program (format {version}, known is {self._version})",
            "What is known of it is used; a copy is kept before it is changed.",
        )

    def _problem(self, what: str, hint: str = "") -> SettingsError:
        hint = hint or "Mend it by hand; as it is, it is not used, and a copy is kept before a new one is written."
        return SettingsError(f"{self.path} {what}", path=str(self.path), hint=hint)

    @staticmethod
    def _holds(path: Path, data: bytes) -> bool:
        with suppress(OSError):
            return path.stat().st_size == len(data) and path.read_bytes() == data
        return False

    @staticmethod
    def _name_aside(path: Path) -> Path:
        """``settings.damaged-1.toml``, with the first free number."""
        names = (path.with_name(f"{path.stem}.damaged-{number}{path.suffix}") for number in count(1))
        return next(name for name in names if not name.exists())


def _copy_private(source: Path, target: Path) -> None:
    """Copy a file to a new one that its owner alone can read, whatever the mode of the first."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with source.open("rb") as old, os.fdopen(open_private(target, flags), "wb") as new:
        shutil.copyfileobj(old, new)


def _has_endless_key(data: bytes) -> bool:
    """Whether a line has more dots than a key may: what parses them takes the square of their number."""
    lines = (line.partition(b"#")[0] for line in _QUOTED.sub(b"", data).split(b"\n"))
    return any(line.count(b".") > MAX_KEY_PARTS for line in lines)
