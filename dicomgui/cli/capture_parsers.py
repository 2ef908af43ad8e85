"""The options of ``trace import`` and ``trace add-keys``."""

from __future__ import annotations

import argparse

from dicomgui.cli.values import port, whole

__all__ = ["add_import_options", "add_key_options"]


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """What ``trace import`` takes."""
    parser.add_argument("file", metavar="CAPTURE", help="a file of Wireshark, tshark, dumpcap or tcpdump")
    parser.add_argument("-o", "--output", metavar="OUT.dgtrace", required=True)
    parser.add_argument(
        "--we",
        metavar="SIDE",
        default="requestor",
        help="which side counts as this one: requestor (default), acceptor, or an address, with or without :PORT",
    )
    parser.add_argument(
        "--context",
        metavar="ID=ABSTRACT,TRANSFER",
        dest="contexts",
        type=_context,
        action="append",
        default=[],
        help="a presentation context by its UIDs, for associations that began before the capture; may be given again",
    )
    parser.add_argument(
        "--port",
        metavar="N",
        dest="ports",
        type=port,
        action="append",
        default=[],
        help="import whatever happened on this port, also what is no DICOM; may be given again. "
        "104, 2761, 2762 and 11112 are known; associations are found on any port",
    )
    parser.set_defaults(run=("dicomgui.cli.capture_commands", "import_file"))


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """What ``trace add-keys`` takes."""
    parser.add_argument("file", metavar="CAPTURE", help="a pcapng file with the connections as they were on the wire")
    parser.add_argument("--keylog", metavar="FILE", required=True, help="as --tls-keylog wrote it: a secret")
    parser.add_argument("-o", "--output", metavar="OUT.pcapng", required=True)
    parser.set_defaults(run=("dicomgui.cli.capture_commands", "add_keys"))


def _context(text: str) -> tuple[int, tuple[str, str]]:
    number, is_pair, syntaxes = text.partition("=")
    abstract, comma, transfer = syntaxes.partition(",")
    if not (is_pair and comma and number.isdigit()):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no context: write ID=ABSTRACT,TRANSFER, e.g. 1=1.2.840.10008.1.1,…"
        )
    return whole(number), (abstract.strip(), transfer.strip())
