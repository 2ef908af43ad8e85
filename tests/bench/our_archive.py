"""Our archive, as processes of its own: `python -m bench.our_archive open|import ...`; the last line is JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from pathlib import Path

from bench.data import SEED, keys_of

from dicomgui.app.archive.files import import_paths
from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.context import AppContext
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN
from dicomgui.storage import Index, Level, Model, compile_query
from dicomgui.storage.listing import entries, places

LOOKED_FOR = 20
"""Values of each key that are looked for; the slowest key counts, with the median of its values."""

IN_VIEW = 50
_LEVELS = {"PatientID": "PATIENT", "SeriesInstanceUID": "SERIES", "SOPInstanceUID": "IMAGE"}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.our_archive")
    commands = parser.add_subparsers(dest="command", required=True)
    opener = commands.add_parser("open")
    opener.add_argument("folder", type=Path)
    opener.add_argument("count", type=int)
    importer = commands.add_parser("import")
    importer.add_argument("folder", type=Path)
    importer.add_argument("source", type=Path)
    arguments = parser.parse_args(argv)
    work = {"open": _open, "import": _import}[arguments.command]
    print(json.dumps(asyncio.run(work(arguments))), flush=True)
    return 0


async def _open(arguments: argparse.Namespace) -> dict[str, float]:
    """Open it and list the patients, as the window does; compare files and index; look for instances."""
    with AppContext(keep_trace=False) as context:
        archive = LocalArchive(context, arguments.folder, fsync=False)
        start = time.perf_counter()
        async with archive.opened():
            await archive.in_thread(lambda: _first_page(archive.index))
            open_s = time.perf_counter() - start
            await archive.repaired()
            repair_s = time.perf_counter() - start
            counts = await archive.counts()
            if counts.instances != arguments.count:
                raise SystemExit(f"the index has {counts.instances} of {arguments.count} instances")
            find_ms = await archive.in_thread(lambda: _slowest_key(archive.index, arguments.count))
    return {"open_s": open_s, "repair_s": repair_s, "rate": arguments.count / repair_s, "find_ms": find_ms}


def _first_page(index: Index) -> int:
    found = places(index)
    return len(list(entries(index, Level.PATIENT, [key for _, key in found[:IN_VIEW]])))


def _slowest_key(index: Index, count: int) -> float:
    chance = random.Random(SEED)
    numbers = [chance.randrange(count) for _ in range(LOOKED_FOR)]
    return max(statistics.median(_search(index, key, keys_of(number)[key]) for number in numbers) for key in keys_of(0))


def _search(index: Index, keyword: str, value: str) -> float:
    """Milliseconds until the answers to one query are encoded."""
    from pydicom.dataset import Dataset

    keys = Dataset()
    keys.QueryRetrieveLevel = _LEVELS.get(keyword, "STUDY")
    keys.PatientName = ""
    setattr(keys, keyword, value)
    start = time.perf_counter()
    query = compile_query(keys, Model.PATIENT_ROOT, relational=True)
    answers = [match.encode(EXPLICIT_VR_LITTLE_ENDIAN) for match in index.find(query)]
    if not answers:
        raise SystemExit(f"nothing found by {keyword} {value}")
    return (time.perf_counter() - start) * 1000


async def _import(arguments: argparse.Namespace) -> dict[str, float]:
    """Files a second, from the choice of the folder until all can be found."""
    with AppContext(keep_trace=False) as context:
        archive = LocalArchive(context, arguments.folder, fsync=False)
        async with archive.opened():
            start = time.perf_counter()
            report = await import_paths(archive, [arguments.source], context.file_pool)
            await archive.settle(60.0)
            seconds = time.perf_counter() - start
    if report.failed or not report.stored:
        raise SystemExit(f"stored {report.stored}, failed {len(report.failed)}")
    return {"rate": report.stored / seconds}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
