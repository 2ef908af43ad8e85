"""The words for everything that goes wrong: one table, for the window and the command line alike.

Each entry says in one plain sentence what happened, then what causes it (the likeliest first), what to try, and where
the standard speaks of it. ``{name}`` stands for a value of the case at hand; values come from peers, so they are made
printable, one line and short before they get here. Nothing is rich text.

Which entry fits is decided in :mod:`dicomgui.trace.diagnosis.diagnose`.
"""

from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue.association import ABORT_CAUSES, ASSOCIATION
from dicomgui.trace.diagnosis.catalogue.connection import CONNECTION
from dicomgui.trace.diagnosis.catalogue.local import LOCAL
from dicomgui.trace.diagnosis.catalogue.messages import MESSAGES
from dicomgui.trace.diagnosis.catalogue.offers import LABELS, OFFERS
from dicomgui.trace.diagnosis.catalogue.retrieval import RETRIEVAL
from dicomgui.trace.diagnosis.catalogue.template import Template

__all__ = ["ABORT_CAUSES", "CATALOGUE", "LABELS", "OFFERS", "Template"]

CATALOGUE: dict[str, Template] = {**CONNECTION, **ASSOCIATION, **MESSAGES, **RETRIEVAL, **LOCAL}
"""Every finding by its code."""
