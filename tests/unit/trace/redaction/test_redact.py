from __future__ import annotations

import io
from collections.abc import Iterable

import pydicom
import pytest
from helpers.identified import CT, SECRETS, encoded, patient, stored, stream
from helpers.instances import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT
from helpers.recordings import Recording, associate_ac, associate_rq
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.network.dimse import CStoreRSP
from dicomgui.network.pdu import UserIdentityRQ, UserIdentityType, UserInformation
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    BytesRecord,
    CancelRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    FileRecord,
    ListenRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    ResolveRecord,
    Role,
    Segment,
    TlsRecord,
)
from dicomgui.trace.describe import Node, describe_pdu
from dicomgui.trace.redaction.redact import Redaction, RedactOptions, redact
from dicomgui.trace.redaction.rules import Masked

SYNTAXES = (IMPLICIT, EXPLICIT, BIG_ENDIAN)


def shape(node: Node) -> object:
    return node.label, node.offset, node.length, bool(node.error), [shape(child) for child in node.children]


def remaining(records: Iterable[Record], secrets: Iterable[str] = SECRETS) -> list[str]:
    """Secrets that stand in any byte or text of the records, also across PDUs."""
    kept = list(records)
    everything = b"\n".join(
        [repr(record).encode() for record in kept]
        + [segment.data for record in kept if isinstance(record, PduRecord) for segment in record.segments]
    ) + stream(kept)
    return [secret for secret in secrets if secret.encode() in everything]


def check_form(before: list[Record], after: list[Record]) -> None:
    """Nothing moved: the same records, lengths, offsets and trees."""
    assert [(type(record), record[:3]) for record in after] == [(type(record), record[:3]) for record in before]
    for old, new in zip(before, after, strict=True):
        if isinstance(old, PduRecord) and isinstance(new, PduRecord):
            assert (new.length, new.pdu_type) == (old.length, old.pdu_type)
            assert [(s.offset, len(s.data)) for s in new.segments] == [(s.offset, len(s.data)) for s in old.segments]
            assert shape(describe_pdu(new)) == shape(describe_pdu(old))


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("fragment", [1, 7, 64, 100_000])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_nothing_of_the_patient_is_left(syntax: str, fragment: int, undefined: bool) -> None:
    before = stored(encoded(patient(), syntax, undefined=undefined), syntax, fragment=fragment)
    assert len(remaining(before)) == len(SECRETS)
    redaction = Redaction(before, key=b"k")
    after = list(redaction.records())
    assert remaining(after) == []
    assert redaction.leftovers(after) == ()
    assert redaction.leftovers(before) != ()
    check_form(before, after)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_redacted_data_set_can_still_be_read(syntax: str, undefined: bool) -> None:
    """In small PDUs as in large ones, and the same in both."""
    body = encoded(patient(), syntax, undefined=undefined)
    results = [stream(list(Redaction(stored(body, syntax, fragment=size), key=b"k").records()))[-len(body) :]
               for size in (5, 100_000)]  # fmt: skip
    assert results[0] == results[1]
    file = io.BytesIO(results[0])
    data = pydicom.filereader.read_dataset(file, syntax == IMPLICIT, syntax != BIG_ENDIAN)
    assert data.PatientName == "XXXXXXXXXX^XXXXX"
    assert data.PatientID == "XXXXXXXXXX"
    assert (data.PatientBirthDate, data.StudyDate, data.StudyTime) == ("19000101", "19000101", "000000.00")
    assert (data.PatientSex, data.PatientAge, data.PatientWeight) == ("X", "000Y", 0.0)
    assert (data.Modality, data.Manufacturer, data.SpecificCharacterSet) == ("CT", "Maker", "ISO_IR 192")
    assert (data.SliceThickness, data.InstanceNumber, data.Rows) == (2.5, 7, 8)
    assert data.SOPClassUID == CT
    assert data.SOPInstanceUID.startswith("1.2.")
    assert len(data.SOPInstanceUID) == len(SECRETS[10])
    assert data.RequestAttributesSequence[1].PersonIdentificationCodeSequence[0].PersonName == "XXXXXX^XXXX"
    assert data.ReferencedStudySequence[0].ReferencedSOPClassUID == CT
    assert data[0x7FE00010].value == b"X" * 128


def test_the_same_uid_becomes_the_same_everywhere() -> None:
    before = stored(encoded(patient(), EXPLICIT), EXPLICIT, fragment=9)
    before += stored(encoded(patient(), IMPLICIT), IMPLICIT, fragment=100_000, number=2)
    after = list(redact(before))
    uids = {record.sop_instance_uid for record in after if isinstance(record, DimseRecord)}
    assert len(uids) == 1
    (uid,) = uids
    assert stream(after).count(uid.encode()) == 4  # in two commands and two data sets
    assert {r.sop_instance_uid for r in redact(before) if isinstance(r, DimseRecord)} != uids  # another key


