"""What concerns this side: files, settings, faults of the program, and what cannot be told."""

from __future__ import annotations

from dicomgui.trace.catalogue.template import ERROR, NOTE, SEE_LOG, WARNING, Template

__all__ = ["LOCAL"]

LOCAL: dict[str, Template] = {
    # -------------------------------------------------------------------------------------------------- odds and ends
    "odd-ae-title": Template(
        NOTE,
        "The caller pads its AE title unusually (hex {detail}); it is accepted anyway.",
        ("Its software fills the field with something other than trailing spaces.",),
        ("Nothing needs to be done here; a stricter system would refuse it.",),
        "PS3.8 9.3.2, table 9-11",
    ),
    "file-failed": Template(
        ERROR,
        "A file could not be read or written: {path} ({detail}).",
        ("The disk is full.", "The folder or file may not be accessed by this user.", "The file is no DICOM file."),
        ("Check free space and rights of the folder.",),
    ),
    "not-converted": Template(
        ERROR,
        "{path} could not be converted, and the peer does not take it as it is: {detail}.",
        (),
        ("{hint}",),
        "PS3.5 annex A",
    ),
    "file-discarded": Template(
        WARNING,
        "An object that had begun to arrive was discarded: {detail}.",
        ("The transfer broke off before its end.",),
        ("Have it sent again.",),
    ),
    "configuration": Template(ERROR, "{detail}.", (), ("{hint}",)),
    "local-misuse": Template(
        ERROR,
        "This cannot be done now: {detail}.",
        ("The association is not in the state for it.",),
        ("Open a new association.",),
        "PS3.8 9.2",
    ),
    "internal-fault": Template(
        ERROR,
        "A fault of this program: {detail}.",
        ("This should not happen.",),
        ("Please report it together with the trace.",),
    ),
    "unknown": Template(
        ERROR,
        "It failed, and the trace does not tell why: {detail}.",
        ("What was recorded fits none of the known causes.",),
        ("Record it again with everything kept in the trace.", SEE_LOG),
    ),
}
