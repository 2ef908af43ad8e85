"""A day's work with an archive: files in and out, to and from foreign archives; every number held against the others.

``python -m soak.day FOLDER…`` (from ``tests``) takes the files of these folders, and prints its figures as JSON. What
two numbers do not agree on, and nobody has told of, is a fault. Programs that are not installed are left out, by name.
"""

from __future__ import annotations

import gc
import json
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from helpers import peers, programs
from helpers.archive_process import Working
from helpers.command_line import Listening, dicomgui, events
from helpers.instances import ROOT, data_set, instance_of, syntax_of, write_instance
from helpers.small_disk import fill, small_disk
from helpers.window_process import WindowProcess
from pydicom import dcmread
from pydicom.fileset import FileSet

from dicomgui.app.files.sources import scan
from dicomgui.network import Part10Error
from dicomgui.storage.attributes import read_attributes

MARGIN_S = 600.0
PACKAGES = {"qrscp": "sqlalchemy"}
"""Peers that are a package of Python."""

CONVERTED = ("1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")


@dataclass(slots=True)
class Day:
    """The figures of one day.

    :ivar figures: by step.
    :ivar faults: numbers that do not agree, one line each.
    """

    place: Path
    figures: dict[str, dict[str, object]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def note(self, step: str, **figures: object) -> None:
        """Keep the figures of a step, and print them: a day is long."""
        self.figures[step] = figures
        print(step, json.dumps(figures, default=str), file=sys.stderr, flush=True)

    def agree(self, what: str, one: object, other: object) -> None:
        if one != other:
            self.faults.append(f"{what}: {_short(one)} is not {_short(other)}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) < 200 else f"{text[:200]}…"


def kept(folder: Path) -> Counter[bytes]:
    """The data sets of an archive."""
    return Counter(data_set(path) for path in folder.glob("[0-9a-f][0-9a-f]/*.dcm"))


def work(day: Day) -> None:
    """All steps; the archive is ``archive`` in the day's place, the files are in ``files``."""
    archive = day.place / "archive"
    import_all(day, archive)
    with Listening(archive, "--json", "--strictness", "any") as listener:
        ours = {value(row, "0020000D"): row for row in found(listener.port, "OURS")}
        day.note("C-FIND", studies=len(ours), instances=sum(map(_instances, ours.values())))
        there = identified(archive)
        day.note("on disk", of_a_study=len(there), without_study=kept(archive).total() - filed(archive))
        day.agree("instances by C-FIND, and on disk", day.figures["C-FIND"]["instances"], len(there))
        get_all(day, archive, listener.port, ours)
        find_below(day, archive, listener.port)
        for name in ("Orthanc", "dcmqrscp", "qrscp", "storescp"):
            if programs.is_there(PACKAGES.get(name, name)):
                with_peer(day, name, archive, listener.port)
            else:
                day.note(name, missing=True)
    for name in ("storescu", "dcmsend", "pynetdicom"):
        if programs.is_there(name):
            sent_by(day, name)
        else:
            day.note(f"sent by {name}", missing=True)
    export_all(day, archive)
    two_at_once(day, archive)
    full_disk(day)


def import_all(day: Day, archive: Path) -> None:
    """Import everything; each file is stored, a duplicate, failed, or left out with a reason."""
    files = {str(path) for path in (day.place / "files").rglob("*") if path.is_file()}
    with Working(archive, "import", day.place / "files") as working:
        working.begin()
        report = working.report()
    with scan([day.place / "files"]) as selection:
        items = [item.name for item in selection.items]
    skipped = [name for name, _ in report["skipped"]]
    # A ZIP archive stands for its members, which are no files.
    told = {name for name in (*items, *skipped) if name in files}
    archives = {name.partition(".zip:")[0] + ".zip" for name in (*items, *skipped) if ".zip:" in name}
    day.note(
        "import", given=len(files), archives=len(archives), instances=len(items), stored=report["stored"],
        second_of_a_uid=report["second"], duplicates=report["duplicates"], failed=report["failed"],
        left_out=Counter(_kind(reason) for _, reason in report["skipped"]),
        broken=Counter(_kind(reason) for _, reason in report["broken"]),
    )  # fmt: skip
    day.agree("files given, and told of", files, told | archives)
    taken = report["stored"] + report["duplicates"] + len(report["failed"])
    day.agree("instances, and told of", len(items), taken)
    day.agree("data sets stored, and on disk", report["stored"], kept(archive).total())


def _kind(reason: str) -> str:
    return re.sub(r"\b[0-9A-F]{2,}\b|\d[\d,.]*|'[^']*'", "…", reason)


def found(port: int, title: str, level: str = "study", *keys: str) -> list[dict[str, Any]]:
    """The matches that our own client is answered."""
    wanted = [part for key in keys for part in ("-k", key)]
    done = dicomgui(
        "find", "--json", "--level", level, "--limit", "1000000", *wanted, "-r", "NumberOfStudyRelatedInstances",
        f"{title}@{peers.LOOPBACK}:{port}",
    )  # fmt: skip
    return [event["dataset"] for event in events(done.stdout) if event["event"] == "match"]


def value(row: dict[str, Any], tag: str) -> str:
    """The first value of an attribute in DICOM JSON."""
    return str(row.get(tag, {}).get("Value", [""])[0])


def _instances(row: dict[str, Any]) -> int:
    return int(value(row, "00201208") or 0)


def identified(folder: Path) -> set[tuple[str, str]]:
    """The instances that have a study, each by Study and SOP Instance UID: no other can be asked for at that level."""
    return {pair for pair in map(_study_of, folder.rglob("*.dcm")) if pair[0]}


def filed(folder: Path) -> int:
    """Number of files that have a study."""
    return sum(1 for path in folder.rglob("*.dcm") if _study_of(path)[0])


def _study_of(path: Path) -> tuple[str, str]:
    known = read_attributes(path, instance_of(path))
    return known.value("StudyInstanceUID"), known.value("SOPInstanceUID")


def get_all(day: Day, archive: Path, port: int, studies: dict[str, Any]) -> None:
    """Retrieve each study by C-GET, byte for byte; of several data sets of a UID in a series the first is given."""
    target = day.place / "got"
    summaries = list(asked_for("get", studies, f"OURS@{peers.LOOPBACK}:{port}", "--out", target))
    got, there = Counter(map(data_set, target.rglob("*.dcm"))), kept(archive)
    identical = sum((got & there).values())
    # Big endian and deflated data sets may come in the transfer syntax that was agreed.
    others = {instance_of(path) for path in archive.rglob("*.dcm") if syntax_of(path) in CONVERTED}
    converted = [path for path in target.rglob("*.dcm") if data_set(path) not in there and instance_of(path) in others]
    totals = told(summaries, "completed", "failed", "missing", "arrived")
    day.note("C-GET from ours", files=got.total(), identical=identical, converted=len(converted), **totals)
    day.agree("objects got, and identical or converted", got.total(), identical + len(converted))
    lacking = identified(archive) - identified(target)
    day.agree("instances that did not come, and told of", len(lacking), totals["failed"] + totals["missing"])


def asked_for(
    verb: str, studies: Iterable[str], address: str, *more: object, at_once: int = 20
) -> Iterator[dict[str, Any]]:
    """The summaries of a command, for some studies at a time."""
    left = iter(studies)
    while some := list(islice(left, at_once)):
        keys = "StudyInstanceUID=" + "\\".join(some)
        yield events(dicomgui(verb, "--json", "-k", keys, *more, address, deadline_s=MARGIN_S).stdout)[-1]


def told(summaries: Sequence[dict[str, Any]], *names: str) -> dict[str, int]:
    """The sums of what the summaries say."""
    return {name: sum(int(summary[name] or 0) for summary in summaries) for name in names}


def find_below(day: Day, archive: Path, port: int) -> None:
    """Ask for each series of each study and each image of each series as DCMTK does: it is what is on disk."""
    if not programs.is_there("findscu"):
        return
    on_disk: dict[tuple[str, str], set[str]] = {}
    for path in archive.glob("[0-9a-f][0-9a-f]/*.dcm"):
        known = read_attributes(path, instance_of(path))
        study, series = known.value("StudyInstanceUID"), known.value("SeriesInstanceUID")
        if study and series:
            on_disk.setdefault((study, series), set()).add(known.value("SOPInstanceUID"))
    told: dict[tuple[str, str], set[str]] = {}
    for study in sorted({study for study, _ in on_disk}):
        keys = ("QueryRetrieveLevel=SERIES", f"StudyInstanceUID={study}", "SeriesInstanceUID")
        for series in asked_by_dcmtk(day, port, *keys):
            keys = ("QueryRetrieveLevel=IMAGE", f"StudyInstanceUID={study}", f"SeriesInstanceUID={series}")
            told[study, series] = set(asked_by_dcmtk(day, port, *keys, "SOPInstanceUID"))
    told.pop(("", ""), None)
    day.note("C-FIND below the study", series=len(told), instances=sum(map(len, told.values())))
    day.agree("series by C-FIND, and on disk", sorted(key for key in told if key[1]), sorted(on_disk))
    wrong = [key for key, uids in on_disk.items() if told.get(key) != uids]
    day.agree("series whose images are not those on disk", wrong, [])


def asked_by_dcmtk(day: Day, port: int, *keys: str) -> list[str]:
    """What findscu is answered for the last of the keys."""
    with tempfile.TemporaryDirectory(dir=day.place) as folder:
        wanted = [part for key in keys for part in ("-k", key)]
        peers.run_here("findscu", "-S", "-X", "-od", folder, *wanted, peers.LOOPBACK, port)
        found = [dcmread(path, force=True) for path in sorted(Path(folder).glob("rsp*.dcm"))]
    return [str(dataset.get(keys[-1], "")) for dataset in found]


SENDERS: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "storescu": (("storescu", "-v", "--no-halt", "+sd", "+r"), ()),
    "dcmsend": (("dcmsend", "-v", "--no-halt", "-dn", "+sd", "+r"), ()),
    "pynetdicom": (("python", "-m", "pynetdicom", "storescu"), ("-v", "-r", "-cx")),
}
"""What stands before and behind host, port and folder."""


def sent_by(day: Day, name: str) -> None:
    """Have a foreign tool send us all files: what it is answered Success for is stored, once for each data set."""
    (program, *before), behind = SENDERS[name]
    with Listening(day.place / f"by-{name}", "--json", "--strictness", "any") as listener:
        where = (peers.LOOPBACK, listener.port, day.place / "files")
        done = peers.run_here(str(program), *before, *where, *behind)
        received(day, f"sent by {name}", listener, _successes(done.output))


def _successes(output: str) -> int:
    return len(re.findall(r"Received (?:C-STORE|Store) Response \((?:Status: 0x0000 - )?Success\)", output))


def received(day: Day, step: str, listener: Listening, answered: int | None) -> None:
    """Hold what a sender was answered, where it says that, against what the listener says, and against its folder."""
    code, out, _ = listener.stop()
    *told, summary = events(out)
    paths = {event["path"] for event in told if event["event"] == "stored" and event["outcome"] != "duplicate"}
    there = sum(1 for path in paths if Path(path).is_file())
    day.note(step, answered=answered, stored=summary["stored"], duplicates=summary["duplicates"], on_disk=there)
    if answered is not None:
        day.agree(f"{step}: answered Success, and told of", answered, summary["stored"] + summary["duplicates"])
    day.agree(f"{step}: stored, and on disk", summary["stored"], there)
    day.agree(f"{step}: exit code", code, 0)


def two_at_once(day: Day, archive: Path) -> None:
    """The window and a listener on one folder: delete everything in the window, and take it back."""
    there = kept(archive)
    with Listening(archive, "--json") as listener, WindowProcess(archive) as window:
        before = found(listener.port, "OURS")
        said = window.do("wait", there.total())
        deleted = window.do("delete")
        gone = found(listener.port, "OURS")
        day.agree("left on disk after a deletion", kept(archive).total(), 0)
        day.agree("found after a deletion", gone, [])
        undone = window.do("undo")
        window.do("wait", there.total())
        day.agree("data sets after an undo", kept(archive), there)
        day.agree("found after an undo", _studies(found(listener.port, "OURS")), _studies(before))
        day.note("window and listener", listed=said.rpartition(" · ")[0], deleted=deleted, undone=undone)


def _studies(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {value(row, "0020000D"): _instances(row) for row in rows}


IMAGE_KEYS = ("QueryRetrieveLevel=IMAGE", f"StudyInstanceUID={ROOT}.1", f"SeriesInstanceUID={ROOT}.2")


def full_disk(day: Day) -> None:
    """Fill small disks by receiving: all that was answered Success is there, and found or refused; then catch up."""
    source = day.place / "disk-files"
    for number in range(1, 61):
        write_instance(source, number, pixel_bytes=100_000)
    try:
        with small_disk(day.place / "disk", "4m") as disk:
            _filled(day, disk, source)
        with small_disk(day.place / "index-disk", "4m") as disk:
            _behind(day, disk, source)
    except pytest.skip.Exception:
        day.note("full disk", missing=True)


def _sent_to_disk(day: Day, step: str, port: int, source: Path) -> tuple[int, int]:
    """How many of the files were answered Success and A700; all are, over one association."""
    done = peers.run_here("storescu", "-v", "--no-halt", "+sd", peers.LOOPBACK, port, source)
    refused = done.output.count("Received Store Response (Refused: OutOfResources)")
    day.agree(f"{step}: given, and answered", 60, _successes(done.output) + refused)
    return _successes(done.output), refused


def _asked_on_disk(port: int) -> tuple[str, int]:
    """The status that findscu is answered for all images, and the number of matches."""
    wanted = [part for key in (*IMAGE_KEYS, "SOPInstanceUID") for part in ("-k", key)]
    asked = peers.run_here("findscu", "-v", "-S", *wanted, peers.LOOPBACK, port)
    [status] = re.findall(r"Received Final Find Response \((.*)\)", asked.output)
    return status, asked.output.count("(Pending)")


def _filled(day: Day, disk: Path, source: Path) -> None:
    """Archive and index on one disk: its last instances are refused (A700), the rows of the others have their space."""
    folder = disk / "archive"
    with Listening(folder, "--json", "--min-free", "0") as listener:
        answered, refused = _sent_to_disk(day, "full disk", listener.port, source)
        day.agree("full disk: some are stored, and some refused", (answered > 0, refused > 0), (True, True))
        fill(disk / "filler")
        status, seen = _asked_on_disk(listener.port)
        day.agree("full disk: found, and on disk", (status, seen), ("Success", answered))
        day.agree("full disk: answered Success, and on disk", answered, kept(folder).total())
    with Listening(folder, "--json") as again:
        day.agree("full disk: found after a start on it", _asked_on_disk(again.port), ("Success", answered))
        none, all_refused = _sent_to_disk(day, "full disk, started on it", again.port, source)
        day.agree("full disk: stored after a start on it", none, 0)
        (disk / "filler").unlink()
    day.note("full disk", given=60, stored=answered, refused=refused, found=seen, refused_after_a_start=all_refused)


def _behind(day: Day, disk: Path, source: Path) -> None:
    """The index alone on a full disk, without its reserve: queries are refused (A700) until it has caught up."""
    folder = day.place / "behind"
    with Listening(folder, "--index", disk, "--json") as listener:
        _asked_on_disk(listener.port)
        [reserve] = disk.rglob("index.reserve")
        reserve.unlink()
        fill(disk / "filler")
        answered, _ = _sent_to_disk(day, "index behind", listener.port, source)
        status, seen = _asked_on_disk(listener.port)
        day.agree("index behind: refused", (status.partition(" ")[0], seen), ("Refused:", 0))
        (disk / "filler").unlink()
        peers.wait_until(lambda: _asked_on_disk(listener.port) == ("Success", answered), "the index has caught up")
        code, out, _ = listener.stop()
        told = [event for event in events(out) if event["event"] == "archive"]
        day.agree("index behind: told of", told[0]["behind"] if told else None, answered)
        day.agree("index behind: exit code", code, 0)
    day.note("index behind", given=60, stored=answered, status=status, behind=told[0]["behind"], found_later=answered)


@contextmanager
def running(name: str, place: Path, back: int) -> Iterator[Any]:
    """A foreign archive that knows us as OURS."""
    with ExitStack() as stack:
        if name == "Orthanc":
            server = stack.enter_context(peers.orthanc(place))
            server.know("OURS", back)
            yield server.peer, server
        elif name == "qrscp":
            yield stack.enter_context(peers.qrscp(place, destinations={"OURS": back})), None
        elif name == "dcmqrscp":
            yield stack.enter_context(peers.dcmqrscp(place, destinations={"OURS": back})), None
        else:
            yield stack.enter_context(peers.storescp(place)), None


def with_peer(day: Day, name: str, archive: Path, port: int) -> None:
    """Send everything there, find it, get it and have it moved back; then have the peer's tools send it to us."""
    place = day.place / name
    back = Listening(day.place / f"{name}-back", "--json", "--strictness", "any")
    with back, running(name, place, back.port) as (peer, orthanc):
        address = f"{peer.ae_title}@{peers.LOOPBACK}:{peer.port}"
        done = dicomgui("send", "--json", address, archive, deadline_s=MARGIN_S)
        said = events(done.stdout)
        summary = said[-1]
        refusals = Counter(
            _kind(f"{event['meaning']} {event['comment']}".strip())
            for event in said
            if event["event"] == "file" and event["state"] not in ("sent", "warned")
        )
        figures = {"given": summary["files"], "sent": summary["sent"], "refused": dict(refusals)}
        day.agree(f"{name}: files, and told of", summary["files"], summary["sent"] + summary["failed"])
        day.agree(f"{name}: failed, and their reasons", summary["failed"], refusals.total())
        if name != "storescp":
            figures |= retrieved(day, name, address, peer, archive, back)
        if orthanc is not None:
            day.agree("Orthanc: moves that failed, and its log", figures["moves_failed"], len(_BROKEN_OFF(peer.log)))
            sent_by_orthanc(day, orthanc)
        day.note(name, **figures)


_BROKEN_OFF = re.compile(r"Cannot transcode instance of .*\n.*IMoveRequestHandler Failed").findall
"""Where Orthanc ends a C-MOVE with C000 and all numbers 0 after some instances: it proposes no transfer syntax but that
of the first instance, and Little Endian; it cannot decode JPEG 2000 for the others."""

_LEFT_OUT = re.compile(r"Cannot transcode instance of .*\n.*Ignoring an error in a permissive job").findall
"""And where it goes on in a permissive job: it counts such an instance as sent, and as none that failed."""


def sent_by_orthanc(day: Day, orthanc: peers.Orthanc) -> None:
    """Have Orthanc send us all that it has: what does not come is in its log, though its job says that it was sent."""
    with Listening(day.place / "by-Orthanc", "--json", "--strictness", "any") as listener:
        orthanc.know("AGAIN", listener.port)
        resources = list(orthanc.instances().values())
        job = orthanc.ask("/modalities/AGAIN/store", {"Resources": resources, "Permissive": True, "Synchronous": True})
        left_out = len(_LEFT_OUT(orthanc.peer.log))
        sent = job["InstancesCount"] - job["FailedInstancesCount"]
        received(day, "sent by Orthanc", listener, sent - left_out)
        day.figures["sent by Orthanc"] |= {"given": len(resources), "said_sent": sent, "left_out_by_its_log": left_out}


def retrieved(day: Day, name: str, address: str, peer: Any, archive: Path, listener: Listening) -> dict[str, object]:
    """Find, get and move all that a peer has."""
    rows = found(peer.port, peer.ae_title)
    studies = [uid for uid in dict.fromkeys(value(row, "0020000D") for row in rows) if uid]
    at_once = 1 if name == "qrscp" else 20  # it knows no lists of UIDs
    got, back, there = day.place / f"{name}-got", day.place / f"{name}-back", kept(archive)
    gets = list(asked_for("get", studies, address, "--strictness", "any", "--out", got, at_once=at_once))
    moves = list(asked_for("move", studies, address, "--to", "OURS", at_once=at_once))
    came = Counter(map(data_set, got.rglob("*.dcm")))
    moved = kept(back)
    totals, delivered = told(gets, "arrived", "failed", "missing"), told(moves, "completed", "failed", "warning")
    day.agree(f"{name}: files got, and told of", came.total(), totals["arrived"])
    received(day, f"moved by {name}", listener, delivered["completed"] + delivered["warning"])
    return {
        "studies": len(studies), "answers": len(rows),
        "get": {**totals, "files": came.total(), "identical": sum((came & there).values())},
        "move": {**delivered, "files": moved.total(), "identical": sum((moved & there).values())},
        "moves_failed": sum(1 for summary in moves if summary["status"] == 0xC000),
    }  # fmt: skip


def export_all(day: Day, archive: Path) -> None:
    """Each form: what is exported and what is left out, with its reason, is all that is there; others read as much."""
    total = kept(archive).total()
    unread = unread_by_others([*archive.glob("[0-9a-f][0-9a-f]/*.dcm")])
    for form in ("folders", "zip", "dicomdir"):
        target = day.place / f"out-{form}" if form != "zip" else day.place / "out.zip"
        with Working(archive, "export", target, form) as working:
            working.begin()
            report = working.report()
        reasons = Counter(_kind(reason) for _, reason in report["failed"])
        day.note(f"export {form}", exported=report["files"], left_out=dict(reasons))
        day.agree(f"{form}: exported and left out, and there", report["files"] + len(report["failed"]), total)
        if form == "folders":
            day.agree("exported data sets", Counter(map(_bytes_of, target.rglob("*.dcm"))), kept(archive))
        if form == "zip":
            with zipfile.ZipFile(target) as packed:
                packed.extractall(target := day.place / "out-zip")
            day.agree("data sets in the ZIP", Counter(map(_bytes_of, target.rglob("*.dcm"))), kept(archive))
        read_by_others(day, target, form, report["files"], unread)


def _bytes_of(path: Path) -> bytes:
    return data_set(path)


def unread_by_others(paths: Sequence[Path]) -> dict[str, int]:
    """The number of files that each foreign reader cannot read."""
    tools = [tool for tool in ("dcmdump", "dciodvfy") if programs.is_there(tool)]
    unread = {tool: sum(1 for path in paths if not _is_read(tool, path)) for tool in tools}
    return unread | {"pydicom": sum(1 for path in paths if not _is_read_by_pydicom(path))}


def read_by_others(day: Day, folder: Path, form: str, count: int, before: dict[str, int]) -> None:
    """Have dcmdump, dciodvfy and pydicom read each exported file, and the DICOMDIR; as much as before is unread."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "DICOMDIR"]
    day.agree(f"{form}: exported, and files there", count, len(paths))
    unread = unread_by_others(paths)
    figures: dict[str, object] = {"files": len(paths), "unread": unread}
    if form == "dicomdir":  # what its readers cannot read is left out of it
        day.agree(
            f"{form}: more unread than in the archive", [name for name in unread if unread[name] > before[name]], []
        )
    else:
        day.agree(f"{form}: files unread, and in the archive", unread, before)
    if form == "dicomdir":
        directory = folder / "DICOMDIR"
        day.agree("pydicom: instances of the DICOMDIR", _instances_of(directory), count)
        if programs.is_there("dcmdump"):
            dumped = peers.run_here("dcmdump", "+P", "0004,1511", directory)
            day.agree("dcmdump: records of the DICOMDIR", dumped.output.count("(0004,1511)"), count)
        if programs.is_there("dciodvfy"):
            said = peers.run_here("dciodvfy", directory).output
            errors = Counter(_kind(line) for line in said.splitlines() if line.startswith("Error"))
            figures["dciodvfy of the DICOMDIR"] = dict(errors.most_common(5))
    day.note(f"{form} read by others", **figures)


def _instances_of(directory: Path) -> int:
    """The number of instances that pydicom finds; it leaves its temporary folder to be collected, and warns of that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        count = len(FileSet(directory))
        gc.collect()
    return count


def _is_read(tool: str, path: Path) -> bool:
    options = ("-q",) if tool == "dcmdump" else ()
    done = subprocess.run([tool, *options, str(path)], capture_output=True, timeout=MARGIN_S, check=False)
    # dciodvfy ends with 1 for what it finds wrong in what it has read.
    return done.returncode == 0 if tool == "dcmdump" else b"Dataset read failed" not in done.stderr


def _is_read_by_pydicom(path: Path) -> bool:
    try:
        dcmread(path)[0x0008_0018]
    except Exception:  # it raises nearly anything
        return False
    return True


def gathered(folders: Sequence[Path], target: Path) -> None:
    """Copies of the folders."""
    for number, folder in enumerate(folders):
        shutil.copytree(folder, target / f"{number}", ignore=shutil.ignore_patterns("*.py", "__pycache__"))


def syntaxes(folder: Path) -> Counter[str]:
    """The transfer syntaxes of an archive."""
    found: Counter[str] = Counter()
    for path in folder.glob("[0-9a-f][0-9a-f]/*.dcm"):
        try:
            found[syntax_of(path)] += 1
        except Part10Error:
            found["unreadable"] += 1
    return found


def main(folders: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="dicomgui-day-") as place:
        day = Day(Path(place))
        gathered([Path(folder).resolve() for folder in folders], day.place / "files")
        work(day)
        day.note("transfer syntaxes", **syntaxes(day.place / "archive"))
    print(json.dumps({"figures": day.figures, "faults": day.faults}, indent=1, default=str))
    return 1 if day.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