def test_what_is_cut_short_in_the_trace_is_masked() -> None:
    body = encoded(patient(), EXPLICIT)
    for snap in range(0, 60, 7):
        before = stored(body, EXPLICIT, fragment=64, snap=snap + 1)
        redaction = Redaction(before)
        after = list(redaction.records())
        check_form(before, after)
        assert redaction.leftovers(after) == ()
        assert remaining(after) == []
        assert redaction.preview.others


@pytest.mark.parametrize("fragment", [64, 100_000])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_of_a_data_set_of_which_the_beginning_is_kept_nothing_is_left(syntax: str, fragment: int) -> None:
    body = encoded(patient(), syntax)
    in_uid = body.index(SECRETS[10].encode()) + 4  # what is kept of it is the beginning of others as well
    for beginning in [in_uid, *range(0, len(body), 23)]:
        before = stored(body, syntax, fragment=fragment, beginning=beginning)
        redaction = Redaction(before)
        after = list(redaction.records())
        check_form(before, after)
        assert redaction.leftovers(after) == ()
        assert remaining(after) == []


def test_a_deflated_data_set_becomes_zeros_and_that_is_said() -> None:
    body = encoded(patient(), DEFLATED)
    before = stored(body, DEFLATED, fragment=50)
    redaction = Redaction(before)
    after = list(redaction.records())
    assert stream(after).endswith(bytes(len(body)))
    assert redaction.preview.others == ((Masked.DEFLATED, 1),)
    check_form(before, after)


def test_without_a_known_syntax_all_is_masked() -> None:
    body = encoded(patient(), EXPLICIT)
    before = [record for record in stored(body, EXPLICIT) if getattr(record, "pdu_type", 0) != 2]
    redaction = Redaction(before)
    assert stream(list(redaction.records())).endswith(b"X" * len(body))
    assert redaction.preview.others == ((Masked.UNKNOWN_SYNTAX, 1),)


@given(st.integers(0, 2000), st.integers(0, 255), st.integers(1, 300), st.sampled_from(SYNTAXES))
@settings(max_examples=60, deadline=None)
def test_a_malformed_data_set_gives_nothing_away(place: int, byte: int, fragment: int, syntax: str) -> None:
    """Whatever one wrong byte does, the form stays, and the check sees nothing of what was understood."""
    body = bytearray(encoded(patient(), syntax))
    body[place % len(body)] = byte
    before = stored(bytes(body), syntax, fragment=fragment)
    redaction = Redaction(before)
    after = list(redaction.records())
    check_form(before, after)
    assert redaction.leftovers(after) == ()


@given(st.binary(max_size=400), st.integers(1, 60), st.sampled_from(SYNTAXES))
@settings(max_examples=60, deadline=None)
def test_any_bytes_keep_their_form(body: bytes, fragment: int, syntax: str) -> None:
    before = stored(body, syntax, fragment=fragment)
    redaction = Redaction(before)
    after = list(redaction.records())
    check_form(before, after)
    assert redaction.leftovers(after) == ()


def test_a_kept_value_that_repeats_a_name_is_masked_too() -> None:
    data = patient()
    data.StationName = "KLINIK_9"
    data.BodyPartExamined = "KLINIK_9"
    data.ProtocolName = "1234567"
    data.SliceThickness = "1234567"
    data.DeviceSerialNumber = "1234"
    data.PatientID = "987654321"
    data.KVP = "19876543210"
    data.Exposure = "1234"  # of as few digits, and nobody's identifier: any number may be the same
    before = stored(encoded(data, EXPLICIT), EXPLICIT, fragment=13)
    redaction = Redaction(before)
    after = list(redaction.records())
    assert remaining(after, ["KLINIK_9", "1234567", "987654321"]) == []
    assert remaining(after, ["1234"]) == ["1234"]
    assert redaction.leftovers(after) == ()


