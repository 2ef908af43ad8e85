"""Files of negotiation profiles: a TOML file of ours, or the file that DCMTK's programs take by ``-xf``.

Nothing in them is skipped: a profile that is not understood as a whole is not used at all, since a test with half of it
would test something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeVar

from dicomgui.app.configuration import values as checks
from dicomgui.app.configuration.asconfig import is_asconfig, read_asconfig
from dicomgui.app.configuration.files import TomlFile
from dicomgui.app.configuration.uid_keywords import sop_class_of, syntax_of
from dicomgui.app.configuration.values import Table, Values, wrong
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.extended import StorageSupport, extended_for, storage_relation
from dicomgui.network.association.params import Implementation
from dicomgui.network.association.profiles import NegotiationProfile
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import SOPClassCommonExtendedNegotiation, SOPClassExtendedNegotiation

__all__ = ["MAX_BYTES", "NegotiationFile", "negotiation_of", "negotiation_table", "read_profiles"]

MAX_BYTES: Final = 1 << 20
"""A longer file is none of negotiation profiles."""

MAX_CONTEXTS: Final = 4096
"""Presentation contexts of one profile; an acceptor may list more than the 128 that a requestor can propose."""

MAX_FIELD_BYTES: Final = 4096
"""Longest field of a SOP class extended negotiation; the standard's are six bytes at most."""

Role = Literal["scu", "scp", "both"]

_HINT: Final = "`dicomgui help negotiation` shows what such a file may say."
_TOP: Final = ("version", "syntaxes", "profile")
_PROFILE: Final = (
    "description",
    "operations_invoked",
    "operations_performed",
    "max_pdu_length",
    "max_sent_pdu_length",
    "accept_related",
    "implementation_class_uid",
    "implementation_version_name",
    "context",
    "extended",
    "common_extended",
)
_CONTEXT: Final = ("abstract_syntax", "transfer_syntaxes", "role", "separate")
_EXTENDED: Final = ("sop_class", "flags", "bytes", "level", "digital_signature", "coercion")
_COMMON: Final = ("sop_class", "service_class", "related")
_ROLES: Final[dict[str, tuple[bool, bool]]] = {"scu": (True, False), "scp": (False, True), "both": (True, True)}

_NO_TEXTS: Final[tuple[str, ...]] = ()

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class NegotiationFile:
    """One profile of a file, read each time that it is needed.

    :ivar path: the file.
    :ivar name: of the profile; may be left out where the file has one only.
    """

    path: str
    name: str = ""

    def load(self) -> NegotiationProfile:
        """Read it. Waits for the disk.

        :raises ConfigurationError: the file cannot be read or is not understood, or has no such profile.
        """
        found = read_profiles(Path(self.path))
        if not self.name and len(found) == 1:
            return next(iter(found.values()))
        profile = found.get(self.name)
        if profile is None:
            names = ", ".join(found)
            text = f"{self.path} has no profile {self.name!r}" if self.name else f"{self.path} has several profiles"
            raise ConfigurationError(text, phase="configure", hint=f"Name one of {names}.")
        return profile


def negotiation_of(values: Values) -> NegotiationFile | None:
    """The file and profile that a saved node, or the listener, names; not read here. ``None`` for none."""
    path = values.take("negotiation_file", "", checks.text).strip()
    name = values.take("negotiation_profile", "", checks.text).strip()
    return NegotiationFile(path, name) if path else None


def negotiation_table(file: NegotiationFile | None) -> Table:
    """The saved form of them."""
    if file is None:
        return {}
    return {"negotiation_file": file.path} | ({"negotiation_profile": file.name} if file.name else {})


