"""The table for people: as Markdown by itself, or in its place in a document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.report import Score, table, totals

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


class NoPlace(Exception):
    """The document has no place for the table, or more than one."""


def markdown(scores: Sequence[Score], about: dict[str, object]) -> str:
    """The table, with what has to be known of how it came about; no names of machines."""
    description = (
        f"`{about['command']}` on {str(about['utc'])[:10]}: {about['processors']} processors "
        f"({about['processor']}), {about['system']}, Python {about['python']}, DCMTK {about['dcmtk']}, "
        f"{about['rounds']} rounds at most."
    )
    legend = (
        "`ours` and `peer` are medians; the ratio is the median of the ratios of the rounds, and the spread their "
        "lowest and highest (of ours alone, where a goal is an amount). A goal counts as held within the spread where "
        "it is missed by a tenth at most and reached in one round. Rows of a limit have a bare program in "
        "our place: asyncio's transports, bytes made before, no states, checks or trace. A gap is beyond it where it "
        "reaches the goal in no round either."
    )
    return f"{description}\n\n{legend}\n\n{totals(scores)}.\n\n{table([score.cells() for score in scores])}\n"


def find_place(path: Path) -> tuple[str, str]:
    """What stands before the marks of a document and behind them.

    :raises NoPlace: they are not there once each, in their order.
    """
    document = path.read_text(encoding="utf-8")
    if document.count(BEGIN) != 1 or document.count(END) != 1 or document.index(BEGIN) > document.index(END):
        raise NoPlace(f"{path} needs one {BEGIN} and, behind it, one {END}")
    before, _, rest = document.partition(BEGIN)
    return before, rest.partition(END)[2]


def put_into(path: Path, text: str) -> None:
    """Replace what stands between the two marks of a document; raises like :func:`find_place`."""
    before, after = find_place(path)
    path.write_text(f"{before}{BEGIN}\n{text.strip()}\n{END}{after}", encoding="utf-8")
