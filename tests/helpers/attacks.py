"""What hostile and broken peers send to a listener, as tables: a name, the bytes, and the answer that PS3.8 asks for.

Each table is a class of attacks; the tests of `tests/integration/test_attacks_*.py` play them against a listener in
their own process, and against `dicomgui listen`.
"""

from __future__ import annotations

import random

from helpers.bad_peer import (
    APPLICATION,
    CONTEXTS,
    CT,
    GOOD_AC,
    GOOD_RQ,
    IMPLICIT,
    MR,
    RELEASE_RP,
    RELEASE_RQ,
    USER,
    VERIFICATION,
    Attack,
    associate,
    command,
    context_rq,
    dataset,
    echo_elements,
    echo_rq,
    element,
    item,
    pdata,
    pdu,
    pdv,
    response,
    store_elements,
    store_rq,
    user_information,
)

from dicomgui.network.dimse.commands import CommandField

# The answers: source and reason of an A-ABORT, or result, source and reason of an A-ASSOCIATE-RJ.
BY_USER = (0, 0)
UNRECOGNIZED = (2, 1)
UNEXPECTED = (2, 2)
UNEXPECTED_PARAMETER = (2, 5)
INVALID = (2, 6)
BAD_VERSION = (1, 2, 2)
BAD_APPLICATION = (1, 1, 2)
ACCEPTED = "AC"

# --- PDUs -------------------------------------------------------------------------------------------------------------

ABORT_PDU = bytes.fromhex("07000000000400000000")
RJ_PDU = bytes.fromhex("03000000000400010107")
TLS_HELLO = bytes.fromhex("160301020001000001fc0303") + bytes(range(256)) * 2
_random = random.Random(2026)

