"""Every key of the language: what it finds, at each level, and what it says of a wrong value."""

from __future__ import annotations

import pytest
from helpers.exchanging import RECEIVED, SENT, Talk, explicit, indexed
from helpers.recordings import CT, EXPLICIT, IMPLICIT, Recording, associate_ac, associate_rq

from dicomgui.network.dimse import CEchoRQ, CEchoRSP, CFindRQ, CFindRSP, CMoveRQ, CMoveRSP, CStoreRQ, CStoreRSP
from dicomgui.network.pdu import PresentationContextAC, PresentationContextRQ
from dicomgui.network.status import Status
from dicomgui.network.tracing import Role, TlsRecord
from dicomgui.trace.filter.grammar import FilterError, parse
from dicomgui.trace.filter.sieve import Sieve, Zoom
from dicomgui.trace.filter.terms import KEYS, WORDS, Key, check
from dicomgui.trace.index import PDU_KIND, TraceIndex
from dicomgui.trace.marks import Marks

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"


def scenery() -> TraceIndex:
    """Association 1 echoes and stores, 2 queries and moves as acceptor, 3 is rejected, 4 goes over TLS."""
    one = Talk(1)
    contexts = (PresentationContextRQ(1, "1.2.840.10008.1.1", (IMPLICIT,)), PresentationContextRQ(3, CT, (EXPLICIT,)))
    one.connect().sent(associate_rq(*contexts, called="PACS1"))
    one.received(associate_ac(PresentationContextAC(1, 0, IMPLICIT), PresentationContextAC(3, 4, EXPLICIT)))
    one.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(0)))
    one.say(SENT, CStoreRQ(2, CT, "1.2.3"), explicit(0x10, 0x20, "LO", b"AB12"), context_id=3)
    one.wait(50).say(RECEIVED, CStoreRSP(2, Status(0xA700), CT, "1.2.3", error_comment="Disk full"), context_id=3)
    one.released()
    two = Talk(2, role=Role.ACCEPTOR)
    two.wait(100).connect(peer="192.168.7.7:55555").received(associate_rq(calling="SCANNER", called="US"))
    two.sent(associate_ac())
    two.say(RECEIVED, CFindRQ(1, FIND), b"dd")
    two.say(SENT, CFindRSP(1, Status(0xFF00), FIND), b"dd").say(SENT, CFindRSP(1, Status(0), FIND))
    two.say(RECEIVED, CMoveRQ(9, MOVE, move_destination="WORKSTATION"), b"dd")
    two.say(SENT, CMoveRSP(9, Status(0xB000), MOVE, completed=1, failed=1))
    three = Recording(3).wait(200).connect(peer="10.9.9.9:104").sent(associate_rq(called="NOBODY"))
    three.rejected(1, 1, 7).closed()
    four = Talk(4)
    four.wait(300).connect()
    four.add(TlsRecord(*four.head, "TLSv1.3", "AES", b"", 0.1, ""))
    four.sent(associate_rq()).received(associate_ac())
    four.say(SENT, CEchoRQ(1))
    return indexed(one, two, three, four)


INDEX = scenery()
ASSOCIATIONS = {number: INDEX.start_of(number) for number in (1, 2, 3, 4)}
EXCHANGES = {number: INDEX.exchanges[number].first_seq for number in range(1, len(INDEX.exchanges) + 1)}
ECHO, STORE, QUERY, RETRIEVE, OPEN = 1, 2, 3, 4, 5


def passing(text: str, zoom: Zoom, marks: Marks | None = None) -> list[int]:
    sieve = Sieve(INDEX, zoom, parse(text), marks=marks)
    while sieve.is_behind:
        sieve.step()
    return list(sieve.numbers)


def exchanges(text: str) -> list[int]:
    names = {seq: number for number, seq in EXCHANGES.items()}
    return [names[seq] for seq in passing(text, Zoom.EXCHANGES) if seq in names]


