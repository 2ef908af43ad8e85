"""Retrieval: what C-MOVE and C-GET told, what they caused, and what arrived (PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue.template import ERROR, NOTE, SEE_LOG, WARNING, Template

__all__ = ["RETRIEVAL"]

RETRIEVAL: dict[str, Template] = {
    "move-unknown-destination": Template(
        ERROR,
        "{peer} does not know the destination of the C-MOVE ({status}).{comment}",
        ("The destination's AE title is not in its list, or is misspelt.",),
        ("Ask the administrator of {peer} to add the destination's AE title, address and port.",),
        "PS3.4 C.4.2.1.5",
    ),
    "move-suboperations": Template(
        ERROR,
        "{peer} could not deliver what the C-MOVE asked for ({status}).{comment}",
        (
            "It has another address or port for the destination.",
            "A firewall blocks the way from {peer} to the destination.",
            "The destination refused the association or the objects.",
        ),
        (
            "Check that the destination's listener is running, and its address in the settings of {peer}.",
            "Look whether an association from {peer} reached the destination, and what was refused there.",
        ),
        "PS3.4 C.4.2.1.5",
    ),
    "get-suboperations": Template(
        ERROR,
        "{peer} could not deliver what the C-GET asked for ({status}).{comment}",
        (
            "It refused that we take the storage role on this association.",
            "No storage context for these objects was accepted.",
        ),
        ("Look at the roles and contexts of the association.", "Use C-MOVE instead."),
        "PS3.4 C.4.3.1.4",
    ),
    "retrieve-out-of-resources": Template(
        ERROR,
        "{peer} gave up on the retrieval: it is out of resources ({status}).{comment}",
        ("It cannot count or load that many matches.", "It is overloaded."),
        ("Retrieve fewer studies or series at a time.", "Try again later."),
        "PS3.4 C.4.2.1.5",
    ),
    "retrieve-identifier": Template(
        ERROR,
        "{peer} did not accept what was asked to be retrieved ({status}).{comment}",
        ("A unique key is missing or not a single value.", "{level_unfit}"),
        ("{levels_above}", "{other_root}"),
        "PS3.4 C.4.2.1.5",
    ),
    "some-suboperations": Template(
        WARNING,
        "{peer} delivered only a part of what {message} asked for ({status}).{comment}",
        ("Some objects were refused by the destination, or could not be read there.",),
        ("Compare what has arrived with what was expected.", "Retrieve the missing ones alone."),
        "PS3.4 C.4.2.1.5",
    ),
    "move-no-knock": Template(
        ERROR,
        "{peer} says that it could not deliver ({status}), and nobody reached our listener {listener}.{comment}",
        (
            "It has another address or port for {destination}.",
            "A firewall blocks the way from {host} to port {own_port} of this computer.",
        ),
        (
            "Compare address and port of {destination} in the settings of {peer} with those of this computer.",
            "Test whether this computer can reach its own listener over the network.",
            "Ask for the firewall to be opened from {host} to port {own_port} here.",
        ),
        "PS3.4 C.4.2.1.5",
    ),
    "move-knock-refused": Template(
        ERROR,
        "{peer} reached our listener, and we refused it: {detail}.{comment}",
        ("Our listener is set up for other names, callers or numbers of associations than {peer} uses.",),
        ("Let the listener take this caller.", "Have the settings of {peer} changed to what the listener takes."),
        "PS3.4 C.4.2.1.5",
    ),
    "move-knock-contexts": Template(
        ERROR,
        "{peer} reached our listener, and we accepted none of its contexts: {detail}.{comment}",
        ("Our listener does not take these objects or encodings.",),
        ("Let the listener take them.",),
        "PS3.4 C.4.2.1.5",
    ),
    "move-knock-stores": Template(
        ERROR,
        "{peer} reached our listener, and we answered objects with a failure: {detail}.{comment}",
        ("This program could not keep the objects; nearby records of the trace say more.",),
        ("Check free space and rights of the folder of the listener.",),
        "PS3.4 C.4.2.1.5",
    ),
    "move-knock-idle": Template(
        ERROR,
        "{peer} reached our listener and could not deliver all the same ({status}).{comment}",
        ("It ended the association before or while it sent the objects.", "It could not read the objects there."),
        (SEE_LOG, "Look at the association of {peer} with our listener in the trace."),
        "PS3.4 C.4.2.1.5",
    ),
    "retrieve-nothing": Template(
        NOTE,
        "{peer} answered {message} with success, and had nothing to send.",
        ("Nothing there matches the UIDs that were given.", "The level does not fit the keys."),
        ("Query the peer first, and retrieve what it finds.", "Give the UIDs of the level and of the levels above."),
        "PS3.4 C.4.2.1.5",
    ),
    "counters-odd": Template(
        WARNING,
        "{peer} counts its sub-operations of {message} in a way that does not add up: {detail}.",
        ("Its software counts wrongly.", "Something failed there that it does not tell."),
        ("Compare what has arrived with what was expected.", SEE_LOG),
        "PS3.7 C.4, PS3.4 C.4.2.1.4",
    ),
    "fewer-arrived": Template(
        ERROR,
        "{peer} says that it has sent {told} instances, and only {arrived} arrived here.",
        (
            "It counts what it tried to send as sent.",
            "It sent some to another computer that goes by the same AE title.",
        ),
        ("Retrieve the missing ones again.", SEE_LOG),
        "PS3.4 C.4.2.1.4",
    ),
    "get-all-failed": Template(
        ERROR,
        "{peer} could not deliver anything that the C-GET asked for ({status}).{comment}",
        (
            "It refused that we take the storage role on this association.",
            "No storage context for these objects was accepted.",
            "It could not read the objects there.",
        ),
        ("Look at the roles and contexts of the association.", "Use C-MOVE instead."),
        "PS3.4 C.4.3.2, PS3.7 D.3.3.4",
    ),
}
