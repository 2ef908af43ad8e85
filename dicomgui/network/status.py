"""DIMSE status codes: their category, what they mean in the service that sent them, and what to do about them.

A status is a number in (0000,0900) whose category follows from the number alone (PS3.7 annex C), but whose meaning
depends on the service: 0xA801 is "move destination unknown" in a C-MOVE and nothing in a C-STORE. :class:`Status` is
the number; ask it with the :class:`Service` at hand. A code that no table lists gets the words of its range.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Category", "Explanation", "Service", "Status", "known_codes"]


class Category(Enum):
    """What a status says about the operation (PS3.7 annex C)."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    CANCEL = "cancel"
    PENDING = "pending"


class Service(Enum):
    """The service whose table of codes applies; the value names it in texts."""

    GENERAL = "general"
    VERIFICATION = "verification"
    STORAGE = "storage"
    FIND = "query (C-FIND)"
    MOVE = "retrieve (C-MOVE)"
    GET = "retrieve (C-GET)"
    WORKLIST = "modality worklist"
    RELEVANT_PATIENT = "relevant patient information"
    SUBSTANCE = "substance administration"
    MPPS = "modality performed procedure step"
    COMMITMENT = "storage commitment"
    PRINT = "print management"
    MEDIA_CREATION = "media creation"
    EVENT_LOGGING = "application event logging"
    UPS = "unified procedure step"
    RT_VERIFICATION = "RT machine verification"
    NON_PATIENT = "non-patient object storage"
    STORAGE_MANAGEMENT = "storage management"


class Explanation(NamedTuple):
    """One status in words.

    :ivar category: the category of the code.
    :ivar meaning: what happened, in a few words.
    :ivar clause: where the standard says so.
    :ivar advice: what to do, one sentence; empty where there is nothing to do.
    :ivar is_listed: whether a table of the standard names this very code, not only its range.
    """

    category: Category
    meaning: str
    clause: str
    advice: str
    is_listed: bool


class Status(int):
    """A DIMSE status code (0000,0900): 0 to 0xFFFF; raises ``ValueError`` for another number."""

    __slots__ = ()

    def __new__(cls, code: int) -> Status:
        """Take any 16-bit number: a peer may send what no table lists."""
        if not 0 <= code <= 0xFFFF:
            raise ValueError(f"a status is a 16-bit number, not {code}")
        return super().__new__(cls, code)

    @property
    def category(self) -> Category:
        """The category, by the number alone. What the standard reserves counts as failure, never as pending."""
        if self == 0x0000:
            return Category.SUCCESS
        if self.is_pending:
            return Category.PENDING
        if self.is_cancel:
            return Category.CANCEL
        return Category.WARNING if self.is_warning else Category.FAILURE

    @property
    def is_success(self) -> bool:
        """0000 only: a warning is not success, though the operation was done."""
        return self == 0x0000

    @property
    def is_warning(self) -> bool:
        """0001, 0107, 0116 and Bxxx: done, but not as asked."""
        return 0xB000 <= self <= 0xBFFF or self in _GENERAL_WARNINGS

    @property
    def is_pending(self) -> bool:
        """FF00 and FF01: more responses follow."""
        return 0xFF00 <= self <= 0xFF01

    @property
    def is_cancel(self) -> bool:
        """FE00: ended because the requestor sent C-CANCEL."""
        return self == 0xFE00

    @property
    def is_failure(self) -> bool:
        """Everything else."""
        return self != 0x0000 and self.category is Category.FAILURE

    def explain(self, service: Service | None = None) -> Explanation:
        """All that the tables say about this code in ``service``; ``None`` is a service that is not known."""
        table = service if service is not None else Service.GENERAL
        code = int(self)
        for owner in (table, Service.GENERAL):
            row = _CODES.get(owner, {}).get(code)
            if row is not None:
                clause = _general_clause(self) if owner is Service.GENERAL else _CLAUSES[owner]
                return Explanation(self.category, row[0], clause, row[1], True)
        for key in (code & 0xFF00, code & 0xF000):
            row = _RANGES.get(table, {}).get(key) or _FAMILIES.get(key)
            if row is not None:
                clause = _CLAUSES[table] if table in _CLAUSES else _general_clause(self)
                return Explanation(self.category, row[0], clause, row[1], key in _RANGES.get(table, {}))
        return Explanation(self.category, _UNKNOWN[0], "PS3.7 annex C", _UNKNOWN[1], False)

    def meaning(self, service: Service | None = None) -> str:
        """What happened, in a few words."""
        return self.explain(service).meaning

    def advice(self, service: Service | None = None) -> str:
        """What to do about it, one sentence; empty where there is nothing to do."""
        return self.explain(service).advice

    def clause(self, service: Service | None = None) -> str:
        """Where the standard says so."""
        return self.explain(service).clause

    def describe(self, service: Service | None = None) -> str:
        """Number, category and meaning on one line: ``0xA700 (failure): Refused: out of resources``."""
        return f"0x{int(self):04X} ({self.category.value}): {self.meaning(service)}"

    def __str__(self) -> str:
        return self.describe()

    def __repr__(self) -> str:
        return f"Status(0x{int(self):04X})"


