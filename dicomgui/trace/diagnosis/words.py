"""Puts the values of a case into the sentences of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dicomgui.network.dimse import CommandField
from dicomgui.trace.diagnosis.case import RESPONSE, Case, Found
from dicomgui.trace.diagnosis.catalogue import CATALOGUE, LABELS, OFFERS
from dicomgui.trace.finding import Action, ActionKind, Evidence, Finding, Place, plain

__all__ = [
    "compose",
    "evidence_at",
    "evidence_of",
    "file_code",
    "message_name",
    "model_values",
    "seconds_text",
    "split_place",
    "values_of",
]

_ROOTS = tuple(f"1.2.840.10008.5.1.4.1.2.{number}." for number in (1, 2, 3))
"""Beginnings of the UIDs of the information models with levels and a root: patient, study, patient/study only."""

_MAX_VALUE = 400
_MAX_OFFER = 64
_UNKNOWN = {
    "peer": "the peer",
    "host": "the peer",
    "port": "(unknown)",
    "calling": "(unknown)",
    "called": "(unknown)",
    "message": "our request",
    "waited": "in time",
}


class _Values(dict[str, str]):
    """What a sentence names and the case does not know."""

    def __missing__(self, key: str) -> str:
        return _UNKNOWN.get(key, "")


def compose(
    code: str,
    values: Mapping[str, object],
    *,
    evidence: tuple[Evidence, ...] = (),
    association: int = 0,
    first_cause: str = "",
    offers: Mapping[ActionKind, str] = MappingProxyType({}),
) -> Finding:
    """The finding of that code; values are made safe to show, empty sentences are left out.

    :param first_cause: a cause that fits this case better than those of the catalogue.
    :param offers: actions that this case allows beside those of the catalogue, each with its value; they come first.
    """
    template = CATALOGUE[code]
    safe = _Values({name: text for name, value in values.items() if (text := plain(value, _MAX_VALUE))})

    def fill(sentence: str) -> str:
        text = sentence.format_map(safe).strip()
        return text[:1].upper() + text[1:] if text.startswith("the peer") else text

    causes = tuple(filter(None, map(fill, (first_cause, *template.causes))))
    tries = tuple(filter(None, map(fill, template.tries)))
    wanted = {kind: plain(value, _MAX_OFFER) for kind, value in offers.items()} | {
        kind: "" for kind in OFFERS.get(code, ()) if kind not in offers and _fits(kind, safe)
    }
    actions = tuple(Action(kind, LABELS[kind].format(value=value), value) for kind, value in wanted.items())
    return Finding(
        code, template.severity, fill(template.what), causes, tries, evidence, fill(template.clause), association,
        actions,
    )  # fmt: skip


def _fits(kind: ActionKind, values: Mapping[str, str]) -> bool:
    """Accept an action that makes sense here: another root only where the information model has one."""
    return kind is not ActionKind.OTHER_ROOT or "other_root" in values


def model_values(sop_class_uid: str) -> dict[str, object]:
    """Sentences about levels and roots for a query or retrieval; none for a model without, such as the worklist."""
    if not sop_class_uid.startswith(_ROOTS):
        return {"key_needed_by": "this information model", "nothing_there": "Nothing of that kind is there."}
    return {
        "key_needed_by": "this level",
        "nothing_there": "No such patient or study is there.",
        "level_unfit": "The level does not fit the information model (root).",
        "levels_above": "Give the unique keys of the levels above.",
        "other_root": "Try the other root.",
    }


def values_of(case: Case) -> dict[str, object]:
    """The names and places that any sentence may want."""
    called, calling = (title.decode("latin-1").strip(" \0") for title in case.titles())
    host, port = split_place(case.place)
    at_called = f"{called}@{case.place}" if called and case.place and not case.is_acceptor else case.place
    return {"peer": at_called, "host": host, "port": port, "called": called, "calling": calling}


def split_place(place: str) -> tuple[str, str]:
    """Host without brackets, and port, of ``host:port`` or ``AET@host:port``."""
    host, colon, port = place.rpartition("@")[2].rpartition(":")
    return (host.strip("[]"), port) if colon else (port, "")


def evidence_of(*found: Found | None) -> tuple[Evidence, ...]:
    """Whole records as evidence."""
    return tuple(evidence_at(item) for item in found if item is not None)


def evidence_at(found: Found, offset: int = 0, length: int = 0) -> Evidence:
    """Some bytes of a record as evidence."""
    record = found.record
    return Evidence(found.number, offset, length, Place(record.association, record.mono, type(record).__name__))


def message_name(command_field: int) -> str:
    """``C-STORE`` for its request and for its response."""
    try:
        return CommandField(command_field & ~RESPONSE).text.removesuffix("-RQ")
    except ValueError:
        return f"the operation {command_field:04X}H"


def file_code(failure: str) -> str:
    """The finding's code for the failure of a file; see :attr:`~dicomgui.network.tracing.FileRecord.failure`."""
    code = f"file-{failure}"
    return code if failure and code in CATALOGUE else "file-failed"


def seconds_text(seconds: float) -> str:
    """Seconds with as many digits as people want to read."""
    return f"{round(seconds, 1) if seconds < 10 else round(seconds):g}"
