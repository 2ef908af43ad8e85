"""What a C-GET proposes."""

from __future__ import annotations

import pytest

from dicomgui.app.transfers.retrieve_contexts import ENCODINGS, contexts_for_get
from dicomgui.network import ConfigurationError
from dicomgui.network.client.presets import USUAL_STORAGE_CLASSES
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES, STORAGE_CLASSES, TRANSFER_SYNTAXES

CT = "1.2.840.10008.5.1.4.1.1.2"
GET = "1.2.840.10008.5.1.4.1.2.2.3"


def test_each_encoding_has_a_context_in_the_storage_role() -> None:
    own, *storage = contexts_for_get(("study",), (CT, CT))
    assert (own.abstract_syntax, own.role) == (GET, None)
    assert [context.transfer_syntaxes for context in storage] == [(uid,) for uid in ENCODINGS]
    assert {context.abstract_syntax for context in storage} == {CT}
    assert all((context.scu_role, context.scp_role) == (False, True) for context in storage)


def test_the_usual_classes_are_proposed_where_nothing_is_known() -> None:
    contexts = contexts_for_get(("study", "patient"))
    assert {context.abstract_syntax for context in contexts[2:]} == set(USUAL_STORAGE_CLASSES)
    assert len(contexts) <= 128
    assert contexts[2].transfer_syntaxes == DEFAULT_TRANSFER_SYNTAXES[:1]


@pytest.mark.parametrize("count", [1, 7, 63, 64, 127, 128, 188])
def test_there_is_never_more_than_fits(count: int) -> None:
    contexts = contexts_for_get(("study",), STORAGE_CLASSES[:count])
    assert len(contexts) <= 128
    classes = {context.abstract_syntax for context in contexts} - {GET}
    assert len(classes) == min(count, 127)
    if count > 63:
        assert contexts[1].transfer_syntaxes == DEFAULT_TRANSFER_SYNTAXES


def test_what_is_no_uid_is_left_out() -> None:
    assert {context.abstract_syntax for context in contexts_for_get(("study",), ("nonsense", CT))} == {GET, CT}


def test_encodings_are_transfer_syntaxes() -> None:
    xl = {f"1.2.840.10008.1.2.4.{last}" for last in (110, 111, 112)}
    assert set(ENCODINGS) == set(TRANSFER_SYNTAXES) | xl
    assert len(ENCODINGS) == len(set(ENCODINGS))


def test_a_root_without_c_get_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        contexts_for_get(("worklist",))


def test_free_contexts_are_filled_and_what_is_told_goes_first() -> None:
    classes = STORAGE_CLASSES[:5]
    rpcl = "1.2.840.10008.1.2.4.202"
    contexts = contexts_for_get(("study",), classes, (rpcl, "nonsense"))
    assert len(contexts) == 128
    for uid in classes:
        syntaxes = [context.transfer_syntaxes for context in contexts if context.abstract_syntax == uid]
        assert syntaxes[0] == (rpcl,)
        assert len(syntaxes) in (25, 26)
