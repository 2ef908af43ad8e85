"""Answers that a user sets for our listener: another status, a delay, other attributes, an abort, every nth time, for
everybody or for some callers, addresses or SOP classes.

So a modality or an information system can be tried against what seldom happens by itself. The rules are plain values;
:func:`obeying` is the one place that applies them to requests, and :func:`verdict_of` to those for an association.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dicomgui.app.configuration.provided import Provided, check_choice
from dicomgui.app.configuration.uid_keywords import sop_class_of
from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset, is_dataset
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import AssociateRJ
from dicomgui.network.service import AssociationRequest, Match, Matches, Reply, Retrieval
from dicomgui.network.service.performing import iterate
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.status import Status
from dicomgui.network.transport import is_within, parse_network

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "ABORT",
    "ABORT_AFTER",
    "ANY",
    "MAX_DELAY_MS",
    "MAX_RULES",
    "OFFERED",
    "OPERATIONS",
    "REJECTIONS",
    "RULED",
    "AnswerRule",
    "AnswerRules",
    "Basic",
    "RuledService",
    "obeying",
    "verdict_of",
]

ANY: Final = "any"
"""Stands for every operation of a service."""

ASSOCIATE: Final = "A-ASSOCIATE"

OPERATIONS: Final = (
    ANY, "C-FIND", "N-CREATE", "N-SET", "N-GET", "N-ACTION", "N-DELETE", "N-EVENT-REPORT", ASSOCIATE, "C-ECHO",
    "C-STORE", "C-MOVE", "C-GET",
)  # fmt: skip


class Basic(StrEnum):
    """Requests that every listener answers, whatever services it gives."""

    ASSOCIATION = "association"
    ECHO = "echo"


RuledService: TypeAlias = Provided | Basic

OFFERED: Final = (
    Provided.WORKLIST, Provided.MPPS, Provided.COMMITMENT, Provided.PRINT, Provided.MEDIA, Provided.UPS,
    Provided.NOTIFICATIONS,
)  # fmt: skip
"""The services that a user sets answers for, and switches on for that."""

RULED: Final[tuple[RuledService, ...]] = (
    *OFFERED, Basic.ASSOCIATION, Basic.ECHO, Provided.STORE, Provided.QUERY, Provided.MOVE, Provided.GET,
)  # fmt: skip
"""The services that rules can be made for."""

_ONE_OPERATION: Final[dict[RuledService, str]] = {
    Basic.ASSOCIATION: ASSOCIATE,
    Basic.ECHO: "C-ECHO",
    Provided.STORE: "C-STORE",
    Provided.QUERY: "C-FIND",
    Provided.MOVE: "C-MOVE",
    Provided.GET: "C-GET",
}
_ELSEWHERE: Final = frozenset({ASSOCIATE, "C-ECHO", "C-STORE", "C-MOVE", "C-GET"})
"""Operations of none of the services that have several."""

RETRIEVING: Final = (Provided.MOVE, Provided.GET)
WITHOUT_ATTRIBUTES: Final = (*RETRIEVING, Basic.ASSOCIATION, Basic.ECHO, Provided.STORE)

ABORT: Final = "abort"
"""The association is aborted instead of an answer, and nothing is performed."""

ABORT_AFTER: Final = "abort after"
"""The request is performed, and the association is aborted instead of the answer; in the midst of several, after the
first match or sub-operation."""

REJECTIONS: Final = tuple(f"reject {code}" for code in ("1/1/1", "1/1/2", "1/1/3", "1/1/7", "2/3/1", "2/3/2"))
"""The usual rejections of associations: result, source and reason (PS3.8 table 9-21)."""

_REJECTION: Final = re.compile(r"reject ([0-9]{1,3})/([0-9]{1,3})/([0-9]{1,3})")

ABORTED: Final = Reply(Status(0x0110), "aborted")
"""The answer of a handler that nobody hears any more."""

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
    :ivar end: :data:`ABORT`, :data:`ABORT_AFTER`, or for associations ``reject 1/1/7``; empty for an answer.
    :ivar caller: only requests of this calling AE title, with ``*`` and ``?``; empty for each.
    :ivar address: only requests from this address or range of addresses; empty for each.
    :ivar sop_class: only requests for this SOP class or on its contexts, by UID or keyword; of associations those that
        propose it. Empty for each.
    :raises ConfigurationError: a value is unusable.
    """

    service: RuledService
    operation: str = ANY
    status: int | None = None
    comment: str = ""
    delay_ms: int = 0
    every: int = 1
    attributes: str = ""
    is_on: bool = True
    end: str = ""
    caller: str = ""
    address: str = ""
    sop_class: str = ""

    def __post_init__(self) -> None:
        if self.service not in RULED:
            raise _wrong(f"there are no answers to set for {self.service}")
        if self.operation not in OPERATIONS:
            raise _wrong(f"{self.operation!r} is no operation")
        only = _ONE_OPERATION.get(self.service)
        if self.operation != ANY and (self.operation != only if only else self.operation in _ELSEWHERE):
            raise _wrong(f"{self.operation} is no operation of {self.service}")
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
        self._check_end()
        check_choice((), (self.caller,) if self.caller else ())
        if self.address:
            object.__setattr__(self, "address", str(parse_network(self.address)))
        if self.sop_class:
            object.__setattr__(self, "sop_class", sop_class_of(self.sop_class))

    def _check_end(self) -> None:
        is_association = self.service is Basic.ASSOCIATION
        if self.end and self.end not in (ABORT, *(() if is_association else (ABORT_AFTER,))):
            if not is_association:
                raise _wrong(f"{self.end!r} is neither {ABORT!r} nor {ABORT_AFTER!r}")
            if self.rejection() is None:
                raise _wrong(f"{self.end!r} is neither {ABORT!r} nor such as {REJECTIONS[0]!r}")
        if is_association and (self.status is not None or self.comment):
            raise _wrong(f"an association has no status: it is rejected by such as {REJECTIONS[0]!r}")
        if self.attributes and self.service in WITHOUT_ATTRIBUTES:
            raise _wrong(f"the answers of {self.service} have no attributes to set")
        if self.service in RETRIEVING and self.status is not None and not self.refuses:
            raise _wrong("a retrieval can be refused, else its status says what came of it")

    def rejection(self) -> AssociateRJ | None:
        """The rejection of an association; ``None`` for a rule that does not reject."""
        match = _REJECTION.fullmatch(self.end)
        if match is None or max(map(int, match.groups())) > 0xFF:
            return None
        result, source, reason = map(int, match.groups())
        return AssociateRJ(result, source, reason)

    def dataset(self) -> Dataset:
        """The attributes as a data set, made anew at each call."""
        return keys_of(part.strip() for part in self.attributes.split(SEPARATOR) if part.strip())

    @property
    def refuses(self) -> bool:
        """Whether nothing is performed."""
        return self.status is not None and (Status(self.status).is_failure or Status(self.status).is_cancel)

    def concerns(self, service: RuledService, operation: str, request: Any = None) -> bool:
        """True where it is about such a request.

        :param request: who asks, and for what; of an association, the request for it.
        """
        is_about = self.is_on and self.service is service and self.operation in (ANY, operation)
        return is_about and (not (self.caller or self.address or self.sop_class) or self._is_for(request))

    def _is_for(self, request: Any) -> bool:
        facts = request if isinstance(request, AssociationRequest) else request.facts
        if self.caller and not fnmatchcase(facts.calling_ae_title.strip(), self.caller):
            return False
        if self.address and not is_within(facts.peer.rpartition(":")[0], (parse_network(self.address),)):
            return False
        return not self.sop_class or self.sop_class in _sop_classes_of(request)


