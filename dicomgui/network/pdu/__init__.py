"""The PDUs of the DICOM upper layer (PS3.8 section 9.3): bytes to frozen dataclasses and back, without state.

:func:`decode` reads one whole PDU, the ``encode`` method of each writes it; both are lossless. :class:`Framer` cuts a
received stream into PDUs, and P-DATA-TF into pieces that need no copy.
"""

from __future__ import annotations

from dicomgui.network.pdu.associate import AssociateAC, AssociateRJ, AssociateRQ, describe_rejection
from dicomgui.network.pdu.capture import KEEP_LIMIT, Capture
from dicomgui.network.pdu.codec import PDU, decode
from dicomgui.network.pdu.control import (
    Abort,
    AbortReason,
    AbortSource,
    RejectResult,
    RejectSource,
    ReleaseRP,
    ReleaseRQ,
    describe_abort,
)
from dicomgui.network.pdu.data import PDATA_HEAD, PDV, PDataTF, PdvPiece, max_fragment
from dicomgui.network.pdu.framer import Broken, DataEnd, DataStart, Frame, Framer, Whole
from dicomgui.network.pdu.items import (
    APPLICATION_CONTEXT,
    AbstractSyntax,
    ApplicationContext,
    Item,
    PresentationContextAC,
    PresentationContextRQ,
    TransferSyntax,
    UnknownItem,
    UserInformation,
    describe_presentation_result,
)
from dicomgui.network.pdu.masking import mask_user_identity
from dicomgui.network.pdu.runs import PdvRun
from dicomgui.network.pdu.user_info import (
    AsyncOperationsWindow,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UnknownSubItem,
    UserIdentityAC,
    UserIdentityRQ,
    UserIdentityType,
    UserInfoItem,
)
from dicomgui.network.pdu.wire import PduType, Reader, Recorder, Writer, clean_uid, pdu_name

__all__ = [
    "APPLICATION_CONTEXT",
    "KEEP_LIMIT",
    "PDATA_HEAD",
    "PDU",
    "PDV",
    "Abort",
    "AbortReason",
    "AbortSource",
    "AbstractSyntax",
    "ApplicationContext",
    "AssociateAC",
    "AssociateRJ",
    "AssociateRQ",
    "AsyncOperationsWindow",
    "Broken",
    "Capture",
    "DataEnd",
    "DataStart",
    "Frame",
    "Framer",
    "ImplementationClassUID",
    "ImplementationVersionName",
    "Item",
    "MaximumLength",
    "PDataTF",
    "PduType",
    "PdvPiece",
    "PdvRun",
    "PresentationContextAC",
    "PresentationContextRQ",
    "Reader",
    "Recorder",
    "RejectResult",
    "RejectSource",
    "ReleaseRP",
    "ReleaseRQ",
    "RoleSelection",
    "SOPClassCommonExtendedNegotiation",
    "SOPClassExtendedNegotiation",
    "TransferSyntax",
    "UnknownItem",
    "UnknownSubItem",
    "UserIdentityAC",
    "UserIdentityRQ",
    "UserIdentityType",
    "UserInfoItem",
    "UserInformation",
    "Whole",
    "Writer",
    "clean_uid",
    "decode",
    "describe_abort",
    "describe_presentation_result",
    "describe_rejection",
    "mask_user_identity",
    "max_fragment",
    "pdu_name",
]
