"""All that the diagnosis can say is said about some trace, and every signal that it was made for has its words."""

from __future__ import annotations

import pytest
from helpers.failures import ERRORS, RECORDED

from dicomgui.trace.diagnosis.catalogue import CATALOGUE
from dicomgui.trace.diagnosis.diagnose import diagnose, explain_error
from dicomgui.trace.diagnosis.facts import Facts

SAID_ELSEWHERE = {
    "not-converted": "by the send, of a file that could not be converted",
    "converted-private-vr": "by the send, of files that were converted",
    "converted-long-value": "by the send, of files that were converted",
    "converted-signed": "by the send, of files that were converted",
    "changed-signed": "by the send, of files that were changed on their way",
}

SIGNALS = {
    "the name does not resolve": {"name-not-found"},
    "TCP refused": {"closed-port"},
    "TCP without an answer": {"no-answer", "unreachable"},
    "connected, and no byte after the request": {"silent"},
    "the first bytes are of HTTP, SSH, MLLP or another greeting": {
        "not-dicom-http", "not-dicom-ssh", "not-dicom-hl7", "not-dicom-greeting", "not-dicom",
    },
    "we are plain, and the peer closes or sends a TLS alert": {"closed-on-greeting", "peer-wants-tls"},
    "we use TLS, and the handshake breaks at once": {"tls-peer-is-plain", "tls-silent"},
    "our listener gets a TLS greeting": {"caller-uses-tls"},
    "certificates": {
        "tls-unknown-issuer", "tls-expired", "tls-not-yet-valid", "tls-name-mismatch", "tls-client-certificate",
        "tls-certificate-refused", "tls-certificate-unfit", "tls-caller-certificate", "tls-our-certificate",
    },
    "rejected for a name": {"rejected-called-ae", "rejected-calling-ae"},
    "rejected without a reason": {"rejected-no-reason"},
    "rejected as busy": {"rejected-busy"},
    "rejected for application context or protocol version": {
        "rejected-application-context", "rejected-protocol-version",
    },
    "rejected by a code of the peer's own": {"rejected-unknown"},
    "accepted, and no context fits": {
        "no-context", "no-context-user", "no-context-provider", "no-context-abstract", "no-context-transfer",
    },
    "aborted on the greeting": {"aborted-on-greeting"},
    "aborted later": {"aborted-by-user", "aborted-by-provider", "aborted-unknown-source"},
    "cut without a goodbye": {"connection-lost", "connection-lost-sending", "connection-lost-idle"},
    "C-STORE statuses": {
        "store-out-of-resources", "store-wrong-class", "store-not-understood", "class-not-supported", "store-changed",
    },
    "C-FIND without a match": {"find-empty"},
    "C-FIND identifier": {"find-identifier", "find-out-of-resources"},
    "C-MOVE to an unknown destination": {"move-unknown-destination"},
    "C-MOVE that fails, and nobody came": {"move-no-knock"},
    "C-MOVE that fails, and we refused who came": {"move-knock-refused", "move-knock-contexts", "move-knock-stores"},
    "C-MOVE of nothing": {"retrieve-nothing"},
    "C-GET of which all failed": {"get-all-failed", "get-suboperations"},
    "numbers that do not add up, fewer than announced": {"counters-odd", "fewer-arrived"},
    "text without an alphabet": {"character-set-missing", "character-set-contradicted", "characters-lost"},
    "odd bytes in an AE title": {"odd-ae-title"},
    "odd command sets": {"odd-command"},
    "odd negotiations": {"odd-negotiation"},
    "our port is busy": {"port-in-use"},
    "N-services and storage commitment": {
        "no-such-instance", "attributes-missing", "attributes-refused", "argument-refused", "class-instance-conflict",
        "commitment-refused", "commitment-open",
    },
    "it cannot be told": {"cannot-tell", "unknown", "status-unlisted"},
}  # fmt: skip
"""What the diagnosis was made for, and by which codes it speaks of it."""


def test_every_code_has_a_trace_or_an_error_that_shows_it() -> None:
    assert CATALOGUE.keys() == RECORDED.keys() | ERRORS.keys() | SAID_ELSEWHERE.keys()


@pytest.mark.parametrize("code", RECORDED)
def test_the_trace_gets_this_code_first_and_nothing_else_of_its_weight(code: str) -> None:
    findings = diagnose(RECORDED[code]())
    (finding,) = [finding for finding in findings if finding.code == code]
    assert not [other.code for other in findings if other.severity is finding.severity and other.association == 1
                and other is not finding]  # fmt: skip
    assert finding.severity is CATALOGUE[code].severity
    assert finding.evidence


@pytest.mark.parametrize("code", ERRORS)
def test_the_error_gets_this_code(code: str) -> None:
    assert explain_error(ERRORS[code]).code == code


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_has_its_words(signal: str) -> None:
    assert SIGNALS[signal] <= CATALOGUE.keys()


@pytest.mark.parametrize("code", RECORDED)
def test_no_sentence_has_a_gap(code: str) -> None:
    """Values that a rule forgot would leave double spaces, empty brackets or stray points."""
    for finding in diagnose(RECORDED[code](), Facts()):
        for sentence in (finding.what, *finding.causes, *finding.tries):
            assert not [gap for gap in ("  ", "()", " .", "..", ": .", " ,", "{", "  ") if gap in sentence], sentence
