"""pynetdicom as a provider of verification and storage: ``PORT FOLDER MAX_PDU``. It keeps data sets as they came."""

from __future__ import annotations

import sys
from pathlib import Path

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification

port, folder, max_pdu = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])


def keep(event: evt.Event) -> int:
    path = folder / f"{event.request.AffectedSOPInstanceUID}.dcm"
    path.write_bytes(event.encoded_dataset())
    return 0x0000


entity = AE(ae_title="PYNETDICOM")
entity.maximum_pdu_size = max_pdu
contexts = [build_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES) for context in AllStoragePresentationContexts]
entity.supported_contexts = [build_context(Verification), *contexts]
entity.start_server(("127.0.0.1", port), block=True, evt_handlers=[(evt.EVT_C_STORE, keep)])
