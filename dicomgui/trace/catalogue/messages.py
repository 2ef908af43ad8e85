"""What responses of DIMSE messages say by their status (PS3.7 annex C, PS3.4)."""

from __future__ import annotations

from dicomgui.trace.catalogue.template import ERROR, NOTE, SEE_LOG, WARNING, Template

__all__ = ["MESSAGES"]

MESSAGES: dict[str, Template] = {
    # ------------------------------------------------------------------------------------------------------- statuses
    "status-failure": Template(
        ERROR,
        "{peer} answered {message} with {status}: {meaning}.{comment}",
        (),
        ("{advice}", SEE_LOG),
        "{clause}",
    ),
    "status-warning": Template(
        WARNING,
        "{peer} did {message}, with the warning {status}: {meaning}.{comment}",
        (),
        ("{advice}",),
        "{clause}",
    ),
    "store-out-of-resources": Template(
        ERROR,
        "{peer} could not store {subject}: it is out of resources ({status}).{comment}",
        ("Its disk is full.", "A quota or limit there is used up.", "Its database does not take more."),
        ("Have disk space and limits of {peer} checked, then send again.",),
        "PS3.4 B.2.3",
    ),
    "store-wrong-class": Template(
        ERROR,
        "{peer} refused {subject}: the data does not match its SOP class ({status}).{comment}",
        ("A mandatory element of this kind of object is missing or empty.", "The SOP class of the file is wrong."),
        ("Check the file with a validator.", "Look at the elements that the answer names."),
        "PS3.4 B.2.3",
    ),
    "store-not-understood": Template(
        ERROR,
        "{peer} could not understand {subject} ({status}).{comment}",
        (
            "An element is malformed, or has a value that the peer does not take.",
            "The data is damaged, or encoded otherwise than was agreed.",
            "The peer uses this status for any fault of its own.",
        ),
        ("Check the file with a validator.", SEE_LOG, "Send another file of the same kind to compare."),
        "PS3.4 B.2.3",
    ),
    "store-changed": Template(
        WARNING,
        "{peer} stored {subject} with changes ({status}).{comment}",
        ("It corrected, replaced or left out elements.",),
        ("Compare the stored object with the sent one where it matters.",),
        "PS3.4 B.2.3",
    ),
    "not-authorized": Template(
        ERROR,
        "{peer} says that you may not do {message} ({status}).{comment}",
        ("The AE title {calling} or the user has no right to it.",),
        ("Ask for the right at {peer}.",),
        "PS3.7 C.5.15",
    ),
    "class-not-supported": Template(
        ERROR,
        "{peer} does not support the SOP class of {message} ({status}).{comment}",
        ("The kind of object is not enabled there, although it was negotiated.",),
        ("Ask for it to be enabled at {peer}.",),
        "PS3.7 C.5.6",
    ),
    "duplicate-instance": Template(
        ERROR,
        "{peer} has an instance with this UID already ({status}).{comment}",
        ("The object was sent before.", "Two different objects carry the same UID."),
        ("Nothing needs to be done if it is the same object.",),
        "PS3.7 C.5.7",
    ),
    "processing-failure": Template(
        ERROR,
        "{peer} failed while it worked on {message} ({status}).{comment}",
        ("Its software met a fault of its own.", "It does not cope with something in the request."),
        (SEE_LOG, "Try again with another object or a simpler request."),
        "PS3.7 C.5.21",
    ),
    "unknown-operation": Template(
        ERROR,
        "{peer} does not know the operation {message} ({status}).{comment}",
        ("This service does not have that operation, or not there.",),
        ("Look into the conformance statement of {peer}.",),
        "PS3.7 C.5.26",
    ),
    "find-identifier": Template(
        ERROR,
        "{peer} did not accept the query ({status}).{comment}",
        (
            "A key that this level needs is missing, or has no single value.",
            "The query level does not fit the information model (root).",
            "A key is not known there.",
        ),
        ("Give the unique keys of the levels above.", "Try the other root.", "Ask for fewer keys."),
        "PS3.4 C.4.1.1.4",
    ),
    "find-out-of-resources": Template(
        ERROR,
        "{peer} gave up on the query: it is out of resources ({status}).{comment}",
        ("The query has too many matches.", "Its database is overloaded."),
        ("Narrow the query, for example by date.", "Try again later."),
        "PS3.4 C.4.1.1.4",
    ),
    "find-empty": Template(
        NOTE,
        "{peer} answered the query, and nothing matched.",
        (
            "No such patient or study is there.",
            "A key is too narrow: spelling, date format, missing wildcard.",
            "Level or root do not fit.",
        ),
        ("Leave out keys one by one.", "Use a wildcard (*) in names.", "Try the other root."),
        "PS3.4 C.4.1.1.4",
    ),
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
        ("A unique key of the level is missing or not a single value.", "The level does not fit the root."),
        ("Give the UIDs of the level and of the levels above.", "Try the other root."),
        "PS3.4 C.4.2.1.5",
    ),
    "some-suboperations": Template(
        WARNING,
        "{peer} delivered only a part of what {message} asked for ({status}).{comment}",
        ("Some objects were refused by the destination, or could not be read there.",),
        ("Compare what has arrived with what was expected.", "Retrieve the missing ones alone."),
        "PS3.4 C.4.2.1.5",
    ),
    "we-answered-failure": Template(
        ERROR,
        "We answered {message} of {calling} with {status}: {meaning}.{comment}",
        ("This program could not do, or was told not to do, what was asked; nearby records of the trace say more.",),
        (),
        "{clause}",
    ),
    "we-answered-warning": Template(
        WARNING,
        "We answered {message} of {calling} with the warning {status}: {meaning}.{comment}",
        (),
        (),
        "{clause}",
    ),
}
