"""Several processes on one archive, asked by DCMTK while they work and after one of them was killed.

What each of them then says is what the files on disk are, or it refuses to answer (A700, PS3.4 C.4.1.1.4).
"""

from __future__ import annotations

import random
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

import pydicom
import pytest
from helpers import peers
from helpers.archive_process import Working
from helpers.command_line import Listening
from helpers.instances import ROOT, elements, instance_of, write_instance
from helpers.peers import LOOPBACK, wait_until
from helpers.window_process import WindowProcess
from pydicom.dataset import Dataset, FileMetaDataset

from dicomgui.network.file_structure import read_file_structure
from dicomgui.storage import instance_path

COUNT = 40
SUCCESS, REFUSED = "Success", "Refused: OutOfResources"


def kept(folder: Path) -> set[str]:
    """The SOP Instance UIDs of the files of an archive, each of them whole."""
    uids = set()
    for path in folder.glob("[0-9a-f][0-9a-f]/*.dcm"):
        with suppress(FileNotFoundError):
            assert read_file_structure(path).fault is None, f"{path.name} looks whole"
            uids.add(instance_of(path))
    return uids


def asked(port: int, folder: Path, *keys: str) -> tuple[str, list[Dataset]]:
    """The final status that findscu was answered, and the matches."""
    folder.mkdir(parents=True)
    wanted = [part for key in keys for part in ("-k", key)]
    done = peers.run_here("findscu", "-v", "-S", "-X", "-od", folder, *wanted, LOOPBACK, port)
    [status] = re.findall(r"Received Final Find Response \((.*)\)", done.output)
    return status, [pydicom.dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


class Asking:
    """Asks for the images of the one study until it is answered, which must be what is on disk."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._number = 0

    def found(self, port: int) -> set[str]:
        keys = ("QueryRetrieveLevel=IMAGE", f"StudyInstanceUID={ROOT}.1", f"SeriesInstanceUID={ROOT}.2")
        for _ in range(60):
            self._number += 1
            status, matches = asked(port, self._place / f"{self._number}", *keys, "SOPInstanceUID")
            if status == SUCCESS:
                return {str(match.SOPInstanceUID) for match in matches}
            assert status.startswith(REFUSED), status
        raise AssertionError("it is never answered")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for number in range(1, COUNT + 1):
        write_instance(tmp_path / "files", number, pixel_bytes=65_536)
    return tmp_path / "files"


def sent(port: int, folder: Path) -> int:
    """The number of files of a folder that storescu was answered Success for."""
    done = peers.run_here("storescu", "-v", "--no-halt", "+sd", LOOPBACK, port, folder)
    return done.output.count("Received Store Response (Success)")


def filled(folder: Path, files: Path) -> None:
    """Have the files in the archive, as a program that was killed before it indexed them."""
    for path in files.iterdir():
        target = instance_path(folder, instance_of(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


@pytest.mark.long
@pytest.mark.interop("storescu", "findscu")
def test_what_one_listener_has_received_the_other_finds_at_once(files: Path, tmp_path: Path) -> None:
    folder, asking = tmp_path / "archive", Asking(tmp_path / "answers")
    with Listening(folder, "--json") as one, Listening(folder, "--json") as other:
        for number, path in enumerate(sorted(files.iterdir())[:5], 1):
            done = peers.run_here("storescu", "-v", LOOPBACK, one.port, path)
            assert "Received Store Response (Success)" in done.output
            assert len(asking.found(other.port)) == number
        assert asking.found(one.port) == asking.found(other.port) == kept(folder)


@pytest.mark.long
@pytest.mark.interop("findscu")
def test_an_import_and_a_deletion_are_seen_by_a_listener_at_once(files: Path, tmp_path: Path) -> None:
    folder, asking = tmp_path / "archive", Asking(tmp_path / "answers")
    with Listening(folder, "--json") as listener:
        with Working(folder, "import", files) as work:
            work.begin()
            assert work.report()["stored"] == COUNT
            assert asking.found(listener.port) == kept(folder)
            assert len(kept(folder)) == COUNT
        with Working(folder, "delete") as work:
            work.begin()
            assert work.report()["files"] == COUNT
            assert asking.found(listener.port) == kept(folder) == set()


def moments(work: str) -> Iterator[object]:
    """A case for each work, and many of it with other moments for `--long`."""
    yield pytest.param(work, 0, id=work, marks=() if work == "receive" else pytest.mark.long)
    for seed in range(1, 9):
        yield pytest.param(work, seed, marks=pytest.mark.long, id=f"{work}-{seed}")


@pytest.mark.interop("storescu", "findscu")
@pytest.mark.parametrize(
    ("work", "seed"),
    [case for work in ("receive", "import", "export", "delete", "rebuild") for case in moments(work)],
)
def test_killed_in_the_middle_nothing_false_is_said(work: str, seed: int, files: Path, tmp_path: Path) -> None:
    """A listener that goes on beside it, and those that start after it, answer with what is on disk."""
    folder, target, asking = tmp_path / "archive", tmp_path / "out", Asking(tmp_path / "answers")
    least = random.Random(seed).randrange(1, COUNT) if seed else COUNT // 2
    if work not in ("receive", "import"):
        filled(folder, files)
    with Listening(folder, "--json") as beside:
        if work == "receive":
            kill_in_receiving(folder, files, least)
        else:
            arguments = {"import": (files,), "export": (target,)}.get(work, ())
            with Working(folder, work, *arguments) as working:
                working.begin()
                if work == "delete":
                    wait_until(lambda: len([*folder.glob("trash/*/*/*")]) >= least, "some are gone")
                else:
                    working.wait_for_step(least if work != "rebuild" else least * 256 // COUNT)
                working.kill()
        there = kept(folder)
        assert asking.found(beside.port) == there
        assert all(read_file_structure(path).fault is None for path in target.rglob("*.dcm")), "a part looks whole"
        beside.stop()
    with Listening(folder, "--json") as after:
        assert asking.found(after.port) == there == kept(folder)
        assert sent(after.port, files) == COUNT
        assert len(asking.found(after.port)) == len(kept(folder)) == COUNT
        assert after.stop()[0] == 0
    assert not [*(folder / "incoming").iterdir()], "no lock and no part is left"


@pytest.mark.interop("storescu", "findscu")
def test_the_window_beside_a_listener_says_what_is_on_disk(files: Path, tmp_path: Path) -> None:
    """It lists what the listener receives, deletes beside receiving, exports beside an import, and is right after it.

    Both are searched meanwhile; a search that is answered tells of nothing that is not there.
    """
    folder, asking = tmp_path / "archive", Asking(tmp_path / "answers")
    some = tmp_path / "some"
    some.mkdir()
    for path in sorted(files.iterdir())[: COUNT // 2]:
        path.rename(some / path.name)
    everything = {instance_of(path) for path in (*files.iterdir(), *some.iterdir())}
    with Listening(folder, "--json") as listener, WindowProcess(folder) as window, ThreadPoolExecutor(1) as pool:
        assert sent(listener.port, some) == COUNT // 2
        window.do("wait", COUNT // 2)
        assert set(window.do("found")) == kept(folder) == asking.found(listener.port)
        sending = pool.submit(sent, listener.port, files)
        told = window.do("delete")
        while not sending.done():
            assert asking.found(listener.port) <= everything
            assert set(window.do("found")) <= everything
        assert sending.result() == COUNT // 2
        there = kept(folder)
        assert told.startswith(f"Deleted {COUNT - len(there)} instances, ")
        window.do("wait", len(there))  # it looks once a second whether others have changed something
        assert set(window.do("found")) == there == asking.found(listener.port)

        window.do("undo")
        window.do("wait", COUNT)
        window.begin("import", files)
        assert asking.found(listener.port) == everything
        window.answer()
        window.do("export", tmp_path / "out")
        assert {instance_of(path) for path in (tmp_path / "out").rglob("*.dcm")} == everything
        assert set(window.do("found")) == kept(folder) == everything == asking.found(listener.port)
        said = window.do("said")
        assert said["counts"].startswith(f"1 patient · 1 study · {COUNT} instances")
        assert said["banner"] == ""


def window_moments() -> Iterator[object]:
    """A case for each work of the window; for `--long`."""
    for work in ("delete", "receive", "import", "export", "rebuild"):
        yield pytest.param(work, 0, id=work, marks=pytest.mark.long)
        for seed in range(1, 4):
            yield pytest.param(work, seed, marks=pytest.mark.long, id=f"{work}-{seed}")


@pytest.mark.interop("storescu", "findscu")
@pytest.mark.parametrize(("work", "seed"), [*window_moments()])
def test_the_window_killed_in_the_middle_leaves_what_all_others_say(
    work: str, seed: int, files: Path, tmp_path: Path
) -> None:
    """The listener beside it, and a window and a listener that start after it, say what is on disk."""
    folder, target, asking = tmp_path / "archive", tmp_path / "out", Asking(tmp_path / "answers")
    least = random.Random(seed).randrange(1, COUNT) if seed else COUNT // 2
    if work not in ("receive", "import"):
        filled(folder, files)
    with Listening(folder, "--json") as beside:
        kill_window(work, folder, files, target, least)
        there = kept(folder)
        assert asking.found(beside.port) == there
        assert all(read_file_structure(path).fault is None for path in target.rglob("*.dcm")), "a part looks whole"
        with WindowProcess(folder) as window:
            window.do("wait", len(there))
            assert set(window.do("found")) == there == kept(folder)
            assert sent(beside.port, files) == COUNT
            window.do("wait", COUNT)
            assert set(window.do("found")) == kept(folder) == asking.found(beside.port)
            assert len(kept(folder)) == COUNT
        assert beside.stop()[0] == 0
    assert not [*(folder / "incoming").iterdir()], "no lock and no part is left"


def kill_window(work: str, folder: Path, files: Path, target: Path, least: int) -> None:
    """Kill a window in the middle of its work."""
    with WindowProcess(folder) as window, ThreadPoolExecutor(1) as pool:
        if work == "receive":
            sending = pool.submit(sent, window.do("listen"), files)
            wait_until(lambda: len([*folder.glob("[0-9a-f][0-9a-f]/*.dcm")]) >= least, "some are there")
            window.kill()
            assert sending.result() <= len(kept(folder))
            return
        arguments = {"import": (files,), "export": (target,)}.get(work, ())
        window.begin(work, *arguments)
        if work == "delete":
            wait_until(lambda: len([*folder.glob("trash/*/*/*")]) >= least, "some are gone")
        else:
            window.wait_for_step(least if work != "rebuild" else least * 256 // COUNT)
        window.kill()


def kill_in_receiving(folder: Path, files: Path, least: int) -> None:
    with Listening(folder, "--no-fsync") as killed, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sent, killed.port, files)
        wait_until(lambda: len([*folder.glob("[0-9a-f][0-9a-f]/*.dcm")]) >= least, "some are there")
        killed.process.kill()
        killed.process.wait()
        assert sending.result() <= len(kept(folder))


# ------------------------------------------------------------------------------- senders, searchers and deletions


def write_study(folder: Path, study: int, count: int) -> None:
    """Files of a study of its own."""
    folder.mkdir(parents=True)
    for number in range(count):
        uid = f"{ROOT}.8.{study}.{number}"
        dataset = elements(
            SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID=uid, PatientID=f"P{study % 7}", Modality="CT",
            StudyInstanceUID=study_uid(study), SeriesInstanceUID=f"{ROOT}.8.{study}", InstanceNumber=number,
        )  # fmt: skip
        dataset.add_new(0x7FE00010, "OW", random.Random(uid).randbytes(20_000))
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)


def study_uid(study: int) -> str:
    return f"{ROOT}.9.{study}"


STUDY_KEYS = ("QueryRetrieveLevel=STUDY", "NumberOfStudyRelatedInstances")


class Bustle:
    """Three senders, five searchers and deletions with two listeners on one folder.

    :ivar faults: what was answered and is not so, one line each.
    """

    def __init__(self, place: Path, ports: tuple[int, int], studies: int, each: int) -> None:
        self.faults: list[str] = []
        self._place = place
        self._ports = ports
        self._studies = studies
        self._each = each
        self._gone: set[str] = set()
        self._is_over = threading.Event()
        self._numbers = count(1)

    def run(self) -> None:
        with ThreadPoolExecutor(9) as pool:
            searchers = [pool.submit(self._search, self._ports[number % 2]) for number in range(5)]
            others = [pool.submit(self._send, number) for number in range(3)] + [pool.submit(self._delete)]
            for work in others:
                work.exception()
            self._is_over.set()
            for work in (*others, *searchers):
                work.result()

    def ask(self, port: int, *keys: str) -> tuple[str, dict[str, int]]:
        """The status, and the studies found with the numbers of their instances."""
        place = self._place / "answers" / f"{next(self._numbers)}"
        status, matches = asked(port, place, *STUDY_KEYS, *(keys or ("StudyInstanceUID",)))
        return status, {str(match.StudyInstanceUID): int(match.NumberOfStudyRelatedInstances) for match in matches}

    def _send(self, sender: int) -> None:
        for study in range(sender, self._studies, 3):
            count = sent(self._ports[study % 2], self._place / "studies" / str(study))
            if count != self._each:
                self.faults.append(f"of study {study} {count} were stored")

    def _search(self, port: int) -> None:
        while not self._is_over.wait(0.1):  # so often that the others still get something of the processor
            deleted = set(self._gone)
            status, found = self.ask(port)
            if status != SUCCESS and not status.startswith(REFUSED):
                self.faults.append(status)
            self.faults.extend(f"{uid} is deleted, and found" for uid in deleted & set(found))

    def _delete(self) -> None:
        for study in range(0, self._studies, 3):
            uid = study_uid(study)
            wait_until(lambda uid=uid: self._is_whole(uid), f"{uid} is there")
            with Working(self._place / "archive", "delete", uid) as work:
                work.begin()
                if work.report()["files"] != self._each:
                    self.faults.append(f"{uid} is not deleted as a whole")
                self._gone.add(uid)

    def _is_whole(self, uid: str) -> bool:
        return self.ask(self._ports[0], f"StudyInstanceUID={uid}")[1] == {uid: self._each}


@pytest.mark.interop("storescu", "findscu")
@pytest.mark.parametrize("studies", [3, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.timeout(600)
def test_three_senders_and_five_searchers_beside_deletions(studies: int, tmp_path: Path) -> None:
    """All searches are answered; none tells of a study that is deleted; at the end all agree with the files."""
    folder, each = tmp_path / "archive", 10
    for study in range(studies):
        write_study(tmp_path / "studies" / str(study), study, each)
    left = {study_uid(study): each for study in range(studies) if study % 3}
    with Listening(folder, "--json") as one, Listening(folder, "--json") as other:
        bustle = Bustle(tmp_path, (one.port, other.port), studies, each)
        bustle.run()
        assert bustle.faults == []
        for listener in (one, other):
            assert bustle.ask(listener.port) == (SUCCESS, left)
            assert listener.stop()[0] == 0
    assert len(kept(folder)) == sum(left.values())
    with Working(folder, "export", tmp_path / "out") as work:
        work.begin()
        assert work.report() == {"files": sum(left.values()), "failed": []}
    assert not [*(folder / "incoming").iterdir()]
