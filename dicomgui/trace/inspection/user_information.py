"""The items that an A-ASSOCIATE-RQ asks with beside those that an A-ASSOCIATE-AC answers with (PS3.7 D.3.3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from dicomgui.network.association.extended import decode_extended
from dicomgui.network.pdu import (
    AssociateAC,
    AssociateRQ,
    AsyncOperationsWindow,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UnknownSubItem,
    UserIdentityAC,
    UserIdentityRQ,
    UserIdentityType,
    UserInfoItem,
    clean_uid,
)
from dicomgui.network.uids import name_of
from dicomgui.trace.describe import Node
from dicomgui.trace.finding import plain

__all__ = ["Information", "Place", "compare_information", "named", "role_text"]

MAX_ITEMS = 1000
"""Rows of the comparison; of more only the first are shown."""
_SHOWN_BYTES = 24


class Place(NamedTuple):
    """Bytes of the trace: the number of a row, the first byte in its PDU, how many bytes."""

    seq: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Information:
    """One row of the comparison; texts are plain and of one line.

    :ivar name: what it is about.
    :ivar asked: what the requestor said, empty where it said nothing.
    :ivar answered: what the acceptor said, empty where it said nothing.
    :ivar asked_at: where the trace shows it, ``None`` where it was not said.
    :ivar answered_at: the same of the answer.
    """

    name: str
    asked: str = ""
    answered: str = ""
    asked_at: Place | None = None
    answered_at: Place | None = None


def named(uid: str) -> str:
    """The name of a UID, or the UID itself as plain text where it has none."""
    return plain(name_of(clean_uid(uid)))


def role_text(role: RoleSelection) -> str:
    """``SCU``, ``SCP``, ``SCU and SCP`` or ``none``: what the requestor is to be (PS3.7 D.3.3.4)."""
    said = [name for name, value in (("SCU", role.scu), ("SCP", role.scp)) if value]
    return " and ".join(said) or "none"


class _Said(NamedTuple):
    """One item of one side: what it is about, what it says, and where."""

    name: str
    text: str
    place: Place | None


def compare_information(
    asked: AssociateRQ | None, asked_seq: int, asked_root: Node | None,
    answered: AssociateAC | None, answered_seq: int, answered_root: Node | None,
) -> tuple[Information, ...]:  # fmt: skip
    """Set the two sides beside each other, in the order of the request; what was only answered comes last.

    :param asked_seq: number of the row of the A-ASSOCIATE-RQ in the trace.
    :param asked_root: its decoded tree, for the places of the items.
    """
    rows: dict[tuple[str, int], Information] = {}
    for key, said in _numbered(_side(asked, asked_seq, asked_root)):
        rows[key] = Information(said.name, said.text, asked_at=said.place)
    for key, said in _numbered(_side(answered, answered_seq, answered_root)):
        known = rows.get(key, Information(said.name))
        rows[key] = dataclasses.replace(known, answered=said.text, answered_at=said.place)
        if len(rows) >= MAX_ITEMS:
            break
    return tuple(rows.values())


def _numbered(said: Iterator[_Said]) -> Iterator[tuple[tuple[str, int], _Said]]:
    """With the how-manieth of its name it is: an item that comes twice is compared with the other side's second."""
    seen: dict[str, int] = {}
    for number, one in enumerate(said):
        if number >= MAX_ITEMS:
            return
        seen[one.name] = seen.get(one.name, 0) + 1
        yield (one.name, seen[one.name]), one


def _side(pdu: AssociateRQ | AssociateAC | None, seq: int, root: Node | None) -> Iterator[_Said]:
    if pdu is None:
        return
    nodes = root.children if root is not None else ()
    context = next((node for node in nodes if node.label.startswith("Application context item")), None)
    if pdu.application_context is not None:
        yield _Said("Application context", named(pdu.application_context), _place(seq, context))
    information = pdu.user_information
    if information is None:
        return
    group = next((node for node in nodes if node.label.startswith("User information item")), None)
    places = [node for node in group.children if " sub-item " in node.label] if group is not None else []
    for number, item in enumerate(information.sub_items):
        name, text = _WORDS[type(item)](item)
        yield _Said(name, plain(text, 400), _place(seq, places[number] if number < len(places) else None))


