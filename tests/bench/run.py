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
from collections.abc import Sequence
from pathlib import Path

from bench import report, trace_scale, window
from bench.contests import GROUPS, Contest, Stage, room_needed
from bench.data import FULL, QUICK, SMOKE
from bench.players import BenchError, Players
from bench.report import Score

GROUPS.update(window.GROUPS)
GROUPS.update(trace_scale.GROUPS)
ROUNDS = 7
QUICK_ROUNDS = 3
MEMORY_ROUNDS = 3
"""Peaks of memory hardly vary, and two gigabytes take their time."""


def main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    scale = SMOKE if arguments.smoke else QUICK if arguments.quick else FULL
    rounds = arguments.rounds or (1 if arguments.smoke else QUICK_ROUNDS if arguments.quick else ROUNDS)
    place = arguments.folder or _place_for(room_needed(scale))
    if (free := shutil.disk_usage(place).free) < room_needed(scale):
        print(f"{room_needed(scale) / 2**30:.1f} GB are needed in {place}, {free / 2**30:.1f} GB are free: try --quick")
        return 1
    about = {**report.surroundings(), "rounds": rounds, "scale": str(scale), "place": str(place)}
    with tempfile.TemporaryDirectory(prefix="dicomgui-bench-", dir=place) as folder:
        stage = Stage(scale, Path(folder), Players(Path(folder)))
        contests = [contest for name in arguments.only for contest in GROUPS[name](stage)]
        scores = _play([contest for contest in contests if arguments.match in contest.work], rounds)
    print("\n{dcmtk}, Python {python}, {system}, {processors} processors".format(**about))
    print("load {load} before, {after} after; files in {place}".format(**about, after=report.load()))
    print(f"{rounds} rounds; ratio is the median of the rounds' ratios, spread the lowest and highest of them\n")
    print(report.table(scores))
    if arguments.json:
        report.write_json(arguments.json, scores, about)
        print(f"\nAll values: {arguments.json}")
    return 1 if any(score.error for score in scores) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bootstrap.py bench", description="Measure us and the peers side by side.")
    parser.add_argument("--quick", action="store_true", help="less data and three rounds: minutes instead of a quarter")
    parser.add_argument("--smoke", action="store_true", help="hardly any data and one round: only whether it works")
    parser.add_argument("--only", type=_names, default=tuple(GROUPS), help=f"some of {','.join(GROUPS)}")
    parser.add_argument("--match", default="", help="only rows whose work has this text")
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS} if not given, {QUICK_ROUNDS} with --quick")
    parser.add_argument("--folder", type=Path, help="where the data go for the time being (in memory if there is room)")
    parser.add_argument("--json", type=Path, help="write every value to this file")
    return parser


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


def _play(contests: Sequence[Contest], rounds: int) -> list[Score]:
    scores = [Score(contest) for contest in contests]
    for number in range(rounds):
        for score in scores:
            if score.error or (score.contest.less_is_better and number >= MEMORY_ROUNDS):
                continue
            print(f"round {number + 1} of {rounds}: {score.contest.id} {score.contest.work}", flush=True)
            try:
                _play_once(score, ours_first=number % 2 == 0)
            except (BenchError, OSError, subprocess.SubprocessError, TimeoutError, ValueError) as error:
                score.error = f"{type(error).__name__}: {error}"
                print(f"    {score.error}", flush=True)
    return scores


def _play_once(score: Score, *, ours_first: bool) -> None:
    contest = score.contest
    if ours_first:
        ours = contest.ours()
        peer = contest.peer()
    else:
        peer = contest.peer()
        ours = contest.ours()
    score.ours.append(ours)
    score.peer.append(peer)
    print(f"    ours {ours:,.1f}, {contest.against} {peer:,.1f} {contest.unit}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
