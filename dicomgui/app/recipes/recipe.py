"""One operation in values that every tool can be told: whom to call and how, what to ask, what to send."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dicomgui.app.asking.information_models import is_without_levels, keys_for
from dicomgui.app.asking.keys import Key, attribute_of
from dicomgui.app.asking.levels import Level, roots_for
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.query_plan import NO_FILES, QueryFiles
from dicomgui.app.asking.wanted import Wanted
from dicomgui.app.asking.worklist import usual_return_keys, worklist_query
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.nservices.requests import NOperation, NRequest
from dicomgui.app.transfers.retrieve_manner import USUAL_MANNER, RetrieveManner
from dicomgui.app.transfers.send_manner import SendManner
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Recipe", "Verb", "gathered", "key_of", "keys_in"]

MAX_PATHS: Final = 40
"""Files that are named one by one; of more, the folder is named that holds them all."""


class Verb(StrEnum):
    """What is done."""

    ECHO = "echo"
    SEND = "send"
    FIND = "find"
    WORKLIST = "worklist"
    MOVE = "move"
    GET = "get"
    NORMALIZED = "n"
    """One of the six operations on normalized instances."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """An operation. It holds no secret that a command shows.

    :ivar repeat: C-ECHOs on one association.
    :ivar paths: files and folders to send.
    :ivar conversion: what may be converted of them.
    :ivar sends_broken: send files whose data sets are broken, too.
    :ivar manner: associations, names of files and transfer syntaxes of a send.
    :ivar settings: attributes that get other values on the way, each as ``KEY=VALUE``.
    :ivar invention: what is invented of the files, such as ``patients=2``; empty for nothing.
    :ivar keys: of a query or retrieval.
    :ivar returned: what a query asks for besides; ``None`` for the usual.
    :ivar level: of a query or retrieval.
    :ivar root: a name of :data:`~dicomgui.network.service.QUERY_MODELS`; ``None`` where the peer's choice counts.
    :ivar limit: matches after which a query is cancelled; completed sub-operations of a retrieval; ``None`` for never.
    :ivar cancel_after_s: seconds after which a query or retrieval is cancelled; ``None`` for never.
    :ivar files: files of several queries.
    :ivar destination: of a C-MOVE.
    :ivar listen_port: where we receive what a C-MOVE brings; ``None`` where somebody else does.
    :ivar folder: for what arrives.
    :ivar request: of a normalized operation.
    :ivar notes: what is known to be missing in it, one sentence each.
    """

    verb: Verb
    peer: PeerAddress
    options: ConnectionOptions = field(default=ConnectionOptions())
    repeat: int = 1
    paths: tuple[str, ...] = ()
    conversion: Conversion = Conversion.UNCOMPRESSED
    sends_broken: bool = False
    manner: SendManner = field(default=SendManner())
    settings: tuple[str, ...] = ()
    invention: str = ""
    keys: tuple[Key, ...] = ()
    returned: tuple[Key, ...] | None = None
    level: Level = Level.STUDY
    root: str | None = None
    limit: int | None = None
    cancel_after_s: float | None = None
    files: QueryFiles = NO_FILES
    destination: str = ""
    listen_port: int | None = None
    folder: str = "received"
    request: NRequest | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of_query(
        cls, peer: PeerAddress, options: ConnectionOptions, query: Query, files: QueryFiles = NO_FILES
    ) -> Recipe:
        """A query of an archive, or of a worklist.

        :param files: what asks it several times; by default nothing.
        """
        is_worklist = query.root == "worklist"
        usual = usual_return_keys() if is_worklist else keys_for(query.root, (), None)[1]
        is_usual = usual is not None and query.returned == usual
        return cls(
            Verb.WORKLIST if is_worklist else Verb.FIND, peer, options, keys=query.keys,
            returned=None if is_usual else query.returned, level=query.level or Level.STUDY, root=query.root,
            limit=query.limit, cancel_after_s=query.cancel_after_s, files=files,
        )  # fmt: skip

    @classmethod
    def of_retrieval(
        cls,
        peer: PeerAddress,
        options: ConnectionOptions,
        wanted: Sequence[Wanted],
        *,
        root: str | None = None,
        destination: str = "",
        listen_port: int | None = None,
        folder: str = "received",
        manner: RetrieveManner = USUAL_MANNER,
    ) -> Recipe:
        """The first request of a retrieval; by C-MOVE where there is a destination, else by C-GET.

        :raises ConfigurationError: nothing is wanted.
        """
        if not wanted:
            raise ConfigurationError("nothing is to be retrieved", phase="configure")
        more = len(wanted) - 1
        notes = (f"{more:,} more of the selection: one command each.",) if more else ()
        return cls(
            Verb.MOVE if destination else Verb.GET, peer, options, keys=wanted[0].keys, level=wanted[0].level,
            root=root, destination=destination, listen_port=listen_port, folder=folder, notes=notes,
            limit=manner.cancel_after, cancel_after_s=manner.cancel_after_s,
        )  # fmt: skip

    @property
    def model(self) -> str:
        """The information model, or the one that would be tried first."""
        if self.root is not None:
            return self.root
        return "worklist" if self.verb is Verb.WORKLIST else roots_for(self.level)[0].value

    def identifier(self) -> Dataset:
        """What a query or retrieval sends.

        :raises ConfigurationError: a key does not fit its attribute.
        """
        if self.verb in (Verb.MOVE, Verb.GET):
            return Wanted(self.level, self.keys).identifier(self.model)
        if self.verb is Verb.WORKLIST:
            return worklist_query(self.keys, self.returned, self.limit).identifier().dataset
        keys, returned = keys_for(self.root, self.keys, self.returned)
        level = None if is_without_levels(self.root) else self.level
        return Query(keys, returned, level, self.root, self.limit).identifier().dataset

    @property
    def unsaid(self) -> str:
        """A sentence that names the choices of a send which other programs' commands do not say; empty for none."""
        manner = self.manner
        words = (
            ("associations at the same time", manner.associations > 1),
            ("files on one association", manner.per_association > 0),
            ("renaming", manner.renames),
            ("the choice of transfer syntaxes", bool(manner.syntaxes.preferred)),
            ("a context per transfer syntax", manner.syntaxes.separate),
            ("attributes that are set", bool(self.settings)),
            ("what is invented", bool(self.invention)),
        )
        named = [word for word, is_chosen in words if is_chosen]
        return f"Not said in this command: {', '.join(named)}." if named else ""

    @property
    def operation(self) -> NOperation | None:
        """Which normalized operation it is."""
        return None if self.request is None else self.request.operation


