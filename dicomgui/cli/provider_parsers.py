"""The options of the commands that answer: ``practice``, and what it shares with ``listen``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from dicomgui.cli.values import checked, port
from dicomgui.network.association.params import AETitle, PeerAddress

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["add_peers", "add_practice"]


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


def add_practice(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """The command ``practice``."""
    text = "run a PACS with patients who do not exist, on this computer alone"
    parser = commands.add_parser("practice", help=text, description=text, parents=parents, allow_abbrev=False)
    parser.add_argument(
        "--port", metavar="N", type=port, help="default: the first free one from 11113 on; 0 for any free one"
    )
    parser.add_argument("--aet", metavar="NAME", type=checked(AETitle), default="PRACTICE", help="its AE title")
    add_peers(parser)
    parser.set_defaults(run=("dicomgui.cli.commands", "practice"))


def _destination(text: str) -> tuple[str, PeerAddress]:
    from dicomgui.app.destinations import parse_destination

    return parse_destination(text)
