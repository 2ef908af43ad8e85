"""What received PDUs tell the user by their content."""

from __future__ import annotations

import pytest
from helpers.playbook import AC, DATA, RJ, RQ

from dicomgui.network.association.events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Indication,
    indication_of,
)
from dicomgui.network.pdu import PDU, Abort, ReleaseRP, ReleaseRQ


@pytest.mark.parametrize(
    ("pdu", "indication"),
    [
        (RQ, AssociateRequested(RQ)),
        (AC, AssociateAccepted(AC)),
        (RJ, AssociateRejected(RJ)),
        (Abort(2, 4), Aborted(2, 4, by_peer=True, error=None)),
        (ReleaseRQ(), None),
        (ReleaseRP(), None),
        (DATA, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_indication_of(pdu: PDU, indication: Indication | None) -> None:
    assert indication_of(pdu) == indication
