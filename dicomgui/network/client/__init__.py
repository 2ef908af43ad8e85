"""Requesting associations."""

from dicomgui.network.client import presets
from dicomgui.network.client.association import Association, ConnectOptions, Timings, connect
from dicomgui.network.client.sync import SyncAssociation, SyncClient

__all__ = ["Association", "ConnectOptions", "SyncAssociation", "SyncClient", "Timings", "connect", "presets"]
