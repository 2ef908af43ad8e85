"""The table of command elements: which element of group 0000 carries which field of the messages (PS3.7 E.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["ELEMENTS", "ELEMENTS_BY_NUMBER", "MESSAGE_ID_RESPONDED", "Element"]


class Element(NamedTuple):
    """One command element (0000,eeee): its number ``eeee``, its VR and its name in the standard."""

    number: int
    vr: str
    name: str


ELEMENTS: Final[Mapping[str, Element]] = {
    "affected_sop_class_uid": Element(0x0002, "UI", "Affected SOP Class UID"),
    "requested_sop_class_uid": Element(0x0003, "UI", "Requested SOP Class UID"),
    "command_field": Element(0x0100, "US", "Command Field"),
    "message_id": Element(0x0110, "US", "Message ID"),
    "move_destination": Element(0x0600, "AE", "Move Destination"),
    "priority": Element(0x0700, "US", "Priority"),
    "has_dataset": Element(0x0800, "US", "Command Data Set Type"),
    "status": Element(0x0900, "US", "Status"),
    "offending_elements": Element(0x0901, "AT", "Offending Element"),
    "error_comment": Element(0x0902, "LO", "Error Comment"),
    "error_id": Element(0x0903, "US", "Error ID"),
    "affected_sop_instance_uid": Element(0x1000, "UI", "Affected SOP Instance UID"),
    "requested_sop_instance_uid": Element(0x1001, "UI", "Requested SOP Instance UID"),
    "event_type_id": Element(0x1002, "US", "Event Type ID"),
    "attribute_identifiers": Element(0x1005, "AT", "Attribute Identifier List"),
    "action_type_id": Element(0x1008, "US", "Action Type ID"),
    "remaining": Element(0x1020, "US", "Number of Remaining Sub-operations"),
    "completed": Element(0x1021, "US", "Number of Completed Sub-operations"),
    "failed": Element(0x1022, "US", "Number of Failed Sub-operations"),
    "warning": Element(0x1023, "US", "Number of Warning Sub-operations"),
    "move_originator_ae_title": Element(0x1030, "AE", "Move Originator Application Entity Title"),
    "move_originator_message_id": Element(0x1031, "US", "Move Originator Message ID"),
}
"""Which command element carries which field of the messages."""

MESSAGE_ID_RESPONDED: Final = Element(0x0120, "US", "Message ID Being Responded To")
"""What carries ``message_id`` where the message is a response or C-CANCEL-RQ."""

_RETIRED: Final = (
    Element(0x0001, "UL", "Command Length to End"),
    Element(0x0010, "SH", "Command Recognition Code"),
    Element(0x0200, "AE", "Initiator"),
    Element(0x0300, "AE", "Receiver"),
    Element(0x0400, "AE", "Find Location"),
    Element(0x0850, "US", "Number of Matches"),
    Element(0x0860, "US", "Response Sequence Number"),
    Element(0x4000, "LT", "Dialog Receiver"),
    Element(0x4010, "LT", "Terminal Type"),
    Element(0x5010, "SH", "Message Set ID"),
    Element(0x5020, "SH", "End Message ID"),
    Element(0x5110, "LT", "Display Format"),
    Element(0x5120, "LT", "Page Position ID"),
    Element(0x5130, "CS", "Text Format ID"),
    Element(0x5140, "CS", "Normal/Reverse"),
    Element(0x5150, "CS", "Add Gray Scale"),
    Element(0x5160, "CS", "Borders"),
    Element(0x5170, "IS", "Copies"),
    Element(0x5180, "CS", "Command Magnification Type"),
    Element(0x5190, "CS", "Erase"),
    Element(0x51A0, "CS", "Print"),
    Element(0x51B0, "US", "Overlays"),
)

ELEMENTS_BY_NUMBER: Final[Mapping[int, Element]] = {
    element.number: element
    for element in (Element(0x0000, "UL", "Command Group Length"), *ELEMENTS.values(), MESSAGE_ID_RESPONDED, *_RETIRED)
}
"""All command elements by number, also the retired ones (PS3.7 E.2), which only old peers send."""