NOT_DICOM = [
    Attack("http", b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n", BY_USER),
    Attack("http-post", b"POST /dicom-web/studies HTTP/1.1\r\nContent-Length: 9999\r\n\r\n" + bytes(4000), BY_USER),
    Attack("tls", TLS_HELLO, BY_USER),
    Attack("sslv2", bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0"), BY_USER),
    Attack("ssh", b"SSH-2.0-OpenSSH_9.2p1\r\n", BY_USER),
    Attack("mllp", b"\x0bMSH|^~\\&|HIS|RIS\x1c\r", BY_USER),
    Attack("telnet", b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23", BY_USER),
    Attack("zeros", bytes(100), BY_USER),
    Attack("ones", b"\xff" * 100, BY_USER),
    Attack("preamble of a file", bytes(128) + b"DICM" + bytes(500), BY_USER),
    Attack("bare command set", bytes.fromhex("0000000004000000380000000000020012000000"), BY_USER),
    *(
        Attack(f"random {n}", bytes([kind]) + _random.randbytes(size), BY_USER)
        for n, (kind, size) in enumerate((_random.randrange(8, 256), _random.randrange(5, 3000)) for _ in range(6))
    ),
]

LENGTHS = {0: b"", 1: b"\0", 3: bytes(3), 0xFFFFFFFF: b"\0"}
"""Lengths that no PDU has, and what follows of it."""


def of_lengths(kinds: tuple[int, ...], answer: tuple[int, ...]) -> list[Attack]:
    """PDUs of these types with each of the lengths."""
    names = {kind: f"type {kind:02X}H" for kind in kinds}
    return [
        Attack(f"{names[kind]} of length {length}", pdu(kind, body, length), answer)
        for kind in kinds
        for length, body in LENGTHS.items()
    ]


BEFORE = [
    *of_lengths((1, 2, 3, 4, 5, 6, 7), BY_USER),
    Attack("associate-ac", GOOD_AC, BY_USER),
    Attack("associate-rj", RJ_PDU, BY_USER),
    Attack("p-data", echo_rq(), BY_USER),
    Attack("p-data of 4 GiB", pdu(4, b"", 0xFFFFFFFF), BY_USER),
    Attack("release-rq", RELEASE_RQ, BY_USER),
    Attack("release-rp", RELEASE_RP, BY_USER),
    Attack("abort", ABORT_PDU, None),
    *(Attack(f"type {kind:02X}H", pdu(kind, b"abcd"), BY_USER) for kind in (0x00, 0x08, 0x10, 0x41, 0x80, 0xFF)),
    Attack("rq of length 0", pdu(1), BY_USER),
    Attack("rq of length 1", pdu(1, b"x"), BY_USER),
    Attack("rq one byte too short", pdu(1, GOOD_RQ[6:73]), BY_USER),
    Attack("rq over the limit", pdu(1, b"", 1_048_577), BY_USER),
    Attack("rq longer than its items by 1", associate(length=len(GOOD_RQ) - 6 + 1) + b"\0", BY_USER),
    Attack("rq shorter than its items by 1", associate(length=len(GOOD_RQ) - 6 - 1), BY_USER),
    Attack("abort of length 0", pdu(7), BY_USER),
    Attack("release of length 0", pdu(5), BY_USER),
    Attack("release of 4 GiB", pdu(5, b"", 0xFFFFFFFF), BY_USER),
]

IN_ASSOCIATION = [
    *of_lengths((1, 2, 3, 4, 5, 6, 7), INVALID),
    Attack("associate-rq", GOOD_RQ, UNEXPECTED),
    Attack("associate-ac", GOOD_AC, UNEXPECTED),
    Attack("associate-rj", RJ_PDU, UNEXPECTED),
    Attack("release-rp", RELEASE_RP, UNEXPECTED),
    Attack("associate-rq that is broken", associate(b"\x20\0\xff\xff"), INVALID),
    Attack("release-rq", RELEASE_RQ, "RP"),
    Attack("release-rq of length 8", pdu(5, bytes(8)), "RP"),
    Attack("release-rq of length 0", pdu(5), INVALID),
    Attack("release-rq of 2 KiB", pdu(5, bytes(2048)), INVALID),
    Attack("abort", ABORT_PDU, None),
    Attack("abort of the provider, unknown reason", pdu(7, b"\0\0\x02\xff"), None),
    Attack("abort with a reserved source", pdu(7, b"\0\0\x01\x00"), None),
    Attack("abort of length 8", pdu(7, bytes(8)), None),
    Attack("abort of length 3", pdu(7, bytes(3)), INVALID),
    *(Attack(f"type {kind:02X}H", pdu(kind, b"abcd"), UNRECOGNIZED) for kind in (0x00, 0x08, 0x80, 0xFF)),
    Attack("http", b"GET / HTTP/1.1\r\n\r\n", UNRECOGNIZED),
    *(Attack(f"p-data of length {n}", pdu(4, bytes(n)), INVALID) for n in (0, 1, 2, 5)),
    Attack("p-data of 4 GiB", pdu(4, b"", 0xFFFFFFFF), INVALID),
    Attack("p-data over the limit, header only", pdu(4, b"", 131_073), INVALID),
    Attack("p-data over the limit, whole", pdata(pdv(1, 3, bytes(131_068))), INVALID),
]


REQUEST_HEADS = [
    *(Attack(f"version {n:04X}H", associate(version=n), BAD_VERSION) for n in (0, 2, 0x0100, 0xFFFE)),
    *(Attack(f"version {n:04X}H", associate(version=n), ACCEPTED) for n in (3, 0x8001, 0xFFFF)),
    Attack("application context unknown", associate(item(0x10, b"1.2.3"), CONTEXTS, USER), BAD_APPLICATION),
    Attack("application context empty", associate(item(0x10, b""), CONTEXTS, USER), BAD_APPLICATION),
    Attack("application context missing", associate(CONTEXTS, USER), BAD_APPLICATION),
    Attack("application context of 60,000 bytes", associate(item(0x10, b"1" * 60_000), CONTEXTS, USER), (1, 1, 2)),
    Attack("application context doubled", associate(APPLICATION, APPLICATION, CONTEXTS, USER), ACCEPTED),
    Attack("application context last", associate(USER, CONTEXTS, APPLICATION), ACCEPTED),
    Attack("application context padded", associate(item(0x10, APPLICATION[4:] + b"\0"), CONTEXTS, USER), ACCEPTED),
    *(
        Attack(f"AE titles {title!r}", associate(called=title, calling=title), ACCEPTED)
        for title in (
            b"",
            bytes(16),
            b"\r\nX: y\t",
            b"A\\B",
            b"\x1b[2J",
            b"\xff\xfe\xe4",
            b"../../etc/passwd",
            b"<b>&nbsp;</b>",
        )
    ),
]


def reserved(request: bytes) -> bytes:
    """An A-ASSOCIATE-RQ with every reserved byte set: none of them is to be tested (PS3.8 9.3.1)."""
    made = bytearray(request)
    made[1] = made[8] = made[9] = 0xFF
    made[42:74] = b"\xff" * 32
    _reserve(made, 74, len(made))
    return bytes(made)


def _reserve(made: bytearray, at: int, end: int) -> None:
    """The same for the items between two places, and for what is in them."""
    while at < end:
        kind, after = made[at], at + 4 + int.from_bytes(made[at + 2 : at + 4], "big")
        made[at + 1] = 0xFF
        if kind == 0x20:
            made[at + 5 : at + 8] = b"\xff" * 3
        if kind in (0x20, 0x50):
            _reserve(made, at + (8 if kind == 0x20 else 4), after)
        at = after


REQUEST_CONTEXTS = [
    Attack("no context", associate(APPLICATION, USER), BY_USER),
    Attack("even id", associate(APPLICATION, context_rq(2, VERIFICATION, IMPLICIT), USER), BY_USER),
    Attack("id 0", associate(APPLICATION, context_rq(0, VERIFICATION, IMPLICIT), USER), BY_USER),
    Attack("id twice", associate(APPLICATION, CONTEXTS, context_rq(1, CT, IMPLICIT), USER), BY_USER),
    Attack(
        "129 contexts",
        associate(APPLICATION, *(context_rq((2 * n + 1) % 256, VERIFICATION, IMPLICIT) for n in range(129)), USER),
        BY_USER,
    ),
    Attack("context of the answer's type", associate(APPLICATION, b"\x21" + CONTEXTS[1:], USER), ACCEPTED),
    Attack("context too short for an id", associate(APPLICATION, item(0x20, b"\1\0"), USER), BY_USER),
    Attack("context without abstract syntax", associate(APPLICATION, item(0x20, b"\1\0\0\0"), USER), ACCEPTED),
    Attack(
        "context with two abstract syntaxes",
        associate(APPLICATION, CONTEXTS + item(0x20, b"\x09\0\0\0" + item(0x30, b"1.2") * 2), USER),
        ACCEPTED,
    ),
    Attack("context longer than the PDU", associate(APPLICATION, b"\x20\0\xff\xff" + CONTEXTS[4:], USER), BY_USER),
    Attack(
        "syntax longer than its context",
        associate(APPLICATION, item(0x20, b"\1\0\0\0" + item(0x30, b"1.2", 99)), USER),
        BY_USER,
    ),
    Attack(
        "syntax shorter than its text",
        associate(APPLICATION, item(0x20, b"\1\0\0\0" + item(0x30, b"1.2.840", 2)), USER),
        BY_USER,
    ),
    Attack("context in a context", associate(APPLICATION, item(0x20, b"\1\0\0\0" + CONTEXTS), USER), ACCEPTED),
    Attack(
        "contexts 40 deep",
        associate(APPLICATION, CONTEXTS, *[item(0x20, b"\x09\0\0\0" + b"\x20\0\0\0" * 40)], USER),
        ACCEPTED,
    ),
]

USER_ITEMS = [
    Attack("none", associate(APPLICATION, CONTEXTS), ACCEPTED),
    Attack("reserved bytes all set", reserved(GOOD_RQ), ACCEPTED),
    Attack("empty", associate(APPLICATION, CONTEXTS, item(0x50, b"")), ACCEPTED),
    Attack("doubled", associate(APPLICATION, CONTEXTS, USER, USER), ACCEPTED),
    Attack("first", associate(USER, APPLICATION, CONTEXTS), ACCEPTED),
    Attack("longer than the PDU", associate(APPLICATION, CONTEXTS, b"\x50\0\xff\xff" + USER[4:]), BY_USER),
    Attack(
        "sub-item longer than it", associate(APPLICATION, CONTEXTS, user_information(b"\x55\0\xff\xffABC")), BY_USER
    ),
    Attack("three bytes left over", associate(APPLICATION, CONTEXTS, user_information(b"\x55\0\0")), BY_USER),
    Attack(
        "8,000 unknown sub-items", associate(APPLICATION, CONTEXTS, user_information(b"\x77\0\0\0" * 8_000)), ACCEPTED
    ),
    Attack(
        "10,000 unknown sub-items",
        associate(APPLICATION, CONTEXTS, user_information(b"\x77\0\0\0" * 10_000)),
        BY_USER,
    ),
    Attack(
        "unknown sub-items of data",
        associate(APPLICATION, CONTEXTS, user_information(item(0x60, b"\xff" * 999))),
        ACCEPTED,
    ),
    Attack("unknown items", associate(APPLICATION, item(0x99, b"?" * 9), CONTEXTS, item(0x00, b""), USER), ACCEPTED),
    *(
        Attack(f"maximum length {n}", associate(APPLICATION, CONTEXTS, user_information(max_length=n)), ACCEPTED)
        for n in (None, 0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF)
    ),
]

_BROKEN_SUB_ITEMS = [
    (0x51, b""), (0x51, b"\0\0\1"), (0x51, bytes(5)),
    (0x53, b""), (0x53, b"\0\1\0"), (0x53, bytes(5)),
    (0x54, b""), (0x54, b"\0"), (0x54, b"\0\xff1.2"), (0x54, b"\0\x031.2"), (0x54, b"\0\x031.2\1"),
    (0x56, b""), (0x56, b"\0"), (0x56, b"\xff\xff1.2"),
    (0x57, b""), (0x57, b"\0\xff1.2"), (0x57, b"\0\x031.2\0\x031.3"), (0x57, b"\0\x031.2\0\x031.3\0\xff"),
    (0x58, b""), (0x58, b"\1"), (0x58, b"\1\0\0\xffuser"), (0x58, b"\2\0\0\4user"), (0x58, b"\2\0\0\4user\0\xff"),
]  # fmt: skip
SUB_ITEMS = [
    Attack(
        f"{kind:02X}H {data.hex() or 'empty'}",
        associate(APPLICATION, CONTEXTS, user_information(item(kind, data), max_length=None if kind == 0x51 else 0)),
        BY_USER,
    )
    for kind, data in _BROKEN_SUB_ITEMS
]
ODD_SUB_ITEMS = [
    Attack(name, associate(APPLICATION, CONTEXTS, user_information(item(kind, data))), ACCEPTED)
    for name, kind, data in (
        ("second implementation class", 0x52, b"9.9.9"),
        ("implementation class that is no UID", 0x52, b"<script>"),
        ("version name of 1,000 bytes", 0x55, b"x" * 1000),
        ("version name of controls", 0x55, b"\x1b]0;owned\x07"),
        ("window of nothing", 0x53, bytes(4)),
        ("role of 255", 0x54, b"\0\x031.2\xff\xff"),
        ("role of a UID that is none", 0x54, b"\0\x03../\0\1"),
        ("extended negotiation of garbage", 0x56, b"\0\x031.2" + b"\xff" * 100),
        ("identity of an unknown type", 0x58, b"\xc8\1\0\4user\0\0"),
        ("an answer to an identity", 0x59, b"\0\4user"),
    )
]

ECHO = command(echo_elements())
STORE = command(store_elements())


P_DATA = [
    *(Attack(f"PDV of length {n}", pdata(pdv(1, 3, ECHO, n)), INVALID) for n in (0, 1, 0x80000001, 0xFFFFFFFF)),
    Attack("PDV past the PDU by 1", pdata(pdv(1, 3, ECHO, len(ECHO) + 3)), INVALID),
    Attack("PDV short of the PDU by 1", pdata(pdv(1, 3, ECHO, len(ECHO) + 1)), INVALID),
    Attack("second PDV cut off", pdata(pdv(1, 1, ECHO[:20]) + pdv(1, 3, ECHO[20:])[:5]), INVALID),
    Attack("second PDV of length 1", pdata(pdv(1, 1, ECHO[:20]) + b"\0\0\0\1\1"), INVALID),
    *(Attack(f"context {n}", pdata(pdv(n, 3, ECHO)), INVALID) for n in (0, 2, 5, 7, 255)),
    Attack("data without a command", dataset(b"data"), UNEXPECTED_PARAMETER),
    Attack("empty data without a command", dataset(b""), UNEXPECTED_PARAMETER),
    Attack("data after a command without a data set", echo_rq() + dataset(b"data", 1), "PDataTF"),
    Attack("command where data is due", pdata(pdv(3, 3, STORE)) + pdata(pdv(3, 3, STORE)), UNEXPECTED_PARAMETER),
    Attack("command in the middle of data", pdata(pdv(3, 3, STORE), pdv(3, 0, b"data"), pdv(3, 3, ECHO)), (2, 5)),
    Attack("data in the middle of a command", pdata(pdv(3, 1, STORE[:20]), pdv(3, 2, b"data")), UNEXPECTED_PARAMETER),
    Attack("other context in mid command", pdata(pdv(3, 1, STORE[:20]), pdv(1, 3, STORE[20:])), UNEXPECTED_PARAMETER),
    Attack("other context for the data", pdata(pdv(3, 3, STORE)) + dataset(b"data", 1), UNEXPECTED_PARAMETER),
    Attack("unknown context for the data", pdata(pdv(3, 3, STORE)) + dataset(b"data", 99), UNEXPECTED_PARAMETER),
    Attack("odd fragment, then another context", pdata(pdv(1, 1, ECHO[:21])) + pdata(pdv(3, 3, ECHO[21:])), (2, 5)),
    Attack("endless command set", pdata(pdv(1, 1, bytes(16_000))) * 5, INVALID),
    Attack("command set of one PDU over the limit", pdata(pdv(1, 3, bytes(65_537))), INVALID),
    Attack("endless empty fragments", pdata(*[pdv(1, 1, b"")] * 2000) * 40, INVALID),
]

_BODY = ECHO[12:]
COMMAND_SETS = [
    Attack("empty command set", pdata(pdv(1, 3, b"")), INVALID),
    Attack("one byte", pdata(pdv(1, 3, b"\0")), INVALID),
    Attack("cut in an element", pdata(pdv(1, 3, ECHO[:-3])), INVALID),
    Attack("element past the end", pdata(pdv(1, 3, ECHO + element(0x1000, "1.2", 0xFFFFFFFF))), INVALID),
    Attack("element of another group", pdata(pdv(1, 3, ECHO + element(0x0018, "1.2", group=8))), INVALID),
    Attack("explicit VR", pdata(pdv(1, 3, b"\0\0\0\1US\2\0\x30\0")), INVALID),
    Attack("no command field", pdata(pdv(1, 3, command({2: VERIFICATION, 0x110: 1, 0x800: 0x101}))), INVALID),
    Attack("no message id", pdata(pdv(1, 3, command({2: VERIFICATION, 0x100: 0x30, 0x800: 0x101}))), INVALID),
    Attack("no data set type", pdata(pdv(1, 3, command({2: VERIFICATION, 0x100: 0x30, 0x110: 1}))), INVALID),
    Attack("command field of 3 bytes", pdata(pdv(1, 3, command({**echo_elements(), 0x100: b"\x30\0\0"}))), INVALID),
    Attack("message id doubled", pdata(pdv(1, 3, ECHO + element(0x110, 8))), INVALID),
    Attack("data", pdata(pdv(1, 3, b"<html>" * 10)), INVALID),
    *(Attack(f"response {field.text}", response(field, 7), INVALID) for field in CommandField if field & 0x8000),
    Attack("response without status", pdata(pdv(1, 3, command({0x100: 0x8030, 0x120: 7, 0x800: 0x101}))), INVALID),
    Attack("response unknown", response(0x8FF0, 7), INVALID),
]

TOLERATED = [
    Attack("group length 0", pdata(pdv(1, 3, command(echo_elements(), 0))), "echo"),
    Attack("group length too large", pdata(pdv(1, 3, command(echo_elements(), 4_000_000_000))), "echo"),
    Attack("no group length", pdata(pdv(1, 3, command(echo_elements(), None))), "echo"),
    Attack("UID of odd length", pdata(pdv(1, 3, command({**echo_elements(), 2: VERIFICATION.encode()}))), "echo"),
    Attack("UID padded by a space", pdata(pdv(1, 3, command({**echo_elements(), 2: b"1.2.840.10008.1.1 "}))), "echo"),
    Attack("control bits 2 to 7", pdata(pdv(1, 0xFF, ECHO)), "echo"),
    Attack("a byte at a time", b"".join(pdata(pdv(1, 1, ECHO[n : n + 1])) for n in range(len(ECHO) - 1))
           + pdata(pdv(1, 3, ECHO[-1:])), "echo"),
    Attack("two PDVs of one PDU", pdata(pdv(1, 1, ECHO[:21]), pdv(1, 3, ECHO[21:])), "echo"),
    Attack("an empty last fragment", pdata(pdv(1, 1, ECHO)) + pdata(pdv(1, 3)), "echo"),
    Attack("elements of other messages", pdata(pdv(1, 3, ECHO + element(0x1030, b"A" * 500))), "echo"),
    Attack("elements unknown", pdata(pdv(1, 3, ECHO + element(0x9999, b"A" * 60_000))), "echo"),
    Attack("elements out of order", pdata(pdv(1, 3, ECHO[:12] + _BODY[-10:] + _BODY[:-10])), "echo"),
    Attack("an echo with a data set", pdata(pdv(1, 3, command({**echo_elements(), 0x800: 0})))
           + dataset(b"x" * 50_000, 1), "echo"),
]  # fmt: skip

REFUSED = [
    ("wrong class for the context", store_rq(sop_class=MR), 0x0122),
    ("verification as a class to store", store_rq(sop_class=VERIFICATION), 0x0122),
    ("no class", store_rq(sop_class=""), 0x0122),
    ("a store on the context of verification", store_rq(context_id=1), 0x0122),
    ("no instance", store_rq(""), 0x0117),
    ("no data set", pdata(pdv(3, 3, command({**store_elements(), 0x800: 0x101}))), 0xC000),
    *((f"UID {uid[:30]!r}", store_rq(uid), 0x0117) for uid in (
        b"../../../etc/passwd", b"/etc/passwd\0", b"..\\..\\windows\\x", b"C:\\temp\\x\\", b"1.2.3/../4", b"1.2\n.3",
        b"1.2\0.3\0", b"1" * 66, b"1." * 2500, b"....", b"~root~", b"$(reboot)", b"%2e%2e%2fx", b"-rf *  ",
        b"CON.1", b"nul ", b"1.2.3;x\0", b"<script>x</script>", b"\xe2\x80\xae1.2.3\0", b"1.2.3\x1b[2J", b"1..2", b".1",
    )),
]  # fmt: skip


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    return (
        tag.to_bytes(4, "big")[1::-1] + tag.to_bytes(4, "big")[3:1:-1] + vr + len(value).to_bytes(2, "little") + value
    )


SEQUENCE = bytes.fromhex("0800401153510000ffffffff") + bytes.fromhex("feff00e0ffffffff")
DEFLATED = "1.2.840.10008.1.2.1.99"
PATIENT = b"<img src=x onerror=alert(1)>^\x1b[2J\xe2\x80\xae=cmd|' /C calc'!A0"
DATASETS = {
    "empty": b"",
    "truncated in an element": explicit(0x00080018, b"UI", b"1.2.3.4\0")[:-3] + b"\0",
    "odd": explicit(0x00100010, b"PN", b"A")[:-1],
    "nested 10,000 deep": SEQUENCE * 10_000,
    "an element of 4 GiB": bytes.fromhex("e07f10004f420000feffffff") + b"xx",
    "undefined length unclosed": bytes.fromhex("e07f10004f420000ffffffff") + bytes(1000),
    "a huge private element": bytes.fromhex("09001010554e000000000500") + bytes(0x50000),
    "unknown VR": bytes.fromhex("100010005a5a0400") + b"data",
    "character set lies": explicit(0x00080005, b"CS", b"ISO_IR 192") + explicit(0x00100010, b"PN", b"\xff\xfe\xc3\x28"),
    "html, escapes, formulas": explicit(0x00100010, b"PN", PATIENT + b" " * (len(PATIENT) & 1)),
    "path as patient id": explicit(0x00100020, b"LO", b"../../../../tmp/owned "),
    "elements backwards": explicit(0x00100010, b"PN", b"A^") + explicit(0x00080018, b"UI", b"9.9.9\0"),
    "group 0002 again": explicit(0x00020010, b"UI", b"1.2.840.10008.1.2\0"),
    "group length lies": explicit(0x00080000, b"UL", b"\xff\xff\xff\x7f"),
    "a program": b"\x7fELF" + bytes(range(256)) * 10,
    "a preamble": bytes(128) + b"DICM" + bytes(100),
    "text": b"#!/bin/sh\nreboot\n" * 10,
}

HOSTILE_UIDS = [
    b"../../../etc/cron.d/x", b"/tmp/owned", b"..\\..\\x", b"C:\\x", b"1.2/../../3", b"1.2\0../x", b"1.2\n3", b"..",
    b".", b"", b"1" * 66, b"1." * 2500, b"CON", b"~", b"$HOME", b"*", b"1.2.3.dcm", b"1.2.3 .4", b"incoming",
    b"index.sqlite3", b"\xe2\x80\xae1.2", b"1,2", b"-1.2", b"+1.2", b"0x1.2", b"1.2;id", b"\xd9\xa1.\xd9\xa2",
    b"1\x1b[2J.2 ",
]  # fmt: skip
