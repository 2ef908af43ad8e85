from __future__ import annotations

from dicomgui.trace.catalogue import CATALOGUE
from dicomgui.trace.catalogue.retrieval import RETRIEVAL


def test_every_entry_is_in_the_catalogue() -> None:
    assert RETRIEVAL.items() <= CATALOGUE.items()
