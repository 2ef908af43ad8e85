"""Where icons and other files that belong to the program are found.

A wheel and a frozen application carry them inside the package (``dicomgui/_resources``). A source tree and an editable
install have them in ``resources/`` beside the package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["resource", "resource_folder"]

_PACKAGE = Path(__file__).resolve().parent.parent


@cache
def resource_folder() -> Path:
    """The folder that holds the program's own files.

    :raises FileNotFoundError: when the installation lacks it.
    """
    # The packaged folder comes first: beside an installed package, "resources" may be anybody's.
    for folder in (_PACKAGE / "_resources", _PACKAGE.parent / "resources"):
        if (folder / "icons").is_dir():
            return folder
    raise FileNotFoundError(f"dicomgui's resources are neither in {_PACKAGE} nor beside it: the installation is broken")


def resource(name: str) -> Path:
    """The path of one file, by its name with ``/`` between the parts: ``icons/dicomgui.svg``.

    :raises FileNotFoundError: when there is no such file.
    """
    path = resource_folder() / name
    if not path.is_file():
        raise FileNotFoundError(f"dicomgui has no resource {name!r} in {resource_folder()}")
    return path
