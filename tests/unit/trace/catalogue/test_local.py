from __future__ import annotations

from dicomgui.trace.catalogue import CATALOGUE
from dicomgui.trace.catalogue.association import ASSOCIATION
from dicomgui.trace.catalogue.connection import CONNECTION
from dicomgui.trace.catalogue.local import LOCAL
from dicomgui.trace.catalogue.messages import MESSAGES
from dicomgui.trace.catalogue.retrieval import RETRIEVAL


def test_every_entry_is_in_the_catalogue() -> None:
    assert LOCAL.items() <= CATALOGUE.items()


def test_no_code_stands_for_two_things() -> None:
    parts = (CONNECTION, ASSOCIATION, MESSAGES, RETRIEVAL, LOCAL)
    assert sum(map(len, parts)) == len(CATALOGUE)