class AnswerRules:
    """Rules in their order; the first whose turn it is decides about a request.

    Belongs to the thread of the event loop.
    """

    def __init__(self, rules: Iterable[AnswerRule] = ()) -> None:
        self._rules: tuple[AnswerRule, ...] = ()
        self._met: list[int] = []
        self._services: frozenset[RuledService] = frozenset()
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
        self._services = frozenset(rule.service for rule in wanted if rule.is_on)

    def concern(self, service: RuledService) -> bool:
        """True where a rule that is on is about a service."""
        return bool(self._services) and service in self._services

    def choose(self, service: RuledService, operation: str, request: Any = None) -> AnswerRule | None:
        """The rule for this request; every rule about such requests counts it."""
        if not self.concern(service):
            return None
        chosen = None
        for number, rule in enumerate(self._rules):
            if rule.concerns(service, operation, request):
                self._met[number] += 1
                if chosen is None and self._met[number] % rule.every == 0:
                    chosen = rule
        return chosen


def obeying(
    rules: AnswerRules,
    service: RuledService,
    operation: str,
    handler: Callable[[Any], Any],
    note: Callable[[Any, AnswerRule], object],
    abort: Callable[[int], object] = lambda association: None,
) -> Callable[[Any], Any]:
    """A handler that asks ``handler``, and answers by the rules.

    :param note: told of each request that a rule was applied to.
    :param abort: aborts an association, by its number in the trace.
    """

    def perform(request: Any) -> Any:
        rule = rules.choose(service, operation, request)
        return handler(request) if rule is None else _by_rule(rule, request)

    async def _by_rule(rule: AnswerRule, request: Any) -> Any:
        note(request, rule)
        if rule.delay_ms:
            await asyncio.sleep(rule.delay_ms / 1000)
        if rule.end == ABORT:
            abort(request.facts.association)
            return ABORTED
        if rule.refuses:
            assert rule.status is not None
            return Reply(Status(rule.status), rule.comment or "as it was set")
        answer = handler(request)
        if isinstance(answer, Awaitable):
            answer = await answer
        cut = partial(abort, request.facts.association) if rule.end == ABORT_AFTER else None
        if operation == "C-FIND" and not isinstance(answer, Status | Reply):
            matches = _matches(rule, request, answer)
            return matches if cut is None else _first(matches, cut)
        if isinstance(answer, Retrieval):
            return answer if cut is None else replace(answer, instances=_first(iterate(answer.instances), cut))
        if cut is not None:
            cut()
            return ABORTED
        return _changed(rule, answer)

    return perform


