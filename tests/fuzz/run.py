"""Feed bytes to each target: `python -m fuzz.run [--seconds N] [--target NAME ...] [--corpus DIR] [--engine NAME]`.

With atheris (an extra of its own, Linux) what reaches new code is kept and changed further; without it sound inputs are
changed blindly. An input that breaks something, or takes more time or memory than one of its length may (`fuzz.cost`),
is made as short as it can be, written into the folder, and told. The exit code is 1 then.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import hashlib
import importlib.util
import mmap
import random
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from fuzz.cost import PLAIN, Allowance, cost_of, excess_of
from fuzz.mutate import minimised, mutated

HUNG_S = 30
MAX_BYTES = 65_536
KEEP_SHORT = 4096
"""Sound inputs are mostly changed at this length: what is short is tried often."""


def guarded(
    run: Callable[[bytes], None], allowance: Allowance = PLAIN, *, slower: float = 1.0
) -> Callable[[bytes], None]:
    """``run`` that also fails where it warns, or takes more than allowed, twice: the first time may load modules."""

    def run_loudly(data: bytes) -> None:
        with warnings.catch_warnings(action="error"):
            run(data)

    def run_guarded(data: bytes) -> None:
        if excess_of(cost_of(run_loudly, data), len(data), allowance, slower) is None:
            return
        gc.collect()
        excess = excess_of(cost_of(run_loudly, data), len(data), allowance, slower)
        if excess is not None:
            raise excess

    return run_guarded


def fault_of(run: Callable[[bytes], None], data: bytes) -> str:
    """What breaks by this input: the exception and where it was raised; empty for nothing."""
    try:
        run(data)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
    return ""


def mutation_loop(
    run: Callable[[bytes], None],
    inputs: Sequence[bytes],
    *,
    seconds: float,
    seed: int = 0,
    before: Callable[[bytes], None] = lambda _: None,
) -> tuple[int, bytes | None]:
    """Try the inputs, then change them blindly for so long; how many changed ones, and the first that broke."""
    dice = random.Random(seed)
    count = 0
    short = [one[:KEEP_SHORT] for one in inputs]
    for data in inputs:
        before(data)
        if fault_of(run, data):
            return count, data
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pool = short if dice.random() < 0.8 else inputs
        data = mutated(dice.choice(pool) if pool else b"", short, dice, MAX_BYTES)
        before(data)
        count += 1
        if fault_of(run, data):
            return count, data
    return count, None


# ---------------------------------------------------------------------------------------------------------- one target


def report(name: str, run: Callable[[bytes], None], data: bytes, folder: Path) -> None:
    """Make the input short, keep it, and say what breaks."""
    fault = fault_of(run, data)
    kind = fault.partition(" ")[0]
    data = minimised(data, lambda shorter: fault_of(run, shorter).startswith(kind)) if fault else data
    path = folder / f"{name}-{hashlib.sha256(data).hexdigest()[:8]}.bin"
    path.write_bytes(data)
    print(f"{name}: {fault or 'failed once, and not again'}; {len(data)} bytes in {path}", flush=True)
    try:
        run(data)
    except Exception:
        traceback.print_exc()


def play_blindly(name: str, seconds: float, corpus: Path, found: Path) -> int:
    """One target by blind changes; an input that hangs is found where it is noted while it runs."""
    from fuzz.targets import TARGETS

    target = TARGETS[name]
    run = guarded(target.run, target.allowance)
    inputs = target.seeds() + [path.read_bytes() for path in sorted(corpus.iterdir())[-2000:]]
    with (found / f".{name}.last").open("w+b") as file:
        file.truncate(MAX_BYTES + 4)
        with mmap.mmap(file.fileno(), 0) as noted:

            def note(data: bytes) -> None:
                noted[4 : 4 + len(data[:MAX_BYTES])] = data[:MAX_BYTES]
                noted[:4] = len(data[:MAX_BYTES]).to_bytes(4, "little")
                faulthandler.dump_traceback_later(HUNG_S, exit=True, file=sys.__stderr__)

            count, broken = mutation_loop(run, inputs, seconds=seconds, seed=random.randrange(2**32), before=note)
            faulthandler.cancel_dump_traceback_later()
    (found / f".{name}.last").unlink()
    print(f"{name}: {count:,} inputs in {seconds:.0f} s, blindly", flush=True)
    if broken is None:
        return 0
    report(name, run, broken, found)
    return 1


def play_guided(name: str, seconds: float, corpus: Path, found: Path) -> int:
    """One target by libFuzzer, which ends the process itself."""
    import atheris

    with atheris.instrument_imports(include=["dicomgui"]):
        from fuzz.targets import TARGETS

    target = TARGETS[name]
    for number, data in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(data)
    # What is instrumented is slower by so much.
    run_guarded = guarded(target.run, target.allowance, slower=3.0)
    began, count = time.monotonic(), 0

    def run_counted(data: bytes) -> None:
        nonlocal count
        count += 1
        try:
            run_guarded(data)
        except Exception:
            print(f"{name}: {count:,} inputs in {time.monotonic() - began:.0f} s, guided", flush=True)
            report(name, run_guarded, data, found)
            raise

    arguments = [
        sys.argv[0], f"-max_total_time={max(1, round(seconds))}", f"-max_len={MAX_BYTES}", f"-timeout={HUNG_S}",
        "-rss_limit_mb=2048", f"-artifact_prefix={found}/{name}-raw-", "-print_final_stats=1", str(corpus),
    ]  # fmt: skip
    atheris.Setup(arguments, run_counted)
    atheris.Fuzz()
    return 0


# ---------------------------------------------------------------------------------------------------------- all of them


def has_atheris() -> bool:
    """Whether coverage can guide us here."""
    return importlib.util.find_spec("atheris") is not None


def play(name: str, engine: str, seconds: float, corpus: Path, found: Path) -> bool:
    """One target in a process of its own; whether nothing broke."""
    inputs = corpus / name
    inputs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz.run", "--child", engine, "--target", name, "--seconds", str(seconds)]
    command += ["--corpus", str(inputs), "--found", str(found)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    lines = done.stdout.decode(errors="replace").splitlines()
    sums = [line for line in lines if line.startswith((f"{name}:", "stat::number"))]
    shown = lines[-60:] if done.returncode else sums
    print("\n".join(shown), flush=True)
    last = found / f".{name}.last"
    if last.exists():  # it hung, or the process died
        data = last.read_bytes()
        path = found / f"{name}-hung.bin"
        path.write_bytes(data[4 : 4 + int.from_bytes(data[:4], "little")])
        last.unlink()
        print(f"{name}: no end after {HUNG_S} s, or the process died; the input is in {path}", flush=True)
    print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
    return done.returncode == 0


def parser_of() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fuzz", description="Feed bytes to what takes bytes from outside.")
    parser.add_argument("--seconds", type=float, default=40.0, help="for all targets together (default: 40)")
    parser.add_argument("--target", action="append", default=[], help="only this one; may be given again")
    parser.add_argument("--engine", choices=("guided", "blind"), default="guided" if has_atheris() else "blind")
    parser.add_argument("--corpus", type=Path, help="where inputs that reach new code are kept for the next time")
    parser.add_argument("--found", type=Path, help="where inputs that break something are put (default: the corpus)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str]) -> int:
    parser = parser_of()
    options = parser.parse_args(argv)
    if options.child:
        one = play_guided if options.child == "guided" else play_blindly
        return one(options.target[0], options.seconds, options.corpus, options.found)
    from fuzz.targets import TARGETS

    unknown = [name for name in options.target if name not in TARGETS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(TARGETS)}")
    names = options.target or list(TARGETS)
    with tempfile.TemporaryDirectory(prefix="dicomgui-fuzz-corpus-") as usual:
        corpus = options.corpus or Path(usual)
        found = options.found or options.corpus or Path(tempfile.gettempdir())
        found.mkdir(parents=True, exist_ok=True)
        results = [play(name, options.engine, options.seconds / len(names), corpus, found) for name in names]
    print(f"{sum(results)} of {len(results)} targets held", flush=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
