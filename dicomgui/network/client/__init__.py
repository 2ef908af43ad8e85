"""Requesting associations."""

from dicomgui.network.client import presets
from dicomgui.network.client.association import Association, connect, open_with
from dicomgui.network.client.options import ConnectOptions, Timings
from dicomgui.network.client.sync import SyncAssociation, SyncClient
from dicomgui.network.client.sync_operation import SyncOperation

__all__ = [
    "Association",
    "ConnectOptions",
    "SyncAssociation",
    "SyncClient",
    "SyncOperation",
    "Timings",
    "connect",
    "open_with",
    "presets",
]
