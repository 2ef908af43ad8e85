"""Words for exceptions of other packages, which raise nearly anything for odd files."""

from __future__ import annotations

__all__ = ["reason_of"]

_MOST = 300


def reason_of(error: BaseException | None) -> str:
    """An error in one line; a bare ``KeyError`` or an empty message gets its type."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    if error is not None and (not text or isinstance(error, LookupError)):
        text = f"{type(error).__name__} {text}".strip()
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
