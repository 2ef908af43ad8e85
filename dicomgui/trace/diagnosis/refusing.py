"""Rules for presentation contexts: which were refused, why, and what would have been taken."""

from __future__ import annotations

from dicomgui.network.pdu import AssociateAC, AssociateRQ, describe_presentation_result
from dicomgui.network.uids import name_of
from dicomgui.trace.describe import describe_pdu
from dicomgui.trace.diagnosis.case import Case
from dicomgui.trace.diagnosis.words import compose, evidence_at, evidence_of, values_of
from dicomgui.trace.finding import Evidence, Finding, plain

__all__ = ["find_no_context", "find_some_contexts", "refused_text"]

_MAX_NAMED = 3
_CODES = {
    1: "no-context-user",
    2: "no-context-provider",
    3: "no-context-abstract",
    4: "no-context-transfer",
}
"""By the one result that all of them have (PS3.8 table 9-18)."""


class _Contexts:
    """What was proposed and what became of it."""

    def __init__(self, request: AssociateRQ, answer: AssociateAC) -> None:
        proposed = {context.context_id: context for context in request.presentation_contexts}
        self.proposed = len(proposed)
        self.accepted: dict[str, list[str]] = {}
        self.refused: dict[tuple[str, int], list[str]] = {}
        for context in answer.presentation_contexts:
            asked = proposed.pop(context.context_id, None)
            if asked is None:
                continue
            if context.result == 0:
                self.accepted.setdefault(asked.abstract_syntax, []).append(context.transfer_syntax)
            else:
                offered = self.refused.setdefault((asked.abstract_syntax, context.result), [])
                offered.extend(asked.transfer_syntaxes)
        for asked in proposed.values():  # an answer that leaves contexts out refuses them (PS3.8 9.3.3.2 wants all)
            self.refused.setdefault((asked.abstract_syntax, -1), []).extend(asked.transfer_syntaxes)

    @property
    def accepted_count(self) -> int:
        return sum(map(len, self.accepted.values()))

    def describe_refused(self) -> str:
        texts = []
        for (abstract, result), offered in self.refused.items():
            name = plain(name_of(abstract), 80)
            if result == 4:
                syntaxes = list(dict.fromkeys(plain(name_of(uid), 60) for uid in offered))
                texts.append(f"{name} in {_listed(syntaxes, 'or')}")
            else:
                why = "not answered" if result < 0 else describe_presentation_result(result)
                texts.append(f"{name} ({why})")
        return _listed(texts, "and")

    def describe_offer(self) -> str:
        """In which encodings the peer would take objects that were refused in another."""
        texts = []
        for abstract in dict.fromkeys(abstract for abstract, _ in self.refused):
            syntaxes = list(dict.fromkeys(plain(name_of(uid), 60) for uid in self.accepted.get(abstract, ())))
            if syntaxes:
                texts.append(f"{plain(name_of(abstract), 80)} in {_listed(syntaxes, 'or')}")
        return f"It would take {_listed(texts, 'and')}." if texts else ""


def _listed(texts: list[str], joint: str) -> str:
    if len(texts) > _MAX_NAMED:
        return f"{', '.join(texts[:_MAX_NAMED])} {joint} {len(texts) - _MAX_NAMED} more"
    return f" {joint} ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def _contexts(case: Case) -> _Contexts | None:
    request, answer = case.proposed, case.agreed
    return _Contexts(request, answer) if request is not None and answer is not None else None


def refused_text(case: Case) -> str:
    """What was refused, where nothing was accepted; an empty string where something was, or it cannot be told."""
    contexts = _contexts(case)
    return contexts.describe_refused() if contexts is not None and not contexts.accepted else ""


def find_no_context(case: Case) -> Finding | None:
    """The association was accepted and none of its contexts."""
    contexts = _contexts(case)
    if contexts is None or contexts.accepted or not contexts.refused:
        return None
    code = "we-accepted-none"
    if not case.is_acceptor:
        results = {result for _, result in contexts.refused}
        code = _CODES.get(min(results), "no-context") if len(results) == 1 else "no-context"
    values = values_of(case) | {"detail": contexts.describe_refused()}
    return compose(code, values, evidence=_context_evidence(case), association=case.association)


def find_some_contexts(case: Case) -> list[Finding]:
    """The peer refused some of the contexts that we proposed."""
    contexts = None if case.is_acceptor else _contexts(case)
    if contexts is None or not contexts.accepted or not contexts.refused:
        return []
    values = values_of(case) | {
        "accepted": contexts.accepted_count,
        "proposed": contexts.proposed,
        "detail": contexts.describe_refused(),
        "offer": contexts.describe_offer(),
    }
    evidence = _context_evidence(case)
    return [compose("some-contexts-refused", values, evidence=evidence, association=case.association)]


def _context_evidence(case: Case) -> tuple[Evidence, ...]:
    """The first refused context of the answer."""
    found = case.acceptance
    for item in describe_pdu(found.record).children if found is not None else ():
        results = [field.value for field in item.children if field.label == "Result/Reason"]
        if found is not None and results and not results[0].startswith("0 "):
            return (evidence_at(found, item.offset, item.length),)
    return evidence_of(found)
