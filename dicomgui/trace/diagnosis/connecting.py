"""Rules for what happens before there is an association: names, ports, TLS, and what is no DICOM."""

from __future__ import annotations

from datetime import UTC, datetime

from dicomgui.network.tracing import BytesRecord, Direction, ListenRecord, PduRecord, ResolveRecord, TlsRecord
from dicomgui.trace.certificate import CertificateError, read_certificate
from dicomgui.trace.diagnosis.case import Case, Found
from dicomgui.trace.diagnosis.facts import Facts
from dicomgui.trace.diagnosis.words import compose, evidence_at, evidence_of, split_place, values_of
from dicomgui.trace.finding import ActionKind, Finding, plain
from dicomgui.trace.sniff import Spoken, sniff

__all__ = [
    "certificate_text",
    "connect_code",
    "find_listen_faults",
    "find_no_connection",
    "find_not_dicom",
    "find_tls_fault",
    "listen_code",
    "listen_finding",
    "tls_code",
]

# What systems and OpenSSL say, lower case, and what it means; the first that fits counts.
_CONNECT_WORDS = (
    (("does not let us through: 407", "wants another user or password"), "proxy-identity"),
    (("does not let us through: 50", "does not reach the peer"), "proxy-no-way"),
    (("does not let us through",), "proxy-refused"),
    (("does not answer as a proxy does",), "proxy-not-one"),
    (("connectionrefused", "refused"), "closed-port"),
    (("connecttimeout", "timed out", "no answer"), "no-answer"),
    (("nameresolution", "no address"), "name-not-found"),
    (("unreachable", "no route"), "unreachable"),
)
_LISTEN_WORDS = (
    (("in use",), "port-in-use"),
    (("administrator rights", "permission", "forbidden"), "port-forbidden"),
    (("does not belong", "cannot assign", "not valid in its context", "has no address"), "address-not-here"),
)
_TLS_WORDS = (
    (("unrecognized name", "unrecognized_name", "asked for the server name", "asked for no server name"), "name"),
    (("certificate has expired", "certificate_expired", "certificate expired"), "tls-expired"),
    (("not yet valid",), "tls-not-yet-valid"),
    (("hostname mismatch", "ip address mismatch", "doesn't match", "not valid for"), "tls-name-mismatch"),
    (("unable to get", "self-signed", "self signed", "unknown ca", "unknown_ca"), "tls-unknown-issuer"),
    (
        ("certificate required", "certificate_required", "did not return a certificate", "bad certificate"),
        "tls-client-certificate",
    ),
    (
        (
            "unsuitable certificate",
            "invalid purpose",
            "key too small",
            "too weak",
            "certificate revoked",
            "signature failure",
            "invalid ca certificate",
            "certificate rejected",
        ),
        "tls-certificate-unfit",
    ),
    (("took longer than",), "silent"),
    (("closed the connection in the tls handshake",), "closed"),
    (("wrong version number", "wrong_version_number", "http request", "http_request"), "plain"),
    (("record layer failure", "packet length too long", "unknown protocol"), "plain"),
    (
        ("no shared cipher", "handshake failure", "handshake_failure", "unsupported protocol", "protocol version"),
        "tls-no-common",
    ),
    (("insufficient security", "no protocols available", "wrong ssl version", "no suitable"), "tls-no-common"),
)
_TLS_SIDES = {  # what depends on who called: for a requestor, for an acceptor
    "name": ("tls-name-unknown", "tls-caller-name"),
    "plain": ("tls-peer-is-plain", "tls-caller-is-plain"),
    "closed": ("tls-peer-is-plain", "tls-failed"),
    "silent": ("tls-silent", "tls-caller-silent"),
    "tls-client-certificate": ("tls-client-certificate", "tls-caller-certificate"),
    "ours": ("tls-certificate-refused", "tls-our-certificate"),
}
_REQUESTOR_CODES = {
    Spoken.HTTP: "not-dicom-http",
    Spoken.SSH: "not-dicom-ssh",
    Spoken.HL7: "not-dicom-hl7",
    Spoken.GREETING: "not-dicom-greeting",
    Spoken.TLS_ALERT: "peer-wants-tls",
    Spoken.TLS_HELLO: "peer-wants-tls",
    Spoken.UNKNOWN: "not-dicom",
}


_MAX_NAME = 100


def _by_words(text: str, table: tuple[tuple[tuple[str, ...], str], ...], default: str) -> str:
    lower = text.lower()
    return next((code for words, code in table if any(word in lower for word in words)), default)


