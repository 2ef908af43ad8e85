"""Names of folders and files that people understand, and every file system takes."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["safe_name"]

MAX_NAME: Final = 60
"""Characters of one folder's name: paths of four must fit into what Windows takes."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])(?:\..*)?", re.IGNORECASE)


def safe_name(text: str, instead: str, limit: int = MAX_NAME) -> str:
    """``text`` as the name of a file or folder on any system; ``instead`` if nothing is left of it.

    :param limit: of its characters.
    """
    text = unicodedata.normalize("NFC", text)
    text = "".join(character if character.isprintable() else " " for character in text)
    text = " ".join(_FORBIDDEN.sub("_", text).split())[:limit].strip(" .")
    if not text.strip("_"):
        return instead
    return f"_{text}" if _RESERVED.fullmatch(text) else text
