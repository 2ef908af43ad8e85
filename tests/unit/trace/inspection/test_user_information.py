from __future__ import annotations

from helpers.recordings import CT, VERIFICATION, Recording

from dicomgui.network.association.extended import QueryFlags, StorageSupport
from dicomgui.network.pdu import (
    ApplicationContext,
    AssociateAC,
    AssociateRQ,
    AsyncOperationsWindow,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UnknownSubItem,
    UserIdentityAC,
    UserIdentityRQ,
    UserInfoItem,
    UserInformation,
)
from dicomgui.trace.inspection.negotiated import negotiation
from dicomgui.trace.inspection.user_information import Information, compare_information
from dicomgui.trace.store import TraceStore

FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def compared(asked: tuple[UserInfoItem, ...], answered: tuple[UserInfoItem, ...]) -> dict[str, Information]:
    recording = Recording().sent(AssociateRQ("A", "B", (ApplicationContext(), UserInformation(asked))))
    recording.received(AssociateAC("A", "B", (ApplicationContext(), UserInformation(answered))))
    store = TraceStore()
    for record in recording.records:
        store(record)
    found = negotiation(store, 1).user_information
    store.close()
    return {one.name: one for one in found}


def texts(found: dict[str, Information], name: str) -> tuple[str, str]:
    return found[name].asked, found[name].answered


def test_requested_and_accepted_stand_side_by_side() -> None:
    found = compared(
        (
            MaximumLength(16384), ImplementationClassUID("1.2.3\0"), AsyncOperationsWindow(0, 1),
            ImplementationVersionName("ME_1"), RoleSelection(CT, 1, 1), UnknownSubItem(0x77, b"hm"),
        ),
        (MaximumLength(0), ImplementationClassUID("1.2.4"), AsyncOperationsWindow(3, 2), RoleSelection(CT, 0, 1)),
    )  # fmt: skip
    assert texts(found, "Application context") == ("DICOM Application Context Name",) * 2
    assert texts(found, "Maximum PDU length") == ("16,384 bytes", "no limit (0)")
    assert texts(found, "Implementation class UID") == ("1.2.3", "1.2.4")
    assert texts(found, "Asynchronous operations") == ("invokes any number, performs 1", "invokes 3, performs 2")
    assert texts(found, "Implementation version") == ("ME_1", "")
    assert texts(found, "Role for CT Image Storage") == ("SCU and SCP", "SCP")
    assert texts(found, "Unknown item 77H") == ("68 6d", "")
    asked, answered = found["Maximum PDU length"].asked_at, found["Maximum PDU length"].answered_at
    assert asked is not None
    assert answered is not None
    assert (asked.seq, asked.length, answered.seq) == (1, 8, 2)
    assert found["Implementation version"].answered_at is None


def test_extended_negotiation_in_words() -> None:
    found = compared(
        (
            QueryFlags(relational=True, fuzzy=True).item(FIND),
            StorageSupport().item(CT),
            SOPClassExtendedNegotiation("1.2.3.4", b"\x01"),
            SOPClassCommonExtendedNegotiation("1.2.3", "1.2.840.10008.4.2", (CT,)),
        ),
        (QueryFlags().item(FIND),),
    )
    name = "Extended negotiation of Study Root Query/Retrieve Information Model - FIND"
    assert texts(found, name) == ("relational, fuzzy (01 00 01)", "nothing (00)")
    name = "Extended negotiation of CT Image Storage"
    assert texts(found, name)[0] == "level 3, digital signature 0, coercion 2 (03 00 00 00 02 00)"
    assert texts(found, "Extended negotiation of 1.2.3.4") == ("01", "")
    name = "Common extended negotiation of 1.2.3"
    assert texts(found, name) == ("service class Storage Service Class; like CT Image Storage", "")


def test_secrets_are_not_shown() -> None:
    found = compared((UserIdentityRQ(2, 1, b"alice", b"secret"),), (UserIdentityAC(b"token"),))
    asked, answered = texts(found, "User identity")
    assert asked == "user alice, passcode of 6 bytes (not kept), wants a response"
    assert answered == "accepted, response of 5 bytes (not kept)"
    ticket = compared((UserIdentityRQ(3, 0, b"ticket"),), (UserIdentityAC(b""),))
    assert texts(ticket, "User identity") == (
        "Kerberos service ticket, 6 bytes (not kept)",
        "accepted, without a response",
    )
    odd = compared((UserIdentityRQ(9, 0, b"x"),), ())
    assert texts(odd, "User identity") == ("unknown type 9, 1 bytes (not kept)", "")


def test_an_item_that_comes_twice_is_shown_twice() -> None:
    recording = AssociateRQ("A", "B", (UserInformation((MaximumLength(1), MaximumLength(2))),))
    answer = AssociateAC("A", "B", (UserInformation((MaximumLength(3), RoleSelection(VERIFICATION, 0, 0))),))
    found = compare_information(recording, 1, None, answer, 2, None)
    assert [(one.asked, one.answered) for one in found] == [("1 bytes", "3 bytes"), ("2 bytes", ""), ("", "none")]
    assert compare_information(None, 0, None, None, 0, None) == ()
