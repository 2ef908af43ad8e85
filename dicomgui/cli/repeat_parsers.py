"""The options that repeat what a command does, and that end its association by A-ABORT."""

from __future__ import annotations

import argparse

from dicomgui.cli.values import count

__all__ = ["add_repeating"]


def add_repeating(parser: argparse.ArgumentParser, *, repeats: str) -> None:
    """Add ``--repeat N`` (``options.repeat``, 1 by default) and ``--abort`` (``options.abort``) to a verb.

    :param repeats: the help for ``--repeat``: what is done N times, such as "send N C-ECHOs on one association".
    """
    parser.add_argument("--repeat", metavar="N", type=count, default=1, help=repeats)
    parser.add_argument("--abort", action="store_true", help="end by A-ABORT instead of A-RELEASE, as a test")
