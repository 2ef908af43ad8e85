from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue import CATALOGUE
from dicomgui.trace.diagnosis.catalogue.association import ABORT_CAUSES, ASSOCIATION


def test_every_entry_is_in_the_catalogue() -> None:
    assert ASSOCIATION.items() <= CATALOGUE.items()


def test_every_reason_of_an_abort_has_words() -> None:
    assert set(ABORT_CAUSES) == {1, 2, 4, 5, 6}
    assert all(cause.endswith(".") for cause in ABORT_CAUSES.values())
