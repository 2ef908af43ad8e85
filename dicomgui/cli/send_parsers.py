"""The options of ``send`` that are about associations, transfer syntaxes and names of files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dicomgui.cli.values import checked, count, transfer_syntax

if TYPE_CHECKING:
    from dicomgui.app.transfers.send_manner import SendManner

__all__ = ["add_sending", "manner_of"]


def add_sending(parser: argparse.ArgumentParser) -> None:
    """Add the options for associations, transfer syntaxes and files of ``send``; see :class:`SendManner`."""
    parser.add_argument(
        "--associations",
        metavar="N",
        type=count,
        default=1,
        help="send over N associations at the same time, up to 32 (default: %(default)s)",
    )
    parser.add_argument(
        "--per-association",
        metavar="N",
        type=count,
        default=0,
        help="send N files on one association at the most, then open a new one (default: no limit)",
    )
    parser.add_argument(
        "--transfer-syntax",
        metavar="UID",
        dest="transfer_syntaxes",
        action="append",
        default=[],
        type=checked(transfer_syntax),
        help="send in this transfer syntax only: its UID, or its keyword in PS3.6 such as ImplicitVRLittleEndian. May "
        "be given again, in order of preference; converts as far as --convert allows (default: each file as it is)",
    )
    parser.add_argument(
        "--context-per-syntax",
        action="store_true",
        help="propose each transfer syntax in a presentation context of its own, so that the peer answers for each",
    )
    parser.add_argument(
        "--rename",
        action="store_true",
        help="rename each file by its result: .done behind the name of what the peer has, .bad of what it refused or "
        "what could not be read. Never replaces a file; files of archives and DICOMDIRs are left alone",
    )


def manner_of(options: argparse.Namespace) -> SendManner:
    """Give the options as a send takes them.

    :raises ConfigurationError: a number is out of range.
    """
    from dicomgui.app.files.conversion import SyntaxChoice
    from dicomgui.app.transfers.send_manner import SendManner

    syntaxes = SyntaxChoice(tuple(options.transfer_syntaxes), options.context_per_syntax)
    return SendManner(options.associations, options.per_association, options.rename, syntaxes)
