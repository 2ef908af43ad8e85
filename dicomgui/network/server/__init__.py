"""Accepting associations."""

from dicomgui.network.server.moving import Destination, Destinations
from dicomgui.network.server.server import Negotiator, Server, ServerOptions, Verdict, serve
from dicomgui.network.server.sync import SyncServer

__all__ = [
    "Destination",
    "Destinations",
    "Negotiator",
    "Server",
    "ServerOptions",
    "SyncServer",
    "Verdict",
    "serve",
]
