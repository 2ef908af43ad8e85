"""A DICOM network stack on asyncio: associations, DIMSE services, and a trace of every byte.

::

    async with connect("PACS1@127.0.0.1:104", calling_ae="ME") as assoc:
        response = await assoc.echo()

    server = await serve("127.0.0.1", 11112, ae_title="ME", handlers=Handlers(on_store=keep))

and, for callers that block, :class:`SyncClient` and :class:`SyncServer` with the same names.

Works without Qt and without the rest of dicomgui. What is exported here is the library's public interface; everything
else may change.
"""

from dicomgui.network.association.contexts import AcceptedContext, Negotiated, ProposedContext, split_contexts
from dicomgui.network.association.extended import (
    QueryFlags,
    RetrieveFlags,
    StorageSupport,
    WorklistFlags,
    answer_extended,
    extended_for,
    storage_relation,
)
from dicomgui.network.association.identity import UserIdentity, accept_any_identity, accept_passcodes
from dicomgui.network.association.negotiation import AcceptPolicy, ContextChoices
from dicomgui.network.association.params import AETitle, Implementation, Limits, PeerAddress, Timeouts
from dicomgui.network.client import (
    Association,
    ConnectOptions,
    SyncAssociation,
    SyncClient,
    SyncOperation,
    Timings,
    connect,
    presets,
)
from dicomgui.network.dimse.assembler import MemorySink, NullSink, Sink
from dicomgui.network.dimse.commands import Priority
from dicomgui.network.dimse.convert import ConversionError, Converted, convert_dataset, convert_file
from dicomgui.network.errors import (
    AssociationAborted,
    AssociationError,
    AssociationRejected,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    ConnectionRefused,
    ConnectTimeout,
    DicomNetworkError,
    DimseFailure,
    ListenError,
    LocalProtocolError,
    NameResolutionError,
    NoAcceptedContext,
    OperationTimeout,
    ProtocolError,
    RemoteProtocolError,
    TlsError,
)
from dicomgui.network.part10 import Part10Error, Part10Head, read_head
from dicomgui.network.pdu import (
    AssociateRJ,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityRQ,
)
from dicomgui.network.server import Destination, Server, ServerOptions, SyncServer, serve
from dicomgui.network.service import (
    AssociationFacts,
    AssociationRequest,
    EchoRequest,
    FindRequest,
    FolderTarget,
    GetRequest,
    Handlers,
    InstanceFile,
    Lifecycle,
    Match,
    MoveRequest,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NEventReportRequest,
    NGetRequest,
    NSetRequest,
    Operation,
    Progress,
    Reply,
    Response,
    Retrieval,
    ServiceUser,
    StoreRequest,
)
from dicomgui.network.status import Status
from dicomgui.network.tracing import Tracer
from dicomgui.network.transport import EagerLoop, HttpProxy, SocketOptions, TlsConfig, TlsInfo, eager_event_loop

__all__ = [
    "AETitle",
    "AcceptPolicy",
    "AcceptedContext",
    "AssociateRJ",
    "Association",
    "AssociationAborted",
    "AssociationError",
    "AssociationFacts",
    "AssociationRejected",
    "AssociationRequest",
    "ConfigurationError",
    "ConnectError",
    "ConnectOptions",
    "ConnectTimeout",
    "ConnectionLost",
    "ConnectionRefused",
    "ContextChoices",
    "ConversionError",
    "Converted",
    "Destination",
    "DicomNetworkError",
    "DimseFailure",
    "EagerLoop",
    "EchoRequest",
    "FindRequest",
    "FolderTarget",
    "GetRequest",
    "Handlers",
    "HttpProxy",
    "Implementation",
    "InstanceFile",
    "Lifecycle",
    "Limits",
    "ListenError",
    "LocalProtocolError",
    "Match",
    "MemorySink",
    "MoveRequest",
    "NActionRequest",
    "NCreateRequest",
    "NDeleteRequest",
    "NEventReportRequest",
    "NGetRequest",
    "NSetRequest",
    "NameResolutionError",
    "Negotiated",
    "NoAcceptedContext",
    "NullSink",
    "Operation",
    "OperationTimeout",
    "Part10Error",
    "Part10Head",
    "PeerAddress",
    "Priority",
    "Progress",
    "ProposedContext",
    "ProtocolError",
    "QueryFlags",
    "RemoteProtocolError",
    "Reply",
    "Response",
    "Retrieval",
    "RetrieveFlags",
    "SOPClassCommonExtendedNegotiation",
    "SOPClassExtendedNegotiation",
    "Server",
    "ServerOptions",
    "ServiceUser",
    "Sink",
    "SocketOptions",
    "Status",
    "StorageSupport",
    "StoreRequest",
    "SyncAssociation",
    "SyncClient",
    "SyncOperation",
    "SyncServer",
    "Timeouts",
    "Timings",
    "TlsConfig",
    "TlsError",
    "TlsInfo",
    "Tracer",
    "UserIdentity",
    "UserIdentityRQ",
    "WorklistFlags",
    "accept_any_identity",
    "accept_passcodes",
    "answer_extended",
    "connect",
    "convert_dataset",
    "convert_file",
    "eager_event_loop",
    "extended_for",
    "presets",
    "read_head",
    "serve",
    "split_contexts",
    "storage_relation",
]