def keys_in(dataset: Dataset) -> Iterator[tuple[tuple[int, ...], str]]:
    """The elements of an identifier as path of tags and value, a sequence without item as an element without value.

    Of several items the first one counts (PS3.4 C.2.2.2.6 allows no more). Values of binary elements are left out.
    """
    for element in dataset:
        path = (int(element.tag),)
        if element.VR == "SQ":
            items = list(element.value or ())
            if not items or not len(items[0]):
                yield path, ""
                continue
            for inner, text in keys_in(items[0]):
                yield path + inner, text
        else:
            yield path, _text_of(element.value)


def _text_of(value: object) -> str:
    if value is None or isinstance(value, bytes):
        return ""
    return "\\".join(map(str, value)) if isinstance(value, MutableSequence) else str(value)


def gathered(paths: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Files to name in a command, and notes about it: one by one, or where they are many the folder above them."""
    named = tuple(dict.fromkeys(paths))
    if len(named) <= MAX_PATHS:
        return named, ()
    try:
        folder = os.path.commonpath([str(Path(path).parent) for path in named])
    except ValueError:  # on several drives
        return named[:MAX_PATHS], (f"Only {MAX_PATHS} of {len(named):,} files are named.",)
    return (folder,), (f"{len(named):,} files were chosen; the command sends all that is in their folder.",)


def key_of(path: Sequence[int], text: str) -> Key:
    """A key from a path of tags.

    :raises ConfigurationError: a tag has no place in a data set.
    """
    return Key(tuple(attribute_of(f"({tag >> 16:04X},{tag & 0xFFFF:04X})") for tag in path), text)