def connect_code(error: str) -> str:
    """The code for why there is no connection, from the error's class and text."""
    return _by_words(error, _CONNECT_WORDS, "connect-failed")


def tls_code(error: str, *, is_acceptor: bool) -> str:
    """The code for why a TLS handshake failed, from OpenSSL's words."""
    lower = error.lower()
    is_about_ours = "alert" in lower and ("certificate" in lower or "unknown ca" in lower)
    is_about_ours = is_about_ours and "certificate required" not in lower and "certificate_required" not in lower
    code = "ours" if is_about_ours else _by_words(error, _TLS_WORDS, "tls-failed")
    return _TLS_SIDES.get(code, (code, code))[is_acceptor]


def listen_code(error: str) -> str:
    """The code for why a listener could not start."""
    return _by_words(error, _LISTEN_WORDS, "listen-failed")


def find_no_connection(case: Case) -> Finding | None:
    """The name has no address, or no connection could be opened."""
    if case.connected is not None:
        return None
    if case.connect_failures:
        failed = case.connect_failures[-1]
        values = values_of(case) | {"detail": failed.record.error.rstrip(".")}
        code = connect_code(failed.record.error)
        if code == "name-not-found":
            values["host"] = values["host"] or failed.record.peer
        return compose(code, values, evidence=evidence_of(failed), association=case.association)
    for found in case.all(ResolveRecord):
        if found.record.error:
            values = values_of(case) | {"host": found.record.host}
            return compose("name-not-found", values, evidence=evidence_of(found), association=case.association)
    return None


def find_tls_fault(case: Case) -> Finding | None:
    """The TLS handshake failed."""
    found = case.first(TlsRecord)
    if found is None:
        return None
    values = values_of(case) | {
        "detail": found.record.error.rstrip("."),
        "certificate": certificate_text(found.record.peer_certificate, found.record.utc),
    }
    code = tls_code(found.record.error, is_acceptor=case.is_acceptor)
    return compose(code, values, evidence=evidence_of(found), association=case.association)


def certificate_text(der: bytes, utc: float) -> str:
    """A sentence about a certificate, as it stood at that time; empty for none, or one that cannot be read."""
    if not der:
        return ""
    try:
        certificate = read_certificate(der)
        validity = certificate.validity(datetime.fromtimestamp(utc, UTC))
    except (CertificateError, ValueError, OverflowError, OSError):
        return ""
    subject, issuer = plain(certificate.subject, _MAX_NAME), plain(certificate.issuer, _MAX_NAME)
    return f" It is that of {subject}, issued by {issuer}; {validity}."


def find_not_dicom(case: Case) -> Finding | None:
    """The first that came is no PDU of DICOM."""
    found = case.first_received
    data = _strange_bytes(found)
    if found is None or not data:
        return None
    spoken = sniff(data)
    code = _REQUESTOR_CODES[spoken]
    if case.is_acceptor or case.pdu(Direction.SENT, 1) is None:
        code = "caller-uses-tls" if code == "peer-wants-tls" else "caller-not-dicom"
    values = values_of(case) | {"detail": spoken or f"it began with the bytes {data[:8].hex(' ')}"}
    evidence = (evidence_at(found, 0, min(len(data), 16)),)
    return compose(code, values, evidence=evidence, association=case.association)


def _strange_bytes(found: Found | None) -> bytes:
    """The first bytes that came, where they are no PDU."""
    if found is None:
        return b""
    record = found.record
    if isinstance(record, BytesRecord):
        return record.data
    if isinstance(record, PduRecord) and not 1 <= record.pdu_type <= 7 and record.segments:
        return record.segments[0].data
    return b""


def find_listen_faults(case: Case) -> list[Finding]:
    """Listeners that could not start."""
    return [
        listen_finding(found.record.address, found.record.error, case.around.facts, found)
        for found in case.all(ListenRecord)
        if found.record.error
    ]


def listen_finding(address: str, error: str, facts: Facts, found: Found | None = None) -> Finding:
    """Why a listener could not start at ``address``."""
    code = listen_code(error)
    values = {"address": address, "detail": error.rstrip(".")}
    cause, offers = "", {}
    port = split_place(address)[1]
    if code == "port-in-use" and port.isascii() and port.isdigit():
        owner = facts.port_owners.get(int(port), "")
        cause = f"Port {port} is used by {plain(owner, _MAX_NAME)}." if owner else ""
        offers = {ActionKind.NEXT_PORT: str(int(port) % 65535 + 1)}
    return compose(
        code,
        values,
        evidence=evidence_of(found),
        association=found.record.association if found is not None else 0,
        first_cause=cause,
        offers=offers,
    )
