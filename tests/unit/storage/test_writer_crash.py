"""``kill -9`` at any moment: what was reported as stored is whole, and nothing half has a final name."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from dicomgui.network.part10 import read_head
from dicomgui.storage import Archive, instance_path

COMMITTER = """
import hashlib, itertools, sys
from pathlib import Path
from dicomgui.storage import Archive

archive = Archive(Path(sys.argv[1]), fsync=sys.argv[2] == "fsync")
archive.prepare()
for n in itertools.count():
    uid = f"1.2.3.{sys.argv[3]}.{n}"
    data = hashlib.sha512(uid.encode()).digest() * (5000 if n % 3 else 30)
    sink = archive.receive(sop_class_uid="1.2", sop_instance_uid=uid, transfer_syntax_uid="1.2.840.10008.1.2")
    for start in range(0, len(data), 50_000):
        sink.write(memoryview(data)[start : start + 50_000])
    archive.commit(sink.finish())
    print(uid, flush=True)
"""


def expected(uid: str) -> bytes:
    import hashlib

    return hashlib.sha512(uid.encode()).digest() * (5000 if int(uid.rsplit(".", 1)[1]) % 3 else 30)


def run_and_kill(folder: Path, mode: str, run: int, lines: int) -> list[str]:
    with subprocess.Popen(
        [sys.executable, "-c", COMMITTER, str(folder), mode, str(run)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        reported = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        reported += process.stdout.readlines()
    return [line.strip() for line in reported if line.endswith("\n")]


@pytest.mark.parametrize("mode", ["fsync", "no-fsync"])
def test_kill(tmp_path: Path, mode: str) -> None:
    chance = random.Random(mode)
    reported: list[str] = []
    for run in range(3):
        lines = chance.randint(5, 60)
        news = run_and_kill(tmp_path, mode, run, lines)
        assert len(news) >= lines
        reported += news
    assert all(instance_path(tmp_path, uid).is_file() for uid in reported)
    final = sorted(tmp_path.rglob("*.dcm"))
    assert len(final) <= len(reported) + 3, "at most one a run was stored and not reported"
    for path in final:
        assert path.read_bytes()[read_head(path).dataset_offset :] == expected(path.stem), path.name
    archive = Archive(tmp_path)
    leftovers = archive.prepare()
    assert leftovers.in_use == 0
    assert leftovers.stuck == ()
    assert list(archive.incoming_path.glob("*.part")) == []
    assert len(list(archive.incoming_path.glob("*.lock"))) == 1
    archive.close()
    assert list(archive.incoming_path.iterdir()) == []
