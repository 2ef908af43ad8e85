"""What of a trace is not in its list, and why."""

from __future__ import annotations

import time

from dicomgui.gui.trace.listing.source import TraceSource
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.trace.finding import plain

__all__ = ["TraceState"]

FAR_BEHIND = 2000
"""Rows that the list may be behind without a word."""

_LOOK_S = 1.0  # how often what had to make room is counted


class TraceState(PlainLabel):
    """One line that is hidden while there is nothing to say."""

    def __init__(self, name: str) -> None:
        super().__init__(tone="muted", wrap=True)
        self.setObjectName(name)
        self._looked = 0.0
        self._lost = 0
        self.hide()

    def look_again(self) -> None:
        """Count anew at the next call."""
        self._looked = 0.0

    def show_source(self, source: TraceSource) -> None:
        """Say how much is missing of this trace."""
        now = time.monotonic()
        if now - self._looked > _LOOK_S:
            self._looked = now
            self._lost = source.store.lost_rows
        said = list(source.notes)
        if source.behind > FAR_BEHIND:
            said.append(f"Catching up, {count_text(source.behind, 'row')} behind.")
        if source.dropped:
            said.append(f"{count_text(source.dropped, 'row')} dropped: there is room for the newest ones only.")
        if self._lost:
            said.append(f"The bytes of {count_text(self._lost, 'row')} had to make room for newer ones.")
        if source.is_live and source.store.error:
            said.append(f"What is old cannot be laid on disk: {source.store.error}.")
        text = plain(" ".join(said), 600)
        if text != self.text():
            self.setText(text)
        if self.isHidden() == bool(text):
            self.setVisible(bool(text))
