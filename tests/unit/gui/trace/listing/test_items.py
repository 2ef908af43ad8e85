"""The words for exchanges and associations."""

from __future__ import annotations

import pytest
from helpers.exchanging import RECEIVED, SENT, Talk, indexed
from helpers.recordings import CT, associate_rq

from dicomgui.gui.trace.listing.columns import AssociationColumn, ExchangeColumn
from dicomgui.gui.trace.listing.items import (
    association_cells,
    context_counts,
    exchange_cells,
    heading_cells,
    requests_text,
)
from dicomgui.network.dimse import (
    CCancelRQ,
    CEchoRQ,
    CFindRQ,
    CFindRSP,
    CMoveRQ,
    CMoveRSP,
    CStoreRQ,
    CStoreRSP,
)
from dicomgui.network.pdu import AssociateRJ
from dicomgui.network.status import Status
from dicomgui.network.tracing import Role

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
PENDING = Status(0xFF00)


def operation(index: object, number: int) -> str:
    return exchange_cells(index, number).texts[ExchangeColumn.OPERATION]  # type: ignore[arg-type]


def test_a_query_says_how_many_matched_and_how_it_ended() -> None:
    talk = Talk()
    talk.established()
    talk.say(SENT, CFindRQ(7, FIND), b"\x08\x00" * 10)
    for _ in range(37):
        talk.say(RECEIVED, CFindRSP(7, PENDING, FIND), b"\x10\x00" * 20)
    talk.say(RECEIVED, CFindRSP(7, Status(0), FIND))
    cells = exchange_cells(indexed(talk), 1)
    assert cells.texts[ExchangeColumn.OPERATION] == "C-FIND → 37 pending → Success"
    assert cells.texts[ExchangeColumn.STATUS] == "0000H"
    assert cells.tones[ExchangeColumn.STATUS] == "good"
    assert "Study Root" in cells.texts[ExchangeColumn.SOP_CLASS]
    assert cells.texts[ExchangeColumn.DIRECTION] == "→"


def test_a_cancelled_query_says_so() -> None:
    talk = Talk()
    talk.established()
    talk.say(SENT, CFindRQ(4, FIND), b"dd").say(SENT, CCancelRQ(4)).say(RECEIVED, CFindRSP(4, Status(0xFE00), FIND))
    assert operation(indexed(talk), 1).startswith("C-FIND → C-CANCEL → ")


def test_what_was_never_answered_says_so_when_its_association_has_ended() -> None:
    talk = Talk()
    talk.established()
    talk.say(SENT, CEchoRQ(1))
    assert exchange_cells(indexed(talk), 1).texts[ExchangeColumn.STATUS] == "open"
    talk.closed()
    assert exchange_cells(indexed(talk), 1).texts[ExchangeColumn.STATUS] == "no answer"


@pytest.mark.parametrize(
    ("arrived", "said", "tone"),
    [
        (2, "told 2 completed · 2 arrived", "text"),
        (1, "told 2 completed · 1 arrived", "warning"),
        (0, "told 2 completed · none arrived here", "text"),
    ],
)
def test_a_move_is_counted_against_what_arrived(arrived: int, said: str, tone: str) -> None:
    moving = Talk(1)
    moving.connect().sent(associate_rq(calling="ME"))
    moving.say(SENT, CMoveRQ(5, MOVE, move_destination="ME"), b"dd")
    coming = Talk(2, role=Role.ACCEPTOR)
    coming.wait(10).established()
    for number in range(1, arrived + 1):
        command = CStoreRQ(number, CT, f"1.2.{number}", move_originator_ae_title="ME", move_originator_message_id=5)
        coming.say(RECEIVED, command, b"dd").say(SENT, CStoreRSP(number, Status(0), CT, f"1.2.{number}"))
    moving.wait(50).say(RECEIVED, CMoveRSP(5, Status(0), MOVE, completed=2, failed=0, warning=0))
    index = indexed(moving, coming)
    cells = exchange_cells(index, 1)
    assert cells.texts[ExchangeColumn.OPERATION].startswith("C-MOVE → Success · ")
    assert cells.texts[ExchangeColumn.OPERATION].endswith(f"{said} · to ME")
    assert cells.tones[ExchangeColumn.OPERATION] == tone
    if arrived:
        assert operation(index, 2) == "    ↳ C-STORE → Success"


def test_an_error_comment_of_the_peer_is_there_as_plain_text() -> None:
    talk = Talk()
    talk.established()
    talk.say(SENT, CStoreRQ(1, CT, "1.2.3"), b"dd")
    talk.say(RECEIVED, CStoreRSP(1, Status(0xA700), CT, "1.2.3", error_comment="disk <b>full</b>"))
    line = operation(indexed(talk), 1)
    assert line.endswith("· “disk <b>full</b>”")
    assert exchange_cells(indexed(talk), 1).tones[ExchangeColumn.OPERATION] == "error"


def test_an_association_says_who_called_whom_and_what_became_of_it() -> None:
    talk = Talk()
    talk.established()
    talk.say(SENT, CEchoRQ(1))
    store = indexed(talk).store
    cells = association_cells(store, 1)
    assert cells is not None
    assert cells.texts[AssociationColumn.TITLES] == "ME → PACS"
    assert cells.texts[AssociationColumn.OUTCOME] == "open"
    assert cells.texts[AssociationColumn.CONTEXTS] == "1 / 1"
    assert cells.texts[AssociationColumn.ROLE] == "requestor"
    heading = heading_cells(store, 1)
    assert heading is not None
    assert heading.texts[ExchangeColumn.OPERATION] == "ME → PACS · 1 C-ECHO"
    assert association_cells(store, 9) is None
    assert heading_cells(store, 9) is None


def test_a_rejected_association_is_red_and_has_no_accepted_context() -> None:
    talk = Talk()
    talk.connect().sent(associate_rq()).received(AssociateRJ(1, 1, 7))
    store = indexed(talk).store
    cells = association_cells(store, 1)
    assert cells is not None
    assert (cells.texts[AssociationColumn.OUTCOME], cells.tones[AssociationColumn.OUTCOME]) == ("rejected", "error")
    assert context_counts(store, 1)[0] == 0


def test_requests_of_many_kinds_are_summed_up() -> None:
    assert requests_text([(0x01, 412), (0x30, 1)]) == "412 C-STORE, 1 C-ECHO"
    assert requests_text([(0x01, 4), (0x30, 3), (0x20, 2), (0x21, 1), (0x10, 1)]).endswith("2 other kinds")
