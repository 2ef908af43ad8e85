"""Which accepted presentation context a request goes on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dicomgui.network import NoAcceptedContext
from dicomgui.network.association.contexts import AcceptedContext, ContextResult, Negotiated
from dicomgui.network.service.contexts import ContextChooser
from dicomgui.network.tracing import NoteRecord, Record, Role, Scribe, read_unmet_need

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT, EXPLICIT, J2K = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"


def chooser(
    *accepted: AcceptedContext, refused: tuple[str, ...] = (), told: list[Record] | None = None
) -> ContextChooser:
    results = [ContextResult(c.context_id, c.abstract_syntax, (c.transfer_syntax,), 0, c) for c in accepted]
    results += [ContextResult(99, uid, (J2K, IMPLICIT), 3) for uid in refused]
    negotiated = Negotiated(Role.REQUESTOR, "A", "B", tuple(results), accepted, 0)
    scribe = Scribe(told.append if told is not None else None, 1)
    connection: Any = SimpleNamespace(negotiated=negotiated, peer="X@h:1", scribe=scribe)
    return ContextChooser(connection)


def context(number: int, uid: str = CT, syntax: str = EXPLICIT, scu: bool = True, scp: bool = False) -> AcceptedContext:
    return AcceptedContext(number, uid, syntax, scu, scp)


def test_b23_the_context_of_the_transfer_syntax_is_chosen() -> None:
    contexts = chooser(context(1), context(3, syntax=J2K))
    assert contexts.choose(CT, (J2K,)).context_id == 3
    assert contexts.choose(CT, (J2K,)).context_id == 3
    assert contexts.choose(CT).context_id == 1
    assert contexts.choose(CT, (IMPLICIT, J2K, EXPLICIT)).context_id == 3


@pytest.mark.parametrize(
    ("uid", "syntaxes", "words"),
    [
        (MR, (), "was not proposed"),
        (CT, (J2K, IMPLICIT), "did not accept"),
        ("1.2.3", (), "1.2.3 was not proposed"),
    ],
)
def test_none_is_an_error_that_says_why(uid: str, syntaxes: tuple[str, ...], words: str) -> None:
    with pytest.raises(NoAcceptedContext, match=words) as caught:
        chooser(context(1)).choose(uid, syntaxes)
    assert caught.value.sop_class == uid
    assert caught.value.accepted == ((EXPLICIT,) if uid == CT else ())


def test_a_refused_context_is_told_with_what_was_offered() -> None:
    with pytest.raises(NoAcceptedContext, match="did not accept") as caught:
        chooser(refused=(MR,)).choose(MR)
    assert caught.value.offered == (J2K, IMPLICIT)


def test_the_trace_is_told_what_was_needed() -> None:
    told: list[Record] = []
    one = chooser(refused=(MR,), told=told)
    for sop_class, syntaxes in ((MR, ()), (CT, (J2K, IMPLICIT))):
        with pytest.raises(NoAcceptedContext):
            one.choose(sop_class, syntaxes)
    with pytest.raises(NoAcceptedContext):
        one.for_report("1.2.3")
    notes = [record.text for record in told if isinstance(record, NoteRecord)]
    assert list(map(read_unmet_need, notes)) == [(MR, ()), (CT, (J2K, IMPLICIT)), ("1.2.3", ())]
    assert read_unmet_need("no accepted context for the key") is None


def test_without_the_role_there_is_none() -> None:
    with pytest.raises(NoAcceptedContext):
        chooser(context(1, scu=False, scp=True)).choose(CT)


def test_a_report_goes_as_scp_and_else_as_can_be() -> None:
    assert chooser(context(1), context(3, scu=False, scp=True)).for_report(CT).context_id == 3
    assert chooser(context(1)).for_report(CT).context_id == 1
    with pytest.raises(NoAcceptedContext):
        chooser(context(1, scu=False)).for_report(CT)
