"""What an entry of the catalogue consists of, and sentences that many entries share."""

from __future__ import annotations

from typing import Final, NamedTuple

from dicomgui.trace.finding import Severity

__all__ = ["ASK_ADMIN", "ERROR", "NOTE", "SEE_LOG", "TRY_ECHO", "WARNING", "Template"]

ERROR: Final = Severity.ERROR
WARNING: Final = Severity.WARNING
NOTE: Final = Severity.NOTE

ASK_ADMIN: Final = "Ask the administrator of {peer} to add AE title {calling} with this computer's address."
SEE_LOG: Final = "Look into the log of {peer} for the same second."
TRY_ECHO: Final = "Test with C-ECHO first: it needs nothing but the connection and the names."


class Template(NamedTuple):
    """One entry of the catalogue; see :class:`~dicomgui.trace.finding.Finding` for its fields."""

    severity: Severity
    what: str
    causes: tuple[str, ...] = ()
    tries: tuple[str, ...] = ()
    clause: str = ""
