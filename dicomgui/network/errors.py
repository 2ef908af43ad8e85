"""Every exception that the network stack raises, as one tree.

::

    DicomNetworkError                    .peer .phase .hint; str() is one line
    ├ ConfigurationError (ValueError)    before any input or output
    ├ ConnectError
    │ ├ NameResolutionError
    │ ├ ConnectionRefused
    │ ├ ConnectTimeout (TimeoutError)
    │ └ TlsError
    ├ ListenError                        the port is taken, or the address is not ours
    ├ AssociationError
    │ ├ AssociationRejected              .result .source .reason .is_transient
    │ ├ AssociationAborted               .source .reason
    │ ├ NoAcceptedContext                .sop_class .offered .accepted
    │ └ ConnectionLost
    ├ ProtocolError
    │ ├ LocalProtocolError               we asked for what the state forbids; nothing was sent
    │ └ RemoteProtocolError              .pdu_type .offset .field .abort_reason
    ├ OperationTimeout (TimeoutError)    .phase is connect, associate, response or release
    └ DimseFailure                       .status .comment .offending; only from raise_for_status()

A DIMSE failure status is a result, not an exception: nothing here is raised for one unless the caller asks by
``raise_for_status()``. Foreign exceptions (``OSError``, ``ssl.SSLError``, pydicom's) are translated where they enter,
always ``from`` the original.
"""

from __future__ import annotations

__all__ = [
    "AssociationAborted",
    "AssociationError",
    "AssociationRejected",
    "ConfigurationError",
    "ConnectError",
    "ConnectTimeout",
    "ConnectionLost",
    "ConnectionRefused",
    "DicomNetworkError",
    "DimseFailure",
    "ListenError",
    "LocalProtocolError",
    "NameResolutionError",
    "NoAcceptedContext",
    "OperationTimeout",
    "ProtocolError",
    "RemoteProtocolError",
    "TlsError",
]


def _one_line(text: str) -> str:
    """Text of a peer must not be able to break a log line: control characters become visible escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class DicomNetworkError(Exception):
    """Base of all errors of the network stack.

    :ivar peer: the remote end as ``AET@host:port``, or an empty string where none is known yet.
    :ivar phase: what was being done: ``configure``, ``resolve``, ``connect``, ``tls``, ``associate``, ``response``,
        ``release``, ``transfer`` or an empty string.
    :ivar hint: what to try, one sentence, or an empty string.
    """

    def __init__(self, message: str, *, peer: str = "", phase: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.peer = peer
        self.phase = phase
        self.hint = hint

    def __str__(self) -> str:
        text = str(self.args[0]) if self.args else type(self).__name__
        return _one_line(f"{self.peer}: {text}" if self.peer else text)


class ConfigurationError(DicomNetworkError, ValueError):
    """A parameter is unusable; raised before any input or output."""


class ConnectError(DicomNetworkError):
    """No connection could be opened."""


class NameResolutionError(ConnectError):
    """The host name has no address."""


class ConnectionRefused(ConnectError):
    """The host answers, but nothing listens on the port."""


class ConnectTimeout(ConnectError, TimeoutError):
    """No answer to the connection attempt within the time-out."""


class TlsError(ConnectError):
    """The TLS handshake failed."""


class ListenError(DicomNetworkError):
    """No listening socket could be opened."""


class AssociationError(DicomNetworkError):
    """The association could not be established or has ended."""


class AssociationRejected(AssociationError):
    """The peer answered A-ASSOCIATE-RJ (PS3.8 9.3.4).

    :ivar result: 1 rejected permanently, 2 rejected transiently.
    :ivar source: 1 service-user, 2 service-provider (ACSE), 3 service-provider (presentation).
    :ivar reason: the reason code, whose meaning depends on ``source``.
    """

    def __init__(self, message: str, *, result: int, source: int, reason: int, peer: str = "", hint: str = "") -> None:
        super().__init__(message, peer=peer, phase="associate", hint=hint)
        self.result = result
        self.source = source
        self.reason = reason

    @property
    def is_transient(self) -> bool:
        """Whether the peer says that a later attempt may succeed."""
        return self.result == 2


class AssociationAborted(AssociationError):
    """The association ended by an A-ABORT, of the peer or of our side (PS3.8 9.3.8).

    :ivar source: 0 service-user, 2 service-provider.
    :ivar reason: the reason code; significant only with source 2.
    :ivar by_peer: whether the peer sent the A-ABORT.
    """

    def __init__(
        self,
        message: str,
        *,
        source: int,
        reason: int,
        by_peer: bool = True,
        peer: str = "",
        phase: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, peer=peer, phase=phase, hint=hint)
        self.source = source
        self.reason = reason
        self.by_peer = by_peer


class NoAcceptedContext(AssociationError):
    """No accepted presentation context fits what is to be sent.

    :ivar sop_class: the abstract syntax UID that was needed.
    :ivar offered: the transfer syntax UIDs that were proposed for it (empty: it was not proposed at all).
    :ivar accepted: the transfer syntax UIDs that the peer accepted for it.
    """

    def __init__(
        self,
        message: str,
        *,
        sop_class: str,
        offered: tuple[str, ...] = (),
        accepted: tuple[str, ...] = (),
        peer: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, peer=peer, phase="associate", hint=hint)
        self.sop_class = sop_class
        self.offered = offered
        self.accepted = accepted


class ConnectionLost(AssociationError):
    """The transport connection ended without A-RELEASE and without A-ABORT."""


class ProtocolError(DicomNetworkError):
    """The protocol was violated, by us or by the peer."""


class LocalProtocolError(ProtocolError):
    """The caller asked for what the present state forbids; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what the standard forbids, or what exceeds a limit.

    :ivar pdu_type: first byte of the PDU at fault, 0 where there is none yet.
    :ivar offset: byte offset of the fault from the start of that PDU.
    :ivar field: the field at fault in the standard's words.
    :ivar abort_reason: the reason code for the A-ABORT (source 2) that answers it (PS3.8 table 9-26).
    """

    def __init__(
        self,
        message: str,
        *,
        pdu_type: int = 0,
        offset: int = 0,
        field: str = "",
        abort_reason: int = 0,
        peer: str = "",
    ) -> None:
        super().__init__(message, peer=peer, phase="transfer")
        self.pdu_type = pdu_type
        self.offset = offset
        self.field = field
        self.abort_reason = abort_reason


class OperationTimeout(DicomNetworkError, TimeoutError):
    """A time-out ran out; ``phase`` says which one: associate, response, release or idle.

    Those of the connection (connect, resolve, tls) are :class:`ConnectTimeout`.
    """


class DimseFailure(DicomNetworkError):
    """A response carried a failure status and the caller asked for an exception.

    :ivar status: the status code of the response.
    :ivar comment: Error Comment (0000,0902), or an empty string.
    :ivar offending: Offending Element (0000,0901) as tags, each ``(group << 16) | element``.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        comment: str = "",
        offending: tuple[int, ...] = (),
        peer: str = "",
    ) -> None:
        super().__init__(message, peer=peer, phase="response")
        self.status = status
        self.comment = comment
        self.offending = offending
