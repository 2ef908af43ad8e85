"""What is to be retrieved, as the unique keys that C-MOVE and C-GET want (PS3.4 C.4.2.2.1); what only matches other
keys is looked up by C-FIND first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from dicomgui.app.asking.information_models import MODELS
from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET, Key, attribute_of, identifier_of, parse_key
from dicomgui.app.asking.levels import LEVEL_KEYS, UNIQUE_KEYS, Level, accepted_root, levels_of
from dicomgui.network.client import Association
from dicomgui.network.errors import ConfigurationError, DimseFailure, RemoteProtocolError
from dicomgui.network.service.decoding import MatchDecoder
from dicomgui.network.uids import is_valid_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["MAX_FOUND", "Wanted", "classes_of", "look_up", "syntaxes_of"]

MAX_FOUND: Final = 20_000
"""Most things that one look-up finds; more are most likely a mistake."""

MAX_MATCHES: Final = 200_000
"""Most matches of one look-up, also where a peer answers the same thing again and again."""

MAX_LOOKED_AT: Final = 5_000
"""Images whose transfer syntaxes are asked for, and matches of the look-up of their studies and series."""

MAX_VALUE: Final = 1024
"""Characters of a unique key; a UID and a Patient ID have 64 at most (PS3.5 table 6.2-1)."""

MAX_CLASSES: Final = 1000
"""SOP classes of what will come: more than there are, and than can be proposed."""

IMAGES_EACH: Final = 500
"""UIDs of instances in one request."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to retrieve.

    :ivar level: of the request.
    :ivar keys: the unique keys of the level and of those above it; other keys make a look-up necessary.
    :ivar query: the name of the query that it comes from; empty where there is only one.
    """

    level: Level
    keys: tuple[Key, ...]
    query: str = ""

    @classmethod
    def of_match(cls, dataset: Dataset, level: Level) -> Wanted:
        """What a match of a query stands for.

        :raises ConfigurationError: the match lacks the unique key of its level.
        """
        values = _uniques_in(dataset)
        if UNIQUE_KEYS[level] not in values:
            raise ConfigurationError(f"the match has no {UNIQUE_KEYS[level]}", phase="configure")
        order = list(UNIQUE_KEYS)
        above = [UNIQUE_KEYS[one] for one in order[: order.index(level) + 1]]
        return cls(level, _keys_of({keyword: values[keyword] for keyword in above if keyword in values}))

    @property
    def unique(self) -> dict[str, str]:
        """The unique keys with their values, by keyword; wildcards are no values."""
        return {
            key.attribute.keyword: key.value
            for key in self.keys
            if len(key.path) == 1
            and key.attribute.keyword in UNIQUE_KEYS.values()
            and key.is_matching
            and not set("*?") & set(key.value)
        }

    def only(self, instances: Sequence[str]) -> Wanted | None:
        """Only these instances of it; ``None`` where it is not known to which study they belong."""
        known = self.unique
        if UNIQUE_KEYS[Level.STUDY] not in known or "\\" in known[UNIQUE_KEYS[Level.STUDY]]:
            return None
        return Wanted(Level.IMAGE, _keys_of(known | {UNIQUE_KEYS[Level.IMAGE]: "\\".join(instances)}), self.query)

    def identifier(self, root: str) -> Dataset:
        """The identifier of a C-MOVE or C-GET: the level and its unique keys; other keys where there are no better.

        A model without levels has none in it.
        """
        levels = levels_of(root)
        own = levels[: levels.index(self.level) + 1] if self.level in levels else ()
        allowed = {UNIQUE_KEYS[level] for level in own}
        keys = [key for key in self.keys if key.attribute.keyword in allowed and len(key.path) == 1]
        dataset = identifier_of(keys or self.keys, level="" if root in MODELS else self.level).dataset
        if not dataset[SPECIFIC_CHARACTER_SET].value:
            del dataset[SPECIFIC_CHARACTER_SET]  # here nothing comes back
        return dataset

    def __str__(self) -> str:
        return f"{self.level.value.lower()} {', '.join(key.value for key in self.keys[-1:])}"


def _keys_of(values: Mapping[str, str]) -> tuple[Key, ...]:
    return tuple(Key((attribute_of(keyword),), value) for keyword, value in values.items())


def _uniques_in(dataset: Dataset) -> dict[str, str]:
    return {keyword: str(dataset[keyword].value) for keyword in UNIQUE_KEYS.values() if dataset.get(keyword)}


# ------------------------------------------------------------------------------------------------------------- look-up


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the hierarchy.

    :ivar unique: the unique keys that lead there, by keyword.
    :ivar is_found: whether the peer named it, so that what is below has to be looked for in it.
    """

    unique: Mapping[str, str]
    is_found: bool = False


