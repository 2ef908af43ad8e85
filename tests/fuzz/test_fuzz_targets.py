"""Everything that takes bytes from outside, with changed bytes: for seconds here, for longer by `bootstrap.py fuzz`."""

from __future__ import annotations

import gc
import mmap
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz import run, seeds, targets
from fuzz.cost import PLAIN
from fuzz.mutate import minimised, mutated
from fuzz.targets import TARGETS, Target
from helpers.hostile import DEFLATED_ITEMS, empty_items
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicomgui.app.asking import dicom_json
from dicomgui.network.dimse import dataset
from dicomgui.network.part10 import write_head

SECONDS = 1.5
"""For each target, of blind changes."""

PATIENCE = 6.0
"""What measures coverage takes so many times as long."""

bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
each_target = pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))


@each_target
def test_sound_inputs_pass(target: Target) -> None:
    assert target.seeds()
    for data in target.seeds():
        target.run(data)


@each_target
def test_what_once_broke_it_does_so_no_more(target: Target) -> None:
    for data in seeds.found(target.name):
        run.guarded(target.run, target.allowance, slower=PATIENCE)(data)


def test_every_input_that_was_found_belongs_to_a_target() -> None:
    names = [path.name for path in seeds.FOUND.iterdir()]
    assert names
    assert [name for name in names if name.partition("-")[0] not in TARGETS or not name.endswith(".bin")] == []


@each_target
def test_changed_inputs_break_nothing(target: Target) -> None:
    loud = run.guarded(target.run, target.allowance, slower=PATIENCE)
    _, broken = run.mutation_loop(loud, target.seeds(), seconds=SECONDS)
    if broken is not None:
        loud(minimised(broken, lambda data: bool(run.fault_of(loud, data)), seconds=10))


