"""Rules and numbers of answers as they are typed into a table, and back."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Final

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.rules import ANY, OPERATIONS, RULED, AnswerRule, Basic, RuledService
from dicomgui.network.errors import ConfigurationError

__all__ = [
    "NEW_RULE",
    "RULE_TITLES",
    "SERVICE_NAMES",
    "number_of",
    "problem_of_rule",
    "rule_from_text",
    "rule_of",
    "status_of",
    "texts_of_rule",
]

SERVICE_NAMES: Final[dict[RuledService, str]] = {
    Provided.WORKLIST: "Worklist",
    Provided.MPPS: "MPPS",
    Provided.COMMITMENT: "Storage commitment",
    Provided.PRINT: "Print",
    Provided.MEDIA: "Media creation",
    Provided.UPS: "UPS",
    Provided.NOTIFICATIONS: "Notifications",
    Basic.ASSOCIATION: "Association",
    Basic.ECHO: "Echo",
    Provided.STORE: "Store",
    Provided.QUERY: "Query",
    Provided.MOVE: "Move",
    Provided.GET: "Get",
}
"""The services for people, in their order."""

RULE_TITLES: Final = {
    "on": "On", "service": "Service", "operation": "Operation", "every": "Every nth", "delay_ms": "Delay, ms",
    "status": "Status", "comment": "Error comment", "attributes": "Attributes of the answer", "end": "Instead",
    "caller": "From AE title", "address": "From address", "sop_class": "For SOP class",
}  # fmt: skip
"""The columns of the table of rules, by name."""

ON: Final = "on"
NEW_RULE: Final[Mapping[str, str]] = {
    "on": ON, "service": "MPPS", "operation": ANY, "every": "1", "delay_ms": "0", "status": "", "comment": "",
    "attributes": "", "end": "", "caller": "", "address": "", "sop_class": "",
}  # fmt: skip
"""What a new row says: nothing but what would be answered anyway."""

_STATUS: Final = re.compile(r"(?:0x)?([0-9A-Fa-f]{4})H?")


def rule_of(texts: Mapping[str, str]) -> AnswerRule:
    """The rule that a row says.

    :raises ConfigurationError: says what is wrong.
    """
    services = {name.casefold(): service for service, name in SERVICE_NAMES.items()}
    service = services.get(texts["service"].strip().casefold())
    if service is None or service not in RULED:
        raise _wrong(f"{texts['service']!r} is none of {', '.join(SERVICE_NAMES.values())}")
    operation = next((one for one in OPERATIONS if one.casefold() == texts["operation"].strip().casefold()), None)
    if operation is None:
        raise _wrong(f"{texts['operation']!r} is none of {', '.join(OPERATIONS)}")
    return AnswerRule(
        service,
        operation,
        status_of(texts["status"]),
        texts["comment"].strip(),
        number_of(texts["delay_ms"], "a delay"),
        number_of(texts["every"] or "1", "every nth"),
        texts["attributes"].strip(),
        texts["on"] == ON,
        texts["end"].strip(),
        texts["caller"].strip(),
        texts["address"].strip(),
        texts["sop_class"].strip(),
    )


_SHORT: Final = {"delay": "delay_ms", "every": "every", "status": "status", "comment": "comment",
                 "attributes": "attributes", "end": "end", "from": "caller", "address": "address",
                 "class": "sop_class"}  # fmt: skip


def rule_from_text(text: str) -> AnswerRule:
    """A rule as one writes it on a command line: ``mpps N-CREATE status=0110 comment='no room' delay=500 every=2``.

    The service comes first, by its name in settings; then perhaps an operation; then what is answered, ``delay`` in
    milliseconds, ``attributes`` as ``path=value`` between semicolons, and ``end``; and whom it is for: ``from`` (a
    calling AE title with ``*`` and ``?``), ``address`` (one, or a range), ``class`` (a SOP class).

    :raises ConfigurationError: says what is wrong.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _wrong(f"{text!r} is no rule: {error}") from error
    service = next((one for one in RULED if words and one.value == words[0].casefold()), None)
    if service is None:
        raise _wrong(f"a rule begins with one of {', '.join(one.value for one in RULED)}: {text!r}")
    texts = {**NEW_RULE, "service": SERVICE_NAMES[service]}
    rest = words[1:]
    if rest and "=" not in rest[0]:
        texts["operation"] = rest.pop(0)
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals or name not in _SHORT:
            raise _wrong(f"{word!r} is none of {', '.join(f'{one}=…' for one in _SHORT)}")
        texts[_SHORT[name]] = value
    return rule_of(texts)


def problem_of_rule(texts: Mapping[str, str]) -> tuple[str, str]:
    """What is wrong with a row: the name of the cell and a sentence, which is empty for nothing."""
    for name in ("service", *NEW_RULE):
        try:
            rule_of({**NEW_RULE, "service": texts["service"], name: texts[name]})
        except ConfigurationError as error:
            return name, str(error)
    return "", ""


def texts_of_rule(rule: AnswerRule) -> dict[str, str]:
    """The row of a rule."""
    return {
        "on": ON if rule.is_on else "", "service": SERVICE_NAMES[rule.service], "operation": rule.operation,
        "every": str(rule.every), "delay_ms": str(rule.delay_ms),
        "status": "" if rule.status is None else f"{rule.status:04X}", "comment": rule.comment,
        "attributes": rule.attributes, "end": rule.end, "caller": rule.caller, "address": rule.address,
        "sop_class": rule.sop_class,
    }  # fmt: skip


def status_of(text: str) -> int | None:
    """A status as it is typed, ``A700`` or ``0xA700``; ``None`` for an empty text.

    :raises ConfigurationError: it is none.
    """
    if not text.strip():
        return None
    match = _STATUS.fullmatch(text.strip())
    if match is None:
        raise _wrong(f"{text.strip()!r} is no status: four hexadecimal digits, such as A700")
    return int(match[1], 16)


def number_of(text: str, what: str) -> int:
    """A whole number from 0 on; an empty text is 0.

    :raises ConfigurationError: it is none.
    """
    plain = text.strip().replace(",", "")
    if not plain:
        return 0
    if not plain.isascii() or not plain.isdigit() or len(plain) > 9:
        raise _wrong(f"{what}: {text.strip()!r} is no whole number")
    return int(plain)


def _wrong(reason: str) -> ConfigurationError:
    return ConfigurationError(reason, phase="configure")
