"""What handlers answer with."""

from __future__ import annotations

from dataclasses import fields

from dicomgui.network import Handlers, Reply, Retrieval, Status


def test_without_handlers_nothing_is_offered() -> None:
    assert [getattr(Handlers(), field.name) for field in fields(Handlers)] == [None] * len(fields(Handlers))


def test_a_reply_is_a_status_and_nothing_else_that_was_not_said() -> None:
    assert Reply(Status(0xA700)) == Reply(Status(0xA700), "", (), None, "", (), None, None)


def test_a_retrieval_does_not_know_more_than_it_was_told() -> None:
    assert (Retrieval([]).total, Retrieval([]).kinds) == (None, None)