def known_codes(service: Service) -> tuple[Status, ...]:
    """Every code that the table of ``service`` names one by one, in order; without the general ones."""
    return tuple(Status(code) for code in sorted(_CODES.get(service, {})))


def _general_clause(status: Status) -> str:
    return _GENERAL_CLAUSES[status.category]


_GENERAL_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})

_GENERAL_CLAUSES = {
    Category.SUCCESS: "PS3.7 C.1",
    Category.PENDING: "PS3.7 C.2",
    Category.CANCEL: "PS3.7 C.3",
    Category.WARNING: "PS3.7 C.4",
    Category.FAILURE: "PS3.7 C.5",
}

_CLAUSES = {
    Service.VERIFICATION: "PS3.7 9.1.5",
    Service.STORAGE: "PS3.4 B.2.3",
    Service.FIND: "PS3.4 C.4.1.1.4",
    Service.MOVE: "PS3.4 C.4.2.1.5",
    Service.GET: "PS3.4 C.4.3.1.4",
    Service.WORKLIST: "PS3.4 K.4.1.1.4",
    Service.RELEVANT_PATIENT: "PS3.4 annex Q",
    Service.SUBSTANCE: "PS3.4 annex V",
    Service.MPPS: "PS3.4 annex F",
    Service.COMMITMENT: "PS3.4 annex J",
    Service.PRINT: "PS3.4 annex H",
    Service.MEDIA_CREATION: "PS3.4 annex S",
    Service.EVENT_LOGGING: "PS3.4 annex P",
    Service.UPS: "PS3.4 annex CC",
    Service.RT_VERIFICATION: "PS3.4 annex DD",
    Service.NON_PATIENT: "PS3.4 annex GG",
    Service.STORAGE_MANAGEMENT: "PS3.4 annex KK",
}

# Advice that several rows share.
_SPACE = "Look at the peer's disk space and load, and try again later."
_LOG = "Read Error Comment and Offending Element of the response, then the peer's log for this moment."
_WRONG_CLASS = "Compare the SOP class of the data set with the abstract syntax of its presentation context."
_KEYS = "Check the query level and its unique keys against the information model that was negotiated."
_UPS_STATE = "Read the step's present state with N-GET before the next change."
_PRINT_FIT = "Choose a larger image box or film format if the loss matters."

_Row = tuple[str, str]

_UNKNOWN: _Row = ("Reserved or private code that no table lists", "Look it up in the peer's conformance statement.")

_FAMILIES: dict[int, _Row] = {
    0x0000: ("Failure, unlisted general code", _LOG),
    0xA700: ("Refused: out of resources", _SPACE),
    0xA800: ("Refused: move destination unknown", "Enter the destination's AE title, host and port at the peer."),
    0xA900: ("Data set or identifier does not match the SOP class", _WRONG_CLASS),
    0xA000: ("Failure, code of a service", _LOG),
    0xB000: ("Done with a warning, code of a service", _LOG),
    0xC000: ("Cannot understand, or unable to process", _LOG),
}
"""What a range of codes says where the service at hand says nothing (PS3.7 annex C)."""

