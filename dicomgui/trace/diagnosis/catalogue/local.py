"""What concerns this side: files, settings, faults of the program, and what cannot be told."""

from __future__ import annotations

from dicomgui.trace.diagnosis.catalogue.template import ERROR, NOTE, SEE_LOG, WARNING, Template

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
    "odd-command": Template(
        NOTE,
        "{peer} sends {message} not as the standard has it: {detail}. It is understood anyway.",
        ("Its software builds the command set in its own way.",),
        ("Nothing needs to be done here; a stricter system would break off.",),
        "PS3.7 6.3.1, 9.3",
    ),
    "odd-negotiation": Template(
        NOTE,
        "{peer} negotiates not as the standard has it: {detail}. It is understood anyway.",
        ("Its software builds the A-ASSOCIATE PDUs in its own way.",),
        ("Nothing needs to be done here; a stricter system would refuse the association.",),
        "PS3.8 9.3.2, 9.3.3",
    ),
    "character-set-missing": Template(
        WARNING,
        "{who} sends text in {message} without saying which alphabet: {element} has {detail}; that fits {fits}.",
        ("Specific Character Set (0008,0005) is missing or says ASCII, and the text is not ASCII.",),
        ("Have the character set stated there.", "Read the text under another character set here."),
        "PS3.3 C.12.1.1.2, PS3.5 6.1.2",
    ),
    "character-set-contradicted": Template(
        WARNING,
        "{who} sends text in {message} that is not what it says: {element} has {detail}, which is not {fits}.",
        ("Specific Character Set (0008,0005) was changed, and the text was not.",),
        ("Have the data corrected there.", "Read the text under another character set here."),
        "PS3.3 C.12.1.1.2, PS3.5 6.1.2",
    ),
    "characters-lost": Template(
        WARNING,
        "{who} sends text in {message} of which characters were lost before: {element} has {detail}.",
        ("A system on the way could not convert the text, and put replacement characters in their place.",),
        ("Correct the text at its origin; what is lost cannot be read from this.",),
        "PS3.5 6.1.2",
    ),
    "cannot-tell": Template(
        WARNING,
        "What became of the work with {peer} cannot be told: {detail}.",
        ("The trace does not hold what would show it.",),
        ("Record it again with everything kept in the trace.", SEE_LOG),
    ),
    "file-failed": Template(
        ERROR,
        "A file could not be read or written: {path} ({detail}).",
        (),
        ("{hint}", "Look at the reason that is named with the file, and try again."),
    ),
    "file-broken": Template(
        ERROR,
        "A file was not sent, because its data set is broken: {path} ({detail}).",
        ("The file was cut short or damaged when it was written or copied.",),
        (
            "Get the file again from where it came from.",
            "To send it as it is, to test a receiver: tick “Send broken files too” (--send-broken).",
        ),
        "PS3.5 7.1, 7.5",
    ),
    "file-unreadable": Template(
        ERROR,
        "A file could not be read: {path} ({detail}).",
        (
            "It was moved, removed or changed after it had been chosen.",
            "This user may not read it.",
            "It is no DICOM file.",
        ),
        ("Check that the file is there and may be read, and choose it again.",),
    ),
    "file-disk-full": Template(
        ERROR,
        "A file could not be written: {path} ({detail}).",
        ("The disk is full, or a quota is used up.",),
        ("Free space on the disk, or choose a folder on another one.",),
    ),
    "file-no-access": Template(
        ERROR,
        "A file or folder could not be used: {path} ({detail}).",
        ("This user may not access it, or it lies on a read-only file system.",),
        ("Give this user the permission, or choose another folder.",),
    ),
    "file-no-folder": Template(
        ERROR,
        "A file or folder could not be used: {path} ({detail}).",
        ("The folder is not there, or a file is in its place.",),
        ("Create the folder, or bring its disk back, and try again.",),
    ),
    "converted-private-vr": Template(
        NOTE,
        "In {detail} converted files, private elements have lost their value representation (first: {path}).",
        ("The peer takes implicit VR only, which does not say it.",),
        ("Have the peer take explicit VR little endian where the private elements matter.",),
        "PS3.5 7.8, A.1",
    ),
    "converted-long-value": Template(
        NOTE,
        "In {detail} converted files, values above 65,535 bytes have become UN (first: {path}).",
        ("In explicit VR their value representation has no room for the length.",),
        ("Have the peer take implicit VR little endian where these values matter.",),
        "PS3.5 6.2.2",
    ),
    "converted-signed": Template(
        WARNING,
        "{detail} converted files have digital signatures, which may not hold any more (first: {path}).",
        ("The peer does not take the transfer syntax in which they were signed.",),
        ("Have the peer take the files as they are.", "Send them with Convert set to “never” (--convert never)."),
        "PS3.3 C.12.1.1.3",
    ),
    "changed-signed": Template(
        WARNING,
        "{detail} changed files have digital signatures, which do not hold any more (first: {path}).",
        ("Attributes were set or invented on the way.",),
        ("Send them without --set and --invent where the receiver checks signatures.",),
        "PS3.3 C.12.1.1.3",
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
