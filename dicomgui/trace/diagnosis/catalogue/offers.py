"""What can be done at once about each finding, the best first; the faces show what of it they can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dicomgui.trace.finding import ActionKind as Do

__all__ = ["LABELS", "OFFERS"]

LABELS: Final[Mapping[Do, str]] = {
    Do.RETRY: "Try again",
    Do.RETRY_LATER: "Keep trying",
    Do.RETRY_TLS: "Retry with TLS",
    Do.RETRY_PLAIN: "Retry without TLS",
    Do.RETRY_MINIMAL: "Retry minimal association",
    Do.TRY_AE: "Try {value}",
    Do.TRY_CALLING_AE: "Call as {value}",
    Do.TRY_PORTS: "Try usual ports …",
    Do.EDIT_NODE: "Edit the node",
    Do.TRUST_CERTIFICATE: "Choose whom to trust",
    Do.CHOOSE_CERTIFICATE: "Choose our certificate",
    Do.COPY_SETUP: "Copy request for the administrator",
    Do.SEND_DECOMPRESSED: "Send decompressed",
    Do.RELAX_QUERY: "Relax the query",
    Do.OTHER_ROOT: "Try the other root",
    Do.USE_GET: "Use C-GET",
    Do.USE_MOVE: "Use C-MOVE",
    Do.START_LISTENER: "Go to the listener",
    Do.TEST_LISTENER: "Test the listener",
    Do.NEXT_PORT: "Use port {value}",
    Do.SHOW_BYTES: "Show bytes",
}
"""The words of the buttons."""

_LATER = (Do.RETRY_LATER, Do.RETRY)
_WAY_BACK = (Do.TEST_LISTENER, Do.COPY_SETUP, Do.USE_GET, Do.START_LISTENER)

OFFERS: Final[Mapping[str, tuple[Do, ...]]] = {
    "name-not-found": (Do.EDIT_NODE, Do.RETRY),
    "closed-port": (Do.TRY_PORTS, Do.RETRY, Do.EDIT_NODE),
    "no-answer": (Do.RETRY, Do.EDIT_NODE),
    "unreachable": (Do.RETRY, Do.EDIT_NODE),
    "connect-failed": (Do.RETRY, Do.EDIT_NODE),
    "tls-unknown-issuer": (Do.TRUST_CERTIFICATE,),
    "tls-expired": (Do.RETRY,),
    "tls-not-yet-valid": (Do.RETRY,),
    "tls-name-mismatch": (Do.EDIT_NODE,),
    "tls-client-certificate": (Do.CHOOSE_CERTIFICATE,),
    "tls-certificate-refused": (Do.CHOOSE_CERTIFICATE,),
    "tls-silent": (Do.RETRY_PLAIN, Do.RETRY),
    "tls-no-common": (Do.EDIT_NODE,),
    "tls-peer-is-plain": (Do.RETRY_PLAIN, Do.EDIT_NODE),
    "tls-failed": (Do.RETRY_PLAIN, Do.EDIT_NODE),
    "peer-wants-tls": (Do.RETRY_TLS, Do.EDIT_NODE),
    "tls-caller-certificate": (Do.START_LISTENER,),
    "tls-our-certificate": (Do.START_LISTENER,),
    "tls-caller-is-plain": (Do.START_LISTENER,),
    "caller-uses-tls": (Do.START_LISTENER,),
    "not-dicom-http": (Do.TRY_PORTS, Do.EDIT_NODE),
    "not-dicom-ssh": (Do.TRY_PORTS, Do.EDIT_NODE),
    "not-dicom-hl7": (Do.TRY_PORTS, Do.EDIT_NODE),
    "not-dicom-greeting": (Do.TRY_PORTS, Do.EDIT_NODE),
    "not-dicom": (Do.TRY_PORTS, Do.EDIT_NODE),
    "silent": (Do.RETRY, Do.TRY_PORTS, Do.EDIT_NODE),
    "closed-on-greeting": (Do.RETRY_TLS, Do.COPY_SETUP, Do.TRY_PORTS),
    "closed-on-greeting-tls": (Do.CHOOSE_CERTIFICATE, Do.COPY_SETUP),
    "rejected-called-ae": (Do.EDIT_NODE,),
    "rejected-calling-ae": (Do.COPY_SETUP, Do.EDIT_NODE),
    "rejected-no-reason": (Do.COPY_SETUP, Do.EDIT_NODE),
    "rejected-busy": _LATER,
    "rejected-unknown": (Do.COPY_SETUP,),
    "we-rejected-called-ae": (Do.START_LISTENER,),
    "we-rejected-calling-ae": (Do.START_LISTENER,),
    "we-rejected-busy": (Do.START_LISTENER,),
    "we-refused": (Do.START_LISTENER,),
    "we-accepted-none": (Do.START_LISTENER,),
    "aborted-on-greeting": (Do.RETRY_MINIMAL, Do.COPY_SETUP),
    "no-context-transfer": (Do.SEND_DECOMPRESSED,),
    "no-association-answer": (Do.RETRY, Do.EDIT_NODE),
    "no-response": (Do.RETRY, Do.EDIT_NODE),
    "not-reading": (Do.RETRY,),
    "timed-out": (Do.RETRY, Do.EDIT_NODE),
    "connection-lost": (Do.RETRY,),
    "connection-lost-idle": (Do.RETRY,),
    "connection-lost-sending": (Do.RETRY,),
    "store-out-of-resources": _LATER,
    "find-out-of-resources": (Do.RETRY,),
    "find-identifier": (Do.OTHER_ROOT, Do.RELAX_QUERY),
    "find-empty": (Do.RELAX_QUERY, Do.OTHER_ROOT),
    "move-unknown-destination": (Do.COPY_SETUP, Do.USE_GET),
    "move-suboperations": _WAY_BACK,
    "move-no-knock": _WAY_BACK,
    "move-knock-refused": (Do.START_LISTENER,),
    "move-knock-contexts": (Do.START_LISTENER,),
    "move-knock-stores": (Do.START_LISTENER,),
    "move-knock-idle": (Do.RETRY, Do.USE_GET),
    "get-suboperations": (Do.USE_MOVE,),
    "get-all-failed": (Do.USE_MOVE,),
    "retrieve-identifier": (Do.OTHER_ROOT,),
    "retrieve-out-of-resources": (Do.RETRY,),
    "some-suboperations": (Do.RETRY,),
    "fewer-arrived": (Do.RETRY,),
}
"""By the code of the finding. What stands here needs no value; rules add what does."""
