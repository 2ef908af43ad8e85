from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue import CATALOGUE
from dicomgui.trace.diagnosis.catalogue.retrieval import RETRIEVAL


def test_every_entry_is_in_the_catalogue() -> None:
    assert RETRIEVAL.items() <= CATALOGUE.items()
