"""The words for everything that goes wrong: one table, for the window and the command line alike.

Each entry says in one plain sentence what happened, then what causes it (the likeliest first), what to try, and where
the standard speaks of it. ``{name}`` stands for a value of the case at hand; values come from peers, so they are made
printable, one line and short before they get here. Nothing is rich text.

Which entry fits is decided in :mod:`dicomgui.trace.diagnose`.
"""

from __future__ import annotations

from dicomgui.trace.catalogue.association import ABORT_CAUSES, ASSOCIATION
from dicomgui.trace.catalogue.connection import CONNECTION
from dicomgui.trace.catalogue.local import LOCAL
from dicomgui.trace.catalogue.messages import MESSAGES
from dicomgui.trace.catalogue.offers import LABELS, OFFERS
from dicomgui.trace.catalogue.retrieval import RETRIEVAL
from dicomgui.trace.catalogue.template import Template

__all__ = ["ABORT_CAUSES", "CATALOGUE", "LABELS", "OFFERS", "Template"]

CATALOGUE: dict[str, Template] = {**CONNECTION, **ASSOCIATION, **MESSAGES, **RETRIEVAL, **LOCAL}
"""Every finding by its code."""
