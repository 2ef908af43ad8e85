"""The association: refused, aborted, without a context that fits, cut, or out of time."""

from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue.template import ASK_ADMIN, ERROR, NOTE, SEE_LOG, TRY_ECHO, WARNING, Template

__all__ = ["ABORT_CAUSES", "ASSOCIATION"]

ASSOCIATION: dict[str, Template] = {
    # ---------------------------------------------------------------------------------------------------- rejections
    "rejected-called-ae": Template(
        ERROR,
        "{peer} does not know the name that you called: {called}.{sent}",
        ("The called AE title is misspelt; capitals matter.", "It was given another AE title."),
        ("Check the AE title of the peer, letter by letter.", "Ask the administrator for the exact AE title."),
        "PS3.8 9.3.4, result {result} source 1 reason 7",
    ),
    "rejected-calling-ae": Template(
        ERROR,
        "{peer} does not know the name that you use: {calling}.{sent}",
        (
            "The calling AE title is not on its list.",
            "The AE title is on its list with another address than this computer's.",
        ),
        (ASK_ADMIN, "Use a calling AE title that it knows."),
        "PS3.8 9.3.4, result {result} source 1 reason 3",
    ),
    "rejected-no-reason": Template(
        ERROR,
        "{peer} refused the association without a reason.",
        (
            "The calling AE title {calling} or this computer's address is not on its list.",
            "The called AE title {called} is not its own.",
            "It is configured to refuse at present.",
        ),
        (ASK_ADMIN, "Check the called AE title.", SEE_LOG),
        "PS3.8 9.3.4, result {result} source {source} reason 1",
    ),
    "rejected-application-context": Template(
        ERROR,
        "{peer} refused the application context: it is no current DICOM system.",
        ("Another protocol of the same family is spoken there.", "Something on the way changed the request."),
        ("Compare the bytes of the request in the trace with what the peer logs.", "Check the port."),
        "PS3.8 9.3.4, result {result} source 1 reason 2",
    ),
    "rejected-protocol-version": Template(
        ERROR,
        "{peer} refused the protocol version: it is no current DICOM system.",
        ("Its software is very old or faulty.", "Something on the way changed the request."),
        ("Compare the bytes of the request in the trace with what the peer logs.",),
        "PS3.8 9.3.4, result {result} source 2 reason 2",
    ),
    "rejected-busy": Template(
        ERROR,
        "{peer} is busy and refuses for now.",
        ("It has too many associations open.", "Earlier associations were not closed properly and still count."),
        ("Try again in a minute.", "Use fewer associations at the same time.", "Ask for a higher limit there."),
        "PS3.8 9.3.4, result {result} source 3 reason {reason}",
    ),
    "rejected-unknown": Template(
        ERROR,
        "{peer} refused the association with a code that the standard does not define ({result}/{source}/{reason}).",
        ("The peer's software uses a code of its own.", "Its list of allowed callers lacks {calling}."),
        (SEE_LOG, ASK_ADMIN),
        "PS3.8 9.3.4",
    ),
    "we-rejected-called-ae": Template(
        WARNING,
        "{calling} at {peer} reached us and we refused it: it called {called}, which is not our name.",
        ("The caller has another AE title for us in its settings.",),
        (
            "Have our AE title corrected there.",
            "Give this listener the name {called}.",
            "Let the listener take any name.",
        ),
        "PS3.8 9.3.4, result {result} source 1 reason 7",
    ),
    "we-rejected-calling-ae": Template(
        WARNING,
        "{calling} at {peer} reached us and we refused it: the name is not on our list.",
        ("The caller is new, or uses another AE title than it is known by here.",),
        ("Add {calling} to those who may call.",),
        "PS3.8 9.3.4, result {result} source 1 reason 3",
    ),
    "we-rejected-busy": Template(
        WARNING,
        "{calling} at {peer} reached us and we refused it for now: too many associations are open.",
        ("The caller opens many associations at the same time.", "The limit of this listener is low."),
        ("Raise the limit of this listener.", "Have the caller use fewer associations at the same time."),
        "PS3.8 9.3.4, result {result} source 3 reason {reason}",
    ),
    "we-rejected": Template(
        WARNING,
        "{calling} at {peer} reached us and we refused it: {detail}.",
        ("Its request is not what this listener takes.",),
        ("Look at the request in the trace.",),
        "PS3.8 9.3.4, result {result} source {source} reason {reason}",
    ),
    "we-refused": Template(
        WARNING,
        "{peer} reached us and we refused it: {detail}.",
        ("A limit or rule of this listener forbids it.",),
        ("Change the settings of the listener if the caller should be let in.",),
    ),
    # -------------------------------------------------------------------------------------------------------- aborts
    "aborted-on-greeting": Template(
        ERROR,
        "{peer} hung up on our greeting ({detail}).",
        (
            "It does not accept the AE title {calling} or this computer's address, and says so this way.",
            "Something in the request is too much for it: extended negotiation, user identity or many contexts.",
            "Its software failed at this moment.",
        ),
        ("Try with as few presentation contexts and options as possible.", TRY_ECHO, ASK_ADMIN, SEE_LOG),
        "PS3.8 9.3.8",
    ),
    "aborted-by-user": Template(
        ERROR,
        "{peer} broke the association off ({detail}).",
        (
            "The program there failed or was stopped.",
            "It did not like what was just sent.",
            "Somebody cancelled the transfer there.",
        ),
        (SEE_LOG, "Look at the last message before the abort.", "Try again with one object only."),
        "PS3.8 9.3.8",
    ),
    "aborted-by-provider": Template(
        ERROR,
        "{peer} broke the association off because it found a protocol error of ours ({detail}).",
        ("The two sides disagree on the protocol; the last PDU that we sent shows where.",),
        ("Keep this trace: it is what the makers of both systems need.", SEE_LOG),
        "PS3.8 9.3.8, table 9-26",
    ),
    "aborted-unknown-source": Template(
        ERROR,
        "{peer} broke the association off with a code that the standard does not define ({detail}).",
        ("The peer's software uses a code of its own; what it means cannot be told from the trace.",),
        (SEE_LOG, "Look at the last message before the abort."),
        "PS3.8 9.3.8, table 9-26",
    ),
    "caller-aborted": Template(
        WARNING,
        "The caller {calling} at {peer} broke the association off ({detail}).",
        (
            "The program there failed, was stopped or cancelled the transfer.",
            "It did not like our last answer.",
        ),
        ("Look at the last message before the abort.", SEE_LOG),
        "PS3.8 9.3.8",
    ),
    "we-aborted": Template(
        NOTE,
        "We broke the association off; the trace does not say why.",
        ("This program was told to abort.",),
        (),
        "PS3.8 9.3.8",
    ),
    "message-broke-off": Template(
        ERROR,
        "{detail}.",
        ("A file could not be read to its end, or the connection failed.",),
        ("Check the file that was being sent.", "Try again."),
    ),
    "cancelled": Template(NOTE, "The work was cancelled here: {detail}.", (), ()),
    "protocol-violation": Template(
        ERROR,
        "{peer} sent what the standard does not allow: {detail}.",
        ("The peer's software has a fault there.", "Something on the way changed the bytes."),
        ("Keep this trace: it shows the maker of {peer} the exact bytes.", "Look for an update of its software."),
        "PS3.8 9.3",
    ),
    # ------------------------------------------------------------------------------------------------------- contexts
    "no-context": Template(
        ERROR,
        "{peer} accepts you, but none of the contexts that were proposed: {detail}.",
        ("It does not support these kinds of objects or services.", "It does not support these encodings."),
        ("Propose other transfer syntaxes; implicit VR little endian must be known to all.", "{offer}"),
        "PS3.8 9.3.3.2",
    ),
    "no-context-user": Template(
        ERROR,
        "{peer} accepts you, but its application refused what was proposed: {detail}.",
        ("It does not let {calling} use this service.", "It is configured to refuse at present."),
        ("Ask for the service to be enabled for {calling} at {peer}.", SEE_LOG, "{offer}"),
        "PS3.8 9.3.3.2, result 1",
    ),
    "no-context-provider": Template(
        ERROR,
        "{peer} accepts you, but refused what was proposed and gives no reason: {detail}.",
        ("Its software could not take this context; why cannot be told from the trace.",),
        (SEE_LOG, "Propose other transfer syntaxes; implicit VR little endian must be known to all.", "{offer}"),
        "PS3.8 9.3.3.2, result 2",
    ),
    "no-context-abstract": Template(
        ERROR,
        "{peer} accepts you, but not {detail}.",
        (
            "It does not offer this service or take this kind of object.",
            "The kind of object is not enabled there, or not for {calling}.",
        ),
        ("Ask for the kind of object to be enabled at {peer}.", "{offer}"),
        "PS3.8 9.3.3.2, result 3",
    ),
    "no-context-transfer": Template(
        ERROR,
        "{peer} accepts you, but not {detail}: it knows the object and none of the offered encodings.",
        ("It does not support the transfer syntaxes that were proposed.",),
        ("Send uncompressed, as implicit or explicit VR little endian.", "{offer}"),
        "PS3.8 9.3.3.2, result 4",
    ),
    "no-context-not-proposed": Template(
        ERROR,
        "{detail} was not proposed to {peer}, so it cannot be used on this association.",
        ("The association was opened for another purpose.",),
        ("Open an association that proposes it.",),
        "PS3.8 9.3.2.2",
    ),
    "some-contexts-refused": Template(
        NOTE,
        "{peer} accepted {accepted} of {proposed} proposed contexts; refused were {detail}.",
        ("It does not support these objects or encodings.",),
        ("Nothing needs to be done unless one of these is needed. {offer}",),
        "PS3.8 9.3.3.2",
    ),
    "we-accepted-none": Template(
        WARNING,
        "{calling} at {peer} reached us and we accepted none of its contexts: {detail}.",
        ("This listener does not take these objects or encodings.",),
        ("Let the listener take them.",),
        "PS3.8 9.3.3.2",
    ),
    # --------------------------------------------------------------------------------------------- time-outs and cuts
    "no-association-answer": Template(
        ERROR,
        "{peer} did not finish its answer to our association request {waited}.",
        ("The peer is overloaded.", "The line is very slow or loses packets."),
        ("Try again.", "Allow more time."),
        "PS3.8 9.3.2",
    ),
    "no-response": Template(
        ERROR,
        "{peer} did not answer {message} {waited}.",
        (
            "It is still working on it: its disk or database is slow.",
            "The program there is stuck.",
            "Something on the way holds the bytes back.",
        ),
        ("Allow more time for responses.", SEE_LOG, "Try again with a smaller object or a narrower query."),
        "PS3.7 8.1",
    ),
    "not-reading": Template(
        ERROR,
        "{peer} did not take our data {waited}.",
        ("Its disk or the program behind it is stuck.", "The line broke without either side being told."),
        (SEE_LOG, "Try again.", "Check the network between here and {peer}."),
    ),
    "no-release-answer": Template(
        NOTE,
        "{peer} did not answer our goodbye {waited}; all work was done before.",
        ("Its software closes associations carelessly.", "The connection was cut at the same moment."),
        ("Nothing needs to be done.",),
        "PS3.8 7.2",
    ),
    "idle": Template(
        NOTE,
        "The association with {peer} was closed here after {seconds} s without a byte.",
        (
            "The caller keeps its associations open without using them.",
            "The line broke without either side being told.",
        ),
        ("Allow a longer idle time if the caller needs it.",),
    ),
    "timed-out": Template(
        ERROR,
        "Time ran out with {peer}: {detail}.",
        ("The peer is slow or stuck.",),
        ("Try again.", "Allow more time."),
    ),
    "connection-lost": Template(
        ERROR,
        "The connection to {peer} was cut without a goodbye.",
        ("The program there failed or was ended.", "The network between here and {peer} broke."),
        (SEE_LOG, "Try again.", "Look at the last message before the cut."),
        "PS3.8 9.2.3, action AA-4",
    ),
    "connection-lost-idle": Template(
        ERROR,
        "The connection to {peer} was cut without a goodbye after {seconds} s without a byte.{pattern}",
        (
            "A firewall on the way forgets connections that rest; the time fits such a limit.",
            "The peer closes associations that rest.",
        ),
        ("Close the association after the work and open a new one for the next.", "Have the idle limit raised."),
        "PS3.8 9.2.3, action AA-4",
    ),
    "connection-lost-sending": Template(
        ERROR,
        "The connection to {peer} was cut while {message} was under way.",
        (
            "The program there failed on what was being sent.",
            "Its disk is full, or a limit on the object's size was exceeded.",
            "The network between here and {peer} broke.",
        ),
        (SEE_LOG, "Send the same object again alone: if it fails each time, the object is the cause."),
        "PS3.8 9.2.3, action AA-4",
    ),
    "we-closed": Template(
        NOTE,
        "We closed the connection without a goodbye; the trace does not say why.",
        ("This program was ended, or its listener was switched off.",),
        (),
    ),
    "caller-lost": Template(
        WARNING,
        "The caller {calling} at {peer} cut the connection without a goodbye.",
        ("The program there failed or was ended.", "The network between here and {peer} broke."),
        ("Check whether all objects have arrived; what was not acknowledged must be sent again.",),
        "PS3.8 9.2.3, action AA-4",
    ),
}

ABORT_CAUSES: dict[int, str] = {
    1: "It met a PDU of a type that it does not know.",
    2: "It got a PDU that it did not expect at that moment.",
    4: "It met a field or item that it does not know.",
    5: "It met a field or item that it did not expect there.",
    6: "It met a value that it holds for invalid, for example a length above its limit.",
}
"""What the reason of an A-ABORT by the service-provider says (PS3.8 table 9-26)."""