def _place(seq: int, node: Node | None) -> Place | None:
    return Place(seq, node.offset, node.length) if node is not None else None


# -------------------------------------------------------------------------------------------------------------- words


def _max_length(item: MaximumLength) -> tuple[str, str]:
    return "Maximum PDU length", f"{item.length:,} bytes" if item.length else "no limit (0)"


def _implementation(item: ImplementationClassUID) -> tuple[str, str]:
    return "Implementation class UID", clean_uid(item.uid)


def _version(item: ImplementationVersionName) -> tuple[str, str]:
    return "Implementation version", item.name.strip("\0 ")


def _window(item: AsyncOperationsWindow) -> tuple[str, str]:
    invoked, performed = (f"{value:,}" if value else "any number" for value in (item.invoked, item.performed))
    return "Asynchronous operations", f"invokes {invoked}, performs {performed}"


def _role(item: RoleSelection) -> tuple[str, str]:
    return f"Role for {named(item.sop_class_uid)}", role_text(item)


def _extended(item: SOPClassExtendedNegotiation) -> tuple[str, str]:
    info = decode_extended(item.cleaned())
    text = _hex(item.data)
    if info is not None:
        values = {field.name: getattr(info, field.name) for field in dataclasses.fields(info)}
        flags = [name.replace("_", " ") for name, value in values.items() if value is True]
        numbers = [f"{name.replace('_', ' ')} {value}" for name, value in values.items() if not isinstance(value, bool)]
        text = f"{', '.join(flags + numbers) or 'nothing'} ({text})"
    return f"Extended negotiation of {named(item.sop_class_uid)}", text


def _common(item: SOPClassCommonExtendedNegotiation) -> tuple[str, str]:
    related = ", ".join(map(named, item.related))
    text = f"service class {named(item.service_class_uid)}" + (f"; like {related}" if related else "")
    return f"Common extended negotiation of {named(item.sop_class_uid)}", text


_IDENTITIES = {
    UserIdentityType.USERNAME: "user",
    UserIdentityType.USERNAME_AND_PASSCODE: "user",
    UserIdentityType.KERBEROS: "Kerberos service ticket",
    UserIdentityType.SAML: "SAML assertion",
    UserIdentityType.JWT: "JSON web token",
}


def _identity(item: UserIdentityRQ) -> tuple[str, str]:
    """Never the passcode or a ticket: the trace does not have them either."""
    kind = _IDENTITIES.get(UserIdentityType(item.type)) if 1 <= item.type <= 5 else f"unknown type {item.type}"
    if kind == "user":
        text = f"user {item.primary.decode('utf-8', 'backslashreplace')}"
        if item.type == UserIdentityType.USERNAME_AND_PASSCODE:
            text += f", passcode of {len(item.secondary)} bytes (not kept)"
    else:
        text = f"{kind}, {len(item.primary):,} bytes (not kept)"
    return "User identity", text + (", wants a response" if item.positive_response else "")


def _identity_answer(item: UserIdentityAC) -> tuple[str, str]:
    response = f"response of {len(item.response):,} bytes (not kept)" if item.response else "without a response"
    return "User identity", f"accepted, {response}"


def _unknown(item: UnknownSubItem) -> tuple[str, str]:
    return f"Unknown item {item.item_type:02X}H", _hex(item.data)


def _hex(data: bytes) -> str:
    more = f" … {len(data):,} bytes" if len(data) > _SHOWN_BYTES else ""
    return (data[:_SHOWN_BYTES].hex(" ") or "empty") + more


_WORDS: dict[type[UserInfoItem], Callable[[Any], tuple[str, str]]] = {
    MaximumLength: _max_length,
    ImplementationClassUID: _implementation,
    ImplementationVersionName: _version,
    AsyncOperationsWindow: _window,
    RoleSelection: _role,
    SOPClassExtendedNegotiation: _extended,
    SOPClassCommonExtendedNegotiation: _common,
    UserIdentityRQ: _identity,
    UserIdentityAC: _identity_answer,
    UnknownSubItem: _unknown,
}
