"""Which accepted presentation context a request goes on."""

from __future__ import annotations

import logging

from dicomgui.network.association.contexts import AcceptedContext, Negotiated
from dicomgui.network.errors import NoAcceptedContext
from dicomgui.network.service.connection import Connection
from dicomgui.network.tracing import unmet_need
from dicomgui.network.uids import name_of

__all__ = ["ContextChooser"]


class ContextChooser:
    """Chooses among the accepted presentation contexts of one association, and remembers what it chose."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, tuple[str, ...]], AcceptedContext] = {}

    def choose(
        self, sop_class: str, transfer_syntaxes: tuple[str, ...] = (), *, is_final: bool = True
    ) -> AcceptedContext:
        """The context for the SOP class on which we may invoke operations, in the first of ``transfer_syntaxes``
        that there is one for; without ``transfer_syntaxes`` any will do.

        :param is_final: nothing else will be tried: the trace is told which context would have been needed.
        :raises NoAcceptedContext: there is none.
        """
        key = (sop_class, transfer_syntaxes)
        known = self._known.get(key)
        if known is not None:
            return known
        negotiated = self._connection.negotiated
        for syntax in transfer_syntaxes or (None,):
            context = negotiated.find(sop_class, syntax)
            if context is not None:
                self._known[key] = context
                return context
        if is_final:
            self.tell_unmet(sop_class, transfer_syntaxes)
        raise _no_context(negotiated, sop_class, transfer_syntaxes, self._connection.peer)

    def for_report(self, sop_class: str) -> AcceptedContext:
        """The context for an N-EVENT-REPORT, which the SCP of the SOP class invokes (PS3.7 10.1.1).

        Peers that open an association for their reports without asking for the SCP role are common, so that a context
        in any role will do where there is no other.

        :raises NoAcceptedContext: there is none.
        """
        negotiated = self._connection.negotiated
        context = negotiated.find(sop_class, as_scp=True) or negotiated.find(sop_class)
        if context is None:
            self.tell_unmet(sop_class, ())
            raise _no_context(negotiated, sop_class, (), self._connection.peer)
        return context

    def tell_unmet(self, sop_class: str, transfer_syntaxes: tuple[str, ...]) -> None:
        """Tell the trace which refused context would have been needed, for its table of the negotiation."""
        self._connection.scribe.note(logging.WARNING, unmet_need(sop_class, transfer_syntaxes))


def _no_context(
    negotiated: Negotiated, sop_class: str, transfer_syntaxes: tuple[str, ...], peer: str
) -> NoAcceptedContext:
    results = [result for result in negotiated.contexts if result.abstract_syntax == sop_class]
    offered = tuple(dict.fromkeys(uid for result in results for uid in result.transfer_syntaxes))
    accepted = tuple(dict.fromkeys(result.accepted.transfer_syntax for result in results if result.accepted))
    text = f"the peer did not accept {name_of(sop_class)}" if results else f"{name_of(sop_class)} was not proposed"
    if transfer_syntaxes:
        text += " in " + " or ".join(name_of(uid) for uid in transfer_syntaxes)
    return NoAcceptedContext(text, sop_class=sop_class, offered=offered, accepted=accepted, peer=peer)
