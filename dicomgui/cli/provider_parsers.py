"""The options of the commands that answer: ``practice``, and what it shares with ``listen``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from dicomgui.cli.values import (
    checked,
    flags,
    move_rule,
    operations,
    port,
    seconds,
    storage_class,
    transfer_syntax,
    whole,
)
from dicomgui.network.association.params import AETitle, PeerAddress

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "add_answers",
    "add_commands",
    "add_folders",
    "add_granting",
    "add_identifiers",
    "add_keeping",
    "add_limits",
    "add_move_rules",
    "add_peers",
    "add_practice",
    "add_strictness",
]


def add_peers(parser: argparse.ArgumentParser) -> None:
    """``--peer``: where a C-MOVE may send to."""
    parser.add_argument(
        "--peer",
        metavar="AET=HOST:PORT",
        dest="peers",
        action="append",
        default=[],
        type=checked(_destination),
        help="send there when a C-MOVE asks for it; may be given again. Saved nodes are known without",
    )


def add_move_rules(parser: argparse.ArgumentParser) -> None:
    """``--may-move``: whose C-MOVE may send where."""
    parser.add_argument(
        "--may-move",
        metavar="CALLER=AET",
        dest="move_rules",
        action="append",
        default=[],
        type=checked(move_rule),
        help="answer a C-MOVE with A801 unless this caller asks for this destination, both with * and ?; the "
        "destination {caller} is the caller itself, e.g. '*={caller}'. May be given again (default: everybody may "
        "move to every known peer)",
    )


def add_strictness(parser: argparse.ArgumentParser) -> None:
    """``--strictness``, for all commands that receive instances."""
    parser.add_argument(
        "--strictness",
        choices=("strict", "warn", "any"),
        default="strict",
        help="received instances that cannot be read, or are others than their command says: refuse them (A900, C000), "
        "keep them and answer B007, or keep them and answer Success (default: %(default)s)",
    )


def add_identifiers(parser: argparse.ArgumentParser) -> None:
    """``--identifiers``: what a query or retrieval may ask."""
    parser.add_argument(
        "--identifiers",
        choices=("strict", "usual", "lenient"),
        default="usual",
        help="queries and retrievals. strict: refuse with A900 what PS3.4 C.4 forbids (keys of other levels, wildcards "
        "in unique keys); usual: refuse them without the unique keys of the levels above; lenient: answer also "
        "without, and say what was odd (default: %(default)s)",
    )


def add_answers(parser: argparse.ArgumentParser) -> None:
    """What ``listen`` answers beside storage and queries."""
    group = parser.add_argument_group("as a RIS, a printer and so on")
    group.add_argument(
        "--worklist", metavar="PATH", help="answer worklist queries: from a CSV file, or from the data sets of a folder"
    )
    group.add_argument("--mpps", action="store_true", help="take performed procedure steps")
    group.add_argument(
        "--mpps-notify",
        metavar="AET",
        dest="mpps_notified",
        action="append",
        default=[],
        type=checked(AETitle),
        help="take performed procedure steps, and tell this peer of each change (MPPS Notification); may be given "
        "again. A --peer or saved node",
    )
    group.add_argument(
        "--commit",
        choices=("auto", "same", "new"),
        help="answer for what is in the folder (storage commitment), on the association of the request or on a new one "
        "to a known peer; auto: on a new one only where the first has ended",
    )
    group.add_argument("--print", metavar="DIR", dest="print_folder", help="take films, and write each as a PNG file")
    group.add_argument(
        "--media", metavar="DIR", dest="media_folder", help="take requests for media (media creation management), and "
        "write each as a folder with a DICOMDIR, of what is in --dir",
    )  # fmt: skip
    group.add_argument("--ups", action="store_true", help="keep unified procedure steps, and tell their watchers")
    group.add_argument(
        "--lenient",
        choices=("mpps", "ups"),
        action="append",
        default=[],
        help="take steps that lack attributes, and changes that repeat what must not change: it keeps its value; may "
        "be given again",
    )
    group.add_argument(
        "--notifications",
        action="store_true",
        help="take event reports of every kind (N-EVENT-REPORT), and that instances are available",
    )
    group.add_argument(
        "--rule",
        metavar="TEXT",
        dest="rules",
        action="append",
        default=[],
        help="answer otherwise, such as 'store status=A700 delay=500 every=2 from=CT*': a service (association, echo, "
        "store, query, move, get, worklist, mpps, commitment, print, media, ups, notifications), an operation or none "
        "for all, then status=, comment=, delay= in ms, every=n, attributes='Keyword=value; …', end=abort, "
        "end='abort after', end='reject 1/1/7'; for some only by from=AET, address=NET, class=UID. May be given again: "
        "the first whose turn it is decides",
    )
    group.add_argument(
        "--answers",
        metavar="FILE",
        help="rules, worklist, commitment and printer from a TOML file, such as the answers.toml of the window; "
        "`dicomgui help answers` describes it. What it has answers for is offered",
    )


def add_keeping(parser: argparse.ArgumentParser) -> None:
    """The instances that ``listen`` takes, in which encodings, and what it does with another of the same UID."""
    classes = parser.add_mutually_exclusive_group()
    classes.add_argument("--any-sop-class", action="store_true", help="accept private and unknown objects as well")
    classes.add_argument(
        "--sop-class",
        metavar="UID",
        dest="sop_classes",
        action="append",
        default=[],
        type=checked(storage_class),
        help="take and send instances of this SOP class only: its UID, or its keyword in PS3.6 such as CTImageStorage. "
        "May be given again (default: every standard storage class)",
    )
    parser.add_argument(
        "--transfer-syntax",
        metavar="UID",
        dest="transfer_syntaxes",
        action="append",
        default=[],
        type=checked(transfer_syntax),
        help="take instances in this one only: its UID, or its keyword in PS3.6 such as ImplicitVRLittleEndian. May be "
        "given again, in order of preference (default: any, as the caller prefers)",
    )
    parser.add_argument(
        "--duplicates",
        choices=("keep", "refuse", "replace"),
        default="keep",
        help="another data set under a UID that is there already: keep both, refuse it with 0111, or put it in the "
        "place of the first (default: keep)",
    )


def add_folders(parser: argparse.ArgumentParser) -> None:
    """The folders in which ``listen`` has its files once more; see :mod:`dicomgui.storage.tree`."""
    group = parser.add_argument_group(
        "folders for people",
        "inside of --dir, as links to its files: nothing is stored twice. Without an option they stay as they are. "
        "Placeholders: any attribute by keyword or tag, such as {PatientID}, {(0008,0060)|none}, {InstanceNumber:05}, "
        "{StudyDate:%%Y-%%m}, {PatientID:hash}, {ConceptNameCodeSequence[0].CodeMeaning}; a value cannot "
        "leave its folder or name",
    )
    group.add_argument(
        "--folder-layout",
        choices=("uid", "patient", "date", "pattern"),
        help="no further folders, by patient, by date, or by the patterns",
    )
    group.add_argument(
        "--folder-pattern",
        metavar="TEXT",
        help="folders, with / between them (default: {PatientID}/{StudyDate}_{StudyInstanceUID}/{Modality})",
    )
    group.add_argument(
        "--file-pattern",
        metavar="TEXT",
        help="name of the file in them (default: {InstanceNumber:05}-{SOPInstanceUID}.dcm)",
    )


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands that ``listen`` runs for what came; see :mod:`dicomgui.app.configuration.received_commands`."""
    group = parser.add_argument_group(
        "commands",
        "run without a shell: the text is split once, and placeholders are put into single arguments. For objects: "
        "{path} {SOPInstanceUID} {SOPClassUID} {TransferSyntaxUID}; for studies: {file_list} (a file of their paths) "
        "{count} {StudyInstanceUID}; for both {folder} {calling_ae} {called_ae} {peer} and any attribute, such as "
        "{PatientID|none}. Where an argument would begin with a value that begins with - + @ / or \\, the command is "
        "not run, and that is told; --id={PatientID} is safe. Example: --on-object 'dcmdump --search PatientID {path}'",
    )
    group.add_argument("--on-object", metavar="CMD", default="", help="for each object that is new")
    group.add_argument("--on-study", metavar="CMD", default="", help="for each study of which nothing more comes")
    group.add_argument(
        "--study-timeout",
        metavar="S",
        type=seconds,
        default=30.0,
        help="take a study for complete when nothing of it came for so many seconds (default: %(default)g)",
    )
    group.add_argument(
        "--command-limit",
        metavar="S",
        type=seconds,
        default=300.0,
        help="end a command that runs longer (default: %(default)g)",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """How much callers of ``listen`` may take; see :class:`dicomgui.app.configuration.quotas.Quotas`."""
    group = parser.add_argument_group("limits", "of each caller: of each address, and of each calling AE title")
    group.add_argument("--caller-associations", metavar="N", type=whole, default=0, help="at one time (default: any)")
    group.add_argument(
        "--caller-instances", metavar="N", type=whole, default=0, help="stored within an hour (default: any)"
    )
    group.add_argument(
        "--caller-bytes", metavar="SIZE", type=checked(_size), default=0, help="stored within an hour, e.g. 20GB"
    )
    group.add_argument("--max-size", metavar="SIZE", type=checked(_size), default=0, help="of the folder, e.g. 500GB")
    group.add_argument(
        "--min-free", metavar="SIZE", type=checked(_size), default="500MB",
        help="what stays free on its disk (default: %(default)s; 0 for nothing)",
    )  # fmt: skip


def _size(text: str) -> int:
    from dicomgui.app.configuration.quotas import parse_size

    return parse_size(text)


def add_granting(options: argparse.ArgumentParser) -> None:
    """What is asked of callers and granted to them, for all commands that answer."""
    group = options.add_argument_group("users and associations")
    group.add_argument("--user", metavar="NAME", help="let only this user in, with the passcode of --password-file")
    group.add_argument("--password-file", metavar="FILE", help="file whose first line is the user's passcode")
    group.add_argument("--user-required", action="store_true", help="let only callers in who say who their user is")
    group.add_argument(
        "--async-ops",
        metavar="N[,M]",
        type=operations,
        default=(1, 1),
        help="grant callers N requests at once where they ask for it, and us M (default: 1); 0 for no limit",
    )
    group.add_argument(
        "--ext-neg",
        metavar="LIST",
        type=flags,
        help="extended negotiation to grant: relational,date-time; with --grant-unperformed also fuzzy,timezone,"
        "enhanced-multi-frame",
    )
    group.add_argument(
        "--grant-unperformed",
        action="store_true",
        help="grant by --ext-neg also what is not performed, to test what callers do",
    )
    group.add_argument("--grant-scp", action="store_true", help="let callers have the SCP role where they ask for it")
    add_negotiation(group)


def add_negotiation(group: Any) -> None:
    """The options for a negotiation profile, on either side."""
    group.add_argument(
        "--negotiation",
        metavar="FILE",
        help="negotiation profiles: contexts, roles, extended negotiation; in TOML, see `dicomgui help negotiation`, "
        "or as DCMTK's -xf takes them",
    )
    group.add_argument(
        "--negotiation-profile", metavar="NAME", help="which of them; may be left out where the file has one only"
    )


def add_practice(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """The command ``practice``."""
    text = "run a PACS with patients who do not exist, on this computer alone"
    parser = commands.add_parser("practice", help=text, description=text, parents=parents, allow_abbrev=False)
    parser.add_argument(
        "--port", metavar="N", type=port, help="default: the first free one from 11113 on; 0 for any free one"
    )
    parser.add_argument("--aet", metavar="NAME", type=checked(AETitle), default="PRACTICE", help="its AE title")
    add_peers(parser)
    add_strictness(parser)
    parser.set_defaults(run=("dicomgui.cli.commands", "practice"))


def _destination(text: str) -> tuple[str, PeerAddress]:
    from dicomgui.app.configuration.destinations import parse_destination

    return parse_destination(text)