def test_user_identity_is_masked_and_titles_are_by_choice() -> None:
    identity = UserIdentityRQ(UserIdentityType.USERNAME, False, b"gregory.house", b"")
    request = associate_rq()
    items = tuple(
        UserInformation((*item.sub_items, identity)) if isinstance(item, UserInformation) else item
        for item in request.items
    )
    recording = Recording().sent(type(request)("PACSTITLE", "MYTITLE", items)).received(associate_ac())
    recording.add(ListenRecord(0, 0.0, 0.0, "0.0.0.0:104", "MYTITLE", True, ""))
    recording.add(RefuseRecord(1, 0.0, 0.0, "10.1.2.3:5", "unknown title MYTITLE, user gregory.house"))
    before = recording.records
    after = list(redact(before))
    assert remaining(after, ["gregory.house"]) == []
    assert len(remaining(after, ["PACSTITLE", "MYTITLE"])) == 2
    check_form(before, after)
    redaction = Redaction(before, RedactOptions(keep_ae=False))
    after = list(redaction.records())
    assert remaining(after, ["PACSTITLE", "MYTITLE", "gregory.house"]) == []
    assert redaction.leftovers(after) == ()
    check_form(before, after)


def test_addresses_and_certificates_go_when_asked() -> None:
    head = (1, 0.0, 0.0)
    before: list[Record] = [
        ResolveRecord(*head, "pacs.klinik.example", ("10.20.30.40", "fd00::7"), 0.1, ""),
        ConnectRecord(
            *head, Role.REQUESTOR, "127.0.0.1:5000", "10.20.30.40:104", 0.1, "ConnectTimeout: 10.20.30.40:104"
        ),
        ConnectRecord(*head, Role.REQUESTOR, "", "[fd00::7]:104", 0.1, ""),
        TlsRecord(*head, "TLSv1.3", "x", b"certificate of klinik.example", 0.1, "", b"of klinik"),
        CloseRecord(*head, True, "reset by 10.20.30.40"),
    ]
    assert list(redact(before)) == before
    options = RedactOptions(keep_addresses=False, keep_certificates=False)
    after = list(redact(before, options))
    assert remaining(after, ["10.20.30.40", "klinik", "fd00"]) == []
    first, second, third = after[:3]
    assert isinstance(first, ResolveRecord)
    assert isinstance(second, ConnectRecord)
    assert isinstance(third, ConnectRecord)
    assert second.peer == f"{first.addresses[0]}:104"
    assert third.peer == f"[{first.addresses[1]}]:104"
    assert second.local == "127.0.0.1:5000"


def test_what_takes_a_place_in_a_text_is_no_identifier_of_a_patient() -> None:
    """Neither an address for documentation (2001:db8::1) nor the UID of a class, whatever number a patient has."""
    data = patient()
    data.PatientID = "2001\\9116"
    head = (1, 0.0, 0.0)
    device = "1.2.392.200036.9116.7.8.1"
    before: list[Record] = [
        *stored(encoded(data, EXPLICIT), EXPLICIT),
        ConnectRecord(*head, Role.REQUESTOR, "", "[fd00::7]:104", 0.1, ""),
        CloseRecord(*head, True, "reset by fd00::7"),
        DimseRecord(*head, Direction.SENT, 1, 0x0001, 1, device, "1.2.999.1", -1, -1, ""),
    ]
    redaction = Redaction(before, RedactOptions(keep_addresses=False))
    after = list(redaction.records())
    assert redaction.leftovers(after) == ()
    assert remaining(after, ["fd00", "9116"]) == []


def test_texts_and_files_tell_nothing() -> None:
    head = (1, 0.0, 0.0)
    path = "/home/anna/Musterfrau/scan.dcm"
    recording = Recording()
    recording.message(
        Direction.RECEIVED, CStoreRSP(1, Status(0xA700), CT, SECRETS[10], error_comment="no room for Erika")
    )
    before: list[Record] = [
        *recording.records,
        FileRecord(*head, "opened", path, 12, "Erika.dcm in Musterfrau.zip"),
        FileRecord(*head, "failed", path, 12, f"No such file: {path}"),
        FileRecord(*head, "discarded", "", 0, f"{SECRETS[10]} broke off"),
        NoteRecord(*head, 40, "a handler failed: KeyError: 'Musterfrau'"),
        CancelRecord(*head, f"the C-STORE of {SECRETS[10]} was cancelled"),
    ]
    redaction = Redaction(before)
    after = list(redaction.records())
    assert remaining(after) == []
    assert remaining(after, ["room", "anna", "scan"]) == []
    assert redaction.leftovers(after) == ()
    check_form(before, after)
    files = [record for record in after if isinstance(record, FileRecord)]
    assert files[0].path == files[1].path
    assert files[0].path.endswith(".dcm")
    assert files[1].detail == "No such file: the file"
    elements = dict(redaction.preview.elements)
    assert elements["ErrorComment (0000,0902)"] == 2
    assert elements["AffectedSOPInstanceUID (0000,1000)"] == 1
    assert dict(redaction.preview.others) == {Masked.NOTE: 1}


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"HTTP/1.1 400 Bad Request for Erika", b"HTTP/1.1 400"),
        (b"\x0bMSH|^~\\&|Erika", b"\x0b"),
        (b"MSH|^~\\&|Erika", b"MSH|"),
        (b"\x15\x03\x03\0\x02\x02\x28Erika", b"\x15\x03\x03\0\x02\x02\x28"),
        (b"\x16\x03\x01\x02\0\x01Erika", b"\x16\x03\x01\x02\0\x01"),
        (b"SSH-2.0-Erika", b"SSH-"),
        (b"Erika", b""),
    ],
)
def test_of_what_is_no_dicom_the_protocol_stays(data: bytes, kept: bytes) -> None:
    record = BytesRecord(1, 0.0, 0.0, Direction.RECEIVED, 99, data, "no PDU")
    (after,) = redact([record])
    assert isinstance(after, BytesRecord)
    assert after.data == kept + b"X" * (len(data) - len(kept))
    assert (after.length, after.error) == (99, "no PDU")


