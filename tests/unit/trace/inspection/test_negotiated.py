from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.recordings import (
    CT,
    EXPLICIT,
    IMPLICIT,
    INFORMATION,
    JPEG_2000,
    VERIFICATION,
    Recording,
    associate_ac,
    associate_rq,
)

from dicomgui.network.dimse import CEchoRQ
from dicomgui.network.pdu import (
    ApplicationContext,
    AssociateAC,
    AssociateRQ,
    MaximumLength,
    PresentationContextAC,
    PresentationContextRQ,
    RoleSelection,
    UserInformation,
)
from dicomgui.network.tracing import Direction, FileRecord, NoteRecord, unmet_need
from dicomgui.trace.inspection.negotiated import Negotiation, contexts_of, negotiation
from dicomgui.trace.inspection.user_information import Place
from dicomgui.trace.store import TraceStore


@pytest.fixture
def store() -> Iterator[TraceStore]:
    made = TraceStore()
    yield made
    made.close()


def read(store: TraceStore, recording: Recording) -> Negotiation:
    for record in recording.records:
        store(record)
    return negotiation(store, recording.association)


def test_each_proposed_context_with_its_answer_and_what_needed_it(store: TraceStore) -> None:
    recording = Recording().connect()
    request = associate_rq(
        PresentationContextRQ(1, VERIFICATION, (IMPLICIT,)),
        PresentationContextRQ(3, CT, (EXPLICIT, IMPLICIT)),
        PresentationContextRQ(5, CT, (JPEG_2000,)),
        PresentationContextRQ(7, "1.2.3", (IMPLICIT,)),
    )
    answer = associate_ac(
        PresentationContextAC(1, 0, IMPLICIT), PresentationContextAC(3, 3, ""), PresentationContextAC(5, 4, "")
    )
    recording.sent(request).received(answer).message(Direction.SENT, CEchoRQ(1))
    recording.add(FileRecord(*recording.head, "opened", "/x/image.dcm", 10, ""))
    recording.add(NoteRecord(*recording.head, 30, unmet_need(CT, (JPEG_2000,))))
    recording.add(NoteRecord(*recording.head, 30, unmet_need("1.2.99", ())))
    found = read(store, recording)
    assert found.remarks == ()
    shown = [(row.context_id, row.result, row.reason, row.accepted_syntax, row.is_missed) for row in found.rows]
    assert shown == [
        (1, 0, "acceptance", IMPLICIT, False),
        (3, 3, "abstract syntax not supported", "", False),
        (5, 4, "transfer syntaxes not supported", "", True),
        (7, None, "not answered", "", False),
        (0, None, "not proposed", "", True),
    ]
    assert [need.text for need in found.rows[0].needed_by] == ["C-ECHO"]
    assert found.rows[2].needed_by[0].files == ("image.dcm",)
    assert found.rows[1].transfer_syntaxes == (EXPLICIT, IMPLICIT)
    assert found.rows[4].abstract_syntax == "1.2.99"
    for row, data, item in (
        (found.rows[2].asked, request.encode(), 0x20),
        (found.rows[2].answered, answer.encode(), 0x21),
    ):
        assert row is not None
        assert (data[row.offset], data[row.offset + 4]) == (item, 5)
        assert int.from_bytes(data[row.offset + 2 : row.offset + 4], "big") + 4 == row.length
    assert contexts_of(store, 1)[1] == (1, VERIFICATION, IMPLICIT)
    assert contexts_of(store, 1)[5] == (5, CT, "")
    assert contexts_of(store, 9) == {}


