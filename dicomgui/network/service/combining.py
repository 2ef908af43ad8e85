"""Several services behind one server: each request goes to the handlers of its SOP class."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields
from typing import Any, Final, Protocol, TypeAlias

from dicomgui.network.dimse.assembler import Sink
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service.handlers import Handlers, Reply
from dicomgui.network.service.requests import StoreRequest
from dicomgui.network.status import Status

__all__ = ["Keeper", "Part", "combine"]

_NOT_SUPPORTED: Final = Reply(Status(0x0122), "this SOP class is not offered here")
_UNRECOGNIZED: Final = Reply(Status(0x0211), "this operation is not offered here for this SOP class")
_TOO_LARGE: Final = Reply(Status(0xA700), "the data set is too large")

_STORE = ("open_sink", "on_store")
_COMPOSITE = ("on_echo", "on_find", "on_move", "on_get")


class Keeper(Protocol):
    """An object that performs a service."""

    @property
    def sop_classes(self) -> Collection[str]:
        """What it wants to be asked for."""

    def handlers(self) -> Handlers:
        """What asks it."""


Part: TypeAlias = Keeper | Handlers | tuple[Collection[str], Handlers]
"""A keeper, or handlers for these SOP classes, or handlers for all others."""


class _Routes:
    """Finds the handler of a request: by its SOP class, else by its abstract syntax, else that for all others."""

    def __init__(self) -> None:
        self.claimed: set[str] = set()
        self.by_class: dict[tuple[str, str], Any] = {}
        self.others: Handlers | None = None

    def add(self, part: Part) -> Handlers:
        """Take a part in; returns its handlers."""
        if isinstance(part, Handlers):
            if self.others is not None:
                raise ConfigurationError("only one part can have all other SOP classes", phase="configure")
            self.others = part
            return part
        classes, handlers = part if isinstance(part, tuple) else (part.sop_classes, part.handlers())
        self.claimed.update(classes)
        for name in _operations(handlers):
            for uid in classes:
                if (uid, name) in self.by_class:
                    raise ConfigurationError(f"two parts have {name} for the SOP class {uid}", phase="configure")
                self.by_class[uid, name] = getattr(handlers, name)
        return handlers

    def find(self, request: Any, name: str) -> Any:
        """The handler for an operation; ``None`` where nobody offers it."""
        for uid in (request.command.sop_class_uid, request.context.abstract_syntax):
            if uid in self.claimed:
                return self.by_class.get((uid, name))
        return getattr(self.others, name, None)


def _operations(handlers: Handlers) -> set[str]:
    return {field.name for field in fields(handlers) if getattr(handlers, field.name) is not None}


def combine(*parts: Part) -> Handlers:
    """Handlers that ask the right one of several, by the SOP class of the request::

        server = await serve(handlers=combine(steps, printer, commitment, Handlers(on_store=keep)))

    The SOP class of the command counts before the abstract syntax of the presentation context, which differs from it in
    print management and with unified procedure steps. What nobody offers is answered as a server without such a handler
    does: 0122 or 0211. Parts may share a SOP class where they have different operations of it, as the user and the
    provider of storage commitment have.

    :param parts: keepers (what has ``sop_classes`` and ``handlers()``), pairs of SOP classes and handlers, and at most
        one :class:`Handlers` for all other SOP classes.
    :raises ConfigurationError: two parts have the same operation for one SOP class, or all others.
    """
    routes = _Routes()
    offered: set[str] = set()
    for part in parts:
        offered |= _operations(routes.add(part))
    combined: dict[str, Any] = {name: _dispatcher(routes, name) for name in offered - {*_STORE}}
    if "on_store" in offered:
        combined |= {"open_sink": _sink_opener(routes), "on_store": _store_handler(routes)}
    return Handlers(**combined)


def _dispatcher(routes: _Routes, name: str) -> Callable[[Any], Any]:
    refusal = _NOT_SUPPORTED if name in _COMPOSITE else _UNRECOGNIZED

    def perform(request: Any) -> Any:
        handler = routes.find(request, name)
        if handler is None:
            return Status(0x0000) if name == "on_echo" else refusal
        return handler(request)

    return perform


def _sink_opener(routes: _Routes) -> Callable[[StoreRequest], Sink | Status | Reply]:
    def open_sink(request: StoreRequest) -> Sink | Status | Reply:
        if routes.find(request, "on_store") is None:
            return _NOT_SUPPORTED
        opener = routes.find(request, "open_sink")
        sink: Sink | Status | Reply = request.collect() if opener is None else opener(request)
        return sink

    return open_sink


def _store_handler(routes: _Routes) -> Callable[[StoreRequest, object], Any]:
    def on_store(request: StoreRequest, result: object) -> Any:
        if result is None and routes.find(request, "open_sink") is None:
            return _TOO_LARGE
        return routes.find(request, "on_store")(request, result)

    return on_store
