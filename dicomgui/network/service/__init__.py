"""DIMSE conversations over one association: the verbs of the user, the handlers of the provider."""

from dicomgui.network.service.connection import Connection, ConnectionOwner, RequestReceiver
from dicomgui.network.service.handlers import (
    EchoHandler,
    FindHandler,
    GetHandler,
    Handlers,
    MoveHandler,
    Mover,
    NormalizedAnswer,
    Reply,
    Retrieval,
    SinkOpener,
    StoreHandler,
)
from dicomgui.network.service.instance_check import (
    InstanceProblem,
    MismatchCode,
    Strictness,
    anomaly_text,
    broken_place,
)
from dicomgui.network.service.lane import StoreLane
from dicomgui.network.service.lifecycle import AssociationRequest, Lifecycle
from dicomgui.network.service.models import QUERY_MODELS, query_class
from dicomgui.network.service.operation import Operation
from dicomgui.network.service.permitted import EVERYTHING_PERMITTED, STANDARD_PERMISSIONS, PermissionTable
from dicomgui.network.service.provider import Provider
from dicomgui.network.service.receiving import FolderTarget
from dicomgui.network.service.requests import (
    AssociationFacts,
    EchoRequest,
    FindRequest,
    GetRequest,
    MoveRequest,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NEventReportRequest,
    NGetRequest,
    NSetRequest,
    OperationRequest,
    StoreRequest,
)
from dicomgui.network.service.results import Match, Matches, Progress, Response
from dicomgui.network.service.storing import InstanceFile, StorableInstance
from dicomgui.network.service.user import ServiceUser

__all__ = [
    "EVERYTHING_PERMITTED",
    "QUERY_MODELS",
    "STANDARD_PERMISSIONS",
    "AssociationFacts",
    "AssociationRequest",
    "Connection",
    "ConnectionOwner",
    "EchoHandler",
    "EchoRequest",
    "FindHandler",
    "FindRequest",
    "FolderTarget",
    "GetHandler",
    "GetRequest",
    "Handlers",
    "InstanceFile",
    "InstanceProblem",
    "Lifecycle",
    "Match",
    "Matches",
    "MismatchCode",
    "MoveHandler",
    "MoveRequest",
    "Mover",
    "NActionRequest",
    "NCreateRequest",
    "NDeleteRequest",
    "NEventReportRequest",
    "NGetRequest",
    "NSetRequest",
    "NormalizedAnswer",
    "Operation",
    "OperationRequest",
    "PermissionTable",
    "Progress",
    "Provider",
    "Reply",
    "RequestReceiver",
    "Response",
    "Retrieval",
    "ServiceUser",
    "SinkOpener",
    "StorableInstance",
    "StoreHandler",
    "StoreLane",
    "StoreRequest",
    "Strictness",
    "anomaly_text",
    "broken_place",
    "query_class",
]
