"""What may be converted on its way to a peer: which contexts are proposed for it, what is converted, and where.

A file goes as it is wherever the peer takes it so: its own transfer syntax stands in a context of its own, before all
others. Only what the peer does not take as it is, is converted, and only as far as the :class:`Conversion` allows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from dicomgui.app.files.sources import SendItem
from dicomgui.app.files.temporary_copies import temporary_copy
from dicomgui.network.association.contexts import MAX_CONTEXTS, Negotiated, ProposedContext
from dicomgui.network.client import presets
from dicomgui.network.dimse.convert import NATIVE_SYNTAXES, Converted, PixelKind, convert_file, kind_of
from dicomgui.network.dimse.recode import Remark
from dicomgui.network.service import InstanceFile
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

__all__ = [
    "Conversion",
    "SyntaxChoice",
    "converted",
    "fallback_of",
    "fallbacks_of",
    "file_of",
    "groups_of",
    "pair_of",
    "propose",
    "remedy_of",
]

_UNKNOWN_SOP_CLASS = 3  # result of a presentation context (PS3.8 table 9-18)


class Conversion(Enum):
    """What may be converted where the peer does not take it as it is."""

    NEVER = "never"
    """Every file goes as it is, or not at all."""
    UNCOMPRESSED = "uncompressed"
    """Uncompressed files become explicit or implicit VR little endian; nothing is lost."""
    LOSSLESS = "lossless"
    """Losslessly compressed ones are decompressed as well; they grow, and nothing is lost."""
    ALL = "all"
    """Lossily compressed ones, too; what was lost before stays lost, and the instances stay marked as lossy."""

    def covers(self, transfer_syntax_uid: str) -> bool:
        """Whether files of this transfer syntax may be converted."""
        kinds = _KINDS[self]
        return bool(kinds) and kind_of(transfer_syntax_uid) in kinds


_KINDS = {
    Conversion.NEVER: (),
    Conversion.UNCOMPRESSED: (PixelKind.NATIVE,),
    Conversion.LOSSLESS: (PixelKind.NATIVE, PixelKind.LOSSLESS),
    Conversion.ALL: (PixelKind.NATIVE, PixelKind.LOSSLESS, PixelKind.LOSSY),
}


class SyntaxChoice(NamedTuple):
    """The transfer syntaxes in which instances may go.

    :ivar preferred: their UIDs, the most wanted first. Of those that the peer takes, the first one is used into which
        an instance may be converted, or in which it is. Empty for each file as it is, else explicit or implicit VR
        little endian.
    :ivar separate: propose each transfer syntax in a presentation context of its own.
    """

    preferred: tuple[str, ...] = ()
    separate: bool = False

    def own(self, transfer_syntax_uid: str) -> bool:
        """Return whether a file of this transfer syntax may go as it is."""
        return not self.preferred or transfer_syntax_uid in self.preferred

    @property
    def targets(self) -> tuple[str, ...]:
        """The transfer syntaxes to convert into, the most wanted first."""
        if not self.preferred:
            return DEFAULT_TRANSFER_SYNTAXES
        return tuple(uid for uid in self.preferred if uid in NATIVE_SYNTAXES)


_AS_IT_IS: Final = SyntaxChoice()


def file_of(item: SendItem) -> InstanceFile:
    """The item as it lies on disk."""
    return InstanceFile(item.path, item.head)


# --------------------------------------------------------------------------------------------------------- proposing


def pair_of(item: SendItem) -> tuple[str, str]:
    """SOP class and transfer syntax UID, by which contexts are found."""
    return item.head.sop_class_uid, item.head.transfer_syntax_uid


def propose(
    items: Iterable[SendItem],
    conversion: Conversion = Conversion.UNCOMPRESSED,
    syntaxes: SyntaxChoice = _AS_IT_IS,
) -> tuple[ProposedContext, ...]:
    """The contexts that the items need: first each SOP class in each transfer syntax that there is a file of.

    Behind them, for each SOP class of which something may be converted, one context with explicit and implicit VR
    little endian, as far as those are not proposed for it anyway. ``syntaxes`` limits both, and may ask for one context
    for each.
    """
    return _propose(tuple(dict.fromkeys(map(pair_of, items))), conversion, syntaxes)


def _propose(
    pairs: tuple[tuple[str, str], ...], conversion: Conversion, syntaxes: SyntaxChoice
) -> tuple[ProposedContext, ...]:
    own_pairs = [pair for pair in pairs if syntaxes.own(pair[1])]
    own = presets.for_instances(own_pairs, convert=False)
    classes = dict.fromkeys(sop_class for sop_class, syntax in pairs if conversion.covers(syntax))
    others = (
        (sop_class, tuple(uid for uid in syntaxes.targets if (sop_class, uid) not in own_pairs))
        for sop_class in classes
    )
    if syntaxes.separate:
        return own + tuple(ProposedContext(sop_class, (uid,)) for sop_class, uids in others for uid in uids)
    return own + tuple(ProposedContext(sop_class, uids) for sop_class, uids in others if uids)


def groups_of(
    items: Iterable[SendItem],
    conversion: Conversion = Conversion.UNCOMPRESSED,
    most: int = MAX_CONTEXTS,
    syntaxes: SyntaxChoice = _AS_IT_IS,
) -> list[deque[SendItem]]:
    """The items by association: as many kinds together as one association can have contexts."""
    group_of: dict[tuple[str, str], int] = {}
    pairs: tuple[tuple[str, str], ...] = ()
    groups: list[deque[SendItem]] = []
    for item in items:
        pair = pair_of(item)
        if pair not in group_of:
            more = (*pairs, pair)
            if not groups or len(_propose(more, conversion, syntaxes)) > most:
                groups.append(deque())
                more = (pair,)
            pairs = more
            group_of[pair] = len(groups) - 1
        groups[group_of[pair]].append(item)
    return groups


def fallback_of(
    negotiated: Negotiated, item: SendItem, conversion: Conversion, syntaxes: SyntaxChoice = _AS_IT_IS
) -> str:
    """The transfer syntax UID into which an item has to be converted, empty where it goes as it is or not at all."""
    sop_class, syntax = pair_of(item)
    if not conversion.covers(syntax):
        return ""
    for uid in syntaxes.preferred or (syntax, *syntaxes.targets):
        if (uid == syntax or uid in syntaxes.targets) and negotiated.find(sop_class, uid) is not None:
            return "" if uid == syntax else uid
    return ""


def fallbacks_of(
    negotiated: Negotiated, items: Iterable[SendItem], conversion: Conversion, syntaxes: SyntaxChoice = _AS_IT_IS
) -> dict[tuple[str, str], str]:
    """By SOP class and transfer syntax UID: what items of that pair have to be converted into, for those that have."""
    ones = {pair_of(item): item for item in items}
    return {pair: uid for pair, item in ones.items() if (uid := fallback_of(negotiated, item, conversion, syntaxes))}


def remedy_of(negotiated: Negotiated, item: SendItem, conversion: Conversion) -> Conversion | None:
    """What to allow so that a refused item may be taken; ``None`` where no conversion helps, as far as can be told."""
    sop_class, syntax = pair_of(item)
    results = [result.result for result in negotiated.contexts if result.abstract_syntax == sop_class]
    if conversion.covers(syntax) or _UNKNOWN_SOP_CLASS in results:
        return None
    return next((choice for choice in Conversion if choice.covers(syntax)), None)


# -------------------------------------------------------------------------------------------------------- converting


@asynccontextmanager
async def converted(
    pool: Executor, item: SendItem, transfer_syntax_uid: str
) -> AsyncIterator[tuple[InstanceFile, tuple[Remark, ...]]]:
    """The item as a temporary file in another transfer syntax, made in a thread of ``pool``, and what that changed.

    The file is in a folder of its own, which nobody else can read and which is gone afterwards.

    :raises ConversionError: it cannot be converted.
    :raises OSError: a file could not be read or written.
    """
    async with temporary_copy(pool, "convert", partial(_convert, item, transfer_syntax_uid)) as (path, made):
        yield InstanceFile(path, made.head), made.remarks


def _convert(item: SendItem, transfer_syntax_uid: str, path: Path, should_stop: Callable[[], bool]) -> Converted:
    return convert_file(
        item.path, item.head, transfer_syntax_uid, path,
        decompress=True, scratch=path.parent, should_stop=should_stop,
    )  # fmt: skip
