"""A day's work with an archive: files in and out, to and from foreign archives; every number held against the others.

``python -m soak.day FOLDER…`` (from ``tests``) takes the files of these folders, and prints its figures as JSON. What
two numbers do not agree on, and nobody has told of, is a fault. Programs that are not installed are left out, by name.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from helpers import peers, programs
from helpers.archive_process import Working
from helpers.command_line import Listening, dicomgui, events
from helpers.instances import data_set, instance_of, syntax_of

from dicomgui.app.files.sources import scan
from dicomgui.network import Part10Error
from dicomgui.storage.attributes import read_attributes

MARGIN_S = 600.0
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
        self.figures[step] = figures

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
        for name in ("Orthanc", "dcmqrscp", "storescp"):
            if programs.is_there(name):
                with_peer(day, name, archive, listener.port)
            else:
                day.note(name, missing=True)
    export_all(day, archive)


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
    """How many files have a study."""
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


def asked_for(verb: str, studies: Iterable[str], address: str, *more: object) -> Iterator[dict[str, Any]]:
    """The summaries of a command, for twenty studies at a time."""
    left = iter(studies)
    while some := list(islice(left, 20)):
        keys = "StudyInstanceUID=" + "\\".join(some)
        yield events(dicomgui(verb, "--json", "-k", keys, *more, address, deadline_s=MARGIN_S).stdout)[-1]


def told(summaries: Sequence[dict[str, Any]], *names: str) -> dict[str, int]:
    """The sums of what the summaries say."""
    return {name: sum(int(summary[name] or 0) for summary in summaries) for name in names}


@contextmanager
def running(name: str, place: Path, back: int) -> Iterator[Any]:
    """A foreign archive that knows us as OURS."""
    with ExitStack() as stack:
        if name == "Orthanc":
            server = stack.enter_context(peers.orthanc(place))
            server.know("OURS", back)
            yield server.peer
        elif name == "dcmqrscp":
            yield stack.enter_context(peers.dcmqrscp(place, destinations={"OURS": back}))
        else:
            yield stack.enter_context(peers.storescp(place))


def with_peer(day: Day, name: str, archive: Path, port: int) -> None:
    """Send everything there, find it, get it and have it moved back; then have the peer's tools send it to us."""
    place = day.place / name
    back = Listening(day.place / f"{name}-back", "--json", "--strictness", "any")
    with back, running(name, place, back.port) as peer:
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
            figures |= retrieved(day, name, address, peer, archive)
        day.note(name, **figures)


def retrieved(day: Day, name: str, address: str, peer: Any, archive: Path) -> dict[str, object]:
    """Find, get and move all that a peer has."""
    rows = found(peer.port, peer.ae_title)
    studies = [uid for uid in (value(row, "0020000D") for row in rows) if uid]
    got, back, there = day.place / f"{name}-got", day.place / f"{name}-back", kept(archive)
    gets = list(asked_for("get", studies, address, "--strictness", "any", "--out", got))
    moves = list(asked_for("move", studies, address, "--to", "OURS"))
    came = Counter(map(data_set, got.rglob("*.dcm")))
    moved = kept(back)
    totals = told(gets, "arrived", "failed", "missing")
    day.agree(f"{name}: files got, and told of", came.total(), totals["arrived"])
    return {
        "studies": len(studies), "answers": len(rows),
        "get": {**totals, "files": came.total(), "identical": sum((came & there).values())},
        "move": {
            **told(moves, "completed", "failed"),
            "files": moved.total(), "identical": sum((moved & there).values()),
        },
    }  # fmt: skip


def export_all(day: Day, archive: Path) -> None:
    """Each form: what is exported and what is left out, with its reason, is all that is there."""
    total = kept(archive).total()
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
        if form == "dicomdir":
            read_by_others(day, target, report["files"])


def _bytes_of(path: Path) -> bytes:
    return data_set(path)


def read_by_others(day: Day, folder: Path, count: int) -> None:
    """dcmdump lists as many records as instances were exported; each file is read by dcmdump."""
    if not programs.is_there("dcmdump"):
        return
    dumped = peers.run_here("dcmdump", "+P", "0004,1511", folder / "DICOMDIR")
    day.agree("dcmdump: records of the DICOMDIR", dumped.output.count("(0004,1511)"), count)
    unread = [path.name for path in folder.rglob("*") if path.is_file() and _is_unread(path)]
    day.note("dcmdump", records=count, unread=len(unread))


def _is_unread(path: Path) -> bool:
    done = subprocess.run(["dcmdump", "-q", str(path)], capture_output=True, timeout=MARGIN_S, check=False)
    return done.returncode != 0


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
