"""What is measured of a long trace in the window: the row R3 of the project's budgets.

Each figure is compared with the same window and a trace of a few hundred rows: what differs is what the length costs.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.contests import Contest, Measure, Stage
from bench.players import DEADLINE_S, TESTS, BenchError, environment

from dicomgui.network.dimse import Command, CommandField, CStoreRQ, CStoreRSP, encode
from dicomgui.network.pdu import PDV, PDataTF, PduType
from dicomgui.network.status import Status
from dicomgui.network.tracing import ConnectRecord, DimseRecord, Direction, PduRecord, Record, Role, Segment

__all__ = ["GROUPS", "Sample", "long_trace", "rows_of"]

FEW = 400
PDUS_OF_STORE = 8
STORES = 1000
"""C-STOREs on one association."""

_CT = "1.2.840.10008.5.1.4.1.1.2"
_DATA = PDataTF((PDV(1, 0, bytes(500)),)).encode()
_RQ_DATA = bytes.fromhex("0100000000cd00010000") + b"PACS".ljust(16) + b"ME".ljust(16) + bytes(32)


def rows_of(pdus: int) -> int:
    """Rows of a trace with so many PDUs: a message record for each of two messages, and one for the connection."""
    stores = pdus // PDUS_OF_STORE
    return stores * (PDUS_OF_STORE + 2) + -(-stores // STORES) * 2


def long_trace(pdus: int) -> Iterator[Record]:
    """C-STOREs of eight PDUs; each hundredth fails. The times are a millisecond apart."""
    association, now = 0, 0.0
    for store in range(pdus // PDUS_OF_STORE):
        if store % STORES == 0:
            association += 1
            ends = ("127.0.0.1:50000", "10.0.0.2:104")
            yield ConnectRecord(association, now, 1e9 + now, Role.REQUESTOR, *ends, 0.01, "")
            yield _pdu(association, now, Direction.SENT, PduType.ASSOCIATE_RQ, _RQ_DATA)
        number = store % STORES + 1
        status = Status(0xA700 if store % 100 == 9 else 0)
        asked = CStoreRQ(number, _CT, f"1.2.3.{store}", has_dataset=True)
        told = CStoreRSP(number, status, _CT, f"1.2.3.{store}")
        now += 0.001
        yield _message(association, now, Direction.SENT, asked)
        for _ in range(PDUS_OF_STORE - 3):
            yield _pdu(association, now, Direction.SENT, PduType.P_DATA_TF, _DATA)
        yield _pdu(association, now, Direction.SENT, PduType.P_DATA_TF, PDataTF((PDV(1, 2, bytes(100)),)).encode())
        yield _dimse(association, now, Direction.SENT, asked, -1)
        now += 0.001
        yield _message(association, now, Direction.RECEIVED, told)
        yield _dimse(association, now, Direction.RECEIVED, told, int(status))


def _pdu(association: int, now: float, direction: Direction, pdu_type: int, data: bytes) -> PduRecord:
    return PduRecord(association, now, 1e9 + now, direction, pdu_type, len(data), (Segment(0, data),), "")


def _message(association: int, now: float, direction: Direction, command: Command) -> PduRecord:
    return _pdu(association, now, direction, PduType.P_DATA_TF, PDataTF((PDV(1, 3, encode(command)),)).encode())


def _dimse(
    association: int, now: float, direction: Direction, command: CStoreRQ | CStoreRSP, status: int
) -> DimseRecord:
    field_ = int(CommandField.C_STORE_RQ if isinstance(command, CStoreRQ) else CommandField.C_STORE_RSP)
    return DimseRecord(association, now, 1e9 + now, direction, 1, field_, command.message_id, _CT, "", status, -1, "")


# -- in the window -----------------------------------------------------------------------------------------------------


@dataclass
class Sample:
    """Figures of one window, by name."""

    figures: dict[str, float] = field(default_factory=dict)

    async def timed(self, name: str, done: Callable[[], bool]) -> None:
        """Seconds until it is done."""
        start = time.perf_counter()
        while not done():  # noqa: ASYNC110 - Qt's timers do the work, and tell nobody
            await asyncio.sleep(0.005)
        self.figures[name] = time.perf_counter() - start


def resident_mb() -> float:
    """Memory of this process that is in use now, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


# -- the row -----------------------------------------------------------------------------------------------------------


@dataclass
class _Runs:
    """Runs of one length; each figure is asked for in turn."""

    pdus: int
    folder: Path
    _waiting: dict[str, deque[float]] = field(default_factory=dict)

    def figure(self, name: str) -> Measure:
        waiting = self._waiting.setdefault(name, deque())

        def measure() -> float:
            if not waiting:
                result = _result(self.pdus, self.folder)
                for known, values in self._waiting.items():
                    values.append(result[known])
            return waiting.popleft()

        return measure


def _result(pdus: int, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.our_window", "trace", str(pdus), str(folder)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment(tuned=False), cwd=TESTS,
        timeout=4 * DEADLINE_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchError(f"our window ended with {done.returncode}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


_FIGURES: tuple[tuple[str, str, str, float | None], ...] = (
    ("resident_mb", "resident memory with a trace of", "MB", 300.0),
    ("append_us", "time for one row of", "µs", 20.0),
    ("late_p99", "window late by, p99, while they come,", "ms", None),
    ("catch_up_s", "the list is up to date after the last of", "s", None),
    ("frame_p99", "a frame while scrolling PDUs, p99,", "ms", 16.0),
    ("exchange_frame_p99", "a frame while scrolling exchanges, p99,", "ms", 16.0),
    ("zoom_s", "from exchanges to PDUs,", "s", 1.0),
    ("filter_s", "filter by status over", "s", 2.0),
    ("row_filter_s", "filter by type and length over", "s", 2.0),
    ("filter_late", "window late by, worst, while filtering", "ms", None),
    ("bytes_filter_s", "filter by bytes over", "s", None),
    ("open_s", "open a file of", "s", None),
    ("open_late", "window late by, worst, while a file is read,", "ms", None),
)


def _r3(stage: Stage) -> Iterator[Contest]:
    """A long trace: memory, coming, scrolling, filtering, opening."""
    pdus = stage.scale.pdus
    many, few = _Runs(pdus, stage.folder), _Runs(FEW, stage.folder)
    for name, text, unit, goal in _FIGURES:
        yield Contest(
            "R3", f"{text} {pdus:,} PDUs", f"{FEW} PDUs", unit, goal, many.figure(name), few.figure(name), True
        )


GROUPS: dict[str, Callable[[Stage], Iterator[Contest]]] = {"R3": _r3}
