"""What is known beside the one association that is diagnosed: the others of the trace, and facts from elsewhere.

Each association leaves a few values here, so that a C-MOVE can be compared with the associations that it caused, and a
refused name with one that was accepted at the same address. All of it is bounded.
"""

from __future__ import annotations

from typing import NamedTuple

from dicomgui.trace.diagnosis.facts import NO_FACTS, Facts, OwnListener
from dicomgui.trace.finding import Evidence

__all__ = ["Around", "Knock"]

_MAX_KNOCKS = 4096
_MAX_PLACES = 1024
_MAX_TITLES = 8
_MAX_CUTS = 64
_MAX_LISTENERS = 64


class Knock(NamedTuple):
    """An association that a peer opened, or tried to open, with a listener of ours.

    :ivar ended_mono: when it ended; infinite where it has not.
    :ivar host: where it came from.
    :ivar called: which AE title it called; empty where it did not get that far.
    :ivar refusal: why we refused it, in a sentence; empty where we did not.
    :ivar failure: what we answered to its objects where that was a failure, in words.
    :ivar stores: C-STORE requests that came.
    :ivar stores_for: how many of them name this Message ID of a C-MOVE as their origin.
    :ivar evidence: what shows it best.
    """

    association: int
    began_mono: float
    ended_mono: float
    host: str
    called: str
    calling: str
    refusal: str
    failure: str
    stores: int
    stores_for: dict[int, int]
    evidence: tuple[Evidence, ...]


class Around:
    """Grows while a trace is read.

    :ivar facts: what was told from elsewhere.
    :ivar last_mono: the time of the last record.
    :ivar cuts: at each host, the associations that were cut while they rested, and after how many seconds.
    """

    def __init__(self, facts: Facts = NO_FACTS) -> None:
        self.facts = facts
        self.last_mono = 0.0
        self.cuts: dict[str, dict[int, float]] = {}
        self._knocks: dict[int, Knock] = {}
        self._titles: dict[str, dict[str, None]] = {}
        self._own_titles: dict[str, dict[str, None]] = {}
        self._listeners: list[tuple[float, OwnListener]] = []
        self._reports: list[float] = []

    def note_accepted(self, place: str, called: str, calling: str) -> None:
        """At ``place`` these names were accepted."""
        for names, title in ((self._titles, called), (self._own_titles, calling)):
            if place in names or len(names) < _MAX_PLACES:
                known = names.setdefault(place, {})
                if len(known) < _MAX_TITLES:
                    known[title] = None

    def note_knock(self, knock: Knock) -> None:
        """A peer has come; what was known of this association is replaced."""
        if knock.association in self._knocks or len(self._knocks) < _MAX_KNOCKS:
            self._knocks[knock.association] = knock

    def note_cut(self, host: str, association: int, seconds: float) -> None:
        """An association with ``host`` was cut after so long a rest."""
        if host in self.cuts or len(self.cuts) < _MAX_PLACES:
            cuts = self.cuts.setdefault(host, {})
            if len(cuts) < _MAX_CUTS:
                cuts[association] = seconds

    def note_listener(self, mono: float, listener: OwnListener) -> None:
        """A listener of ours was started."""
        if len(self._listeners) < _MAX_LISTENERS:
            self._listeners.append((mono, listener))

    def note_report(self, mono: float) -> None:
        """A report of storage commitment came."""
        if len(self._reports) < _MAX_KNOCKS:
            self._reports.append(mono)

    def has_report_since(self, mono: float) -> bool:
        """Whether a report of storage commitment came after that."""
        return any(at >= mono for at in self._reports)

    def titles_at(self, *places: str) -> list[str]:
        """AE titles that go or went to one of these, the surest first."""
        seen = (title for place in places for title in self._titles.get(place, ()))
        told = (title for place in places for title in self.facts.titles.get(place, ()))
        return list(dict.fromkeys((*seen, *told)))

    def own_titles_at(self, place: str) -> list[str]:
        """AE titles under which we were let in there."""
        return list(self._own_titles.get(place, ()))

    def listener(self, ae_title: str, until_mono: float) -> OwnListener | None:
        """Our listener of that name, where one is known to have been there before ``until_mono``."""
        for mono, one in self._listeners:
            if one.ae_title == ae_title and mono <= until_mono:
                return one
        return next((one for one in self.facts.listeners if one.ae_title == ae_title), None)

    def knocks(self, since_mono: float, *, host: str, called: str) -> list[Knock]:
        """Who was here then or has come since: from that host, or by that name."""
        return [
            knock
            for knock in self._knocks.values()
            if knock.ended_mono >= since_mono and (knock.called == called or knock.host == host)
        ]
