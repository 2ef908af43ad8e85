"""Names of actions and events, and of SOP classes as they are typed: what the console of N-services offers."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dicomgui.app.asking.keys import attribute_of
from dicomgui.app.nservices.requests import SOP_CLASSES, NOperation
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.uids import name_of

__all__ = [
    "attributes_text",
    "class_names",
    "class_text",
    "parse_attributes",
    "parse_type",
    "sop_class_title",
    "type_name",
]

_COMMIT, _UPS = "1.2.840.10008.1.20.1", "1.2.840.10008.5.1.4.34.6."
_SESSION, _FILM = "1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.2"
_JOB, _PRINTER, _MEDIA = "1.2.840.10008.5.1.1.14", "1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.33"

_UPS_ACTIONS = {
    1: "change the state", 2: "ask for a cancel", 3: "subscribe", 4: "unsubscribe", 5: "suspend the subscription",
}  # fmt: skip
_UPS_EVENTS = {1: "state", 2: "cancel requested", 3: "progress", 4: "state of the provider", 5: "assigned"}
_ACTIONS: Final = MappingProxyType(
    {
        _COMMIT: {1: "request commitment"}, _SESSION: {1: "print"}, _FILM: {1: "print"},
        _MEDIA: {1: "create media", 2: "cancel"}, "1.2.840.10008.1.40": {1: "record an event"},
    }
)  # fmt: skip
_EVENTS: Final = MappingProxyType(
    {
        _COMMIT: {1: "all committed", 2: "some failed"},
        _JOB: {1: "pending", 2: "printing", 3: "done", 4: "failure"},
        _PRINTER: {1: "normal", 2: "warning", 3: "failure"},
    }
)  # fmt: skip


def type_name(operation: NOperation, sop_class_uid: str, type_id: int | None) -> str:
    """What an action or event of a SOP class is called; empty where there is no name for it."""
    if type_id is None or not operation.needs_type:
        return ""
    is_action = operation is NOperation.ACTION
    if sop_class_uid.startswith(_UPS):
        return (_UPS_ACTIONS if is_action else _UPS_EVENTS).get(type_id, "")
    return (_ACTIONS if is_action else _EVENTS).get(sop_class_uid, {}).get(type_id, "")


def class_names() -> tuple[str, ...]:
    """The keywords of the SOP classes of normalized services, in alphabetical order."""
    return tuple(sorted(SOP_CLASSES))


def class_text(uid: str) -> str:
    """A SOP class as it is typed: its keyword, or its UID where it has none here."""
    return next((keyword for keyword, known in SOP_CLASSES.items() if known == uid), uid)


def parse_type(text: str) -> int | None:
    """The number of an action or event; ``None`` for nothing typed.

    :raises ConfigurationError: it is no number of 16 bits.
    """
    digits = text.strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and int(digits) <= 0xFFFF):
        raise ConfigurationError(f"{digits[:20]!r} is no number of a type", phase="configure", hint="Give 0 to 65535.")
    return int(digits)


def parse_attributes(text: str) -> tuple[int, ...]:
    """Tags from keywords or tags with spaces between them: ``PrinterStatus (2110,0020)``.

    :raises ConfigurationError: there is no such attribute.
    """
    words = text.replace(", ", " ").replace(";", " ").split()
    return tuple(dict.fromkeys(attribute_of(word.rstrip(",")).tag for word in words))


def attributes_text(tags: tuple[int, ...]) -> str:
    """The inverse of :func:`parse_attributes`."""
    return " ".join(attribute_of(f"({tag >> 16:04X},{tag & 0xFFFF:04X})").label for tag in tags)


def sop_class_title(uid: str) -> str:
    """A SOP class for people: its name without what all of them have."""
    return name_of(uid).removesuffix(" SOP Class")
