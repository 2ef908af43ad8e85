"""Where an instance lies: ``DIR/ab/<SOP Instance UID>.dcm``.

``ab`` are the first two hex digits of the SHA-256 of the UID, so that 256 folders fill evenly whatever roots the UIDs
have. The name needs nothing but the UID, and a UID that is none is refused: nothing that a peer sends can name a place
outside the folder. A second instance of the same UID with another data set is ``<UID>~2.dcm``, the next ``~3``.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from dicomgui.network.uids import is_valid_uid
from dicomgui.storage.errors import PathUnsafe

__all__ = ["FOLDERS", "INCOMING", "folder_name", "instance_path", "relative_name"]

INCOMING = "incoming"
"""The folder, inside of the archive's, of instances that are not complete yet."""

FOLDERS: Final = tuple(f"{number:02x}" for number in range(256))
"""The names that :func:`folder_name` can give."""


@lru_cache(maxsize=64)
def folder_name(sop_instance_uid: str) -> str:
    """The two hex digits that name the instance's folder; raises :class:`PathUnsafe` for what is no UID."""
    if not is_valid_uid(sop_instance_uid):
        shown = sop_instance_uid if len(sop_instance_uid) <= 80 else sop_instance_uid[:80] + "…"
        what = f"{shown!r} is no UID" if shown else "the SOP Instance UID is empty"
        raise PathUnsafe(
            f"{what}: the instance is refused", hint="The sender must give a UID of digits and dots (PS3.5 9.1)."
        )
    return sha256(sop_instance_uid.encode("ascii"), usedforsecurity=False).hexdigest()[:2]


def relative_name(sop_instance_uid: str, n: int = 1) -> str:
    """The path of the ``n``-th instance of this UID inside of the archive, with ``/``; raises like above."""
    variant = "" if n == 1 else f"~{n}"
    return f"{folder_name(sop_instance_uid)}/{sop_instance_uid}{variant}.dcm"


def instance_path(folder: Path, sop_instance_uid: str, n: int = 1) -> Path:
    """The path of the ``n``-th instance of this UID; raises :class:`PathUnsafe` for what is no UID."""
    return folder / relative_name(sop_instance_uid, n)
