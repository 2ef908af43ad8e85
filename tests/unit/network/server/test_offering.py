"""What a server offers for the handlers that it has."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.uid import UID

from dicomgui.network import AETitle, Handlers, Status
from dicomgui.network.server.offering import NORMALIZED_CLASSES, policy_for
from dicomgui.network.service import QUERY_MODELS
from dicomgui.network.uids import RETIRED_STORAGE_CLASSES, STORAGE_CLASSES, VERIFICATION

STORAGE = {*STORAGE_CLASSES, *RETIRED_STORAGE_CLASSES}


def of(operation: str) -> set[str]:
    return {model[operation] for model in QUERY_MODELS.values() if operation in model}  # a plain str as key


def answer(*values: object) -> Any:
    return Status(0)


@pytest.mark.parametrize(
    ("handlers", "classes"),
    [
        (Handlers(), set()),
        (Handlers(on_echo=answer), set()),
        (Handlers(on_store=answer), STORAGE),
        (Handlers(on_find=answer), of("find")),
        (Handlers(on_move=answer), of("move")),
        (Handlers(on_get=answer), of("get") | STORAGE),
        *(
            (Handlers(**{f"on_n_{name}": answer}), set(NORMALIZED_CLASSES))
            for name in ("get", "set", "action", "create", "delete", "event_report")
        ),
    ],
)
def test_the_classes_go_with_the_handlers(handlers: Handlers, classes: set[str]) -> None:
    policy = policy_for(handlers, AETitle("ME"))
    assert policy.abstract_syntaxes == classes | {VERIFICATION}
    assert policy.ae_title == "ME"
    assert policy.requestor_scp is None


def test_the_classes_are_registered_and_different() -> None:
    assert len(set(NORMALIZED_CLASSES)) == len(NORMALIZED_CLASSES)
    assert [uid for uid in NORMALIZED_CLASSES if UID(uid).type not in ("SOP Class", "Meta SOP Class")] == []
