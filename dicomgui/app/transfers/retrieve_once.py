"""Each thing is retrieved once, however often an archive has answered it."""

from __future__ import annotations

from collections.abc import Iterable

from dicomgui.app.asking.wanted import Wanted

__all__ = ["each_once"]


def each_once(requests: Iterable[Wanted]) -> list[Wanted]:
    """The requests without those that ask for the same unique keys again, in their order."""
    found: dict[object, Wanted] = {}
    for request in requests:
        keys = tuple((key.path, key.value) for key in request.keys)
        found.setdefault((request.level, keys), request)
    return list(found.values())
