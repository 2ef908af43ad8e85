"""The service classes of PS3.4 over the verbs and handlers of an association, each a few lines for a user.

For the SCU each is a module of functions that build data sets, and of coroutines that send them::

    from dicomgui.network import connect
    from dicomgui.network.service_classes import worklist

    async with connect("RIS@127.0.0.1:104", contexts=worklist.CONTEXTS) as assoc:
        items = await worklist.fetch(assoc, worklist.identifier(modality="CT"))

The builders serve :class:`~dicomgui.network.SyncAssociation` as well, whose verbs take what they make. For the SCP each
is an object in memory with ``handlers()`` and ``sop_classes``; several of them make one server by
:func:`~dicomgui.network.service.combining.combine`.
"""

from dicomgui.network.service_classes import (
    availability,
    commitment,
    inventory_creation,
    keys,
    matching,
    media_creation,
    mpps,
    print_management,
    query,
    relevant_patient,
    storage,
    ups,
    ups_watch,
    verification,
    worklist,
)
from dicomgui.network.service_classes.attributes import Code
from dicomgui.network.service_classes.availability import NotificationReceiver
from dicomgui.network.service_classes.commitment import CommitmentRequests, CommitmentResult
from dicomgui.network.service_classes.commitment_provider import CommitmentProvider
from dicomgui.network.service_classes.inventory_creation import (
    InventoryCreation,
    InventoryProduction,
    InventoryRequest,
    InventoryResult,
)
from dicomgui.network.service_classes.media_creation import MediaCreation, MediaRequest, MediaResult
from dicomgui.network.service_classes.performed_steps import PerformedSteps
from dicomgui.network.service_classes.printer import Printer, PrintJob
from dicomgui.network.service_classes.procedure_steps import ProcedureSteps
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.service_classes.ups_watch import EventReceiver
from dicomgui.network.service_classes.worklist import WorklistProvider

__all__ = [
    "Code",
    "CommitmentProvider",
    "CommitmentRequests",
    "CommitmentResult",
    "EventReceiver",
    "InventoryCreation",
    "InventoryProduction",
    "InventoryRequest",
    "InventoryResult",
    "MediaCreation",
    "MediaRequest",
    "MediaResult",
    "NotificationReceiver",
    "PerformedSteps",
    "PrintJob",
    "Printer",
    "ProcedureSteps",
    "Reference",
    "WorklistProvider",
    "availability",
    "commitment",
    "inventory_creation",
    "keys",
    "matching",
    "media_creation",
    "mpps",
    "print_management",
    "query",
    "relevant_patient",
    "storage",
    "ups",
    "ups_watch",
    "verification",
    "worklist",
]
