"""What holds for all PDUs, all bytes and all ways to cut a stream."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import (
    PDV,
    Abort,
    AbstractSyntax,
    ApplicationContext,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    AsyncOperationsWindow,
    Capture,
    DataEnd,
    DataStart,
    Frame,
    Framer,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    PDataTF,
    PdvPiece,
    PresentationContextAC,
    PresentationContextRQ,
    ReleaseRP,
    ReleaseRQ,
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    TransferSyntax,
    UnknownItem,
    UnknownSubItem,
    UserIdentityAC,
    UserIdentityRQ,
    UserInformation,
    decode,
    mask_user_identity,
)
from dicomgui.network.pdu.codec import PDU

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])

byte = st.integers(0, 255)
word = st.integers(0, 0xFFFF)
raw = st.binary(max_size=40)
latin = st.text(st.characters(max_codepoint=255), max_size=30)
padded = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,4}){0,4}[\0 ]?", fullmatch=True)
uid = st.one_of(st.just("1.2.840.10008.1.1"), padded, latin)
title = st.text(st.characters(max_codepoint=255), max_size=16)

sub_items = st.one_of(
    st.builds(MaximumLength, st.integers(0, 2**32 - 1), byte),
    st.builds(ImplementationClassUID, uid, byte),
    st.builds(AsyncOperationsWindow, word, word, byte),
    st.builds(RoleSelection, uid, byte, byte, byte),
    st.builds(ImplementationVersionName, latin, byte),
    st.builds(SOPClassExtendedNegotiation, uid, raw, byte),
    st.builds(SOPClassCommonExtendedNegotiation, uid, uid, st.lists(uid, max_size=3).map(tuple), byte, raw),
    st.builds(UserIdentityRQ, byte, byte, raw, raw, byte),
    st.builds(UserIdentityAC, raw, byte),
    st.builds(UnknownSubItem, byte.filter(lambda kind: not 0x51 <= kind <= 0x59), raw, byte),
)
syntaxes = st.lists(
    st.one_of(
        st.builds(AbstractSyntax, uid, byte),
        st.builds(TransferSyntax, uid, byte),
        st.builds(UnknownItem, byte.filter(lambda kind: kind not in (0x30, 0x40)), raw, byte),
    ),
    max_size=4,
).map(tuple)
three = st.binary(min_size=3, max_size=3)
items = st.lists(
    st.one_of(
        st.builds(ApplicationContext, uid, byte),
        st.builds(PresentationContextRQ, byte, uid, st.lists(uid, max_size=3).map(tuple)),
        st.builds(PresentationContextRQ, byte, sub_items=syntaxes, reserved=byte, reserved_body=three),
        st.builds(PresentationContextAC, byte, byte, uid),
        st.builds(
            PresentationContextAC, byte, byte, sub_items=syntaxes, reserved=byte, reserved_id=byte, reserved_result=byte
        ),
        st.builds(UserInformation, st.lists(sub_items, max_size=5).map(tuple), byte),
        st.builds(UnknownItem, byte.filter(lambda kind: kind not in (0x10, 0x20, 0x21, 0x50)), raw, byte),
    ),
    max_size=5,
).map(tuple)
associate = (title, title, items, word, byte, st.binary(min_size=2, max_size=2), st.binary(min_size=32, max_size=32))
control_body = st.binary(min_size=4, max_size=12)
pdata = st.builds(PDataTF, st.lists(st.builds(PDV, byte, byte, raw), min_size=1, max_size=4).map(tuple), byte)
pdus: st.SearchStrategy[PDU] = st.one_of(
    st.builds(AssociateRQ, *associate),
    st.builds(AssociateAC, *associate),
    st.builds(AssociateRJ, byte, byte, byte, byte, byte, raw),
    pdata,
    st.builds(ReleaseRQ, control_body, byte),
    st.builds(ReleaseRP, control_body, byte),
    st.builds(Abort, byte, byte, st.binary(min_size=2, max_size=2), byte, raw),
)


def decodes_or_names_the_fault(data: bytes) -> None:
    """Lossless, or a RemoteProtocolError that names what is wrong, and nothing else."""
    fault: RemoteProtocolError | None = None
    try:
        assert decode(data).encode() == data
    except RemoteProtocolError as error:
        fault = error
    if fault is not None:
        assert fault.field
        assert fault.abort_reason in (1, 6)
        assert 0 <= fault.offset <= len(data)
    assert len(mask_user_identity(data)) == len(data)


@MANY
@given(pdus)
def test_decode_of_encode_is_the_same(pdu: PDU) -> None:
    read = decode(pdu.encode())
    assert read == pdu
    assert read.encode() == pdu.encode()


@MANY
@given(st.integers(0, 9), st.binary(max_size=200))
def test_any_body_is_a_pdu_or_a_protocol_error(kind: int, body: bytes) -> None:
    decodes_or_names_the_fault(bytes([kind, 0]) + len(body).to_bytes(4, "big") + body)


@FEW
@given(st.binary(max_size=80))
def test_any_bytes_are_a_pdu_or_a_protocol_error(data: bytes) -> None:
    decodes_or_names_the_fault(data)


@MANY
@given(pdus, st.randoms(use_true_random=False))
def test_damaged_pdus(pdu: PDU, rnd: random.Random) -> None:
    data = bytearray(pdu.encode())
    for _ in range(rnd.randint(1, 3)):
        data[rnd.randrange(len(data))] = rnd.choice((0, 1, 2, 0xFF, rnd.randrange(256)))
    decodes_or_names_the_fault(bytes(data))


def joined(frames: list[Frame]) -> list[Frame]:
    """Frames with the pieces of each PDV put together, as a whole feed gives them."""
    whole: list[Frame] = []
    for frame in frames:
        last = whole[-1] if whole else None
        if isinstance(frame, PdvPiece):
            if isinstance(last, PdvPiece) and not last.ends:
                assert not frame.starts
                data = memoryview(bytes(last.data) + bytes(frame.data))
                whole[-1] = PdvPiece(frame.context_id, frame.control, data, last.starts, frame.ends)
                continue
            frame = frame._replace(data=memoryview(bytes(frame.data)))
        whole.append(frame)
    return whole


def take(framer: Framer, data: bytes) -> list[Frame | str]:
    """All frames of the data; a fault is its text, after which the rest is read on."""
    found: list[Frame | str] = []
    while True:
        try:
            for frame in framer.feed(data):
                copied = frame._replace(data=memoryview(bytes(frame.data))) if isinstance(frame, PdvPiece) else frame
                found.append(copied)
        except RemoteProtocolError as error:
            found.append(str(error))
            data = b""
        else:
            return found


def split_joined(found: list[Frame | str]) -> list[list[Frame] | str]:
    """The same for a list that has faults in it."""
    runs: list[list[Frame] | str] = []
    run: list[Frame] = []
    for entry in found:
        if isinstance(entry, str):
            runs += [joined(run), entry]
            run = []
        else:
            run.append(entry)
    return [*runs, joined(run)]


def framer_with_limits() -> Framer:
    framer = Framer(max_associate_length=2000, capture=Capture())
    framer.max_pdata_length = 120
    return framer


@MANY
@given(st.lists(pdus, min_size=1, max_size=4), st.lists(st.integers(0, 600), max_size=12))
def test_any_split_gives_the_same_frames(several: list[PDU], cuts: list[int]) -> None:
    stream = b"".join(pdu.encode() for pdu in several)
    whole = split_joined(take(framer_with_limits(), stream))
    framer = framer_with_limits()
    found: list[Frame | str] = []
    start = 0
    for stop in [*sorted(cut for cut in cuts if cut < len(stream)), len(stream)]:
        found += take(framer, stream[start:stop])
        start = stop
    assert split_joined(found) == whole


@FEW
@given(st.lists(pdus, min_size=1, max_size=3))
def test_byte_by_byte_gives_the_same_frames(several: list[PDU]) -> None:
    stream = b"".join(pdu.encode() for pdu in several)
    framer = framer_with_limits()
    found = [frame for at in range(len(stream)) for frame in take(framer, stream[at : at + 1])]
    assert split_joined(found) == split_joined(take(framer_with_limits(), stream))
    assert framer.is_between_pdus


@FEW
@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_stream_gives_frames_or_protocol_errors(stream: bytes, step: int) -> None:
    framer = framer_with_limits()
    for at in range(0, len(stream), step):
        take(framer, stream[at : at + step])
    framer.take_broken()


@FEW
@given(st.lists(pdata, min_size=1, max_size=4), st.integers(1, 40))
def test_everything_but_stores_is_captured_whole(several: list[PDataTF], step: int) -> None:
    stream = b"".join(pdu.encode() for pdu in several)
    framer = Framer(capture=Capture())
    frames = [frame for at in range(0, len(stream), step) for frame in framer.feed(stream[at : at + step])]
    kept = b"".join(frame.segments[0].data for frame in frames if isinstance(frame, DataEnd))
    assert kept == stream
    starts = [frame.length for frame in frames if isinstance(frame, DataStart)]
    assert starts == [len(pdu.encode()) for pdu in several]
