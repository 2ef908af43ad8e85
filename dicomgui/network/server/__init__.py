"""Accepting associations."""

from dicomgui.network.server.server import Server, ServerOptions, serve

__all__ = ["Server", "ServerOptions", "serve"]