def read_profiles(path: Path) -> dict[str, NegotiationProfile]:
    """The profiles of a file by name, at least one. Waits for the disk.

    :raises ConfigurationError: it cannot be read, or not everything in it is understood; tells the first line that is
        not.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}", phase="configure", hint=_HINT) from error
    except ValueError as error:
        raise ConfigurationError(f"{str(path)!r} is no name of a file", phase="configure", hint=_HINT) from error
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{path} is too large for negotiation profiles", phase="configure", hint=_HINT)
    text = data.decode("utf-8-sig", "replace")
    try:
        found = read_asconfig(text) if is_asconfig(text) else _read_toml(path)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{path}: {str(error.args[0]).removeprefix(f'{path} ')}", phase="configure", hint=error.hint or _HINT
        ) from error
    if not found:
        raise ConfigurationError(f"{path} has no profile", phase="configure", hint=_HINT)
    return found


def _read_toml(path: Path) -> dict[str, NegotiationProfile]:
    document = TomlFile(path).read()
    if document.problem is not None:
        raise ConfigurationError(str(document.problem), phase="configure", hint=_HINT)
    values = Values(document.table, lines=document.lines)
    reader = _Reader(values, document.table)
    profiles = reader.profiles()
    values.faults += values.unknown(_TOP)
    if values.faults:
        more = f" (and {len(values.faults) - 1} more)" if len(values.faults) > 1 else ""
        raise ConfigurationError(f"{values.faults[0]}{more}", phase="configure", hint=_HINT)
    return profiles


class _Reader:
    """Reads the profiles of one table; what is wrong is noted in the faults of its values."""

    def __init__(self, values: Values, table: Table) -> None:
        self._values = values
        self._table = table
        self._sets: dict[str, tuple[str, ...]] = {}

    def profiles(self) -> dict[str, NegotiationProfile]:
        """All of them by name, without those that cannot be used."""
        sets = self._values.inside("syntaxes")
        for name in _names_of(self._table.get("syntaxes")):
            self._sets[name] = sets.take(name, _NO_TEXTS, partial(_texts, syntax_of))
        tables = self._table.get("profile")
        inside = self._values.inside("profile")
        found = {}
        for name in _names_of(tables):
            table = tables[name] if isinstance(tables, dict) else {}
            profile = self._profile(inside.inside(name), table if isinstance(table, dict) else {})
            if profile is not None:
                found[name] = profile
        return found

    def _profile(self, values: Values, table: Table) -> NegotiationProfile | None:
        values.faults += values.unknown(_PROFILE)
        values.take("description", "", checks.text)
        window = [values.take(f"operations_{kind}", None, checks.operations) for kind in ("invoked", "performed")]
        contexts = [one for found in _each(values, table, "context", self._context) for one in found]
        if len(contexts) > MAX_CONTEXTS:
            values.fault(f"{len(contexts):,} presentation contexts; at most {MAX_CONTEXTS:,} are read", "context")
            return None
        extended = [one for found in _each(values, table, "extended", _extended) for one in found]
        common = [one for found in _each(values, table, "common_extended", _common) for one in found]
        self._check_repeated(values, contexts, [item.sop_class_uid for item in extended])
        if contexts:
            proposed = {context.abstract_syntax for context in contexts}
            self._check_proposed(values, "extended", [item.sop_class_uid for item in extended], proposed)
            self._check_proposed(values, "common_extended", [item.sop_class_uid for item in common], proposed)
        return NegotiationProfile(
            contexts=tuple(contexts),
            extended=tuple(extended),
            common_extended=tuple(common),
            accept_related=values.take("accept_related", False, checks.flag),
            async_ops=None if window == [None, None] else (_or_one(window[0]), _or_one(window[1])),
            max_pdu_length=values.take("max_pdu_length", None, checks.max_pdu_length),
            max_sent_pdu_length=values.take("max_sent_pdu_length", None, checks.max_pdu_length),
            implementation=self._implementation(values, table),
        )

    @staticmethod
    def _check_repeated(values: Values, contexts: list[ProposedContext], extended: list[str]) -> None:
        roles: dict[str, object] = {}
        for context in contexts:
            if roles.setdefault(context.abstract_syntax, context.role) != context.role:
                values.fault(f"contexts of {context.abstract_syntax} have different roles", "context")
                break
        for number, uid in enumerate(extended, 1):
            if uid in extended[: number - 1]:
                values.inside_list("extended", number).fault(f"{uid} has been there before")

    @staticmethod
    def _check_proposed(values: Values, name: str, uids: list[str], proposed: set[str]) -> None:
        for number, uid in enumerate(uids, 1):
            if uid not in proposed:
                values.inside_list(name, number).fault(f"no context has its SOP class {uid}")

    @staticmethod
    def _implementation(values: Values, table: Table) -> Implementation | None:
        usual = Implementation()
        uid = values.take("implementation_class_uid", usual.class_uid, _class_uid)
        name = values.take("implementation_version_name", usual.version_name, _version_name)
        is_named = "implementation_class_uid" in table or "implementation_version_name" in table
        return Implementation(uid, name) if is_named else None

    def _context(self, values: Values, table: Table) -> list[ProposedContext]:
        values.faults += values.unknown(_CONTEXT)
        before = len(values.faults)
        classes = values.take("abstract_syntax", _NO_TEXTS, partial(_texts, sop_class_of))
        syntaxes = values.take("transfer_syntaxes", _NO_TEXTS, self._syntaxes)
        role = values.take("role", None, _role)
        separate = values.take("separate", False, checks.flag)
        for name in ("abstract_syntax", "transfer_syntaxes"):
            if name not in table:
                values.fault(f"{name} is missing")
        if len(values.faults) > before:
            return []
        scu, scp = (None, None) if role is None else _ROLES[role]
        lists = [(syntax,) for syntax in syntaxes] if separate else [syntaxes]
        return [ProposedContext(uid, some, scu, scp) for uid in classes for some in lists]

    def _syntaxes(self, value: object) -> tuple[str, ...]:
        """A list of transfer syntaxes and names of lists of them; each syntax once, where it is named first."""
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not words:
            raise wrong("it is no list of transfer syntaxes")
        found: dict[str, None] = {}
        for word in words:
            name = checks.text(word)
            found.update(dict.fromkeys(self._sets[name] if name in self._sets else (syntax_of(name),)))
        return tuple(found)


def _names_of(table: object) -> list[str]:
    return list(table) if isinstance(table, dict) else []


def _or_one(number: int | None) -> int:
    return 1 if number is None else number


def _each(values: Values, table: Table, name: str, read: Callable[[Values, Table], list[_T]]) -> list[list[_T]]:
    """The results of ``read`` for each table of a list."""
    found = table.get(name, [])
    if not isinstance(found, list):
        values.fault(f"{name}: it is no list of tables, as [[…{name}]] makes one", name)
        return []
    made = []
    for number, one in enumerate(found, 1):
        inside = values.inside_list(name, number, one if isinstance(one, dict) else None)
        if isinstance(one, dict):
            made.append(read(inside, one))
        else:
            inside.fault("it is no table")
    return made


def _texts(read: Callable[[str], str], value: object) -> tuple[str, ...]:
    """One text or a list of them, each as ``read`` has it."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words:
        raise wrong("it is no text and no list of texts")
    return tuple(dict.fromkeys(read(checks.text(word)) for word in words))


