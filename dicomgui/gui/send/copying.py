"""A send as an operation that can be copied as a command."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.files.sources import SendItem
from dicomgui.app.recipes.recipe import Recipe, Verb, gathered
from dicomgui.gui.send.choices import SendWishes
from dicomgui.network.association.params import PeerAddress

__all__ = ["recipe_of_files"]

_USUAL = SendWishes()
_MEMBER = re.compile(r"(.+?\.zip):.*", re.IGNORECASE | re.DOTALL)


def recipe_of_files(
    peer: PeerAddress,
    options: ConnectionOptions,
    items: Iterable[SendItem],
    conversion: Conversion,
    *,
    sends_broken: bool = False,
    wishes: SendWishes = _USUAL,
) -> Recipe:
    """A send; members of an archive are sent with it, and templates in the place of what is invented of them."""
    paths, notes = gathered(_path_of(item) for item in items if item.change is None)
    invention = "" if wishes.invention is None else str(wishes.invention)
    return Recipe(
        Verb.SEND, peer, options, paths=paths, conversion=conversion, sends_broken=sends_broken, notes=notes,
        manner=wishes.manner, settings=tuple(map(str, wishes.settings)), invention=invention,
    )  # fmt: skip


def _path_of(item: SendItem) -> str:
    member = _MEMBER.fullmatch(item.name) if item.name != str(item.path) else None
    return member[1] if member is not None else str(item.path)
