"""Before there is an association: names, ports, TLS, and what is no DICOM."""

from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue.template import ASK_ADMIN, ERROR, NOTE, SEE_LOG, WARNING, Template

__all__ = ["CONNECTION"]

CONNECTION: dict[str, Template] = {
    # ------------------------------------------------------------------------------------ before there is a connection
    "name-not-found": Template(
        ERROR,
        "No computer is called {host} here.",
        ("The name is misspelt.", "The name is known in another network only.", "The name service does not answer."),
        ("Check the spelling.", "Give the IP address instead.", "Check that the network or VPN is connected."),
    ),
    "closed-port": Template(
        ERROR,
        "{host} answers, but nothing listens on port {port}.",
        (
            "The port number is wrong.",
            "The DICOM service there is not running.",
            "A firewall there refuses connections to this port.",
        ),
        (
            "Check the port; 104, 11112, 4242 and (with TLS) 2762 are usual.",
            "Have the DICOM service there started or restarted.",
        ),
    ),
    "no-answer": Template(
        ERROR,
        "{host} gives no answer at all on port {port}.",
        (
            "The IP address is wrong.",
            "The computer is switched off or in another network.",
            "A firewall drops the packets.",
        ),
        (
            "Check the address.",
            "Check that the computer can be reached, for example with ping.",
            "Ask for the firewall to be opened from here to {host}, port {port}.",
            "Allow more time for connecting if the line is slow.",
        ),
    ),
    "unreachable": Template(
        ERROR,
        "There is no way from here to {host}.",
        ("The network or VPN is not connected.", "The address belongs to a network without a route from here."),
        ("Check the network connection of this computer.", "Check the address."),
    ),
    "connect-failed": Template(
        ERROR,
        "No connection to {host}, port {port}: {detail}.",
        ("The system reported this while the connection was being opened; the trace holds nothing else.",),
        ("Check address and port.", "Check the network connection of this computer."),
    ),
    "proxy-identity": Template(
        ERROR,
        "The proxy on the way wants another user or password: {detail}.",
        ("It is given none.", "The password has changed."),
        ("Give the user and the password that the proxy knows.",),
        "RFC 1929; RFC 9110 11.7",
    ),
    "proxy-refused": Template(
        ERROR,
        "The proxy on the way does not open this connection: {detail}.",
        ("Its rules do not allow this peer or this port.", "It does not know this kind of request."),
        ("Have it let connections to this peer and port through.", "Check that it is the right proxy."),
        "RFC 1928 6; RFC 9110 9.3.6",
    ),
    "proxy-no-way": Template(
        ERROR,
        "The proxy on the way answers, and does not reach the peer: {detail}.",
        ("Host or port of the peer is wrong, as seen from the proxy.", "The peer's DICOM service is not running."),
        ("Check host and port of the peer.", "Have the peer tried from the computer of the proxy."),
        "RFC 1928 6; RFC 9110 15.6",
    ),
    "proxy-not-one": Template(
        ERROR,
        "What answers in the place of the proxy is no such proxy: {detail}.",
        ("Host or port of the proxy is wrong.", "It is a proxy of another kind: HTTP, SOCKS 4 or SOCKS 5."),
        ("Check host, port and kind of the proxy.",),
    ),
    "port-in-use": Template(
        ERROR,
        "The listener cannot start: {address} is already in use on this computer.",
        ("Another program, or a second copy of this one, listens there.",),
        ("Choose another port, for example the next one.", "End the other program."),
    ),
    "port-forbidden": Template(
        ERROR,
        "The listener cannot start: this user may not listen on {address}.",
        ("Ports below 1024 need special rights on this system.", "A security policy forbids it."),
        ("Choose a port above 1023; 11112 is usual.",),
    ),
    "address-not-here": Template(
        ERROR,
        "The listener cannot start: {address} is no address of this computer.",
        ("The address is misspelt.", "The network that it belongs to is not connected."),
        ("Listen on 0.0.0.0 for all IPv4 addresses of this computer, or on 127.0.0.1 for this computer only.",),
    ),
    "listen-failed": Template(
        ERROR,
        "The listener cannot start on {address}: {detail}.",
        ("The system reported this when the port was opened; the trace holds nothing else.",),
        ("Try another port.",),
    ),
    # ---------------------------------------------------------------------------------------------------------- TLS
    "tls-unknown-issuer": Template(
        ERROR,
        "The certificate of {peer} is not trusted here: nobody vouches for its issuer.{certificate}",
        ("The hospital's own certificate authority is not set up here.", "The certificate is self-signed."),
        (
            "Give the certificate of the issuing authority, or this certificate itself, as trusted.",
            "Compare the certificate's fingerprint with the administrator before you trust it.",
        ),
        "PS3.15 B.12",
    ),
    "tls-expired": Template(
        ERROR,
        "The certificate of {peer} has expired.{certificate}",
        ("It was not renewed in time.", "The clock of this computer is wrong."),
        ("Have the certificate renewed.", "Check date and time of this computer."),
        "PS3.15 B.12",
    ),
    "tls-not-yet-valid": Template(
        ERROR,
        "The certificate of {peer} is not valid yet.{certificate}",
        ("The clock of this computer is wrong.", "The certificate was made for a later date."),
        ("Check date and time of this computer.",),
        "PS3.15 B.12",
    ),
    "tls-name-mismatch": Template(
        ERROR,
        "The certificate of {peer} was made for another name.{certificate}",
        (
            "The peer is addressed by an IP address or alias that its certificate does not list.",
            "Another computer answers.",
        ),
        ("Use the name that the certificate lists.", "Give that name as the TLS server name."),
        "PS3.15 B.12",
    ),
    "tls-name-unknown": Template(
        ERROR,
        "{peer} does not answer to the server name that we asked it for.",
        ("It expects another name, or one where an IP address was called.", "Another computer answers."),
        ("Give the name that it expects as the TLS server name.", SEE_LOG),
        "RFC 6066 3",
    ),
    "tls-caller-name": Template(
        ERROR,
        "The caller {peer} was refused for the server name that it asked for: {detail}.",
        ("It calls this listener by another name, or by its IP address.", "It was looking for another computer."),
        ("Have it call this listener by the expected name.", "Change the name that the listener expects."),
        "RFC 6066 3",
    ),
    "tls-client-certificate": Template(
        ERROR,
        "{peer} wants a certificate from us and did not get one.",
        ("No certificate of ours is set for this peer.",),
        ("Choose certificate and key for this program.", "Have our certificate added to those that the peer trusts."),
        "PS3.15 B.12",
    ),
    "tls-certificate-refused": Template(
        ERROR,
        "{peer} does not accept our certificate: {detail}.",
        ("Its issuer is not set up there.", "It has expired, or is made for another name or purpose."),
        ("Have our certificate or its issuer added to those that the peer trusts.", "Choose another certificate."),
        "PS3.15 B.12",
    ),
    "tls-certificate-unfit": Template(
        ERROR,
        "The certificate of {peer} is not fit for this: {detail}.{certificate}",
        ("It was made for another purpose, is too weak for today, or was revoked.",),
        ("Have a new certificate made for {peer}.",),
        "PS3.15 B.12",
    ),
    "tls-caller-certificate": Template(
        ERROR,
        "The caller {peer} showed no certificate, and this listener requires one.",
        ("No certificate is set up in the caller's settings.",),
        ("Have a certificate set up there.", "Let this listener accept callers without certificate."),
        "PS3.15 B.12",
    ),
    "tls-our-certificate": Template(
        ERROR,
        "The caller {peer} does not accept the certificate of this listener: {detail}.",
        (
            "The authority that issued our certificate is not set up there.",
            "The caller addresses us by a name that our certificate does not list.",
            "Our certificate has expired.",
        ),
        ("Have the issuing authority's certificate added there.", "Check names and dates of our certificate."),
        "PS3.15 B.12",
    ),
    "tls-silent": Template(
        ERROR,
        "{peer} took the connection and did not answer our TLS greeting: {detail}.",
        ("The port is for connections without TLS.", "The peer, or a device on the way, is overloaded or hangs."),
        ("Try again without TLS.", "Allow more time if the peer is known to be slow."),
    ),
    "tls-caller-silent": Template(
        NOTE,
        "{peer} connected to this listener and did not finish the TLS handshake: {detail}.",
        ("A port scan or a monitoring probe looked whether the port is open.", "The caller hangs."),
        ("Nothing needs to be done unless a modality at this address fails to connect.",),
    ),
    "tls-no-common": Template(
        ERROR,
        "Both sides speak TLS, but have no version or cipher in common.",
        (
            "{peer} is old and knows only versions that are no longer safe.",
            "The TLS profile here is stricter than there.",
        ),
        ("Choose another TLS profile.", "Have the TLS settings of {peer} brought up to date."),
        "PS3.15 B.12",
    ),
    "tls-peer-is-plain": Template(
        ERROR,
        "The other side does not speak TLS here.",
        ("The port is for connections without TLS.", "Something other than a DICOM service answers there."),
        ("Try again without TLS.", "Ask for the port with TLS; 2762 is usual."),
    ),
    "tls-caller-is-plain": Template(
        ERROR,
        "The caller {peer} speaks without TLS, and this listener expects TLS.",
        ("TLS is not switched on in the caller's settings for us.",),
        ("Have TLS switched on there.", "Open a listener without TLS on another port."),
    ),
    "tls-failed": Template(
        ERROR,
        "The TLS handshake with {peer} failed: {detail}.",
        ("Versions, ciphers or certificates of the two sides do not fit.", "The other side does not speak TLS."),
        ("Try again without TLS to see whether DICOM answers at all.", SEE_LOG),
        "PS3.15 B.12",
    ),
    "peer-wants-tls": Template(
        ERROR,
        "{peer} answered in TLS: this is probably a port for TLS.",
        ("The port expects TLS and we came without.",),
        ("Try again with TLS.", "Ask for the port without TLS."),
    ),
    "caller-uses-tls": Template(
        ERROR,
        "The caller {peer} is using TLS; this listener is plain.",
        ("TLS is switched on in the caller's settings for us.",),
        ("Switch TLS on for this listener.", "Have TLS switched off there."),
    ),
    # ---------------------------------------------------------------------------------------------- what is no DICOM
    "not-dicom-http": Template(
        ERROR,
        "{peer} is a web port, not DICOM.",
        ("The port number belongs to a web server or to DICOMweb.",),
        ("Ask for the port of the DICOM service; 104, 11112 and 4242 are usual.",),
    ),
    "not-dicom-ssh": Template(
        ERROR,
        "{peer} is an SSH port, not DICOM.",
        ("The port number is that of the remote login.",),
        ("Ask for the port of the DICOM service; 104, 11112 and 4242 are usual.",),
    ),
    "not-dicom-hl7": Template(
        ERROR,
        "{peer} is an HL7 port, not DICOM.",
        ("The port number is that of the HL7 interface (MLLP).",),
        ("Ask for the port of the DICOM service; 104, 11112 and 4242 are usual.",),
    ),
    "not-dicom-greeting": Template(
        ERROR,
        "{peer} greets like a mail or file server; this is not DICOM.",
        ("The port number belongs to another service.",),
        ("Ask for the port of the DICOM service; 104, 11112 and 4242 are usual.",),
    ),
    "not-dicom": Template(
        ERROR,
        "What {peer} sent is not DICOM.",
        ("Another kind of service answers on this port.", "Something between here and there changes the bytes."),
        ("Look at the bytes: they often name the program.", "Check the port."),
        "PS3.8 9.3.1",
    ),
    "caller-not-dicom": Template(
        WARNING,
        "Something called this listener that does not speak DICOM ({detail}).",
        (
            "A browser, a port scanner or a monitoring system connected to this port.",
            "Another system was given this port by mistake.",
        ),
        ("Nothing needs to be done unless {peer} should be able to send here.",),
        "PS3.8 9.3.1",
    ),
    "silent": Template(
        ERROR,
        "{peer} accepts the connection but does not answer in DICOM.",
        (
            "Another kind of service listens there and waits for something else.",
            "The DICOM service there is stuck or overloaded.",
            "A firewall or proxy accepts the connection in its place.",
        ),
        (
            "Check the port.",
            "Have the DICOM service there restarted.",
            "Allow more time if the peer is known to be slow.",
        ),
        "PS3.8 9.3.2",
    ),
    "closed-on-greeting": Template(
        ERROR,
        "{peer} closed the connection as soon as we greeted it, without a word.",
        (
            "The port is for TLS, and we came without.",
            "The peer takes connections from known addresses only.",
            "Another kind of service listens there.",
        ),
        ("Try again with TLS.", ASK_ADMIN, "Check the port."),
        "PS3.8 9.3.2",
    ),
    "closed-on-greeting-tls": Template(
        ERROR,
        "{peer} closed the connection as soon as we greeted it, without a word.",
        (
            "The peer wants a certificate from us, or another one, and says so by closing only.",
            "The peer takes connections from known addresses only.",
            "Another kind of service listens there.",
        ),
        ("Choose certificate and key for this program.", ASK_ADMIN, "Check the port."),
        "PS3.8 9.3.2",
    ),
    "caller-silent": Template(
        NOTE,
        "{peer} connected to this listener and never asked for an association.",
        (
            "A monitoring system or port scanner checks whether the port is open.",
            "The caller uses another protocol and waits for us to speak first.",
        ),
        ("Nothing needs to be done unless {peer} should be able to send here.",),
        "PS3.8 9.1.5",
    ),
}