_CANNOT_UNDERSTAND: _Row = ("Error: cannot understand the data set", _LOG)
_UNABLE: _Row = ("Unable to process", _LOG)
_IDENTIFIER: _Row = ("Error: identifier does not match the SOP class", _KEYS)
_OUT_OF_RESOURCES: _Row = ("Refused: out of resources", _SPACE)

_RANGES: dict[Service, dict[int, _Row]] = {
    Service.STORAGE: {
        0xA700: _OUT_OF_RESOURCES,
        0xA900: ("Error: data set does not match the SOP class", _WRONG_CLASS),
        0xC000: _CANNOT_UNDERSTAND,
    },
    Service.FIND: {0xC000: _UNABLE},
    Service.MOVE: {0xC000: _UNABLE},
    Service.GET: {0xC000: _UNABLE},
    Service.WORKLIST: {0xC000: _UNABLE},
    Service.SUBSTANCE: {0xC000: _UNABLE},
    Service.UPS: {0xC000: _UNABLE},
}
"""Ranges that the table of a service itself defines."""

_SUB_OPERATIONS: dict[int, _Row] = {
    0xA701: ("Refused: out of resources, the number of matches cannot be counted", "Retrieve less at a time."),
    0xA702: (
        "Refused: out of resources, the sub-operations cannot be performed",
        "Look whether the peer can open an association to the destination and has resources for it.",
    ),
    0xA900: _IDENTIFIER,
    0xAA00: ("None of the frames that were asked for exist in the instance", "Check the frame numbers or times."),
    0xAA01: ("Unable to create a new object for this SOP class", "Retrieve the whole instance instead."),
    0xAA02: ("Unable to extract frames", "Retrieve the whole instance instead."),
    0xAA03: ("Frames were asked for by time, but the instance has no times", "Ask for frames by their number."),
    0xAA04: ("Invalid request", "Check the frame selection of the identifier."),
    0xB000: (
        "Sub-operations complete, with failures or warnings",
        "Retrieve the instances of Failed SOP Instance UID List again, and look why they failed.",
    ),
    0xFF00: ("Sub-operations are continuing", ""),
}

_MATCHES: dict[int, _Row] = {
    0xA700: _OUT_OF_RESOURCES,
    0xA900: _IDENTIFIER,
    0xFF00: ("Matches are continuing", ""),
    0xFF01: (
        "Matches are continuing, but an optional key was not supported",
        "Do not rely on optional keys: filter what was returned.",
    ),
}

_GENERAL: dict[int, _Row] = {
    0x0000: ("Success", ""),
    0x0001: ("Done, but requested optional attributes are not supported", "Compare what was sent with what came back."),
    0x0105: ("No such attribute", "Leave out the attributes that the response lists, or update the peer."),
    0x0106: ("Invalid attribute value", "Correct the values of the attributes that the response lists."),
    0x0107: ("Attribute list error: some attributes were not recognized", "See Attribute Identifier List."),
    0x0110: ("Processing failure", _LOG),
    0x0111: ("Duplicate SOP instance", "The peer has an instance with this UID already; it may be the same one."),
    0x0112: ("No such SOP instance", "Check the instance UID; it may never have been created, or be deleted."),
    0x0113: ("No such event type", "Check Event Type ID against the SOP class."),
    0x0114: ("No such argument", "Leave out the argument that the peer does not know."),
    0x0115: ("Invalid argument value", "Correct the value against the definition of the SOP class."),
    0x0116: ("Attribute value out of range", "See in the response which value the peer has taken instead."),
    0x0117: ("Invalid SOP instance: the UID breaks the rules", "Correct the instance UID (PS3.5 9.1)."),
    0x0118: ("No such SOP class", "Use a SOP class that the peer's conformance statement names."),
    0x0119: ("Class-instance conflict: the instance is not of this SOP class", "Check both UIDs of the request."),
    0x0120: ("Missing attribute", "Add the attributes that the SOP class requires; the response may list them."),
    0x0121: ("Missing attribute value", "Give a value to the attributes that must not be empty."),
    0x0122: ("Refused: SOP class not supported", "Use another SOP class, or have it switched on at the peer."),
    0x0123: ("No such action", "Check Action Type ID against the SOP class."),
    0x0124: ("Refused: not authorized", "Have the peer permit this AE title or user to do this."),
    0x0210: ("Duplicate invocation: the message ID is in use", "Wait for the pending response, or use another ID."),
    0x0211: ("Unrecognized operation", "The peer does not implement this operation for this SOP class."),
    0x0212: ("Mistyped argument", "Correct the request: an argument is not of the agreed type."),
    0x0213: ("Resource limitation", _SPACE),
    0xFE00: ("Canceled on request", ""),
    0xFF00: ("Pending", ""),
    0xFF01: ("Pending, with a warning", ""),
}

