from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from helpers.certificates import Authority
from helpers.recordings import Recording, associate_rq

from dicomgui.network.tracing import (
    BytesRecord,
    Direction,
    ListenRecord,
    PduRecord,
    ResolveRecord,
    Role,
    Segment,
    TlsRecord,
)
from dicomgui.trace.diagnosis.connecting import certificate_text
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.finding import Evidence, Finding, Severity


def only(recording: Recording) -> Finding:
    (finding,) = diagnose(recording.records)
    return finding


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            "ConnectionRefused: nothing listens on port 104",
            "closed-port",
            "10.0.0.2 answers, but nothing listens on port 104.",
        ),
        ("ConnectTimeout: no answer within 5 s", "no-answer", "no answer at all on port 104"),
        ("ConnectError: [Errno 113] No route to host", "unreachable", "no way from here to 10.0.0.2"),
        ("ConnectError: [Errno 101] Network is unreachable", "unreachable", "no way"),
        ("ConnectError: something else.", "connect-failed", "something else."),
        ("NameResolutionError: the name has no address", "name-not-found", "No computer is called 10.0.0.2 here."),
    ],
)
def test_no_connection(error: str, code: str, words: str) -> None:
    finding = only(Recording().connect(error=error))
    assert finding.code == code
    assert words in finding.what
    assert finding.severity is Severity.ERROR
    assert finding.evidence == (Evidence(0),)


def test_an_address_that_failed_before_another_answered_is_no_failure() -> None:
    recording = Recording().connect(peer="[::1]:104", error="ConnectionRefused: x").established().released()
    assert diagnose(recording.records) == []


def test_a_name_that_is_not_known() -> None:
    recording = Recording()
    recording.add(ResolveRecord(*recording.head, "pacs", (), 0.1, "[Errno -2] Name or service not known"))
    finding = only(recording)
    assert finding.code == "name-not-found"
    assert finding.what == "No computer is called pacs here."
    good = ResolveRecord(1, 0.0, 0.0, "pacs", ("10.0.0.2",), 0.1, "")
    assert diagnose([good]) == []


@pytest.mark.parametrize(
    ("error", "role", "code"),
    [
        ("certificate verify failed: unable to get local issuer certificate", Role.REQUESTOR, "tls-unknown-issuer"),
        ("certificate verify failed: self-signed certificate", Role.REQUESTOR, "tls-unknown-issuer"),
        ("certificate verify failed: certificate has expired", Role.REQUESTOR, "tls-expired"),
        ("certificate verify failed: certificate is not yet valid", Role.REQUESTOR, "tls-not-yet-valid"),
        ("certificate verify failed: Hostname mismatch", Role.REQUESTOR, "tls-name-mismatch"),
        ("tlsv13 alert certificate required", Role.REQUESTOR, "tls-client-certificate"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", Role.REQUESTOR, "tls-peer-is-plain"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", Role.ACCEPTOR, "tls-caller-is-plain"),
        ("sslv3 alert handshake failure", Role.REQUESTOR, "tls-no-common"),
        ("EOF occurred in violation of protocol", Role.REQUESTOR, "tls-failed"),
        ("the peer broke the TLS handshake off: tlsv1 alert unknown ca", Role.REQUESTOR, "tls-certificate-refused"),
        ("the peer broke the TLS handshake off: tlsv1 alert unknown ca", Role.ACCEPTOR, "tls-our-certificate"),
        ("the peer broke the TLS handshake off: sslv3 alert certificate expired", Role.ACCEPTOR, "tls-our-certificate"),
        ("the peer did not return a certificate", Role.ACCEPTOR, "tls-caller-certificate"),
        ("the peer closed the connection in the TLS handshake", Role.REQUESTOR, "tls-peer-is-plain"),
        ("the peer closed the connection in the TLS handshake", Role.ACCEPTOR, "tls-failed"),
        ("the TLS handshake took longer than 5 s", Role.REQUESTOR, "tls-silent"),
        ("the TLS handshake took longer than 5 s", Role.ACCEPTOR, "tls-caller-silent"),
        ("the TLS handshake failed: no shared cipher", Role.ACCEPTOR, "tls-no-common"),
        ("the peer broke the TLS handshake off: tlsv1 alert insufficient security", Role.REQUESTOR, "tls-no-common"),
    ],
)
def test_tls(error: str, role: Role, code: str) -> None:
    recording = Recording(role=role).connect()
    recording.add(TlsRecord(*recording.head, "", "", b"", 0.1, error)).closed()
    assert only(recording).code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "not-dicom-http"),
        (b"SSH-2.0-OpenSSH_9.2", "not-dicom-ssh"),
        (b"\x0bMSH|^~\\&|", "not-dicom-hl7"),
        (b"220 mail ESMTP", "not-dicom-greeting"),
        (b"\x15\x03\x03\0\x02\x02\x28", "peer-wants-tls"),
        (b"\xde\xad\xbe\xef\0\0\0", "not-dicom"),
    ],
)
def test_a_peer_that_is_no_dicom(data: bytes, code: str) -> None:
    finding = only(Recording().connect().sent(associate_rq()).stray(data).closed())
    assert finding.code == code
    assert finding.evidence == (Evidence(2, 0, min(16, len(data))),)
    assert finding.what.startswith(("PACS@10.0.0.2:104", "What PACS@10.0.0.2:104"))


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (
            b"\x16\x03\x01\x02\0\x01\0",
            "caller-uses-tls",
            "The caller 10.0.0.2:104 is using TLS; this listener is plain.",
        ),
        (b"GET / HTTP/1.1\r\n", "caller-not-dicom", "(HTTP)"),
        (b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7", "caller-not-dicom", "ff fe fd fc fb fa f9 f8)"),
    ],
)
def test_a_caller_that_is_no_dicom(data: bytes, code: str, words: str) -> None:
    finding = only(Recording(role=Role.ACCEPTOR).connect().stray(data).closed())
    assert finding.code == code
    assert words in finding.what


