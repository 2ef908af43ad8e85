"""The options of ``send`` that are about associations, transfer syntaxes and names of files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dicomgui.cli.repeat_parsers import add_repeating
from dicomgui.cli.values import checked, count, transfer_syntax
from dicomgui.network.errors import ConfigurationError

if TYPE_CHECKING:
    from dicomgui.app.changing.inventing import Invention
    from dicomgui.app.changing.settings import Setting
    from dicomgui.app.transfers.send_manner import SendManner

__all__ = ["add_sending", "check_sending", "manner_of"]


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
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        dest="settings",
        action="append",
        default=[],
        type=checked(_setting),
        help="give an attribute this value in what goes out, as often as needed: PatientID=17, (0008,0050)=, "
        "RequestAttributesSequence[0].ScheduledProcedureStepID=9; KEY= empties. Files on disk stay as they are",
    )
    parser.add_argument(
        "--invent",
        metavar="COUNTS",
        type=checked(_invention),
        help="send new instances, for load tests: patients=2,studies=1,series=2,instances=10, of which any may be left "
        "out. Each file is a template for so many new ones; without a PATH it is a generated CT image",
    )
    add_repeating(parser, repeats="send everything N times; what is invented is new each time")


def _setting(text: str) -> Setting:
    from dicomgui.app.changing.settings import parse_setting

    return parse_setting(text)


def _invention(text: str) -> Invention:
    from dicomgui.app.changing.inventing import parse_invention

    return parse_invention(text)


def check_sending(options: argparse.Namespace) -> None:
    """Raise ConfigurationError where options contradict each other, or there is nothing to send."""
    if not options.paths and options.invent is None:
        raise _wrong("there is nothing to send", "Name a PATH, or let instances be invented (--invent).")
    if options.rename and (options.invent is not None or options.repeat > 1):
        raise _wrong("files cannot be renamed by one result", "Leave out --rename, or --invent and --repeat.")


def _wrong(what: str, hint: str) -> ConfigurationError:
    return ConfigurationError(what, phase="configure", hint=hint)


def manner_of(options: argparse.Namespace) -> SendManner:
    """Give the options as a send takes them.

    :raises ConfigurationError: a number is out of range.
    """
    from dicomgui.app.files.conversion import SyntaxChoice
    from dicomgui.app.transfers.send_manner import SendManner

    syntaxes = SyntaxChoice(tuple(options.transfer_syntaxes), options.context_per_syntax)
    return SendManner(options.associations, options.per_association, options.rename, syntaxes)