_PRINT: dict[int, _Row] = {
    0xB600: ("Memory allocation is not supported", ""),
    0xB601: ("Film session printing (collation) is not supported", "Print film by film."),
    0xB602: ("The film session has no image boxes: an empty page", "Set the image boxes before printing."),
    0xB603: ("The film box has no image boxes: an empty page", "Set the image boxes before printing."),
    0xB604: ("The image was larger than the image box and was demagnified", _PRINT_FIT),
    0xB605: ("The density was outside of the printer's range; its own limit was taken", "Check the print's look."),
    0xB609: ("The image was larger than the image box and was cropped", _PRINT_FIT),
    0xB60A: ("The image was larger than the image box and was decimated", _PRINT_FIT),
    0xC600: ("The film session has no film boxes", "Create a film box first."),
    0xC601: ("No print job could be created: the print queue is full", "Wait until the printer has caught up."),
    0xC602: ("No print job could be created: the print queue is full", "Wait until the printer has caught up."),
    0xC603: ("The image is larger than the image box", "Scale the image, or choose a larger film format."),
    0xC605: ("The printer has too little memory for the image", "Send fewer or smaller images."),
    0xC613: ("The combined print image is larger than the image box", "Scale the image, or choose a larger format."),
    0xC616: (
        "A film box has not been printed yet, and printing the whole session is not supported",
        "Print the present film box before the next is made.",
    ),
}

_EVENT_LOGGING: dict[int, _Row] = {
    0xB101: ("The synchronization frame of reference differs from the peer's", "Synchronize the clocks."),
    0xB102: ("The event was logged under another Study Instance UID", "Use the UID that the response gives."),
    0xB104: ("IDs are inconsistent with a current study; the event was logged", "Compare patient and study IDs."),
    0xC101: ("No procedural log for this Study Instance UID", "Check the Study Instance UID."),
    0xC102: ("The event does not match its template", "Correct the event information."),
    0xC103: ("The event cannot be matched to a current study", "Check the patient and study IDs."),
    0xC104: ("IDs are inconsistent with a current study; the event was not logged", "Check patient and study IDs."),
    0xC10E: ("The operator may not write to the medication record", "Use an authorized operator."),
    0xC110: ("The patient cannot be identified by Patient ID or Admission ID", "Check both IDs."),
    0xC111: ("Updating the medication record failed", _LOG),
}

_UPS: dict[int, _Row] = _MATCHES | {
    0xB300: ("The step was created with modifications", "Read it back to see them."),
    0xB301: ("The deletion lock was not granted", "Fetch the final state before the step is deleted."),
    0xB304: ("The step is already canceled", ""),
    0xB305: ("Invalid values were coerced to valid ones", "Read the step back to see them."),
    0xB306: ("The step is already completed", ""),
    0xC300: ("The step may no longer be updated", _UPS_STATE),
    0xC301: ("The right Transaction UID was not given", "Only who claimed the step may change it."),
    0xC302: ("The step is already in progress", _UPS_STATE),
    0xC303: ("Only N-CREATE makes a step scheduled", "Create a new step."),
    0xC304: ("The step lacks what its final state requires", "Set the missing attributes by N-SET first."),
    0xC307: ("The peer manages no step with this UID", "Check the instance UID."),
    0xC308: ("The receiving AE title is unknown to the peer", "Have the AE title and its address added there."),
    0xC309: ("The state given was not SCHEDULED", "Create steps in the state SCHEDULED."),
    0xC310: ("The step is not yet in progress", _UPS_STATE),
    0xC311: ("The step is already completed", _UPS_STATE),
    0xC312: ("The performer cannot be contacted", "Contact the performer by other means."),
    0xC313: ("The performer chose not to cancel", "Contact the performer by other means."),
    0xC314: ("The action does not fit this instance", "Subscribe to a step or to the well-known instances only."),
    0xC315: ("The peer sends no event reports", "Poll by N-GET or C-FIND instead."),
}

