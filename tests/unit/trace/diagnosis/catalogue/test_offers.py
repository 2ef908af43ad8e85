from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue import CATALOGUE, LABELS, OFFERS
from dicomgui.trace.finding import ActionKind

WITH_VALUE = {ActionKind.TRY_AE, ActionKind.TRY_CALLING_AE, ActionKind.NEXT_PORT}


def test_every_kind_has_a_label_of_few_words() -> None:
    assert set(LABELS) == set(ActionKind)
    assert all(0 < len(label) <= 34 and not label.endswith(".") for label in LABELS.values())
    assert {kind for kind, label in LABELS.items() if "{value}" in label} == WITH_VALUE


def test_offers_belong_to_entries_of_the_catalogue() -> None:
    assert OFFERS.keys() <= CATALOGUE.keys()
    assert all(len(set(kinds)) == len(kinds) for kinds in OFFERS.values())


def test_what_needs_a_value_is_offered_by_a_rule_that_knows_it() -> None:
    assert not {kind for kinds in OFFERS.values() for kind in kinds} & WITH_VALUE
