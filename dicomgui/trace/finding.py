"""What the diagnosis finds: plain text, with the place in the trace that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Evidence", "Finding", "Severity", "finding_json", "plain"]

_MAX_VALUE = 160


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Something that was wanted did not happen."""
    WARNING = "warning"
    """It happened, or concerns somebody else, and deserves a look."""
    NOTE = "note"
    """Good to know."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the trace shows it.

    :ivar record_index: number of the record in what was diagnosed, from 0 on.
    :ivar offset: first byte in the record's PDU.
    :ivar length: how many bytes; 0 for the record as a whole.
    """

    record_index: int
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the diagnosis found; all texts are plain and of one line.

    :ivar code: short name that stays the same between versions, e.g. ``closed-port``.
    :ivar severity: how much it matters.
    :ivar what: what happened, in one sentence.
    :ivar causes: what causes it, the likeliest first.
    :ivar tries: what to try, the best first.
    :ivar evidence: where the trace shows it.
    :ivar clause: where the standard speaks of it, or an empty string.
    :ivar association: number of the association, 0 for none.
    """

    code: str
    severity: Severity
    what: str
    causes: tuple[str, ...] = ()
    tries: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    clause: str = ""
    association: int = 0


def plain(text: object, limit: int = _MAX_VALUE) -> str:
    """Text of a peer for people: printable, one line, not longer than ``limit`` characters."""
    value = str(text)
    cut = value[: limit + 1]
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def finding_json(finding: Finding) -> dict[str, object]:
    """The finding as the command line prints it with ``--json``."""
    return {
        "event": "finding",
        "code": finding.code,
        "severity": finding.severity.value,
        "association": finding.association,
        "what": finding.what,
        "causes": list(finding.causes),
        "try": list(finding.tries),
        "evidence": [
            {"record": item.record_index, "offset": item.offset, "length": item.length} for item in finding.evidence
        ],
        "clause": finding.clause,
    }
