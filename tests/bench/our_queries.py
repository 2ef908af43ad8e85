"""Our side of the benchmarks of queries, as processes of its own: `python -m bench.our_queries provide|find ...`.

What `provide` is asked for decides how much it answers: a Patient ID that is a number has so many matches. They are
made of one that was encoded before, so that what is measured is the way that they take.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence

from bench.ours import peak_kb

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.query import FindJob, Query
from dicomgui.app.asking.values import Answer
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.network import (
    AcceptPolicy,
    FindRequest,
    Handlers,
    Limits,
    PeerAddress,
    ServerOptions,
    eager_event_loop,
    serve,
)
from dicomgui.network.dimse.dataset import encode_dataset

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STEP = 500
"""Matches between two turns of the loop, so that a C-CANCEL is heard."""

_NUMBER = b"1000000000"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.our_queries")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("provide")
    finder = commands.add_parser("find")
    finder.add_argument("port", type=int)
    finder.add_argument("count", type=int)
    arguments = parser.parse_args(argv)
    work = {"provide": _provide, "find": _find}[arguments.command]
    with asyncio.Runner(loop_factory=eager_event_loop) as runner:
        result = runner.run(work(arguments))
    print(json.dumps({**result, "peak_kb": peak_kb()}), flush=True)
    return 0


# -- as SCP ----------------------------------------------------------------------------------------------------------


def _template(syntax: str) -> tuple[bytes, bytes]:
    """A match in two parts, between which its number belongs."""
    from pydicom.dataset import Dataset

    match = Dataset()
    match.QueryRetrieveLevel = "STUDY"
    match.StudyDate, match.StudyTime, match.AccessionNumber = "20250601", "101500", "A0001"
    match.ModalitiesInStudy, match.StudyDescription = "CT", "Head"
    match.PatientName, match.PatientID, match.PatientBirthDate = "Bench^Mark", "BENCH", "19700101"
    match.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.2.{_NUMBER.decode()}"
    match.NumberOfStudyRelatedInstances = "50"
    before, after = encode_dataset(match, syntax).split(_NUMBER)
    return before, after


async def _provide(_arguments: argparse.Namespace) -> dict[str, object]:
    count = 0

    async def on_find(request: FindRequest) -> AsyncIterator[bytes]:
        nonlocal count
        before, after = _template(request.context.transfer_syntax)
        for number in range(int(request.dataset.PatientID)):
            yield b"%s%010d%s" % (before, number + 10**9, after)
            count += 1
            if count % STEP == 0:
                await asyncio.sleep(0)

    options = ServerOptions(
        policy=AcceptPolicy(ae_title="BENCH", abstract_syntaxes=frozenset({FIND})),
        limits=Limits(max_pdu_length=131_072),
    )
    async with await serve(port=0, ae_title="BENCH", handlers=Handlers(on_find=on_find), options=options) as server:
        print(json.dumps({"port": server.port}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    return {"count": count}


# -- as SCU ----------------------------------------------------------------------------------------------------------


async def _find(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds from the connection attempt to the release; matches are counted, and not kept."""
    count = 0

    def take(answers: Sequence[Answer]) -> None:
        nonlocal count
        count += len(answers)

    with AppContext(keep_trace=False) as context:
        peer = PeerAddress.parse(f"BENCH@127.0.0.1:{arguments.port}")
        query = Query((parse_key(f"PatientID={arguments.count}"),), root="study", limit=None)
        start = time.perf_counter()
        result = await FindJob(context, peer, ConnectionOptions(), query).run_undecoded(take)
        seconds = time.perf_counter() - start
    if not result.ok or count != arguments.count:
        raise SystemExit(f"found {count} of {arguments.count}: {result.error or result.status}")
    return {"seconds": seconds, "count": count}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