def _large(target: Target) -> Iterator[bytes]:
    """Sound inputs that are repeated, or filled up in their middle, to 64 KiB."""
    for sound in sorted(target.seeds(), key=len)[1:30:10]:
        yield (sound * (run.MAX_BYTES // max(1, len(sound)) + 1))[: run.MAX_BYTES]
        for piece in (b"\0", b"1", b"(", b"a.", b"[a]\n", b"\xfe\xff\x00\xe0\xff\xff\xff\xff"):
            middle = len(sound) // 2
            filled = sound[:middle] + piece * (run.MAX_BYTES // len(piece)) + sound[middle:]
            yield filled[: run.MAX_BYTES]


@each_target
def test_large_inputs_take_no_long_time(target: Target) -> None:
    target.run(target.seeds()[0])  # what is loaded at the first use is no fault of an input
    for data in _large(target):
        run.guarded(target.run, target.allowance, slower=PATIENCE)(data)


@each_target
@bounded
@given(data=st.data())
def test_inputs_that_are_cut_filled_and_doubled_break_nothing(target: Target, data: st.DataObject) -> None:
    """What Hypothesis chooses it also makes short."""
    sound = target.seeds() if target.name in ("filter", "text", "settings") else _few(target)
    body = bytearray(data.draw(st.sampled_from(sound)))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(body)))
        end = min(len(body), at + data.draw(st.sampled_from([0, 1, 2, 4, 16, 1000])))
        body[at:end] = data.draw(st.binary(max_size=8) | st.just(body[at:end] * 2))
    target.run(bytes(body))


_kept: dict[str, list[bytes]] = {}


def _few(target: Target) -> list[bytes]:
    if target.name not in _kept:
        _kept[target.name] = sorted(target.seeds(), key=len)[:40]
    return _kept[target.name]


# ------------------------------------------------------------------------------------------------------ the tool itself


def _breaks(data: bytes) -> None:
    if b"ab" in data and b"z" in data:
        raise ValueError("it broke")


def test_what_breaks_is_found_and_made_short() -> None:
    count, broken = run.mutation_loop(_breaks, [b"xx ab yy", b"xx z yy"], seconds=20)
    assert broken is not None
    assert count > 0
    assert run.fault_of(_breaks, broken).startswith("ValueError in test_fuzz_targets.py:")
    short = minimised(broken, lambda data: bool(run.fault_of(_breaks, data)))
    assert sorted(short) == sorted(b"abz")


def test_what_takes_too_long_breaks() -> None:
    def spin(data: bytes) -> None:
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass

    assert run.fault_of(run.guarded(spin, PLAIN, slower=0.1), b"").startswith("TooSlow")
    assert run.fault_of(run.guarded(spin, PLAIN, slower=0.1), bytes(200_000)) == ""  # a longer one may


def test_what_takes_too_much_memory_breaks() -> None:
    def keep(data: bytes) -> None:
        with mmap.mmap(-1, PLAIN.base_bytes + 64 * 2**20) as fresh:  # never from what the allocator still has
            for start in range(0, len(fresh), mmap.PAGESIZE):
                fresh[start] = 1

    gc.collect()  # what is freed while it runs would hide a part of it
    assert run.fault_of(run.guarded(keep), b"").startswith("TooMuch")
    assert run.fault_of(run.guarded(keep), bytes(400_000)) == ""


def test_what_costs_much_only_the_first_time_does_not_break() -> None:
    times = iter([True, False])

    def load(data: bytes) -> None:
        assert len(b"x" * (PLAIN.base_bytes + 16 * 2**20 if next(times) else 1))

    assert run.fault_of(run.guarded(load), b"") == ""


def _lift_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read whatever comes, as it was before anything was counted."""
    monkeypatch.setattr(dataset, "count_elements", lambda *_, **__: 0)
    monkeypatch.setattr(targets, "count_elements", lambda *_, **__: 2**62)
    monkeypatch.setattr(dicom_json, "check_file_bytes", lambda *_: None)


WHOLE_BOMB = (pytest.mark.long, pytest.mark.timeout(900))
"""Without limits pydicom has to read all of it, up to three times: a minute each on a machine that is busy."""


@pytest.mark.parametrize(
    ("name", "items"),
    [
        ("identifier", 110_000),
        pytest.param("identifier", DEFLATED_ITEMS, marks=WHOLE_BOMB),
        pytest.param("json", DEFLATED_ITEMS, marks=WHOLE_BOMB),
    ],
)
def test_a_deflated_sequence_of_empty_items_would_be_found(
    name: str, items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some kilobytes froze the listener for 13 s and took 700 MB, and no fuzzer told of it."""
    data = empty_items(items, deflated=True)
    assert len(data) < 20_000
    if name == "json":
        data = write_head(sop_class_uid=seeds.CT, sop_instance_uid="1.2", transfer_syntax_uid=seeds.DEFLATED) + data
    else:
        data = bytes([targets.SYNTAXES.index(seeds.DEFLATED)]) + data
    target = TARGETS[name]
    loud = run.guarded(target.run, target.allowance)
    assert run.fault_of(loud, data) == ""
    _lift_limits(monkeypatch)
    assert run.fault_of(loud, data).startswith(("TooMuch", "TooSlow"))


@pytest.mark.parametrize("name", ["part10", "dataset", "identifier", "json", "listener"])
def test_every_target_that_takes_deflated_data_begins_with_such_a_one(name: str) -> None:
    bomb = empty_items(DEFLATED_ITEMS, deflated=True)
    assert [data for data in TARGETS[name].seeds() if bomb in data]


def test_changes_stay_within_the_limit_and_come_again() -> None:
    inputs = [b"x" * 100, b"y" * 100]
    first, second = (
        [mutated(inputs[0], inputs, dice, 120) for _ in range(300)] for dice in (random.Random(5), random.Random(5))
    )
    assert first == second
    assert max(map(len, first)) <= 120
    assert len(set(first)) > 200


@pytest.mark.parametrize("engine", ["blind", "guided"])
def test_the_command_plays_a_target_and_says_how_often(engine: str, tmp_path: Path) -> None:
    """Where atheris is not installed both are blind."""
    if not run.has_atheris():
        engine = "blind"
    command = [sys.executable, "-m", "fuzz.run", "--seconds", "1", "--target", "filter", "--engine", engine]
    done = subprocess.run(
        [*command, "--corpus", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "filter: ok" in done.stdout
    assert "1 of 1 targets held" in done.stdout


def test_an_unknown_target_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--target", "nothing"])
    assert "choose from pdu" in capsys.readouterr().err


def test_an_input_that_breaks_is_kept_and_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TARGETS, "text", Target("text", _breaks, lambda: [b"ab", b"z"]))
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    assert run.main(["--child", "blind", "--target", "text", "--seconds", "20", "--corpus", str(corpus),
                     "--found", str(tmp_path)]) == 1  # fmt: skip
    kept = [path for path in tmp_path.iterdir() if path.is_file()]
    assert [sorted(path.read_bytes()) for path in kept] == [sorted(b"abz")]
    assert "text: ValueError in test_fuzz_targets.py" in capsys.readouterr().out