async def verdict_of(
    rule: AnswerRule, request: AssociationRequest, abort: Callable[[int], object]
) -> AssociateRJ | None:
    """The answer to a request for an association by a rule: a rejection, or ``None`` for the usual one.

    :param abort: aborts an association, by its number in the trace.
    """
    if rule.delay_ms:
        await asyncio.sleep(rule.delay_ms / 1000)
    if rule.end == ABORT:
        abort(request.association)
    return rule.rejection()


def _sop_classes_of(request: Any) -> tuple[str, ...]:
    if isinstance(request, AssociationRequest):
        return tuple(context.abstract_syntax for context in request.contexts)
    return request.command.sop_class_uid, request.context.abstract_syntax


async def _first(items: AsyncGenerator[Any, None], cut: Callable[[], object]) -> AsyncIterator[Any]:
    """The first of the items; then the association is aborted."""
    async with aclosing(items) as several:
        async for item in several:
            yield item
            break
    cut()


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


async def _matches(
    rule: AnswerRule, request: Any, answer: Any
) -> AsyncGenerator[Match | Matches | Reply | Status, None]:
    """The matches of a C-FIND with the attributes of the rule, and its status at the end."""
    syntax = request.context.transfer_syntax
    async with aclosing(iterate((answer,) if is_dataset(answer) else answer)) as items:
        async for item in items:
            if isinstance(item, Status | Reply):
                yield item
                return
            if not rule.attributes and rule.end != ABORT_AFTER:
                yield item
                continue
            for one in _single(item):
                yield _match(rule, one, syntax) if rule.attributes else one
    if rule.status is not None:
        yield Reply(Status(rule.status), rule.comment)


def _single(item: Any) -> Iterator[Any]:
    """Matches that come together, one by one."""
    if not isinstance(item, Matches):
        yield item
        return
    for data in item.data:
        yield Match(data, item.status)


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
