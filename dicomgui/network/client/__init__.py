"""Requesting associations."""

from dicomgui.network.client import presets
from dicomgui.network.client.association import Association, ConnectOptions, Timings, connect

__all__ = ["Association", "ConnectOptions", "Timings", "connect", "presets"]
