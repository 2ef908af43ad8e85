from __future__ import annotations

from dicomgui.trace.codec import KINDS
from dicomgui.trace.redaction import wording
from dicomgui.trace.redaction.check import TEXTS
from dicomgui.trace.redaction.leftover import FieldSpan, Leftover
from dicomgui.trace.redaction.rules import Masked
from dicomgui.trace.redaction.wording import left_text, masked_text, place_text


def test_a_place_is_told_without_its_value() -> None:
    assert place_text(FieldSpan(1234, "pdu", "called", 10, 14)) == "row 1,234, PDU, called AE title, offset 10"
    place = FieldSpan(3, "pdu", "segments", 1000, 1002, element=0x00080060)
    assert place_text(place) == "row 3, PDU, Modality (0008,0060), offset 1,000"
    assert place_text(FieldSpan(3, "tls", "peer_certificate", 7, 9)) == "row 3, TLS handshake, certificate, offset 7"


def test_a_leftover_is_told_without_its_value() -> None:
    place = FieldSpan(1, "file", "path", 0, 5)
    one = Leftover(1, 0x00100010, b"Erika", (place,))
    assert left_text(one) == "a value of PatientName (0010,0010), 5 bytes, in 1 place"
    assert left_text(Leftover(1, 0x00100010, b"Erika", (place,) * 2000)).endswith("in 2,000 places")


def test_there_are_words_for_everything() -> None:
    assert len({masked_text(what) for what in Masked}) == len(Masked)
    kinds = {name for name, record_type in KINDS.items() if record_type in TEXTS}
    assert kinds <= set(wording._KINDS) <= set(KINDS)
    fields = {field for names in TEXTS.values() for field in names}
    assert fields <= set(wording._FIELDS)
