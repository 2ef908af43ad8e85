"""The A-ASSOCIATE PDUs that stand in a trace for those that were not captured, with contexts that were set by hand.

With them everything that reads a trace knows the contexts: description, reassembly, export. That they are not real is
written in them, where a person looks first: in the AE titles.
"""

from __future__ import annotations

from collections.abc import Mapping

from dicomgui.network.pdu import (
    ApplicationContext,
    AssociateAC,
    AssociateRQ,
    ImplementationVersionName,
    MaximumLength,
    PresentationContextAC,
    PresentationContextRQ,
    UserInformation,
)

__all__ = ["SUPPOSED_TITLE", "supposed_association"]

SUPPOSED_TITLE = "(not captured)"
"""Stands in the place of both AE titles."""


def supposed_association(contexts: Mapping[int, tuple[str, str]]) -> tuple[bytes, bytes]:
    """An A-ASSOCIATE-RQ and its A-ASSOCIATE-AC.

    :param contexts: abstract and transfer syntax by presentation context id.
    :raises LocalProtocolError: an id or UID fits no PDU.
    """
    information = UserInformation((MaximumLength(0), ImplementationVersionName("set by hand")))
    asked = [PresentationContextRQ(number, abstract, (transfer,)) for number, (abstract, transfer) in contexts.items()]
    accepted = [PresentationContextAC(number, 0, transfer) for number, (_, transfer) in contexts.items()]
    request = AssociateRQ(SUPPOSED_TITLE, SUPPOSED_TITLE, (ApplicationContext(), *asked, information))
    answer = AssociateAC(SUPPOSED_TITLE, SUPPOSED_TITLE, (ApplicationContext(), *accepted, information))
    return request.encode(), answer.encode()
