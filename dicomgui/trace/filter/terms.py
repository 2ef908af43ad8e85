"""What the keys of the filter language mean: for an association, for an exchange, for a row.

A condition knows the levels at which it can be asked. Asked of a level it does not know, it is true of an exchange or
an association if it is true of anything in it, and of a row if it is true of the exchange or association it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from dicomgui.network.pdu import PduType
from dicomgui.network.status import Category, Status
from dicomgui.network.tracing import Direction, Role
from dicomgui.trace.exchanges import ExchangeTable, operation_name
from dicomgui.trace.filter.condition import MarkTest, Test
from dicomgui.trace.filter.content import bytes_content, tag_content, text_content
from dicomgui.trace.filter.facts import AssociationFacts
from dicomgui.trace.filter.grammar import Filter, FilterError, Term
from dicomgui.trace.filter.values import (
    BYTES,
    COUNTS,
    IS,
    LIKE,
    ORDER,
    SECONDS,
    affirmed,
    any_like,
    bad,
    choice,
    compared,
    like,
    uid_like,
)
from dicomgui.trace.index import FAILED, PDU_KIND, RECEIVED, SENT, kind_number
from dicomgui.trace.marks import COLORS
from dicomgui.trace.summary import Outcome

__all__ = ["KEYS", "WORDS", "Key", "MarkTest", "Test", "check", "test_of"]


@dataclass(frozen=True, slots=True)
class Key:
    """A key or word of the language, for completion and help.

    :ivar name: as it is typed.
    :ivar help: what it means, in a few words.
    :ivar signs: which signs it takes; empty for a word.
    :ivar values: usual values.
    """

    name: str
    help: str
    signs: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    build: Callable[[Term], Test] = field(default=lambda term: Test(), repr=False)


def test_of(term: Term) -> Test:
    """The meaning of a term.

    :raises FilterError: the key is unknown, takes no such sign, or the value is none for it.
    """
    known = _BY_NAME.get(term.key)
    if known is None:
        if not term.sign:
            return _text(term, term.key)
        raise FilterError(
            f"There is no key “{term.key}”. Some keys are op, status, peer, time, tag and bytes.",
            term.offset,
            len(term.key),
        )
    if not known.signs and term.sign:
        raise FilterError(f"“{term.key}” is a word of its own and takes no value.", term.offset, term.end - term.offset)
    if known.signs and not term.sign:
        raise FilterError(
            f"“{term.key}” needs a value, for example {term.key}{known.signs[0]}{known.values[0]}.", term.end, 0
        )
    if term.sign and term.sign not in known.signs:
        raise FilterError(
            f"“{term.key}” takes {' '.join(known.signs)} and not “{term.sign}”.", term.offset + len(term.key), 1
        )
    return known.build(term)


def check(filter_: Filter) -> None:
    """See whether all of a filter means something.

    :raises FilterError: a key is unknown, or a value is none for its key.
    """
    for term in filter_.terms():
        test_of(term)


# --------------------------------------------------------------------------------------------------------- exchanges


def _operation(term: Term) -> Test:
    wanted, negated = term.value.casefold(), term.negated
    if wanted.endswith("*"):
        return Test(exchange=lambda table, n: _name(table, n).startswith(wanted[:-1]) != negated)
    names = {wanted, f"c-{wanted}", f"n-{wanted}"}
    if wanted == "c-cancel":
        return Test(exchange=lambda table, n: (n in table.cancelled) != negated)
    if not names & _OPERATIONS:
        raise bad(term, f"“{term.value[:40]}” is no DIMSE operation. Possible are {', '.join(sorted(_OPERATIONS))}.")
    return Test(exchange=lambda table, n: (_name(table, n) in names) != negated)


def _name(table: ExchangeTable, number: int) -> str:
    return operation_name(table.command_field[number]).casefold()


_OPERATIONS = {
    *("c-echo", "c-store", "c-find", "c-move", "c-get", "c-cancel"),
    *("n-event-report", "n-get", "n-set", "n-action", "n-create", "n-delete"),
}
_CATEGORIES = {category.value: category for category in Category}
_HEX_STATUS = re.compile(r"(?:0x)?([0-9a-fx]{4})h?", re.ASCII)


def _status(term: Term) -> Test:
    value, negated = term.value.casefold(), term.negated
    category = _CATEGORIES.get(value)
    if category is Category.PENDING:
        return Test(exchange=lambda table, n: (table.pending[n] > 0) != negated)
    if category is not None:
        return _told_status(lambda status: (Status(status).category is category) != negated)
    if value == "none":
        return Test(exchange=lambda table, n: (table.status[n] < 0) != negated)
    match = _HEX_STATUS.fullmatch(value)
    if match is None:
        raise bad(term, f"“{term.value[:40]}” is no status. It is four hexadecimal digits (x for any), or a category.")
    digits = match[1]
    mask = int("".join("0" if digit == "x" else "f" for digit in digits), 16)
    wanted = int(digits.replace("x", "0"), 16)
    return _told_status(lambda status: (status & mask == wanted) != negated)


def _told_status(passes: Callable[[int], bool]) -> Test:
    """About the final status, where there is one: an open exchange is neither 0000 nor not 0000."""
    return Test(exchange=lambda table, n: table.status[n] >= 0 and passes(table.status[n]))


def _sop_class(term: Term) -> Test:
    alike = uid_like(term)
    known: dict[int, bool] = {}

    def passes(table: ExchangeTable, number: int) -> bool:
        place = table.sop_class[number]
        if place not in known:
            known[place] = alike(table.sop_classes[place])
        return known[place]

    return Test(exchange=passes)


def _seconds(term: Term) -> Test:
    compare = compared(term, SECONDS)
    return Test(
        association=lambda facts: compare(facts.summary.duration_s),
        exchange=lambda table, n: bool(table.ended[n]) and compare(max(0.0, table.ended[n] - table.began[n])),
    )


def _thinking(term: Term) -> Test:
    compare = compared(term, SECONDS)
    return Test(
        exchange=lambda table, n: (
            bool(table.first[n] and table.sent[n]) and compare(max(0.0, table.first[n] - table.sent[n]))
        )
    )


def _size(term: Term) -> Test:
    compare = compared(term, BYTES)
    return Test(
        association=lambda facts: compare(facts.summary.bytes_sent + facts.summary.bytes_received),
        exchange=lambda table, n: compare(table.request_bytes[n] + table.response_bytes[n]),
        length=compare,
    )


def _pending(term: Term) -> Test:
    compare = compared(term, COUNTS)
    return Test(exchange=lambda table, n: compare(table.pending[n]))


def _message_id(term: Term) -> Test:
    compare = compared(term, {"": 1.0})
    return Test(exchange=lambda table, n: compare(table.message_id[n]))


def _exchange_number(term: Term) -> Test:
    compare = compared(term, {"": 1.0})
    return Test(exchange=lambda table, n: compare(n))


def _story(term: Term) -> Test:
    """An exchange, what caused it and what it caused."""
    compare = compared(term, {"": 1.0})
    return Test(exchange=lambda table, n: compare(n) or compare(table.parent[n]))


def _destination(term: Term) -> Test:
    alike = like(term)
    return Test(exchange=lambda table, n: n in table.destination and alike(table.destination[n]))


def _comment_of_peer(term: Term) -> Test:
    alike = like(term)
    return Test(exchange=lambda table, n: n in table.comment and alike(table.comment[n]))


# ------------------------------------------------------------------------------------------------------ associations


def _peer(term: Term) -> Test:
    alike = any_like(term)
    return Test(association=lambda facts: alike((facts.summary.peer, facts.peer_ae)))


def _calling(term: Term) -> Test:
    alike = like(term)
    return Test(association=lambda facts: alike(facts.summary.calling_ae))


def _called(term: Term) -> Test:
    alike = like(term)
    return Test(association=lambda facts: alike(facts.summary.called_ae))


def _association_number(term: Term) -> Test:
    compare = compared(term, {"": 1.0})
    return Test(association=lambda facts: compare(facts.summary.association))


def _outcome(term: Term) -> Test:
    wanted, negated = choice(term, {outcome.value: outcome for outcome in Outcome}), term.negated
    return Test(association=lambda facts: (facts.summary.outcome is wanted) != negated)


def _role(term: Term) -> Test:
    wanted, negated = choice(term, {role.name.lower(): role for role in Role}), term.negated
    return Test(association=lambda facts: (facts.summary.role is wanted) != negated)


def _context_result(term: Term) -> Test:
    compare = compared(term, {"": 1.0})
    return Test(association=lambda facts: any(compare(context.result) for context in facts.contexts()))


def _context(term: Term) -> Test:
    alike = uid_like(affirmed(term))
    return Test(
        association=lambda facts: any(alike(context.abstract_syntax) for context in facts.contexts()) != term.negated
    )


def _transfer_syntax(term: Term) -> Test:
    alike = uid_like(affirmed(term))

    def passes(facts: AssociationFacts) -> bool:
        taken = (context.accepted_syntax for context in facts.contexts() if context.accepted_syntax)
        return any(map(alike, taken)) != term.negated

    return Test(association=passes)


def _tls(term: Term) -> Test:
    return Test(association=lambda facts: facts.summary.tls)


# -------------------------------------------------------------------------------------------------------------- rows

_PDUS = {
    "a-associate-rq": PduType.ASSOCIATE_RQ,
    "a-associate-ac": PduType.ASSOCIATE_AC,
    "a-associate-rj": PduType.ASSOCIATE_RJ,
    "p-data-tf": PduType.P_DATA_TF,
    "a-release-rq": PduType.RELEASE_RQ,
    "a-release-rp": PduType.RELEASE_RP,
    "a-abort": PduType.ABORT,
}
_SHORT_PDUS = {
    "rq": "a-associate-rq", "ac": "a-associate-ac", "rj": "a-associate-rj", "data": "p-data-tf", "p-data": "p-data-tf",
    "abort": "a-abort", "release": "a-release-rq",
}  # fmt: skip
_WAYS = {"sent": SENT, "out": SENT, "received": RECEIVED, "in": RECEIVED}
_EVENTS = ("bytes", "cancel", "close", "connect", "dimse", "file", "listen", "note", "refuse", "resolve", "state",
           "timer", "tls")  # fmt: skip


def _kinds(numbers: set[int], *, negated: bool) -> bytes:
    return bytes((number in numbers) != negated for number in range(256))


def _pdu(term: Term) -> Test:
    value = _SHORT_PDUS.get(term.value.casefold(), term.value.casefold())
    if value not in _PDUS:
        raise bad(term, f"“{term.value[:40]}” is no PDU. Possible are {', '.join(_PDUS)}.")
    return Test(kinds=_kinds({PDU_KIND + _PDUS[value]}, negated=term.negated))


def _event(term: Term) -> Test:
    value = term.value.casefold()
    if value not in _EVENTS:
        raise bad(term, f"“{term.value[:40]}” is no kind of event. Possible are {', '.join(_EVENTS)}.")
    return Test(kinds=_kinds({kind_number(value)}, negated=term.negated))


def _way(term: Term) -> Test:
    wanted, negated = choice(term, dict(_WAYS)), term.negated
    direction = Direction.SENT if wanted == SENT else Direction.RECEIVED
    flags = bytes(bool(value & int(str(wanted))) != negated for value in range(256))
    return Test(exchange=lambda table, n: (table.direction[n] == direction) != negated, flags=flags)


def _bytes(term: Term) -> Test:
    try:
        return Test(content=bytes_content(term.value, negated=term.negated))
    except ValueError:
        raise bad(term, 'Bytes are pairs of hexadecimal digits, for example bytes:"16 03".') from None


def _text(term: Term, value: str) -> Test:
    if not value:
        raise bad(term, "There is no text to look for.")
    return Test(content=text_content(value, negated=term.negated))


def _tag(term: Term) -> Test:
    try:
        if term.argument:
            return Test(content=tag_content(term.argument, term.sign, term.value, negated=term.negated))
        return Test(content=tag_content(term.value, "", "", negated=term.negated))
    except ValueError as error:
        raise bad(term, str(error)) from None


def _failed(term: Term) -> Test:
    bad = {Outcome.REJECTED, Outcome.ABORTED, Outcome.REFUSED, Outcome.FAILED, Outcome.LOST}
    return Test(
        association=lambda facts: facts.summary.outcome in bad or facts.summary.failures > 0,
        exchange=lambda table, n: _status_is(table, n, Category.FAILURE) or _counted_failures(table, n),
        flags=bytes(bool(value & FAILED) for value in range(256)),
    )


def _warned(term: Term) -> Test:
    return Test(
        association=lambda facts: facts.summary.warnings > 0,
        exchange=lambda table, n: _status_is(table, n, Category.WARNING),
    )


def _status_is(table: ExchangeTable, number: int, category: Category) -> bool:
    status = table.status[number]
    return status > 0 and Status(status).category is category


def _counted_failures(table: ExchangeTable, number: int) -> bool:
    return number in table.counts and table.counts[number].failed > 0


def _still_open(term: Term) -> Test:
    return Test(
        association=lambda facts: facts.summary.outcome in (Outcome.CONNECTING, Outcome.OPEN),
        exchange=lambda table, n: not table.ended[n],
    )


def _marked(term: Term) -> Test:
    return Test(marks=MarkTest(lambda marked, color, comment: marked))


def _commented(term: Term) -> Test:
    return Test(marks=MarkTest(lambda marked, color, comment: bool(comment)))


def _note(term: Term) -> Test:
    alike = like(term)
    return Test(marks=MarkTest(lambda marked, color, comment: bool(comment) and alike(comment)))


def _color(term: Term) -> Test:
    wanted, negated = choice(term, {name: name for name in COLORS}), term.negated
    return Test(marks=MarkTest(lambda marked, color, comment: (color == wanted) != negated))


_TIMES = ("500ms", "1s", "10s")
KEYS: tuple[Key, ...] = (
    Key("op", "DIMSE operation", IS, tuple(sorted(_OPERATIONS)), _operation),
    Key("status", "final status, x for any digit; or a category", IS,
        ("0000", "!0000", "a7xx", "a801", "failure", "warning", "pending", "cancel", "none"), _status),
    Key("peer", "address or AE title of the other side", LIKE, ("PACS",), _peer),
    Key("calling", "AE title of who asked for the association", LIKE, ("ME",), _calling),
    Key("called", "AE title that was called", LIKE, ("PACS",), _called),
    Key("role", "what we were in the association", IS, ("requestor", "acceptor"), _role),
    Key("outcome", "how the association ended", IS, tuple(outcome.value for outcome in Outcome), _outcome),
    Key("assoc", "number of the association", ORDER, ("1",), _association_number),
    Key("exchange", "number of the exchange", ORDER, ("1",), _exchange_number),
    Key("story", "an exchange with what it caused, by its number", IS, ("1",), _story),
    Key("id", "Message ID", ORDER, ("1",), _message_id),
    Key("class", "SOP class, by name or UID", LIKE, ("CT", "Verification"), _sop_class),
    Key("ctx", "proposed abstract syntax, by name or UID", LIKE, ("CT", "Verification"), _context),
    Key("ctx.result", "result of a presentation context: 0 accepted, 3 and 4 refused", ORDER, ("3", "4", "!0"),
        _context_result),
    Key("syntax", "accepted transfer syntax, by name or UID", LIKE, ("Implicit", "JPEG"), _transfer_syntax),
    Key("to", "move destination", LIKE, ("ME",), _destination),
    Key("error", "error comment of the peer", LIKE, ("disk",), _comment_of_peer),
    Key("time", "duration", ORDER, _TIMES, _seconds),
    Key("think", "time from the request's end to the first response", ORDER, _TIMES, _thinking),
    Key("size", "bytes on the wire", ORDER, ("1MB", "100kB"), _size),
    Key("pending", "number of pending responses", ORDER, ("0", "100"), _pending),
    Key("pdu", "type of PDU", IS, tuple(_PDUS), _pdu),
    Key("event", "kind of event", IS, _EVENTS, _event),
    Key("dir", "which way, seen from us", IS, ("sent", "received"), _way),
    Key("tag", "an element and its value: tag:0010,0020~\"12\"", LIKE, ("0010,0020", "PatientID"), _tag),
    Key("bytes", "bytes of a PDU, in hexadecimal", IS, ("\"16 03\"",), _bytes),
    Key("text", "text anywhere in a record", LIKE, ("\"DOE\"",), lambda term: _text(term, term.value)),
    Key("comment", "your comment on a row", LIKE, ("\"look\"",), _note),
    Key("color", "your colour of a row", IS, COLORS, _color),
)  # fmt: skip
WORDS: tuple[Key, ...] = (
    Key("failed", "what went wrong", build=_failed),
    Key("warning", "what ended with a warning", build=_warned),
    Key("open", "what has not ended", build=_still_open),
    Key("tls", "over TLS", build=_tls),
    Key("marked", "rows that you marked", build=_marked),
    Key("commented", "rows that you commented", build=_commented),
)
_BY_NAME = {key.name: key for key in (*KEYS, *WORDS)}
