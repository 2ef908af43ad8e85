from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue import CATALOGUE
from dicomgui.trace.diagnosis.catalogue.association import ASSOCIATION
from dicomgui.trace.diagnosis.catalogue.connection import CONNECTION
from dicomgui.trace.diagnosis.catalogue.local import LOCAL
from dicomgui.trace.diagnosis.catalogue.messages import MESSAGES
from dicomgui.trace.diagnosis.catalogue.retrieval import RETRIEVAL


def test_every_entry_is_in_the_catalogue() -> None:
    assert LOCAL.items() <= CATALOGUE.items()


def test_no_code_stands_for_two_things() -> None:
    parts = (CONNECTION, ASSOCIATION, MESSAGES, RETRIEVAL, LOCAL)
    assert sum(map(len, parts)) == len(CATALOGUE)
