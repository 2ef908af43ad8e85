"""Accepting associations."""

from dicomgui.network.server.server import Server, ServerOptions, serve
from dicomgui.network.server.sync import SyncServer

__all__ = ["Server", "ServerOptions", "SyncServer", "serve"]
