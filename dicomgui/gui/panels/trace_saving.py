"""Saving the trace to a file, off the loop's thread."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtWidgets import QWidget

from dicomgui.app.context import AppContext
from dicomgui.app.evidence import Evidence
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.network.tracing import Scribe
from dicomgui.trace.file import TraceFileError, TraceWriter
from dicomgui.trace.finding import Finding
from dicomgui.trace.pcap import PcapExportError, export_pcapng
from dicomgui.trace.store import TraceStore

__all__ = ["save_trace", "write_trace"]

_FILTERS = ("Trace (*.dgtrace)", "Wireshark capture (*.pcapng)")


async def save_trace(parent: QWidget, context: AppContext, associations: frozenset[int] | None) -> tuple[Finding, ...]:
    """Ask where to and write all records, or those of some associations.

    :returns: what went wrong, in the words of the diagnosis; nothing when all is well or nothing was chosen.
    """
    caption = "Save the trace: it may hold patient data"
    paths = await ask_paths(parent, Ask.SAVE, caption, start=Path.home() / "trace.dgtrace", filters=_FILTERS)
    if not paths:
        return ()
    loop = asyncio.get_running_loop()
    try:
        await loop.run_in_executor(context.file_pool, write_trace, context.trace, paths[0], associations)
    except (OSError, TraceFileError, PcapExportError) as error:
        evidence = Evidence()
        Scribe(evidence, 0).file("failed", str(paths[0]), 0, str(error))
        return evidence.findings(error)
    return ()


def write_trace(store: TraceStore, path: Path, associations: frozenset[int] | None) -> None:
    """Write the records of ``store`` as the name of the file says: ``.pcapng``, or our own format. Blocks.

    :raises OSError: the file could not be written.
    """
    records = (record for record in store.records() if associations is None or record.association in associations)
    if path.suffix.lower() == ".pcapng":
        export_pcapng(records, path)
        return
    if not path.suffix:
        path = path.with_suffix(".dgtrace")
    with TraceWriter(path) as writer:
        for record in records:
            writer(record)
