"""The codec of command sets: golden bytes of peers, round trips, and what is tolerated or refused."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.dimse.command_set import _LAYOUTS, APPENDED, MAX_COMMENT, appended_dataset, decode, encode
from dicomgui.network.dimse.commands import (
    MESSAGE_TYPES,
    CCancelRQ,
    CEchoRQ,
    CEchoRSP,
    CFindRQ,
    CFindRSP,
    CGetRQ,
    CGetRSP,
    CMoveRQ,
    CMoveRSP,
    Command,
    CStoreRQ,
    CStoreRSP,
    NActionRQ,
    NActionRSP,
    NCreateRQ,
    NCreateRSP,
    NDeleteRQ,
    NDeleteRSP,
    NEventReportRQ,
    NEventReportRSP,
    NGetRQ,
    NGetRSP,
    NSetRQ,
    NSetRSP,
    Priority,
    UnknownCommand,
)
from dicomgui.network.dimse.elements import ELEMENTS
from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.status import Status

VECTORS = Path(__file__).parents[3] / "vectors" / "dimse"
CT = "1.2.840.10008.5.1.4.1.1.2"
INSTANCE = "1.2.826.0.1.3680043.8.498.1234567"
CT_SMALL = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
OK = Status(0)

GOLDEN: dict[str, Command] = {
    "dcmtk_c_echo_rq": CEchoRQ(1),
    "dcmtk_c_echo_rsp": CEchoRSP(1, OK),
    "dcmtk_c_store_rq": CStoreRQ(1, CT, CT_SMALL),
    "dcmtk_c_store_rsp": CStoreRSP(1, OK, CT, CT_SMALL),
    "pynetdicom_c_echo_rq": CEchoRQ(7),
    "pynetdicom_c_echo_rsp": CEchoRSP(7, OK),
    "pynetdicom_c_store_rq": CStoreRQ(8, CT, INSTANCE, Priority.HIGH, "MOVER", 99),
    "pynetdicom_c_store_rsp": CStoreRSP(
        8, Status(0xA900), CT, INSTANCE, error_comment="Does not match", offending_elements=(0x00080016, 0x00080018)
    ),
    "pynetdicom_c_find_rq": CFindRQ(9, FIND, Priority.LOW),
    "pynetdicom_c_find_rsp": CFindRSP(9, Status(0xFF00), FIND, has_dataset=True),
    "pynetdicom_c_get_rq": CGetRQ(10, GET),
    "pynetdicom_c_get_rsp": CGetRSP(10, Status(0xFF00), GET, 4, 3, 2, 1),
    "pynetdicom_c_move_rq": CMoveRQ(11, MOVE, "STORE_SCP"),
    "pynetdicom_c_move_rsp": CMoveRSP(11, Status(0xA702), MOVE, 0, 3, 2, 1, error_comment="Unable"),
    "pynetdicom_c_cancel_rq": CCancelRQ(11),
    "pynetdicom_n_event_report_rq": NEventReportRQ(12, COMMITMENT, COMMITMENT_INSTANCE, 2, has_dataset=True),
    "pynetdicom_n_event_report_rsp": NEventReportRSP(12, OK, COMMITMENT, COMMITMENT_INSTANCE, 2),
    "pynetdicom_n_get_rq": NGetRQ(13, MPPS, INSTANCE, (0x00400252, 0x00100010)),
    "pynetdicom_n_get_rsp": NGetRSP(13, OK, MPPS, INSTANCE, has_dataset=True),
    "pynetdicom_n_set_rq": NSetRQ(14, MPPS, INSTANCE),
    "pynetdicom_n_set_rsp": NSetRSP(14, OK, MPPS, INSTANCE),
    "pynetdicom_n_action_rq": NActionRQ(15, COMMITMENT, COMMITMENT_INSTANCE, 1, has_dataset=True),
    "pynetdicom_n_action_rsp": NActionRSP(15, OK, COMMITMENT, COMMITMENT_INSTANCE, 1),
    "pynetdicom_n_create_rq": NCreateRQ(16, MPPS, INSTANCE),
    "pynetdicom_n_create_rsp": NCreateRSP(16, OK, MPPS, INSTANCE),
    "pynetdicom_n_delete_rq": NDeleteRQ(17, MPPS, INSTANCE),
    "pynetdicom_n_delete_rsp": NDeleteRSP(17, Status(0x0112), MPPS, INSTANCE, error_comment="Gone", error_id=5),
}


def vector(name: str) -> bytes:
    lines = (VECTORS / f"{name}.hex").read_text(encoding="ascii").splitlines()
    return bytes.fromhex(" ".join(line for line in lines if not line.startswith("#")))


def element(number: int, value: bytes, *, length: int | None = None, group: int = 0) -> bytes:
    return struct.pack("<HHL", group, number, len(value) if length is None else length) + value


def number(tag: int, value: int) -> bytes:
    return element(tag, struct.pack("<H", value))


def command_set(*elements: bytes, group_length: int | None = None) -> bytes:
    body = b"".join(elements)
    return element(0, struct.pack("<L", len(body) if group_length is None else group_length)) + body


ECHO = (number(0x0100, 0x0030), number(0x0110, 1), number(0x0800, 0x0101))


def split(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    offset = 0
    while offset < len(data):
        group, tag, length = struct.unpack_from("<HHL", data, offset)
        assert group == 0
        found[tag] = data[offset + 8 : offset + 8 + length]
        offset += 8 + length
    return found


# --- golden bytes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN)
def test_b02_golden_bytes(name: str) -> None:
    data = vector(name)
    decoded = decode(data)
    assert decoded == GOLDEN[name]
    assert type(decoded) is type(GOLDEN[name])
    assert decoded.anomalies == ()
    assert encode(GOLDEN[name]) == data


def test_every_vector_is_used_and_every_message_has_one() -> None:
    assert {path.stem for path in VECTORS.glob("*.hex")} == set(GOLDEN)
    assert {type(command) for command in GOLDEN.values()} == set(MESSAGE_TYPES.values())


@pytest.mark.parametrize("name", GOLDEN)
def test_b04_dataset_type_tells_whether_a_data_set_follows(name: str) -> None:
    command = GOLDEN[name]
    for has_dataset in (False, True):
        changed = dataclasses.replace(command, has_dataset=has_dataset)
        value = split(encode(changed))[0x0800]
        assert (value == b"\x01\x01") is (not has_dataset)
        assert decode(encode(changed)).has_dataset is has_dataset


def test_b04_every_value_but_0101_says_that_a_data_set_follows() -> None:
    for value in (0x0000, 0x0001, 0x0100, 0x0102, 0xFFFF):
        data = command_set(*ECHO[:2], number(0x0800, value))
        assert decode(data).has_dataset


def test_b06_move_and_get_requests_carry_their_message_id() -> None:
    for command in (CMoveRQ(513, MOVE, "DEST"), CGetRQ(513, GET)):
        assert split(encode(command))[0x0110] == b"\x01\x02"
        assert decode(encode(command)).message_id == 513


# --- properties -------------------------------------------------------------------------------------------------------

uids = st.from_regex(r"[0-9](\.?[0-9]){0,62}", fullmatch=True).filter(lambda uid: len(uid) <= 64)
words = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\"), max_size=64)
trimmed = words.map(lambda text: text.strip(" "))
numbers = st.integers(0, 0xFFFF)
tags = st.lists(st.integers(0, 0xFFFFFFFF), max_size=6).map(tuple)
BY_VR: dict[str, st.SearchStrategy[object]] = {
    "UI": st.just("") | uids,
    "US": numbers,
    "AE": trimmed.map(lambda text: text[:16].strip(" ")),
    "LO": trimmed,
    "AT": tags,
}


def values_of(field: dataclasses.Field[object]) -> st.SearchStrategy[object]:
    if field.name == "has_dataset":
        return st.booleans()
    values = numbers.map(Status) if field.name == "status" else BY_VR[ELEMENTS[field.name].vr]
    return values | st.none() if field.default is None else values


def messages_of(cls: type[Command]) -> st.SearchStrategy[Command]:
    fields = [field for field in dataclasses.fields(cls) if field.name not in ("anomalies", "command_field")]
    given_fields = {field.name: values_of(field) for field in fields}
    if cls is UnknownCommand:
        given_fields["command_field"] = numbers.filter(lambda code: code not in MESSAGE_TYPES)
    return st.builds(cls, **given_fields)


commands = st.one_of([messages_of(cls) for cls in (*MESSAGE_TYPES.values(), UnknownCommand)])


@given(commands)
def test_decode_gives_back_what_was_encoded(command: Command) -> None:
    decoded = decode(encode(command))
    assert decoded == command
    assert type(decoded) is type(command)
    assert decoded.anomalies == ()


@given(commands)
def test_b02_group_length_first_and_elements_in_order(command: Command) -> None:
    data = encode(command)
    found = split(data)
    assert list(found) == sorted(found)
    assert found[0] == struct.pack("<L", len(data) - 12)


@given(commands)
def test_b03_every_element_is_even(command: Command) -> None:
    for tag, value in split(encode(command)).items():
        assert len(value) % 2 == 0, hex(tag)


def test_b03_uid_is_padded_with_nul_and_text_with_space() -> None:
    found = split(encode(CStoreRQ(1, "1.2", "1.3", move_originator_ae_title="ABC")))
    assert found[0x0002] == b"1.2\0"
    assert found[0x1030] == b"ABC "
    assert split(encode(CEchoRSP(1, OK, error_comment="odd")))[0x0902] == b"odd "


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_a_protocol_error(data: bytes) -> None:
    check_any(data)


@given(commands, st.data())
def test_damaged_commands_are_a_command_or_a_protocol_error(command: Command, data: st.DataObject) -> None:
    broken = bytearray(encode(command))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    check_any(bytes(broken[: data.draw(st.integers(0, len(broken)))]))


def check_any(data: bytes) -> None:
    recorder = Recorded()
    fault = None
    command = None
    try:
        command = decode(data, recorder=recorder)
    except RemoteProtocolError as exc:
        fault = exc
    if fault is not None:
        assert (fault.abort_reason, fault.pdu_type) == (6, 4)
        assert fault.field
        assert 0 <= fault.offset <= len(data)
    else:
        assert isinstance(command, Command)
        assert recorder.left == [len(data)]
    assert sum(length for _, _, _, length in recorder.fields) == len(data)


# --- what is tolerated ------------------------------------------------------------------------------------------------


def outcome(data: bytes) -> object:
    try:
        command = decode(data)
    except RemoteProtocolError as error:
        return str(error), error.offset, error.field
    return command, command.anomalies


@pytest.mark.parametrize("name", ["dcmtk_c_echo_rsp", "dcmtk_c_store_rq", "dcmtk_c_store_rsp", "pynetdicom_c_move_rq"])
def test_known_layout_changes_no_outcome(name: str) -> None:
    """Every byte is changed once, with the layout of the sound command known and with no layout known."""
    data = vector(name)
    for at in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            _LAYOUTS.clear()
            expected = outcome(changed)
            _LAYOUTS.clear()
            decode(data)
            assert outcome(changed) == expected
            assert decode(data) == GOLDEN[name]


def test_memoryviews_and_bytearrays_are_read() -> None:
    data = encode(CEchoRQ(1))
    assert decode(memoryview(b"x" + data)[1:]) == decode(bytearray(data)) == CEchoRQ(1)


@pytest.mark.parametrize("group_length", [0, 1, 0xFFFFFFFF])
def test_wrong_group_length(group_length: int) -> None:
    command = decode(command_set(*ECHO, group_length=group_length))
    assert command == CEchoRQ(1, "")
    assert command.anomalies == ("the Command Group Length is missing or wrong",)


def test_missing_group_length() -> None:
    command = decode(b"".join(ECHO))
    assert command.message_id == 1
    assert command.anomalies == ("the Command Group Length is missing or wrong",)


def test_odd_length_uid() -> None:
    command = decode(command_set(element(0x0002, b"1.2"), *ECHO))
    assert command == CEchoRQ(1, "1.2")
    assert command.anomalies == ("(0000,0002) Affected SOP Class UID has the odd length 3",)


def test_elements_out_of_order() -> None:
    command = decode(command_set(ECHO[2], ECHO[0], ECHO[1]))
    assert command == CEchoRQ(1, "")
    assert command.anomalies == ("(0000,0100) Command Field is out of order",)


def test_unknown_and_retired_elements_are_skipped() -> None:
    command = decode(command_set(element(0x0001, b"\0\0\0\0"), *ECHO, element(0x7777, b"ab")))
    assert command == CEchoRQ(1, "")
    assert command.anomalies == (
        "(0000,0001) Command Length to End was skipped: no current message has it",
        "(0000,7777) unknown element was skipped: no current message has it",
    )


def test_elements_of_another_message_are_skipped() -> None:
    command = decode(command_set(*ECHO[:2], number(0x0120, 9), number(0x0700, 1), ECHO[2]))
    assert command == CEchoRQ(1, "")
    assert command.anomalies == (
        "(0000,0120) Message ID Being Responded To does not belong here",
        "(0000,0700) Priority does not belong here",
    )


def test_missing_uids_and_destination_are_empty() -> None:
    store = decode(command_set(number(0x0100, 1), number(0x0110, 1), number(0x0800, 1)))
    assert store == CStoreRQ(1, "", "")
    assert store.anomalies == (
        "(0000,0002) Affected SOP Class UID is missing",
        "(0000,1000) Affected SOP Instance UID is missing",
    )
    move = decode(command_set(number(0x0100, 0x21), number(0x0110, 1), number(0x0800, 1)))
    assert move == CMoveRQ(1, "", "")


def test_empty_number_counts_as_missing() -> None:
    store = decode(
        command_set(
            element(0x0002, b"1.2\0"),
            number(0x0100, 1),
            number(0x0110, 1),
            number(0x0800, 1),
            element(0x1000, b"1.3\0"),
            element(0x1031, b""),
        )
    )
    assert store == CStoreRQ(1, "1.2", "1.3")
    assert store.anomalies == ("(0000,1031) Move Originator Message ID is empty",)


def test_anomalies_are_bounded() -> None:
    noise = [element(0x7000 + i, b"") for i in range(1000)]
    assert len(decode(command_set(*ECHO, *noise)).anomalies) == 16


def test_texts_lose_their_padding_only() -> None:
    command = decode(
        command_set(
            element(0x0002, b"1.2 "),
            number(0x0100, 0x8001),
            number(0x0120, 1),
            number(0x0800, 0x0101),
            number(0x0900, 0xC000),
            element(0x0902, b" a b \0"),
            element(0x1000, b"../x\n\0\0"),
        )
    )
    assert command == CStoreRSP(1, Status(0xC000), "1.2", "../x\n", error_comment="a b")
    assert decode(command_set(*ECHO[:2], ECHO[2])).message_id == 1


def test_text_of_any_bytes_is_kept() -> None:
    raw = bytes(range(1, 256)) + b"\0"
    command = decode(command_set(element(0x0002, raw), *ECHO))
    assert isinstance(command, CEchoRQ)
    assert command.affected_sop_class_uid.encode("latin-1") == raw[:-1]


def test_unknown_priority_is_kept() -> None:
    data = command_set(number(0x0100, 1), number(0x0110, 1), number(0x0700, 9), number(0x0800, 1))
    command = decode(data)
    assert isinstance(command, CStoreRQ)
    assert command.priority == 9
    known = decode(encode(CFindRQ(1, FIND, Priority.LOW)))
    assert isinstance(known, CFindRQ)
    assert known.priority is Priority.LOW


def test_status_is_a_status() -> None:
    command = decode(encode(CStoreRSP(1, Status(0xA700))))
    assert isinstance(command, CStoreRSP)
    assert isinstance(command.status, Status)


def test_unknown_command_field() -> None:
    request = decode(command_set(element(0x0002, b"1.2\0"), number(0x0100, 0x0222), number(0x0110, 3), ECHO[2]))
    assert request == UnknownCommand(3, 0x0222, "1.2")
    response = UnknownCommand(3, 0x8222, "1.2", "1.3", Status(0x0211), error_comment="no")
    assert decode(encode(response)) == response
    assert split(encode(response))[0x0120] == b"\3\0"


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"", "Command Field"),
        (b"\0" * 7, "Command Set"),
        (command_set(*ECHO) + b"\0\0\0", "Command Set"),
        (command_set(*ECHO, element(0x0902, b"ab", length=3)), "(0000,0902) Error Comment"),
        (command_set(*ECHO, element(0x0902, b"", length=0xFFFFFFFF)), "(0000,0902) Error Comment"),
        (element(0x0010, b"1.2\0", group=2) + command_set(*ECHO), "Command Set"),
        (command_set(*ECHO[:2], number(0x0110, 2), ECHO[2]), "(0000,0110) Message ID"),
        (command_set(*ECHO[1:]), "Command Field"),
        (command_set(element(0x0100, b""), *ECHO[1:]), "Command Field"),
        (command_set(ECHO[0], ECHO[2]), "(0000,0110) Message ID"),
        (command_set(*ECHO[:2]), "(0000,0800) Command Data Set Type"),
        (command_set(ECHO[0], element(0x0110, b"\1\0\0\0"), ECHO[2]), "(0000,0110) Message ID"),
        (command_set(ECHO[0], element(0x0110, b"\1"), ECHO[2]), "(0000,0110) Message ID"),
        (element(0, b"\0\0") + b"".join(ECHO), "(0000,0000) Command Group Length"),
        (command_set(*ECHO, element(0x0901, b"\1\0\2")), "(0000,0901) Offending Element"),
        (command_set(number(0x0100, 0x8030), number(0x0120, 1), ECHO[2]), "(0000,0900) Status"),
        (command_set(number(0x0100, 0x8030), ECHO[2], number(0x0900, 0)), "(0000,0120) Message ID Being Responded To"),
        (command_set(number(0x0100, 0x0222), ECHO[2]), "(0000,0110) Message ID"),
        (command_set(number(0x0100, 0x0130), number(0x0110, 1), ECHO[2]), "(0000,1008) Action Type ID"),
    ],
)
def test_refused(data: bytes, field: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)
    assert caught.value.field == field
    assert caught.value.abort_reason == 6
    assert caught.value.pdu_type == 4
    assert str(caught.value).startswith("command set, ")


def test_offset_is_that_of_the_element() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(command_set(ECHO[0], element(0x0110, b"\1")))
    assert caught.value.offset == 22


# --- what cannot be sent ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        CEchoRQ(65_536),
        CEchoRQ(-1),
        CEchoRQ(1, "1.2.\N{GREEK SMALL LETTER ALPHA}"),
        CMoveRQ(1, MOVE, "\N{EURO SIGN}"),
        NGetRQ(1, MPPS, INSTANCE, (0x1_0000_0000,)),
        UnknownCommand(1, 0x10000),
    ],
)
def test_what_does_not_fit_is_a_local_error(command: Command) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be encoded"):
        encode(command)


def test_comments_are_made_fit_to_send() -> None:
    def sent(comment: str) -> bytes:
        return split(encode(CEchoRSP(1, OK, error_comment=comment)))[0x0902]

    assert sent("x" * 100) == b"x" * MAX_COMMENT
    assert sent("C:\\data\n\N{EURO SIGN}") == b"C:/data??" + b" "


# --- the recorder -----------------------------------------------------------------------------------------------------


class Recorded:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.entered: list[tuple[str, int]] = []
        self.fields: list[tuple[str, str, int, int]] = []
        self.left: list[int] = []

    def enter(self, label: str, offset: int) -> None:
        self.entered.append((label, offset))

    def field(self, label: str, value: str, offset: int, length: int) -> None:
        self.fields.append((label, value, offset, length))

    def leave(self, end: int) -> None:
        self.left.append(end)


def record(data: bytes) -> Recorded:
    recorder = Recorded()
    decode(data, recorder=recorder)
    return recorder


def test_recorder_is_told_every_element() -> None:
    recorder = record(vector("pynetdicom_c_store_rsp"))
    assert recorder.entered == [("Command set", 0)]
    assert [(label, value) for label, value, _, _ in recorder.fields] == [
        ("(0000,0000) Command Group Length", "154"),
        ("(0000,0002) Affected SOP Class UID", CT),
        ("(0000,0100) Command Field", "8001H (C-STORE-RSP)"),
        ("(0000,0120) Message ID Being Responded To", "8"),
        ("(0000,0800) Command Data Set Type", "0101H (no data set)"),
        ("(0000,0900) Status", str(Status(0xA900))),
        ("(0000,0901) Offending Element", "(0008,0016), (0008,0018)"),
        ("(0000,0902) Error Comment", "Does not match"),
        ("(0000,1000) Affected SOP Instance UID", INSTANCE),
    ]
    assert recorder.fields[1][2:] == (12, 34)
    assert recorder.left == [166]


def test_recorder_is_told_names_of_values() -> None:
    values = {label[12:]: value for label, value, _, _ in record(vector("pynetdicom_c_store_rq")).fields}
    assert values["Priority"] == "1 (high)"
    assert values["Command Data Set Type"] == "0001H (data set follows)"
    assert values["Move Originator Application Entity Title"] == "MOVER"
    odd = {
        label[12:]: value
        for label, value, _, _ in record(
            command_set(
                number(0x0100, 0x0222),
                ECHO[1],
                number(0x0700, 9),
                ECHO[2],
                element(0x0902, b"a\nb "),
                element(0x7777, b"\1" * 40),
            )
        ).fields
    }
    assert odd["Command Field"] == "0222H (unknown)"
    assert odd["Priority"] == "9"
    assert odd["Error Comment"] == "a\\nb"
    assert odd["unknown element"] == "01 " * 32 + "…"


def test_recorder_is_told_what_precedes_a_fault() -> None:
    recorder = Recorded()
    with pytest.raises(RemoteProtocolError):
        decode(command_set(*ECHO, element(0x0902, b"ab", length=9)), recorder=recorder)
    assert recorder.fields[-1] == (
        "(0000,0902) Error Comment",
        "length 9, the command set breaks off",
        42,
        10,
    )
    assert recorder.left == []
    recorder = Recorded()
    with pytest.raises(RemoteProtocolError):
        decode(element(0x0010, b"ab", group=2) + b"\1\2", recorder=recorder)
    assert recorder.fields == [("(0002,0010)", "61 62", 0, 10), ("Left over", "01 02", 10, 2)]
    recorder = Recorded()
    with pytest.raises(RemoteProtocolError):
        decode(command_set(element(0x0900, b"\1\2\3\4")), recorder=recorder)
    assert recorder.fields[-1][1] == "4030201H"


# -- what peers send otherwise than the standard says, and whose meaning is plain


FAILED_LIST = bytes.fromhex("08000000 04000000 0C000000 08005800 04000000") + b"1.2\0"
"""Group length of 0008 and Failed SOP Instance UID List, in implicit VR little endian: as Orthanc 1.12.7 sends them."""


@pytest.mark.parametrize("has_dataset", [True, False])
def test_a_data_set_behind_the_command_set_of_a_response(has_dataset: bool) -> None:
    sound = encode(CGetRSP(1, Status(0xA702), GET, completed=0, failed=1, has_dataset=has_dataset))
    command = decode(sound + FAILED_LIST)
    assert command == decode(sound)
    assert APPENDED in command.anomalies
    assert len(command.anomalies) == 2 - has_dataset, "that it is not announced is odd as well"
    assert appended_dataset(sound + FAILED_LIST) == FAILED_LIST
    assert appended_dataset(sound) == b""


def test_a_data_set_behind_anything_else_is_an_error() -> None:
    """What a request means then is not plain, nor what follows where the group length does not say where it ends."""
    for sound in (encode(CStoreRQ(1, CT, INSTANCE)), encode(CGetRSP(1, OK, GET))[12:]):
        assert appended_dataset(sound + FAILED_LIST) == b""
        with pytest.raises(RemoteProtocolError, match="not of group 0000"):
            decode(sound + FAILED_LIST)


@pytest.mark.parametrize("value", ["0300 0300", "0300 0000"])
def test_of_several_numbers_of_sub_operations_the_first_counts(value: str) -> None:
    """As DCMTK takes them; a PACS in the field sends two (pynetdicom, issue 554)."""
    data = encode(CMoveRSP(1, Status(0xFF00), MOVE, remaining=5))
    at = data.index(bytes.fromhex("00002010"))
    odd = data[:at] + bytes.fromhex("00002010 04000000" + value)
    odd = odd[:8] + struct.pack("<L", len(odd) - 12) + odd[12:]
    command = decode(odd)
    assert isinstance(command, CMoveRSP)
    assert command.remaining == 3
    assert command.anomalies == ("(0000,1020) Number of Remaining Sub-operations has 4 bytes: the first two count",)


def test_what_comes_twice_with_the_same_value_counts_once() -> None:
    data = encode(CEchoRSP(7, OK))
    status = data[-10:]
    twice = data[:8] + struct.pack("<L", len(data) + 10 - 12) + data[12:] + status
    assert decode(twice) == CEchoRSP(7, OK)
    assert decode(twice).anomalies == ("(0000,0900) Status comes twice, with the same value",)
    with pytest.raises(RemoteProtocolError, match="it comes twice"):
        decode(twice[:-2] + b"\1\0")


@pytest.mark.parametrize("command", [CCancelRQ(9), CEchoRSP(9, OK)])
def test_message_id_in_the_place_of_the_one_responded_to(command: Command) -> None:
    odd = encode(command).replace(bytes.fromhex("00002001 02000000"), bytes.fromhex("00001001 02000000"))
    assert decode(odd) == command
    assert decode(odd).anomalies == ("(0000,0110) Message ID stands for (0000,0120) Message ID Being Responded To",)
