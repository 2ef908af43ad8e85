"""The vocabulary of the upper layer's state machine: states, events and actions (PS3.8 9.2).

The numbers are the standard's, so that a trace can be read beside its tables; the texts are ours. What follows from
what is in :mod:`dicomgui.network.association.table`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["Action", "Event", "State"]


class State(IntEnum):
    """Where an association stands (PS3.8 tables 9-1 to 9-5); ``str()`` gives ``Sta6``.

    :ivar text: what it waits for, in a few words.
    """

    text: str

    def __new__(cls, number: int, text: str = "") -> State:
        """Make the member ``number`` and attach its ``text``."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.text = text
        return member

    # Table 9-1, 9-2: before the association.
    STA1 = 1, "idle, no connection"
    STA2 = 2, "connection open, waiting for the A-ASSOCIATE-RQ"
    STA3 = 3, "waiting for our decision on the A-ASSOCIATE-RQ"
    STA4 = 4, "waiting for the connection to open"
    STA5 = 5, "waiting for the A-ASSOCIATE-AC or -RJ"
    # Table 9-3: data transfer.
    STA6 = 6, "association established, ready for data"
    # Table 9-4: release.
    STA7 = 7, "waiting for the A-RELEASE-RP"
    STA8 = 8, "waiting for our answer to the A-RELEASE-RQ"
    STA9 = 9, "release collision, requestor: waiting for our answer"
    STA10 = 10, "release collision, acceptor: waiting for the A-RELEASE-RP"
    STA11 = 11, "release collision, requestor: waiting for the A-RELEASE-RP"
    STA12 = 12, "release collision, acceptor: waiting for our answer"
    # Table 9-5: the end.
    STA13 = 13, "association over, waiting for the connection to close"

    def __str__(self) -> str:
        return f"Sta{int(self)}"


class Event(IntEnum):
    """What can happen to an association (PS3.8 table 9-10, first column); ``str()`` gives ``Evt10``.

    :ivar text: what happened, in a few words.
    :ivar is_local: whether our own user asked for it: where the table has no cell for it, the user is at fault.
    """

    text: str
    is_local: bool

    def __new__(cls, number: int, text: str = "", is_local: bool = False) -> Event:
        """Make the member ``number`` and attach what else is known of it."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.text = text
        member.is_local = is_local
        return member

    EVT1 = 1, "we request an association", True
    EVT2 = 2, "the connection that we asked for is open"
    EVT3 = 3, "A-ASSOCIATE-AC received"
    EVT4 = 4, "A-ASSOCIATE-RJ received"
    EVT5 = 5, "a peer has opened a connection"
    EVT6 = 6, "A-ASSOCIATE-RQ received"
    EVT7 = 7, "we accept the association", True
    EVT8 = 8, "we reject the association", True
    EVT9 = 9, "we send data", True
    EVT10 = 10, "P-DATA-TF received"
    EVT11 = 11, "we ask for the release", True
    EVT12 = 12, "A-RELEASE-RQ received"
    EVT13 = 13, "A-RELEASE-RP received"
    EVT14 = 14, "we answer the release", True
    EVT15 = 15, "we abort", True
    EVT16 = 16, "A-ABORT received"
    EVT17 = 17, "the connection is closed"
    EVT18 = 18, "the ARTIM timer has run out"
    EVT19 = 19, "an unrecognized or invalid PDU received"

    def __str__(self) -> str:
        return f"Evt{int(self)}"


class Action(StrEnum):
    """What is done when an event meets a state (PS3.8 tables 9-6 to 9-9); the value is the standard's name, ``AE-1``.

    :ivar text: what is done, in a few words.
    """

    text: str

    def __new__(cls, name: str, text: str = "") -> Action:
        """Make the member ``name`` and attach its ``text``."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.text = text
        return member

    # Table 9-6: association establishment.
    AE_1 = "AE-1", "ask for the connection"
    AE_2 = "AE-2", "send the A-ASSOCIATE-RQ"
    AE_3 = "AE-3", "tell the user that the association is accepted"
    AE_4 = "AE-4", "tell the user that the association is rejected, close the connection"
    AE_5 = "AE-5", "take the connection, start ARTIM"
    AE_6 = "AE-6", "stop ARTIM; tell the user of the request, or send an A-ASSOCIATE-RJ and start ARTIM"
    AE_7 = "AE-7", "send the A-ASSOCIATE-AC"
    AE_8 = "AE-8", "send the A-ASSOCIATE-RJ, start ARTIM"
    # Table 9-7: data transfer.
    DT_1 = "DT-1", "send P-DATA-TF"
    DT_2 = "DT-2", "give the data to the user"
    # Table 9-8: release.
    AR_1 = "AR-1", "send the A-RELEASE-RQ"
    AR_2 = "AR-2", "tell the user that the peer asks for the release"
    AR_3 = "AR-3", "tell the user that the association is released, close the connection"
    AR_4 = "AR-4", "send the A-RELEASE-RP, start ARTIM"
    AR_5 = "AR-5", "stop ARTIM"
    AR_6 = "AR-6", "give the data to the user although the release is asked for"
    AR_7 = "AR-7", "send P-DATA-TF although the peer asked for the release"
    AR_8 = "AR-8", "tell the user that both sides asked for the release"
    AR_9 = "AR-9", "send the A-RELEASE-RP, still wait for the peer's"
    AR_10 = "AR-10", "tell the user that the peer answered the release"
    # Table 9-9: abort.
    AA_1 = "AA-1", "send an A-ABORT of the user, start ARTIM anew"
    AA_2 = "AA-2", "stop ARTIM, close the connection"
    AA_3 = "AA-3", "tell the user that the peer aborted, close the connection"
    AA_4 = "AA-4", "tell the user that the connection is gone"
    AA_5 = "AA-5", "stop ARTIM"
    AA_6 = "AA-6", "ignore the PDU"
    AA_7 = "AA-7", "send an A-ABORT again"
    AA_8 = "AA-8", "send an A-ABORT of the provider, tell the user, start ARTIM"
