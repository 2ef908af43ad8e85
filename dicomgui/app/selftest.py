"""Whether this installation works: the program's own files, and what it does, against the practice PACS.

For who has installed or packaged the program. Everything happens in a temporary folder and on the loopback; settings
and archive of the user are neither read nor written.
"""

from __future__ import annotations

import asyncio
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import dicomgui
from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query import FindJob, Found, Query
from dicomgui.app.asking.wanted import Wanted
from dicomgui.app.assets import resource
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import echo
from dicomgui.app.help_pages import help_pages
from dicomgui.app.listening.listener import ListenerOptions
from dicomgui.app.practice.pacs import PracticePACS
from dicomgui.app.transfers.retrieve import GetJob
from dicomgui.app.transfers.send import ItemState, prepare, send
from dicomgui.app.viewing.image_facts import ImageError, read_facts
from dicomgui.app.viewing.image_frames import FrameReader, decoder_of
from dicomgui.app.viewing.viewed import open_file
from dicomgui.network.errors import ConfigurationError, DicomNetworkError
from dicomgui.network.part10 import Part10Error
from dicomgui.network.transport import TlsConfig
from dicomgui.network.uids import name_of
from dicomgui.trace.file import read_trace
from dicomgui.trace.finding import plain
from dicomgui.trace.redaction.leftover import mask_all
from dicomgui.trace.reports.saving import Format, SaveOptions, save

__all__ = ["LOSSY", "NATIVE", "SYNTAXES", "Check", "CheckFailed", "Outcome", "Work", "check", "run_checks"]

STEP_S: Final = 30.0
"""How long one check may take."""

NATIVE: Final = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
"""Transfer syntaxes that every installation reads: implicit, explicit, big endian, deflated."""

LOSSY: Final = {
    "1.2.840.10008.1.2.4.50": 6,
    "1.2.840.10008.1.2.4.51": 6,
    "1.2.840.10008.1.2.4.81": 2,
    "1.2.840.10008.1.2.4.91": 6,
    "1.2.840.10008.1.2.4.203": 6,
}
"""How far off a sample of the image may be, in those that lose something."""

SYNTAXES: Final = (
    *NATIVE, "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",
)  # fmt: skip
"""Those of which there is an image in ``resources/selftest``: all that pydicom has a decoder for."""

_SIZE: Final = 32
_IMAGE: Final = bytes(4 * row + 3 * column for row in range(_SIZE) for column in range(_SIZE))


class CheckFailed(Exception):
    """Something does not work; the text says what."""


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "FAILED"
    LEFT_OUT = "left out"
    """This installation does not claim that it can do it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    :ivar detail: what was found, or why it failed; one line.
    :ivar ms: how long it took, in milliseconds.
    """

    name: str
    outcome: Outcome
    detail: str
    ms: float


class _NotClaimed(Exception):
    """What is not installed, and need not be."""


Work = Callable[[], Awaitable[str]]
"""Does one check and gives its detail; raises where it fails."""


async def check(name: str, work: Work) -> Check:
    """Do one check; whatever it raises is its failure."""
    started = time.perf_counter()
    outcome = Outcome.OK
    try:
        async with asyncio.timeout(STEP_S):
            detail = await work()
    except _NotClaimed as reason:
        outcome, detail = Outcome.LEFT_OUT, str(reason)
    except TimeoutError:
        outcome, detail = Outcome.FAILED, f"it had not ended after {STEP_S:g} s"
    except (CheckFailed, DicomNetworkError, ImageError) as error:
        outcome, detail = Outcome.FAILED, str(error)
    except Exception as error:  # a broken installation fails in ways that nobody foresees
        outcome, detail = Outcome.FAILED, f"{type(error).__name__}: {error}"
    return Check(name, outcome, plain(detail, 300), (time.perf_counter() - started) * 1000)


async def run_checks(tell: Callable[[Check], None]) -> None:
    """Do all checks that need no window, and tell each as it ends. One that fails keeps no other from its turn, but
    those that need the practice PACS.
    """
    with tempfile.TemporaryDirectory(prefix="dicomgui-selftest-") as folder, AppContext() as context:
        test = _SelfTest(context, Path(folder))
        for name, work in test.basics():
            tell(await check(name, work))
        started = await check("practice PACS", test.start)
        tell(started)
        try:
            if started.outcome is Outcome.OK:
                for name, work in test.conversations():
                    tell(await check(name, work))
        finally:
            await test.stop()
        for uid in SYNTAXES:
            tell(await check(f"image, {name_of(uid)}", test.image(uid)))


