from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue import CATALOGUE
from dicomgui.trace.diagnosis.catalogue.connection import CONNECTION


def test_every_entry_is_in_the_catalogue() -> None:
    assert CONNECTION.items() <= CATALOGUE.items()
