"""What one peer may store within an hour, in instances and in bytes.

A peer is an address, and it is a calling AE title: each has an account of its own, and what comes counts on both. Who
changes its AE title for each association is stopped by the first, who comes from many addresses by the second. An hour
begins with the first instance of an account. A limit for each association would be got round by another association,
and one for ever would need somebody to lift it.

AE titles are claims: who can reach the port can use up the account of another. Where that matters callers need a
certificate, or the port has to be kept from them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from dicomgui.network.dimse.assembler import Sink
from dicomgui.network.service import AssociationFacts, Handlers, Reply, StoreRequest
from dicomgui.network.service.handlers import SinkOpener, StoreHandler
from dicomgui.network.status import Status

__all__ = ["HOUR_S", "OnOverQuota", "PeerQuotas"]

HOUR_S: Final = 3600.0
MAX_ACCOUNTS: Final = 4096
"""Accounts that are kept; beyond them the one that was opened first is forgotten."""

OUT_OF_RESOURCES: Final = Status(0xA700)
COMMENT: Final = "this peer has stored all that it may within an hour"

OnOverQuota = Callable[[StoreRequest, str], object]
"""Told of each instance that is refused, and why, in one line."""


@dataclass(slots=True)
class _Account:
    """What came within the hour that began at ``since``."""

    owner: str
    since: float
    instances: int = 0
    size_bytes: int = 0


class _Over(NamedTuple):
    """The result of a data set that went over the limit of ``owner`` while it came."""

    owner: str


class PeerQuotas:
    """Keeps the accounts of the peers of one server.

    :param max_instances: of an account within an hour; ``None`` for no limit. One more is answered A700.
    :param max_bytes: of data sets, likewise; the one that goes over it is answered A700 and not kept.
    :param on_over: told of each refusal.
    :param clock: seconds that only go forward.
    """

    def __init__(
        self,
        max_instances: int | None,
        max_bytes: int | None,
        on_over: OnOverQuota | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_instances = max_instances
        self._max_bytes = max_bytes
        self._on_over = on_over
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def guard(self, handlers: Handlers) -> dict[str, Any]:
        """What stands in the place of the handlers for C-STORE; nothing where there are none, or no limits."""
        if handlers.on_store is None or (self._max_instances is None and self._max_bytes is None):
            return {}
        return {"open_sink": self._guarded(handlers.open_sink), "on_store": self._judged(handlers)}

    def _guarded(self, opener: SinkOpener | None) -> SinkOpener:
        def open_sink(request: StoreRequest) -> Sink | Status | Reply:
            accounts = self._accounts_of(request.facts)
            reason = next(filter(None, map(self._why_full, accounts)), "")
            if reason:
                return self._refusal(request, reason)
            sink = request.collect() if opener is None else opener(request)
            if isinstance(sink, Status | Reply):
                return sink
            for account in accounts:
                account.instances += 1
            return sink if self._max_bytes is None else _CountedSink(sink, accounts, self._max_bytes)

        return open_sink

    def _judged(self, handlers: Handlers) -> StoreHandler:
        on_store, collects = handlers.on_store, handlers.open_sink is None
        assert on_store is not None

        def judge(request: StoreRequest, result: object) -> Any:
            if isinstance(result, _Over):
                what = f"more than {self._max_bytes:,} bytes within an hour, which is the limit"
                return self._refusal(request, f"{result.owner} would have stored {what}")
            if result is None and collects:
                return Reply(OUT_OF_RESOURCES, "the data set is too large")
            return on_store(request, result)

        return judge

    def _refusal(self, request: StoreRequest, reason: str) -> Reply:
        if self._on_over is not None:
            self._on_over(request, reason)
        return Reply(OUT_OF_RESOURCES, COMMENT)

    def _accounts_of(self, facts: AssociationFacts) -> tuple[_Account, _Account]:
        host = facts.peer.rpartition(":")[0]
        return self._account(host), self._account(f"the AE title {facts.calling_ae_title!r}")

    def _account(self, owner: str) -> _Account:
        now, account = self._clock(), self._accounts.get(owner)
        if account is None or now - account.since >= HOUR_S:
            self._accounts.pop(owner, None)  # so that the oldest stand first
            while len(self._accounts) >= MAX_ACCOUNTS:
                del self._accounts[next(iter(self._accounts))]
            account = self._accounts[owner] = _Account(owner, now)
        return account

    def _why_full(self, account: _Account) -> str:
        if self._max_instances is not None and account.instances >= self._max_instances:
            what = f"{account.instances:,} instance{'' if account.instances == 1 else 's'}"
            return f"{account.owner} has stored {what} within an hour, which is the limit"
        if self._max_bytes is not None and account.size_bytes >= self._max_bytes:
            return f"{account.owner} has stored {account.size_bytes:,} bytes within an hour, which is the limit"
        return ""


class _CountedSink:
    """A sink that counts on the accounts all that comes, and gives up a data set that goes over their limit."""

    __slots__ = ("_accounts", "_max_bytes", "_over", "_sink")

    def __init__(self, sink: Sink, accounts: tuple[_Account, ...], max_bytes: int) -> None:
        self._sink: Sink | None = sink
        self._over = _Over("")
        self._accounts = accounts
        self._max_bytes = max_bytes

    def write(self, data: memoryview, /) -> None:
        """Take the next piece, unless it is too much."""
        if self._sink is None:
            return
        for account in self._accounts:
            account.size_bytes += len(data)
            if account.size_bytes > self._max_bytes:
                self._over = _Over(account.owner)
                self.abandon()
                return
        self._sink.write(data)

    def finish(self) -> object:
        """The data set is complete, or was too much."""
        return self._over if self._sink is None else self._sink.finish()

    def abandon(self) -> None:
        """It will never be complete."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.abandon()
