"""What only PDUs have: contexts, user identity in malformed requests, gaps; the rest is in test_redact."""

from __future__ import annotations

from helpers.identified import CT, SECRETS, encoded, patient, stored, stream
from helpers.instances import EXPLICIT, IMPLICIT
from helpers.recordings import Recording, associate_ac, associate_rq

from dicomgui.network.pdu import (
    PDV,
    AssociateRQ,
    PDataTF,
    PresentationContextAC,
    PresentationContextRQ,
    UserIdentityRQ,
    UserIdentityType,
    UserInformation,
)
from dicomgui.network.tracing import Direction, PduRecord, Record, Segment
from dicomgui.trace.redaction.pdu import fragments
from dicomgui.trace.redaction.redact import Redaction, redact


def bytes_of(records: list[Record]) -> bytes:
    return b"".join(s.data for r in records if isinstance(r, PduRecord) for s in r.segments)


def test_each_context_has_its_syntax() -> None:
    recording = Recording().sent(
        associate_rq(PresentationContextRQ(1, CT, (EXPLICIT,)), PresentationContextRQ(3, CT, (IMPLICIT,)))
    )
    recording.received(associate_ac(PresentationContextAC(1, 0, EXPLICIT), PresentationContextAC(3, 0, IMPLICIT)))
    bodies = {1: encoded(patient(), EXPLICIT), 3: encoded(patient(), IMPLICIT)}
    halves = [PDV(ctx, 0, bodies[ctx][:500]) for ctx in (1, 3)]
    recording.raw(Direction.SENT, PDataTF(tuple(halves)).encode())  # as nobody may: two messages at once
    recording.raw(Direction.SENT, PDataTF(tuple(PDV(ctx, 2, bodies[ctx][500:]) for ctx in (3, 1))).encode())
    redaction = Redaction(recording.records)
    after = bytes_of(list(redaction.records()))
    assert not [secret for secret in SECRETS if secret.encode() in after]
    assert redaction.preview.others == ()
    assert after.count(b"XXXXXXXXXX^XXXXX") == 2


def test_a_user_is_masked_in_a_malformed_request_too() -> None:
    identity = UserIdentityRQ(UserIdentityType.USERNAME, False, b"gregory.house", b"")
    whole = AssociateRQ("PACS", "ME", (UserInformation((identity,)),)).encode()
    for cut in range(74, len(whole)):
        record = PduRecord(1, 0.0, 0.0, Direction.RECEIVED, 1, len(whole), (Segment(0, whole[:cut]),), "broke off")
        assert b"greg" not in bytes_of(list(redact([record])))
    longer = bytearray(whole)
    longer[77] += 5  # the item says that it is longer than it is
    record = PduRecord(1, 0.0, 0.0, Direction.RECEIVED, 1, len(whole), (Segment(0, bytes(longer)),), "")
    assert b"greg" not in bytes_of(list(redact([record])))


def test_the_end_of_an_association_ends_its_messages() -> None:
    """What the second association sends on the same context is read from its own beginning."""
    body = encoded(patient(), EXPLICIT)
    broken = [r for r in stored(body, EXPLICIT, fragment=300) if not (isinstance(r, PduRecord) and r.pdu_type == 5)]
    del broken[5:]
    records = [*broken, *stored(body, EXPLICIT, fragment=300, number=2)]
    redaction = Redaction(records, key=b"k")
    after = list(redaction.records())
    assert redaction.leftovers(after) == ()
    assert stream(after).endswith(stream(list(Redaction(stored(body, EXPLICIT), key=b"k").records()))[-len(body) :])


def test_gaps_inside_a_value_are_stepped_over() -> None:
    """Of pixel data only the beginning is in the trace; what follows it is understood."""
    data = patient()
    data.add_new(0x7FE00010, "OW", bytes(2000))
    data.add_new(0xFFFAFFFA, "SQ", [patient_of_signature()])
    body = encoded(data, EXPLICIT)
    gap = body.index(bytes(200)) + 100
    (head,) = [r for r in stored(body, EXPLICIT) if isinstance(r, PduRecord) and r.length > 2000]
    whole = head.segments[0].data
    cut = head._replace(segments=(Segment(0, whole[: 12 + gap]), Segment(12 + gap + 1000, whole[12 + gap + 1000 :])))
    records = [cut if record is head or record == head else record for record in stored(body, EXPLICIT)]
    redaction = Redaction(records)
    after = list(redaction.records())
    assert redaction.preview.others == ()
    assert not [secret for secret in ("signed by Erika", *SECRETS) if secret.encode() in bytes_of(after)]


def patient_of_signature() -> object:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.PersonName = "signed by Erika"
    return item


def test_fragments_say_which_stream_they_belong_to() -> None:
    pdu = PDataTF((PDV(1, 3, b"abc"), PDV(3, 0, b"de"))).encode()
    record = PduRecord(1, 0.0, 0.0, Direction.SENT, 4, len(pdu), (Segment(0, pdu),), "")
    assert list(fragments(record)) == [((0, 1, True), 12, b"abc", False), ((0, 3, False), 21, b"de", True)]
    assert list(fragments(record._replace(length=12))) == []