async def look_up(association: Association, root: str, wanted: Wanted, notes: list[str]) -> list[Wanted]:
    """The requests that retrieve ``wanted``.

    That is itself where it has all the unique keys that the root demands and no other, else what C-FIND says, from the
    top level down (PS3.4 C.4.1.3.1).

    :param notes: gets what the user should know.
    :raises DicomNetworkError: as a query; also a failure status, and more than :data:`MAX_FOUND` matches.
    """
    levels = levels_of(root)
    if wanted.level not in levels:
        return [wanted]
    levels = levels[: levels.index(wanted.level) + 1]
    demanded = [UNIQUE_KEYS[level] for level in levels]
    known = {keyword: value for keyword, value in wanted.unique.items() if keyword in demanded}
    others = [key for key in wanted.keys if key.is_matching and key.attribute.keyword not in known]
    if not others and len(known) == len(levels):
        return [wanted]
    if accepted_root(association.negotiated, (root,), "find") is None:
        notes.append("The peer does not accept C-FIND in this root: the keys are sent as they are.")
        return [wanted]
    seeker = _Seeker(association, root, levels)
    frontier = [_Place(known)]
    for level in levels:
        matching = [key for key in others if _level_of(key, levels) is level]
        frontier = [below for place in frontier for below in await seeker.descend(level, place, matching)]
    notes += seeker.remarks()
    if any(len(place.unique) < len(levels) for place in frontier):
        missing = [keyword for keyword in demanded if keyword not in frontier[0].unique]
        notes.append(f"The {root} root wants {' and '.join(missing)} as well; the peer may refuse.")
    return [replace(one, query=wanted.query) for one in _grouped(wanted.level, frontier)]


class _Seeker:
    """Goes down the levels of a root by C-FIND; what is answered more than once is one thing (PS3.4 C.4.1)."""

    def __init__(self, association: Association, root: str, levels: Sequence[Level]) -> None:
        self._association = association
        self._root = root
        self._levels = levels
        self._matches: Counter[Level] = Counter()
        self._things: Counter[Level] = Counter()

    def remarks(self) -> list[str]:
        """Remarks on the peer's answers for the user, one sentence a level."""
        return [
            f"The peer answered {matches:,} matches for {_things(level, self._things[level])}: each is retrieved once."
            for level, matches in self._matches.items()
            if matches > self._things[level]
        ]

    async def descend(self, level: Level, place: _Place, matching: list[Key]) -> list[_Place]:
        """The places of one level that lie in ``place`` and match."""
        unique, is_last = UNIQUE_KEYS[level], level is self._levels[-1]
        if not matching and not place.is_found:
            if unique in place.unique:
                return [place] if is_last else _split(place, unique)
            if level is self._levels[0] and place.unique:
                return [place]  # what is wanted has a name further down: do not ask for all that the peer has
        above = [UNIQUE_KEYS[one] for one in self._levels[: self._levels.index(level) + 1]]
        keys = [*_keys_of({keyword: place.unique[keyword] for keyword in above if keyword in place.unique}), *matching]
        below: dict[str, _Place] = {}
        async with aclosing(_find(self._association, self._root, level, keys, (unique,))) as matches:
            async for dataset in matches:
                value = _uniques_in(dataset).get(unique)
                self._count(level, is_new=value is not None and value not in below)
                if value is not None:
                    _check_length(unique, value)
                    below[value] = _Place({**place.unique, unique: value}, is_found=True)
        return list(below.values())

    def _count(self, level: Level, *, is_new: bool) -> None:
        self._matches[level] += 1
        self._things[level] += is_new
        if self._things.total() > MAX_FOUND or self._matches.total() > MAX_MATCHES:
            raise ConfigurationError(
                f"the keys match more than {MAX_FOUND:,} things", phase="configure", hint="Give narrower keys."
            )