def associations(text: str) -> list[int]:
    names = {seq: number for number, seq in ASSOCIATIONS.items()}
    return [names[seq] for seq in passing(text, Zoom.ASSOCIATIONS)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", [ECHO, STORE, QUERY, RETRIEVE, OPEN]),
        ("op:c-store", [STORE]),
        ("op:STORE", [STORE]),
        ("op:!c-echo", [STORE, QUERY, RETRIEVE]),
        ("op:c-*", [ECHO, STORE, QUERY, RETRIEVE, OPEN]),
        ("op:c-cancel", []),
        ("status:0000", [ECHO, QUERY]),
        ("status:!0000", [STORE, RETRIEVE]),
        ("status:a7xx", [STORE]),
        ("status:0xA700", [STORE]),
        ("status:failure", [STORE]),
        ("status:warning", [RETRIEVE]),
        ("status:success", [ECHO, QUERY]),
        ("status:pending", [QUERY]),
        ("status:none", [OPEN]),
        ("not status:0000", [STORE, RETRIEVE, OPEN]),
        ("failed", [STORE, RETRIEVE]),
        ("warning", [RETRIEVE]),
        ("open", [OPEN]),
        ("id:9", [RETRIEVE]),
        ("id>1", [STORE, RETRIEVE]),
        ("exchange:2", [STORE]),
        ("story:2", [STORE]),
        ("class:CT", [STORE]),
        (f"class:{CT}", [STORE]),
        ("class=verification", []),
        ("class:Verification", [ECHO, OPEN]),
        ("to:work", [RETRIEVE]),
        ("to=WORKSTATION", [RETRIEVE]),
        ("error:disk", [STORE]),
        ("time>20s", [STORE]),
        ("time<=4s", [ECHO, RETRIEVE]),
        ("think>4.5s", [STORE]),
        ("think>4500ms", [STORE]),
        ("pending:1", [QUERY]),
        ("pending>0", [QUERY]),
        ("dir:sent", [ECHO, STORE, OPEN]),
        ("dir:in", [QUERY, RETRIEVE]),
        ("tag:0010,0020~b1", [STORE]),
        ("tag:0010,0020=ab12", [STORE]),
        ("tag:0010,0020=b1", []),
        ("tag:PatientID", [STORE]),
        ("tag:0000,0902~full", [STORE]),
        ("tag:0000,0600=WORKSTATION", [RETRIEVE]),
        ("tag:0000,0900=45056", [RETRIEVE]),
        ('bytes:"41 42 31 32"', [STORE]),
        ("bytes:41423132", [STORE]),
        ("text:AB12", [STORE]),
        ("Disk", [STORE]),
        ("peer:PACS1", [ECHO, STORE]),
        ("peer:192.168", [QUERY, RETRIEVE]),
        ("calling:scanner op:c-find", [QUERY]),
        ("role:acceptor", [QUERY, RETRIEVE]),
        ("size>150", [ECHO, STORE, QUERY, RETRIEVE]),
    ],
)
def test_exchanges_that_pass(text: str, wanted: list[int]) -> None:
    assert exchanges(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", [1, 2, 3, 4]),
        ("assoc:2", [2]),
        ("assoc>2", [3, 4]),
        ("outcome:rejected", [3]),
        ("outcome:!rejected", [1, 2, 4]),
        ("peer:PACS1", [1]),
        ("peer=SCANNER", [2]),
        ("peer:!PACS", [2, 3]),
        ("called:nobody", [3]),
        ("calling=ME", [1, 3, 4]),
        ("role:requestor", [1, 3, 4]),
        ("tls", [4]),
        ("ctx.result:4", [1]),
        ("ctx.result:0", [1, 2, 4]),
        ("ctx.result:!0", [1, 3]),
        ("ctx:CT", [1]),
        ("syntax:implicit", [1, 2, 4]),
        ("syntax:explicit", []),
        ("failed", [1, 3]),
        ("warning", [2]),
        ("open", [2, 4]),
        ("op:c-store", [1]),
        ("not op:c-echo", [2, 3]),
        ("pdu:rj", [3]),
        ("pdu:a-associate-rj", [3]),
        ("event:close", [1, 3]),
        ("dir:received", [1, 2, 3, 4]),
        ("time>20s", [1]),
        ("size>100000", []),
        ("failed or tls", [1, 3, 4]),
        ("(failed or tls) not op:c-store", [3, 4]),
    ],
)
def test_associations_that_pass(text: str, wanted: list[int]) -> None:
    assert associations(text) == wanted


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("pdu:rq", 4),
        ("pdu:p-data", INDEX.kind.count(PDU_KIND + 4)),
        ("op:c-echo pdu:data", 3),
        ("op:c-store", 5),
        ("failed pdu:rj", 1),
        ("outcome:rejected", 4),
    ],
)
def test_rows_that_pass(text: str, count: int) -> None:
    assert len(passing(text, Zoom.ROWS)) == count


def test_marks_colours_and_comments() -> None:
    marks = Marks()
    seq = EXCHANGES[STORE]
    marks.set(seq, marked=True, color="red", comment="Look here")
    marks.set(ASSOCIATIONS[3], color="blue")
    for text, wanted in {
        "marked": [seq],
        "commented": [seq],
        "color:red": [seq],
        "color:blue": [ASSOCIATIONS[3]],
        "comment:look": [seq],
        "comment:elsewhere": [],
    }.items():
        assert passing(text, Zoom.ROWS, marks) == wanted, text
    assert passing("color:!red", Zoom.ROWS, marks) == [n for n in range(1, len(INDEX.kind) + 1) if n != seq]
    assert seq in passing("marked", Zoom.EXCHANGES, marks)
    assert passing("marked", Zoom.ASSOCIATIONS, marks) == [ASSOCIATIONS[1]]
    assert passing("marked", Zoom.ROWS) == []


@pytest.mark.parametrize(
    ("text", "offset", "length", "said"),
    [
        ("opp:c-store", 0, 3, "no key “opp”"),
        ("failed:1", 0, 8, "takes no value"),
        ("op", 2, 0, "needs a value"),
        ("op>c-store", 2, 1, "takes : ="),
        ("op:c-shop", 3, 6, "no DIMSE operation"),
        ("status:12", 7, 2, "no status"),
        ("time>soon", 5, 4, "no number"),
        ("time>5parsec", 5, 7, "no number"),
        ("pdu:x", 4, 1, "no PDU"),
        ("event:x", 6, 1, "no kind of event"),
        ("dir:up", 4, 2, "Possible are sent"),
        ("outcome:x", 8, 1, "Possible are"),
        ("bytes:xyz", 6, 3, "hexadecimal"),
        ("tag:Nonsense~1", 13, 1, "no tag"),
        ("color:pink", 6, 4, "Possible are red"),
        ('text:""', 5, 2, "no text"),
    ],
)
def test_errors_say_where_and_what_is_possible(text: str, offset: int, length: int, said: str) -> None:
    with pytest.raises(FilterError, match=said) as caught:
        check(parse(text))
    assert (caught.value.offset, caught.value.length) == (offset, length)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_usual_value_of_a_key_is_one(key: Key) -> None:
    assert key.values
    for value in key.values:
        check(parse(f"{key.name}{key.signs[0]}{value}"))
        for sign in key.signs:
            check(parse(f"{key.name}{sign}{value}"))


def test_names_are_unique() -> None:
    names = [key.name for key in (*KEYS, *WORDS)]
    assert len(names) == len(set(names))
    for word in WORDS:
        check(parse(word.name))
