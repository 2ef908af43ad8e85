"""The 23 messages: construction, comparison, matching."""

from __future__ import annotations

import dataclasses

import pytest

from dicomgui.network.dimse.commands import (
    MESSAGE_TYPES,
    CCancelRQ,
    CEchoRQ,
    CEchoRSP,
    CFindRQ,
    CFindRSP,
    CMoveRQ,
    Command,
    CommandField,
    CStoreRQ,
    CStoreRSP,
    NActionRQ,
    NActionRSP,
    NCreateRQ,
    NGetRQ,
    Priority,
    Request,
    Response,
    UnknownCommand,
    answer,
    oddities_of,
)
from dicomgui.network.status import Status

CT = "1.2.840.10008.5.1.4.1.1.2"


def test_there_are_23_messages_with_the_fields_of_the_standard() -> None:
    assert len(MESSAGE_TYPES) == len(CommandField) == 23
    assert set(MESSAGE_TYPES) == set(CommandField)
    for code, message in MESSAGE_TYPES.items():
        assert message.command_field == code
        assert issubclass(message, Response) == bool(code & 0x8000)


def test_class_names_are_the_names_of_the_standard() -> None:
    for code, message in MESSAGE_TYPES.items():
        assert message.__name__.upper() == CommandField(code).text.replace("-", "")


def test_names() -> None:
    assert CEchoRQ(1).name == "C-ECHO-RQ"
    assert CStoreRSP(1, Status(0)).name == "C-STORE-RSP"
    assert CCancelRQ(1).name == "C-CANCEL-RQ"
    assert UnknownCommand(1, 0x0222).name == "command 0x0222"
    assert CommandField.N_EVENT_REPORT_RSP.text == "N-EVENT-REPORT-RSP"


def test_construction_by_position_and_defaults() -> None:
    request = CStoreRQ(5, CT, "1.2.3")
    assert request == CStoreRQ(
        message_id=5,
        affected_sop_class_uid=CT,
        affected_sop_instance_uid="1.2.3",
        priority=Priority.MEDIUM,
        move_originator_ae_title="",
        move_originator_message_id=None,
        has_dataset=True,
    )
    assert request.has_dataset
    assert CEchoRQ(1).affected_sop_class_uid == "1.2.840.10008.1.1"
    assert not CEchoRQ(1).has_dataset
    assert CFindRQ(1, "1.2").has_dataset
    assert CMoveRQ(1, "1.2", "DEST").move_destination == "DEST"
    assert NCreateRQ(1, "1.2").affected_sop_instance_uid == ""


def test_messages_can_be_matched() -> None:
    def tell(command: Command) -> str:
        match command:
            case CStoreRSP(message_id, status) if status == 0:
                return f"stored {message_id}"
            case CStoreRQ(_, _, instance):
                return f"store {instance}"
            case Request():
                return "request"
            case Response(message_id=message_id):
                return f"response to {message_id}"
            case UnknownCommand(_, field):
                return f"unknown {field}"

    assert tell(CStoreRSP(4, Status(0))) == "stored 4"
    assert tell(CStoreRQ(1, CT, "1.2")) == "store 1.2"
    assert tell(CEchoRQ(1)) == "request"
    assert tell(CEchoRSP(9, Status(0))) == "response to 9"
    assert tell(UnknownCommand(1, 7)) == "unknown 7"


def test_messages_are_frozen_hashable_and_slotted() -> None:
    request = CEchoRQ(1)
    for field in dataclasses.fields(request):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(request, field.name, 2)
    assert {request: 1}[CEchoRQ(1)] == 1
    assert not hasattr(request, "__dict__")


def test_anomalies_do_not_count_in_comparisons() -> None:
    assert CEchoRQ(1, anomalies=("odd",)) == CEchoRQ(1)


def test_command_is_usable_with_isinstance() -> None:
    assert isinstance(CEchoRQ(1), Command)
    assert isinstance(UnknownCommand(1, 2), Command)
    assert not isinstance(1, Command)


def test_sop_uids_affected_or_requested() -> None:
    assert CStoreRQ(1, CT, "1.2").sop_class_uid == CT
    assert CStoreRQ(1, CT, "1.2").sop_instance_uid == "1.2"
    assert NGetRQ(1, "1.3", "1.4").sop_class_uid == "1.3"
    assert NGetRQ(1, "1.3", "1.4").sop_instance_uid == "1.4"
    assert CCancelRQ(1).sop_class_uid == CCancelRQ(1).sop_instance_uid == ""


def test_kind() -> None:
    assert CEchoRQ(1).is_request
    assert not CEchoRQ(1).is_response
    assert CEchoRSP(1, Status(0)).is_response
    assert not CEchoRSP(1, Status(0)).is_request
    assert UnknownCommand(1, 0x0222).is_request
    assert not UnknownCommand(1, 0x0222).is_response
    assert UnknownCommand(1, 0x8222).is_response
    assert not UnknownCommand(1, 0x8222).is_request


def test_answer_echoes_id_and_uids() -> None:
    refused = Status(0x0110)
    assert answer(CEchoRQ(3), refused) == CEchoRSP(3, refused)
    assert answer(CStoreRQ(3, CT, "1.2"), refused, error_comment="why", offending_elements=(0x00080016,)) == CStoreRSP(
        3, refused, CT, "1.2", error_comment="why", offending_elements=(0x00080016,)
    )
    assert answer(NActionRQ(3, "1.2", "1.3", 4), refused, has_dataset=True) == NActionRSP(
        3, refused, "1.2", "1.3", has_dataset=True
    )
    assert answer(UnknownCommand(3, 0x0222, "1.2", "1.3"), refused, error_comment="no") == UnknownCommand(
        3, 0x8222, "1.2", "1.3", refused, error_comment="no"
    )
    with pytest.raises(KeyError):
        answer(CCancelRQ(3), refused)


def test_every_request_has_an_answer_but_cancel() -> None:
    for message in MESSAGE_TYPES.values():
        if not issubclass(message, Request) or message is CCancelRQ:
            continue
        required = [f for f in dataclasses.fields(message) if f.default is dataclasses.MISSING]
        request = message(*(7 if f.type == "int" else "1.2" for f in required))
        response = answer(request, Status(0x0211))
        assert response.command_field == message.command_field | 0x8000
        assert response.message_id == 7
        assert response.status == 0x0211


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (CFindRSP(1, Status(0xFF00), has_dataset=True), ()),
        (CFindRSP(1, Status(0xFF01)), ("pending, but without an identifier",)),
        (CFindRSP(1, Status(0)), ()),
        (CFindRSP(1, Status(0xA700), has_dataset=True, anomalies=("odd",)), ("odd", "final, but with an identifier")),
        (CEchoRQ(1, ""), ("without Affected SOP Class UID",)),
        (CEchoRSP(1, Status(0), has_dataset=True), ("with a data set, which it never has",)),
        (CEchoRSP(1, Status(0)), ()),
        (UnknownCommand(1, 0x0222, has_dataset=True), ()),
    ],
)
def test_a_data_set_against_the_rules_is_odd(command: Command, expected: tuple[str, ...]) -> None:
    assert oddities_of(command) == expected