class _SelfTest:
    """The checks, and what one leaves for the next."""

    def __init__(self, context: AppContext, folder: Path) -> None:
        self._context = context
        self._folder = folder
        self._options = ConnectionOptions(calling_ae="SELFTEST")
        self._practice = PracticePACS(context, port=0)
        self._secure = PracticePACS(context, port=0, adapt=_with_tls)
        self._study: Found | None = None

    def basics(self) -> Iterator[tuple[str, Work]]:
        """What needs no network."""
        yield "program", self._program
        yield "files of the program", self._resources
        yield "SQLite", self._database

    def conversations(self) -> Iterator[tuple[str, Work]]:
        """What is tried with the practice PACS."""
        yield "echo", self._echo
        yield "echo over TLS", self._echo_secure
        yield "send", self._send
        yield "find", self._find
        yield "get", self._get
        yield "trace", self._trace

    async def _program(self) -> str:
        kind = "bundle" if getattr(sys, "frozen", False) else "installed package"
        return f"dicomgui {dicomgui.__version__}, {kind}, Python {platform.python_version()}, {platform.platform()}"

    async def _resources(self) -> str:
        resource("icons/dicomgui.svg")
        pages = help_pages()
        lacking = [uid for uid in SYNTAXES if not _sample(uid).is_file()]
        if not pages or lacking:
            raise CheckFailed("files are missing")
        return f"icons, {len(pages)} pages of help, {len(SYNTAXES)} images"

    async def _database(self) -> str:
        connection = sqlite3.connect(self._folder / "selftest.db")
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.execute("CREATE TABLE t (name TEXT COLLATE NOCASE)")
            connection.execute("INSERT INTO t VALUES ('Ångström')")
            (count,) = connection.execute("SELECT count(*) FROM t WHERE name LIKE '%STR%'").fetchone()
        finally:
            connection.close()
        if count != 1:
            raise CheckFailed("what was written was not found")
        return f"SQLite {sqlite3.sqlite_version}, journal {mode}"

    async def start(self) -> str:
        """Start the practice PACS."""
        await self._practice.start()
        return self._practice.address

    async def stop(self) -> None:
        """Stop what was started."""
        await self._practice.stop()
        await self._secure.stop()

    async def _echo(self) -> str:
        result = await echo(self._context, self._practice.peer, self._options)
        if not result.ok:
            raise CheckFailed(str(result.error or result.status))
        return f"{result.implementation_version_name} answered in {result.median_ms or 0:.1f} ms"

    async def _echo_secure(self) -> str:
        await self._secure.start()
        options = replace(self._options, tls=TlsConfig(ca_file=resource("selftest/tls.pem")))
        result = await echo(self._context, self._secure.peer, options)
        if not result.ok or result.tls is None:
            raise CheckFailed(str(result.error or result.status))
        return f"{result.tls.version}, {result.tls.cipher}"

    async def _send(self) -> str:
        with await prepare(self._context, [_sample(NATIVE[1])]) as selection:
            report = await send(self._context, self._practice.peer, self._options, selection)
        if report.count(ItemState.SENT) != 1:
            raise CheckFailed(next((one.reason for one in report.results if one.reason), str(report.error)))
        return f"1 instance, {report.bytes_sent} bytes"

    async def _find(self) -> str:
        found: list[Found] = []

        def keep(match: Found) -> bool:
            found.append(match)
            return True

        query = Query((parse_key("PatientID=DICOMGUI-SELFTEST"),), level=Level.STUDY)
        result = await FindJob(self._context, self._practice.peer, self._options, query).run(keep)
        if result.error is not None or len(found) != 1:
            raise CheckFailed(str(result.error or f"{len(found)} studies match, not 1"))
        self._study = found[0]
        return "the study that was sent"

    async def _get(self) -> str:
        if self._study is None:
            raise CheckFailed("there is no study to retrieve")
        folder = self._folder / "retrieved"
        folder.mkdir()
        wanted = [Wanted.of_match(self._study.dataset, Level.STUDY)]
        report = await GetJob(self._context, self._practice.peer, self._options, wanted, into=folder).run()
        files = list(folder.glob("*.dcm"))
        if report.error is not None or len(files) != 1:
            raise CheckFailed(str(report.error or f"{len(files)} files came, not 1"))
        _compare(files[0], allowed=0)
        return "1 instance, its pixels as they were sent"

    async def _trace(self) -> str:
        def write() -> str:
            whole, wire = self._folder / "selftest.dgtrace", self._folder / "selftest.pcapng"
            save(self._context.trace, whole, SaveOptions(redaction=None))
            save(self._context.trace, wire, SaveOptions(Format.PCAPNG, redaction=None))
            save(self._context.trace, self._folder / "selftest.md", SaveOptions(Format.MARKDOWN), decide=mask_all)
            records = sum(1 for _ in read_trace(whole))
            if not records or not wire.stat().st_size:
                raise CheckFailed("the files are empty")
            return f"{records} records written, read again, and exported"

        return await asyncio.get_running_loop().run_in_executor(self._context.file_pool, write)

    def image(self, uid: str) -> Work:
        """The check of one transfer syntax."""

        async def decode() -> str:
            if uid not in NATIVE:
                try:
                    decoder_of(uid)
                except ImageError as error:
                    raise _NotClaimed("no decoder is installed" if error.packages else str(error)) from error
            worst = await asyncio.get_running_loop().run_in_executor(
                self._context.file_pool, lambda: _compare(_sample(uid), allowed=LOSSY.get(uid, 0))
            )
            return f"off by {worst} at most" if worst else "exact"

        return decode


def _with_tls(options: ListenerOptions) -> ListenerOptions:
    return replace(options, tls=TlsConfig(cert_file=resource("selftest/tls.pem")))


def _sample(uid: str) -> Path:
    return resource(f"selftest/{uid}.dcm")


def _compare(path: Path, *, allowed: int) -> int:
    """How far off a decoded sample is at most.

    :raises CheckFailed: by more than is allowed.
    """
    try:
        viewed = open_file(path)
    except (OSError, Part10Error, ConfigurationError) as error:
        raise CheckFailed(str(error)) from error
    try:
        data = FrameReader(viewed, read_facts(viewed)).frame(0).data
    finally:
        viewed.close()
    if len(data) != len(_IMAGE):
        raise CheckFailed(f"there are {len(data)} samples, not {len(_IMAGE)}")
    worst = max(abs(got - right) for got, right in zip(data, _IMAGE, strict=True))
    if worst > allowed:
        raise CheckFailed(f"a sample is off by {worst}")
    return worst