def _check_length(keyword: str, value: str) -> None:
    """Pass a value that may be a unique key: tens of thousands are kept.

    :raises RemoteProtocolError: it is far too long to be one.
    """
    if len(value) > MAX_VALUE:
        raise RemoteProtocolError(f"a match with a {keyword} of {len(value):,} characters", field=keyword)


def _things(level: Level, number: int) -> str:
    """A number of patients, studies, series or instances."""
    nouns = {Level.STUDY: ("study", "studies"), Level.SERIES: ("series", "series"), Level.IMAGE: ("image", "images")}
    one, several = nouns.get(level, ("patient", "patients"))
    return f"{number:,} {one if number == 1 else several}"


def _split(place: _Place, unique: str) -> list[_Place]:
    """A place for each of several values: below them, each has to stand alone."""
    return [_Place({**place.unique, unique: value}, place.is_found) for value in place.unique[unique].split("\\")]


def _level_of(key: Key, levels: Sequence[Level]) -> Level:
    """The level at which a key is matched; those of the patient at the top one (PS3.4 C.6.2.1)."""
    keyword = key.path[0].keyword
    for level, unique in UNIQUE_KEYS.items():
        if keyword == unique or keyword in LEVEL_KEYS.get(level, ()):
            return level if level in levels else levels[0] if level is Level.PATIENT else levels[-1]
    return levels[-1]


def _grouped(level: Level, places: Iterable[_Place]) -> Iterator[Wanted]:
    """One request each, but many images of a series in one."""
    unique = UNIQUE_KEYS[Level.IMAGE]
    series: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for place in places:
        if level is not Level.IMAGE or unique not in place.unique:
            yield Wanted(level, _keys_of(place.unique))
            continue
        above = tuple((keyword, value) for keyword, value in place.unique.items() if keyword != unique)
        series.setdefault(above, []).append(place.unique[unique])
    for above, uids in series.items():
        for start in range(0, len(uids), IMAGES_EACH):
            yield Wanted(level, _keys_of({**dict(above), unique: "\\".join(uids[start : start + IMAGES_EACH])}))


async def _find(
    association: Association, root: str, level: Level, keys: Sequence[Key], returned: Sequence[str]
) -> AsyncGenerator[Dataset, None]:
    identifier = identifier_of(keys, tuple(map(parse_key, returned)), level=level)
    decoder = MatchDecoder()
    async with association.find(identifier.dataset, root=root) as operation:
        async for match in operation:
            yield await decoder.decode(match.data, match.transfer_syntax_uid, partial(getattr, match, "dataset"))
    (await operation.result()).raise_for_status()


async def classes_of(association: Association, root: str, requests: Iterable[Wanted]) -> tuple[str, ...]:
    """The SOP classes of what will come, as far as the peer tells; nothing where it does not for all of it.

    A study is asked for SOP Classes in Study (0008,0062), which is optional; a series or image for those of its images.

    :raises DicomNetworkError: as a query.
    """
    if accepted_root(association.negotiated, (root,), "find") is None:
        return ()
    demanded = {UNIQUE_KEYS[level] for level in levels_of(root)}
    looked_at = 0
    classes: dict[str, None] = {}
    for request in requests:
        is_deep = request.level in (Level.SERIES, Level.IMAGE)
        level, keyword = (Level.IMAGE, "SOPClassUID") if is_deep else (Level.STUDY, "SOPClassesInStudy")
        keys = [key for key in request.keys if key.attribute.keyword in demanded]
        async with aclosing(_find(association, root, level, keys, (keyword, UNIQUE_KEYS[level]))) as matches:
            async for dataset in matches:
                value = dataset.get(keyword)
                looked_at += 1
                if not value or looked_at > MAX_MATCHES:
                    return ()
                classes.update(dict.fromkeys(_uids_of(value)))
                if len(classes) > MAX_CLASSES:
                    return ()
    return tuple(classes)


