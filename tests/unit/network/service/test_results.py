"""What comes back: final responses, matches, progress."""

from __future__ import annotations

import struct

import pytest
from pydicom.dataset import Dataset

from dicomgui.network import DimseFailure, Match, Progress, RemoteProtocolError, Response, Status
from dicomgui.network.dimse import commands as dimse
from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.service.results import progress_of, response_of

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
GROUP_8 = Dataset()
GROUP_8.PatientName = "Somebody^Secret"
DATA = encode_dataset(GROUP_8, IMPLICIT)


def failed(*uids: str) -> bytes:
    dataset = Dataset()
    dataset.FailedSOPInstanceUIDList = list(uids)
    return encode_dataset(dataset, IMPLICIT)


@pytest.mark.parametrize("code", [0x0000, 0xB000, 0x0001, 0x0107, 0x0116])
def test_what_is_no_failure_is_handed_on(code: int) -> None:
    response = Response(Status(code))
    assert response.raise_for_status() is response


@pytest.mark.parametrize("code", [0xA700, 0xC000, 0x0110, 0xFE00])
def test_a_failure_is_raised_only_when_asked_for(code: int) -> None:
    with pytest.raises(DimseFailure, match=f"0x{code:04X}.*why") as caught:
        Response(Status(code), "why", (0x00100010,)).raise_for_status()
    assert (caught.value.status, caught.value.comment, caught.value.offending) == (code, "why", (0x00100010,))


def test_without_a_comment_there_are_no_brackets_around_nothing() -> None:
    with pytest.raises(DimseFailure) as caught:
        Response(Status(0xA700)).raise_for_status()
    assert "()" not in str(caught.value)


def test_a_printed_response_holds_nothing_of_the_data_set() -> None:
    response = Response(Status(0), data=DATA, transfer_syntax_uid=IMPLICIT, error_id=0)
    assert "Secret" not in repr(response)
    assert repr(response) == f"Response(status=Status(0x0000), error_id=0, transfer_syntax_uid='{IMPLICIT}')"


def test_the_data_set_is_decoded_when_asked_for() -> None:
    response = Response(Status(0), data=DATA, transfer_syntax_uid=IMPLICIT)
    assert response.dataset == GROUP_8
    assert Response(Status(0)).dataset is None
    with pytest.raises(RemoteProtocolError):
        _ = Response(Status(0), data=b"\x10\0\x10\0ZZ\xff\xffgarbage!", transfer_syntax_uid=EXPLICIT).dataset


@pytest.mark.parametrize("uids", [(), ("1.2",), ("1.2", "1.3", "1.4")])
def test_the_failed_instances(uids: tuple[str, ...]) -> None:
    response = Response(Status(0xB000), data=failed(*uids), transfer_syntax_uid=IMPLICIT)
    assert response.failed_sop_instance_uids == uids


def test_a_list_that_explicit_vr_has_no_room_for_comes_as_unknown() -> None:
    """A peer that names more than fits into VR UI sends it as UN (PS3.5 6.2.2)."""
    uids = tuple(f"1.2.840.113619.2.55.3.604688119.969.{number}" for number in range(2000))
    value = "\\".join(uids).encode() + b"\0"
    value += b"\0" * (len(value) & 1)
    data = struct.pack("<HH2sHL", 0x0008, 0x0058, b"UN", 0, len(value)) + value
    response = Response(Status(0xB000), data=data, transfer_syntax_uid=EXPLICIT)
    assert response.failed_sop_instance_uids == uids


def test_no_list_is_no_failed_instance() -> None:
    assert Response(Status(0)).failed_sop_instance_uids == ()
    assert Response(Status(0), data=DATA, transfer_syntax_uid=IMPLICIT).failed_sop_instance_uids == ()


@pytest.mark.parametrize("make", [dimse.CMoveRSP, dimse.CGetRSP])
def test_b19_counters_are_taken_from_every_status(make: type[dimse.CMoveRSP]) -> None:
    for status in (0x0000, 0xB000, 0xFE00, 0xFF00, 0xA702):
        command = make(1, Status(status), remaining=1, completed=2, failed=3, warning=4)
        assert progress_of(command) == Progress(1, 2, 3, 4)
        assert response_of(Message(1, command, None, -1), IMPLICIT).progress == Progress(1, 2, 3, 4)
    assert progress_of(dimse.CFindRSP(1, Status(0))) is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (dimse.CEchoRSP(1, Status(0)), Response(Status(0))),
        (
            dimse.CStoreRSP(1, Status(0xA700), "1.2", "1.3", error_comment="full", offending_elements=(7,), error_id=5),
            Response(Status(0xA700), "full", (7,), 5, "1.3"),
        ),
        (
            dimse.NEventReportRSP(1, Status(0), "1", "1.3", 0),
            Response(Status(0), type_id=0, sop_instance_uid="1.3", transfer_syntax_uid=IMPLICIT),
        ),
        (
            dimse.NActionRSP(1, Status(0), "1", "1.3", 9),
            Response(Status(0), type_id=9, sop_instance_uid="1.3", transfer_syntax_uid=IMPLICIT),
        ),
        (
            dimse.NSetRSP(1, Status(0x0107), "1", "1.3", (4,)),
            Response(Status(0x0107), sop_instance_uid="1.3", attribute_identifiers=(4,), transfer_syntax_uid=IMPLICIT),
        ),
    ],
)
def test_everything_in_a_command_is_in_the_response(command: dimse.Response, expected: Response) -> None:
    assert response_of(Message(1, command, None, -1), IMPLICIT) == expected


def test_a_match_decodes_bytes_and_hands_on_data_sets() -> None:
    assert Match(DATA, transfer_syntax_uid=IMPLICIT).dataset == GROUP_8
    assert Match(DATA).data == DATA
    assert Match(GROUP_8).dataset is GROUP_8
    assert Match(GROUP_8).data == b""
    assert Match(DATA).status == 0xFF00
