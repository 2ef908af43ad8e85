"""Secrets from files that options name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dicomgui.network.errors import ConfigurationError

__all__ = ["secret_of"]

_MAX_BYTES: Final = 1_000_000


def secret_of(path: str, *, first_line: bool) -> str:
    """A secret from its file.

    :param first_line: it is a password: the first line, without what ends it; else all of the file.
    :raises ConfigurationError: the file cannot be read, is no text, or is empty.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise _wrong(f"{path} cannot be read: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong(f"{path} is no text", "A Kerberos ticket has to be in base64.") from None
    text = text.splitlines()[0] if first_line and text else text
    if not text.strip():
        raise _wrong(f"{path} is empty")
    return text


def _wrong(text: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(text, phase="configure", hint=hint)