def _uids_of(value: object) -> list[str]:
    """The UIDs among the values of an element."""
    values = [value] if isinstance(value, str) else map(str, value) if isinstance(value, Iterable) else ()
    return [uid for uid in values if is_valid_uid(uid)]


async def syntaxes_of(association: Association, root: str, requests: Iterable[Wanted]) -> tuple[str, ...]:
    """The transfer syntaxes of what will come, by Available Transfer Syntax UID (0008,3002) of its images.

    The attribute is optional (PS3.4 C.6.1.1.5): a peer that leaves it out of one image, or refuses to be asked, is not
    asked any more. It is one of the image level alone: the studies of a patient and the series of a study are looked up
    first, from the top level down (PS3.4 C.4.1.3.1).

    :returns: none where the peer does not say.
    :raises DicomNetworkError: the association ended.
    """
    if accepted_root(association.negotiated, (root,), "find") is None:
        return ()
    found: dict[str, None] = {}
    looked_at = 0
    try:
        for request in requests:
            async for dataset in _images_of(association, root, request):
                value = dataset.get("AvailableTransferSyntaxUID")
                looked_at += 1
                if not value or looked_at > MAX_LOOKED_AT or len(found) > MAX_CLASSES:
                    return tuple(found)
                found.update(dict.fromkeys(_uids_of(value)))
    except DimseFailure:
        pass
    return tuple(found)


async def _images_of(association: Association, root: str, request: Wanted) -> AsyncGenerator[Dataset, None]:
    """The images of a request, from the peer: one place after the other, each only when the one before is done."""
    levels = levels_of(root)
    if Level.IMAGE not in levels or request.level not in levels:
        return
    demanded = {UNIQUE_KEYS[level] for level in levels}
    known = {keyword: value for keyword, value in request.unique.items() if keyword in demanded}
    below = levels[levels.index(request.level) + 1 : -1]
    above = [UNIQUE_KEYS[level] for level in levels[:-1] if UNIQUE_KEYS[level] in known]
    waiting = [(place, below) for place in reversed(_each_alone(known, above))]
    looked_at = 0
    while waiting and looked_at < MAX_LOOKED_AT:
        place, deeper = waiting.pop()
        if deeper:
            uids, matches = await _uids_in(association, root, deeper[0], place, MAX_LOOKED_AT - looked_at)
            looked_at += matches
            waiting += [({**place, UNIQUE_KEYS[deeper[0]]: uid}, deeper[1:]) for uid in reversed(uids)]
            continue
        wanted = ("AvailableTransferSyntaxUID", UNIQUE_KEYS[Level.IMAGE])
        async with aclosing(_find(association, root, Level.IMAGE, _keys_of(place), wanted)) as images:
            async for image in images:
                yield image


def _each_alone(known: Mapping[str, str], above: Iterable[str]) -> list[Mapping[str, str]]:
    """The places of a request; above the level of a query each unique key has one value (PS3.4 C.4.1.2.1)."""
    places: list[Mapping[str, str]] = [known]
    for keyword in above:
        places = [{**place, keyword: value} for place in places for value in known[keyword].split("\\")]
    return places


async def _uids_in(
    association: Association, root: str, level: Level, place: Mapping[str, str], limit: int
) -> tuple[list[str], int]:
    """The unique keys of a level in a place, and how many matches were looked at for them: at most ``limit``."""
    unique = UNIQUE_KEYS[level]
    uids: dict[str, None] = {}
    count = 0
    async with aclosing(_find(association, root, level, _keys_of(place), (unique,))) as matches:
        async for match in matches:
            count += 1
            value = _uniques_in(match).get(unique)
            if value is not None:
                _check_length(unique, value)
                uids[value] = None
            if count >= limit:
                break
    return list(uids), count