def _role(value: object) -> Role:
    match value:
        case "scu" | "scp" | "both":
            return value
    raise wrong("it is none of scu, scp, both")


def _class_uid(value: object) -> str:
    return Implementation(class_uid=checks.text(value)).class_uid


def _version_name(value: object) -> str:
    return Implementation(version_name=checks.text(value)).version_name


def _extended(values: Values, table: Table) -> list[SOPClassExtendedNegotiation]:
    values.faults += values.unknown(_EXTENDED)
    before = len(values.faults)
    uid = values.take("sop_class", "", lambda value: sop_class_of(checks.text(value)))
    if "sop_class" not in table:
        values.fault("sop_class is missing")
    flags = values.take("flags", None, checks.query_flags)
    data = values.take("bytes", None, _bytes)
    usual = StorageSupport()
    fields = {name: values.take(name, None, checks.whole) for name in ("level", "digital_signature", "coercion")}
    given = [flags is not None, data is not None, any(one is not None for one in fields.values())]
    if sum(given) != 1 and len(values.faults) == before:
        values.fault("give one of flags, bytes, or level, digital_signature and coercion")
    if len(values.faults) > before:
        return []
    if data is not None:
        return [SOPClassExtendedNegotiation(uid, data)]
    if flags is not None:
        found = extended_for((uid,), flags)
        if not found:
            values.fault(f"{uid} has none of these flags", "flags")
        return list(found)
    try:
        support = StorageSupport(**{name: getattr(usual, name) if one is None else one for name, one in fields.items()})
    except ConfigurationError as error:
        values.fault(error)
        return []
    return [support.item(uid)]


def _bytes(value: object) -> bytes:
    """Bytes in hexadecimal digits, with blanks between them or without."""
    try:
        data = bytes.fromhex(checks.text(value))
    except ConfigurationError:
        raise
    except ValueError:
        raise wrong("these are no bytes in hexadecimal digits, such as 01 00 01") from None
    if not 1 <= len(data) <= MAX_FIELD_BYTES:
        raise wrong(f"a field has 1 to {MAX_FIELD_BYTES:,} bytes")
    return data


def _common(values: Values, table: Table) -> list[SOPClassCommonExtendedNegotiation]:
    values.faults += values.unknown(_COMMON)
    before = len(values.faults)
    uid = values.take("sop_class", "", lambda value: sop_class_of(checks.text(value)))
    related = values.take("related", _NO_TEXTS, partial(_texts, sop_class_of))
    service = values.take("service_class", "", lambda value: sop_class_of(checks.text(value)))
    for name in ("sop_class", "related"):
        if name not in table:
            values.fault(f"{name} is missing")
    if len(values.faults) > before:
        return []
    if service:
        return [SOPClassCommonExtendedNegotiation(uid, service, related)]
    return [storage_relation(uid, *related)]
