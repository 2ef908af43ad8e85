"""Captures made by other programs: from pcap and pcapng files to the records of a trace.

``reader`` gives packets, ``packets`` their TCP segments, ``tcp`` each direction in order, ``connection`` the records:
PDUs by ``cutter``, DIMSE messages by ``messages``. ``importing`` joins them.
"""

from __future__ import annotations

from dicomgui.trace.capture.importing import ImportResult, import_capture
from dicomgui.trace.capture.reader import CaptureError, CaptureReader

__all__ = ["CaptureError", "CaptureReader", "ImportResult", "import_capture"]
