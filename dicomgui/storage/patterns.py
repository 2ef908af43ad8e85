"""Folders and file names of the operator's own making, from the attributes of an instance.

The pattern of the folders is split at ``/`` before a value is put in, and each part is made a name that every file
system takes: a value cannot add a part, leave the folder, hide a file, name a device, or become too long.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from dicomgui.network.errors import ConfigurationError
from dicomgui.storage.names import safe_name
from dicomgui.storage.placeholders import ElementPath, Placeholder, Template, parse_template, wanted_by

__all__ = ["FILE_NAME", "FolderPatterns", "marked", "read_patterns", "write_patterns"]

FILE_NAME: Final = "folder-patterns.json"
"""Beside the archive's folders: the patterns, so that every program that has the archive open keeps the same tree."""

USUAL_FOLDER: Final = "{PatientID}/{StudyDate}_{StudyInstanceUID}/{Modality}"
USUAL_FILE: Final = "{InstanceNumber:05}-{SOPInstanceUID}.dcm"

MISSING: Final = "unknown"
"""Stands for the value of an attribute that an instance does not have."""

MAX_FOLDERS: Final = 8
MAX_PATTERN: Final = 500
"""Characters of a pattern."""

MAX_PART: Final = 180
"""Bytes of one name, in UTF-8: file systems take 255, and a mark may be added."""

_MAX_PATH: Final = 250 if os.name == "nt" else 1000
_SHORTEST: Final = 24
_FORBIDDEN: Final = frozenset('<>:"\\|?*')


@dataclass(frozen=True, slots=True)
class FolderPatterns:
    """Patterns for the folders, with ``/`` between them, and for the file in them.

    Placeholders are those of :mod:`dicomgui.storage.placeholders`; a missing value is :data:`MISSING` where the pattern
    names nothing else.

    :raises ConfigurationError: a pattern is empty, too long, absolute, leads upwards, has a hidden or nameless part or
        a character that no name may have, or an unknown placeholder.
    """

    folder: str = USUAL_FOLDER
    file: str = USUAL_FILE

    def __post_init__(self) -> None:
        if (self.folder, self.file) == (USUAL_FOLDER, USUAL_FILE):
            return  # to look them over loads the data dictionary, which the window would wait for at its start
        parts = self.folder.split("/")
        if len(parts) > MAX_FOLDERS:
            raise _wrong(f"the pattern has {len(parts)} folders", f"{MAX_FOLDERS} are the most.")
        for part in parts:
            _check(part, "folder")
        if "/" in self.file:
            raise _wrong("the pattern of the file name has a /", "Put folders into their own pattern.")
        _check(self.file, "file name")

    @property
    def wanted(self) -> dict[ElementPath, str]:
        """The VRs of the attributes that are put in, by their path."""
        return wanted_by(self._templates())

    def path(self, values: Mapping[ElementPath, str], root: str = "") -> tuple[str, ...]:
        """The folders and the file name of an instance.

        The suffix of the file name is that of the pattern, ``.dcm`` if it has none: no value gives it another.

        :param values: of its attributes, by their path.
        :param root: the folder that they stand in; all together fits into what the system takes for a path.
        """
        *folders, file = (_filled(template, values) for template in self._templates())
        _, suffix = _split(self.file)
        names = [_name(folder) for folder in folders]
        names.append(_name(file.removesuffix(suffix), suffix or ".dcm"))
        return _fitted(names, _MAX_PATH - len(root.encode()))

    def _templates(self) -> list[Template]:
        return [parse_template(part) for part in (*self.folder.split("/"), self.file)]


def marked(name: str, identity: str) -> str:
    """A file name that differs from those of other files which have the same name by their pattern."""
    stem, suffix = _split(name)
    return f"{stem} {_mark(identity)}{suffix}"


def read_patterns(folder: Path) -> FolderPatterns | None:
    """The patterns of an archive; ``None`` where there are none that can be used."""
    with suppress(OSError, ValueError, TypeError, AttributeError, ConfigurationError):
        found = json.loads((folder / FILE_NAME).read_text("utf-8"))
        return FolderPatterns(str(found["folder"]), str(found["file"]))
    return None


def write_patterns(folder: Path, patterns: FolderPatterns | None) -> None:
    """Keep the patterns of an archive, or take them away.

    :raises OSError: they cannot be written.
    """
    path = folder / FILE_NAME
    if patterns is None:
        path.unlink(missing_ok=True)
    elif read_patterns(folder) != patterns:
        text = json.dumps({"folder": patterns.folder, "file": patterns.file}, ensure_ascii=False)
        partial = path.with_suffix(".part")
        partial.write_text(text, "utf-8")
        partial.replace(path)


def _check(part: str, what: str) -> None:
    fixed = "".join(piece for piece in parse_template(part) if isinstance(piece, str))
    if not part.strip():
        raise _wrong(f"a {what} of the pattern is empty", "Write a name, or a placeholder such as {PatientID}.")
    if len(part) > MAX_PATTERN:
        raise _wrong(f"the pattern of a {what} is longer than {MAX_PATTERN} characters", "Write a shorter one.")
    if part.lstrip().startswith("."):
        raise _wrong(f"{part[:40]!r} begins with a dot", "Names like that lead upwards, or are hidden.")
    bad = sorted({character for character in fixed if character in _FORBIDDEN or not character.isprintable()})
    if bad:
        raise _wrong(f"{part[:40]!r} has {bad[0]!r}", "Some systems take no such character in a name.")


def _filled(template: Template, values: Mapping[ElementPath, str]) -> str:
    return "".join(
        piece.value({}, values) or MISSING if isinstance(piece, Placeholder) else piece for piece in template
    )


def _split(name: str) -> tuple[str, str]:
    """The name and its suffix, which is one of at most eight letters and digits."""
    stem, dot, suffix = name.rpartition(".")
    if dot and stem and suffix.isalpha() and suffix.isascii() and len(suffix) <= 8:
        return stem, f".{suffix}"
    return name, ""


def _name(text: str, suffix: str = "") -> str:
    """A name that every file system takes; a long one is cut, and marked."""
    safe = safe_name(text, MISSING, len(text) + 1)
    if len(safe.encode()) > MAX_PART:
        safe = _cut(safe, text, MAX_PART)
    return safe + suffix


def _cut(name: str, identity: str, limit: int) -> str:
    kept = name.encode()[: limit - 9].decode("utf-8", "ignore").rstrip(" .")
    return f"{kept} {_mark(identity)}"


def _fitted(names: list[str], room: int) -> tuple[str, ...]:
    """Names that fit together into a path: the longest ones are cut."""
    for limit in (120, 80, 60, 40, _SHORTEST):
        if sum(len(name.encode()) + 1 for name in names) <= room:
            break
        for at, name in enumerate(names):
            stem, suffix = _split(name)
            if len(stem.encode()) > limit:
                names[at] = _cut(stem, stem, limit) + suffix
    return tuple(names)


def _mark(identity: str) -> str:
    return sha256(identity.encode(), usedforsecurity=False).hexdigest()[:8]


def _wrong(reason: str, hint: str) -> ConfigurationError:
    return ConfigurationError(reason, phase="configure", hint=hint)
