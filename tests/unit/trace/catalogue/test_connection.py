from __future__ import annotations

from dicomgui.trace.catalogue import CATALOGUE
from dicomgui.trace.catalogue.connection import CONNECTION


def test_every_entry_is_in_the_catalogue() -> None:
    assert CONNECTION.items() <= CATALOGUE.items()
