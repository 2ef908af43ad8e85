"""The SOP classes that go with the handlers of a server, where nobody names them one by one."""

from __future__ import annotations

from typing import Final

from dicomgui.network.association.negotiation import AcceptPolicy
from dicomgui.network.association.params import AETitle
from dicomgui.network.service import QUERY_MODELS, Handlers
from dicomgui.network.uids import RETIRED_STORAGE_CLASSES, STORAGE_CLASSES, VERIFICATION

__all__ = ["NORMALIZED_CLASSES", "policy_for"]

NORMALIZED_CLASSES: Final = (
    "1.2.840.10008.1.9",  # Basic Study Content Notification (retired)
    "1.2.840.10008.1.20.1",  # Storage Commitment Push Model
    "1.2.840.10008.1.40",  # Procedural Event Logging
    "1.2.840.10008.1.42",  # Substance Administration Logging
    "1.2.840.10008.3.1.2.3.1",  # Detached Study Management (retired)
    "1.2.840.10008.3.1.2.3.3",  # Modality Performed Procedure Step
    "1.2.840.10008.3.1.2.3.4",  # MPPS Retrieve
    "1.2.840.10008.3.1.2.3.5",  # MPPS Notification
    "1.2.840.10008.5.1.1.1",  # Basic Film Session
    "1.2.840.10008.5.1.1.2",  # Basic Film Box
    "1.2.840.10008.5.1.1.4",  # Basic Grayscale Image Box
    "1.2.840.10008.5.1.1.4.1",  # Basic Color Image Box
    "1.2.840.10008.5.1.1.9",  # Basic Grayscale Print Management Meta
    "1.2.840.10008.5.1.1.14",  # Print Job
    "1.2.840.10008.5.1.1.15",  # Basic Annotation Box
    "1.2.840.10008.5.1.1.16",  # Printer
    "1.2.840.10008.5.1.1.16.376",  # Printer Configuration Retrieval
    "1.2.840.10008.5.1.1.18",  # Basic Color Print Management Meta
    "1.2.840.10008.5.1.1.23",  # Presentation LUT
    "1.2.840.10008.5.1.1.33",  # Media Creation Management
    "1.2.840.10008.5.1.1.40",  # Display System
    "1.2.840.10008.5.1.4.33",  # Instance Availability Notification
    "1.2.840.10008.5.1.4.34.6.1",  # Unified Procedure Step - Push
    "1.2.840.10008.5.1.4.34.6.2",  # Unified Procedure Step - Watch
    "1.2.840.10008.5.1.4.34.6.3",  # Unified Procedure Step - Pull
    "1.2.840.10008.5.1.4.34.6.4",  # Unified Procedure Step - Event
    "1.2.840.10008.5.1.4.34.6.5",  # Unified Procedure Step - Query
    "1.2.840.10008.5.1.4.34.8",  # RT Conventional Machine Verification
    "1.2.840.10008.5.1.4.34.9",  # RT Ion Machine Verification
    "1.2.840.10008.5.1.4.1.1.201.5",  # Inventory Creation
)
"""The SOP classes whose services are N-services (PS3.4)."""

_NORMALIZED = ("on_n_get", "on_n_set", "on_n_action", "on_n_create", "on_n_delete", "on_n_event_report")


def policy_for(handlers: Handlers, ae_title: AETitle) -> AcceptPolicy:
    """Everybody is let in, for every SOP class of the services that there are handlers for.

    A requestor may have the SCP role wherever it asks for it, to deliver event reports and to receive by C-GET.
    """
    classes = [VERIFICATION]
    storage = (*STORAGE_CLASSES, *RETIRED_STORAGE_CLASSES)
    if handlers.on_store is not None or handlers.on_get is not None:
        classes += storage
    for model in QUERY_MODELS.values():
        if handlers.on_find is not None and "find" in model:
            classes.append(model["find"])
        if handlers.on_move is not None and "move" in model:
            classes.append(model["move"])
        if handlers.on_get is not None and "get" in model:
            classes.append(model["get"])
    if any(getattr(handlers, name) is not None for name in _NORMALIZED):
        classes += NORMALIZED_CLASSES
    return AcceptPolicy(ae_title=ae_title, abstract_syntaxes=frozenset(classes), requestor_scp=None)
