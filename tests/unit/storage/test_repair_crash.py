"""``kill -9`` at any moment: what was answered Success is in a file, and after the next start in the index."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from dicomgui.storage import Archive, Index, Selection, Trash, instance_path, repair

WRITER = """
import itertools, sys
from pathlib import Path
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.storage import Archive, DuplicatePolicy, Index, Selection, Trash, repair
from helpers.archive import instance

folder, run, deletes = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "delete"
archive, index = Archive(folder, fsync=False, on_duplicate=DuplicatePolicy.REPLACE), Index(folder)
archive.prepare()
repair(index, index.open())
for n in itertools.count():
    dataset = instance(run + 1, n % 7, n, ContentDate=f"2024{n % 12 + 1:02}01")
    if n % 5 == 4:  # the same UID with another data set: it takes the place of the first
        dataset.SOPInstanceUID = instance(run + 1, (n - 1) % 7, n - 1).SOPInstanceUID
    sink = archive.receive(
        sop_class_uid=dataset.SOPClassUID, sop_instance_uid=dataset.SOPInstanceUID,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
    )
    sink.write(memoryview(encode_dataset(dataset, "1.2.840.10008.1.2.1")))
    index.add(archive.commit(sink.finish()))
    print(dataset.SOPInstanceUID, flush=True)
    if deletes and n % 50 == 49:
        index.flush().result()
        series = str(instance(run + 1, 3).SeriesInstanceUID)
        files = list(index.files(Selection(series_uids=(series,))))
        token = Trash(index).discard(file.name for file in files).token
        if n % 100 == 99:
            Trash(index).restore(token)
"""


def run_and_kill(folder: Path, run: int, lines: int, mode: str) -> list[str]:
    """The UIDs that were answered; the process is killed while it goes on."""
    tests = Path(__file__).resolve().parents[2]
    code = f"import sys; sys.path.insert(0, {str(tests)!r})\n{WRITER}"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(run), mode], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        answered = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        answered += process.stdout.readlines()
    return [line.strip() for line in answered if line.endswith("\n")]


def on_disk(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.glob("??/*.dcm")
    }


@pytest.mark.parametrize("mode", ["store", "delete"])
def test_kill(tmp_path: Path, mode: str) -> None:
    chance = random.Random(mode)
    answered: list[str] = []
    for run in range(5):
        news = run_and_kill(tmp_path, run, chance.randint(20, 300), mode)
        assert news
        answered += news
        archive, index = Archive(tmp_path, fsync=False), Index(tmp_path)
        leftovers = archive.prepare()
        opened = index.open()
        report = repair(index, opened, leftovers=leftovers)
        assert opened.damaged is None
        assert not opened.was_clean
        rows = {name: facts for number in range(256) for name, facts in index.names_in(f"{number:02x}").items()}
        assert rows == on_disk(tmp_path), "every file has its row, and every row its file as it is now"
        assert report.is_complete
        if mode == "delete":  # what the process had deleted, or was just deleting, comes back
            for deletion in Trash(index).deletions():
                Trash(index).restore(deletion.token)
        assert all(instance_path(tmp_path, uid).is_file() for uid in news)
        assert index.count(Selection(instance_uids=tuple(answered))) == len(set(answered))
        index.close()
        archive.close()
