"""From a trace to what went wrong and why: the only place where failures become words for people.

It is a function of the records and nothing else: every finding names the records that show it, causes are ordered by
how well they fit, and what the trace does not show is not claimed. The words are in the catalogue,
:mod:`dicomgui.trace.diagnosis.catalogue`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dicomgui.network.dimse import CommandField
from dicomgui.network.errors import (
    AssociationAborted,
    AssociationRejected,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    DicomNetworkError,
    DimseFailure,
    ListenError,
    LocalProtocolError,
    NoAcceptedContext,
    OperationTimeout,
    RemoteProtocolError,
    TlsError,
)
from dicomgui.network.pdu import describe_abort
from dicomgui.network.status import Status
from dicomgui.network.tracing import Record
from dicomgui.network.uids import name_of
from dicomgui.trace.diagnosis.answering import status_values
from dicomgui.trace.diagnosis.connecting import connect_code, listen_finding, tls_code
from dicomgui.trace.diagnosis.ending import abort_finding, rejection_code
from dicomgui.trace.diagnosis.facts import NO_FACTS, Facts
from dicomgui.trace.diagnosis.progress import Diagnosis
from dicomgui.trace.diagnosis.words import compose, split_place
from dicomgui.trace.finding import Finding

__all__ = ["diagnose", "explain_error"]

_TIME_OUTS = {
    "connect": "no-answer",
    "associate": "silent",
    "response": "no-response",
    "release": "no-release-answer",
}


def diagnose(records: Iterable[Record], facts: Facts = NO_FACTS) -> list[Finding]:
    """Everything worth telling about a trace of one association or many, the most serious of each first.

    An empty list means that nothing failed as far as the trace shows. Nothing is raised, however odd the trace. It is
    one pass over the records.

    :param facts: what is known beside the trace.
    """
    diagnosis = Diagnosis(facts)
    for record in records:
        diagnosis.add(record)
    return diagnosis.findings()


# ------------------------------------------------------------------------------------------------------------ errors


def explain_error(error: BaseException, facts: Facts = NO_FACTS) -> Finding:
    """Words for an exception where no trace is at hand; :func:`diagnose` knows more.

    Any exception gets a finding: what is none of the network's is a fault of this program.

    :param facts: what is known beside the error.
    """
    if isinstance(error, ListenError):
        return _explain_listen(error, facts)
    for kind, explain in _EXPLAINERS:
        if isinstance(error, kind):
            return explain(error)
    if isinstance(error, DicomNetworkError):
        return compose("unknown", {"peer": error.peer, "detail": _detail(error)})
    return compose("internal-fault", {"detail": f"{type(error).__name__}: {error}".rstrip(".: ")})


def _detail(error: DicomNetworkError) -> str:
    """The error's own text without the peer, which sentences name themselves."""
    return str(error.args[0] if error.args else type(error).__name__).rstrip(".")


def _values(error: DicomNetworkError) -> dict[str, object]:
    host, port = split_place(error.peer)
    called, at, _ = error.peer.rpartition("@")
    return {
        "peer": error.peer,
        "host": host,
        "port": port,
        "called": called if at else "",
        "detail": _detail(error),
        "hint": error.hint,
    }


def _explain_connect(error: ConnectError) -> Finding:
    if error.phase == "tls":  # its time-out
        return _explain_tls(error)
    text = f"{type(error).__name__}: {_detail(error)}"
    return compose(connect_code(text), _values(error))


def _explain_tls(error: ConnectError) -> Finding:
    return compose(tls_code(_detail(error), is_acceptor=False), _values(error))


def _explain_listen(error: ListenError, facts: Facts) -> Finding:
    detail = _detail(error)
    place = detail.removeprefix("cannot listen on ").partition(": ")[0]
    return listen_finding(place, detail, facts)


def _explain_rejected(error: AssociationRejected) -> Finding:
    codes = {"result": error.result, "source": error.source, "reason": error.reason}
    return compose(rejection_code(error.source, error.reason), _values(error) | codes)


def _explain_aborted(error: AssociationAborted) -> Finding:
    if not error.by_peer:
        return compose("we-aborted", _values(error) | {"detail": describe_abort(error.source, error.reason)})
    code = "aborted-on-greeting" if error.phase == "associate" else "aborted"
    return abort_finding(code, _values(error), error.source, error.reason)


def _explain_no_context(error: NoAcceptedContext) -> Finding:
    name = name_of(error.sop_class)
    if not error.offered:
        return compose("no-context-not-proposed", _values(error) | {"detail": name})
    offered = ", ".join(map(name_of, error.offered))
    taken = ", ".join(map(name_of, error.accepted))
    offer = f"It would take {name} in {taken}." if taken else ""
    return compose("no-context", _values(error) | {"detail": f"{name} in {offered}", "offer": offer})


def _explain_violation(error: RemoteProtocolError) -> Finding:
    is_tls_alert = error.pdu_type == 0x15  # RFC 8446 5.1, where a PDU has its type
    return compose("peer-wants-tls" if is_tls_alert else "protocol-violation", _values(error))


def _explain_time_out(error: OperationTimeout) -> Finding:
    return compose(_TIME_OUTS.get(error.phase, "timed-out"), _values(error))


def _explain_failure(error: DimseFailure) -> Finding:
    status = Status(error.status & 0xFFFF)
    values = _values(error) | status_values(CommandField.C_ECHO_RQ, status, error.comment) | {"message": "the request"}
    return compose("status-warning" if status.is_warning else "status-failure", values)


def _as(code: str) -> Callable[[DicomNetworkError], Finding]:
    return lambda error: compose(code, _values(error))


_EXPLAINERS: tuple[tuple[type[DicomNetworkError], Callable[..., Finding]], ...] = (
    (ConfigurationError, _as("configuration")),
    (TlsError, _explain_tls),
    (ConnectError, _explain_connect),
    (AssociationRejected, _explain_rejected),
    (AssociationAborted, _explain_aborted),
    (NoAcceptedContext, _explain_no_context),
    (ConnectionLost, _as("connection-lost")),
    (LocalProtocolError, _as("local-misuse")),
    (RemoteProtocolError, _explain_violation),
    (OperationTimeout, _explain_time_out),
    (DimseFailure, _explain_failure),
)
