from __future__ import annotations

import pytest
from helpers.recordings import CT, EXPLICIT, IMPLICIT, VERIFICATION

from dicomgui.network.errors import LocalProtocolError
from dicomgui.network.pdu import AssociateAC, AssociateRQ, decode
from dicomgui.trace.capture.supposed import SUPPOSED_TITLE, supposed_association

CONTEXTS = {1: (VERIFICATION, IMPLICIT), 3: (CT, EXPLICIT)}


def test_both_pdus_hold_the_contexts_and_say_that_they_are_not_real() -> None:
    request, answer = (decode(data) for data in supposed_association(CONTEXTS))
    assert isinstance(request, AssociateRQ)
    assert isinstance(answer, AssociateAC)
    assert request.called_ae == request.calling_ae == SUPPOSED_TITLE
    asked = {one.context_id: (one.abstract_syntax, one.transfer_syntaxes) for one in request.presentation_contexts}
    assert asked == {number: (abstract, (transfer,)) for number, (abstract, transfer) in CONTEXTS.items()}
    assert {one.context_id: (one.result, one.transfer_syntax) for one in answer.presentation_contexts} == {
        1: (0, IMPLICIT),
        3: (0, EXPLICIT),
    }


def test_what_fits_no_pdu_is_refused() -> None:
    with pytest.raises(LocalProtocolError):
        supposed_association({300: (CT, EXPLICIT)})