def test_pdus_of_unknown_types_and_broken_ones_are_masked() -> None:
    before: list[Record] = [
        PduRecord(1, 0.0, 0.0, Direction.RECEIVED, 9, 20, (Segment(0, b"\x09\0\0\0\0\x0eErika was here"),), "unknown"),
        PduRecord(
            1, 0.0, 0.0, Direction.RECEIVED, 4, 30, (Segment(0, b"\x04\0\0\0\0\x18\0\0\0\xffErika"),), "broke off"
        ),
        PduRecord(1, 0.0, 0.0, Direction.RECEIVED, 1, 90, (Segment(10, b"Erika"),), ""),
    ]
    after = list(redact(before))
    check_form(before, after)
    assert remaining(after, ["Erika"]) == []


def test_what_stands_where_nothing_has_a_place_is_masked() -> None:
    data = b"\x07\0\0\0\0\x09\0\0\x02\x01Erika"
    before: list[Record] = [
        PduRecord(1, 0.0, 0.0, Direction.RECEIVED, 7, len(data), (Segment(0, data),), "too long"),
        DimseRecord(1, 0.0, 0.0, Direction.SENT, 1, 1, 1, "Erika", "Erika was here", -1, -1, ""),
    ]
    after = list(redact(before))
    check_form(before, after)
    assert remaining(after, ["Erika"]) == []
    (pdu, _) = after
    assert isinstance(pdu, PduRecord)
    assert pdu.segments[0].data == data[:10] + b"XXXXX"


def test_keys_of_a_query_keep_their_wildcards() -> None:
    query = pydicom.Dataset()
    query.PatientName = "Muster*^Eri?a"
    query.StudyDate = "20240101-20240229"
    query.QueryRetrieveLevel = "STUDY"
    query.SOPClassUID, query.SOPInstanceUID = CT, "1.2.3.4.5.6.7"
    body = encoded(query, EXPLICIT)
    after = stream(list(redact(stored(body, EXPLICIT, fragment=11))))[-len(body) :]
    data = pydicom.filereader.read_dataset(io.BytesIO(after), False, True)
    assert (data.PatientName, data.QueryRetrieveLevel) == ("XXXXXX*^XXX?X", "STUDY")
    assert data[0x00080020].value == "19000101-19000101"


def test_progress_is_told_and_may_end_it() -> None:
    records: list[Record] = [NoteRecord(1, 0.0, 0.0, 20, "x")] * 2500
    told: list[int] = []
    redaction = Redaction(records, progress=told.append)
    assert told == [1000, 2000, 2500]

    def stop(_: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        Redaction(records, progress=stop)
    with pytest.raises(KeyError):
        list(redaction.records(stop))
    with pytest.raises(RuntimeError):
        redaction.records()


def test_the_preview_names_no_value() -> None:
    preview = Redaction(stored(encoded(patient(), EXPLICIT), EXPLICIT)).preview
    names = dict(preview.elements)
    assert names["PatientName (0010,0010)"] == 1
    assert names["private (0029,1001)"] == 1
    assert names["PersonName (0040,A123)"] == 2
    assert preview.count == sum(names.values())
    assert preview.can_check_all
    assert not [secret for secret in SECRETS if secret in repr(preview)]


def test_half_of_a_surrogate_pair_is_masked_as_any_character() -> None:
    half = "\udf98"
    dimse = DimseRecord(1, 0.0, 0.0, Direction.SENT, 1, 1, 1, f"1.{half}", f"2.{half}", -1, -1, f"no {half}")
    listening = ListenRecord(1, 0.0, 0.0, "127.0.0.1:104", f"A{half}", True, f"in use {half}")
    after = list(redact([dimse, listening], RedactOptions(keep_ae=False)))
    assert len(after) == 2
    assert half not in repr(after)
