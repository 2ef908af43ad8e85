"""What the diagnosis finds: plain text, with the place in the trace that shows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

__all__ = [
    "Action",
    "ActionKind",
    "Evidence",
    "Finding",
    "Place",
    "Severity",
    "finding_json",
    "group_findings",
    "plain",
]

_MAX_VALUE = 160


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Something that was wanted did not happen."""
    WARNING = "warning"
    """It happened, or concerns somebody else, and deserves a look."""
    NOTE = "note"
    """Good to know."""


class ActionKind(StrEnum):
    """What may be done about a finding; each face knows which of these it can do, and offers no other."""

    RETRY = "retry"
    """The same once more."""
    RETRY_LATER = "retry-later"
    """The same after a pause that grows with each attempt."""
    RETRY_TLS = "retry-tls"
    """The same over TLS."""
    RETRY_PLAIN = "retry-plain"
    """The same without TLS."""
    RETRY_MINIMAL = "retry-minimal"
    """Ask for verification alone, without any extended negotiation."""
    TRY_AE = "try-ae"
    """Call the peer by the AE title in ``value``."""
    TRY_CALLING_AE = "try-calling-ae"
    """Call under the AE title in ``value``."""
    TRY_PORTS = "try-ports"
    """Look which of the usual DICOM ports of the host are open; it is asked first."""
    EDIT_NODE = "edit-node"
    """Change what is saved about the peer: names, address, time-outs."""
    TRUST_CERTIFICATE = "trust-certificate"
    """Choose which authorities are trusted for the peer."""
    CHOOSE_CERTIFICATE = "choose-certificate"
    """Choose the certificate that is shown to the peer."""
    COPY_SETUP = "copy-setup"
    """Copy what the peer's administrator has to enter about this program."""
    SEND_DECOMPRESSED = "send-decompressed"
    """Send again, uncompressed."""
    RELAX_QUERY = "relax-query"
    """Ask again with fewer keys."""
    OTHER_ROOT = "other-root"
    """Ask again in another information model."""
    USE_GET = "use-get"
    """Retrieve by C-GET instead."""
    USE_MOVE = "use-move"
    """Retrieve by C-MOVE instead."""
    START_LISTENER = "start-listener"
    """Start the listener, or look at its settings."""
    TEST_LISTENER = "test-listener"
    """Call the own listener as a peer would."""
    NEXT_PORT = "next-port"
    """Listen on the port in ``value``."""
    SHOW_BYTES = "show-bytes"
    """Show the evidence in the trace."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something to try that a face may do at once.

    :ivar kind: what.
    :ivar label: the words of its button, without a full stop.
    :ivar value: what it needs to know, such as the AE title to call; depends on ``kind``.
    """

    kind: ActionKind
    label: str
    value: str = ""


class Place(NamedTuple):
    """What tells a record from the others of a trace, wherever it is kept.

    :ivar kind: name of the record's class.
    """

    association: int
    mono: float
    kind: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the trace shows it.

    :ivar record_index: number of the record in what was diagnosed, from 0 on.
    :ivar offset: first byte in the record's PDU.
    :ivar length: how many bytes; 0 for the record as a whole.
    :ivar place: finds the record in a store, see :meth:`dicomgui.trace.store.TraceStore.find`.
    """

    record_index: int
    offset: int = 0
    length: int = 0
    place: Place | None = field(default=None, compare=False)


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
    :ivar actions: what of ``tries`` can be done at once, the best first.
    """

    code: str
    severity: Severity
    what: str
    causes: tuple[str, ...] = ()
    tries: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    clause: str = ""
    association: int = 0
    actions: tuple[Action, ...] = ()

    @property
    def best_evidence(self) -> Evidence | None:
        """The evidence to show first: single bytes rather than a record as a whole."""
        return next((item for item in self.evidence if item.length), next(iter(self.evidence), None))


def plain(text: object, limit: int = _MAX_VALUE) -> str:
    """Text of a peer for people: printable, one line, not longer than ``limit`` characters."""
    cut = str(text)[: limit + 1]
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
        "actions": [
            {"kind": action.kind.value, "label": action.label, "value": action.value} for action in finding.actions
        ],
        "evidence": [
            {"record": item.record_index, "offset": item.offset, "length": item.length} for item in finding.evidence
        ],
        "clause": finding.clause,
    }


def group_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each kind of finding once, the first of it, which says how many more there are."""
    first: dict[tuple[object, ...], Finding] = {}
    count: dict[tuple[object, ...], int] = {}
    for finding in findings:
        kind = (finding.code, finding.severity, finding.causes, finding.tries)
        first.setdefault(kind, finding)
        count[kind] = count.get(kind, 0) + 1
    return tuple(
        finding if count[kind] == 1 else replace(finding, what=f"{finding.what} ({count[kind]:,} × in all)")
        for kind, finding in first.items()
    )
