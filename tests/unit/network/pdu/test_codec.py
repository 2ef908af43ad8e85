"""decode() and the spans that it reports."""

import pytest

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import (
    PDV,
    Abort,
    ApplicationContext,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    AsyncOperationsWindow,
    MaximumLength,
    PDataTF,
    PresentationContextAC,
    PresentationContextRQ,
    ReleaseRP,
    ReleaseRQ,
    UnknownItem,
    UserInformation,
    decode,
)
from dicomgui.network.pdu.codec import PDU

SAMPLES: list[PDU] = [
    AssociateRQ(
        "A",
        "B",
        (ApplicationContext(), PresentationContextRQ(1, "1.2", ("1.3",)), UnknownItem(0x77, b"x" * 40)),
    ),
    AssociateAC(
        "A",
        "B",
        (PresentationContextAC(1, 0, "1.3"), UserInformation((MaximumLength(0), AsyncOperationsWindow(0, 5)))),
    ),
    AssociateRJ(1, 1, 7, extra=b"x"),
    PDataTF((PDV(1, 3, b"abcd"), PDV(1, 0, b"ef"))),
    ReleaseRQ(),
    ReleaseRP(),
    Abort(2, 6),
]


class Spans:
    """A recorder that remembers everything."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str, int, int]] = []
        self.open: list[tuple[str, int]] = []
        self.closed: list[tuple[str, int, int]] = []

    def enter(self, label: str, offset: int) -> None:
        self.open.append((label, offset))

    def field(self, label: str, value: str, offset: int, length: int) -> None:
        self.fields.append((label, value, offset, length))

    def leave(self, end: int) -> None:
        self.closed.append((*self.open.pop(), end))


@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: type(pdu).__name__)
def test_fields_cover_every_byte_once_and_in_order(pdu: PDU) -> None:
    data = pdu.encode()
    spans = Spans()
    assert decode(data, recorder=spans) == pdu
    position = 0
    for _, _, offset, length in spans.fields:
        assert offset == position
        position += length
    assert position == len(data)
    assert spans.open == []
    assert spans.closed[-1][1:] == (0, len(data))


@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: type(pdu).__name__)
def test_spans_up_to_the_fault(pdu: PDU) -> None:
    data = pdu.encode()
    for stop in range(len(data)):
        spans = Spans()
        with pytest.raises(RemoteProtocolError) as caught:
            decode(data[:stop], recorder=spans)
        end = sum(length for *_, length in spans.fields)
        assert end <= stop
        assert spans.open
        assert caught.value.offset <= stop


@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: type(pdu).__name__)
def test_bytes_after_the_end(pdu: PDU) -> None:
    with pytest.raises(RemoteProtocolError, match="1 bytes follow"):
        decode(pdu.encode() + b"\0")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer(kind: type[bytes]) -> None:
    assert decode(kind(SAMPLES[3].encode())) == SAMPLES[3]


def test_values_have_words() -> None:
    spans = Spans()
    for pdu in SAMPLES:
        decode(pdu.encode(), recorder=spans)
    values = {(label, value) for label, value, _, _ in spans.fields}
    assert ("Result/Reason", "0 (acceptance)") in values
    assert ("Result", "1 (rejected permanently)") in values
    assert ("Reason/Diag.", "7 (called AE title not recognized)") in values
    assert ("Reason/Diag.", "6 (invalid PDU parameter value)") in values
    assert ("Message control header", "03H (command, last)") in values
    assert ("Message control header", "00H (data set, not last)") in values
    assert ("Maximum-length-received", "0 (no limit)") in values
    assert ("Maximum-number-operations-invoked", "0 (unlimited)") in values
    assert ("Maximum-number-operations-performed", "5") in values
    assert any(label == "Data" and value.endswith(" …") for label, value in values)


def test_unknown_item_at_the_very_end() -> None:
    spans = Spans()
    head = AssociateRQ("A", "B", ()).encode()
    with pytest.raises(RemoteProtocolError):
        decode(head[:2] + (70).to_bytes(4, "big") + head[6:], recorder=spans)
    assert spans.open[-1][0] == "Unknown item"
