"""Measure dicomgui and its peers side by side: `python3 packaging/bootstrap.py bench [--quick] [--only V1,V3]`.

Each round runs ours and the peer's once for every row, in turn and in changing order, each with a server of its own
from a fresh process. What is compared is the two values of one round; the table shows the median of these ratios, and
their lowest and highest. Nothing fails for being slow: the exit code is 1 only where a program did not do its work.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import (
    compare,
    document,
    hostile,
    memory,
    messages,
    queries,
    receiving,
    report,
    sending,
    slow_pairs,
    trace_scale,
    window,
)
from bench.contests import Contest, Measure, Rows, Stage, disk_folder, room_needed
from bench.data import FULL, QUICK, SMOKE
from bench.guests import Guests
from bench.players import BenchError, Players, compile_modules
from bench.report import Score

_MODULES = (sending, receiving, slow_pairs, messages, queries, memory, window, trace_scale, hostile)
GROUPS: dict[str, Rows] = {}
for _module in _MODULES:
    GROUPS.update(_module.GROUPS)
GROUPS = dict(sorted(GROUPS.items(), key=lambda item: ("VRUS".index(item[0][0]), int(item[0][1:]))))

ROUNDS = 7
QUICK_ROUNDS = 3
BASELINE = Path(__file__).with_name("baseline.json")
MOST = {"V2": 3, "V9": 3, "V12": 3, "R3": 1, "R4": 3}
"""Rounds of groups that take long, unless a row says otherwise."""


def main(argv: Sequence[str]) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    scale = SMOKE if arguments.smoke else QUICK if arguments.quick else FULL
    rounds = arguments.rounds or (1 if arguments.smoke else QUICK_ROUNDS if arguments.quick else ROUNDS)
    place = arguments.folder or _place_for(room_needed(scale))
    if (free := shutil.disk_usage(place).free) < room_needed(scale):
        print(f"{room_needed(scale) / 2**30:.1f} GB are needed in {place}, {free / 2**30:.1f} GB are free: try --quick")
        return 1
    try:
        earlier = compare.read(arguments.compare) if arguments.compare else None
        if arguments.into:
            document.find_place(arguments.into)
    except (OSError, ValueError, document.NoPlace) as error:
        parser.error(str(error))  # now, and not after half an hour
    command = " ".join(("python3 packaging/bootstrap.py bench", *_told(arguments)))
    about = {**report.surroundings(), "command": command, "rounds": rounds, "scale": str(scale)}
    with tempfile.TemporaryDirectory(prefix="dicomgui-bench-", dir=place) as folder, disk_folder() as disk:
        compile_modules()
        players = Players(Path(folder))
        stage = Stage(scale, Path(folder), Path(disk), players, Guests(players))
        contests = [contest for name in arguments.only for contest in GROUPS[name](stage)]
        chosen = [contest for contest in contests if arguments.match in contest.work]
        if arguments.smoke:
            chosen = [contest for contest in chosen if not contest.is_variant]
        scores = _play(chosen, rounds, arguments.minutes, taken={} if arguments.smoke else None)
    _tell(scores, about, place)
    if arguments.json:
        report.write_json(arguments.json, scores, about)
        print(f"\nAll values: {arguments.json}")
    text = document.markdown(scores, about)
    if arguments.markdown:
        arguments.markdown.write_text(text, encoding="utf-8")
    if arguments.into:
        document.put_into(arguments.into, text)
    if earlier is not None:
        print(f"\n{compare.compared(scores, earlier)}")
    return 1 if any(score.error for score in scores) else 0


def _tell(scores: Sequence[Score], about: dict[str, object], place: Path) -> None:
    print("\nDCMTK {dcmtk}, Python {python}, {system}, {processors} processors".format(**about))
    print("load {load} before, {after} after; files in {place}".format(**about, after=report.load(), place=place))
    print(f"{about['rounds']} rounds; ratio is the median of their ratios, spread the lowest and highest of them\n")
    print(report.table([score.cells() for score in scores]))
    print(f"\n{report.totals(scores)}\ntaken: {report.times(scores)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bootstrap.py bench", description="Measure us and the peers side by side.")
    parser.add_argument("--quick", action="store_true", help="less data and three rounds: some minutes")
    parser.add_argument("--smoke", action="store_true", help="hardly any data and one round: only whether it works")
    parser.add_argument("--only", type=_names, default=tuple(GROUPS), help=f"some of {','.join(GROUPS)}")
    parser.add_argument("--match", default="", help="only rows whose work has this text")
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS} if not given, {QUICK_ROUNDS} with --quick")
    parser.add_argument(
        "--minutes", type=float, help="begin no further round after that; the first one is played whole in any case"
    )
    parser.add_argument("--folder", type=Path, help="where the data go for the time being (in memory if there is room)")
    parser.add_argument("--json", type=Path, help="write every value to this file")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    parser.add_argument(
        "--into", type=Path, help=f"put the table into this document, between {document.BEGIN} and {document.END}"
    )
    parser.add_argument(
        "--compare", type=Path, nargs="?", const=BASELINE, metavar="OLD.json",
        help=f"say what is better or worse than in a file of --json, by default {BASELINE.name}, which is committed",
    )  # fmt: skip
    return parser


def _told(arguments: argparse.Namespace) -> list[str]:
    """The options that say what is measured, as they were given."""
    told = ["--quick"] if arguments.quick else []
    if arguments.only != tuple(GROUPS):
        told += ["--only", ",".join(arguments.only)]
    for name in ("match", "rounds", "minutes"):
        value = getattr(arguments, name)
        told += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)] if value else []
    return told


def _place_for(needed: int) -> Path:
    """Memory rather than a disk, if there is plenty of it.

    A file system that has just lost thousands of files is slow to make new ones, for whoever comes next. `--folder`
    measures with a disk.
    """
    memory = Path("/dev/shm")
    if memory.is_dir() and min(shutil.disk_usage(memory).free, report.memory_available()) > 2 * needed:
        return memory
    return Path(tempfile.gettempdir())


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().upper() for name in text.split(","))
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(GROUPS)}")
    return names


def _play(
    contests: Sequence[Contest], rounds: int, minutes: float | None = None, taken: dict[Measure, float] | None = None
) -> list[Score]:
    """Play all of them, round after round.

    :param taken: what was measured already and is not measured again, where nobody minds.
    """
    scores = report.scores_of(contests)
    end = time.monotonic() + minutes * 60 if minutes else None
    for number in range(rounds):
        for score in scores:
            most = score.contest.most or MOST.get(score.contest.id, rounds)
            if score.error or number >= most:
                continue
            if number and end is not None and time.monotonic() > end:
                print(f"the time is over in round {number + 1} of {rounds}", flush=True)
                return scores
            print(f"round {number + 1} of {rounds}: {score.contest.id} {score.contest.work}", flush=True)
            try:
                _play_once(score, taken, ours_first=number % 2 == 0)
            except (BenchError, OSError, subprocess.SubprocessError, TimeoutError, ValueError) as error:
                score.error = f"{type(error).__name__}: {error}"
                print(f"    {score.error}", flush=True)
    return scores


def _play_once(score: Score, taken: dict[Measure, float] | None = None, *, ours_first: bool) -> None:
    contest = score.contest
    sides = [side for side in (contest.ours, contest.peer) if side is not None]
    values: dict[Measure, float] = {} if taken is None else taken
    start = time.monotonic()
    try:
        for side in sides if ours_first else reversed(sides):
            if taken is None or side not in taken:
                values[side] = side()
    finally:
        score.seconds += time.monotonic() - start
    score.ours.append(values[contest.ours])
    text = f"    ours {report.figure(score.ours[-1])}"
    if contest.peer is not None:
        score.peer.append(values[contest.peer])
        text += f", {contest.against} {report.figure(score.peer[-1])}"
    print(f"{text} {contest.unit}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
