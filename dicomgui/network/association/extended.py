"""SOP class extended negotiation (PS3.7 D.3.3.5, D.3.3.6): the fields that PS3.4 defines for each service, typed.

Each kind can say itself in bytes (``encode``), read them (``decode``), make the sub-item for one SOP class (``item``),
and answer what a requestor offers (``answer``): a flag is granted where both sides have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Final, TypeAlias

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import SOPClassCommonExtendedNegotiation, SOPClassExtendedNegotiation
from dicomgui.network.uids import RETIRED_STORAGE_CLASSES, STORAGE_CLASSES

__all__ = [
    "ExtendedAnswer",
    "ExtendedInfo",
    "QueryFlags",
    "RetrieveFlags",
    "StorageSupport",
    "WorklistFlags",
    "answer_extended",
    "decode_extended",
    "extended_for",
    "is_query_negotiation",
    "storage_relation",
]

STORAGE_SERVICE_CLASS: Final = "1.2.840.10008.4.2"

_Q = "1.2.840.10008.5.1.4.1.2."
_QUERY: Final = frozenset(f"{_Q}{root}.1" for root in (1, 2, 3))
"""C-FIND of patient root, study root, and patient/study only (PS3.4 C.6)."""
_RETRIEVE: Final = frozenset(f"{_Q}{root}.{verb}" for root in (1, 2, 3) for verb in (2, 3))
"""C-MOVE and C-GET of the same."""
_WORKLIST: Final = frozenset(
    ("1.2.840.10008.5.1.4.31", "1.2.840.10008.5.1.4.34.6.2", "1.2.840.10008.5.1.4.34.6.3", "1.2.840.10008.5.1.4.34.6.5")
)
"""Modality worklist (PS3.4 K), and UPS Watch, Pull and Query (PS3.4 CC)."""
_STORAGE: Final = frozenset((*STORAGE_CLASSES, *RETIRED_STORAGE_CLASSES))


def _cut(data: bytes, lengths: Sequence[int]) -> bytes:
    """``data`` without the zeros at its end, as far as one of ``lengths`` allows."""
    needed = len(data.rstrip(b"\0"))
    return data[: next(length for length in lengths if length >= needed)]


def _flag(data: bytes, number: int) -> bool:
    """Flag number ``number``, from 1; what is left out, and what is no 1, is no."""
    return data[number - 1 : number] == b"\x01"


def _granted(ours: bytes, offered: bytes) -> bytes:
    """As many bytes as were offered, 1 where both sides have a 1."""
    return bytes(a & b & 1 for a, b in zip(offered, ours.ljust(len(offered), b"\0"), strict=False))


@dataclass(frozen=True, slots=True)
class QueryFlags:
    """For C-FIND of the Query/Retrieve information models (PS3.4 C.5.1.1).

    :ivar relational: keys of any level at once, instead of going down level by level.
    :ivar date_time: date and time matched as one, not each by itself.
    :ivar fuzzy: fuzzy semantic matching of person names.
    :ivar timezone: times are converted to the time zone of the query.
    :ivar enhanced_multi_frame: the query may say which view it wants of images that exist both as classic and as
        enhanced multi-frame ones (Query/Retrieve View, 0008,0053).
    """

    relational: bool = False
    date_time: bool = False
    fuzzy: bool = False
    timezone: bool = False
    enhanced_multi_frame: bool = False

    @classmethod
    def decode(cls, data: bytes) -> QueryFlags:
        """Read the field; never fails."""
        return cls(*(_flag(data, number) for number in range(1, 6)))

    def encode(self) -> bytes:
        """One byte, or three to five."""
        flags = (self.relational, self.date_time, self.fuzzy, self.timezone, self.enhanced_multi_frame)
        return _cut(bytes(flags), (1, 3, 4, 5))

    def item(self, sop_class_uid: str) -> SOPClassExtendedNegotiation:
        """The sub-item for one SOP class."""
        return SOPClassExtendedNegotiation(sop_class_uid, self.encode())

    def answer(self, offered: bytes) -> bytes:
        """The acceptor's answer to ``offered``, where we support these flags."""
        return _granted(self.encode(), offered)

    def common(self, other: QueryFlags) -> QueryFlags:
        """The flags that both have."""
        return QueryFlags(*(ours and theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def has_any(self) -> bool:
        """Whether there is something to ask for."""
        return self != QueryFlags()


@dataclass(frozen=True, slots=True)
class RetrieveFlags:
    """For C-MOVE and C-GET of the Query/Retrieve information models (PS3.4 C.5.2.1, C.5.3.1).

    :ivar relational: one key, of any level, instead of the unique keys of all levels above it.
    :ivar enhanced_multi_frame: see :class:`QueryFlags`.
    """

    relational: bool = False
    enhanced_multi_frame: bool = False

    @classmethod
    def decode(cls, data: bytes) -> RetrieveFlags:
        """Read the field; never fails."""
        return cls(_flag(data, 1), _flag(data, 2))

    def encode(self) -> bytes:
        """One byte or two."""
        return _cut(bytes((self.relational, self.enhanced_multi_frame)), (1, 2))

    def item(self, sop_class_uid: str) -> SOPClassExtendedNegotiation:
        """The sub-item for one SOP class."""
        return SOPClassExtendedNegotiation(sop_class_uid, self.encode())

    def answer(self, offered: bytes) -> bytes:
        """The acceptor's answer to ``offered``, where we support these flags."""
        return _granted(self.encode(), offered)


@dataclass(frozen=True, slots=True)
class WorklistFlags:
    """For C-FIND of the modality worklist (PS3.4 K.5.1.1) and of unified procedure steps.

    :ivar fuzzy: see :class:`QueryFlags`.
    :ivar timezone: see :class:`QueryFlags`.
    """

    fuzzy: bool = False
    timezone: bool = False

    @classmethod
    def decode(cls, data: bytes) -> WorklistFlags:
        """Read the field; never fails."""
        return cls(_flag(data, 3), _flag(data, 4))

    def encode(self) -> bytes:
        """Three bytes or four; the first two are reserved and always 1."""
        return _cut(bytes((True, True, self.fuzzy, self.timezone)), (3, 4))

    def item(self, sop_class_uid: str) -> SOPClassExtendedNegotiation:
        """The sub-item for one SOP class."""
        return SOPClassExtendedNegotiation(sop_class_uid, self.encode())

    def answer(self, offered: bytes) -> bytes:
        """The acceptor's answer to ``offered``, where we support these flags."""
        return b"\x01\x01"[: len(offered)] + _granted(self.encode(), offered)[2:]


@dataclass(frozen=True, slots=True)
class StorageSupport:
    """For C-STORE (PS3.4 B.3.1): how well each side keeps what it is sent. The defaults are those of a mere SCU.

    :ivar level: of conformance as an SCP: 0 local, 1 base, 2 full; 3 for an SCU only.
    :ivar digital_signature: level of support for digital signatures, 0 to 3; 0 says nothing.
    :ivar coercion: 0 changes no element, 1 may change some, 2 for an SCU only.
    :raises ConfigurationError: a value is none of these.
    """

    level: int = 3
    digital_signature: int = 0
    coercion: int = 2

    def __post_init__(self) -> None:
        for name, value, most in (
            ("level of support", self.level, 3),
            ("level of digital signature support", self.digital_signature, 3),
            ("element coercion", self.coercion, 2),
        ):
            if not 0 <= value <= most:
                raise ConfigurationError(f"the {name} is {value}; it is 0 to {most}", phase="configure")

    @classmethod
    def decode(cls, data: bytes) -> StorageSupport:
        """Read the field; a value that is missing, or none of the standard's, is taken for the default."""
        usual = cls()
        level, signature, coercion = (data[at] if at < len(data) else 255 for at in (0, 2, 4))
        return cls(
            level if level <= 3 else usual.level,
            signature if signature <= 3 else usual.digital_signature,
            coercion if coercion <= 2 else usual.coercion,
        )

    def encode(self) -> bytes:
        """Six bytes."""
        return bytes((self.level, 0, self.digital_signature, 0, self.coercion, 0))

    def item(self, sop_class_uid: str) -> SOPClassExtendedNegotiation:
        """The sub-item for one SOP class."""
        return SOPClassExtendedNegotiation(sop_class_uid, self.encode())

    def answer(self, offered: bytes) -> bytes:
        """The acceptor's answer: what it does itself, whatever the requestor said of itself."""
        return self.encode()


ExtendedInfo: TypeAlias = QueryFlags | RetrieveFlags | WorklistFlags | StorageSupport

ExtendedAnswer = Callable[[SOPClassExtendedNegotiation], bytes | None]
"""See :attr:`~dicomgui.network.AcceptPolicy.answer_extended`."""


def decode_extended(item: SOPClassExtendedNegotiation) -> ExtendedInfo | None:
    """What a sub-item says, ``None`` for SOP classes whose field this module does not know."""
    uid = item.sop_class_uid
    if uid in _QUERY:
        return QueryFlags.decode(item.data)
    if uid in _RETRIEVE:
        return RetrieveFlags.decode(item.data)
    if uid in _WORKLIST:
        return WorklistFlags.decode(item.data)
    return StorageSupport.decode(item.data) if uid in _STORAGE else None


def _flags_for(sop_class_uid: str, flags: QueryFlags) -> QueryFlags | RetrieveFlags | WorklistFlags | None:
    if sop_class_uid in _QUERY:
        return flags
    if sop_class_uid in _RETRIEVE:
        return RetrieveFlags(flags.relational, flags.enhanced_multi_frame)
    return WorklistFlags(flags.fuzzy, flags.timezone) if sop_class_uid in _WORKLIST else None


def is_query_negotiation(sop_class_uid: str) -> bool:
    """True for the SOP classes whose extended negotiation is that of queries, worklists or retrievals."""
    return sop_class_uid in _QUERY or sop_class_uid in _RETRIEVE or sop_class_uid in _WORKLIST


_NOTHING = (QueryFlags(), RetrieveFlags(), WorklistFlags())


def extended_for(sop_class_uids: Iterable[str], flags: QueryFlags) -> tuple[SOPClassExtendedNegotiation, ...]:
    """The sub-items that ask for ``flags``: one for each of these SOP classes whose field has one of them."""
    found = {uid: _flags_for(uid, flags) for uid in sop_class_uids}
    return tuple(one.item(uid) for uid, one in found.items() if one is not None and one not in _NOTHING)


def answer_extended(flags: QueryFlags = QueryFlags(), storage: StorageSupport | None = None) -> ExtendedAnswer:
    """What an acceptor answers, for :attr:`~dicomgui.network.AcceptPolicy.answer_extended`.

    :param flags: what is performed of queries, worklists and retrievals: a flag that is granted is a promise.
    :param storage: how we keep what we are sent; ``None`` answers nothing to that.
    """

    def answer(item: SOPClassExtendedNegotiation) -> bytes | None:
        uid = item.sop_class_uid
        ours: ExtendedInfo | None = storage if uid in _STORAGE else _flags_for(uid, flags)
        return None if ours is None else ours.answer(item.data)

    return answer


def storage_relation(sop_class_uid: str, *general_sop_class_uids: str) -> SOPClassCommonExtendedNegotiation:
    """SOP class common extended negotiation for a storage SOP class (PS3.7 D.3.3.6, PS3.4 B.3.1.3).

    :param general_sop_class_uids: SOP classes that an acceptor may take it for if it does not know the one itself
        (PS3.4 table B.3-3, and private classes).
    """
    return SOPClassCommonExtendedNegotiation(sop_class_uid, STORAGE_SERVICE_CLASS, general_sop_class_uids)
