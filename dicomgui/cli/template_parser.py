"""The options of ``n-template``, and examples of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from dicomgui.cli.repeat_parsers import add_repeating
from dicomgui.cli.values import checked, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicomgui.app.nservices.steps import Step

__all__ = ["EXAMPLES", "add_template_command"]

EXAMPLES = """\
n-template WORK@192.0.2.7:104 ups-push ups-claim ups-progress ups-performed ups-complete ups-read
n-template WORK@192.0.2.7:104 ups-read --instance 2.25.1
n-template WORK@192.0.2.7:104 'ups-claim:TransactionUID=2.25.2' --instance 2.25.1
n-template WORK@192.0.2.7:104 'ups-cancel:ReasonForCancellation=twice' --instance 2.25.1
n-template WORK@192.0.2.7:104 ups-subscribe
n-template WORK@192.0.2.7:104 'ups-subscribe-step:DeletionLock=TRUE' --instance 2.25.1
n-template WORK@192.0.2.7:104 'ups-subscribe-filtered:ScheduledStationNameCodeSequence[0].CodeValue=CT1'
n-template WORK@192.0.2.7:104 ups-suspend
n-template WORK@192.0.2.7:104 ups-suspend-filtered
n-template WORK@192.0.2.7:104 ups-unsubscribe
n-template WORK@192.0.2.7:104 ups-unsubscribe-step --instance 2.25.1
n-template RIS@192.0.2.7:104 mpps-begin mpps-completed
n-template RIS@192.0.2.7:104 mpps-begin mpps-discontinued
n-template PACS@192.0.2.7:104 commit --wait 1
n-template PACS@192.0.2.7:104 available
n-template PRINTER@192.0.2.9:104 printer film-session film-box image-box print end-session
n-template PRINTER@192.0.2.9:104 film-session film-box:AnnotationDisplayFormatID=1 image-box \
annotation-box:TextString=Left print print-job end-session
"""
"""One line each, without the program's name; each is run by a test."""


def add_template_command(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add ``n-template``."""
    examples = EXAMPLES.replace("\nn-template", "\n  dicomgui n-template")
    parser = commands.add_parser(
        "n-template",
        help="send ready-made requests of normalized services, over one association",
        description="Send templates one after the other over one association, each filled in from the answers before "
        "it. The first that is not done ends it. Templates: see `dicomgui help nservices`.",
        epilog=f"examples:\n  dicomgui {examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=parents,
        allow_abbrev=False,
    )
    parser.add_argument(
        "steps",
        metavar="TEMPLATE[:KEY=VALUE;…]",
        nargs="+",
        type=checked(_step),
        help="a template, and the elements of its data set that are changed",
    )
    add_repeating(parser, repeats="send the templates N times on one association")
    parser.add_argument("--instance", metavar="UID", default="", help="a step that there is already")
    parser.add_argument("--transaction", metavar="UID", default="", help="Transaction UID of its claim")
    parser.add_argument(
        "--file",
        metavar="PATH",
        dest="files",
        action="append",
        default=[],
        help="refer to the instances of files and folders; may be given again",
    )
    parser.add_argument("--image", metavar="FILE", help="print this image instead of a test pattern")
    parser.add_argument(
        "--wait", metavar="S", type=seconds, default=0.0, help="stay so many seconds for reports of the peer"
    )
    parser.set_defaults(run=("dicomgui.cli.template_command", "run"))


def _step(text: str) -> Step:
    from dicomgui.app.nservices.steps import parse_step

    return parse_step(text)
