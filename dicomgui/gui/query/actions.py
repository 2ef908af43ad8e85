"""What the query panel can do about its findings: ask otherwise, or retrieve otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from dicomgui.app.asking.information_models import is_without_levels
from dicomgui.app.asking.levels import Level, roots_for
from dicomgui.app.asking.query import FindJob, Query, relaxed
from dicomgui.gui.asking.rows import Source
from dicomgui.gui.panels.explaining import PeerActions
from dicomgui.gui.query.retrieving import Method, Order, Retrieval
from dicomgui.gui.widgets.cards import Offers
from dicomgui.trace.finding import ActionKind

if TYPE_CHECKING:
    from dicomgui.gui.query.panel import QueryPanel

__all__ = ["QueryActions"]

Asked: TypeAlias = tuple[Query, tuple[Source, ...]]


class QueryActions:
    """Actions over the query that was asked last, and the retrieval that ended last.

    :param asked: what was asked last, and whom.
    :param ask: asks that, in place of what was found before.
    :param association: the one that the findings are about, as far as it is known.
    :param say: shows a line of text.
    """

    def __init__(
        self,
        panel: QueryPanel,
        asked: Callable[[], Asked | None],
        ask: Callable[[Query, tuple[Source, ...]], object],
        association: Callable[[], int],
        say: Callable[[str], object],
    ) -> None:
        self._panel = panel
        self._asked = asked
        self._ask = ask
        self._say = say
        self._peer = PeerActions(panel, self._ask_again, association, say)

    @property
    def of_query(self) -> Offers:
        """What can be done about a query."""
        usual = self._peer.offers
        return {kind: usual[kind] for kind in _SHARED} | {
            ActionKind.RETRY: lambda _action: self._ask_again(),
            ActionKind.RELAX_QUERY: lambda _action: self._panel.tasks.spawn(self._relax(), name="relax"),
            ActionKind.OTHER_ROOT: lambda _action: self._ask_other_root(),
        }

    @property
    def of_retrieval(self) -> Offers:
        """What can be done about a retrieval."""
        usual = self._peer.offers
        return {kind: usual[kind] for kind in _SHARED} | {
            ActionKind.RETRY: lambda _action: self._retrieve_again(None),
            ActionKind.USE_GET: lambda _action: self._retrieve_again(Method(uses_get=True)),
            ActionKind.USE_MOVE: lambda _action: self._retrieve_again(Method(uses_move=True)),
        }

    def _ask_again(self) -> None:
        asked = self._panel.asking.asked_all
        if asked is not None:
            self._panel.start_queries(*asked)

    def _asked_alone(self) -> Asked | None:
        """The query that was asked last; where several were, that is said."""
        asked = self._asked()
        if asked is None:
            self._say("Several queries were asked: ask this one alone first.")
        return asked

    def _ask_other_root(self) -> None:
        asked = self._asked_alone()
        if asked is None:
            return
        query, sources = asked
        was = query.root or next((str(source.root) for source in sources if source.root), "")
        if is_without_levels(query.root):
            self._say("This information model has no other root.")
            return
        others = [root.value for root in roots_for(query.level or Level.STUDY) if root.value != was]
        if not others:
            self._say("This level is in one root only.")
            return
        self._say(f"Asking in the {others[0]} root.")
        again = tuple(Source(one.name, one.peer, one.options, others[0]) for one in sources)
        self._ask(replace(query, root=others[0]), again)

    async def _relax(self) -> None:
        """Leave out the keys one by one; the first query with a match is asked in full."""
        asked = self._asked_alone()
        if asked is None:
            return
        query, sources = asked
        names = []
        for key, other in relaxed(query):
            names.append(key.attribute.keyword or key.attribute.name)
            for source in sources:
                self._say(f"Asking {source.name} without {names[-1]} …")
                job = FindJob(self._panel.place.context, source.peer, source.options, replace(other, limit=1))
                result = await job.run_undecoded()
                if result.count:
                    self._ask(other, sources)
                    self._say(f"Without {names[-1]} there are matches: this key is too narrow.")
                    return
        text = f"Nothing matches without any one of {', '.join(names)} either." if names else "There is no key to drop."
        self._say(text)

    def _retrieve_again(self, method: Method | None) -> None:
        last: Retrieval | None = self._panel.retrievals.last
        if last is None:
            return
        order: Order = last.order if method is None else replace(last.order, method=method)
        self._panel.retrievals.start(replace(order, wanted=last.left or order.wanted))
        self._panel.retrieve.show_lines()


_SHARED = (
    ActionKind.TRY_AE, ActionKind.TRY_CALLING_AE, ActionKind.EDIT_NODE, ActionKind.TRUST_CERTIFICATE,
    ActionKind.CHOOSE_CERTIFICATE, ActionKind.COPY_SETUP, ActionKind.START_LISTENER, ActionKind.TEST_LISTENER,
)  # fmt: skip
"""What is the same whoever asks."""
