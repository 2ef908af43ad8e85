"""The files of negotiation profiles that DCMTK's programs take by ``-xf``, as its ``asconfig.txt`` describes them.

Their sections stand in supersections: lists of transfer syntaxes, of presentation contexts, of roles and of extended
negotiation, each with a name; and profiles, which name one of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from dicomgui.app.configuration.uid_keywords import sop_class_of, syntax_of
from dicomgui.app.configuration.values import wrong
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.profiles import NegotiationProfile
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import SOPClassExtendedNegotiation

__all__ = ["is_asconfig", "read_asconfig"]

_SUPER: Final = re.compile(r"^\[\[([^\]]+)\]\]\s*$")
_SECTION: Final = re.compile(r"^\[([^\[\]]+)\]\s*$")
_KINDS: Final = ("TRANSFERSYNTAXES", "PRESENTATIONCONTEXTS", "SCPSCUROLESELECTION", "EXTENDEDNEGOTIATION", "PROFILES")
_ENTRY: Final = {
    "TRANSFERSYNTAXES": "TRANSFERSYNTAX",
    "PRESENTATIONCONTEXTS": "PRESENTATIONCONTEXT",
    "SCPSCUROLESELECTION": "ROLE",
    "EXTENDEDNEGOTIATION": "EXTENDEDNEGOTIATION",
}
_ROLES: Final = {"SCU": (True, False), "SCP": (False, True), "BOTH": (True, True)}
_FIRST: Final = re.compile(
    r"^\s*\[\[\s*(?:transfer\s*syntaxes|presentation\s*contexts|profiles)\s*\]\]\s*$", re.I | re.M
)


_T = TypeVar("_T")


@dataclass(slots=True)
class _Section:
    """One section.

    :ivar name: as written.
    :ivar line: of its heading.
    :ivar entries: line, key in capitals, and value of each entry.
    """

    name: str
    line: int
    entries: list[tuple[int, str, str]] = field(default_factory=list)


def is_asconfig(text: str) -> bool:
    """True for the text of such a file: it has a supersection that files of ours cannot have."""
    return _FIRST.search(text) is not None


def read_asconfig(text: str) -> dict[str, NegotiationProfile]:
    """The profiles by name.

    :raises ConfigurationError: something is not understood; tells the line.
    """
    sections = _sections(text)
    syntaxes = {
        key: tuple(_numbered(one, "TRANSFERSYNTAXES", syntax_of)) for key, one in sections["TRANSFERSYNTAXES"].items()
    }
    found = {}
    for section in sections["PROFILES"].values():
        found[section.name] = _profile(section, sections, syntaxes)
    return found


def _sections(text: str) -> dict[str, dict[str, _Section]]:
    """The sections by supersection and by name, both without blanks and in capitals, as they are compared."""
    found: dict[str, dict[str, _Section]] = {kind: {} for kind in _KINDS}
    kind = ""
    section: _Section | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if (heading := _SUPER.match(line.strip())) is not None:
            kind, section = _key(heading[1]), None
            if kind not in found:
                raise wrong(f"line {number}: {heading[1]} is no supersection of negotiation profiles")
        elif (heading := _SECTION.match(line.strip())) is not None:
            if not kind:
                raise wrong(f"line {number}: the section {heading[1]} is in no supersection")
            if _key(heading[1]) in found[kind]:
                raise wrong(f"line {number}: the section {heading[1]} has been there before")
            section = found[kind].setdefault(_key(heading[1]), _Section(heading[1].strip(), number))
        else:
            name, equals, value = line.partition("=")
            if section is None or not equals:
                raise wrong(f"line {number}: this is no entry of a section")
            section.entries.append((number, _key(name), value.strip().strip('"')))
    return found


def _key(name: str) -> str:
    return "".join(name.split()).upper()


def _profile(
    section: _Section, sections: dict[str, dict[str, _Section]], syntaxes: dict[str, tuple[str, ...]]
) -> NegotiationProfile:
    lists: dict[str, _Section] = {}
    for number, key, value in section.entries:
        if key not in _ENTRY or key == "TRANSFERSYNTAXES":
            raise wrong(f"line {number}: {key} means nothing in a profile")
        if _key(value) not in sections[key]:
            raise wrong(f"line {number}: there is no section {value}")
        lists[key] = sections[key][_key(value)]
    if "PRESENTATIONCONTEXTS" not in lists:
        raise wrong(f"line {section.line}: the profile {section.name} has no PresentationContexts")
    roles = dict(_pairs(lists.get("SCPSCUROLESELECTION"), "SCPSCUROLESELECTION", _role))
    extended = _pairs(lists.get("EXTENDEDNEGOTIATION"), "EXTENDEDNEGOTIATION", _bytes)

    def syntaxes_of(name: str) -> tuple[str, ...]:
        if not syntaxes.get(_key(name)):
            raise wrong(f"there is no list of transfer syntaxes {name}")
        return syntaxes[_key(name)]

    contexts = _pairs(lists["PRESENTATIONCONTEXTS"], "PRESENTATIONCONTEXTS", syntaxes_of)
    return NegotiationProfile(
        contexts=tuple(ProposedContext(uid, some, *roles.get(uid, (None, None))) for uid, some in contexts),
        extended=tuple(SOPClassExtendedNegotiation(uid, data) for uid, data in extended),
    )


def _numbered(section: _Section, kind: str, read: Callable[[str], _T]) -> list[_T]:
    """The values of a section whose keys are one word with a number, by that number."""
    found: dict[int, _T] = {}
    for line, key, value in section.entries:
        digits = key.removeprefix(_ENTRY[kind])
        if not key.startswith(_ENTRY[kind]) or not (digits.isascii() and digits.isdigit() and len(digits) < 7):
            raise wrong(f"line {line}: {key} means nothing here")
        if int(digits) in found:
            raise wrong(f"line {line}: {key} has been there before")
        try:
            found[int(digits)] = read(value)
        except ConfigurationError as error:
            raise ConfigurationError(f"line {line}: {error.args[0]}", phase="configure", hint=error.hint) from error
    return [found[number] for number in sorted(found)]


def _pairs(section: _Section | None, kind: str, read: Callable[[str], _T]) -> list[tuple[str, _T]]:
    """The values of a section, each a SOP class and, behind a backslash, what ``read`` reads."""

    def pair(value: str) -> tuple[str, _T]:
        name, backslash, rest = value.partition("\\")
        if not backslash:
            raise wrong("there is no backslash behind the SOP class")
        return sop_class_of(name), read(rest.strip())

    return [] if section is None else _numbered(section, kind, pair)


def _role(value: str) -> tuple[bool, bool]:
    if value not in _ROLES:
        raise wrong(f"{value[:40]!r} is none of SCU, SCP, BOTH")
    return _ROLES[value]


def _bytes(value: str) -> bytes:
    try:
        data = bytes.fromhex(value)
    except ValueError:
        data = b""
    if not data:
        raise wrong("these are no bytes in hexadecimal digits")
    return data