def test_bytes_that_are_kept_as_an_unknown_pdu() -> None:
    recording = Recording().connect().sent(associate_rq()).raw(Direction.RECEIVED, b"HTTP/1.1 400", "unknown type")
    assert only(recording).code == "not-dicom-http"
    empty = PduRecord(1, 0.0, 0.0, Direction.RECEIVED, 0x48, 12, (), "")
    assert [finding.code for finding in diagnose([empty])] == []
    kept = empty._replace(segments=(Segment(0, b""),))
    assert diagnose([kept]) == []
    assert diagnose([BytesRecord(1, 0.0, 0.0, Direction.SENT, 3, b"abc", "")]) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("cannot listen on 0.0.0.0:104: the port is in use by another program", "port-in-use"),
        ("cannot listen on 0.0.0.0:104: the port needs administrator rights", "port-forbidden"),
        ("cannot listen on 0.0.0.0:104: the address does not belong to this computer", "address-not-here"),
        ("cannot listen on 0.0.0.0:104: Too many open files", "listen-failed"),
    ],
)
def test_listeners_that_do_not_start(error: str, code: str) -> None:
    records = [ListenRecord(0, 0.0, 0.0, "0.0.0.0:104", "ME", False, error)]
    (finding,) = diagnose(records)
    assert finding.code == code
    assert "0.0.0.0:104" in finding.what
    assert diagnose([ListenRecord(0, 0.0, 0.0, "0.0.0.0:104", "ME", True, "")]) == []


def test_the_certificate_is_shown_with_its_fault(tmp_path: Path) -> None:
    pem = Authority(tmp_path).issue("pacs.example").cert.read_text()
    der = ssl.PEM_cert_to_DER_cert(pem.split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
    recording = Recording().connect()
    error = "certificate verify failed: Hostname mismatch"
    finding = only(recording.add(TlsRecord(*recording.head, "", "", der, 0.1, error)).closed())
    assert "It is that of " in finding.what
    assert "issued by" in finding.what


@pytest.mark.parametrize(("der", "utc"), [(b"", 0.0), (b"no certificate", 0.0), (b"\x30\x82\xff\xff", 1e300)])
def test_a_certificate_that_cannot_be_read_is_not_spoken_of(der: bytes, utc: float) -> None:
    assert certificate_text(der, utc) == ""
