"""DIMSE conversations over one association: the verbs of the user, the handlers of the provider."""

from dicomgui.network.service.connection import Connection, ConnectionOwner, RequestReceiver
from dicomgui.network.service.handlers import (
    AssociationFacts,
    EchoHandler,
    EchoRequest,
    Handlers,
    Reply,
    SinkOpener,
    StoreHandler,
    StoreRequest,
)
from dicomgui.network.service.provider import Provider
from dicomgui.network.service.user import InstanceFile, Response, ServiceUser

__all__ = [
    "AssociationFacts",
    "Connection",
    "ConnectionOwner",
    "EchoHandler",
    "EchoRequest",
    "Handlers",
    "InstanceFile",
    "Provider",
    "Reply",
    "RequestReceiver",
    "Response",
    "ServiceUser",
    "SinkOpener",
    "StoreHandler",
    "StoreRequest",
]
