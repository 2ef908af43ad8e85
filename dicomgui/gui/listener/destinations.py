"""Where our listener may send to by C-MOVE: the nodes that are saved at that moment."""

from __future__ import annotations

from collections.abc import Callable

from dicomgui.app.configuration.destinations import KnownDestination, destinations_of
from dicomgui.gui.keeping.configuration import Configuration

__all__ = ["saved_destinations"]


def saved_destinations(config: Configuration) -> Callable[[str], KnownDestination | None]:
    """A look-up by AE title."""

    def find(ae_title: str) -> KnownDestination | None:
        return destinations_of(config.nodes.nodes, str(config.settings.calling_ae)).get(ae_title.strip())

    return find
