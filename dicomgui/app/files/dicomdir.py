"""The files that a DICOMDIR lists (PS3.3 annex F, PS3.10 8): inside its folder, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from dicomgui.app.files.file_limits import check_file

__all__ = ["MEDIA_DIRECTORY", "referenced_files"]

MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
"""Media Storage Directory Storage: the SOP class of a DICOMDIR."""

MAX_BYTES = 256 * 2**20
"""A DICOMDIR beyond this is refused: it is read into memory as a whole."""

_DIRECTORY_RECORDS = 0x00041220
_REFERENCED_FILE_ID = 0x00041500


def referenced_files(path: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    """The files that the DICOMDIR ``path`` lists, in its order, and what is wrong with others as (name, reason).

    Imports pydicom. Never raises for what the file holds.
    """
    files: list[Path] = []
    faults: list[tuple[str, str]] = []
    try:
        file_ids = _file_ids(path)
    except Exception as error:  # pydicom raises nearly anything for a damaged file
        return [], [(str(path), f"the DICOMDIR cannot be read: {error}")]
    top = path.resolve().parent
    for components in file_ids:
        name = "/".join(components)
        found = _locate(top, components)
        if found is None:
            faults.append((f"{path}:{name}", "listed in the DICOMDIR, but not there"))
        elif not found.resolve().is_relative_to(top):
            faults.append((f"{path}:{name}", "the DICOMDIR points out of its folder"))
        else:
            files.append(path.parent / found.relative_to(top))
    return files, faults


def _file_ids(path: Path) -> list[tuple[str, ...]]:
    """Referenced File ID (0004,1500) of every record that has one; each listed once."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES} bytes")
    from pydicom import dcmread

    check_file(path)
    records = dcmread(path, specific_tags=[_DIRECTORY_RECORDS]).get("DirectoryRecordSequence") or ()
    found: dict[tuple[str, ...], None] = {}
    for record in records:
        # As it lies there: pydicom's own reading judges the names, and half of all media break the rules for them.
        element = record.get_item(_REFERENCED_FILE_ID)
        text = element.value.decode("latin-1").strip(" \0") if element is not None and element.value else ""
        if text:
            found[tuple(component.strip(" ") for component in text.split("\\"))] = None
    return list(found)


def _locate(top: Path, components: tuple[str, ...]) -> Path | None:
    """The file, also where the medium was copied with other upper and lower case, as many are."""
    place = top
    for component in components:
        if not component or component in (".", "..") or "/" in component or "\\" in component or "\0" in component:
            return None
        exact = place / component
        if exact.exists():
            place = exact
            continue
        try:
            alike = [entry for entry in place.iterdir() if entry.name.casefold() == component.casefold()]
        except OSError:
            return None
        if not alike:
            return None
        place = alike[0]
    return place if place.is_file() else None