def test_roles(store: TraceStore) -> None:
    asked = UserInformation((MaximumLength(1), RoleSelection(CT, 1, 1), RoleSelection(VERIFICATION, 0, 1)))
    granted = UserInformation((MaximumLength(1), RoleSelection(CT, 0, 1)))
    contexts = (PresentationContextRQ(1, VERIFICATION, (IMPLICIT,)), PresentationContextRQ(3, CT, (IMPLICIT,)))
    answers = (PresentationContextAC(1, 0, IMPLICIT), PresentationContextAC(3, 0, IMPLICIT))
    recording = Recording().sent(AssociateRQ("A", "B", (ApplicationContext(), *contexts, asked)))
    recording.received(AssociateAC("A", "B", (ApplicationContext(), *answers, granted)))
    rows = read(store, recording).rows
    assert [(row.role_asked, row.role_granted) for row in rows] == [("SCP", ""), ("SCU and SCP", "SCP")]


def test_a_rejected_association(store: TraceStore) -> None:
    found = read(store, Recording().connect().sent(associate_rq()).rejected(1, 1, 7))
    assert "called AE title not recognized" in found.remarks[0]
    assert found.rows[0].result is None
    assert found.rows[0].reason == "association rejected"
    assert found.user_information[0].asked == "DICOM Application Context Name"


def test_answers_that_make_no_sense(store: TraceStore) -> None:
    recording = Recording().sent(
        associate_rq(PresentationContextRQ(2, CT, (EXPLICIT,)), PresentationContextRQ(3, CT, (IMPLICIT,)))
    )
    recording.received(
        associate_ac(
            PresentationContextAC(2, 0, JPEG_2000),
            PresentationContextAC(3, 0, ""),
            PresentationContextAC(9, 0, IMPLICIT),
        )
    )
    rows = read(store, recording).rows
    assert rows[0].remarks == ("its id is not odd", "accepted in a transfer syntax that was not proposed")
    assert rows[1].remarks == ("accepted without a transfer syntax",)
    assert (rows[2].context_id, rows[2].remarks, rows[2].accepted_syntax) == (9, ("never proposed",), IMPLICIT)


def test_what_the_trace_lacks_is_told(store: TraceStore) -> None:
    assert read(store, Recording(2).sent(associate_rq())).remarks == ("The trace has no answer to the A-ASSOCIATE-RQ.",)
    late = read(store, Recording(3).received(associate_ac()))
    assert late.remarks == ("The trace has no A-ASSOCIATE-RQ of this association.",)
    assert late.rows[0].remarks == ()
    assert contexts_of(store, 3)[1] == (1, "", IMPLICIT)
    assert negotiation(store, 77).rows == ()


def test_of_a_malformed_request_what_stands_before_the_fault(store: TraceStore) -> None:
    request = AssociateRQ("A", "B", (ApplicationContext(), PresentationContextRQ(1, CT, (EXPLICIT,)), INFORMATION))
    data = bytearray(request.encode())
    place = data.index(b"\x51\x00\x00\x04")
    data[place + 3] = 200
    found = read(store, Recording().raw(Direction.SENT, bytes(data), "malformed"))
    assert found.rows[0].abstract_syntax == CT
    assert found.rows[0].asked == Place(1, 74 + 25, 4 + 4 + len(CT) + 4 + len(EXPLICIT) + 4)
    assert "malformed" in found.remarks[0]
    assert read(store, Recording(5).raw(Direction.SENT, bytes(data[:60]))).rows == ()


def test_a_malformed_answer_and_rejection_are_told(store: TraceStore) -> None:
    data = bytearray(associate_ac(PresentationContextAC(1, 0, IMPLICIT)).encode())
    data[data.index(b"\x51\x00\x00\x04") + 3] = 200
    found = read(store, Recording().sent(associate_rq()).raw(Direction.RECEIVED, bytes(data), "malformed"))
    assert found.rows[0].is_accepted
    assert any(text.startswith("The A-ASSOCIATE-AC is malformed") for text in found.remarks)
    cut = read(store, Recording(2).sent(associate_rq()).raw(Direction.RECEIVED, b"\x03\0\0\0\0\x04\0"))
    assert cut.remarks == ("The association was rejected.",)


def test_that_not_all_was_counted_is_told(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomgui.trace.inspection.needs.MAX_RECORDS", 3)
    assert "first records" in read(store, Recording().established().echo()).remarks[-1]
