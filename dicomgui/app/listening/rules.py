"""Answers that a user sets for the services of our listener: another status, a delay, other attributes, every nth time.

So a modality or an information system can be tried against what seldom happens by itself. The rules are plain values;
:func:`obeying` is the one place that applies them, to C-FIND and to the six N-services alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from dicomgui.app.configuration.provided import Provided
from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset, is_dataset
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import Match, Reply
from dicomgui.network.service.performing import iterate
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["ANY", "MAX_DELAY_MS", "MAX_RULES", "OPERATIONS", "RULED", "AnswerRule", "AnswerRules", "obeying"]

ANY: Final = "any"
"""Stands for every operation of a service."""

OPERATIONS: Final = (ANY, "C-FIND", "N-CREATE", "N-SET", "N-GET", "N-ACTION", "N-DELETE", "N-EVENT-REPORT")

RULED: Final = (
    Provided.WORKLIST, Provided.MPPS, Provided.COMMITMENT, Provided.PRINT, Provided.MEDIA, Provided.UPS,
    Provided.NOTIFICATIONS,
)  # fmt: skip
"""The services that rules can be made for."""

MAX_RULES: Final = 64
MAX_DELAY_MS: Final = 600_000
MAX_EVERY: Final = 1_000_000
MAX_COMMENT: Final = 64
MAX_ATTRIBUTES: Final = 16_384
SEPARATOR: Final = ";"


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """What is answered instead of, or beside, what the service would answer.

    :ivar service: one of :data:`RULED`.
    :ivar operation: one of :data:`OPERATIONS`.
    :ivar status: of the answer, 0 to 0xFFFF; ``None`` for the service's own. With a failure nothing is performed; with
        any other status the request is performed, and the status is said whatever came of it.
    :ivar comment: Error Comment (0000,0902), at most 64 characters; empty for the service's own.
    :ivar delay_ms: wait so long before anything is done, at most 600,000.
    :ivar every: 1 for each request, 3 for the third, the sixth and so on.
    :ivar attributes: ``path=value`` between semicolons, put into the data set of the answer, or of each match.
    :ivar is_on: whether it is in force.
    :raises ConfigurationError: a value is unusable.
    """

    service: Provided
    operation: str = ANY
    status: int | None = None
    comment: str = ""
    delay_ms: int = 0
    every: int = 1
    attributes: str = ""
    is_on: bool = True

    def __post_init__(self) -> None:
        if self.service not in RULED:
            raise _wrong(f"there are no answers to set for {self.service}")
        if self.operation not in OPERATIONS:
            raise _wrong(f"{self.operation!r} is no operation")
        if self.status is not None and not 0 <= self.status <= 0xFFFF:
            raise _wrong("a status has four hexadecimal digits")
        if self.status is not None and Status(self.status).is_pending:
            raise _wrong("a pending status ends nothing")
        if not 0 <= self.delay_ms <= MAX_DELAY_MS:
            raise _wrong(f"a delay is from 0 to {MAX_DELAY_MS:,} ms")
        if not 1 <= self.every <= MAX_EVERY:
            raise _wrong(f"every nth request: n is from 1 to {MAX_EVERY:,}")
        if len(self.comment) > MAX_COMMENT or not self.comment.isprintable() or "\\" in self.comment:
            raise _wrong(f"a comment is one line of at most {MAX_COMMENT} characters without backslash")
        if len(self.attributes) > MAX_ATTRIBUTES:
            raise _wrong(f"attributes take at most {MAX_ATTRIBUTES:,} characters")
        self.dataset()

    def dataset(self) -> Dataset:
        """The attributes as a data set, made anew at each call."""
        return keys_of(part.strip() for part in self.attributes.split(SEPARATOR) if part.strip())

    @property
    def refuses(self) -> bool:
        """Whether nothing is performed."""
        return self.status is not None and (Status(self.status).is_failure or Status(self.status).is_cancel)

    def concerns(self, service: Provided, operation: str) -> bool:
        """Whether it is about such a request."""
        return self.is_on and self.service is service and self.operation in (ANY, operation)


class AnswerRules:
    """Rules in their order; the first whose turn it is decides about a request.

    Belongs to the thread of the event loop.
    """

    def __init__(self, rules: Iterable[AnswerRule] = ()) -> None:
        self._rules: tuple[AnswerRule, ...] = ()
        self._met: list[int] = []
        self.replace(rules)

    @property
    def rules(self) -> tuple[AnswerRule, ...]:
        """The rules, also those that are off."""
        return self._rules

    def replace(self, rules: Iterable[AnswerRule]) -> None:
        """Put other rules in force; a rule that stays goes on counting.

        :raises ConfigurationError: there are more than :data:`MAX_RULES`.
        """
        wanted = tuple(rules)
        if len(wanted) > MAX_RULES:
            raise _wrong(f"there can be {MAX_RULES} rules")
        known = dict(zip(self._rules, self._met, strict=True))
        self._rules = wanted
        self._met = [known.get(rule, 0) for rule in wanted]

    def choose(self, service: Provided, operation: str) -> AnswerRule | None:
        """The rule for this request; every rule about such requests counts it."""
        chosen = None
        for number, rule in enumerate(self._rules):
            if rule.concerns(service, operation):
                self._met[number] += 1
                if chosen is None and self._met[number] % rule.every == 0:
                    chosen = rule
        return chosen


def obeying(
    rules: AnswerRules,
    service: Provided,
    operation: str,
    handler: Callable[[Any], Any],
    note: Callable[[Any, AnswerRule], object],
) -> Callable[[Any], Any]:
    """A handler that asks ``handler``, and answers by the rules.

    :param note: told of each request that a rule was applied to.
    """

    def perform(request: Any) -> Any:
        rule = rules.choose(service, operation)
        return handler(request) if rule is None else _by_rule(rule, request)

    async def _by_rule(rule: AnswerRule, request: Any) -> Any:
        note(request, rule)
        if rule.delay_ms:
            await asyncio.sleep(rule.delay_ms / 1000)
        if rule.refuses:
            assert rule.status is not None
            return Reply(Status(rule.status), rule.comment or "as it was set")
        answer = handler(request)
        if isinstance(answer, Awaitable):
            answer = await answer
        if operation == "C-FIND":
            return answer if isinstance(answer, Status | Reply) else _matches(rule, request, answer)
        return _changed(rule, answer)

    return perform


def _changed(rule: AnswerRule, answer: Any) -> Reply:
    """The answer of an N-service with what the rule says."""
    if isinstance(answer, Status):
        reply = Reply(answer)
    elif isinstance(answer, Reply):
        reply = answer
    else:
        reply = Reply(Status(0), dataset=answer)
    if rule.status is not None:
        reply = replace(reply, status=Status(rule.status))
    if rule.comment:
        reply = replace(reply, comment=rule.comment)
    if rule.attributes and not isinstance(reply.dataset, bytes):
        reply = replace(reply, dataset=_merged(reply.dataset, rule))
    return reply


async def _matches(rule: AnswerRule, request: Any, answer: Any) -> AsyncIterator[Match | Reply | Status]:
    """The matches of a C-FIND with the attributes of the rule, and its status at the end."""
    syntax = request.context.transfer_syntax
    async with aclosing(iterate((answer,) if is_dataset(answer) else answer)) as items:
        async for item in items:
            if isinstance(item, Status | Reply):
                yield item
                return
            yield _match(rule, item, syntax) if rule.attributes else item
    if rule.status is not None:
        yield Reply(Status(rule.status), rule.comment)


def _match(rule: AnswerRule, item: Any, syntax: str) -> Match:
    match = item if isinstance(item, Match) else Match(item)
    content = match.dataset_or_bytes
    dataset = decode_dataset(content, syntax) if isinstance(content, bytes) else content
    return Match(encode_dataset(_merged(dataset, rule), syntax), match.status)


def _merged(dataset: Dataset | None, rule: AnswerRule) -> Dataset:
    from dicomgui.network.service_classes.attributes import in_utf_8

    wanted = rule.dataset()
    if dataset is not None:
        merged = dataset[:]
        merged.update(wanted)
        wanted = merged
    return in_utf_8(wanted)


def _wrong(reason: str) -> ConfigurationError:
    return ConfigurationError(reason, phase="configure")
