"""The rules of a user for C-STORE: refused late, delayed, aborted, or said to be otherwise stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.network.service import StoreRequest

__all__ = ["storing_by_rules"]

OnStore: TypeAlias = Callable[[StoreRequest, object], Any]


def storing_by_rules(desk: AnswerDesk, on_store: OnStore, drop: OnStore) -> OnStore:
    """A handler for C-STORE that asks ``on_store``, and answers by the rules of the desk.

    A data set comes whole before a rule is asked.

    :param drop: called with a data set that is not to be kept.
    """

    def by_rules(request: StoreRequest, result: object) -> Any:
        is_performed = False

        def perform(asked: StoreRequest) -> Any:
            nonlocal is_performed
            is_performed = True
            return on_store(asked, result)

        async def finish(answer: Awaitable[Any]) -> Any:
            try:
                return await answer
            finally:
                if not is_performed:
                    drop(request, result)

        answer = desk.by_rules(Provided.STORE, "C-STORE", perform)(request)
        return finish(answer) if not is_performed and isinstance(answer, Awaitable) else answer

    def store(request: StoreRequest, result: object) -> Any:
        if not desk.rules.concern(Provided.STORE):
            return on_store(request, result)
        return by_rules(request, result)

    return store
