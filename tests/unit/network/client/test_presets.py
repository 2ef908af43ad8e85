"""The usual sets of contexts."""

from __future__ import annotations

from dicomgui.network import presets


def test_the_default_has_every_set_once() -> None:
    uids = [context.abstract_syntax for context in presets.DEFAULT]
    assert len(uids) == len(set(uids))
    assert len(presets.DEFAULT) == len((*presets.VERIFICATION, *presets.QUERY, *presets.WORKLIST))


def test_instances_need_one_context_a_pair() -> None:
    pairs = [("1.2.1", "1.2.9"), ("1.2.1", "1.2.8"), ("1.2.1", "1.2.9"), ("1.2.2", "1.2.9")]
    contexts = presets.for_instances(pairs)
    assert [(context.abstract_syntax, context.transfer_syntaxes) for context in contexts] == [
        ("1.2.1", ("1.2.9",)),
        ("1.2.1", ("1.2.8",)),
        ("1.2.2", ("1.2.9",)),
    ]