_RT_VERIFICATION: dict[int, _Row] = {
    0xC112: ("The machine verification instance was not found", "Create it by N-CREATE first."),
    0xC221: ("The fraction group does not exist in the plan", "Check Referenced Fraction Group Number."),
    0xC222: ("The fraction group has no beams", "Check the plan."),
    0xC223: ("The peer is verifying already and cannot take this request", "Wait until it has ended."),
    0xC224: ("The beam was not found in the fraction group", "Check Referenced Beam Number."),
    0xC225: ("The device or accessory is not supported", "Check the device against the machine."),
    0xC226: ("The device or accessory was not found in the beam", "Check the device against the plan."),
    0xC227: ("The RT plan was not found", "Send the plan to the peer first."),
}

_CODES: dict[Service, dict[int, _Row]] = {
    Service.GENERAL: _GENERAL,
    Service.STORAGE: {
        0xB000: ("Coercion of data elements: the peer changed values", "Do not delete your copy: they differ now."),
        0xB006: ("Elements discarded: the peer did not keep all", "Do not delete your copy: they differ now."),
        0xB007: ("Data set does not match the SOP class, and was stored", _WRONG_CLASS),
    },
    Service.FIND: _MATCHES
    | {
        0xA710: ("Invalid prior record key", "Begin the query anew: the peer no longer knows where it ended."),
        0xB001: ("The limit of responses is reached; there may be more matches", "Ask on, or narrow the query."),
    },
    Service.MOVE: _SUB_OPERATIONS
    | {
        0xA801: ("Refused: move destination unknown", "Enter the destination's AE title, host and port at the peer."),
    },
    Service.GET: _SUB_OPERATIONS,
    Service.WORKLIST: _MATCHES,
    Service.RELEVANT_PATIENT: {
        0xA700: _OUT_OF_RESOURCES,
        0xA900: _IDENTIFIER,
        0xC000: _UNABLE,
        0xC100: ("More than one match found", "Give a key that identifies one patient."),
        0xC200: ("The requested template is not supported", "Ask for a template that the peer supports."),
        0xFF00: ("The match is supplied", ""),
    },
    Service.SUBSTANCE: _MATCHES,
    Service.MPPS: {
        0x0001: ("Requested optional attributes are not supported", "Compare what was sent with what came back."),
        0x0110: (
            "Processing failure: the performed procedure step may no longer be updated",
            "See Error ID (0000,0903): a step that is COMPLETED or DISCONTINUED stays as it is.",
        ),
    },
    Service.COMMITMENT: {
        0x0131: ("Duplicate transaction UID", "Use a new Transaction UID for each request."),
    },
    Service.PRINT: _PRINT,
    Service.MEDIA_CREATION: {
        0x0001: ("Requested optional attributes are not supported", "Compare what was sent with what came back."),
        0xA510: ("Media creation has been initiated for this instance already", "Ask for its state by N-GET."),
        0xC201: ("The media creation request is already completed", ""),
        0xC202: ("The media creation request is in progress and cannot be interrupted", "Wait until it has ended."),
        0xC203: ("The cancellation was denied", "Ask the operator of the media writer."),
    },
    Service.EVENT_LOGGING: _EVENT_LOGGING,
    Service.UPS: _UPS,
    Service.RT_VERIFICATION: _RT_VERIFICATION,
    Service.NON_PATIENT: {
        0xA700: _OUT_OF_RESOURCES,
        0xA900: ("Error: data set does not match the SOP class", _WRONG_CLASS),
        0xC000: _CANNOT_UNDERSTAND,
    },
    Service.STORAGE_MANAGEMENT: {
        0xB010: ("Attribute list error: some keys are not supported for matching", "Match by other keys."),
    },
}
"""The tables of the services: code, meaning, advice."""
