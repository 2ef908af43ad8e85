from __future__ import annotations

from dicomgui.trace.catalogue import CATALOGUE
from dicomgui.trace.catalogue.messages import MESSAGES


def test_every_entry_is_in_the_catalogue() -> None:
    assert MESSAGES.items() <= CATALOGUE.items()
