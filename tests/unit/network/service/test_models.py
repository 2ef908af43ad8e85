"""The SOP classes of the information models."""

from __future__ import annotations

import re

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from dicomgui.network import ConfigurationError
from dicomgui.network.service import QUERY_MODELS, query_class


@pytest.mark.parametrize("model", QUERY_MODELS)
def test_every_uid_is_registered_for_its_operation(model: str) -> None:
    for operation, uid in QUERY_MODELS[model].items():
        assert uid != UID(uid).name
        assert query_class(model, operation) == uid
        if len(QUERY_MODELS[model]) > 1:
            assert f"- {operation}" in UID(uid).name.lower()


def test_no_query_of_the_standard_is_left_out() -> None:
    """Of what pydicom's dictionary knows, but for the retired general purpose worklist."""
    known = {
        uid
        for uid, (name, kind, _, retired, _) in UID_dictionary.items()
        if kind == "SOP Class" and not retired and (re.search(r" - (FIND|MOVE|GET)$", name) or "Query" in name)
    }
    assert known <= {uid for model in QUERY_MODELS.values() for uid in model.values()}


def test_no_uid_stands_twice() -> None:
    uids = [uid for model in QUERY_MODELS.values() for uid in model.values()]
    assert len(uids) == len(set(uids))


@pytest.mark.parametrize(("model", "operation"), [("worklist", "move"), ("nothing", "find"), ("STUDY", "get")])
def test_what_there_is_not_is_refused_with_what_there_is(model: str, operation: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        query_class(model, operation)
    assert "study" in caught.value.hint
    assert "worklist" not in caught.value.hint or operation == "find"
